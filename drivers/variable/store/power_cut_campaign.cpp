// SPDX-License-Identifier: BSD-2-Clause-Patent
// Cuts the power at every step of a workload, and sees what is left. Usage:
// power_cut_campaign [STRIDE [SEEDS]]
//
// The workload is some 330 operations on a store of 16 KiB, with a dozen reclaims, of which one
// finds the work area full, a format and restarts. A step is a
// byte programmed or a block erased. At each STRIDE-th step (1 unless given) power fails, once for each of SEEDS (3
// unless given) seeds, which decide what the interrupted unit holds. Then the store is opened again, and must hold
// exactly what it held before the operation or exactly what it should hold after; it takes further writes and has them
// at the next start; nothing is left for inspect() to say. What the cut left is also read as stock PEI reads it, before
// anything is put right. Of the recoveries that write, several are cut themselves, some of them at every step.
//
// The last line has the figures. Exit status 1 at the first loss.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "drivers/variable/store/flash_bytes.hpp"
#include "drivers/variable/store/flash_store.hpp"
#include "drivers/variable/store/inspection.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

using namespace test;

struct Key {
  std::u16string name;
  bool other_vendor;
  const abi::Guid& vendor() const { return other_vendor ? vendor_b : vendor_a; }
  VariableId id() const { return {vendor(), name}; }
  friend auto operator<=>(const Key&, const Key&) = default;
};

struct Value {
  std::uint32_t attributes;
  std::uint16_t year;  // of the time stamp
  std::string data;
  friend bool operator==(const Value&, const Value&) = default;
};

using Variables = std::map<Key, Value>;

struct Operation {
  enum class Kind { set, remove, make_room, restart } kind;
  Key key;
  Value value;
};

// A store on a flash, from one start to the next.
class Session {
 public:
  explicit Session(NorModel& flash) : table_(allocator_), store_(flash, table_, small_layout) {
    opened_ = store_.open();
  }

  bool is_open() const { return opened_.has_value(); }
  std::uint32_t used() const { return store_.used(); }
  std::uint32_t capacity() const { return store_.capacity(); }

  Result<void> perform(const Operation& operation) {
    Variable* old = table_.find(operation.key.id());
    switch (operation.kind) {
      case Operation::Kind::set: {
        abi::Time time{};
        time.year = operation.value.year;
        return store_.write(operation.key.id(), operation.value.attributes, time,
                            std::as_bytes(std::span(operation.value.data)), old);
      }
      case Operation::Kind::remove: return old != nullptr ? store_.remove(*old) : Result<void>();
      case Operation::Kind::make_room: return store_.make_room(small_region);
      case Operation::Kind::restart: break;
    }
    return {};
  }

  Variables variables() const {
    Variables found;
    for (const Variable* variable = table_.first_non_volatile(); variable != nullptr; variable = variable->next) {
      const Bytes name = variable->name_bytes();
      const Bytes data = variable->data();
      Key key{std::u16string(reinterpret_cast<const char16_t*>(name.data()), name.size() / 2 - 1),
              variable->vendor() == vendor_b};
      if (table_.find(key.id()) == variable) {
        found[key] = {variable->attributes, variable->time_stamp.year,
                      std::string(reinterpret_cast<const char*>(data.data()), data.size())};
      }
    }
    return found;
  }

 private:
  HeapAllocator allocator_;
  VariableTable table_;
  FlashStore store_;
  Result<void> opened_;
};

// What stock firmware's PEIMs read (edk2's FaultTolerantWritePei and PeiVariable): of an interrupted write the spare
// area if that is complete; added records, or ones being replaced that aren't added as well.
Variables read_as_pei(Bytes volume) {
  const Bytes work = volume.subspan(small_layout.work, small_layout.work_size);
  std::size_t store = 0;
  if (load<abi::Guid>(work, 0) == format::working_block_guid && (work[20] & std::byte{3}) == std::byte{2}) {
    std::size_t offset = 32;
    while (offset + 40 <= work.size() && (work[offset] & std::byte{4}) == std::byte{0}) {
      offset += 40 + load<std::uint64_t>(work, offset + 24) * (40 + load<std::uint64_t>(work, offset + 32));
    }
    const bool pending = offset + 80 <= work.size() && (work[offset + 40] & std::byte{6}) == std::byte{4};
    if (pending) {
      store = static_cast<std::size_t>(
          small_layout.spare + load<std::int64_t>(work, offset + 40 + 32) == 0 ? small_layout.spare : 0);
    }
  }
  Variables found;
  std::set<Key> certain;
  const std::size_t end = store + small_region;
  if (load<std::uint32_t>(volume, store + 40) != format::VolumeHeader::expected_signature) {
    return found;
  }
  for (std::size_t offset = store + 100; offset + sizeof(format::RecordHeader) <= end;) {
    const auto header = load<format::RecordHeader>(volume, offset);
    if (header.start != format::RecordHeader::expected_start) {
      break;
    }
    std::size_t size = sizeof(header);
    if (header.state != 0xFF && header.data_size != UINT32_MAX && header.name_size != UINT32_MAX) {
      size += std::size_t{header.name_size} + header.data_size;
    }
    if (header.state == 0x3F || header.state == 0x3E) {
      const Bytes name = volume.subspan(offset + sizeof(header), header.name_size);
      const Bytes data = volume.subspan(offset + sizeof(header) + header.name_size, header.data_size);
      std::u16string text(name.size() / 2 - 1, u'\0');
      std::memcpy(text.data(), name.data(), name.size() - 2);
      const Key key{text, header.vendor == vendor_b};
      if (!certain.contains(key)) {
        found[key] = {header.attributes, header.time_stamp.year,
                      std::string(reinterpret_cast<const char*>(data.data()), data.size())};
      }
      if (header.state == 0x3F) {
        certain.insert(key);
      }
    }
    offset += (size + 3) & ~std::size_t{3};
  }
  return found;
}

std::vector<Operation> make_workload() {
  std::mt19937 random(20);
  std::vector<Operation> workload;
  for (int count = 0; count < 330; ++count) {
    const std::uint32_t chosen = random() % 26;
    Key key{u"Variable" + std::u16string(1 + chosen % 5, static_cast<char16_t>(u'A' + chosen)), chosen % 3 == 0};
    Value value{attribute::nv_bs_rt, 0, {}};
    if (chosen % 7 == 1) {
      value.attributes |= attribute::hardware_error_record;
    } else if (chosen % 7 == 2) {
      value.attributes = attribute::nv_bs_rt_at;
      value.year = static_cast<std::uint16_t>(2000 + count);
    }
    const std::uint32_t length = random() % 16 == 0 ? 1000 + random() % 1500 : 1 + random() % 400;
    value.data.resize(length);
    for (char& character : value.data) {
      character = static_cast<char>(random());
    }
    const std::uint32_t kind = random() % 100;
    workload.push_back({kind < 70   ? Operation::Kind::set
                        : kind < 92 ? Operation::Kind::remove
                        : kind < 94 ? Operation::Kind::make_room
                                    : Operation::Kind::restart,
                        key, value});
  }
  return workload;
}

struct Figures {
  std::uint64_t operations = 0;
  std::uint64_t reclaims = 0;
  std::uint64_t steps = 0;
  std::uint64_t cuts = 0;
  std::uint64_t old_values = 0;
  std::uint64_t new_values = 0;
  std::uint64_t cut_recoveries = 0;
  std::uint64_t reopenings = 0;
};

class Campaign {
 public:
  Campaign(std::uint64_t stride, std::uint32_t seeds) : stride_(stride), seeds_(seeds) {}

  // Whether nothing was lost.
  bool run() {
    NorModel flash(small_flash);
    Variables now;
    auto session = format(flash);
    if (session == nullptr) {
      return false;
    }
    fill_work_area(flash);
    for (const Operation& operation : make_workload()) {
      const NorModel before = flash;
      Variables after = now;
      if (operation.kind == Operation::Kind::set) {
        after[operation.key] = operation.value;
      } else if (operation.kind == Operation::Kind::remove) {
        after.erase(operation.key);
      }
      const std::uint64_t start = flash.steps();
      const Result<void> performed = session->perform(operation);
      if (!performed.has_value()) {
        if (performed.error() != Error::out_of_memory || flash.steps() != start) {
          return failed("an operation failed", before, flash);
        }
        continue;  // there was no room, and nothing was written
      }
      ++figures.operations;
      figures.steps += flash.steps() - start;
      if (load<std::uint32_t>(flash.cells(), small_layout.spare) != UINT32_MAX && flash.steps() - start > 4096) {
        ++figures.reclaims;
      }
      if (!cut_everywhere(before, operation, now, after)) {
        return false;
      }
      now = std::move(after);
      if (operation.kind == Operation::Kind::restart) {
        session = nullptr;
        session = std::make_unique<Session>(flash);
      }
      if (!session->is_open() || session->variables() != now) {
        return failed("the workload itself went wrong", before, flash);
      }
    }
    return true;
  }

  Figures figures;

 private:
  // A blank device is formatted, with cuts as well.
  std::unique_ptr<Session> format(NorModel& flash) {
    const NorModel before = flash;
    auto session = std::make_unique<Session>(flash);
    const Operation nothing{Operation::Kind::restart, {}, {}};
    if (!session->is_open() || !cut_everywhere(before, nothing, {}, {})) {
      return nullptr;
    }
    // The same on a device that is all zeroes, which takes erasures.
    if (!cut_everywhere(NorModel(std::vector<std::byte>(small_flash)), nothing, {}, {})) {
      return nullptr;
    }
    return session;
  }

  // Writes that are over, so many that the work area is written anew in the middle of the workload.
  static void fill_work_area(NorModel& flash) {
    constexpr int writes = 43;
    std::uint32_t offset = read_write_queue(flash.cells(), small_layout).header;
    for (int count = 0; count < writes; ++count) {
      const format::WriteHeader header{0xF8, {}, {}, 0, 1, 0};
      const format::WriteRecord record{0xF9, {}, 0, 0, small_region, -std::int64_t{small_layout.spare}};
      std::memcpy(flash.cells().data() + offset, &header, sizeof(header));
      std::memcpy(flash.cells().data() + offset + sizeof(header), &record, sizeof(record));
      offset += std::uint32_t{sizeof(header) + sizeof(record)};
    }
  }

  bool cut_everywhere(const NorModel& before, const Operation& operation, const Variables& old_values,
                      const Variables& new_values) {
    NorModel whole = before;
    {
      Session session(whole);
      if (!session.is_open() || !session.perform(operation).has_value()) {
        return failed("an operation doesn't succeed after a restart", before, whole);
      }
    }
    const std::uint64_t steps = whole.steps() - before.steps();
    for (; next_ < steps; next_ += stride_) {
      for (std::uint32_t seed = 0; seed < seeds_; ++seed) {
        if (!cut(before, operation, next_, seed, old_values, new_values)) {
          std::printf("operation of kind %d, step %llu of %llu, seed %u\n", static_cast<int>(operation.kind),
                      static_cast<unsigned long long>(next_), static_cast<unsigned long long>(steps), seed);
          return false;
        }
      }
    }
    next_ -= steps;
    return true;
  }

  bool cut(const NorModel& before, const Operation& operation, std::uint64_t step, std::uint32_t seed,
           const Variables& old_values, const Variables& new_values) {
    NorModel flash = before;
    flash.cut_power_at(step, seed * 0x9E3779B9 + static_cast<std::uint32_t>(step + figures.cuts));
    {
      Session session(flash);
      if (session.is_open()) {
        static_cast<void>(session.perform(operation));
      }
    }
    if (flash.powered()) {
      return failed("power didn't fail", before, flash);
    }
    ++figures.cuts;
    flash.power_up();
    const Variables as_pei = read_as_pei(flash.cells());
    if (as_pei != old_values && as_pei != new_values) {
      return failed("PEI reads something else", before, flash);
    }
    const NorModel left = flash;
    if (!check(flash, old_values, new_values, true)) {
      return failed("after a cut", before, left);
    }
    return cut_recovery(before, left, recovery_steps_, old_values, new_values);
  }

  // The recovery from what a cut left is cut too: at every step if it has few or once in a while, or at some.
  bool cut_recovery(const NorModel& before, const NorModel& left, std::uint64_t steps, const Variables& old_values,
                    const Variables& new_values) {
    const bool all = steps <= 8 || (steps > 1000 && ++long_recoveries_ % 2000 == 0);
    const std::uint64_t count = all ? steps : 2;
    for (std::uint64_t index = 0; index < count; ++index) {
      const std::uint64_t step = all ? index : random_() % steps;
      NorModel flash = left;
      flash.cut_power_at(step, static_cast<std::uint32_t>(random_()));
      {
        Session session(flash);
      }
      flash.power_up();
      ++figures.cut_recoveries;
      const NorModel left_again = flash;
      if (!check(flash, old_values, new_values, false)) {
        return failed("after a cut in a recovery", before, left_again);
      }
    }
    return true;
  }

  bool check(NorModel& flash, const Variables& old_values, const Variables& new_values, bool is_first) {
    const std::uint64_t start = flash.steps();
    Variables expected;
    {
      Session session(flash);
      ++figures.reopenings;
      if (is_first) {
        recovery_steps_ = flash.steps() - start;
      }
      if (!session.is_open()) {
        std::puts("the store doesn't open");
        return false;
      }
      expected = session.variables();
      if (expected != old_values && expected != new_values) {
        std::puts("neither the old nor the new values");
        return false;
      }
      if (is_first) {
        ++(expected == new_values ? figures.new_values : figures.old_values);
      }
      for (const Finding& finding : inspect(flash.cells(), small_layout)) {
        std::printf("0x%X: %s\n", finding.offset, to_string(finding.id));
        return false;
      }
      // The store goes on working.
      const Key key{u"Afterwards", false};
      const Operation writes[] = {
          {Operation::Kind::set, key, {attribute::nv_bs, 0, "first"}},
          {Operation::Kind::set, key, {attribute::nv_bs, 0, "second"}},
      };
      for (const Operation& operation : writes) {
        const Result<void> written = session.perform(operation);
        if (!written.has_value() && written.error() != Error::out_of_memory) {
          std::puts("the store takes no more writes");
          return false;
        }
        if (written.has_value()) {
          expected[key] = operation.value;
        }
      }
    }
    Session session(flash);
    ++figures.reopenings;
    if (!session.is_open() || session.variables() != expected) {
      std::puts("what was written afterwards is lost");
      return false;
    }
    return true;
  }

  static bool failed(const char* what, const NorModel& before, const NorModel& left) {
    std::printf("FAILED: %s\n", what);
    const auto save = [](const char* name, NorModel flash) {
      if (std::FILE* file = std::fopen(name, "wb")) {
        std::fwrite(flash.cells().data(), 1, flash.cells().size(), file);
        std::fclose(file);
      }
    };
    if (std::getenv("REDOUBT_SAVE_FLASH") != nullptr) {
      save("power-cut-before.fd", before);
      save("power-cut-left.fd", left);
    }
    return false;
  }

  std::uint64_t stride_;
  std::uint32_t seeds_;
  std::uint64_t next_ = 0;  // step of the operation at which power fails next
  std::uint64_t recovery_steps_ = 0;
  std::uint64_t long_recoveries_ = 0;
  std::mt19937 random_;
};

}  // namespace
}  // namespace redoubt::variable

int main(int count, char** arguments) {
  const auto number = [&](int index, unsigned long otherwise) {
    return count > index ? std::strtoul(arguments[index], nullptr, 10) : otherwise;
  };
  const unsigned long stride = number(1, 1);
  const unsigned long seeds = number(2, 3);
  if (count > 3 || stride == 0 || seeds == 0) {
    std::fputs("power_cut_campaign: usage: power_cut_campaign [STRIDE [SEEDS]], numbers from 1 on\n", stderr);
    return 2;
  }
  redoubt::variable::Campaign campaign(stride, static_cast<std::uint32_t>(seeds));
  const bool well = campaign.run();
  const auto& figures = campaign.figures;
  std::printf(
      "%llu operations with %llu reclaims in %llu steps; %llu cuts (old values after %llu, new after %llu), "
      "%llu cuts in recoveries, %llu reopenings: %s\n",
      static_cast<unsigned long long>(figures.operations), static_cast<unsigned long long>(figures.reclaims),
      static_cast<unsigned long long>(figures.steps), static_cast<unsigned long long>(figures.cuts),
      static_cast<unsigned long long>(figures.old_values), static_cast<unsigned long long>(figures.new_values),
      static_cast<unsigned long long>(figures.cut_recoveries), static_cast<unsigned long long>(figures.reopenings),
      well ? "nothing lost" : "LOST");
  return well ? 0 : 1;
}
