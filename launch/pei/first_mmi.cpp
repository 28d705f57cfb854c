// SPDX-License-Identifier: BSD-2-Clause-Patent
// The entry code is first_mmi.S.
#include "launch/pei/first_mmi.hpp"

#include <cstring>

#include "launch/pei/bootstrap_tables.hpp"
#include "launch/pei/first_mmi_parameters.h"
#include "platform/wait.hpp"

extern "C" {
extern const std::byte redoubt_first_mmi_begin[];
extern const std::byte redoubt_first_mmi_long_mode[];
extern const std::byte redoubt_first_mmi_parameters[];
extern const std::byte redoubt_first_mmi_end[];
}

namespace redoubt::launch {
namespace {

// A driver can leave MM by an RSM in its entry point; the next MMI stops it, and the launch goes on. So one is raised
// again and again until there is a result. While one runs the attempts aren't counted.
constexpr std::uint32_t first_mmi_attempts = 100;
constexpr std::uint32_t first_mmi_timeout = 100;  // milliseconds, of each

struct [[gnu::packed]] DescriptorTable {
  std::uint16_t limit;
  std::uint64_t base;
};

struct [[gnu::packed]] FirstMmiParameters {
  std::uint32_t cr3;
  std::uint32_t far_offset;
  std::uint16_t far_selector;
  std::uint16_t gdt_limit;
  std::uint32_t gdt_base;
  std::uint64_t stack_top;
  std::uint64_t record;
  std::uint64_t entry;
  DescriptorTable idt;
  std::uint8_t padding[6];
  std::uint64_t gdt[3];
};
static_assert(offsetof(FirstMmiParameters, cr3) == FIRST_MMI_CR3);
static_assert(offsetof(FirstMmiParameters, far_offset) == FIRST_MMI_FAR_OFFSET);
static_assert(offsetof(FirstMmiParameters, far_selector) == FIRST_MMI_FAR_SELECTOR);
static_assert(offsetof(FirstMmiParameters, gdt_limit) == FIRST_MMI_GDT_LIMIT);
static_assert(offsetof(FirstMmiParameters, gdt_base) == FIRST_MMI_GDT_BASE);
static_assert(offsetof(FirstMmiParameters, stack_top) == FIRST_MMI_STACK_TOP);
static_assert(offsetof(FirstMmiParameters, record) == FIRST_MMI_RECORD);
static_assert(offsetof(FirstMmiParameters, entry) == FIRST_MMI_ENTRY);
static_assert(offsetof(FirstMmiParameters, idt) == FIRST_MMI_IDT_LIMIT);
static_assert(offsetof(FirstMmiParameters, idt) + offsetof(DescriptorTable, base) == FIRST_MMI_IDT_BASE);
static_assert(offsetof(FirstMmiParameters, gdt) == FIRST_MMI_GDT);
static_assert(sizeof(FirstMmiParameters) == FIRST_MMI_SIZE);

// Flat descriptors with their accessed bits set (Intel SDM volume 3, 3.4.5).
constexpr std::uint64_t code64_descriptor = 0x00AF'9B00'0000'FFFF;
constexpr std::uint64_t data_descriptor = 0x00CF'9300'0000'FFFF;

std::uintptr_t pointer_value(std::uint64_t address) { return static_cast<std::uintptr_t>(address); }

void place_entry_code(const MmramLayout& layout, std::uint64_t entry) {
  auto* code = reinterpret_cast<std::byte*>(pointer_value(layout.mmram_base));
  const auto base = static_cast<std::uint32_t>(layout.mmram_base);
  const auto parameters_at = static_cast<std::uint32_t>(redoubt_first_mmi_parameters - redoubt_first_mmi_begin);
  const FirstMmiParameters parameters{
      .cr3 = static_cast<std::uint32_t>(layout.bootstrap),
      .far_offset = base + static_cast<std::uint32_t>(redoubt_first_mmi_long_mode - redoubt_first_mmi_begin),
      .far_selector = FIRST_MMI_CODE_SELECTOR,
      .gdt_limit = sizeof(FirstMmiParameters::gdt) - 1,
      .gdt_base = base + parameters_at + FIRST_MMI_GDT,
      .stack_top = layout.stack_top,
      .record = layout.record,
      .entry = entry,
      .idt = {},
      .padding = {},
      .gdt = {0, code64_descriptor, data_descriptor}};
  std::memcpy(code, redoubt_first_mmi_begin, static_cast<std::size_t>(redoubt_first_mmi_end - redoubt_first_mmi_begin));
  std::memcpy(code + parameters_at, &parameters, sizeof(parameters));
}

}  // namespace

Step<void> run_first_mmi(const MmramLayout& layout, std::uint64_t entry) {
  auto* tables = reinterpret_cast<std::uint64_t*>(pointer_value(layout.bootstrap));
  build_bootstrap_tables(std::span<std::uint64_t, bootstrap_table_entries>(tables, bootstrap_table_entries),
                         layout.bootstrap);
  place_entry_code(layout, entry);

  const auto* record = reinterpret_cast<const abi::LaunchRecord*>(pointer_value(layout.record));
  const volatile std::uint64_t& result = *reinterpret_cast<const volatile std::uint64_t*>(&record->result);
  const auto done = [&] { return result != 0; };
  for (std::uint32_t attempt = 0; attempt != first_mmi_attempts && !done(); ++attempt) {
    platform::raise_mmi();
    platform::wait_for(done, first_mmi_timeout);
  }
  switch (abi::LaunchResult{result}) {
    case abi::LaunchResult::ready: return {};
    case abi::LaunchResult::failed: return because("the supervisor could not start");
    case abi::LaunchResult::not_run: return because("the supervisor did not answer the first MMI");
  }
  return because("the supervisor answered the first MMI with nonsense");
}

}  // namespace redoubt::launch
