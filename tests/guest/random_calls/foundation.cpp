// SPDX-License-Identifier: BSD-2-Clause-Patent
// A compromised foundation: makes system calls at random, biased to valid and nearly valid arguments, from whatever it
// is entered for. Drivers that it calls are a few instructions in a page of its own making: they call gates, store
// anywhere, fault, lose their stack. It spares its own image and stack alone, so that it can go on.
//
// It calls so for messages of tests/guest/random_calls/payload.cpp; before, it lets PEI pass.
#include <array>
#include <cstring>

#include "abi/pi/mm_protocols.hpp"
#include "abi/redoubt/fault_policy.hpp"
#include "base/address.hpp"
#include "foundation/guest/system_calls.hpp"
#include "platform/board.hpp"
#include "tests/guest/random_calls/random_message.hpp"

extern "C" {
// cmake/image.ld.
extern const std::byte redoubt_image_text[];
extern const std::byte redoubt_image_end[];
}

namespace redoubt::guest {
namespace {

using abi::SystemCall;
using abi::SystemStatus;
using foundation::guest::invoke;

#define REDOUBT_X(number, name, Value, parameters, names) +1
constexpr std::uint64_t first_unknown_call = 0 REDOUBT_SYSTEM_CALLS(REDOUBT_X);
#undef REDOUBT_X

constexpr std::uint64_t stack_bytes = 16 * page_bytes;
constexpr unsigned calls_of_a_launch = 20'000;
constexpr unsigned calls_of_an_mmi = 2'000;
constexpr unsigned calls_of_a_service = 6;
constexpr unsigned code_life = 100;  // calls until there is a new page of drivers' code

// What drivers execute. Each piece ends; none counts on anything.
constexpr std::uint8_t driver_code[] = {
    0x41, 0x89, 0xCA, 0xCD, 0x81, 0xC3,                          // 0: mov %ecx, %r10d; int $0x81; ret
    0x89, 0xCB, 0x89, 0xD7, 0x83, 0xE7, 0x07,                    // 6: mov %ecx, %ebx; mov %edx, %edi; and $7, %edi
    0x41, 0x89, 0xDA, 0xCD, 0x81, 0xFF, 0xCF, 0x7F, 0xF7, 0xC3,  // 13: mov %ebx, %r10d; int $0x81; dec %edi; jg 13; ret
    0x48, 0x89, 0x11, 0xC3,                                      // 23: mov %rdx, (%rcx); ret
    0xD9, 0xE8, 0xC3,                                            // 27: fld1; ret
    0xF4, 0xC3,                                                  // 30: hlt; ret
    0x48, 0x89, 0xCC, 0xCD, 0x81, 0xC3,                          // 32: mov %rcx, %rsp; int $0x81; ret
    0x0F, 0xAE, 0x11, 0xC3,                                      // 38: ldmxcsr (%rcx); ret
    0xCD, 0x80, 0xC3,                                            // 42: int $0x80; ret
    0x31, 0xC0, 0xC3,                                            // 45: xor %eax, %eax; ret
};
constexpr std::uint8_t code_starts[] = {0, 0, 0, 0, 6, 6, 6, 6, 6, 6, 6, 27, 27, 45, 45, 45, 23, 30, 32, 38, 42};

struct Obtained {
  std::uint64_t address;
  std::uint64_t pages;
};

struct State {
  abi::FoundationLaunch launch;
  std::uint64_t random;
  std::array<Obtained, 24> obtained;
  std::uint64_t code;
  unsigned calls_with_code;
  std::array<abi::DriverCall, abi::domain_call_depth + 1> calls;  // by depth
  std::size_t depth;
  bool launching;
  std::array<std::uint64_t, 64> buffer;
};
constinit State state{};

// xorshift64*.
std::uint64_t random() {
  state.random ^= state.random >> 12;
  state.random ^= state.random << 25;
  state.random ^= state.random >> 27;
  return state.random * 0x2545'F491'4F6C'DD1D;
}
bool one_in(std::uint64_t count) { return random() % count == 0; }

std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

const Obtained& some_obtained() { return state.obtained[random() % state.obtained.size()]; }
std::uint64_t some_page() {
  const Obtained& block = some_obtained();
  return block.address + (block.pages != 0 ? random() % block.pages * page_bytes : 0);
}
std::uint64_t in_page(std::uint64_t page) {
  switch (random() % 4) {
    case 0: return page;
    case 1: return page + page_bytes - random() % 64;
    default: return page + random() % page_bytes;
  }
}

// Numbers that are somewhere near something.
std::uint64_t any() {
  const abi::FoundationLaunch& launch = state.launch;
  const std::uint64_t values[] = {0,
                                  1,
                                  page_bytes,
                                  ~std::uint64_t{0},
                                  std::uint64_t{1} << 47,
                                  std::uint64_t{1} << 63,
                                  0xFFFF'8000'0000'0000,
                                  0xFFFF'8000'0000'0000 + launch.mmram_base,
                                  launch.volume_base,
                                  launch.hob_base,
                                  launch.comm_buffer,
                                  launch.comm_buffer + launch.comm_buffer_size,
                                  launch.gates,
                                  launch.mmram_base,
                                  launch.mmram_base + launch.mmram_size,
                                  launch.mmram_base + random() % (launch.mmram_size / page_bytes) * page_bytes,
                                  platform::board::grants.ranges[0].base,
                                  platform::board::local_apic_base,
                                  0x1000'0000,
                                  random()};
  const std::uint64_t value = values[random() % std::size(values)];
  switch (random() % 4) {
    case 0: return value + random() % 64;
    case 1: return value - random() % 64;
    default: return value;
  }
}

std::uint64_t pages() { return one_in(16) ? any() : random() % 5; }
std::uint64_t bytes() { return one_in(16) ? any() : one_in(8) ? random() % (4 * page_bytes) : random() % 200; }
std::uint64_t rights() {
  constexpr std::uint64_t sensible[] = {0, 1, 3, 5, 15};
  return one_in(8) ? random() % 32 : sensible[random() % std::size(sensible)];
}

// Holder, his rights and the others', as abi::encode() has them.
std::uint64_t access() {
  const std::uint64_t pair = rights() << 8 | (one_in(2) ? 0 : rights() << 16);
  return one_in(16) ? any() : pair | random() % 2;
}
std::uint64_t source() { return one_in(4) ? in_page(any()) : in_page(some_page()); }

bool overlaps(std::uint64_t address, std::uint64_t size, std::uint64_t begin, std::uint64_t end) {
  return address < end && begin < (size > ~address ? ~std::uint64_t{0} : address + size);
}
// Where results may go without ending this program.
std::uint64_t destination(std::uint64_t size) {
  const std::uint64_t address = one_in(4) ? in_page(any()) : in_page(some_page());
  const std::uint64_t here = address_of(__builtin_frame_address(0));
  const bool own =
      overlaps(address, size, address_of(redoubt_image_text) - page_bytes, address_of(redoubt_image_end)) ||
      overlaps(address, size, here - stack_bytes, here + stack_bytes);
  return own ? state.obtained[0].address : address;
}

// One in its place goes back, if it is still there.
void note(const Obtained& block) {
  Obtained& place = state.obtained[random() % state.obtained.size()];
  invoke(SystemCall::free_pages, place.address, place.pages, 0, 0);
  place = block;
}

void free_everything() {
  for (std::uint64_t page = 0; page < state.launch.mmram_size; page += page_bytes)
    invoke(SystemCall::free_pages, state.launch.mmram_base + page, 1, 0, 0);
}

void make_code() {
  state.calls_with_code = 0;
  if (const auto page = invoke(SystemCall::allocate_pages, 1, 0, 0, 0); page.status == SystemStatus::ok) {
    std::memcpy(reinterpret_cast<void*>(page.value), driver_code, sizeof(driver_code));
    invoke(SystemCall::set_page_access, page.value, 1, abi::encode(abi::held_by_drivers(abi::read_execute)), 0);
    if (!one_in(8)) {
      invoke(SystemCall::free_pages, state.code, 1, 0, 0);
    } else {
      note({state.code, 1});
    }
    state.code = page.value;
  } else if (page.status == SystemStatus::out_of_memory) {
    free_everything();
  }
}

std::uint64_t driver_entry() {
  if (one_in(32)) return any();
  if (one_in(32)) return state.code + random() % 64;
  return state.code + code_starts[random() % std::size(code_starts)];
}

void call_a_driver() {
  abi::DriverCall& call = state.calls[state.depth];
  call = {};
  call.entry = driver_entry();
  call.arguments[0] = one_in(4) ? any() : one_in(2) ? random() % (abi::gate_return + 2) : in_page(some_page());
  call.arguments[1] = random();
  call.arguments[2] = any();
  call.arguments[3] = any();
  call.scratch_argument = one_in(2) ? abi::DriverCall::no_scratch : static_cast<std::uint32_t>(random() % 5);
  call.driver = static_cast<std::uint32_t>(random());
  call.count_ticks = static_cast<std::uint32_t>(random() % 2);
  std::uint64_t address = address_of(&call);
  if (one_in(8)) {
    // From pages that may be nobody's by the time of the answer; what lies there is called.
    address = destination(sizeof(call));
  }
  if (state.depth + 1 < state.calls.size()) {
    ++state.depth;
    invoke(SystemCall::call_driver, address, 0, 0, 0);
    --state.depth;
  }
}

// With a policy by which the machine goes on: any other ends it, as it should, and with it the run.
void ask_to_stop() {
  abi::StopRequest request;
  std::uint64_t words[sizeof(request) / sizeof(std::uint64_t)];
  for (std::uint64_t& word : words) word = random();
  std::memcpy(&request, words, sizeof(request));
  request.policy = abi::FaultPolicy::disable;
  constexpr std::uint64_t nowhere[] = {0, ~std::uint64_t{0}, std::uint64_t{1} << 47, 0xFFFF'8000'0000'0000};
  invoke(SystemCall::stop_machine, one_in(2) ? nowhere[random() % std::size(nowhere)] : address_of(&request), 0, 0, 0);
}

void call_at_random() {
  if (++state.calls_with_code >= code_life) make_code();
  const std::uint64_t choice = random() % 100;
  if (choice < 12) {
    const std::uint64_t count = pages();
    const auto made = invoke(SystemCall::allocate_pages, count, one_in(4) ? any() : 0, 0, 0);
    if (made.status == SystemStatus::ok) note({made.value, count});
  } else if (choice < 17) {
    const std::uint64_t count = pages();
    const std::uint64_t address = one_in(4) ? any() : some_page();
    if (invoke(SystemCall::allocate_pages_at, address, count, 0, 0).status == SystemStatus::ok) note({address, count});
  } else if (choice < 29) {
    const Obtained block = some_obtained();
    invoke(SystemCall::free_pages, one_in(8) ? any() : block.address, one_in(8) ? pages() : block.pages, 0, 0);
  } else if (choice < 49) {
    invoke(SystemCall::set_page_access, one_in(8) ? any() : some_page(), pages(), access(), 0);
  } else if (choice < 59) {
    const std::uint64_t size = bytes();
    invoke(SystemCall::read_driver, destination(size), source(), size, 0);
  } else if (choice < 71) {
    invoke(SystemCall::write_driver, one_in(4) ? any() : in_page(some_page()),
           one_in(2) ? address_of(state.buffer.data()) : source(), bytes(), 0);
  } else if (choice < 87) {
    call_a_driver();
  } else if (choice == 87) {
    invoke(SystemCall::read_memory_statistics, destination(sizeof(abi::MemoryStatistics)), 0, 0, 0);
  } else if (choice == 88) {
    invoke(SystemCall::check_device, any(), bytes(), 0, 0);
    invoke(SystemCall::read_device, any(), random() % 9, 0, 0);
  } else if (choice == 89) {
    invoke(SystemCall::write_device, any(), random() % 9, any(), 0);
  } else if (choice == 90) {
    invoke(SystemCall::read_io, one_in(2) ? 0x608 : any(), random() % 5, 0, 0);
    invoke(SystemCall::write_io, one_in(2) ? 0x664 : any(), random() % 5, any(), 0);
  } else if (choice < 93) {
    invoke(SystemCall::read_save_state, random() % 3, random() % 64, random() % 10, 0);
    invoke(SystemCall::write_save_state, random() % 3, random() % 64, random() % 10, any());
  } else if (choice == 93) {
    abi::ProcedureCall call{.entry = driver_entry(),
                            .argument = any(),
                            .status = one_in(2) ? 0 : in_page(some_page()),
                            .driver = 1,
                            .reserved = 0};
    invoke(SystemCall::start_procedure, random() % 3, one_in(4) ? source() : address_of(&call), 0, 0);
  } else if (choice == 94) {
    invoke(SystemCall::check_procedure, random() % 3, destination(sizeof(abi::ProcedureEnd)), 0, 0);
    if (one_in(4)) invoke(SystemCall::stop_procedure, random() % 3, 0, 0, 0);
  } else if (choice == 95) {
    invoke(SystemCall::unblock_memory, one_in(2) ? 0x1000'0000 + random() % 64 * page_bytes : any(), pages(), 0, 0);
  } else if (choice == 96) {
    if (one_in(8)) invoke(SystemCall::log, source(), one_in(2) ? bytes() : random() % 40, 0, 0);
    invoke(SystemCall::set_root_interest, random() % 2, 0, 0, 0);
  } else if (choice == 97) {
    invoke(SystemCall::hold_processors, 0, 0, 0, 0);
  } else if (choice == 98) {
    // Refused, unless it is what ends this entry.
    if (!state.launching) invoke(SystemCall::finish_launch, any(), 0, 0, 0);
    if (one_in(32)) invoke(SystemCall::finish_mmi, any(), bytes(), 0, 0);
  } else if (one_in(2)) {
    ask_to_stop();
  } else {
    invoke(static_cast<SystemCall>(first_unknown_call + random() % 1000), any(), any(), any(), any());
  }
}

}  // namespace

extern "C" [[noreturn]] void foundation_entry(abi::EntryReason reason, std::uint64_t first, std::uint64_t) {
  switch (reason) {
    case abi::EntryReason::launch:
      state.launch = *reinterpret_cast<const abi::FoundationLaunch*>(first);
      state.random = 0x5EED;
      state.launching = true;
      for (Obtained& block : state.obtained) block = {invoke(SystemCall::allocate_pages, 2, 0, 0, 0).value, 2};
      make_code();
      for (unsigned call = 0; call < calls_of_a_launch; ++call) call_at_random();
      state.launching = false;
      invoke(SystemCall::finish_launch, 0, 0, 0, 0);
      break;
    case abi::EntryReason::mmi: {
      const auto event = *reinterpret_cast<const abi::MmiEvent*>(first);
      state.depth = 0;
      if (event.has_message == 0 || event.guid != random_calls_guid) {
        invoke(SystemCall::finish_mmi, abi::status::success, 0, 0, 0);
        break;
      }
      std::memcpy(&state.random, reinterpret_cast<const void*>(event.data), sizeof(state.random));
      state.random = state.random * 0x9E37'79B9'7F4A'7C15 + 1;
      for (unsigned call = 0; call < calls_of_an_mmi; ++call) call_at_random();
      invoke(SystemCall::finish_mmi, any(), bytes(), 0, 0);
      break;
    }
    case abi::EntryReason::service:
      for (std::uint64_t call = random() % calls_of_a_service; call != 0; --call) call_at_random();
      invoke(SystemCall::finish_service, any(), 0, 0, 0);
      break;
  }
  __builtin_trap();
}

extern "C" [[noreturn]] void __cxa_pure_virtual() { __builtin_trap(); }  // NOLINT(readability-identifier-naming)

}  // namespace redoubt::guest
