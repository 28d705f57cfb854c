// SPDX-License-Identifier: BSD-2-Clause-Patent
// The contract between the supervisor and ring 3. Two doors lead into the supervisor, both interrupt gates (they
// touch no MSR, so an MMI need not save the owner's SYSCALL registers):
//
//   int 0x80   system calls of the foundation. rax = SystemCall, arguments rdi, rsi, rdx, rcx, r8, r9;
//              on return rax = SystemStatus, rdx = value. All other registers are preserved.
//   int 0x81   gates of drivers. r10d = gate number. Numbers below `gate_return` are services of the foundation,
//              called by a driver under the Microsoft convention with the stack as the stub's caller left it
//              (return address on top); the status comes back in rax, other volatile registers are cleared.
//              `gate_return` ends a call that the foundation made into a driver; its rax is the result.
//              The caller's stack pointer must lie in the stack that the supervisor gave drivers, with room for eight
//              arguments above it: anything else is a fault of the driver.
//
// Either door used from the other domain is a fault of the caller.
//
// The supervisor enters the foundation at its PE entry point (System V convention, never returns, stack 16-byte
// aligned plus 8 as after a CALL): rdi = EntryReason, rsi, rdx = arguments by reason. Each entry is ended by the
// system call named at its reason.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/redoubt/closed_question.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::abi {

inline constexpr std::uint8_t system_call_vector = 0x80;
inline constexpr std::uint8_t driver_gate_vector = 0x81;

enum class EntryReason : std::uint64_t {
  launch = 0,   // rsi = FoundationLaunch*; ended by finish_launch
  mmi = 1,      // rsi = MmiEvent*; ended by finish_mmi
  service = 2,  // rsi = service number, rdx = ServiceCall*; ended by finish_service
};

// Results of a system call. Negative values so that a forgotten check shows early.
enum class SystemStatus : std::int64_t {
  ok = 0,
  invalid_argument = -1,  // a number or range makes no sense
  out_of_memory = -2,
  not_permitted = -3,  // policy or ownership says no
  bad_address = -4,    // a driver's pointer doesn't lead to memory the driver may use that way
  driver_fault = -5,   // the driver called was stopped by a fault; the report has it
  too_deep = -6,       // calls nested beyond domain_call_depth
  not_found = -7,      // there is no such thing now
  busy = -8,
  unsupported = -9,  // this machine can't
};

// How far foundation and drivers may call each other in one MMI.
inline constexpr std::uint32_t domain_call_depth = 32;

// Ranges that can be unblocked, and the pages of all together: what MM's page tables may grow by.
inline constexpr std::uint32_t unblocked_limit = 64;
inline constexpr std::uint64_t unblocked_pages_limit = 8192;

// Access rights of one domain to a page. Write and execute exclude each other, over both domains, with one exception:
// page_exception, which goes with all three others, for drivers only, where the foundation has no access. It is for the
// pages that code and data of an unaligned image share (image_names::alignment_exceptions); the supervisor logs each
// use.
enum PageAccess : std::uint64_t {
  page_none = 0,
  page_read = 1,
  page_write = 2,
  page_execute = 4,
  page_exception = 8,
};

// Name, number. A list, so that the supervisor's table, the foundation's stubs and the documentation cannot differ.
//
//   finish_launch(status)                      ends EntryReason::launch; status 0 or an EFI_STATUS
//   finish_mmi(status, reply_size)             ends EntryReason::mmi; reply_size = bytes after the header
//   finish_service(status)                     ends EntryReason::service; status goes to the driver's rax
//   allocate_pages(pages, limit) -> address    zeroed, foundation read-write, driver none; below limit (0 = anywhere)
//   allocate_pages_at(address, pages)          the same at one address
//   free_pages(address, pages)                 any pages obtained above, whatever their access now; zeroed later
//   set_page_access(address, pages, foundation, drivers)  PageAccess each; pages obtained above only
//   read_driver(destination, source, bytes)    from memory the driver may read, into the foundation's
//   write_driver(destination, source, bytes)   from the foundation's memory into memory the driver may write
//   call_driver(DriverCall*)                   into a driver; DriverCall::result and scratch are filled on return
//   set_root_interest(wanted)                  nonzero: enter the foundation also for MMIs without a message
//   log(text, bytes)                           one line of text, at most log_line_bytes, without prefix and line feed;
//                                              what isn't printable ASCII is replaced
//   read_io(port, width) -> value              width 1, 2 or 4 bytes, if policy gives the port to drivers
//   write_io(port, width, value)
//   read_memory_statistics(MemoryStatistics*)
//   check_device(address, bytes)               ok if policy gives drivers all of this memory outside MMRAM (the
//                                              communication buffer, which read_driver reads, doesn't count), else
//                                              not_permitted
//   read_device(address, width) -> value       one access to such memory; width 1, 2, 4 or 8 bytes, address a multiple
//   write_device(address, width, value)
//   read_save_state(cpu, register, width) -> value      register: MmSaveStateRegister (abi/pi/mm_cpu.hpp), of which the
//                                              low `width` bytes; invalid_argument for a CPU that isn't in MM or a
//                                              width beyond the register's, not_found if the CPU saves no such register
//   write_save_state(cpu, register, width, value)       also unsupported for a register that can't be written
//   start_procedure(cpu, ProcedureCall*)       on a CPU that is held in this MMI, beside whatever goes on here; busy if
//                                              the last one there wasn't fetched yet, not_found if the CPU isn't held
//   check_procedure(cpu, ProcedureEnd*) -> ProcessorState   what has ended is fetched, and the CPU is idle again
//   stop_procedure(cpu)                        if one runs there; returns when it doesn't any more
//   unblock_memory(address, pages) -> opened   RAM outside MMRAM, for drivers to read and write at its own address, for
//                                              good; value 0 if it was open already, else 1. Not permitted: what isn't
//                                              RAM or leads elsewhere in MM, a part of what is open, anything after
//                                              the message of ReadyToLock or ExitBootServices; out_of_memory also
//                                              beyond unblocked_limit
//   hold_processors() -> presumed stopped      calls in every CPU that isn't held, and holds who comes; how many didn't
//                                              come and aren't known to run. busy: somebody runs outside, or one that
//                                              was presumed stopped at the last call of this MMI has come in since
//   stop_machine(StopRequest*)                 a driver failed whose policy says more than disable (fault_policy.hpp).
//                                              Comes back only if the machine goes on: not_permitted, with the reason
//                                              on the consoles, or bad_address
#define REDOUBT_SYSTEM_CALLS(X) \
  X(finish_launch, 0)           \
  X(finish_mmi, 1)              \
  X(finish_service, 2)          \
  X(allocate_pages, 3)          \
  X(allocate_pages_at, 4)       \
  X(free_pages, 5)              \
  X(set_page_access, 6)         \
  X(read_driver, 7)             \
  X(write_driver, 8)            \
  X(call_driver, 9)             \
  X(set_root_interest, 10)      \
  X(log, 11)                    \
  X(read_io, 12)                \
  X(write_io, 13)               \
  X(read_memory_statistics, 14) \
  X(check_device, 15)           \
  X(read_device, 16)            \
  X(write_device, 17)           \
  X(read_save_state, 18)        \
  X(write_save_state, 19)       \
  X(start_procedure, 20)        \
  X(check_procedure, 21)        \
  X(stop_procedure, 22)         \
  X(unblock_memory, 23)         \
  X(hold_processors, 24)        \
  X(stop_machine, 25)

enum class SystemCall : std::uint64_t {
#define REDOUBT_X(name, number) name = number,
  REDOUBT_SYSTEM_CALLS(REDOUBT_X)
#undef REDOUBT_X
};

inline constexpr std::size_t log_line_bytes = 240;

// A service called by a driver: its first four arguments from rcx, rdx, r8, r9, the rest from its stack
// (Microsoft x64 convention), fetched once. In the foundation's memory, valid until finish_service.
struct ServiceCall {
  std::uint64_t arguments[8];
  // Where the driver goes on afterwards: the return address that the stub's caller left, or the instruction behind an
  // `int 0x81` that isn't a stub's. The return gate's address: a function that the foundation called ended in the jump.
  std::uint64_t return_address;
};
static_assert(sizeof(ServiceCall) == 72);

// Instead of an exception vector: ring 3 executed an RSM, which no processor lets ring 0 forbid, and the CPU came back
// with a later SMI. Where the RSM stood isn't known.
inline constexpr std::uint32_t fault_left_mm = 0x100;
// The same where the CPU came back without having left: an INIT or a reset of that CPU alone cut ring 3 off.
inline constexpr std::uint32_t fault_cpu_reset = 0x101;

// One call of the foundation into a driver, under the Microsoft convention. `scratch` is copied onto the driver's
// stack, and the argument with index scratch_argument (0 to 3) becomes its address there, so that services can hand
// out a size or a GUID by pointer without owning driver memory; afterwards it is copied back. The driver sees
// nothing else of the foundation's.
struct DriverCall {
  static constexpr std::uint32_t no_scratch = 0xFFFFFFFF;

  std::uint64_t entry;
  std::uint64_t arguments[4];
  std::uint64_t scratch[2];
  std::uint32_t scratch_argument;
  std::uint32_t driver;  // the foundation's number of the driver, for fault reports; 0 = unknown
  std::uint64_t result;  // out: the driver's rax
  std::uint64_t ticks;   // out: TSC ticks it took, calls it made included; only when count_ticks is set
  std::uint32_t count_ticks;
  std::uint32_t fault_vector;   // out when driver_fault: exception vector, fault_left_mm or fault_cpu_reset
  std::uint64_t fault_address;  // out when driver_fault: CR2 of a page fault, else 0
  std::uint64_t fault_rip;      // out when driver_fault
};
static_assert(sizeof(DriverCall) == 104 && offsetof(DriverCall, scratch) == 40 && offsetof(DriverCall, result) == 64);

// A procedure of a driver on another CPU, under the Microsoft convention, in ring 3 on a stack of that CPU's own. It
// can call no service: a gate answers EFI_UNSUPPORTED there. When it returns, its rax goes to *status, which the driver
// must be able to write, before anybody learns of the end.
struct ProcedureCall {
  std::uint64_t entry;
  std::uint64_t argument;
  std::uint64_t status;  // address in drivers' memory; 0 = none
  std::uint32_t driver;  // the foundation's number of the driver, for fault reports
  std::uint32_t reserved;
};
static_assert(sizeof(ProcedureCall) == 32);

enum class ProcessorState : std::uint64_t {
  absent,    // not in this MMI, or the CPU that asks
  idle,      // held; a procedure can be started
  running,   // from start_procedure on
  finished,  // it returned: `result`
  faulted,   // it was stopped by a fault, which is on the log
  stopped,   // by stop_procedure
  lost,      // the CPU never began
};

struct ProcedureEnd {
  std::uint64_t result;  // the procedure's rax
  std::uint64_t fault_vector;
  std::uint64_t fault_address;
  std::uint64_t rip;      // where it was stopped
  std::uint64_t refused;  // gate number plus one of the last service it called in vain; 0 = none
};
static_assert(sizeof(ProcedureEnd) == 40);

// How read_save_state packs EFI_MM_SAVE_STATE_IO_INFO: data of at most 32 bits, port, type, width.
inline constexpr unsigned save_state_io_data_shift = 32;
inline constexpr unsigned save_state_io_port_shift = 16;
inline constexpr unsigned save_state_io_type_shift = 8;

// Gates as drivers see them: stubs of 16 bytes each in one page that drivers may execute. Stub n is
// at FoundationLaunch::gates + 16 * n. The foundation builds the MM system table from their addresses.
inline constexpr std::uint32_t gate_stub_bytes = 16;
inline constexpr std::uint32_t gate_count = 64;           // services 0 to 63, numbered by the foundation
inline constexpr std::uint32_t gate_return = gate_count;  // the address a called driver returns to
// Where a procedure on another CPU returns to: two stubs long, stores the status and goes through gate_return.
inline constexpr std::uint32_t procedure_return = gate_return + 1;

struct MemoryStatistics {
  std::uint64_t mmram_bytes;
  std::uint64_t used_bytes;  // everything not free: supervisor, tables, foundation, drivers, volume
  std::uint64_t mmi_count;
  std::uint64_t fault_count;
};

// How much a driver may hold at one time.
struct DriverLimits {
  std::uint32_t pages;  // of MMRAM, its image among them
  std::uint32_t handles;
  std::uint32_t protocols;  // interfaces, on whosever handles
  std::uint32_t handlers;   // of MMIs
  std::uint32_t notifications;
  std::uint32_t tables;  // configuration tables
};
static_assert(sizeof(DriverLimits) == 24);

// Given to the foundation at launch; in its own memory.
struct FoundationLaunch {
  std::uint64_t volume_base;  // the MM firmware volume, readable by the foundation
  std::uint64_t volume_size;
  std::uint64_t hob_base;  // the HOB list, readable by the foundation
  std::uint64_t hob_size;
  std::uint64_t comm_buffer;  // the fixed communication buffer's own address, which in both domains leads to the copy
  std::uint64_t comm_buffer_size;  // bytes
  std::uint64_t gates;             // address of gate stub 0
  std::uint64_t mmram_base;
  std::uint64_t mmram_size;
  std::uint32_t cpu_count;
  std::uint32_t options;                // abi::launch_option (observation.hpp)
  std::uint32_t ticks_per_microsecond;  // of the TSC, rounded up; 0 = not known
  // Pages that the driver of the file `reserve_file` can have whatever others hold; it may exceed its limit up to them.
  std::uint32_t reserve_pages;
  Guid reserve_file;
  DriverLimits limits;
};
static_assert(sizeof(FoundationLaunch) == 128);

// One MMI. `has_message`: a message was captured and its sizes are right; `guid` names its handler (MessageGuid for
// version 3), its data is `data_size` bytes at `data`, which lies in the copy of the communication buffer. `question`:
// what it asked before anybody else in MM saw it.
struct MmiEvent {
  std::uint64_t has_message;
  Guid guid;
  std::uint64_t data;
  std::uint64_t data_size;
  std::uint64_t data_capacity;  // bytes a reply may have
  std::uint64_t cpu;            // index of the CPU that runs MM
  ClosedQuestion question;
};
static_assert(sizeof(MmiEvent) == 64);

}  // namespace redoubt::abi
