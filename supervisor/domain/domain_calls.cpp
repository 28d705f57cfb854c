// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/domain/domain_calls.hpp"

#include <cstring>

#include "arch/processor.hpp"
#include "arch/x86_64/registers/control.hpp"
#include "arch/x86_64/registers/exceptions.hpp"
#include "base/checked.hpp"
#include "supervisor/domain/ring3_frame.hpp"
#include "supervisor/report/report.hpp"
#include "supervisor/stopping/machine_stop.hpp"

namespace redoubt::supervisor {
namespace {

constexpr std::uint64_t stack_alignment = 16;
// Left alone below a stack pointer that ring 3 goes on with: code that isn't ours may use what is below it.
constexpr std::uint64_t below_stack_pointer = 128;
// Below the top of the driver's stack, so that every gate finds eight arguments' worth of stack above it.
constexpr std::uint64_t driver_stack_headroom = 64;

// What a driver that calls a gate has at its stack pointer.
struct GateArea {
  std::uint64_t return_address;
  std::uint64_t home[4];
  std::uint64_t arguments[4];
};
static_assert(sizeof(GateArea) == 72 && sizeof(GateArea) <= sizeof(DriverCallArea) + driver_stack_headroom);

bool lies_in(const Range<DriverSpace>& stack, DriverAddress address, std::uint64_t bytes) {
  const auto area = Range<DriverSpace>::create(address, bytes);
  return area && stack.contains(*area);
}

void switch_to(Supervisor& supervisor, Cpu& cpu, DomainId domain) {
  set_io_ports(cpu, domain == DomainId::drivers);
  arch::write_cr3(supervisor.memory.root(domain));
}

// Copies `data` below `stack_pointer` in the foundation's stack and makes the frame enter it there. Returns the data's
// address. The frame stays as it is on an error.
Result<FoundationAddress> place_foundation_entry(Supervisor& supervisor, Cpu& cpu, FoundationAddress stack_pointer,
                                                 Bytes data) {
  const FoundationAddress address(TRY(checked_subtract(align_down(stack_pointer.number, stack_alignment),
                                                       align_up(std::uint64_t{data.size()}, stack_alignment))));
  TRY(supervisor.memory.copy_to_foundation(address, data));
  cpu.frame = ring3_frame();
  cpu.frame.rip = supervisor.foundation_entry.number;
  cpu.frame.rsp = address.number - sizeof(std::uint64_t);
  return address;
}

// The foundation's latest call of a driver returns.
CallOutcome complete_driver_call(Supervisor& supervisor, Cpu& cpu, abi::SystemStatus status) {
  CallFrame& frame = supervisor.calls.top();
  abi::DriverCall& call = frame.call;
  if (call.scratch_argument != abi::DriverCall::no_scratch) {
    // The stack was writable when the scratch was put there and its pages never change.
    static_cast<void>(supervisor.memory.copy_from_driver(writable_object_bytes(call.scratch), frame.scratch_address));
  }
  if (call.count_ticks != 0) {
    call.ticks = arch::read_tsc() - frame.start_ticks;
  }
  supervisor.extended_state.end_call(supervisor.calls.driver_depth());
  cpu.frame = frame.caller;
  cpu.frame.rax = static_cast<std::uint64_t>(status);
  cpu.frame.rdx = 0;
  supervisor.calls.pop();
  switch_to(supervisor, cpu, DomainId::foundation);
  constexpr std::uint64_t answer = offsetof(abi::DriverCall, scratch);
  if (!supervisor.memory.copy_to_foundation(frame.call_address + answer, object_bytes(call).subspan(answer))) {
    // It was writable when the call was made: the foundation took the page away from itself meanwhile.
    return contain_fault(supervisor, cpu, {arch::vector::page_fault, frame.call_address.number, cpu.frame.rip});
  }
  return CallOutcome::ring_3;
}

CallOutcome call_service(Supervisor& supervisor, Cpu& cpu, std::uint64_t number) {
  const DriverAddress stack_pointer(cpu.frame.rsp);
  if (!lies_in(supervisor.driver_stack, stack_pointer, sizeof(GateArea))) {
    return contain_fault(supervisor, cpu, {arch::vector::stack, stack_pointer.number, cpu.frame.rip});
  }
  if (supervisor.calls.full()) {
    clear_volatile_registers(cpu.frame);
    cpu.frame.rax = abi::status::out_of_resources;
    return CallOutcome::ring_3;
  }
  abi::ServiceCall call{};
  call.arguments[0] = cpu.frame.rcx;
  call.arguments[1] = cpu.frame.rdx;
  call.arguments[2] = cpu.frame.r8;
  call.arguments[3] = cpu.frame.r9;
  GateArea area;
  if (!supervisor.memory.copy_from_driver(writable_object_bytes(area), stack_pointer)) {
    return contain_fault(supervisor, cpu, {arch::vector::stack, stack_pointer.number, cpu.frame.rip});
  }
  std::memcpy(&call.arguments[4], area.arguments, sizeof(area.arguments));
  // A stub returns; an `int` of the driver's own goes on where it stands, whatever the stack says.
  call.return_address = cpu.frame.rip - supervisor.gates.number < page_bytes ? area.return_address : cpu.frame.rip;
  // The frame on top is the foundation's call of this driver: it goes on below where it stands there.
  const FoundationAddress foundation_rsp(supervisor.calls.top().caller.rsp);
  const arch::RegisterFrame driver = cpu.frame;
  switch_to(supervisor, cpu, DomainId::foundation);
  const Result<FoundationAddress> address =
      place_foundation_entry(supervisor, cpu, foundation_rsp - below_stack_pointer, object_bytes(call));
  if (!address) {
    // It has no stack left to go on with: its fault, whichever driver called.
    supervisor.calls.clear();
    return contain_fault(supervisor, cpu, {arch::vector::stack, foundation_rsp.number, driver.rip});
  }
  supervisor.calls.push(CallKind::service).caller = driver;
  cpu.frame.rdi = static_cast<std::uint64_t>(abi::EntryReason::service);
  cpu.frame.rsi = number;
  cpu.frame.rdx = address->number;
  return CallOutcome::ring_3;
}

}  // namespace

Result<void> enter_foundation_with(Supervisor& supervisor, Cpu& cpu, abi::EntryReason reason, Bytes data) {
  supervisor.calls.clear();
  supervisor.host_doors.close();
  const FoundationAddress address =
      TRY(place_foundation_entry(supervisor, cpu, supervisor.foundation_stack.end(), data));
  cpu.frame.rdi = static_cast<std::uint64_t>(reason);
  cpu.frame.rsi = address.number;
  return {};
}

abi::SystemResult<Continuation> call_driver(Supervisor& supervisor, Cpu& cpu, FoundationAddress address) {
  if (supervisor.calls.full()) {
    return std::unexpected(abi::SystemStatus::too_deep);
  }
  abi::DriverCall call;
  const auto place = Range<FoundationSpace>::create(address, sizeof(call));
  if (!place || !supervisor.memory.foundation_may(abi::read_write, *place) ||
      !supervisor.memory.copy_from_foundation(writable_object_bytes(call), address)) {
    return std::unexpected(abi::SystemStatus::bad_address);
  }
  if (call.scratch_argument != abi::DriverCall::no_scratch && call.scratch_argument >= 4) {
    return std::unexpected(abi::SystemStatus::invalid_argument);
  }
  if (DriverAddress(call.entry) >= user_address_end) {
    return std::unexpected(abi::SystemStatus::bad_address);
  }
  call.result = 0;
  call.ticks = 0;
  call.fault_vector = 0;
  call.fault_address = 0;
  call.fault_rip = 0;

  // A driver that waits for this very service has a stack pointer that its gate checked.
  const DriverAddress driver_rsp = supervisor.calls.empty()
                                       ? supervisor.driver_stack.end() - driver_stack_headroom
                                       : DriverAddress(supervisor.calls.top().caller.rsp) - below_stack_pointer;
  // The return address stands 8 below a multiple of 16, the scratch words right above the home space.
  const DriverAddress stack_pointer(align_down(driver_rsp.number, stack_alignment) - sizeof(DriverCallArea));
  const DriverAddress scratch_address = stack_pointer + offsetof(DriverCallArea, scratch);
  DriverCallArea area{};
  area.return_address = (supervisor.gates + std::uint64_t{abi::gate_return} * abi::gate_stub_bytes).number;
  if (call.scratch_argument != abi::DriverCall::no_scratch) {
    std::memcpy(area.scratch, call.scratch, sizeof(area.scratch));
    call.arguments[call.scratch_argument] = scratch_address.number;
  }
  if (!lies_in(supervisor.driver_stack, stack_pointer, sizeof(area)) ||
      !supervisor.memory.copy_to_driver(stack_pointer, object_bytes(area))) {
    return std::unexpected(abi::SystemStatus::too_deep);
  }

  CallFrame& frame = supervisor.calls.push(CallKind::driver_call);
  frame.caller = cpu.frame;
  frame.call = call;
  frame.call_address = address;
  frame.scratch_address = scratch_address;
  cpu.frame = ring3_frame();
  cpu.frame.rip = call.entry;
  cpu.frame.rsp = stack_pointer.number;
  cpu.frame.rcx = call.arguments[0];
  cpu.frame.rdx = call.arguments[1];
  cpu.frame.r8 = call.arguments[2];
  cpu.frame.r9 = call.arguments[3];
  supervisor.extended_state.begin_call();
  switch_to(supervisor, cpu, DomainId::drivers);
  frame.start_ticks = call.count_ticks != 0 ? arch::read_tsc() : 0;
  return Continuation::resume;
}

CallOutcome driver_gate(Supervisor& supervisor, Cpu& cpu) {
  const std::uint64_t gate = cpu.frame.r10 & 0xFFFF'FFFF;
  if (gate < abi::gate_count) {
    return call_service(supervisor, cpu, gate);
  }
  if (gate == abi::gate_return) {
    supervisor.calls.top().call.result = cpu.frame.rax;
    return complete_driver_call(supervisor, cpu, abi::SystemStatus::ok);
  }
  return contain_fault(supervisor, cpu, {arch::vector::general_protection, 0, cpu.frame.rip});
}

abi::SystemResult<Continuation> finish_service(Supervisor& supervisor, Cpu& cpu, std::uint64_t status) {
  if (supervisor.calls.empty()) {
    return std::unexpected(abi::SystemStatus::not_permitted);
  }
  cpu.frame = supervisor.calls.top().caller;
  supervisor.calls.pop();
  clear_volatile_registers(cpu.frame);
  cpu.frame.rax = status;
  switch_to(supervisor, cpu, DomainId::drivers);
  return Continuation::resume;
}

CallOutcome contain_fault(Supervisor& supervisor, Cpu& cpu, const Fault& fault) {
  ++supervisor.fault_count;
  if (!supervisor.calls.driver_runs()) {
    report_fault(supervisor, DomainId::foundation, 0, cpu.index, fault);
    stop_for_foundation(supervisor, cpu, fault);
    return CallOutcome::foundation_over;
  }
  abi::DriverCall& call = supervisor.calls.top().call;
  report_fault(supervisor, DomainId::drivers, call.driver, cpu.index, fault);
  call.fault_vector = static_cast<std::uint32_t>(fault.vector);
  call.fault_address = fault.address;
  call.fault_rip = fault.rip;
  return complete_driver_call(supervisor, cpu, abi::SystemStatus::driver_fault);
}

void write_gate_stubs(std::uint8_t* page) {
  for (std::uint32_t gate = 0; gate <= abi::gate_return; ++gate) {
    std::uint8_t* stub = page + std::size_t{gate} * abi::gate_stub_bytes;
    // mov $gate, %r10d; int $0x81; ret (a return gate doesn't come back)
    const std::uint8_t code[] = {0x41, 0xBA, static_cast<std::uint8_t>(gate), 0,   0,
                                 0,    0xCD, abi::driver_gate_vector,         0xC3};
    static_assert(sizeof(code) <= abi::gate_stub_bytes && abi::gate_return <= 0xFF);
    std::memset(stub, 0xCC, abi::gate_stub_bytes);
    std::memcpy(stub, code, sizeof(code));
  }
  // A procedure's end: mov 32(%rsp), %rcx; test %rcx, %rcx; jz 1f; mov %rax, (%rcx); 1: and the return gate.
  std::uint8_t* stub = page + std::size_t{abi::procedure_return} * abi::gate_stub_bytes;
  constexpr std::uint8_t store_status[] = {0x48, 0x8B, 0x4C, 0x24, 0x20, 0x48, 0x85,
                                           0xC9, 0x74, 0x03, 0x48, 0x89, 0x01};
  static_assert(offsetof(DriverCallArea, scratch) - offsetof(DriverCallArea, home) == 0x20);
  std::memset(stub, 0xCC, std::size_t{2} * abi::gate_stub_bytes);
  std::memcpy(stub, store_status, sizeof(store_status));
  std::memcpy(stub + sizeof(store_status), page + std::size_t{abi::gate_return} * abi::gate_stub_bytes, 8);
}

}  // namespace redoubt::supervisor
