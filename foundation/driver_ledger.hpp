// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who holds how much. Each driver has an account with a limit for everything that it can make MM keep: a driver that
// takes without end runs into its own limit, not into others'. What it is refused is counted, and logged once for each
// kind, so that it can't fill the log either.
//
// One driver may have a reserve: pages that are kept back for it, however much others take. It gets free pages as long
// as there are some, and then those of the reserve. So do the foundation's own records for it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "abi/redoubt/report.hpp"
#include "abi/redoubt/syscall.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

// Number of a driver, as reports name it; 0 is the foundation itself.
using DriverNumber = std::uint32_t;
inline constexpr DriverNumber foundation_itself = 0;

enum class Resource : std::uint8_t { pages, handles, protocols, handlers, notifications, tables, count };
inline constexpr std::size_t resource_count = static_cast<std::size_t>(Resource::count);
constexpr std::array<abi::KeyName, resource_count> resource_names = {"pages",    "handles",       "protocols",
                                                                     "handlers", "notifications", "tables"};

// What a service was refused for, besides arguments that are wrong for every driver.
enum class Refusal : std::uint8_t {
  caller,  // the call came from where no driver's code is
  protocol,
  handler,
  notification,
  pool,
  pages,
  table,
  memory,    // another driver's, by MmIo
  function,  // not the code of who registers it
  procedure,
  count,
};
inline constexpr std::size_t refusal_count = static_cast<std::size_t>(Refusal::count);
constexpr std::array<std::string_view, refusal_count> refusal_names = {
    "caller", "protocol", "handler", "notification", "pool", "pages", "table", "memory", "function", "procedure"};

// What a driver wrote into the log since that was reported last.
struct LogShare {
  std::uint32_t bytes = 0;    // of the log's memory
  std::uint32_t dropped = 0;  // lines beyond its share
  bool told = false;          // the log itself says that lines are missing from here on
};

struct DriverAccount {
  std::array<std::uint32_t, resource_count> used{};
  std::array<std::uint32_t, resource_count> limit{};
  std::array<std::uint32_t, resource_count> beyond{};  // how often it wanted more
  std::array<std::uint32_t, refusal_count> refused{};  // how often it wanted what isn't its own
  LogShare log;
  std::uint32_t profile_rows = 0;  // which it never gives back

  std::uint32_t refusals() const {
    std::uint32_t sum = 0;
    for (const std::uint32_t count : beyond) sum += count;
    for (const std::uint32_t count : refused) sum += count;
    return sum;
  }
};

class Dispatcher;
class Observer;

class DriverLedger {
 public:
  constexpr DriverLedger(Supervisor& supervisor, Dispatcher& drivers, Observer& observer)
      : supervisor_(supervisor), drivers_(drivers), observer_(observer) {}
  DriverLedger(const DriverLedger&) = delete;
  DriverLedger& operator=(const DriverLedger&) = delete;

  // Books `amount` to the driver. False, and noted, if that would be beyond its limit; the foundation has none.
  [[nodiscard]] bool take(DriverNumber driver, Resource resource, std::uint64_t amount = 1);
  // The same for what comes to a driver without its doing.
  void pass_on(DriverNumber driver, Resource resource);
  void give_back(DriverNumber driver, Resource resource, std::uint64_t amount = 1);

  // Notes that `driver` reached for something of `owner`'s.
  void refuse(DriverNumber driver, Refusal kind, DriverNumber owner);

  // A record for the driver's sake, or null.
  template <typename Table>
  auto* acquire(Table& table, DriverNumber driver) {
    auto* record = table.acquire();
    if (record == nullptr && lend(driver)) {
      record = table.acquire();
      keep_back();
    }
    return record;
  }

  // ---- Reserve ----

  // Keeps back for `driver` what it lacks to `pages`, but no more than half of what is free. Once.
  void reserve(DriverNumber driver, std::uint64_t pages);
  // How many pages the driver may have, where `limit` is that of all drivers: no less than its reserve.
  std::uint32_t page_limit(DriverNumber driver, std::uint32_t limit) const {
    return driver == reserve_driver_ && reserve_pages_ > limit ? static_cast<std::uint32_t>(reserve_pages_) : limit;
  }
  // Frees what is kept back for one allocation, if this is the driver for which it is kept. The caller calls
  // keep_back() right after it.
  bool lend(DriverNumber driver);
  // Keeps back what its driver lacks, as far as that is there in one piece.
  void keep_back();
  // The driver gave pages back.
  void returned(DriverNumber driver) {
    if (driver == reserve_driver_ && driver != foundation_itself) keep_back();
  }
  // The driver has started: what it took counts as had, and as much of what is kept back is free again.
  void settle_reserve(DriverNumber driver);
  // Pages that are kept back for the driver now.
  std::uint64_t kept_back(DriverNumber driver) const { return driver == reserve_driver_ ? kept_pages_ : 0; }
  // The driver has stopped: nothing is kept back for it any more.
  void end_reserve(DriverNumber driver);

 private:
  DriverAccount* account(DriverNumber driver);
  // What the reserve's driver hasn't got of it.
  std::uint64_t lacking();
  void release();

  Supervisor& supervisor_;
  Dispatcher& drivers_;
  Observer& observer_;
  DriverNumber reserve_driver_ = foundation_itself;  // none
  std::uint64_t reserve_pages_ = 0;                  // that it is to be able to have
  std::uint64_t kept_ = 0;                           // address of what is kept back
  std::uint64_t kept_pages_ = 0;
};

}  // namespace redoubt::foundation
