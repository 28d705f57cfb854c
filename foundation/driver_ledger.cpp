// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/driver_ledger.hpp"

#include "foundation/dispatcher.hpp"
#include "foundation/log_line.hpp"
#include "foundation/observer.hpp"

namespace redoubt::foundation {
namespace {

std::uint32_t& field(std::array<std::uint32_t, resource_count>& values, Resource resource) {
  return values[static_cast<std::size_t>(resource)];
}

// Counts stop at their highest value.
bool first_of(std::uint32_t& count) {
  if (count != UINT32_MAX) ++count;
  return count == 1;
}

}  // namespace

DriverAccount* DriverLedger::account(DriverNumber driver) {
  DriverRecord* record = drivers_.find(driver);
  return record == nullptr ? nullptr : &record->account;
}

bool DriverLedger::take(DriverNumber driver, Resource resource, std::uint64_t amount) {
  DriverAccount* account = this->account(driver);
  if (account == nullptr) return true;
  std::uint32_t& used = field(account->used, resource);
  const std::uint32_t limit = field(account->limit, resource);
  if (used <= limit && amount <= limit - used) {
    used += static_cast<std::uint32_t>(amount);
    return true;
  }
  if (first_of(field(account->beyond, resource))) {
    const DriverRecord& record = *drivers_.find(driver);
    observer_.event(abi::LogLevel::warning, LogLine("driver.limit")
                                                .decimal("driver", driver)
                                                .guid("guid", record.file())
                                                .quoted("name", record.name())
                                                .word("what", resource_names[static_cast<std::size_t>(resource)].text())
                                                .decimal("limit", limit));
  }
  return false;
}

void DriverLedger::pass_on(DriverNumber driver, Resource resource) {
  if (DriverAccount* account = this->account(driver); account != nullptr) ++field(account->used, resource);
}

void DriverLedger::give_back(DriverNumber driver, Resource resource, std::uint64_t amount) {
  if (DriverAccount* account = this->account(driver); account != nullptr) {
    field(account->used, resource) -= static_cast<std::uint32_t>(amount);
  }
}

void DriverLedger::refuse(DriverNumber driver, Refusal kind, DriverNumber owner) {
  DriverRecord* record = drivers_.find(driver);
  if (record == nullptr || !first_of(record->account.refused[static_cast<std::size_t>(kind)])) return;
  observer_.event(abi::LogLevel::warning, LogLine("driver.refused")
                                              .decimal("driver", driver)
                                              .guid("guid", record->file())
                                              .quoted("name", record->name())
                                              .word("what", refusal_names[static_cast<std::size_t>(kind)])
                                              .decimal("owner", owner));
}

// ---- Reserve ----

std::uint64_t DriverLedger::lacking() {
  const std::uint64_t used = field(account(reserve_driver_)->used, Resource::pages);
  return used < reserve_pages_ ? reserve_pages_ - used : 0;
}

void DriverLedger::release() {
  if (kept_pages_ != 0) static_cast<void>(supervisor_.free_pages(PhysicalAddress(kept_), kept_pages_));
  kept_pages_ = 0;
}

void DriverLedger::reserve(DriverNumber driver, std::uint64_t pages) {
  const SystemResult<abi::MemoryStatistics> statistics = supervisor_.memory_statistics();
  if (!statistics) return;
  const std::uint64_t half = (statistics->mmram_bytes - statistics->used_bytes) / page_bytes / 2;
  reserve_driver_ = driver;
  reserve_pages_ = pages < half ? pages : half;
  keep_back();
}

bool DriverLedger::lend(DriverNumber driver) {
  if (driver != reserve_driver_ || kept_pages_ == 0) return false;
  release();
  return true;
}

void DriverLedger::keep_back() {
  const std::uint64_t lacking = this->lacking();
  if (lacking <= kept_pages_) return;
  release();
  for (std::uint64_t pages = lacking; pages != 0; pages -= pages / 16 + 1) {
    const SystemResult<PhysicalAddress> memory = supervisor_.allocate_pages(pages, {});
    if (!memory.has_value()) continue;
    kept_ = memory->number;
    kept_pages_ = pages;
    return;
  }
}

void DriverLedger::settle_reserve(DriverNumber driver) {
  if (driver != reserve_driver_ || driver == foundation_itself) return;
  if (const std::uint64_t lacking = this->lacking(); lacking < kept_pages_) {
    static_cast<void>(supervisor_.free_pages(PhysicalAddress(kept_ + lacking * page_bytes), kept_pages_ - lacking));
    kept_pages_ = lacking;
  }
}

void DriverLedger::end_reserve(DriverNumber driver) {
  if (driver != reserve_driver_) return;
  reserve_driver_ = foundation_itself;
  release();
}

}  // namespace redoubt::foundation
