// SPDX-License-Identifier: BSD-2-Clause-Patent
// Opens damaged stores: a sound store with some records and writes in its work area, of which the input changes bytes,
// mostly where headers, records and queue entries stand. Whatever opens must take writes and have them at the next
// start; what the inspection has nothing to say about must open without a change; and a layout must be found, or not,
// without harm.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "drivers/variable/store/flash_store.hpp"
#include "drivers/variable/store/inspection.hpp"
#include "drivers/variable/test_support.hpp"

namespace {

using namespace redoubt;
using namespace redoubt::variable;
using namespace redoubt::variable::test;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

// A store with live and deleted records, whose work area knows of two writes.
std::vector<std::byte> make_store() {
  NorModel nor(small_flash);
  HeapAllocator allocator;
  VariableTable table(allocator);
  FlashStore store(allocator, nor, table, small_layout);
  require(store.open().has_value());
  for (char16_t index = 0; index < 30; ++index) {
    const char16_t name[] = {static_cast<char16_t>(u'A' + index % 7), u'x'};
    const std::vector<std::byte> data(700, static_cast<std::byte>(index));
    const VariableId id{index % 2 == 0 ? vendor_a : vendor_b, {name, 2}};
    require(store.write(id, attribute::nv_bs_rt, {}, data, table.find(id)).has_value());
  }
  return nor.cells();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::byte> sound = make_store();
  std::vector<std::byte> image = sound;
  // Where (an area and a place in it), and what.
  for (; size >= 4; data += 4, size -= 4) {
    const std::uint32_t place = data[1] | (std::uint32_t{data[2]} << 8);
    std::uint32_t offset = 0;
    switch (data[0] & 7) {
      case 0: offset = place % 100; break;                                // the store's headers
      case 1: offset = 100 + (place & 0xFF) + (place >> 8) * 764; break;  // where records start
      case 2: offset = small_layout.work + place % 0x200; break;
      case 3: offset = small_layout.spare + place % 200; break;
      case 4: offset = place % small_region; break;
      default: offset = place % small_flash; break;
    }
    if (offset < image.size()) {
      image[offset] = (data[0] & 0x80) != 0 ? image[offset] & std::byte{data[3]} : std::byte{data[3]};
    }
  }
  static_cast<void>(find_layout(image));
  const std::vector<Finding> findings = inspect(image, small_layout);

  NorModel nor(image);
  const VariableId id{vendor_a, u"Afterwards"};
  std::byte value[300] = {};
  {
    HeapAllocator allocator;
    VariableTable table(allocator);
    FlashStore store(allocator, nor, table, small_layout);
    const bool opened = store.open().has_value();
    if (findings.empty()) {
      require(opened && nor.cells() == image);
    }
    if (!opened) {
      require(nor.cells() == image && !findings.empty());
      return 0;
    }
    const Result<void> written = store.write(id, attribute::nv_bs_rt, {}, value, table.find(id));
    require(written.has_value() || written.error() == Error::out_of_memory);
    if (!written.has_value()) {
      return 0;
    }
  }
  HeapAllocator allocator;
  VariableTable table(allocator);
  FlashStore store(allocator, nor, table, small_layout);
  require(store.open().has_value());
  const Variable* found = table.find(id);
  require(found != nullptr && found->data_size == sizeof(value) &&
          std::memcmp(found->data().data(), value, sizeof(value)) == 0);
  return 0;
}
