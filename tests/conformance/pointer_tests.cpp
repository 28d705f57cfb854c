// SPDX-License-Identifier: BSD-2-Clause-Patent
// Wrong pointers for every pointer argument of every MM service: NULL, without owner, not canonical, wrapping,
// read-only, the foundation's, the supervisor's, memory outside MMRAM, memory that was freed, and memory that ends too
// early. Each call gets the error that the specification has for a bad argument and leaves nothing behind. A function
// that isn't the code of the driver that registers it is a wrong pointer, too.
#include "base/address.hpp"
#include "tests/conformance/exhaustion.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::UintN;

constexpr Guid guid = test_guid(0x5001);
constexpr EfiStatus invalid = status::invalid_parameter;

template <typename T>
T* at(std::uint64_t address) {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

EFIAPI EfiStatus ignore_mmi(Handle, const void*, void*, UintN*) { return status::success; }
EFIAPI EfiStatus ignore_notification(const Guid*, void*, Handle) { return status::success; }

// How many pages there are to be had.
std::uint64_t free_pages(Run& t) {
  Exhaustion exhaustion(t.mmst);
  t.that(exhaustion.complete());
  return exhaustion.pages();
}

enum class Rights : std::uint8_t { none, read };

// Calls `check(address)` for addresses at which a driver has no memory, or for Rights::read also for some that it
// cannot write. NULL comes first, if it is wanted.
template <typename Check>
void for_each_wrong(Run& t, Rights rights, bool with_null, Check check) {
  if (with_null) check(std::uint64_t{0});
  const std::uint64_t nobodys[] = {8,
                                   std::uint64_t{1} << 47,
                                   std::uint64_t{0x8000'0000'0000'0000},
                                   std::uint64_t{0xFFFF'8000'0000'0000},
                                   UINT64_MAX - page_bytes + 1,
                                   UINT64_MAX - 7,
                                   UINT64_MAX - 3,
                                   UINT64_MAX,
                                   t.surroundings.foundation,
                                   t.surroundings.supervisor,
                                   t.surroundings.outside};
  for (const std::uint64_t address : nobodys) {
    if (address == 0) continue;  // unknown at the entry point
    t.about(address);
    check(address);
  }
  // Two pages of which one has gone: freed memory, and memory that ends in the middle of an object.
  abi::EfiPhysicalAddress pages = 0;
  t.status(t.mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 2, &pages), status::success);
  t.status(t.mmst.free_pages(pages + page_bytes, 1), status::success);
  if (t.failed()) return;
  for (const std::uint64_t address : {pages + page_bytes, pages + page_bytes - 2}) {
    t.about(address);
    check(address);
  }
  t.status(t.mmst.free_pages(pages, 1), status::success);
  if (rights == Rights::none) return;
  void* loaded = nullptr;
  t.status(t.mmst.handle_protocol(t.image_handle, &abi::loaded_image_protocol_guid, &loaded), status::success);
  if (t.failed()) return;
  for (const void* constant : {static_cast<const void*>(&t.mmst), static_cast<const void*>(t.mmst.firmware_vendor),
                               static_cast<const void*>(static_cast<abi::LoadedImageProtocol*>(loaded)->image_base)}) {
    const auto address = reinterpret_cast<std::uintptr_t>(constant);
    t.about(address);
    check(address);
  }
  t.about(0);
}

// Handles and other values that a service compares or looks up: any wrong one will do.
template <typename Check>
void for_each_wrong_value(Run& t, bool with_null, Check check) {
  for_each_wrong(t, Rights::read, with_null, check);
  std::uint64_t own[8] = {};
  t.about(reinterpret_cast<std::uintptr_t>(own));
  check(reinterpret_cast<std::uintptr_t>(own));
}

// Calls `check(address)` for functions that no driver may have called.
template <typename Check>
void for_each_wrong_function(Run& t, Check check) {
  for_each_wrong(t, Rights::read, true, check);
  static constinit std::uint8_t data[64] = {0xC3};  // RET
  const std::uint64_t gate = reinterpret_cast<std::uintptr_t>(t.mmst.free_pool);
  for (const std::uint64_t address : {reinterpret_cast<std::uintptr_t>(data), gate}) {
    t.about(address);
    check(address);
  }
  t.about(0);
}

constexpr Test tests[] = {
    {.name = "pi4-3.2/wrong_pointers/MmInstallConfigurationTable.Guid",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           static constinit std::uint8_t table = 0;
           const UintN before = t.mmst.number_of_table_entries;
           for_each_wrong(t, Rights::none, true, [&](std::uint64_t wrong) {
             t.status(t.mmst.install_configuration_table(&t.mmst, at<Guid>(wrong), &table, 1), invalid);
             t.status(t.mmst.install_configuration_table(&t.mmst, at<Guid>(wrong), nullptr, 0), invalid);
           });
           t.equal(t.mmst.number_of_table_entries, before);
         }},
    {.name = "pi4-3.2/wrong_pointers/MmInstallConfigurationTable.Table",
     .behaviour = "The pointer is kept and not followed: EFI_SUCCESS, and the entry can be removed.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::read, false, [&](std::uint64_t wrong) {
             t.status(t.mmst.install_configuration_table(&t.mmst, &guid, at<void>(wrong), 8), status::success);
             t.status(t.mmst.install_configuration_table(&t.mmst, &guid, nullptr, 0), status::success);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmInstallConfigurationTable.SystemTable",
     .behaviour = "The only MMST there is gets the entry, or EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           static constinit std::uint8_t table = 0;
           for_each_wrong(t, Rights::none, true, [&](std::uint64_t wrong) {
             const EfiStatus result =
                 t.mmst.install_configuration_table(at<abi::MmSystemTable>(wrong), &guid, &table, 1);
             t.that(result == status::success || result == invalid);
             t.mmst.install_configuration_table(&t.mmst, &guid, nullptr, 0);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmAllocatePool.Buffer",
     .behaviour = "EFI_INVALID_PARAMETER, and no memory is lost.",
     .run =
         [](Run& t) {
           const std::uint64_t before = free_pages(t);
           for_each_wrong(t, Rights::read, true, [&](std::uint64_t wrong) {
             const EfiStatus result =
                 t.mmst.allocate_pool(abi::runtime_services_data, 3 * page_bytes, at<void*>(wrong));
             if (result == invalid) return;
             // Freed memory is valid again if it is what the service allocates.
             t.status(result, status::success);
             if (t.failed()) return;
             std::uint64_t buffer = 0;
             std::memcpy(&buffer, at<void>(wrong), sizeof(buffer));
             t.that(buffer < wrong + sizeof(buffer) && wrong - buffer + sizeof(buffer) < 3 * page_bytes);
             t.status(t.mmst.free_pool(at<void>(buffer)), status::success);
           });
           t.about(0);
           t.equal(free_pages(t), before);
         }},
    {.name = "pi4-3.2/wrong_pointers/MmFreePool.Buffer",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong_value(t, true,
                                [&](std::uint64_t wrong) { t.status(t.mmst.free_pool(at<void>(wrong)), invalid); });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmAllocatePages.Memory",
     .behaviour = "EFI_INVALID_PARAMETER, and no memory is lost.",
     .run =
         [](Run& t) {
           const std::uint64_t before = free_pages(t);
           for_each_wrong(t, Rights::read, true, [&](std::uint64_t wrong) {
             for (const abi::AllocateType type :
                  {abi::allocate_any_pages, abi::allocate_max_address, abi::allocate_address}) {
               const EfiStatus result =
                   t.mmst.allocate_pages(type, abi::runtime_services_data, 1, at<abi::EfiPhysicalAddress>(wrong));
               // What is read at a read-only address is an address, and may be refused as one. Freed memory is valid
               // again if it is what the service allocates.
               const bool refused = result == invalid || (type != abi::allocate_any_pages && status::is_error(result));
               if (refused) continue;
               t.status(result, status::success);
               if (t.failed()) return;
               abi::EfiPhysicalAddress page = 0;
               std::memcpy(&page, at<void>(wrong), sizeof(page));
               t.equal(page, (wrong + sizeof(page) - 1) & ~(page_bytes - 1));
               t.status(t.mmst.free_pages(page, 1), status::success);
             }
           });
           t.about(0);
           t.equal(free_pages(t), before);
         }},
    {.name = "pi4-3.2/wrong_pointers/MmFreePages.Memory",
     .behaviour = "EFI_INVALID_PARAMETER or EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           for_each_wrong_value(t, true, [&](std::uint64_t wrong) {
             const EfiStatus result = t.mmst.free_pages(wrong, 1);
             t.that(result == invalid || result == status::not_found);
             const EfiStatus aligned = t.mmst.free_pages(wrong & ~(page_bytes - 1), UINT64_MAX);
             t.that(aligned == invalid || aligned == status::not_found);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmInstallProtocolInterface.Handle",
     .behaviour = "EFI_INVALID_PARAMETER; nothing is installed.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::read, true, [&](std::uint64_t wrong) {
             t.status(t.mmst.install_protocol_interface(at<Handle>(wrong), &guid, abi::native_interface, nullptr),
                      invalid);
           });
           void* found = nullptr;
           t.status(t.mmst.locate_protocol(&guid, nullptr, &found), status::not_found);
         }},
    {.name = "pi4-3.2/wrong_pointers/MmInstallProtocolInterface.Handle_value",
     .behaviour = "EFI_INVALID_PARAMETER; nothing is installed.",
     .run =
         [](Run& t) {
           for_each_wrong_value(t, false, [&](std::uint64_t wrong) {
             Handle handle = at<void>(wrong);
             t.status(t.mmst.install_protocol_interface(&handle, &guid, abi::native_interface, nullptr), invalid);
           });
           void* found = nullptr;
           t.status(t.mmst.locate_protocol(&guid, nullptr, &found), status::not_found);
         }},
    {.name = "pi4-3.2/wrong_pointers/MmInstallProtocolInterface.Protocol",
     .behaviour = "EFI_INVALID_PARAMETER; no handle is created.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::none, true, [&](std::uint64_t wrong) {
             Handle handle = nullptr;
             t.status(t.mmst.install_protocol_interface(&handle, at<Guid>(wrong), abi::native_interface, nullptr),
                      invalid);
             t.that(handle == nullptr);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmInstallProtocolInterface.Interface",
     .behaviour = "The pointer is kept and not followed: EFI_SUCCESS, and the interface can be removed.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::read, true, [&](std::uint64_t wrong) {
             Handle handle = nullptr;
             t.status(t.mmst.install_protocol_interface(&handle, &guid, abi::native_interface, at<void>(wrong)),
                      status::success);
             t.status(t.mmst.uninstall_protocol_interface(handle, &guid, at<void>(wrong)), status::success);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmUninstallProtocolInterface.Handle",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong_value(t, true, [&](std::uint64_t wrong) {
             t.status(t.mmst.uninstall_protocol_interface(at<void>(wrong), &guid, nullptr), invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmUninstallProtocolInterface.Protocol",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::none, true, [&](std::uint64_t wrong) {
             t.status(t.mmst.uninstall_protocol_interface(t.image_handle, at<Guid>(wrong), nullptr), invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmUninstallProtocolInterface.Interface",
     .behaviour = "It is compared and not followed: EFI_NOT_FOUND, and the interface stays.",
     .run =
         [](Run& t) {
           static constinit std::uint64_t interface = 0;
           Handle handle = nullptr;
           t.status(t.mmst.install_protocol_interface(&handle, &guid, abi::native_interface, &interface),
                    status::success);
           for_each_wrong(t, Rights::read, true, [&](std::uint64_t wrong) {
             t.status(t.mmst.uninstall_protocol_interface(handle, &guid, at<void>(wrong)), status::not_found);
           });
           t.status(t.mmst.uninstall_protocol_interface(handle, &guid, &interface), status::success);
         }},
    {.name = "pi4-3.2/wrong_pointers/MmHandleProtocol.Handle",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong_value(t, true, [&](std::uint64_t wrong) {
             void* found = nullptr;
             t.status(t.mmst.handle_protocol(at<void>(wrong), &guid, &found), invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmHandleProtocol.Protocol",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::none, true, [&](std::uint64_t wrong) {
             void* found = nullptr;
             t.status(t.mmst.handle_protocol(t.image_handle, at<Guid>(wrong), &found), invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmHandleProtocol.Interface",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::read, true, [&](std::uint64_t wrong) {
             t.status(t.mmst.handle_protocol(t.image_handle, &abi::loaded_image_protocol_guid, at<void*>(wrong)),
                      invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmRegisterProtocolNotify.Protocol",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::none, true, [&](std::uint64_t wrong) {
             void* registration = nullptr;
             t.status(t.mmst.register_protocol_notify(at<Guid>(wrong), ignore_notification, &registration), invalid);
             t.status(t.mmst.register_protocol_notify(at<Guid>(wrong), nullptr, &registration), invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmRegisterProtocolNotify.Registration",
     .behaviour = "EFI_INVALID_PARAMETER; nothing is registered.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::read, true, [&](std::uint64_t wrong) {
             t.status(t.mmst.register_protocol_notify(&guid, ignore_notification, at<void*>(wrong)), invalid);
           });
           for_each_wrong(t, Rights::none, true, [&](std::uint64_t wrong) {
             t.status(t.mmst.register_protocol_notify(&guid, nullptr, at<void*>(wrong)), invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmRegisterProtocolNotify.Registration_value",
     .behaviour = "EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           for_each_wrong_value(t, true, [&](std::uint64_t wrong) {
             void* registration = at<void>(wrong);
             t.status(t.mmst.register_protocol_notify(&guid, nullptr, &registration), status::not_found);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmLocateHandle.Protocol",
     .behaviour = "EFI_INVALID_PARAMETER for ByProtocol.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::none, true, [&](std::uint64_t wrong) {
             Handle found[2] = {};
             UintN size = sizeof(found);
             t.status(t.mmst.locate_handle(abi::by_protocol, at<Guid>(wrong), nullptr, &size, found), invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmLocateHandle.SearchKey",
     .behaviour = "EFI_INVALID_PARAMETER or EFI_NOT_FOUND for ByRegisterNotify.",
     .run =
         [](Run& t) {
           for_each_wrong_value(t, true, [&](std::uint64_t wrong) {
             Handle found[2] = {};
             UintN size = sizeof(found);
             const EfiStatus result =
                 t.mmst.locate_handle(abi::by_register_notify, nullptr, at<void>(wrong), &size, found);
             t.that(result == invalid || result == status::not_found);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmLocateHandle.BufferSize",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::none, true, [&](std::uint64_t wrong) {
             Handle found[2] = {};
             t.status(t.mmst.locate_handle(abi::all_handles, nullptr, nullptr, at<UintN>(wrong), found), invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmLocateHandle.Buffer",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::read, true, [&](std::uint64_t wrong) {
             UintN size = 64 * page_bytes;
             t.status(t.mmst.locate_handle(abi::all_handles, nullptr, nullptr, &size, at<Handle>(wrong)), invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmLocateProtocol.Protocol",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::none, true, [&](std::uint64_t wrong) {
             void* found = nullptr;
             t.status(t.mmst.locate_protocol(at<Guid>(wrong), nullptr, &found), invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmLocateProtocol.Registration",
     .behaviour = "EFI_NOT_FOUND, or EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong_value(t, false, [&](std::uint64_t wrong) {
             void* found = nullptr;
             const EfiStatus result = t.mmst.locate_protocol(&guid, at<void>(wrong), &found);
             t.that(result == invalid || result == status::not_found);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmLocateProtocol.Interface",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::read, true, [&](std::uint64_t wrong) {
             t.status(t.mmst.locate_protocol(&abi::loaded_image_protocol_guid, nullptr, at<void*>(wrong)), invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmiManage.HandlerType",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::none, false, [&](std::uint64_t wrong) {
             t.status(t.mmst.mmi_manage(at<Guid>(wrong), nullptr, nullptr, nullptr), invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmiManage.Context_and_CommBuffer",
     .behaviour = "They are passed on and not followed: the handler is called. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           Handle handle = nullptr;
           t.status(t.mmst.mmi_handler_register(ignore_mmi, &guid, &handle), status::success);
           for_each_wrong(t, Rights::read, true, [&](std::uint64_t wrong) {
             t.status(t.mmst.mmi_manage(&guid, at<void>(wrong), at<void>(wrong), at<UintN>(wrong)), status::success);
           });
           t.status(t.mmst.mmi_handler_unregister(handle), status::success);
         }},
    {.name = "pi4-3.2/wrong_pointers/MmiHandlerRegister.HandlerType",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::none, false, [&](std::uint64_t wrong) {
             Handle handle = nullptr;
             t.status(t.mmst.mmi_handler_register(ignore_mmi, at<Guid>(wrong), &handle), invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmiHandlerRegister.DispatchHandle",
     .behaviour = "EFI_INVALID_PARAMETER; nothing is registered.",
     .run =
         [](Run& t) {
           for_each_wrong(t, Rights::read, true, [&](std::uint64_t wrong) {
             t.status(t.mmst.mmi_handler_register(ignore_mmi, &guid, at<Handle>(wrong)), invalid);
           });
           t.status(t.mmst.mmi_manage(&guid, nullptr, nullptr, nullptr), status::not_found);
         }},
    {.name = "pi4-3.2/wrong_pointers/MmiHandlerUnRegister.DispatchHandle",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong_value(t, true, [&](std::uint64_t wrong) {
             t.status(t.mmst.mmi_handler_unregister(at<void>(wrong)), invalid);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmIo.Mem.Address",
     .behaviour = "EFI_UNSUPPORTED: the address is not valid for this system.",
     .run =
         [](Run& t) {
           std::uint64_t value = 0;
           const abi::MmCpuIoProtocol& io = t.mmst.mm_io;
           for_each_wrong(t, Rights::none, true, [&](std::uint64_t wrong) {
             t.status(io.memory.read(&io, abi::mm_io_uint64, wrong, 1, &value), status::unsupported);
             t.status(io.memory.write(&io, abi::mm_io_uint64, wrong, 1, &value), status::unsupported);
           });
         }},
    {.name = "pi4-3.2/wrong_pointers/MmIo.Mem.Buffer",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           std::uint64_t value = 0;
           const abi::MmCpuIoProtocol& io = t.mmst.mm_io;
           const auto here = reinterpret_cast<std::uintptr_t>(&value);
           for_each_wrong(t, Rights::read, true, [&](std::uint64_t wrong) {
             t.status(io.memory.read(&io, abi::mm_io_uint64, here, 1, at<void>(wrong)), invalid);
           });
           for_each_wrong(t, Rights::none, true, [&](std::uint64_t wrong) {
             t.status(io.memory.write(&io, abi::mm_io_uint64, here, 1, at<void>(wrong)), invalid);
           });
           t.equal(value, 0);
         }},
    {.name = "pi4-3.2/wrong_pointers/MmIo.Io.Buffer",
     .behaviour = "EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const abi::MmCpuIoProtocol& io = t.mmst.mm_io;
           const std::uint64_t port = t.surroundings.port;
           for_each_wrong(t, Rights::read, true, [&](std::uint64_t wrong) {
             t.status(io.io.read(&io, abi::mm_io_uint32, port, 1, at<void>(wrong)), invalid);
           });
           for_each_wrong(t, Rights::none, true, [&](std::uint64_t wrong) {
             t.status(io.io.write(&io, abi::mm_io_uint32, port, 1, at<void>(wrong)), invalid);
           });
         },
     .when = When::in_mmi},
    {.name = "pi4-3.2/wrong_pointers/nothing_left",
     .behaviour = "After all wrong calls there is no interface, handler or registration of theirs.",
     .run =
         [](Run& t) {
           void* found = nullptr;
           t.status(t.mmst.locate_protocol(&guid, nullptr, &found), status::not_found);
           t.status(t.mmst.mmi_manage(&guid, nullptr, nullptr, nullptr), status::not_found);
           t.status(t.mmst.register_protocol_notify(&guid, nullptr, &found), status::not_found);
           t.status(t.mmst.install_configuration_table(&t.mmst, &guid, nullptr, 0), status::not_found);
         }},
    {.name = "pi4-3.2/wrong_pointers/MmiManage.endless_recursion",
     .behaviour = "A handler that calls MmiManage() for itself without end gets an error at some depth; the calls "
                  "before it go on.",
     .run =
         [](Run& t) {
           static constinit abi::MmSystemTable* table = nullptr;
           static constinit unsigned depth = 0;
           static constinit EfiStatus deepest = status::success;
           table = &t.mmst;
           depth = 0;
           deepest = status::success;
           constexpr abi::MmiHandler recursive = [](Handle, const void*, void*, UintN*) EFIAPI -> EfiStatus {
             ++depth;
             const EfiStatus result = table->mmi_manage(&guid, nullptr, nullptr, nullptr);
             if (deepest == status::success) deepest = result;
             return status::success;
           };
           Handle handle = nullptr;
           t.status(t.mmst.mmi_handler_register(recursive, &guid, &handle), status::success);
           t.status(t.mmst.mmi_manage(&guid, nullptr, nullptr, nullptr), status::success);
           t.that(depth > 4);
           t.that(status::is_error(deepest));
           t.status(t.mmst.mmi_handler_unregister(handle), status::success);
         },
     .edk2 = "Recurses until its stack has overwritten what lies below.",
     .ours = "32 calls deep."},
    {.name = "pi4-3.2/wrong_functions/MmiHandlerRegister.Handler",
     .behaviour = "A handler that isn't code of the driver that registers it: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong_function(t, [&](std::uint64_t wrong) {
             Handle handle = nullptr;
             const auto function = at<std::remove_pointer_t<abi::MmiHandler>>(wrong);
             t.status(t.mmst.mmi_handler_register(function, &guid, &handle), invalid);
             t.status(t.mmst.mmi_handler_register(function, nullptr, &handle), invalid);
             t.that(handle == nullptr);
           });
           t.status(t.mmst.mmi_manage(&guid, nullptr, nullptr, nullptr), status::not_found);
         },
     .edk2 = "Calls it, or halts in the exception handler when it would.",
     .ours = "Nor can it be another driver's, unless that driver called the one that registers it."},
    {.name = "pi4-3.2/wrong_functions/MmRegisterProtocolNotify.Function",
     .behaviour = "A notification function that isn't code of the driver that registers it: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for_each_wrong_function(t, [&](std::uint64_t wrong) {
             if (wrong == 0) return;  // takes a registration back
             void* registration = nullptr;
             const auto function = at<std::remove_pointer_t<abi::MmNotifyFunction>>(wrong);
             t.status(t.mmst.register_protocol_notify(&guid, function, &registration), invalid);
             t.that(registration == nullptr);
           });
         },
     .edk2 = "Calls it, or halts in the exception handler when it would.",
     .ours = "Nor can it be another driver's, unless that driver called the one that registers it."},
};

}  // namespace

std::span<const Test> pointer_tests() { return tests; }

}  // namespace redoubt::conformance
