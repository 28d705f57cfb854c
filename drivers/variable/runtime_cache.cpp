// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/runtime_cache.hpp"

#include "drivers/variable/store/flash_store.hpp"

namespace redoubt::variable {

namespace {

using abi::EfiStatus;
namespace status = abi::status;

constexpr std::uint32_t first_record = sizeof(format::StoreHeader);
constexpr std::uint64_t store_alignment = 8;
constexpr std::byte blank{0xFF};

}  // namespace

void RuntimeCache::set_space(std::uint32_t non_volatile_space, std::uint32_t volatile_space) {
  non_volatile_.space = non_volatile_space;
  volatile_.space = volatile_space;
}

messages::RuntimeCacheInfo RuntimeCache::info() const {
  messages::RuntimeCacheInfo info{};
  info.non_volatile_storage_size = non_volatile_.size();
  info.volatile_storage_size = volatile_.size();
  info.is_authenticated = 1;
  return info;
}

EfiStatus RuntimeCache::connect(const messages::RuntimeCacheContext& context, const OutsideMemory& outside) {
  for (const std::uint64_t flag : {context.pending_update, context.read_lock, context.hob_flush_complete}) {
    if (flag == 0 || !outside.is_open(flag, 1)) {
      return status::access_denied;
    }
  }
  const auto is_usable = [&outside](std::uint64_t address, std::uint32_t needed) {
    if (address == 0 || address % store_alignment != 0 || !outside.is_open(address, sizeof(format::StoreHeader))) {
      return false;
    }
    const std::uint32_t size = *reinterpret_cast<const volatile std::uint32_t*>(
        static_cast<std::uintptr_t>(address + offsetof(format::StoreHeader, size)));
    return size >= needed && outside.is_open(address, needed);
  };
  if (!is_usable(context.volatile_cache, volatile_.size()) ||
      !is_usable(context.non_volatile_cache, non_volatile_.size()) ||
      (context.hob_cache != 0 && !outside.is_open(context.hob_cache, sizeof(format::StoreHeader)))) {
    return status::access_denied;
  }
  if (is_connected()) {
    tell_pending(true);  // for good: what was in use before isn't kept up
  }
  const auto use = [](Store& store, std::uint64_t address) {
    if (store.base != nullptr) {
      __builtin_memset(store.base + first_record, static_cast<int>(blank), store.written);
    }
    store.base = reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(address));
    store.used = 0;
    store.written = store.space;
    store.is_stale = true;
  };
  use(volatile_, context.volatile_cache);
  use(non_volatile_, context.non_volatile_cache);
  pending_update_ = reinterpret_cast<volatile std::uint8_t*>(static_cast<std::uintptr_t>(context.pending_update));
  read_lock_ = reinterpret_cast<const volatile std::uint8_t*>(static_cast<std::uintptr_t>(context.read_lock));
  *reinterpret_cast<volatile std::uint8_t*>(static_cast<std::uintptr_t>(context.hob_flush_complete)) = 0;
  *reinterpret_cast<volatile std::uint8_t*>(static_cast<std::uintptr_t>(context.read_lock)) = 0;
  tell_pending(true);
  return status::success;
}

// For a reader on another CPU: the stores are complete before the flag says so, and it is up before anything changes,
// or a reader's lock is looked at.
void RuntimeCache::tell_pending(bool pending) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  *pending_update_ = pending ? 1 : 0;
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

EfiStatus RuntimeCache::synchronize() {
  if (!is_connected()) {
    return status::unsupported;
  }
  tell_pending(true);
  for (Store* store : {&volatile_, &non_volatile_}) {
    if (store->is_stale) {
      rewrite(*store);
    }
  }
  tell_pending(false);
  return status::success;
}

bool RuntimeCache::is_free() {
  tell_pending(true);
  return *read_lock_ == 0;
}

bool RuntimeCache::begin_change(Store& store) {
  if (!is_connected()) {
    return false;
  }
  if (!is_free()) {
    store.is_stale = true;
    return false;
  }
  if (volatile_.is_stale || non_volatile_.is_stale) {
    store.is_stale = true;
    static_cast<void>(synchronize());
    return false;
  }
  return true;
}

void RuntimeCache::write(Variable& variable, std::uint32_t replaced) {
  Store& store = store_of(variable.is_volatile());
  if (!begin_change(store)) {
    return;
  }
  if (is_shown(variable) && FlashStore::record_size(variable) > store.space - store.used) {
    rewrite(store);
  } else {
    if (is_shown(variable)) {
      append(store, variable);
    }
    mark_deleted(store, replaced);
  }
  tell_pending(false);
}

void RuntimeCache::remove(bool is_volatile, std::uint32_t record) {
  Store& store = store_of(is_volatile);
  if (begin_change(store)) {
    mark_deleted(store, record);
    tell_pending(false);
  }
}

void RuntimeCache::refresh() {
  if (begin_change(non_volatile_)) {
    rewrite(non_volatile_);
    tell_pending(false);
  }
}

void RuntimeCache::exit_boot_services() {
  if (at_runtime_ || !is_connected()) {
    at_runtime_ = true;
    return;
  }
  at_runtime_ = true;
  volatile_.is_stale = true;
  non_volatile_.is_stale = true;
  if (is_free()) {
    static_cast<void>(synchronize());
  }
}

void RuntimeCache::append(Store& store, Variable& variable) {
  format::RecordHeader header{};
  header.start = format::RecordHeader::expected_start;
  header.state = format::state::blank;
  header.attributes = variable.attributes;
  header.time_stamp = variable.time_stamp;
  header.name_size = variable.name_size;
  header.data_size = variable.data_size;
  header.vendor = variable.vendor();
  std::byte* record = store.base + first_record + store.used;
  __builtin_memcpy(record, &header, sizeof(header));
  // Vendor, name and data follow one another in memory and in flash; the vendor stands in the header.
  __builtin_memcpy(record + sizeof(header), variable.content + sizeof(header.vendor),
                   variable.name_size + variable.data_size);
  const std::uint32_t size = FlashStore::record_size(variable);
  const std::uint32_t content = sizeof(header) + variable.name_size + variable.data_size;
  __builtin_memset(record + content, static_cast<int>(blank), size - content);
  record[offsetof(format::RecordHeader, state)] = std::byte{format::state::added};
  variable.cached = first_record + store.used;
  store.used += size;
  if (store.written < store.used) {
    store.written = store.used;
  }
}

void RuntimeCache::mark_deleted(Store& store, std::uint32_t record) {
  if (record != 0) {
    store.base[record + offsetof(format::RecordHeader, state)] =
        std::byte{format::state::replacing & format::state::deleted_mask};
  }
}

void RuntimeCache::rewrite(Store& store) {
  format::StoreHeader header{};
  header.signature = format::authenticated_store_guid;
  header.size = store.size();
  header.format = format::StoreHeader::formatted;
  header.state = format::StoreHeader::healthy;
  __builtin_memcpy(store.base, &header, sizeof(header));
  const std::uint32_t written = store.written;
  store.used = 0;
  store.written = 0;
  const bool is_volatile = &store == &volatile_;
  for (Variable* variable = is_volatile ? table_.first() : table_.first_non_volatile();
       variable != nullptr && variable->is_volatile() == is_volatile; variable = variable->next) {
    variable->cached = 0;
    // Space is counted alike here and in the stores of variables, so that what fits there fits here.
    if (is_shown(*variable) && FlashStore::record_size(*variable) <= store.space - store.used) {
      append(store, *variable);
    }
  }
  if (written > store.used) {
    __builtin_memset(store.base + first_record + store.used, static_cast<int>(blank), written - store.used);
  }
  store.is_stale = false;
}

}  // namespace redoubt::variable
