// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/spare_store.hpp"

#include "drivers/variable/store/record.hpp"
#include "drivers/variable/store/store_headers.hpp"
#include "drivers/variable/store/write_queue.hpp"

namespace redoubt::variable {

bool spare_holds_store(Bytes window, const StoreLayout& layout) {
  if (!is_blank_store(window.first(layout.store_size), layout.block_size)) {
    return false;
  }
  const WriteQueue queue = read_write_queue(window, layout);
  const Bytes spare = window.subspan(layout.spare, layout.store_size);
  // A pending write of something else than a store is refused.
  if (queue.state == WriteState::pending && queue.plausible && find_records(spare).has_value()) {
    return false;
  }
  // Headers alone are what a first start leaves that was interrupted.
  return find_lost_variable(spare, 0, layout.store_size) != layout.store_size;
}

}  // namespace redoubt::variable
