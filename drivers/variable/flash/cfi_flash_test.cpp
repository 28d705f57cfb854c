// SPDX-License-Identifier: BSD-2-Clause-Patent
// The driver of the flash device beside a model of one that is made from its maker's words: Intel's 28F320J3 (datasheet
// 290667) and P30 (306666), on a bus of 8 bits. The model notes whatever a device wouldn't know what to do with.
#include "drivers/variable/flash/cfi_flash.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "drivers/variable/store/flash_copy.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

using namespace test;

// Status register: 7 ready, 6 erase suspended, 5 erase failed, 4 program failed, both of these an improper sequence of
// commands, 3 programming voltage, 2 program suspended, 1 block locked, 0 reserved. Errors stay until they are cleared.
constexpr std::uint8_t sr_ready = 0x80;
constexpr std::uint8_t sr_erase_suspended = 0x40;
constexpr std::uint8_t sr_erase = 0x20;
constexpr std::uint8_t sr_program = 0x10;
constexpr std::uint8_t sr_voltage = 0x08;
constexpr std::uint8_t sr_program_suspended = 0x04;
constexpr std::uint8_t sr_locked = 0x02;
constexpr std::uint8_t sr_errors = sr_erase | sr_program | sr_voltage | sr_locked;

class Device {
 public:
  explicit Device(std::uint32_t size = 0x4000, std::uint32_t block = 0x1000, std::uint32_t buffer = 32)
      : cells(size, std::byte{0xFF}), block_size(block), buffer_size(buffer) {
    table[0x10] = 'Q';
    table[0x11] = 'R';
    table[0x12] = 'Y';
    for (std::uint32_t room = buffer; room > 1; room /= 2) {
      ++table[0x2A];
    }
    table[0x2C] = 1;
    table[0x2D] = static_cast<std::uint8_t>(size / block - 1);
    table[0x2F] = static_cast<std::uint8_t>(block / 256);
    table[0x30] = static_cast<std::uint8_t>(block / 65536);
  }

  std::uint8_t read(std::uint32_t offset) {
    ++reads;
    if (is_ram) {
      return std::to_integer<std::uint8_t>(cells[offset]);
    }
    if (busy_reads > 0) {
      --busy_reads;
      return 0;  // whatever is asked
    }
    if (is_gone) {
      return 0;
    }
    switch (shows) {
      case Shows::array: return std::to_integer<std::uint8_t>(cells[offset]);
      case Shows::status: return status;
      case Shows::query: return offset < sizeof(table) ? table[offset] : 0;
    }
    return 0;
  }

  void write(std::uint32_t offset, std::uint8_t value) {
    ++writes;
    if (is_ram) {
      cells[offset] = takes_writes ? std::byte{value} : cells[offset];
      return;
    }
    expect(busy_reads == 0 && !is_gone, "a command while it works");
    switch (expected) {
      case Expected::command: command(offset, value); break;
      case Expected::byte:
        program(offset, value);
        end(sr_program);
        break;
      case Expected::erase_confirmation:
        expect(value == 0xD0, "no confirmation of an erasure");
        expect(offset / block_size == block, "another block");
        if ((status & sr_errors) == 0 && (next_error & sr_errors) == 0) {
          std::fill_n(cells.begin() + block * block_size, block_size, std::byte{0xFF});
        }
        end(sr_erase);
        break;
      case Expected::count:
        expect(value < buffer_size, "more than the buffer has room for");
        expect(offset / block_size == block, "another block");
        left = std::uint32_t{value} + 1;
        buffered.clear();
        expected = Expected::data;
        break;
      case Expected::data:
        expect(offset / block_size == block, "another block");
        // Within a buffer, aligned to its size, so that no device needs more than one.
        expect(buffered.empty() || (offset == buffered.back().offset + 1 &&
                                    offset / buffer_size == buffered.front().offset / buffer_size),
               "no address of the buffer");
        buffered.push_back({offset, value});
        expected = --left == 0 ? Expected::buffer_confirmation : Expected::data;
        break;
      case Expected::buffer_confirmation:
        expect(value == 0xD0, "no confirmation of a buffer");
        ++buffers;
        for (const Byte& byte : buffered) {
          program(byte.offset, byte.value);
        }
        end(sr_program);
        break;
    }
  }

  std::vector<std::byte> cells;
  std::uint32_t block_size;
  std::uint32_t buffer_size;
  std::uint8_t table[0x60] = {};
  std::uint8_t status = sr_ready;
  std::uint8_t next_error = 0;        // bits that the next operation ends with
  std::uint32_t operation_reads = 3;  // during which it works
  std::uint32_t busy_reads = 0;       // still to come
  bool has_no_buffer = false;         // it doesn't become ready for one
  bool is_gone = false;
  bool goes_in_operation = false;     // the next one never ends
  bool clears_all_of_status = false;  // as QEMU does
  bool is_ram = false;
  bool takes_writes = true;  // as RAM
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t buffers = 0;
  std::string wrong;

 private:
  enum class Shows { array, status, query } shows = Shows::array;
  enum class Expected { command, byte, erase_confirmation, count, data, buffer_confirmation };
  struct Byte {
    std::uint32_t offset;
    std::uint8_t value;
  };

  void expect(bool condition, const char* what) {
    if (!condition) {
      wrong += std::string(what) + "\n";
    }
  }
  void command(std::uint32_t offset, std::uint8_t value) {
    block = offset / block_size;
    switch (value) {
      case 0xFF: shows = Shows::array; break;
      case 0x70: shows = Shows::status; break;
      case 0x98: shows = Shows::query; break;
      case 0x50: status = clears_all_of_status ? 0 : status & static_cast<std::uint8_t>(~sr_errors); break;
      case 0x40: expected = Expected::byte; break;
      case 0x20: expected = Expected::erase_confirmation; break;
      case 0xE8:
        shows = Shows::status;
        status = has_no_buffer ? status & 0x7F : status | sr_ready;
        expected = Expected::count;
        break;
      default: wrong += "no command\n"; break;
    }
  }
  void program(std::uint32_t offset, std::uint8_t value) {
    if ((status & sr_errors) == 0 && next_error == 0) {
      cells[offset] &= std::byte{value};
    }
  }
  void end(std::uint8_t kind) {
    expected = Expected::command;
    shows = Shows::status;
    const bool in_error = (status & sr_errors) != 0;
    status = static_cast<std::uint8_t>(status | sr_ready | next_error | (in_error ? kind : 0));
    next_error = 0;
    busy_reads = operation_reads;
    is_gone = goes_in_operation;
  }

  Expected expected = Expected::command;
  std::uint32_t block = 0;
  std::uint32_t left = 0;
  std::vector<Byte> buffered;
};

class ModelWindow {
 public:
  explicit ModelWindow(Device& device) : device_(&device) {}
  std::size_t size() const { return device_->cells.size(); }
  std::uint8_t read8(std::uint32_t offset) { return device_->read(offset); }
  void write8(std::uint32_t offset, std::uint8_t value) { device_->write(offset, value); }
  void write_each(std::uint32_t offset, Bytes bytes) {
    for (const std::byte value : bytes) {
      device_->write(offset++, std::to_integer<std::uint8_t>(value));
    }
  }
  void read(std::uint32_t offset, MutableBytes destination) {
    for (std::byte& byte : destination) {
      byte = std::byte{device_->read(offset++)};
    }
  }
  bool holds(std::uint32_t offset, Bytes bytes) {
    std::vector<std::byte> shown(bytes.size());
    read(offset, shown);
    return std::ranges::equal(shown, bytes);
  }

 private:
  Device* device_;
};

using ModelFlash = CfiDevice<ModelWindow>;

// Reads of the status: an end of each wait, and there is more than one in an operation that fails.
constexpr std::uint64_t most_reads = 2'000 + 3 * std::uint64_t{ModelFlash::patience};

ModelFlash flash_of(Device& device) {
  Result<ModelFlash> flash = ModelFlash::create(ModelWindow(device));
  EXPECT_TRUE(flash.has_value());
  device.writes = 0;
  device.reads = 0;
  return std::move(*flash);
}

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t index = 0; index < size; ++index) {
    bytes[index] = static_cast<std::byte>(0x5A ^ (index * 7));
  }
  return bytes;
}

TEST(CfiFlash, ReadsTheGeometry) {
  for (const std::uint32_t block : {0x1000u, 0x20000u}) {
    Device device(0x80000, block);
    const ModelFlash flash = flash_of(device);
    EXPECT_EQ(flash.size(), 0x80000u);
    EXPECT_EQ(flash.block_size(), block);
    EXPECT_EQ(device.wrong, "");
    EXPECT_EQ(device.read(7), 0xFF) << "it shows its cells";
  }
}

TEST(CfiFlash, RefusesWhatIsNoSuchDevice) {
  const auto refused = [](auto change) {
    Device device;
    change(device);
    const Result<ModelFlash> flash = ModelFlash::create(ModelWindow(device));
    return !flash.has_value() && flash.error() == Error::unsupported;
  };
  EXPECT_TRUE(refused([](Device& device) { device.is_ram = true; }));
  EXPECT_TRUE(refused([](Device& device) { device.is_gone = true; }));
  EXPECT_TRUE(refused([](Device& device) { device.table[0x12] = 'X'; }));
  EXPECT_TRUE(refused([](Device& device) { device.table[0x2C] = 2; })) << "two kinds of blocks";
  EXPECT_TRUE(refused([](Device& device) { device.table[0x2A] = 13; })) << "a buffer of 8 KiB";
  EXPECT_TRUE(refused([](Device& device) { device.table[0x2F] = 0x30; })) << "no power of two";
  EXPECT_TRUE(refused([](Device& device) { device.table[0x2F] = 0; })) << "no size";
  EXPECT_TRUE(refused([](Device& device) { device.cells.resize(0x4800); })) << "no whole blocks";
  EXPECT_TRUE(refused([](Device& device) { device.cells.resize(0x55); })) << "no room for the question";
  EXPECT_FALSE(refused([](Device&) {}));
}

// Each byte arrives, in buffers that the device has room for and that no boundary runs through.
TEST(CfiFlash, ProgramsInBuffers) {
  for (const std::uint32_t buffer : {1u, 32u, 256u, 1024u}) {
    for (const std::uint32_t offset : {0u, 1u, 31u, 32u, 255u, 0xFFEu, 0x3000u}) {
      for (const std::size_t size :
           {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{33}, std::size_t{700}}) {
        Device device(0x4000, 0x1000, buffer);
        ModelFlash flash = flash_of(device);
        const std::vector<std::byte> data = pattern(size);
        std::vector<std::byte> expected(0x4000, std::byte{0xFF});
        std::ranges::copy(data, expected.begin() + offset);
        ASSERT_TRUE(flash.program(offset, data).has_value());
        ASSERT_EQ(device.cells, expected) << buffer << " " << offset << " " << size;
        ASSERT_EQ(device.wrong, "");
        const std::uint32_t used = std::min(buffer, 256u);  // the count is a byte
        const std::uint64_t last = size == 0 ? 0 : (offset + size - 1) / used - offset / used + 1;
        ASSERT_EQ(device.buffers, last);
      }
    }
  }
  Device device;
  ModelFlash flash = flash_of(device);
  const std::vector<std::byte> data = pattern(2);
  for (const std::uint32_t offset : {0x3FFFu, 0x4000u, 0x4001u, UINT32_MAX}) {
    EXPECT_EQ(flash.program(offset, data).error(), Error::invalid_argument);
  }
  EXPECT_EQ(device.writes, 0u);
}

TEST(CfiFlash, ErasesOneBlock) {
  Device device;
  ModelFlash flash = flash_of(device);
  device.cells.assign(0x4000, std::byte{0});
  ASSERT_TRUE(flash.erase(0x2000).has_value());
  for (std::uint32_t offset = 0; offset < 0x4000; ++offset) {
    ASSERT_EQ(device.cells[offset], (offset / 0x1000 == 2 ? std::byte{0xFF} : std::byte{0})) << offset;
  }
  EXPECT_EQ(device.wrong, "");
  device.writes = 0;
  for (const std::uint32_t offset : {0x2001u, 0x4000u, 0xFFFFF000u}) {
    EXPECT_EQ(flash.erase(offset).error(), Error::invalid_argument);
  }
  EXPECT_EQ(device.writes, 0u);
}

TEST(CfiFlash, EachErrorBitIsAnErrorAndIsCleared) {
  for (const bool as_qemu : {false, true}) {
    for (const std::uint8_t error :
         {sr_erase, sr_program, sr_voltage, sr_locked, static_cast<std::uint8_t>(sr_erase | sr_program), sr_errors}) {
      for (const bool erases : {false, true}) {
        Device device;
        device.clears_all_of_status = as_qemu;
        ModelFlash flash = flash_of(device);
        device.cells.assign(0x4000, std::byte{0x77});
        const std::vector<std::byte> before = device.cells;
        device.next_error = error;
        const Result<void> done = erases ? flash.erase(0x1000) : flash.program(0x1000, pattern(40));
        ASSERT_FALSE(done.has_value()) << int{error};
        EXPECT_EQ(done.error(), Error::device);
        EXPECT_EQ(device.cells, before) << "clearing the status changes no cell";
        EXPECT_EQ(device.status, sr_ready) << int{error};
        EXPECT_EQ(device.wrong, "");
        EXPECT_EQ(flash.ask(0x1000, Bytes(before).first(16)), Answer::expected);
        EXPECT_TRUE(flash.erase(0x1000).has_value());
        EXPECT_EQ(device.wrong, "");
      }
    }
  }
}

// An error that was left there is none of the next operation's.
TEST(CfiFlash, ErrorsThatAreThereAtTheStartAreCleared) {
  for (const std::uint8_t status : {std::uint8_t{0xB0}, std::uint8_t{0x82}, std::uint8_t{0}}) {
    Device device;
    device.clears_all_of_status = status == 0;
    device.cells.assign(0x4000, std::byte{0x77});
    device.status = status;
    ModelFlash flash = flash_of(device);
    EXPECT_EQ(device.status, sr_ready);
    EXPECT_TRUE(flash.program(0x20, pattern(3)).has_value());
    EXPECT_EQ(device.cells[0], std::byte{0x77});
    EXPECT_EQ(device.wrong, "");
  }
}

// Ready, since it is suspended, isn't done.
TEST(CfiFlash, ASuspendedOperationIsNotDone) {
  for (const bool erases : {false, true}) {
    Device device;
    ModelFlash flash = flash_of(device);
    device.cells.assign(0x4000, std::byte{0x77});
    const std::vector<std::byte> before = device.cells;
    device.next_error = erases ? sr_erase_suspended : sr_program_suspended;
    const Result<void> done = erases ? flash.erase(0x1000) : flash.program(0x1000, pattern(40));
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error(), Error::device);
    EXPECT_EQ(flash.ask(0x1000, Bytes(before).first(16)), Answer::silence);
    EXPECT_LT(device.reads, 200u);
  }
}

// What a device would take the next bytes for that never became ready can't be told: it gets none.
TEST(CfiFlash, SilenceAfterTheBuffersCommandEndsTheWrite) {
  Device device;
  ModelFlash flash = flash_of(device);
  device.has_no_buffer = true;
  const Result<void> done = flash.program(0x40, pattern(40));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error(), Error::malformed);
  EXPECT_EQ(device.writes, 1u) << "the command alone";
  EXPECT_LE(device.reads, most_reads);
  EXPECT_EQ(device.buffers, 0u);
}

TEST(CfiFlash, SilenceAfterTheConfirmationEndsTheWrite) {
  for (const bool erases : {false, true}) {
    Device device;
    ModelFlash flash = flash_of(device);
    device.goes_in_operation = true;
    const Result<void> done = erases ? flash.erase(0x1000) : flash.program(0x20, pattern(40));
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error(), Error::malformed);
    EXPECT_EQ(device.wrong, "") << "no command while it works";
    EXPECT_LE(device.reads, most_reads);
  }
}

// The slowest one of a block of 128 KiB takes 5 seconds.
TEST(CfiFlash, WaitsForASlowDevice) {
  Device device;
  device.operation_reads = 5'000'000;
  ModelFlash flash = flash_of(device);
  device.cells.assign(0x4000, std::byte{0});
  EXPECT_TRUE(flash.erase(0).has_value());
  EXPECT_EQ(device.cells[0xFFF], std::byte{0xFF});
  EXPECT_EQ(device.wrong, "");
}

TEST(CfiFlash, OnlyTheDeviceAnswers) {
  Device device;
  ModelFlash flash = flash_of(device);
  device.cells.assign(0x4000, std::byte{0x77});
  const std::vector<std::byte> held(20, std::byte{0x77});
  std::vector<std::byte> other = held;
  other.back() = std::byte{0x76};
  for (const std::uint32_t offset : {0u, 1u, 0x1003u, 0x3FECu}) {
    EXPECT_EQ(flash.ask(offset, held), Answer::expected);
    EXPECT_EQ(flash.ask(offset, other), Answer::other);
    std::vector<std::byte> shown(held.size());
    flash.read(offset, shown);
    EXPECT_EQ(shown, held) << "it shows its cells afterwards";
  }
  EXPECT_EQ(device.wrong, "");
  device.status = sr_ready | sr_program;
  EXPECT_EQ(flash.ask(0, held), Answer::silence) << "nothing can be written before that is cleared";
  device.status = sr_ready;
  device.is_gone = true;
  EXPECT_EQ(flash.ask(0, held), Answer::silence);
  device.is_gone = false;
  device.is_ram = true;
  EXPECT_EQ(flash.ask(0, held), Answer::silence);
  for (const std::byte fill : {std::byte{0x80}, std::byte{0xFF}, std::byte{0x70}}) {
    device.cells.assign(0x4000, fill);
    EXPECT_EQ(flash.ask(0x40, std::vector<std::byte>(20, fill)), Answer::silence);
  }
  // A register that happens to hold what the status is, whatever is written there.
  device.takes_writes = false;
  device.cells = std::vector<std::byte>(0x4000, std::byte{0x77});
  for (const std::uint32_t offset : {0x40u, 0x41u}) {
    device.cells[offset] = std::byte{0x80};
    const std::vector<std::byte> shown(device.cells.begin() + offset, device.cells.begin() + offset + 20);
    EXPECT_EQ(flash.ask(offset, shown), Answer::silence);
    device.cells[offset] = std::byte{0x77};
  }
}

// The copy above such a device: what never became ready for a write gets no further one.
TEST(CfiFlash, ACopyOfADeviceThatFallsSilentIsClosed) {
  enum class Silence { no_buffer, in_program, in_erasure };
  for (const Silence silence : {Silence::no_buffer, Silence::in_program, Silence::in_erasure}) {
    Device device;
    ModelFlash flash = flash_of(device);
    HeapAllocator allocator;
    FlashCopy copy(allocator, flash, nullptr);
    ASSERT_TRUE(copy.load().has_value());
    ASSERT_TRUE(copy.begin({{0, 0x2000}}).has_value());
    ASSERT_TRUE(copy.program(0x10, pattern(3)).has_value());
    const std::vector<std::byte> before(copy.contents().begin(), copy.contents().end());
    device.has_no_buffer = silence == Silence::no_buffer;
    device.goes_in_operation = silence != Silence::no_buffer;
    const Result<void> done = silence == Silence::in_erasure ? copy.erase(0) : copy.program(0x20, pattern(3));
    ASSERT_FALSE(done.has_value());
    EXPECT_TRUE(copy.is_closed());
    EXPECT_EQ(copy.take_refusal(), WriteRefusal::unknown);
    EXPECT_TRUE(std::ranges::equal(copy.contents(), before)) << "what became of it is unknown";
    EXPECT_EQ(device.wrong, "");
    const std::uint64_t writes = device.writes;
    EXPECT_FALSE(copy.program(0x20, pattern(3)).has_value());
    EXPECT_FALSE(copy.erase(0).has_value());
    EXPECT_FALSE(copy.begin({{0, 0x1000}}).has_value());
    EXPECT_EQ(device.writes, writes) << "nothing more is told to it";
  }
}

}  // namespace
}  // namespace redoubt::variable
