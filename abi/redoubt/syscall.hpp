// SPDX-License-Identifier: BSD-2-Clause-Patent
// The contract between the supervisor and ring 3. Two doors lead into the supervisor, both interrupt gates (they touch
// no MSR, so an MMI need not save the host's SYSCALL registers):
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

#include "abi/pi/mm_cpu.hpp"
#include "abi/redoubt/closed_question.hpp"
#include "abi/redoubt/page_access.hpp"
#include "abi/uefi/types.hpp"
#include "base/address.hpp"

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

// Success of a call that makes something else run on this CPU: no register is written, and the asking domain goes on
// when its turn comes, or never.
struct Switched;

// A CPU by its number, as asked for: there may be none.
enum class CpuNumber : std::uint64_t {};
// How wide one access is, in bytes.
enum class Width : std::uint64_t {};

// The system calls: number, name, what the foundation gets back besides a status, parameters, and their names again for
// those who pass them on. The supervisor's table and its decoding of registers, the guest's stubs, the foundation's
// interface and the documentation come from these lists, so that they cannot differ. How a parameter travels in
// registers: abi/redoubt/system_call_arguments.hpp.

// Those that end an entry of the foundation (EntryReason).
//
//   finish_launch                     status: 0 or an EFI_STATUS
//   finish_mmi                        reply_bytes: of the reply, after its header
//   finish_service                    status goes to the driver's rax
#define REDOUBT_FINISHING_CALLS(X)                                                                     \
  X(0, finish_launch, Switched, (std::uint64_t status), (status))                                      \
  X(1, finish_mmi, Switched, (std::uint64_t status, std::uint64_t reply_bytes), (status, reply_bytes)) \
  X(2, finish_service, Switched, (std::uint64_t status), (status))

// Those that come back.
//
//   allocate_pages        zeroed, the foundation's alone, read-write; below `limit` (0 = anywhere)
//   allocate_pages_at     the same at one address
//   free_pages            any pages obtained above, whatever their access now; zeroed later
//   set_page_access       pages obtained above only; what may be asked for: policy/page_access.hpp
//   read_driver           from memory that drivers may read, into the foundation's
//   write_driver          from the foundation's memory into memory that drivers may write
//   call_driver           `call`: a DriverCall; its result and scratch are filled when the driver returns
//   set_root_interest     whether to enter the foundation also for MMIs without a message
//   log                   one line of text, at most log_line_bytes, without prefix and line feed; what isn't printable
//                         ASCII is replaced
//   read_io, write_io     `width` 1, 2 or 4, if policy gives the port to drivers
//   read_memory_statistics  `statistics`: a MemoryStatistics to fill
//   check_device          ok if policy gives drivers all of this memory outside MMRAM (the communication buffer, which
//                         read_driver reads, doesn't count), else not_permitted
//   read_device, write_device  one access to such memory; `width` 1, 2, 4 or 8, the address a multiple of it
//   read_save_state       the low `width` bytes of a register (MmSaveStateRegister, abi/pi/mm_cpu.hpp);
//                         invalid_argument for a CPU that isn't in MM or a width beyond the register's, not_found if
//                         the CPU saves no such register
//   write_save_state      also unsupported for a register that can't be written
//   start_procedure       `call`: a ProcedureCall; on a CPU that is held in this MMI, beside whatever goes on here;
//                         busy if the last one there wasn't fetched yet, not_found if the CPU isn't held
//   check_procedure       `end`: a ProcedureEnd to fill; what has ended is fetched, and the CPU is idle again
//   stop_procedure        if one runs there; returns when it doesn't any more
//   unblock_memory        RAM outside MMRAM, for drivers to read and write at its own address, for good; false if it
//                         was open already. Not permitted: what isn't RAM or leads elsewhere in MM, a part of what is
//                         open, anything after the message of ReadyToLock or ExitBootServices; out_of_memory also
//                         beyond unblocked_limit
//   hold_processors       calls in every CPU that isn't held, and holds who comes; how many didn't come and aren't
//                         known to run. busy: a CPU runs outside, or one that was presumed stopped at the last call of
//                         this MMI has come in since
//   stop_machine          `request`: a StopRequest. A driver failed whose policy says more than disable
//                         (fault_policy.hpp). Comes back only if the machine goes on: not_permitted, with the reason on
//                         the consoles, or bad_address
#define REDOUBT_RETURNING_CALLS(X)                                                                                   \
  X(3, allocate_pages, PhysicalAddress, (std::uint64_t pages, PhysicalAddress limit), (pages, limit))                \
  X(4, allocate_pages_at, void, (PhysicalAddress base, std::uint64_t pages), (base, pages))                          \
  X(5, free_pages, void, (PhysicalAddress base, std::uint64_t pages), (base, pages))                                 \
  X(6, set_page_access, void, (PhysicalAddress base, std::uint64_t pages, abi::PageAccess access),                   \
    (base, pages, access))                                                                                           \
  X(7, read_driver, void, (FoundationAddress to, Range<DriverSpace> from), (to, from))                               \
  X(8, write_driver, void, (DriverAddress to, Range<FoundationSpace> from), (to, from))                              \
  X(9, call_driver, Switched, (FoundationAddress call), (call))                                                      \
  X(10, set_root_interest, void, (bool wanted), (wanted))                                                            \
  X(11, log, void, (Range<FoundationSpace> text), (text))                                                            \
  X(12, read_io, std::uint64_t, (std::uint64_t port, abi::Width width), (port, width))                               \
  X(13, write_io, void, (std::uint64_t port, abi::Width width, std::uint64_t value), (port, width, value))           \
  X(14, read_memory_statistics, void, (FoundationAddress statistics), (statistics))                                  \
  X(15, check_device, void, (Range<PhysicalSpace> device), (device))                                                 \
  X(16, read_device, std::uint64_t, (PhysicalAddress device, abi::Width width), (device, width))                     \
  X(17, write_device, void, (PhysicalAddress device, abi::Width width, std::uint64_t value), (device, width, value)) \
  X(18, read_save_state, std::uint64_t, (abi::CpuNumber cpu, abi::MmSaveStateRegister number, abi::Width width),     \
    (cpu, number, width))                                                                                            \
  X(19, write_save_state, void,                                                                                      \
    (abi::CpuNumber cpu, abi::MmSaveStateRegister number, abi::Width width, std::uint64_t value),                    \
    (cpu, number, width, value))                                                                                     \
  X(20, start_procedure, void, (abi::CpuNumber cpu, FoundationAddress call), (cpu, call))                            \
  X(21, check_procedure, abi::ProcessorState, (abi::CpuNumber cpu, FoundationAddress end), (cpu, end))               \
  X(22, stop_procedure, void, (abi::CpuNumber cpu), (cpu))                                                           \
  X(23, unblock_memory, bool, (PhysicalAddress base, std::uint64_t pages), (base, pages))                            \
  X(24, hold_processors, std::uint64_t, (), ())                                                                      \
  X(25, stop_machine, void, (FoundationAddress request), (request))

#define REDOUBT_SYSTEM_CALLS(X) REDOUBT_FINISHING_CALLS(X) REDOUBT_RETURNING_CALLS(X)

enum class SystemCall : std::uint64_t {
#define REDOUBT_X(number, name, Value, parameters, names) name = number,
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
// must be able to write, before any driver learns of the end.
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
// what it asked, before ring 3 saw it.
struct MmiEvent {
  std::uint64_t has_message;
  Guid guid;
  std::uint64_t data;
  std::uint64_t data_size;
  std::uint64_t data_capacity;  // bytes a reply may have
  std::uint64_t cpu;            // index of the leader
  ClosedQuestion question;
};
static_assert(sizeof(MmiEvent) == 64);

}  // namespace redoubt::abi
