// SPDX-License-Identifier: BSD-2-Clause-Patent
// The drivers of theft_protocol.hpp, one image for each role. The owner tells where its objects are, as a driver may
// that trusts its neighbours; the thief uses that, and guesses. They must never be shipped in an image.
#include <cstring>
#include <initializer_list>

#include "abi/pi/communication_protocols.hpp"
#include "abi/pi/mm_child_dispatch.hpp"
#include "abi/pi/mm_memory_attribute.hpp"
#include "abi/pi/mm_mp.hpp"
#include "base/address.hpp"
#include "sdk/mm_driver.hpp"
#include "tests/guest/drivers/theft/theft_protocol.hpp"

namespace redoubt::theft {
namespace {

using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::MmSystemTable;
using abi::UintN;
namespace status = abi::status;

constexpr Role role = static_cast<Role>(REDOUBT_THEFT_ROLE);

constexpr Guid objects_protocol = {0x41f7c2d9, 0x93b5, 0x4e0a, {0x8c, 0x27, 0x74, 0x68, 0x65, 0x66, 0x74, 0x10}};
constexpr Guid watched_protocol = {0x41f7c2d9, 0x93b5, 0x4e0a, {0x8c, 0x27, 0x74, 0x68, 0x65, 0x66, 0x74, 0x11}};
constexpr Guid table_guid = {0x41f7c2d9, 0x93b5, 0x4e0a, {0x8c, 0x27, 0x74, 0x68, 0x65, 0x66, 0x74, 0x12}};
constexpr Guid planted_guid = {0x41f7c2d9, 0x93b5, 0x4e0a, {0x8c, 0x27, 0x74, 0x68, 0x65, 0x66, 0x74, 0x13}};

constexpr UintN small_bytes = 40;
constexpr UintN large_bytes = 5000;

// The owner's, as its protocol's interface.
struct Objects {
  Handle handle;
  Handle handler;
  Handle child;
  void* registration;
  abi::EfiPhysicalAddress pages;  // two
  std::uint8_t* small;
  std::uint8_t* large;
  abi::MmiHandler function;
  std::uint64_t notified;
  std::uint64_t child_calls;
};

template <typename Protocol>
Protocol* locate(const MmSystemTable& mmst, const Guid& guid) {
  void* interface = nullptr;
  return mmst.locate_protocol(&guid, nullptr, &interface) == status::success ? static_cast<Protocol*>(interface)
                                                                             : nullptr;
}

constinit MmSystemTable* table = nullptr;
constinit Objects objects{};

// Statuses by number: the first that isn't as it should be.
class Steps {
 public:
  void expect(bool holds) {
    ++count_;
    if (!holds && first_ == 0) first_ = count_;
  }
  void refused(EfiStatus result) { expect(status::is_error(result)); }
  void succeeds(EfiStatus result) { expect(result == status::success); }
  std::uint64_t first() const { return first_; }
  std::uint64_t count() const { return count_; }

 private:
  std::uint64_t count_ = 0;
  std::uint64_t first_ = 0;
};

// ---- Owner ----

EFIAPI EfiStatus on_child(Handle, const void*, void*, UintN*) {
  ++objects.child_calls;
  return status::success;
}

EFIAPI EfiStatus on_watched(const Guid*, void*, Handle) {
  ++objects.notified;
  return status::success;
}

EfiStatus start_owner(MmSystemTable& mmst) {
  Steps steps;
  steps.succeeds(mmst.install_protocol_interface(&objects.handle, &objects_protocol, abi::native_interface, &objects));
  steps.succeeds(mmst.register_protocol_notify(&watched_protocol, on_watched, &objects.registration));
  steps.succeeds(mmst.install_configuration_table(&mmst, &table_guid, &objects, sizeof(objects)));
  steps.succeeds(mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 2, &objects.pages));
  void* memory = nullptr;
  steps.succeeds(mmst.allocate_pool(abi::runtime_services_data, small_bytes, &memory));
  objects.small = static_cast<std::uint8_t*>(memory);
  steps.succeeds(mmst.allocate_pool(abi::runtime_services_data, large_bytes, &memory));
  objects.large = static_cast<std::uint8_t*>(memory);
  auto* software = locate<abi::MmSwDispatchProtocol>(mmst, abi::mm_sw_dispatch_protocol_guid);
  if (software == nullptr || steps.first() != 0) return status::aborted;
  abi::MmSwRegisterContext context{software_value};
  steps.succeeds(software->register_handler(software, on_child, &context, &objects.child));
  std::memset(objects.small, 0x5A, small_bytes);
  std::memset(objects.large, 0x5B, large_bytes);
  std::memset(reinterpret_cast<void*>(objects.pages), 0x5C, 2 * page_bytes);
  return steps.first() == 0 ? status::success : status::aborted;
}

bool all(const std::uint8_t* bytes, UintN count, std::uint8_t value) {
  for (UintN i = 0; i != count; ++i) {
    if (bytes[i] != value) return false;
  }
  return true;
}

// The software MMI was raised once since the last check.
std::uint64_t check_owner(MmSystemTable& mmst, std::uint64_t check) {
  Steps steps;
  steps.expect(locate<Objects>(mmst, objects_protocol) == &objects);
  steps.expect(all(objects.small, small_bytes, 0x5A));
  steps.expect(all(objects.large, large_bytes, 0x5B));
  steps.expect(all(reinterpret_cast<const std::uint8_t*>(objects.pages), 2 * page_bytes, 0x5C));
  const abi::ConfigurationTable* own = nullptr;
  for (UintN i = 0; i != mmst.number_of_table_entries; ++i) {
    if (mmst.configuration_table[i].vendor_guid == table_guid) own = &mmst.configuration_table[i];
  }
  steps.expect(own != nullptr && own->vendor_table == &objects);
  steps.expect(objects.child_calls == check);
  // What the thief installs is new to the registration each time, and the owner is told.
  void* found = nullptr;
  const EfiStatus located = mmst.locate_protocol(&watched_protocol, objects.registration, &found);
  steps.expect((check == 1) == (located == status::not_found));
  steps.expect(objects.notified == check - 1);
  // It can still write its memory.
  objects.small[0] = 0x5A;
  *reinterpret_cast<volatile std::uint8_t*>(objects.pages) = 0x5C;
  return steps.first();
}

// ---- Thief ----

// A gate without its stub, with a return address of somebody's on the stack.
EfiStatus call_gate(std::uint64_t gate, std::uint64_t first, std::uint64_t second, std::uint64_t return_address) {
  EfiStatus result = gate;
  register std::uint64_t number asm("r10") = gate;
  register std::uint64_t third asm("r8") = 0;
  register std::uint64_t fourth asm("r9") = 0;
  asm volatile(
      "subq $128, %%rsp\n\t"
      "pushq %[address]\n\t"
      "int $0x81\n\t"
      "addq $136, %%rsp"
      : "=a"(result), "+c"(first), "+d"(second), "+r"(number), "+r"(third), "+r"(fourth)
      : [address] "r"(return_address)
      : "r11", "memory", "cc");
  return result;
}

std::uint64_t gate_number(const void* stub) {  // mov $number, %r10d
  std::uint32_t number = 0;
  std::memcpy(&number, static_cast<const std::uint8_t*>(stub) + 2, sizeof(number));
  return number;
}

void steal_memory(MmSystemTable& mmst, const Objects& from, Steps& steps) {
  for (void* buffer : {static_cast<void*>(from.small), static_cast<void*>(from.large)}) {
    steps.refused(mmst.free_pool(buffer));
    const auto function = reinterpret_cast<std::uint64_t>(from.function);
    const std::uint64_t gate = gate_number(reinterpret_cast<const void*>(mmst.free_pool));
    steps.refused(call_gate(gate, reinterpret_cast<std::uint64_t>(buffer), 0, function));
  }
  steps.refused(mmst.free_pages(from.pages, 2));
  steps.refused(mmst.free_pages(from.pages + page_bytes, 1));
  // Around the owner's small buffer, and pages around its own.
  for (std::uint64_t offset = 0; offset != page_bytes; offset += 16) {
    steps.refused(mmst.free_pool(
        reinterpret_cast<void*>((reinterpret_cast<std::uint64_t>(from.small) & ~(page_bytes - 1)) + offset)));
  }
  auto* attributes = locate<abi::MmMemoryAttributeProtocol>(mmst, abi::mm_memory_attribute_protocol_guid);
  steps.expect(attributes != nullptr);
  for (const std::uint64_t address :
       {from.pages, reinterpret_cast<std::uint64_t>(from.large), reinterpret_cast<std::uint64_t>(from.small),
        reinterpret_cast<std::uint64_t>(from.function)}) {
    std::uint64_t value = 0x6666'6666'6666'6666;
    steps.refused(mmst.mm_io.memory.write(&mmst.mm_io, abi::mm_io_uint64, address & ~std::uint64_t{7}, 1, &value));
    if (attributes == nullptr) continue;
    for (const std::uint64_t attribute : {abi::memory_attribute::read_only, abi::memory_attribute::read_protect}) {
      steps.refused(attributes->set_memory_attributes(attributes, address & ~(page_bytes - 1), page_bytes, attribute));
    }
  }
}

// Tokens as they would be, for every slot that could be in use.
constexpr std::uint64_t guessed_slots = 256;
Handle guessed(std::uint64_t kind, std::uint64_t index) {
  return reinterpret_cast<Handle>(kind << 56 | std::uint64_t{1} << 32 | index);
}

void steal_registrations(MmSystemTable& mmst, const Objects& from, Steps& steps, Handle own_handler) {
  steps.refused(
      mmst.uninstall_protocol_interface(from.handle, &objects_protocol, locate<void>(mmst, objects_protocol)));
  void* variables = locate<void>(mmst, abi::smm_variable_guid);
  steps.expect(variables != nullptr);
  steps.refused(mmst.mmi_handler_unregister(from.handler));
  void* registration = from.registration;
  steps.refused(mmst.register_protocol_notify(&watched_protocol, nullptr, &registration));
  void* found = nullptr;
  Handle handles[4] = {};
  UintN size = sizeof(handles);
  for (std::uint64_t index = 0; index != guessed_slots; ++index) {
    steps.refused(mmst.uninstall_protocol_interface(guessed(0xA1, index), &abi::smm_variable_guid, variables));
    if (guessed(0xA3, index) != own_handler) steps.refused(mmst.mmi_handler_unregister(guessed(0xA3, index)));
    registration = guessed(0xA2, index);
    steps.refused(mmst.locate_protocol(&watched_protocol, registration, &found));
    steps.refused(mmst.locate_handle(abi::by_register_notify, nullptr, registration, &size, handles));
    steps.refused(mmst.register_protocol_notify(&watched_protocol, nullptr, &registration));
  }
  for (const Guid& guid : {table_guid, abi::hob_list_table_guid}) {
    steps.refused(mmst.install_configuration_table(&mmst, &guid, handles, sizeof(handles)));
    steps.refused(mmst.install_configuration_table(&mmst, &guid, nullptr, 0));
  }
}

void steal_code(MmSystemTable& mmst, const Objects& from, Steps& steps) {
  auto* mp = locate<abi::MmMpProtocol>(mmst, abi::mm_mp_protocol_guid);
  auto* software = locate<abi::MmSwDispatchProtocol>(mmst, abi::mm_sw_dispatch_protocol_guid);
  steps.expect(mp != nullptr && software != nullptr);
  if (mp == nullptr || software == nullptr) return;
  for (std::uint64_t offset = 0; offset != 8; ++offset) {
    const std::uint64_t address = reinterpret_cast<std::uint64_t>(from.function) + offset;
    Handle handle = nullptr;
    void* registration = nullptr;
    const auto handler = reinterpret_cast<abi::MmiHandler>(address);
    steps.refused(mmst.mmi_handler_register(handler, &planted_guid, &handle));
    steps.refused(mmst.mmi_handler_register(handler, nullptr, &handle));
    steps.refused(
        mmst.register_protocol_notify(&planted_guid, reinterpret_cast<abi::MmNotifyFunction>(address), &registration));
    steps.refused(mmst.startup_this_ap(reinterpret_cast<abi::ApProcedure>(address), 1, nullptr));
    const auto procedure = reinterpret_cast<abi::MmProcedure>(address);
    steps.refused(mp->dispatch_procedure(mp, procedure, 1, 0, nullptr, nullptr, nullptr));
    steps.refused(mp->broadcast_procedure(mp, procedure, 0, nullptr, nullptr, nullptr));
    steps.refused(mp->set_startup_procedure(mp, reinterpret_cast<abi::MmStartupProcedure>(address), nullptr));
    abi::MmSwRegisterContext context{0x6E};
    steps.refused(software->register_handler(software, handler, &context, &handle));
  }
  steps.refused(mmst.mmi_manage(&planted_guid, nullptr, nullptr, nullptr));
  steps.refused(software->unregister_handler(software, from.child));
  for (std::uint64_t index = 0; index != guessed_slots; ++index) {
    steps.refused(software->unregister_handler(software, guessed(0xA3, index)));
  }
}

constinit Handle own_handler = nullptr;

void steal(MmSystemTable& mmst, Message& message) {
  Steps steps;
  const auto* from = locate<Objects>(mmst, objects_protocol);
  steps.expect(from != nullptr);
  if (from != nullptr) {
    // So that there is something new to the owner's registration.
    static constinit std::uint64_t interface = 0;
    Handle handle = nullptr;
    steps.succeeds(mmst.install_protocol_interface(&handle, &watched_protocol, abi::native_interface, &interface));
    steal_memory(mmst, *from, steps);
    steal_registrations(mmst, *from, steps, own_handler);
    steal_code(mmst, *from, steps);
  }
  message.result = steps.first();
  message.count = steps.count();
}

// ---- Hoarder ----

std::uint64_t hoard(MmSystemTable& mmst) {
  std::uint64_t taken = 0;
  for (UintN pages = 256; pages != 0; pages /= 2) {
    abi::EfiPhysicalAddress address = 0;
    while (mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, pages, &address) ==
           status::success) {
      taken += pages;
    }
  }
  void* buffer = nullptr;
  while (mmst.allocate_pool(abi::runtime_services_data, 1, &buffer) == status::success) {
  }
  return taken;
}

// ---- All ----

EFIAPI EfiStatus handle(Handle, const void*, void* comm_buffer, UintN* comm_buffer_size) {
  if (comm_buffer == nullptr || comm_buffer_size == nullptr || *comm_buffer_size < sizeof(Message)) {
    return status::warn_interrupt_source_quiesced;
  }
  Message message;
  std::memcpy(&message, comm_buffer, sizeof(message));
  switch (message.command) {
    case Command::check: message.result = check_owner(*table, message.count); break;
    case Command::steal: steal(*table, message); break;
    case Command::hoard: message.count = hoard(*table); break;
    case Command::fault: *reinterpret_cast<volatile std::uint32_t*>(std::uintptr_t{8}) = 1; break;
  }
  std::memcpy(comm_buffer, &message, sizeof(message));
  *comm_buffer_size = sizeof(message);
  return status::success;
}

}  // namespace
}  // namespace redoubt::theft

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) {
  using namespace redoubt::theft;
  static constexpr redoubt::abi::Guid guid = handler_guid(role);
  table = mmst;
  const redoubt::abi::EfiStatus result = mmst->mmi_handler_register(handle, &guid, &own_handler);
  if (redoubt::abi::status::is_error(result) || role != Role::owner) return result;
  objects.handler = own_handler;
  objects.function = handle;
  return start_owner(*mmst);
}
