// SPDX-License-Identifier: BSD-2-Clause-Patent
// The other end of the runtime cache, for tests: memory that was opened to MM, and a reader that finds variables in it
// as the stock DXE driver does (edk2-stable202211, MdeModulePkg/Universal/Variable/RuntimeDxe/VariableParsing.c),
// written from the format and without our own reader of it.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "drivers/variable/runtime_cache.hpp"

namespace redoubt::variable::test {

class OpenMemory final : public OutsideMemory {
 public:
  explicit OpenMemory(std::size_t bytes) : memory_(bytes / sizeof(std::uint64_t), ~std::uint64_t{0}) {}

  bool is_open(std::uint64_t address, std::uint64_t bytes) const override {
    return bytes != 0 && address >= base() && address - base() < size() && bytes <= size() - (address - base());
  }
  std::uint64_t base() const { return reinterpret_cast<std::uint64_t>(memory_.data()); }
  std::uint64_t size() const { return memory_.size() * sizeof(std::uint64_t); }
  std::uint8_t* at(std::uint64_t offset) { return reinterpret_cast<std::uint8_t*>(memory_.data()) + offset; }

 private:
  std::vector<std::uint64_t> memory_;
};

// The stock driver's side of one cache: flags in the first 64 bytes of memory, then the two stores.
class StockCache {
 public:
  using Key = std::pair<std::u16string, std::uint32_t>;  // name, and the vendor's first field
  using Values = std::map<Key, std::pair<std::uint32_t, std::string>>;

  explicit StockCache(const messages::RuntimeCacheInfo& info)
      : info_(info),
        memory(flags_bytes + round_up(info.volatile_storage_size) + round_up(info.non_volatile_storage_size)) {
    initialize_store(volatile_store(), info.volatile_storage_size);
    initialize_store(non_volatile_store(), info.non_volatile_storage_size);
  }

  messages::RuntimeCacheContext context() const {
    return {.read_lock = memory.base() + 1,
            .pending_update = memory.base(),
            .hob_flush_complete = memory.base() + 2,
            .hob_cache = 0,
            .non_volatile_cache = memory.base() + flags_bytes + round_up(info_.volatile_storage_size),
            .volatile_cache = memory.base() + flags_bytes};
  }
  bool is_pending() { return *memory.at(0) != 0; }
  void lock(bool locked) { *memory.at(1) = locked ? 1 : 0; }
  std::uint8_t* volatile_store() { return memory.at(flags_bytes); }
  std::uint8_t* non_volatile_store() { return memory.at(flags_bytes + round_up(info_.volatile_storage_size)); }

  // All variables that a reader finds; nothing if a store isn't one.
  std::optional<Values> values() {
    Values found;
    for (const std::uint8_t* store : {volatile_store(), non_volatile_store()}) {
      if (!read_store(store, found)) {
        return std::nullopt;
      }
    }
    return found;
  }

 private:
  static constexpr std::uint64_t flags_bytes = 64;
  static std::uint64_t round_up(std::uint64_t bytes) { return (bytes + 7) & ~std::uint64_t{7}; }

  template <typename T>
  static T load(const std::uint8_t* bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof(value));
    return value;
  }

  static void initialize_store(std::uint8_t* store, std::uint64_t size) {
    std::memset(store, 0xFF, size);
    std::memset(store, 0, 28);
    const auto store_size = static_cast<std::uint32_t>(size);
    std::memcpy(store + 16, &store_size, sizeof(store_size));
    store[20] = 0x5A;
    store[21] = 0xFE;
  }

  static bool read_store(const std::uint8_t* store, Values& found) {
    constexpr std::uint8_t signature[16] = {0x78, 0x2c, 0xf3, 0xaa, 0x7b, 0x94, 0x9a, 0x43,
                                            0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92};
    if (std::memcmp(store, signature, sizeof(signature)) != 0 || store[20] != 0x5A || store[21] != 0xFE) {
      return false;
    }
    const auto size = load<std::uint32_t>(store + 16);
    std::map<Key, bool> is_added;
    for (std::uint32_t at = 28; at + 60 <= size && load<std::uint16_t>(store + at) == 0x55AA;) {
      const std::uint8_t* record = store + at;
      const auto name_size = load<std::uint32_t>(record + 36);
      const auto data_size = load<std::uint32_t>(record + 40);
      if (name_size % 2 != 0 || name_size > size - at - 60 || data_size > size - at - 60 - name_size) {
        return false;
      }
      const std::uint8_t state = record[2];
      if (state == 0x3F || state == 0x3E) {
        std::u16string name(name_size / 2, u'\0');
        std::memcpy(name.data(), record + 60, name_size);
        if (name.empty() || name.back() != u'\0') {
          return false;
        }
        name.pop_back();
        const Key key{name, load<std::uint32_t>(record + 44)};
        const std::string data(reinterpret_cast<const char*>(record) + 60 + name_size, data_size);
        if (state == 0x3F && is_added[key]) {
          return false;  // twice
        }
        if (state == 0x3F || !is_added[key]) {
          found[key] = {load<std::uint32_t>(record + 4), data};
        }
        is_added[key] = is_added[key] || state == 0x3F;
      }
      at += (60 + name_size + data_size + 3) & ~3U;
    }
    return true;
  }

  messages::RuntimeCacheInfo info_;

 public:
  OpenMemory memory;
};

}  // namespace redoubt::variable::test
