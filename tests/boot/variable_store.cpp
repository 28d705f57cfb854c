// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the cases do with the file of a variable store, by the driver's own code over the model of NOR flash:
//
//   variable_store check FILE            how many writes of the sequence (variable_sequence.hpp) the next start will
//                                        find; fails if something is lost. The file stays as it is.
//   variable_store state FILE            what the work area says of a write under way
//   variable_store await FILE STATE SECONDS
//                                        returns as soon as it says STATE
//   variable_store interrupt FILE PHASE SEED
//                                        goes on with the sequence up to the next reclaim and cuts the power in it
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "drivers/variable/flash/nor_model.hpp"
#include "drivers/variable/store/flash_store.hpp"
#include "drivers/variable/store/inspection.hpp"
#include "tests/guest/uefi/variable_sequence.hpp"

namespace {

using namespace redoubt;
using namespace redoubt::variable;
namespace sequence = guest::sequence;

class HeapAllocator final : public Allocator {
 public:
  void* allocate(std::size_t size) override { return std::malloc(size); }
  void release(void* memory) override { std::free(memory); }
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "variable_store: %s\n", what.c_str());
  std::exit(1);
}

struct File {
  explicit File(const std::string& path) : name(path) {
    std::ifstream stream(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(stream)), {});
    const auto view = std::as_bytes(std::span(text));
    bytes.assign(view.begin(), view.end());
    const Result<StoreLayout> found = find_layout(bytes);
    if (!found.has_value()) {
      fail(path + ": no variable store (" + to_string(found.error()) + ")");
    }
    layout = *found;
  }
  void save(const std::vector<std::byte>& content) const {
    std::ofstream stream(name, std::ios::binary);
    stream.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
    if (!stream.flush()) {
      fail(name + ": can't be written");
    }
  }

  std::string name;
  std::vector<std::byte> bytes;
  StoreLayout layout;
};

struct Store {
  Store(NorModel& flash, const StoreLayout& layout) : records(allocator, flash, table, layout) {
    const Result<void> opened = records.open();
    if (!opened.has_value()) {
      fail(std::string("the store doesn't open: ") + to_string(opened.error()) +
           (opened.error() == Error::malformed ? std::string(", ") + to_string(records.damage()->id) : ""));
    }
  }

  std::uint64_t writes() const {
    std::array<std::uint64_t, sequence::variables> rounds{};
    std::uint64_t count = 0;
    for (std::uint32_t variable = 0; variable < sequence::variables; ++variable) {
      char16_t name[sequence::name_length + 1];
      sequence::make_name(variable, name);
      const Variable* found = table.find({sequence::vendor, name});
      if (found != nullptr) {
        rounds[variable] = sequence::round_in(variable, found->data().data(), found->data_size);
        if (rounds[variable] == 0) {
          fail("variable " + std::to_string(variable) + " has a value that nobody wrote");
        }
      }
      count += rounds[variable];
    }
    for (std::uint32_t variable = 0; variable < sequence::variables; ++variable) {
      if (rounds[variable] != sequence::round_after(count, variable)) {
        fail("variable " + std::to_string(variable) + " has a value of another time");
      }
    }
    return count;
  }

  Result<void> write(std::uint64_t number) {
    const std::uint32_t variable = sequence::variable_of(number);
    const std::uint64_t round = sequence::round_of(number);
    std::vector<std::byte> value(sequence::size_of(round, variable));
    for (std::uint32_t position = 0; position < value.size(); ++position) {
      value[position] = sequence::byte_of(round, variable, position);
    }
    char16_t name[sequence::name_length + 1];
    sequence::make_name(variable, name);
    const VariableId id{sequence::vendor, name};
    return records.write(id, attribute::nv_bs_rt, {}, value, table.find(id));
  }

  HeapAllocator allocator;
  VariableTable table{allocator};
  FlashStore records;
};

const char* text_of(WriteState state) {
  switch (state) {
    case WriteState::no_queue: return "no-queue";
    case WriteState::unreadable: return "unreadable";
    case WriteState::idle: return "idle";
    case WriteState::begun: return "begun";
    case WriteState::pending: return "pending";
    case WriteState::unmarked: return "unmarked";
  }
  return "unknown";
}

WriteState state_of(const File& file) { return read_write_queue(file.bytes, file.layout).state; }

void check(const File& file) {
  NorModel flash(file.bytes, file.layout.block_size);
  const Store store(flash, file.layout);
  const std::uint64_t writes = store.writes();
  for (const Finding& finding : inspect(file.bytes, file.layout)) {
    std::printf("0x%X: %s\n", finding.offset, to_string(finding.id));
    if (finding.severity != Severity::note) {
      fail("that isn't what a power cut leaves");
    }
  }
  if (!inspect(flash.cells(), file.layout).empty()) {
    fail("the next start doesn't put everything right");
  }
  std::printf("state=%s recovery=%llu found=%llu\n", text_of(state_of(file)),
              static_cast<unsigned long long>(flash.steps()), static_cast<unsigned long long>(writes));
}

void await(const std::string& path, const std::string& state, const std::string& seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::strtoul(seconds.c_str(), nullptr, 10));
  const StoreLayout layout = File(path).layout;
  std::vector<char> bytes(layout.volume_size);
  while (std::chrono::steady_clock::now() < end) {
    std::ifstream(path, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (state == text_of(read_write_queue(std::as_bytes(std::span(bytes)), layout).state)) {
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  fail("no write of that state");
}

// The steps of a reclaim between which phases lie: its data is complete, it's all done but its mark.
void interrupt(const File& file, const std::string& phase, std::uint32_t seed) {
  NorModel flash(file.bytes, file.layout.block_size);
  NorModel before = flash;
  std::uint64_t steps = 0;
  std::uint64_t number = 0;
  {
    Store store(flash, file.layout);
    for (number = store.writes();; ++number) {
      before = flash;
      const std::uint32_t queue = read_write_queue(flash.cells(), file.layout).header;
      if (!store.write(number).has_value()) {
        fail("a write failed");
      }
      if (read_write_queue(flash.cells(), file.layout).header != queue) {
        steps = flash.steps() - before.steps();
        break;
      }
    }
  }
  const auto cut = [&](std::uint64_t step) {
    NorModel left = before;
    {
      Store store(left, file.layout);
      left.cut_power_at(step, seed);
      static_cast<void>(store.write(number));
    }
    return left;
  };
  const auto first_with = [&](auto condition) {
    std::uint64_t low = 0;
    std::uint64_t high = steps;
    while (low < high) {
      const std::uint64_t middle = (low + high) / 2;
      if (condition(read_write_queue(cut(middle).cells(), file.layout).state)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  };
  const std::uint64_t complete =
      first_with([](WriteState state) { return state == WriteState::pending || state == WriteState::unmarked; });
  const std::uint64_t marked = first_with([](WriteState state) { return state == WriteState::unmarked; });
  const struct {
    const char* name;
    std::uint64_t step;
  } phases[] = {
      {"numbers", 40},                    // the queue's entry is half written
      {"data", complete / 2},             // the spare area is half written
      {"pending", complete + 1},          // it's complete; the first block is being erased
      {"headers", complete + 150},        // the store's headers are written, and some records
      {"copy", (complete + marked) / 2},  // half of the store is in its place
      {"marks", marked},                  // all is, and the queue's entry almost says so
  };
  for (const auto& known : phases) {
    if (phase == known.name) {
      NorModel left = cut(known.step);
      file.save(left.cells());
      const WriteState state = read_write_queue(left.cells(), file.layout).state;
      const unsigned long long expected = number + (known.step > complete ? 1 : 0);
      std::printf("state=%s step=%llu of=%llu expected=%llu\n", text_of(state),
                  static_cast<unsigned long long>(known.step), static_cast<unsigned long long>(steps), expected);
      return;
    }
  }
  fail("no phase " + phase);
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.size() == 2 && words[0] == "check") {
    check(File(words[1]));
  } else if (words.size() == 2 && words[0] == "state") {
    std::puts(text_of(state_of(File(words[1]))));
  } else if (words.size() == 4 && words[0] == "await") {
    await(words[1], words[2], words[3]);
  } else if (words.size() == 4 && words[0] == "interrupt") {
    interrupt(File(words[1]), words[2], static_cast<std::uint32_t>(std::strtoul(words[3].c_str(), nullptr, 10)));
  } else {
    std::fputs("variable_store: usage: variable_store check|state|await|interrupt FILE ...\n", stderr);
    return 2;
  }
  return 0;
}
