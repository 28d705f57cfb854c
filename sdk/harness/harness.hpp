// SPDX-License-Identifier: BSD-2-Clause-Patent
// The host harness: Redoubt's MM foundation in an ordinary Linux process, for tests of MM drivers. It loads the real
// .efi file or a driver linked into the test, raises MMIs, and shows what came of them. Any test framework will do.
//
//   redoubt::sdk::Harness harness;
//   auto driver = harness.add_image("my_driver.efi");          // or add_driver("name", entry_function)
//   if (!driver) fail(driver.error().text);
//   harness.start();                                            // the dispatcher runs
//   auto reply = harness.send(my_message_guid, my_request);     // an MMI with a message
//   harness.ready_to_lock();
//
// It is the foundation that runs in MM, over a supervisor that is played: MMRAM is a mapping below 4 GiB whose pages
// have the rights they would have in MM, switched whenever a driver calls or is called; drivers run on a stack of MM's
// size. An exception in a driver (page fault, privileged instruction, division by zero, stack overflow, ...) ends that
// driver, as in MM, is on the log and in faults(), and the test goes on.
//
// What differs from MM: drivers run in the test's process and could reach the test's own memory. MMIs come one at a
// time on one CPU. Drivers linked into the test keep their static objects from one Harness to the next.
//
// Not thread-safe; several Harness objects in one thread may live at a time, but must not be used from inside each
// other's drivers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abi/pi/mm_protocols.hpp"
#include "abi/pi/mm_system_table.hpp"
#include "abi/redoubt/observation.hpp"
#include "abi/uefi/types.hpp"
#include "base/result.hpp"

namespace redoubt::sdk {

using ByteVector = std::vector<std::byte>;

// Why the harness refused something: one line that says what, where and why.
struct HarnessError {
  std::string text;
};

// Members not worth setting for a first test have the values of MM on the first platform.
struct HarnessOptions {
  std::size_t mmram_bytes = 16U << 20;         // a multiple of 4096
  std::size_t comm_buffer_bytes = 64U << 10;   // likewise; its message header takes the first 24 bytes
  std::size_t driver_stack_bytes = 64U << 10;  // likewise; what drivers have in MM. Sanitized drivers may need more.
  std::uint64_t cpus = 1;                      // NumberOfCpus of the MM system table
  bool print_log = false;                      // each line of the log to stderr; also REDOUBT_HARNESS_LOG=1
  bool trace = false;  // lines of the log for each MMI and each handler called, as with `redoubt boot --trace`
};

// What a driver comes with, besides its code. In an edk2 build this stands in the FDF and INF files.
// NOLINTBEGIN(readability-redundant-member-init): left out of a designated initializer, a member needs one
struct DriverOptions {
  std::string name{};                   // empty: the file's name without folder and extension
  abi::Guid file{};                     // name of its firmware file; all zero: one is made up
  std::vector<abi::Guid> depends_on{};  // MM protocols that must be there first, all of them
  ByteVector depex{};                   // or a whole dependency expression, as in the MM_DEPEX section
  std::string symbols{};                // file with debug information; empty: looked for beside the image
};
// NOLINTEND(readability-redundant-member-init)

// A driver's number: the order in which it was added, from 0.
using DriverIndex = std::size_t;

enum class DriverState {
  waiting,   // for its dependencies
  running,   // its entry point returned success
  failed,    // refused by the foundation, or its entry point returned an error: unloaded
  disabled,  // stopped by a fault: nothing of it is called any more
};

struct Driver {
  std::string name;
  abi::Guid file;
  DriverState state;
  abi::EfiStatus status;        // what its entry point returned, or why it was refused
  std::string reason;           // in words, when there is more to say
  std::uint64_t base;           // where its image lies (or lay); 0 = never loaded
  std::uint64_t size;           // bytes
  std::string symbols;          // file with debug information, or empty
  std::uint64_t symbol_offset;  // what to add to addresses in that file
};

// An exception in a driver.
struct Fault {
  std::string driver;                         // name
  abi::Guid file;                             // of the driver
  std::uint32_t vector;                       // x86 exception: 0 #DE, 6 #UD, 13 #GP, 14 #PF, ...
  std::string reason;                         // in words: "write to 0x0: nothing is mapped there"
  std::uint64_t address;                      // that was accessed, of a page fault; else 0
  std::uint64_t rip;                          // the instruction
  std::optional<std::uint64_t> image_offset;  // of the instruction in the driver's image, if it lies there
  std::optional<abi::Guid> message;           // the message that was being served
  std::string text() const;                   // all of it in one line
};

struct Reply {
  abi::EfiStatus status;      // what the caller in DXE gets: success, not_found (no handler), device_error (fault), ...
  ByteVector data;            // of the message, after it was served
  std::vector<Fault> faults;  // that happened meanwhile

  // The data as a T, if it is exactly one.
  template <typename T>
  std::optional<T> as() const {
    if (data.size() != sizeof(T)) return std::nullopt;
    T value;
    __builtin_memcpy(&value, data.data(), sizeof(T));
    return value;
  }
};

struct InstalledProtocol {
  abi::Guid protocol;
  abi::Handle handle;
  void* interface;
  std::string driver;  // that installed it; empty: the foundation
};

// A line that a driver wrote through MM's log protocol (sdk/log.hpp). The harness keeps all levels.
struct LogMessage {
  std::string driver;  // empty: the foundation
  abi::LogLevel level;
  std::string text;
};

// Calls of one function of a driver: entry point, MMI handler or notification.
struct FunctionProfile {
  std::string driver;
  std::uint64_t function;            // address
  std::optional<abi::Guid> message;  // the message it was called for, if any
  std::uint64_t calls;
  std::uint64_t least_ticks;  // of the time stamp counter, calls that it made included
  std::uint64_t most_ticks;
  std::uint64_t total_ticks;
};

// What answers at an I/O port. Widths are 1, 2 or 4 bytes.
struct PortDevice {
  std::function<std::uint32_t(std::uint16_t port, unsigned width)> read;
  std::function<void(std::uint16_t port, unsigned width, std::uint32_t value)> write;
};

enum class MemoryAccess { read, read_write };

using EntryPoint = abi::EfiStatus(EFIAPI*)(abi::Handle image_handle, abi::MmSystemTable* mmst);

class Harness {
 public:
  explicit Harness(const HarnessOptions& options = {});
  ~Harness();
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  // ---- Before start() ----

  // A driver as a PE32+ or TE image for X64: a path, or the bytes of the file. What MM would refuse is refused here.
  Result<DriverIndex, HarnessError> add_image(const std::string& path, DriverOptions options = {});
  Result<DriverIndex, HarnessError> add_image(std::span<const std::byte> file, DriverOptions options);
  // A driver linked into the test, compiled with the test's sanitizers.
  Result<DriverIndex, HarnessError> add_driver(std::string name, EntryPoint entry, DriverOptions options = {});
  // A GUIDed HOB for the HOB list that drivers find as a configuration table.
  void add_hob(const abi::Guid& name, std::span<const std::byte> data);

  // Starts the foundation, which starts drivers. Not success: MM itself couldn't start; a driver that fails is no
  // reason. Once; whatever needs a started foundation calls it.
  abi::EfiStatus start();

  // ---- MMIs ----

  // One MMI with a message, from outside MM. `capacity`: bytes a reply may have; 0 = what the buffer has.
  // bad_buffer_size if the message doesn't fit into the communication buffer.
  Reply send(const abi::Guid& header_guid, std::span<const std::byte> data, std::size_t capacity = 0);
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  Reply send(const abi::Guid& header_guid, const T& message) {
    return send(header_guid, std::as_bytes(std::span(&message, 1)));
  }
  // One without: root handlers run. `cpu` < HarnessOptions::cpus.
  std::vector<Fault> asynchronous_mmi(std::uint64_t cpu = 0);

  // What firmware announces to MM in the course of a boot, each by its MMI.
  Reply end_of_pei();
  Reply end_of_dxe();
  Reply ready_to_lock();
  Reply ready_to_boot();
  Reply exit_boot_services();

  // Runs `body` as MM code, inside an MMI, with the MM services; here a test may call protocols of drivers. If the code
  // faults, the rest of `body` doesn't run, destructors included, and what happened is returned.
  std::optional<Fault> as_driver(const std::function<void(abi::MmSystemTable&)>& body);

  // ---- What can be seen ----

  const std::vector<Driver>& drivers() const;
  const Driver& driver(DriverIndex index) const { return drivers()[index]; }
  const std::vector<Fault>& faults() const;
  // Lines as on the platform's debug console, without prefix (abi/redoubt/report.hpp).
  const std::vector<std::string>& log() const;
  bool logged(std::string_view text) const;
  // Oldest first, as far as the ring in MMRAM reaches back.
  std::vector<LogMessage> driver_log();
  std::vector<FunctionProfile> profile() const;
  // In order of handles.
  std::vector<InstalledProtocol> protocols();
  // The first interface of a protocol; null if there is none, or it is null.
  template <typename T>
  T* interface(const abi::Guid& protocol) {
    return static_cast<T*>(find_interface(protocol));
  }
  bool installed(const abi::Guid& protocol);
  std::uint64_t used_mmram() const;  // bytes
  abi::MmSystemTable& mmst();

  // ---- The world around MM ----

  // Lets drivers use a port, by instruction or through MmIo. Others fault, or are refused.
  void add_port(std::uint16_t port, PortDevice device);
  // Memory of a device, or a HOB's target, that drivers may access: zeroed pages at `address`, a multiple of 4096. The
  // test reads and writes them through what is returned. An error if something else of the process is there.
  Result<std::span<std::byte>, HarnessError> add_memory(std::uint64_t address, std::size_t bytes, MemoryAccess access);
  // RAM outside MMRAM at `address`, a multiple of 4096, zeroed, that DXE opens to drivers (abi/redoubt/unblock.hpp)
  // now; starts MM, too. The test is the other side that shares it, through what is returned. An error after
  // ready_to_lock(), or if something else of the process is there.
  Result<std::span<std::byte>, HarnessError> unblock(std::uint64_t address, std::size_t bytes);
  // What drivers learn of the machine's other CPUs when they ask before a flash write
  // (abi/redoubt/processors_held.hpp): `answer` is called each time, and returns how many are presumed stopped, or
  // nothing: EFI_DEVICE_ERROR, since one runs outside. Without it, or with an empty function, all are held.
  void set_processors_held(std::function<std::optional<std::uint64_t>()> answer);
  // Memory runs out after `count` more allocations of pages, by the foundation or for drivers; called before start(),
  // those of the start count. The most common untested path of a driver.
  void fail_allocations_after(std::size_t count);
  void allow_allocations();

  // Commands that show gdb the symbols of images as they lie; sdk/harness/gdb.py does it by itself.
  std::string gdb_commands() const;

 private:
  class Implementation;
  void* find_interface(const abi::Guid& protocol);

  std::unique_ptr<Implementation> implementation_;
};

}  // namespace redoubt::sdk
