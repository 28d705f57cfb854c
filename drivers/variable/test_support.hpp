// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the tests of this driver share: memory that can run out, and services over a small NOR flash.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "drivers/variable/defined_variables.hpp"
#include "drivers/variable/flash/nor_model.hpp"
#include "drivers/variable/message_handler.hpp"
#include "drivers/variable/store/fault_tolerant_write.hpp"
#include "drivers/variable/variable_services.hpp"

namespace redoubt::variable::test {

class HeapAllocator final : public Allocator {
 public:
  ~HeapAllocator() {
    if (outstanding_ != 0) {
      std::abort();  // a release() was forgotten
    }
  }
  void* allocate(std::size_t size) override {
    if (allowed_ == 0) {
      return nullptr;
    }
    --allowed_;
    ++outstanding_;
    return std::malloc(size);
  }
  void release(void* memory) override {
    if (memory != nullptr) {
      --outstanding_;
      std::free(memory);
    }
  }
  // Allocations that still succeed.
  void allow(std::size_t count) { allowed_ = count; }

 private:
  std::size_t allowed_ = SIZE_MAX;
  std::size_t outstanding_ = 0;
};

// A flash with its copy, as the store has it.
struct LoadedCopy {
  LoadedCopy(NorModel& nor, OtherProcessors* processors = nullptr) : flash_copy(allocator, nor, processors) {
    if (!flash_copy.load().has_value()) {
      std::abort();
    }
  }
  HeapAllocator allocator;
  FlashCopy flash_copy;
};

// A fault-tolerant write on a flash, without a store.
struct LoneWrite : private LoadedCopy, public FaultTolerantWrite {
  LoneWrite(NorModel& nor, const StoreLayout& layout) : LoadedCopy(nor), FaultTolerantWrite(flash_copy, layout) {}
};

inline constexpr std::uint32_t small_region = 0x4000;
inline constexpr std::uint32_t small_flash = 0x9000;
inline constexpr StoreLayout small_layout = {.block_size = 0x1000,
                                             .volume_size = small_flash,
                                             .store_size = small_region,
                                             .work = 0x4000,
                                             .work_size = 0x1000,
                                             .spare = 0x5000,
                                             .spare_size = 0x4000};
inline constexpr abi::Guid vendor_a = {0x11111111, 0x2222, 0x3333, {1, 2, 3, 4, 5, 6, 7, 8}};
inline constexpr abi::Guid vendor_b = {0x99999999, 0x2222, 0x3333, {1, 2, 3, 4, 5, 6, 7, 8}};

inline std::vector<std::byte> bytes(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

// Services on one flash, that can be started again as after a reset.
class Machine {
 public:
  explicit Machine(Limits limits = {}) : Machine(NorModel(small_flash), small_layout, limits) {}
  Machine(NorModel nor, const StoreLayout& store_layout, Limits machine_limits = {})
      : flash(std::move(nor)), layout(store_layout), limits(machine_limits) {
    static_cast<void>(reset());
  }

  Result<void> reset() {
    handler.reset();
    services.reset();
    flash.power_up();
    services = std::make_unique<VariableServices>(allocator, flash, layout, limits, processors);
    handler = std::make_unique<MessageHandler>(*services);
    return started = services->start();
  }

  abi::EfiStatus set(std::u16string_view name, std::uint32_t attributes, std::string_view data,
                     const abi::Guid& vendor = vendor_a) {
    return services->set(Requester::message, {vendor, name}, attributes, std::as_bytes(std::span(data)));
  }

  struct Value {
    abi::EfiStatus status = 0;
    std::uint32_t attributes = 0;
    std::string data;
    friend bool operator==(const Value&, const Value&) = default;
  };
  Value get(std::u16string_view name, const abi::Guid& vendor = vendor_a) const {
    Value value;
    std::uint64_t size = 0;
    value.status = services->get({vendor, name}, value.attributes, size, nullptr);
    if (value.status == abi::status::buffer_too_small) {
      value.data.resize(size);
      value.status =
          services->get({vendor, name}, value.attributes, size, std::as_writable_bytes(std::span(value.data)).data());
    }
    return value;
  }

  // The names that GetNextVariableName lists, in order.
  std::vector<std::u16string> names() const {
    std::vector<std::u16string> found;
    std::u16string name(512, u'\0');
    abi::Guid vendor{};
    for (;;) {
      std::uint64_t size = name.size() * sizeof(char16_t);
      const auto status = services->get_next(std::as_writable_bytes(std::span(name)), size, vendor);
      if (status != abi::status::success) {
        break;
      }
      found.emplace_back(name.c_str());
    }
    return found;
  }

  HeapAllocator allocator;
  NorModel flash;
  StoreLayout layout;
  Limits limits;
  OtherProcessors* processors = nullptr;
  std::unique_ptr<VariableServices> services;
  std::unique_ptr<MessageHandler> handler;
  Result<void> started;
};

}  // namespace redoubt::variable::test
