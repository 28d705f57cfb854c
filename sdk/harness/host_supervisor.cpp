// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "sdk/harness/host_supervisor.hpp"

#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <tuple>

#include "abi/uefi/guid_text.hpp"
#include "foundation/log_line.hpp"
#include "foundation/service_number.hpp"
#include "sdk/harness/driver_image.hpp"
#include "sdk/harness/port_instruction.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define REDOUBT_ADDRESS_SANITIZER 1
#endif
#endif

namespace redoubt::sdk {
namespace {

using abi::SystemStatus;
using foundation::address_of;
using foundation::at_address;
using foundation::Foundation;
using foundation::SystemResult;

constexpr std::uint32_t page_fault = 14;
constexpr std::uint32_t general_protection = 13;
// The test's own code as a driver may use as much stack as a test needs.
constexpr std::size_t test_stack_bytes = 4U << 20;
// The first machine's MMRAM ends where it does on the first platform with 2 GiB of memory, others' below: a driver that
// keeps addresses in 32 bits behaves as in MM.
constexpr std::uint64_t mmram_end = 0x7F000000;
constexpr std::uint64_t lowest_mmram = 0x10000000;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "harness: %s\n", what);
  std::abort();
}

// An address for MMRAM where this process has nothing yet; 0 = anywhere.
std::uint64_t place_for_mmram(std::size_t bytes) {
  for (std::uint64_t base = mmram_end - bytes; base < mmram_end && base >= lowest_mmram; base -= bytes) {
    void* found = mmap(at_address<void>(base), bytes, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (found == MAP_FAILED) continue;
    munmap(found, bytes);
    if (address_of(found) == base) return base;
  }
  return 0;
}

int protection_of(abi::Rights rights) {
  return (rights.read ? PROT_READ : PROT_NONE) | (rights.write ? PROT_WRITE : PROT_NONE) |
         (rights.execute ? PROT_EXEC : PROT_NONE);
}

std::uint32_t bytes_of(abi::Width width) { return static_cast<std::uint32_t>(width); }

std::uint64_t whole_pages(std::uint64_t bytes) { return (bytes + page_bytes - 1) / page_bytes * page_bytes; }

// A device's bytes stand for the width that was asked for.
std::uint64_t cut(std::uint64_t value, unsigned width) { return value & (UINT64_MAX >> (64 - 8 * width)); }

}  // namespace

HostSupervisor::HostSupervisor(const HarnessOptions& options)
    : FakeSupervisor(options.mmram_bytes / page_bytes, options.cpus, place_for_mmram(options.mmram_bytes)),
      driver_stack_(options.driver_stack_bytes),
      test_stack_(test_stack_bytes),
      comm_buffer_bytes_(options.comm_buffer_bytes),
      applied_(options.mmram_bytes / page_bytes, PROT_READ | PROT_WRITE | PROT_EXEC) {
  const char* asked = std::getenv("REDOUBT_HARNESS_LOG");
  print_log_ = options.print_log || (asked != nullptr && std::string_view(asked) == "1");
  // A page without access at each end.
  void* buffer = mmap(nullptr, comm_buffer_bytes_ + 2 * page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* object =
      mmap(nullptr, whole_pages(sizeof(Foundation)), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (buffer == MAP_FAILED || object == MAP_FAILED) give_up("no memory for the foundation");
  comm_buffer_memory_ = static_cast<std::byte*>(buffer) + page_bytes;
  if (mprotect(comm_buffer_memory_, comm_buffer_bytes_, PROT_READ | PROT_WRITE) != 0)
    give_up("no communication buffer");
  use_comm_buffer({comm_buffer_memory_, comm_buffer_bytes_});
  foundation_object_ = new (object) Foundation(*this);
  attach(*foundation_object_);
  hide(foundation_object_, whole_pages(sizeof(Foundation)));
  hide(comm_buffer_memory_ - page_bytes, page_bytes);
  hide(comm_buffer_memory_ + comm_buffer_bytes_, page_bytes);
  apply_rights();
}

HostSupervisor::~HostSupervisor() {
  munmap(foundation_object_, whole_pages(sizeof(Foundation)));
  munmap(comm_buffer_memory_ - page_bytes, comm_buffer_bytes_ + 2 * page_bytes);
  for (const Mapping& mapping : mappings_) {
    munmap(at_address<void>(mapping.base), mapping.bytes);
    munmap(mapping.alias, mapping.bytes);
  }
}

// ---- Rights ----

void HostSupervisor::apply_rights() {
  const auto all = pages();
  const bool driver = domain() == Domain::driver;
  const auto wanted = [&](std::size_t page) {
    return protection_of(driver ? all[page].drivers : all[page].foundation);
  };
  for (std::size_t first = 0; first < all.size();) {
    const int protection = wanted(first);
    std::size_t end = first + 1;
    if (protection != applied_[first]) {
      while (end < all.size() && wanted(end) == protection && applied_[end] != protection) ++end;
      if (mprotect(at_address<void>(mmram_base() + first * page_bytes), (end - first) * page_bytes, protection) != 0) {
        give_up("the kernel refuses rights for a page");
      }
      std::fill(applied_.begin() + static_cast<std::ptrdiff_t>(first),
                applied_.begin() + static_cast<std::ptrdiff_t>(end), protection);
    }
    first = end;
  }
}

void HostSupervisor::enter(Domain next) {
  FakeSupervisor::enter(next);
  apply_rights();
  const int protection = next == Domain::driver ? PROT_NONE : PROT_READ | PROT_WRITE;
  if (mprotect(foundation_object_, whole_pages(sizeof(Foundation)), protection) != 0) give_up("no rights to change");
}

SystemResult<PhysicalAddress> HostSupervisor::allocate_pages(std::uint64_t pages, PhysicalAddress limit) {
  const auto result = FakeSupervisor::allocate_pages(pages, limit);
  apply_rights();
  return result;
}

SystemResult<void> HostSupervisor::allocate_pages_at(PhysicalAddress base, std::uint64_t pages) {
  const auto result = FakeSupervisor::allocate_pages_at(base, pages);
  apply_rights();
  return result;
}

SystemResult<void> HostSupervisor::free_pages(PhysicalAddress base, std::uint64_t pages) {
  const auto result = FakeSupervisor::free_pages(base, pages);
  apply_rights();
  return result;
}

SystemResult<void> HostSupervisor::set_page_access(PhysicalAddress base, std::uint64_t pages, abi::PageAccess access) {
  const auto result = FakeSupervisor::set_page_access(base, pages, access);
  apply_rights();
  return result;
}

// One mapping with its rights, and no second one for the supervisor's own use: a debugger can put a breakpoint only
// into memory that is private.
void HostSupervisor::open(std::uint64_t address, std::size_t bytes) {
  if (bytes == 0 || !in_mmram(address)) return;
  const std::uint64_t first = (address - mmram_base()) / page_bytes;
  const std::uint64_t last = std::min((address - mmram_base() + bytes - 1) / page_bytes, applied_.size() - 1);
  const std::uint64_t pages = last - first + 1;
  if (mprotect(at_address<void>(mmram_base() + first * page_bytes), pages * page_bytes, PROT_READ | PROT_WRITE) != 0) {
    give_up("the kernel refuses rights for a page");
  }
  std::fill_n(applied_.begin() + static_cast<std::ptrdiff_t>(first), pages, PROT_READ | PROT_WRITE);
}

bool HostSupervisor::copy(void* destination, const void* source, std::size_t bytes) {
  open(address_of(destination), bytes);
  open(address_of(source), bytes);
  const bool copied = copy_if_present(destination, source, bytes);
  apply_rights();
  return copied;
}

void HostSupervisor::fill(std::uint64_t address, int value, std::size_t bytes) {
  open(address, bytes);
  FakeSupervisor::fill(address, value, bytes);
}

Result<std::span<std::byte>, HarnessError> HostSupervisor::add_memory(std::uint64_t address, std::size_t bytes,
                                                                      MemoryAccess access) {
  const auto refuse = [&](const char* reason) {
    return std::unexpected(HarnessError{"memory at " + hexadecimal(address) + ": " + reason});
  };
  if (address == 0 || address % page_bytes != 0 || bytes == 0) return refuse("not whole pages");
  const std::uint64_t size = whole_pages(bytes);
  const int file = memfd_create("device", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, static_cast<off_t>(size)) != 0) give_up("no memory for a device");
  const int rights = access == MemoryAccess::read ? PROT_READ : PROT_READ | PROT_WRITE;
  void* seen = mmap(at_address<void>(address), size, rights, MAP_SHARED | MAP_FIXED_NOREPLACE, file, 0);
  if (seen == MAP_FAILED || address_of(seen) != address) {
    close(file);
    if (seen != MAP_FAILED) munmap(seen, size);
    return refuse("something else of this process is there, or the kernel doesn't give it");
  }
  void* alias = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (alias == MAP_FAILED) give_up("no memory for a device");
  mappings_.push_back({address, size, static_cast<std::byte*>(alias), access, true});
  return std::span(static_cast<std::byte*>(alias), bytes);
}

Result<std::span<std::byte>, HarnessError> HostSupervisor::add_ram(std::uint64_t address, std::size_t bytes) {
  const auto memory = TRY(add_memory(address, bytes, MemoryAccess::read_write));
  mappings_.back().is_device = false;
  outside_ram.emplace_back(address, whole_pages(bytes) / page_bytes);
  hide(at_address<void>(address), whole_pages(bytes));  // from MM services, which take no pointers into it
  return memory;
}

// ---- Calls ----

SystemResult<void> HostSupervisor::call_driver(FoundationAddress address) {
  const abi::DriverCall& call = *at_address<const abi::DriverCall>(address.number);
  if (call.entry != test_entry && !driver_of_number_.contains(call.driver)) note_loaded(call);
  exception_.reset();
  const auto result = FakeSupervisor::call_driver(address);
  if (foundation::status_of_call(result) != SystemStatus::driver_fault) return result;
  // Where the fake refuses to start, there is no exception that says so.
  if (!exception_.has_value()) {
    exception_ = ExceptionFrame{.vector = page_fault,
                                .address = call.entry,
                                .error_code = 0x10,
                                .rip = call.entry,
                                .rsp = 0,
                                .rax = 0,
                                .rdx = 0};
    exception_reason_ = reason_of(*exception_);
  }
  const auto index = driver_of_number_.find(call.driver);
  const Driver* image = image_at(exception_->rip);
  Fault fault{.driver = driver_name(call.driver),
              .file = index == driver_of_number_.end() ? abi::Guid{} : drivers[index->second].file,
              .vector = exception_->vector,
              .reason = exception_reason_,
              .address = exception_->address,
              .rip = exception_->rip,
              .image_offset = {},
              .message = message};
  if (image != nullptr) fault.image_offset = exception_->rip - image->base;
  faults.push_back(fault);
  foundation::LogLine line("fault");
  line.word("domain", "driver")
      .decimal("vector", fault.vector)
      .hexadecimal("address", fault.address)
      .hexadecimal("rip", fault.rip)
      .decimal("driver", call.driver)
      .guid("handler", message.value_or(abi::Guid{}))
      .word("action", "disabled");
  Supervisor::log(line.view());
  return result;
}

HostSupervisor::Outcome HostSupervisor::run(abi::DriverCall& call, const std::array<std::uint64_t, 4>& arguments) {
  const bool test = function_at(call.entry) == test_entry;
  DriverExecution execution(test ? test_stack_ : driver_stack_, call.entry, arguments);
  ExceptionHandler* const outer = set_exception_handler(this);
  const std::uint64_t start = __rdtsc();
  Outcome outcome;
  for (bool running = true; running;) {
    switch (execution.resume()) {
      case DriverExecution::Stop::gate:
        // Exceptions in the foundation go to the sanitizer alone.
        set_exception_handler(outer);
        execution.answer_gate(FakeSupervisor::serve(execution.gate_number(), execution.gate_call()));
        set_exception_handler(this);
        break;
      case DriverExecution::Stop::returned:
        outcome.result = execution.result();
        running = false;
        break;
      case DriverExecution::Stop::abandoned:
        outcome = {.faulted = true,
                   .result = 0,
                   .vector = exception_->vector,
                   .address = exception_->address,
                   .rip = exception_->rip};
        running = false;
        break;
    }
  }
  const std::uint64_t ticks = __rdtsc() - start;
  set_exception_handler(outer);
  if (test) {
    // The test's code isn't a driver that could be disabled.
    if (outcome.faulted) {
      const Driver* image = image_at(outcome.rip);
      test_fault = Fault{.driver = image != nullptr ? image->name : "the test's own code",
                         .file = image != nullptr ? image->file : abi::Guid{},
                         .vector = outcome.vector,
                         .reason = exception_reason_,
                         .address = outcome.address,
                         .rip = outcome.rip,
                         .image_offset = {},
                         .message = {}};
      if (image != nullptr) test_fault->image_offset = outcome.rip - image->base;
    }
    return {};
  }
  if (call.count_ticks != 0) call.ticks = ticks;
  Ticks& sum = profile_[{call.driver, function_at(call.entry), message}];
  sum.least = sum.calls == 0 ? ticks : std::min(sum.least, ticks);
  sum.most = std::max(sum.most, ticks);
  sum.total += ticks;
  ++sum.calls;
  return outcome;
}

std::uint64_t HostSupervisor::serve(std::uint64_t number, const abi::ServiceCall& call) {
  DriverExecution* execution = DriverExecution::running();
  if (execution == nullptr) give_up("an MM service was called outside a driver");
  return execution->call_gate(number, call);
}

// ---- Exceptions ----

bool HostSupervisor::handle(ExceptionFrame& frame) {
  DriverExecution* execution = DriverExecution::running();
  if (execution == nullptr || domain() != Domain::driver) return false;
  if (frame.vector == general_protection && play_device(frame)) return true;
#ifdef REDOUBT_ADDRESS_SANITIZER
  // In sanitized code the first access to a wild address is one to its shadow.
  std::size_t scale = 0;
  std::size_t offset = 0;
  __asan_get_shadow_mapping(&scale, &offset);
  constexpr std::uint64_t end_of_user_space = std::uint64_t{1} << 47;
  if (frame.vector == page_fault && frame.address >= offset && frame.address - offset < end_of_user_space >> scale &&
      image_at(frame.rip) == nullptr) {
    frame.address = (frame.address - offset) << scale;
  }
#endif
  exception_ = frame;
  exception_reason_ = reason_of(frame);
  const DriverExecution::Registers registers = execution->abandon();
  frame.rip = registers.rip;
  frame.rsp = registers.rsp;
  return true;
}

bool HostSupervisor::play_device(ExceptionFrame& frame) {
  const std::size_t length = std::min<std::size_t>(15, page_bytes - frame.rip % page_bytes);
  const auto instruction = decode_port_instruction({at_address<const std::uint8_t>(frame.rip), length});
  if (!instruction.has_value()) return false;
  const std::uint64_t port = instruction->port.has_value() ? *instruction->port : cut(frame.rdx, 2);
  if (instruction->write) {
    if (!write_io(port, abi::Width{instruction->width}, cut(frame.rax, instruction->width))) return false;
  } else {
    const auto value = read_io(port, abi::Width{instruction->width});
    if (!value.has_value()) return false;
    // A 32-bit result clears the upper half, smaller ones keep the rest (Intel SDM, volume 1, 3.4.1.1).
    const std::uint64_t mask = instruction->width == 4 ? UINT64_MAX : UINT64_MAX >> (64 - 8 * instruction->width);
    frame.rax = (frame.rax & ~mask) | *value;
  }
  frame.rip += instruction->length;
  return true;
}

std::string HostSupervisor::reason_of(const ExceptionFrame& frame) const {
  constexpr std::uint64_t write_bit = 2;
  constexpr std::uint64_t fetch_bit = 16;
  switch (frame.vector) {
    case 0: return "division error";
    case 1: return "debug exception";
    case 3: return "breakpoint instruction";
    case 6: return "invalid instruction";
    case general_protection: return "instruction that is privileged, or a non-canonical address";
    case page_fault: {
      const char* kind = (frame.error_code & fetch_bit) != 0   ? "execution at "
                         : (frame.error_code & write_bit) != 0 ? "write to "
                                                               : "read of ";
      return kind + hexadecimal(frame.address) + ": " + what_is_at(frame.address);
    }
    case 17: return "misaligned access";
    case 16:
    case 19: return "floating-point error";
    default: return "exception " + std::to_string(frame.vector);
  }
}

std::string HostSupervisor::what_is_at(std::uint64_t address) const {
  if (address < page_bytes) return "null pointer";
  if (driver_stack_.guards(address) || test_stack_.guards(address)) return "stack overflow";
  if (const Driver* image = image_at(address); image != nullptr)
    return "image of " + image->name + ", not for that access";
  if (const Page* page = page_at(address); page != nullptr) {
    if (!page->allocated) return "free memory of MMRAM";
    if (page->drivers == abi::no_rights) return "memory of the foundation";
    return "memory that drivers may not use that way";
  }
  if (address - address_of(foundation_object_) < whole_pages(sizeof(Foundation))) return "memory of the foundation";
  if (address == address_of(comm_buffer_memory_) + comm_buffer_bytes_) return "behind the communication buffer";
  return "nothing is mapped there, or not for that access";
}

// ---- Devices ----

const HostSupervisor::Mapping* HostSupervisor::mapping_of(std::uint64_t address, std::uint64_t bytes) const {
  const auto found = std::ranges::find_if(mappings_, [&](const Mapping& mapping) {
    return mapping.is_device && address >= mapping.base && address - mapping.base < mapping.bytes &&
           bytes <= mapping.bytes - (address - mapping.base);
  });
  return found == mappings_.end() ? nullptr : &*found;
}

SystemResult<void> HostSupervisor::check_device(Range<PhysicalSpace> device) {
  if (device.empty() || mapping_of(device.base().number, device.bytes()) == nullptr) {
    return std::unexpected(SystemStatus::not_permitted);
  }
  return {};
}

SystemResult<std::uint64_t> HostSupervisor::read_device(PhysicalAddress device, abi::Width width) {
  const Mapping* mapping = mapping_of(device.number, bytes_of(width));
  if (mapping == nullptr) return std::unexpected(SystemStatus::not_permitted);
  std::uint64_t value = 0;
  std::memcpy(&value, mapping->alias + (device.number - mapping->base), bytes_of(width));
  return value;
}

SystemResult<void> HostSupervisor::write_device(PhysicalAddress device, abi::Width width, std::uint64_t value) {
  const Mapping* mapping = mapping_of(device.number, bytes_of(width));
  if (mapping == nullptr || mapping->access == MemoryAccess::read) return std::unexpected(SystemStatus::not_permitted);
  std::memcpy(mapping->alias + (device.number - mapping->base), &value, bytes_of(width));
  return {};
}

SystemResult<std::uint64_t> HostSupervisor::read_io(std::uint64_t port, abi::Width asked) {
  const std::uint32_t width = bytes_of(asked);
  const auto device = devices.find(static_cast<std::uint16_t>(port));
  if (port > UINT16_MAX || device == devices.end()) return std::unexpected(SystemStatus::not_permitted);
  if (!device->second.read) return cut(UINT64_MAX, width);
  return cut(device->second.read(device->first, width), width);
}

SystemResult<void> HostSupervisor::write_io(std::uint64_t port, abi::Width asked, std::uint64_t value) {
  const std::uint32_t width = bytes_of(asked);
  const auto device = devices.find(static_cast<std::uint16_t>(port));
  if (port > UINT16_MAX || device == devices.end()) return std::unexpected(SystemStatus::not_permitted);
  if (device->second.write) device->second.write(device->first, width, static_cast<std::uint32_t>(cut(value, width)));
  return {};
}

// ---- Profile ----

std::uint64_t HostSupervisor::ticks() { return __rdtsc(); }

bool HostSupervisor::ProfileKey::operator<(const ProfileKey& other) const {
  const auto text = [](const std::optional<abi::Guid>& guid) {
    return guid.has_value() ? std::string(abi::to_text(*guid).view()) : std::string();
  };
  return std::tuple(driver, function, text(message)) < std::tuple(other.driver, other.function, text(other.message));
}

std::vector<FunctionProfile> HostSupervisor::profile() const {
  std::vector<FunctionProfile> result;
  for (const auto& [key, ticks] : profile_) {
    result.push_back({.driver = driver_name(key.driver),
                      .function = key.function,
                      .message = key.message,
                      .calls = ticks.calls,
                      .least_ticks = ticks.least,
                      .most_ticks = ticks.most,
                      .total_ticks = ticks.total});
  }
  return result;
}

}  // namespace redoubt::sdk
