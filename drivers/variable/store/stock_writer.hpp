// SPDX-License-Identifier: BSD-2-Clause-Patent
// For tests: fault-tolerant writes in the order of stock firmware (edk2's MdeModulePkg/Universal/
// FaultTolerantWriteDxe, on OvmfPkg's flash driver): byte after byte in ascending order, states before the numbers they
// stand for, the spare area restored at the end. It is what can be found interrupted in a store that stock firmware
// used; none of it is shared with the driver.
#pragma once

#include <cstring>
#include <vector>

#include "drivers/variable/flash/nor_model.hpp"
#include "drivers/variable/store/layout.hpp"

namespace redoubt::variable::test {

class StockWriter {
 public:
  // The work area of `flash` is valid, with `used` bytes of its queue taken by complete writes.
  StockWriter(NorModel& flash, const StoreLayout& layout, std::uint32_t used = 0)
      : flash_(flash), layout_(layout), header_(layout.work + 32 + used) {}

  // Puts `store`, the volume's header included, in the store's place. Whether it came to its end.
  bool write(const std::vector<std::byte>& store) {
    const std::vector<std::byte> spare = read(layout_.spare, layout_.spare_size);
    return allocate() && record(static_cast<std::uint32_t>(store.size())) && put_in_spare(store) &&
           program(record_, {std::byte{0xFD}}) && erase(0, layout_.store_size) && program(0, store) &&
           program(record_, {std::byte{0xF9}}) && program(header_, {std::byte{0xF8}}) && put_in_spare(spare);
  }

  // Empties the work area by way of the spare area. Whether it came to its end.
  bool reclaim_work_area() {
    const std::vector<std::byte> spare = read(layout_.spare, layout_.spare_size);
    std::vector<std::byte> work(layout_.work_size, std::byte{0xFF});
    const std::vector<std::byte> header = read(layout_.work, 32);
    std::copy(header.begin(), header.end(), work.begin());
    work[20] = std::byte{0xFF};
    return put_in_spare(work) && program(layout_.spare + 20, {std::byte{0xFE}}) &&
           program(layout_.work + 20, {std::byte{0xFC}}) && erase(layout_.work, layout_.work_size) &&
           program(layout_.work, work) && program(layout_.work + 20, {std::byte{0xFE}}) && put_in_spare(spare);
  }

 private:
  std::vector<std::byte> read(std::uint32_t offset, std::uint32_t size) {
    const auto first = flash_.cells().begin() + offset;
    return {first, first + size};
  }
  bool program(std::uint32_t offset, const std::vector<std::byte>& bytes) {
    for (const std::byte value : bytes) {
      if (!flash_.program(offset++, {&value, 1}).has_value()) {
        return false;
      }
    }
    return true;
  }
  bool erase(std::uint32_t offset, std::uint32_t size) {
    for (const std::uint32_t end = offset + size; offset < end; offset += layout_.block_size) {
      if (!flash_.erase(offset).has_value()) {
        return false;
      }
    }
    return true;
  }
  bool put_in_spare(const std::vector<std::byte>& bytes) {
    return erase(layout_.spare, layout_.spare_size) && program(layout_.spare, bytes);
  }
  static void put(std::vector<std::byte>& bytes, std::size_t offset, std::uint64_t value) {
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
  }
  bool allocate() {
    std::vector<std::byte> header(40, std::byte{0xFF});
    header[0] = std::byte{0xFE};
    std::fill_n(header.begin() + 4, 16, std::byte{0x47});  // the caller's GUID
    put(header, 24, 1);
    put(header, 32, 0);
    return program(header_, header) && program(header_, {std::byte{0xFC}});
  }
  bool record(std::uint32_t store_size) {
    record_ = header_ + 40;
    std::vector<std::byte> record(40, std::byte{0xFF});
    put(record, 8, 0);
    put(record, 16, 0x48);
    put(record, 24, store_size - 0x48);
    put(record, 32, 0 - std::uint64_t{layout_.spare});
    return program(record_, record);
  }

  NorModel& flash_;
  StoreLayout layout_;
  std::uint32_t header_;
  std::uint32_t record_ = 0;
};

}  // namespace redoubt::variable::test
