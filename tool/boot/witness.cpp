// SPDX-License-Identifier: BSD-2-Clause-Patent
// The two line formats are those of QEMU 7.2:
//   apm_io_write write addr=0x0 val=0x00                    (addr 0 is port 0xB2)
//   pci_cfg_write mch 00:00.0 @0x9d <- 0x1a                 (device, function, offset, value; the width isn't given)
#include "tool/boot/witness.hpp"

#include <charconv>
#include <optional>

namespace redoubt::tool::boot {
namespace {

// The hexadecimal number that follows the first `marker` in `text`.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view marker) {
  const std::size_t at = text.find(marker);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view digits = text.substr(at + marker.size());
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

void Witness::apply(std::string_view line) {
  if (line.starts_with("apm_io_write ")) {
    if (number_after(line, "addr=0x") == 0U) {
      ++mmi_requests;
    }
    return;
  }
  if (!line.starts_with("pci_cfg_write ")) {
    return;
  }
  const std::optional<std::uint64_t> offset = number_after(line, "@0x");
  const std::optional<std::uint64_t> value = number_after(line, "<- 0x");
  if (!offset || !value) {
    return;
  }
  if (line.starts_with("pci_cfg_write mch ")) {
    constexpr std::uint64_t pciexbar = 0x60;
    if (*offset == pciexbar) {
      *this = Witness{.mmi_requests = mmi_requests};
    }
    // Intel Q35 MCH datasheet 5.1.30: SMRAM control at 0x9D, D_LCK is bit 4. A wider write begins at 0x9C.
    constexpr std::uint64_t d_lck = 0x10;
    if ((*offset == 0x9D && (*value & d_lck) != 0) || (*offset == 0x9C && ((*value >> 8) & d_lck) != 0)) {
      locked_before_pci = locked ? locked_before_pci : !pci_enumerated;
      locked = true;
    }
  }
  if (*offset >= 0x10 && *offset < 0x28) {
    pci_enumerated = true;
  }
}

}  // namespace redoubt::tool::boot
