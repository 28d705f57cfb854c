// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/testing/fake_supervisor.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "foundation/service_number.hpp"
#include "policy/page_access.hpp"

// The linker's: this program's code.
extern "C" const char __executable_start;
extern "C" const char etext;

namespace redoubt::foundation::testing {
namespace {

using abi::SystemStatus;

// `width` is 1 to 8.
constexpr std::uint64_t low_bytes(abi::Width width) {
  return UINT64_MAX >> (64 - 8 * static_cast<std::uint64_t>(width));
}

// Where the innermost driver call is left for when its driver faults. Unwinding with exceptions doesn't work: unwinders
// of System V systems stop at frames of the Microsoft convention.
struct FaultExit {
  std::jmp_buf place;
  std::uint32_t vector;
  std::uint64_t address;
  std::uint64_t rip;  // 0 = in the function called
};
thread_local FaultExit* fault_exit = nullptr;

// Whose driver runs: gates carry no argument that could say so.
thread_local FakeSupervisor* active = nullptr;

// On a thread that plays another CPU: where a refused service is noted, and whether the procedure is to stop.
thread_local std::uint64_t* refused_service = nullptr;
thread_local const std::atomic<bool>* stop_wanted = nullptr;
constexpr std::uint32_t stop_vector = 2;

// The foundation broke the contract: no error to return but a defect to find.
[[noreturn]] void broken(const char* what) {
  std::fprintf(stderr, "the foundation broke its contract with the supervisor: %s\n", what);
  std::abort();
}

std::byte* map_memory(std::size_t bytes, std::uint64_t preferred_address) {
  void* memory = mmap(at_address<void>(preferred_address), bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) broken("no memory for the test");
  return static_cast<std::byte*>(memory);
}

// The undefined-behaviour sanitizer looks at what stands in front of a function it calls.
constexpr std::size_t before_gates = 64;

// Where gate stub `number` leads: eight words as the supervisor would fetch them. Arguments beyond those that the
// caller passed are whatever its stack holds, in MM as well.
template <std::uint64_t number>
EFIAPI std::uint64_t gate(std::uint64_t a0, std::uint64_t a1, std::uint64_t a2, std::uint64_t a3, std::uint64_t a4,
                          std::uint64_t a5, std::uint64_t a6, std::uint64_t a7) {
  if (refused_service != nullptr) {
    *refused_service = number + 1;
    return abi::status::unsupported;
  }
  const std::uint64_t return_address = active->return_address_of(__builtin_return_address(0));
  return active->serve(number, abi::ServiceCall{{a0, a1, a2, a3, a4, a5, a6, a7}, return_address});
}

template <std::size_t... numbers>
constexpr auto make_gates(std::index_sequence<numbers...>) {
  return std::array{&gate<numbers>...};
}
constexpr auto gate_functions = make_gates(std::make_index_sequence<abi::gate_count>());

// Which argument of a service is a function to be called later; -1 = none.
int function_argument(std::uint64_t number) {
  switch (static_cast<Service>(number)) {
    case Service::mmi_handler_register:
    case Service::startup_this_ap: return 0;
    case Service::register_protocol_notify:
    case Service::dispatch_procedure:
    case Service::broadcast_procedure:
    case Service::set_startup_procedure: return 1;
    default: return -1;
  }
}

bool is_function_of_test(std::uint64_t address) {
  return address >= address_of(&__executable_start) && address < address_of(&etext);
}

}  // namespace

FakeSupervisor::FakeSupervisor(std::uint64_t mmram_pages, std::uint64_t cpus, std::uint64_t preferred_base)
    : pages_(mmram_pages), own_comm_buffer_(16 * page_bytes), cpus_(cpus) {
  base_ = address_of(map_memory(mmram_pages * page_bytes, preferred_base));
  gates_ = map_memory(2 * page_bytes, 0);
  write_gates();
  // What supervisor and images use of MMRAM: the first pages are never free.
  take(std::span(pages_).first(4));
}

struct FakeSupervisor::RunningProcedure {
  std::thread thread;
  std::atomic<bool> ended = false;
  std::atomic<bool> stop = false;
  abi::ProcessorState state = abi::ProcessorState::running;
  abi::ProcedureEnd end{};
};

FakeSupervisor::~FakeSupervisor() {
  for (auto& [cpu, procedure] : procedures_) {
    procedure->stop = true;
    procedure->thread.join();
  }
  munmap(at_address<void>(base_), mmram_bytes());
  munmap(gates_, 2 * page_bytes);
}

void FakeSupervisor::write_gates() {
  for (std::size_t number = 0; number < gate_functions.size(); ++number) {
    // movabs $function, %rax; jmp *%rax
    std::byte* stub = gates_ + before_gates + number * abi::gate_stub_bytes;
    const std::uint64_t target = reinterpret_cast<std::uintptr_t>(gate_functions[number]);
    const std::uint8_t head[] = {0x48, 0xB8};
    const std::uint8_t tail[] = {0xFF, 0xE0};
    std::memcpy(stub, head, sizeof(head));
    std::memcpy(stub + 2, &target, sizeof(target));
    std::memcpy(stub + 10, tail, sizeof(tail));
  }
}

void FakeSupervisor::attach(Foundation& foundation) {
  foundation_ = &foundation;
  hide(&foundation, sizeof(foundation));
}

std::uint64_t FakeSupervisor::place(std::span<const std::byte> bytes) {
  const auto address = allocate_pages(std::max<std::uint64_t>(pages_for(bytes.size()), 1), {});
  if (!address.has_value()) broken("no MMRAM for the launch");
  if (!bytes.empty()) copy(at_address<void>(*address), bytes.data(), bytes.size());
  return address->number;
}

const abi::FoundationLaunch& FakeSupervisor::launch_record(std::span<const std::byte> volume,
                                                           std::span<const std::byte> hobs) {
  launch_ = {};
  launch_.volume_base = place(volume);
  launch_.volume_size = volume.size();
  launch_.hob_base = place(hobs);
  launch_.hob_size = hobs.size();
  launch_.comm_buffer = comm_buffer();
  launch_.comm_buffer_size = comm_buffer_size();
  launch_.gates = address_of(gates_) + before_gates;
  launch_.mmram_base = base_;
  launch_.mmram_size = mmram_bytes();
  launch_.cpu_count = static_cast<std::uint32_t>(cpus_);
  launch_.ticks_per_microsecond = ticks_per_microsecond;
  launch_.reserve_pages = reserve_pages;
  launch_.reserve_file = reserve_file;
  launch_.limits = limits;
  return launch_;
}

void FakeSupervisor::fault(std::uint32_t vector, std::uint64_t address, std::uint64_t rip) {
  fault_exit->rip = rip;
  fault_exit->vector = vector;
  fault_exit->address = address;
  std::longjmp(fault_exit->place, 1);
}

// ---- What tests look at ----

const FakeSupervisor::Page* FakeSupervisor::page_at(std::uint64_t address) const {
  if (address < base_ || (address - base_) / page_bytes >= pages_.size()) return nullptr;
  return &pages_[(address - base_) / page_bytes];
}

abi::Rights FakeSupervisor::driver_rights(std::uint64_t address) const {
  const Page* page = page_at(address);
  return page == nullptr ? abi::no_rights : page->drivers;
}

abi::Rights FakeSupervisor::foundation_rights(std::uint64_t address) const {
  const Page* page = page_at(address);
  return page == nullptr ? abi::no_rights : page->foundation;
}

bool FakeSupervisor::allocated(std::uint64_t address) const {
  const Page* page = page_at(address);
  return page != nullptr && page->allocated;
}

std::uint64_t FakeSupervisor::used_pages() const {
  return static_cast<std::uint64_t>(std::ranges::count_if(pages_, [](const Page& page) { return page.allocated; }));
}

bool FakeSupervisor::logged(std::string_view text) const {
  return std::ranges::any_of(lines, [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

// ---- Pages ----

std::span<FakeSupervisor::Page> FakeSupervisor::range(std::uint64_t address, std::uint64_t pages) {
  const std::uint64_t first = (address - base_) / page_bytes;
  if (address < base_ || address % page_bytes != 0 || pages == 0 || first >= pages_.size() ||
      pages > pages_.size() - first) {
    return {};
  }
  return std::span(pages_).subspan(first, pages);
}

void FakeSupervisor::take(std::span<Page> pages) {
  for (Page& page : pages) page = {true, abi::read_write, abi::no_rights};
}

SystemResult<PhysicalAddress> FakeSupervisor::allocate_pages(std::uint64_t pages, PhysicalAddress limit) {
  ++calls["allocate_pages"];
  if (pages == 0) return std::unexpected(SystemStatus::invalid_argument);
  if (allocations_left_ == 0) return std::unexpected(SystemStatus::out_of_memory);
  if (allocations_left_ != SIZE_MAX) --allocations_left_;
  std::uint64_t run = 0;
  for (std::uint64_t i = 0; i < pages_.size(); ++i) {
    if (limit != PhysicalAddress() && PhysicalAddress(base_ + (i + 1) * page_bytes) > limit) break;
    run = pages_[i].allocated ? 0 : run + 1;
    if (run < pages) continue;
    const std::uint64_t address = base_ + (i + 1 - pages) * page_bytes;
    take(range(address, pages));
    fill(address, 0, pages * page_bytes);
    return PhysicalAddress(address);
  }
  return std::unexpected(SystemStatus::out_of_memory);
}

SystemResult<void> FakeSupervisor::allocate_pages_at(PhysicalAddress base, std::uint64_t pages) {
  ++calls["allocate_pages_at"];
  const std::uint64_t address = base.number;
  const std::span<Page> found = range(address, pages);
  if (found.empty()) return std::unexpected(SystemStatus::invalid_argument);
  if (std::ranges::any_of(found, &Page::allocated)) return std::unexpected(SystemStatus::out_of_memory);
  take(found);
  fill(address, 0, pages * page_bytes);
  return {};
}

SystemResult<void> FakeSupervisor::free_pages(PhysicalAddress base, std::uint64_t pages) {
  ++calls["free_pages"];
  const std::uint64_t address = base.number;
  const std::span<Page> found = range(address, pages);
  if (found.empty() || !std::ranges::all_of(found, &Page::allocated)) broken("freed pages that it doesn't have");
  std::ranges::fill(found, Page{});
  fill(address, 0xDD, pages * page_bytes);
  return {};
}

SystemResult<void> FakeSupervisor::set_page_access(PhysicalAddress base, std::uint64_t pages, abi::PageAccess access) {
  ++calls["set_page_access"];
  const std::span<Page> found = range(base.number, pages);
  if (found.empty() || !std::ranges::all_of(found, &Page::allocated)) broken("rights for pages that it doesn't have");
  if (!policy::may_have(access, true)) broken("access that no page may have");
  for (Page& page : found) {
    page.foundation = policy::rights_of(access, abi::DomainId::foundation);
    page.drivers = policy::rights_of(access, abi::DomainId::drivers);
  }
  return {};
}

// ---- Drivers' memory ----

bool FakeSupervisor::driver_may(std::uint64_t address, std::size_t bytes, abi::Rights rights) const {
  constexpr std::uint64_t lowest = 0x10000;
  constexpr std::uint64_t end_of_user_space = std::uint64_t{1} << 47;
  if (address < lowest || address >= end_of_user_space || bytes > end_of_user_space - address) return false;
  for (const Hidden& range : hidden_) {
    if (address < range.base + range.bytes && range.base < address + bytes) return false;
  }
  for (std::uint64_t page = address / page_bytes; page <= (address + bytes - 1) / page_bytes; ++page) {
    const Page* found = page_at(page * page_bytes);
    if (found != nullptr && !policy::covers(found->drivers, rights)) return false;
  }
  return true;
}

SystemResult<void> FakeSupervisor::read_driver(FoundationAddress to, Range<DriverSpace> from) {
  ++calls["read_driver"];
  if (domain_ != Domain::foundation) broken("a system call while a driver runs");
  const std::uint64_t source = from.base().number;
  if (!driver_may(source, from.bytes(), abi::read_only) ||
      !copy(at_address<void>(to.number), at_address<void>(source), from.bytes())) {
    return std::unexpected(SystemStatus::bad_address);
  }
  return {};
}

SystemResult<void> FakeSupervisor::write_driver(DriverAddress to, Range<FoundationSpace> from) {
  ++calls["write_driver"];
  if (domain_ != Domain::foundation) broken("a system call while a driver runs");
  if (!driver_may(to.number, from.bytes(), abi::read_write) ||
      !copy(at_address<void>(to.number), at_address<void>(from.base().number), from.bytes())) {
    return std::unexpected(SystemStatus::bad_address);
  }
  return {};
}

bool FakeSupervisor::copy(void* destination, const void* source, std::size_t bytes) {
  std::memcpy(destination, source, bytes);
  return true;
}

void FakeSupervisor::fill(std::uint64_t address, int value, std::size_t bytes) {
  std::memset(at_address<void>(address), value, bytes);
}

// ---- Calls ----

SystemResult<void> FakeSupervisor::call_driver(FoundationAddress address) {
  ++calls["call_driver"];
  abi::DriverCall& call = *at_address<abi::DriverCall>(address.number);
  if (depth_ == depth_limit) return std::unexpected(SystemStatus::too_deep);
  if (call.entry >= std::uint64_t{1} << 47) return std::unexpected(SystemStatus::bad_address);
  std::array<std::uint64_t, 2> scratch = {call.scratch[0], call.scratch[1]};
  std::array<std::uint64_t, 4> arguments{};
  std::copy_n(call.arguments, arguments.size(), arguments.data());
  if (call.scratch_argument != abi::DriverCall::no_scratch) {
    if (call.scratch_argument >= arguments.size()) broken("a scratch argument that isn't in a register");
    arguments[call.scratch_argument] = address_of(scratch.data());
  }
  FakeSupervisor* outer = std::exchange(active, this);
  const std::uint32_t outer_driver = std::exchange(running_, call.driver);
  if (in_mmram(call.entry)) entries_.try_emplace(call.driver, call.entry);
  ++depth_;
  const Page* page = page_at(call.entry);
  Outcome outcome;
  if (!driver_may(call.entry, 1, abi::no_rights) || (page != nullptr && !page->drivers.execute)) {
    outcome = {.faulted = true, .vector = 14, .address = call.entry, .rip = call.entry};
  } else {
    if (call.count_ticks != 0) call.ticks = 1000;
    enter(Domain::driver);
    outcome = run(call, arguments);
    enter(Domain::foundation);
  }
  --depth_;
  active = outer;
  running_ = outer_driver;
  call.result = outcome.result;
  call.fault_vector = outcome.vector;
  call.fault_address = outcome.address;
  call.fault_rip = outcome.rip;
  std::copy_n(scratch.data(), scratch.size(), call.scratch);
  if (!outcome.faulted) return {};
  ++fault_count;
  return std::unexpected(SystemStatus::driver_fault);
}

// Drivers' functions come as numbers: their types are the drivers' business, as in MM.
[[clang::no_sanitize("function")]] FakeSupervisor::Outcome FakeSupervisor::run(
    abi::DriverCall& call, const std::array<std::uint64_t, 4>& arguments) {
  using Function = std::uint64_t(EFIAPI*)(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t);
  FaultExit exit{};
  FaultExit* outer_exit = std::exchange(fault_exit, &exit);
  Outcome outcome;
  if (setjmp(exit.place) == 0) {
    outcome.result = reinterpret_cast<Function>(static_cast<std::uintptr_t>(call.entry))(arguments[0], arguments[1],
                                                                                         arguments[2], arguments[3]);
  } else {
    outcome = {
        .faulted = true, .vector = exit.vector, .address = exit.address, .rip = exit.rip != 0 ? exit.rip : call.entry};
  }
  fault_exit = outer_exit;
  return outcome;
}

std::uint64_t FakeSupervisor::serve(std::uint64_t number, const abi::ServiceCall& call) {
  enter(Domain::foundation);
  abi::ServiceCall changed = call;
  if (const int index = function_argument(number); index >= 0 && is_function_of_test(changed.arguments[index])) {
    if (const std::uint64_t jump = jump_in_image(running_, changed.arguments[index]); jump != 0) {
      changed.arguments[index] = jump;
    }
  }
  if (static_cast<Service>(number) == Service::find_driver && is_function_of_test(changed.arguments[1])) {
    changed.arguments[1] = code_of_driver(changed.arguments[1]);
  }
  const std::uint64_t status = foundation_->service(number, changed);
  enter(Domain::driver);
  return status;
}

std::uint64_t FakeSupervisor::return_address_of(const void* caller) const {
  if (return_address.has_value()) return *return_address;
  const std::uint64_t address = address_of(caller);
  return in_mmram(address) ? address : launch_.gates + std::uint64_t{abi::gate_return} * abi::gate_stub_bytes;
}

// At the end of the page with the entry point, which nothing of a small image is in.
std::uint64_t FakeSupervisor::jump_in_image(std::uint32_t driver, std::uint64_t function) {
  constexpr std::size_t slot_bytes = 16;
  constexpr std::size_t slots = page_bytes / slot_bytes / 2;
  const auto entry = entries_.find(driver);
  if (entry == entries_.end()) return 0;
  std::array<std::uint8_t, slot_bytes> jump = {0x48, 0xB8};  // movabs $function, %rax; jmp *%rax
  std::memcpy(&jump[2], &function, sizeof(function));
  jump[10] = 0xFF;
  jump[11] = 0xE0;
  const std::uint64_t end = entry->second / page_bytes * page_bytes + page_bytes;
  for (std::size_t slot = 1; slot <= slots; ++slot) {
    const std::uint64_t address = end - slot * slot_bytes;
    const auto known = functions_.find(address);
    if (known != functions_.end() && known->second == function) return address;
    std::array<std::uint8_t, slot_bytes> found{};
    copy(found.data(), at_address<void>(address), slot_bytes);
    if (found != std::array<std::uint8_t, slot_bytes>{}) continue;
    copy(at_address<void>(address), jump.data(), slot_bytes);
    functions_[address] = function;
    return address;
  }
  return 0;
}

std::uint64_t FakeSupervisor::code_of_driver(std::uint64_t address) {
  for (const auto& [jump, function] : functions_) {
    if (function == address) return jump;
  }
  const std::uint64_t jump = jump_in_image(running_, address);
  return jump != 0 ? jump : address;
}

std::uint64_t FakeSupervisor::function_at(std::uint64_t address) const {
  const auto known = functions_.find(address);
  return known == functions_.end() ? address : known->second;
}

SystemResult<void> FakeSupervisor::set_root_interest(bool wanted) {
  ++calls["set_root_interest"];
  root_interest = wanted;
  return {};
}

SystemResult<void> FakeSupervisor::log(Range<FoundationSpace> text) {
  if (text.bytes() > abi::log_line_bytes) broken("a log line that is too long");
  lines.emplace_back(at_address<const char>(text.base().number), text.bytes());
  return {};
}

SystemResult<std::uint64_t> FakeSupervisor::read_io(std::uint64_t port, abi::Width width) {
  const auto found = ports.find(port);
  if (found == ports.end()) return std::unexpected(SystemStatus::not_permitted);
  return found->second & low_bytes(width);
}

SystemResult<void> FakeSupervisor::write_io(std::uint64_t port, abi::Width width, std::uint64_t value) {
  const auto found = ports.find(port);
  if (found == ports.end()) return std::unexpected(SystemStatus::not_permitted);
  found->second = value & low_bytes(width);
  return {};
}

SystemResult<void> FakeSupervisor::check_device(Range<PhysicalSpace> device) {
  ++calls["check_device"];
  const auto all = Range<PhysicalSpace>::create(PhysicalAddress(device_base), device_bytes).value();
  if (device.empty() || !all.contains(device)) return std::unexpected(SystemStatus::not_permitted);
  return {};
}

std::uint64_t* FakeSupervisor::device_register(PhysicalAddress device, abi::Width width) {
  const auto bytes = static_cast<std::uint64_t>(width);
  if (device.number % bytes != 0) broken("an access to a device that is not aligned");
  const auto range = Range<PhysicalSpace>::create(device, bytes);
  return range && check_device(*range) ? &device_registers[device.number] : nullptr;
}

SystemResult<std::uint64_t> FakeSupervisor::read_device(PhysicalAddress device, abi::Width width) {
  ++calls["read_device"];
  const std::uint64_t* found = device_register(device, width);
  if (found == nullptr) return std::unexpected(SystemStatus::not_permitted);
  return *found & low_bytes(width);
}

SystemResult<void> FakeSupervisor::write_device(PhysicalAddress device, abi::Width width, std::uint64_t value) {
  ++calls["write_device"];
  std::uint64_t* found = device_register(device, width);
  if (found == nullptr) return std::unexpected(SystemStatus::not_permitted);
  *found = value & low_bytes(width);
  return {};
}

SystemResult<void> FakeSupervisor::read_memory_statistics(FoundationAddress statistics) {
  *at_address<abi::MemoryStatistics>(statistics.number) = {mmram_bytes(), used_pages() * page_bytes, mmi_count,
                                                           fault_count};
  return {};
}

// ---- Other CPUs and interrupted code ----

void FakeSupervisor::pause() {
  if (stop_wanted != nullptr && *stop_wanted) fault(stop_vector);
  std::this_thread::yield();
}

void FakeSupervisor::await_procedure(std::uint64_t cpu) const {
  const auto running = procedures_.find(cpu);
  while (running != procedures_.end() && !running->second->ended) std::this_thread::yield();
}

[[clang::no_sanitize("function")]] SystemResult<void> FakeSupervisor::start_procedure(abi::CpuNumber number,
                                                                                      FoundationAddress address) {
  ++calls["start_procedure"];
  const auto cpu = static_cast<std::uint64_t>(number);
  const abi::ProcedureCall call = *at_address<const abi::ProcedureCall>(address.number);
  if (!held.contains(cpu)) return std::unexpected(SystemStatus::not_found);
  if (procedures_.contains(cpu)) return std::unexpected(SystemStatus::busy);
  if (call.entry >= std::uint64_t{1} << 47) return std::unexpected(SystemStatus::bad_address);
  auto& running = procedures_[cpu] = std::make_unique<RunningProcedure>();
  running->thread = std::thread([this, call, &procedure = *running] {
    using Function = std::uint64_t(EFIAPI*)(std::uint64_t);
    refused_service = &procedure.end.refused;
    stop_wanted = &procedure.stop;
    FaultExit exit{};
    fault_exit = &exit;
    const auto run = [&]() __attribute__((no_sanitize("function"))) {
      procedure.end.result = reinterpret_cast<Function>(static_cast<std::uintptr_t>(call.entry))(call.argument);
    };
    const Page* page = page_at(call.entry);
    if (call.entry == 0 || (page != nullptr && !page->drivers.execute)) {
      procedure.end.fault_vector = 14;
      procedure.state = abi::ProcessorState::faulted;
    } else if (setjmp(exit.place) == 0) {
      run();
      if (call.status != 0) *at_address<std::uint64_t>(call.status) = procedure.end.result;
      procedure.state = abi::ProcessorState::finished;
    } else {
      procedure.end.fault_vector = exit.vector;
      procedure.end.fault_address = exit.address;
      procedure.end.rip = exit.rip != 0 ? exit.rip : call.entry;
      procedure.state = exit.vector == stop_vector ? abi::ProcessorState::stopped : abi::ProcessorState::faulted;
    }
    procedure.ended = true;
  });
  return {};
}

SystemResult<abi::ProcessorState> FakeSupervisor::check_procedure(abi::CpuNumber number, FoundationAddress end) {
  ++calls["check_procedure"];
  const auto cpu = static_cast<std::uint64_t>(number);
  const auto found = procedures_.find(cpu);
  if (found == procedures_.end()) return held.contains(cpu) ? abi::ProcessorState::idle : abi::ProcessorState::absent;
  RunningProcedure& procedure = *found->second;
  if (!procedure.ended) return abi::ProcessorState::running;
  procedure.thread.join();
  *at_address<abi::ProcedureEnd>(end.number) = procedure.end;
  const abi::ProcessorState state = procedure.state;
  procedures_.erase(found);
  if (state == abi::ProcessorState::faulted) ++fault_count;
  return state;
}

SystemResult<void> FakeSupervisor::stop_procedure(abi::CpuNumber number) {
  ++calls["stop_procedure"];
  const auto found = procedures_.find(static_cast<std::uint64_t>(number));
  if (found == procedures_.end()) return {};
  found->second->stop = true;
  while (!found->second->ended) std::this_thread::yield();
  return {};
}

SystemResult<bool> FakeSupervisor::unblock_memory(PhysicalAddress wanted, std::uint64_t pages) {
  ++calls["unblock_memory"];
  const std::uint64_t address = wanted.number;
  if (address % page_bytes != 0 || pages == 0) return std::unexpected(SystemStatus::invalid_argument);
  const auto inside = [&](std::uint64_t base, std::uint64_t size) {
    return address >= base && (address - base) / page_bytes < size && pages <= size - (address - base) / page_bytes;
  };
  for (const auto& [base, size] : unblocked) {
    if (inside(base, size)) return false;
    if (address < base + size * page_bytes && base < address + pages * page_bytes) {
      return std::unexpected(SystemStatus::not_permitted);
    }
  }
  if (!std::ranges::any_of(outside_ram, [&](const auto& ram) { return inside(ram.first, ram.second); })) {
    return std::unexpected(SystemStatus::not_permitted);
  }
  if (unblocked.size() == abi::unblocked_limit) return std::unexpected(SystemStatus::out_of_memory);
  unblocked.emplace_back(address, pages);
  return true;
}

SystemResult<std::uint64_t> FakeSupervisor::hold_processors() {
  ++calls["hold_processors"];
  if (!processors_held) return 0;
  const std::optional<std::uint64_t> presumed_stopped = processors_held();
  if (!presumed_stopped.has_value()) return std::unexpected(SystemStatus::busy);
  return *presumed_stopped;
}

SystemResult<void> FakeSupervisor::stop_machine(FoundationAddress request) {
  ++calls["stop_machine"];
  stops.push_back(*at_address<const abi::StopRequest>(request.number));
  return std::unexpected(SystemStatus::not_permitted);
}

SystemResult<std::uint64_t> FakeSupervisor::read_save_state(abi::CpuNumber asked, abi::MmSaveStateRegister number,
                                                            abi::Width asked_width) {
  ++calls["read_save_state"];
  const auto cpu = static_cast<std::uint64_t>(asked);
  const auto width = static_cast<std::uint64_t>(asked_width);
  if (cpu != 0 && !held.contains(cpu)) return std::unexpected(SystemStatus::invalid_argument);
  const auto found = save_states.find({cpu, static_cast<std::uint32_t>(number)});
  if (found == save_states.end()) return std::unexpected(SystemStatus::not_found);
  if (width == 0 || width > found->second.width) return std::unexpected(SystemStatus::invalid_argument);
  if (!found->second.allowed) return std::unexpected(SystemStatus::not_permitted);
  return found->second.value & low_bytes(asked_width);
}

SystemResult<void> FakeSupervisor::write_save_state(abi::CpuNumber asked, abi::MmSaveStateRegister number,
                                                    abi::Width asked_width, std::uint64_t value) {
  ++calls["write_save_state"];
  const auto cpu = static_cast<std::uint64_t>(asked);
  const auto width = static_cast<std::uint64_t>(asked_width);
  if (cpu != 0 && !held.contains(cpu)) return std::unexpected(SystemStatus::invalid_argument);
  const auto found = save_states.find({cpu, static_cast<std::uint32_t>(number)});
  if (found == save_states.end()) return std::unexpected(SystemStatus::not_found);
  if (!found->second.writable) return std::unexpected(SystemStatus::unsupported);
  if (width == 0 || width > found->second.width) return std::unexpected(SystemStatus::invalid_argument);
  if (!found->second.allowed) return std::unexpected(SystemStatus::not_permitted);
  const std::uint64_t mask = low_bytes(asked_width);
  found->second.value = (found->second.value & ~mask) | (value & mask);
  return {};
}

}  // namespace redoubt::foundation::testing
