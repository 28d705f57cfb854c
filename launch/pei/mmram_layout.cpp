// SPDX-License-Identifier: BSD-2-Clause-Patent
// Hands out MMRAM from the bottom up, in the order of the drawing in mmram_layout.hpp. Sizes come from an image and
// from PEI, so every step is checked.
#include "launch/pei/mmram_layout.hpp"

#include "base/checked.hpp"

namespace redoubt::launch {
namespace {

class Cursor {
 public:
  Cursor(std::uint64_t base, std::uint64_t size) : next_(base), end_(base + size) {}

  // The address of the next `size` bytes, whole pages of which are taken.
  Result<std::uint64_t> take(std::uint64_t size) {
    const auto rounded = checked_align_up(size, page_bytes);
    if (!rounded || *rounded > end_ - next_) {
      return std::unexpected(Error::out_of_memory);
    }
    const std::uint64_t address = next_;
    next_ += *rounded;
    return address;
  }

  std::uint64_t next() const { return next_; }

 private:
  std::uint64_t next_;
  std::uint64_t end_;
};

}  // namespace

Result<MmramLayout> lay_out(const LayoutRequest& request) {
  const auto end = checked_add(request.mmram_base, request.mmram_size);
  if (!end || *end > (std::uint64_t{1} << 32) || !is_aligned(request.mmram_base, page_bytes) ||
      !is_aligned(request.mmram_size, page_bytes) || request.mmram_base < abi::smm_entry_offset) {
    return std::unexpected(Error::invalid_argument);
  }
  if (request.cpu_count == 0 || request.supervisor_size == 0 || request.volume_size == 0 || request.hob_size == 0) {
    return std::unexpected(Error::invalid_argument);
  }

  // The last CPU's save state ends (smm_save_state_offset + 0x200 - smm_entry_offset) above its entry code.
  constexpr std::uint64_t last_cpu_size = abi::smm_save_state_offset + 0x200 - abi::smm_entry_offset;
  static_assert(last_cpu_size == 8 * page_bytes);
  const std::uint64_t cpus = request.cpu_count;

  if (request.mmram_size < abi::kept_bytes) {
    return std::unexpected(Error::out_of_memory);
  }
  Cursor cursor(request.mmram_base, request.mmram_size - abi::kept_bytes);
  MmramLayout layout{};
  layout.mmram_base = request.mmram_base;
  layout.mmram_size = request.mmram_size;
  TRY(cursor.take((cpus - 1) * abi::smbase_stride + last_cpu_size));
  layout.record = TRY(cursor.take(sizeof(abi::LaunchRecord) + cpus * sizeof(abi::LaunchCpu)));
  layout.cpus = layout.record + sizeof(abi::LaunchRecord);
  layout.supervisor = TRY(cursor.take(request.supervisor_size));
  layout.supervisor_size = cursor.next() - layout.supervisor;
  layout.volume = TRY(cursor.take(request.volume_size));
  layout.hobs = TRY(cursor.take(request.hob_size));
  layout.bootstrap = TRY(cursor.take(bootstrap_table_pages * page_bytes + bootstrap_stack_size));
  layout.bootstrap_size = cursor.next() - layout.bootstrap;
  layout.stack_top = cursor.next();
  layout.used_end = cursor.next();
  return layout;
}

}  // namespace redoubt::launch
