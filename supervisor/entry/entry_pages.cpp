// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/entry/entry_pages.hpp"

#include <cstring>

#include "arch/x86_64/registers/segments.hpp"
#include "base/checked.hpp"

namespace redoubt::supervisor {
namespace {

constexpr std::byte undefined_instruction{0xCC};  // INT3: with the empty IDT of the entry code, a shutdown
constexpr std::byte resume[] = {std::byte{0x0F}, std::byte{0xAA}};  // RSM

}  // namespace

Result<void> write_entry_page(std::span<std::byte> page, std::span<const std::byte> code,
                              const EntryParameters& parameters) {
  if (code.size() > ENTRY_FIELDS || page.size() < ENTRY_BYTES) {
    return std::unexpected(Error::invalid_argument);
  }
  EntryFields fields{};
  fields.gdt_limit = sizeof(arch::GlobalDescriptorTable) - 1;
  fields.gdt_base = TRY(checked_cast<std::uint32_t>(parameters.descriptors.number));
  fields.cr3 = TRY(checked_cast<std::uint32_t>(parameters.root.number));
  fields.cr4 = TRY(checked_cast<std::uint32_t>(parameters.cr4));
  fields.efer = TRY(checked_cast<std::uint32_t>(parameters.efer));
  fields.cpu = TRY(checked_cast<std::uint32_t>(parameters.cpu.number));
  fields.far_offset = TRY(checked_cast<std::uint32_t>(parameters.long_mode.number));
  fields.far_selector = arch::selector::supervisor_code;
  std::memset(page.data(), static_cast<int>(undefined_instruction), page.size());
  std::memcpy(page.data(), code.data(), code.size());
  std::memcpy(page.data() + ENTRY_FIELDS, &fields, sizeof(fields));
  return {};
}

void write_dead_entry_page(std::span<std::byte> page) {
  std::memset(page.data(), static_cast<int>(undefined_instruction), page.size());
  std::memcpy(page.data(), resume, sizeof(resume));
}

}  // namespace redoubt::supervisor
