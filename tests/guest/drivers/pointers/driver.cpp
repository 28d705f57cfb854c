// SPDX-License-Identifier: BSD-2-Clause-Patent
// A driver that abuses every MM service from its entry point: endless recursion, and wrong pointers: NULL, nobody's,
// read-only, other domains' and wrapping ones. Each call must return the specified error and leave nothing behind. The
// entry point returns success if all did, so that the boot report's status of this driver is the result; otherwise
// EFI_ABORTED with the number of the first check that failed above its low 16 bits. It must stay free of faults of its
// own.
#include <cstddef>
#include <cstdint>

#include "abi/redoubt/syscall.hpp"
#include "sdk/mm_driver.hpp"

namespace redoubt::pointers {
namespace {

using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::MmSystemTable;
using abi::UintN;
namespace status = abi::status;

constexpr Guid guid = {0x7b1e6b5a, 0x0a3f, 0x4b7e, {0x9f, 0x0e, 0x70, 0x6f, 0x69, 0x6e, 0x74, 0x72}};

template <typename T>
T* at(std::uint64_t address) {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

class Checks {
 public:
  void expect(EfiStatus actual, EfiStatus expected) {
    ++number_;
    if (actual != expected && first_failed_ == 0) first_failed_ = number_;
  }
  EfiStatus result() const { return first_failed_ == 0 ? status::success : status::aborted | first_failed_ << 16; }

 private:
  std::uint64_t number_ = 0;
  std::uint64_t first_failed_ = 0;
};

EFIAPI EfiStatus handler(Handle, const void*, void*, UintN*) { return status::success; }
constinit MmSystemTable* table = nullptr;
constinit unsigned depth = 0;

// Calls itself through MmiManage for as long as that works.
EFIAPI EfiStatus recursive_handler(Handle, const void*, void*, UintN*) {
  ++depth;
  table->mmi_manage(&guid, nullptr, nullptr, nullptr);
  return status::success;
}

EFIAPI EfiStatus notification(const Guid*, void*, Handle) { return status::success; }

// `wrong`: an address at which a driver can neither read nor write.
void check_unreachable(Checks& checks, MmSystemTable& mmst, std::uint64_t wrong) {
  const auto invalid = status::invalid_parameter;
  Handle handle = nullptr;
  void* pointer = nullptr;
  UintN size = 0;
  checks.expect(mmst.install_configuration_table(&mmst, at<Guid>(wrong), static_cast<void*>(&pointer), 8), invalid);
  checks.expect(mmst.allocate_pool(abi::runtime_services_data, 8, at<void*>(wrong)), invalid);
  checks.expect(mmst.free_pool(at<void>(wrong)), invalid);
  checks.expect(
      mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 1, at<abi::EfiPhysicalAddress>(wrong)),
      invalid);
  checks.expect(mmst.install_protocol_interface(at<Handle>(wrong), &guid, abi::native_interface, nullptr), invalid);
  checks.expect(mmst.install_protocol_interface(&handle, at<Guid>(wrong), abi::native_interface, nullptr), invalid);
  checks.expect(mmst.uninstall_protocol_interface(at<void>(wrong), &guid, nullptr), invalid);
  checks.expect(mmst.handle_protocol(at<void>(wrong), &guid, &pointer), invalid);
  checks.expect(mmst.register_protocol_notify(at<Guid>(wrong), notification, &pointer), invalid);
  checks.expect(mmst.register_protocol_notify(&guid, notification, at<void*>(wrong)), invalid);
  checks.expect(mmst.locate_handle(abi::by_protocol, at<Guid>(wrong), nullptr, &size, nullptr), invalid);
  checks.expect(mmst.locate_handle(abi::all_handles, nullptr, nullptr, at<UintN>(wrong), nullptr), invalid);
  size = 4096;
  checks.expect(mmst.locate_handle(abi::all_handles, nullptr, nullptr, &size, at<Handle>(wrong)), invalid);
  checks.expect(mmst.locate_protocol(at<Guid>(wrong), nullptr, &pointer), invalid);
  checks.expect(mmst.locate_protocol(&guid, nullptr, at<void*>(wrong)), invalid);
  checks.expect(mmst.mmi_handler_register(handler, &guid, at<Handle>(wrong)), invalid);
  checks.expect(mmst.mmi_handler_unregister(at<void>(wrong)), invalid);
  std::uint8_t byte = 0;
  if (wrong != 0) {
    const abi::MmCpuIoProtocol& io = mmst.mm_io;
    const auto here = reinterpret_cast<std::uint64_t>(&byte);
    checks.expect(mmst.mmi_handler_register(handler, at<Guid>(wrong), &handle), invalid);
    checks.expect(mmst.mmi_manage(at<Guid>(wrong), nullptr, nullptr, nullptr), invalid);
    checks.expect(io.memory.read(&io, abi::mm_io_uint8, wrong, 1, &byte), status::unsupported);
    checks.expect(io.memory.write(&io, abi::mm_io_uint8, wrong, 1, &byte), status::unsupported);
    checks.expect(io.memory.read(&io, abi::mm_io_uint8, here, 1, at<void>(wrong)), invalid);
    checks.expect(io.memory.write(&io, abi::mm_io_uint8, here, 1, at<void>(wrong)), invalid);
  }
}

// `constant`: an address that a driver can read but not write.
void check_read_only(Checks& checks, MmSystemTable& mmst, std::uint64_t constant) {
  const auto invalid = status::invalid_parameter;
  std::uint8_t byte = 0;
  const abi::MmCpuIoProtocol& io = mmst.mm_io;
  checks.expect(mmst.allocate_pool(abi::runtime_services_data, 8, at<void*>(constant)), invalid);
  checks.expect(mmst.register_protocol_notify(&guid, notification, at<void*>(constant)), invalid);
  checks.expect(mmst.locate_protocol(&guid, nullptr, at<void*>(constant)), invalid);
  checks.expect(mmst.mmi_handler_register(handler, &guid, at<Handle>(constant)), invalid);
  checks.expect(io.memory.write(&io, abi::mm_io_uint8, constant, 1, &byte), status::unsupported);
  checks.expect(io.memory.read(&io, abi::mm_io_uint8, constant, 1, &byte), status::success);
}

// Nothing that failed above may have left something behind.
void check_nothing_left(Checks& checks, MmSystemTable& mmst) {
  void* pointer = nullptr;
  checks.expect(mmst.locate_protocol(&guid, nullptr, &pointer), status::not_found);
  checks.expect(mmst.mmi_manage(&guid, nullptr, nullptr, nullptr), status::not_found);
  checks.expect(mmst.register_protocol_notify(&guid, nullptr, &pointer), status::not_found);
}

// Domains call each other only so deep; the end is an error to the innermost caller, and all others go on.
void check_recursion(Checks& checks, MmSystemTable& mmst) {
  table = &mmst;
  Handle handle = nullptr;
  checks.expect(mmst.mmi_handler_register(recursive_handler, &guid, &handle), status::success);
  checks.expect(mmst.mmi_manage(&guid, nullptr, nullptr, nullptr), status::success);
  checks.expect(depth > 4 && depth <= abi::domain_call_depth ? status::success : status::aborted, status::success);
  checks.expect(mmst.mmi_handler_unregister(handle), status::success);
}

}  // namespace
}  // namespace redoubt::pointers

REDOUBT_MM_DRIVER(image_handle, mmst) {
  using namespace redoubt;
  using namespace redoubt::pointers;
  Checks checks;
  void* interface = nullptr;
  checks.expect(mmst->handle_protocol(image_handle, &abi::loaded_image_protocol_guid, &interface), status::success);
  const auto own_code = reinterpret_cast<std::uint64_t>(&handler);
  const auto table_address = reinterpret_cast<std::uint64_t>(mmst);
  constexpr std::uint64_t page = 4096;
  // NULL; page 0; memory outside MM; not canonical; the upper half; wrapping.
  const std::uint64_t unreachable[] = {
      0, 8, 0x100000, std::uint64_t{1} << 47, std::uint64_t{0xFFFF800000000000}, UINT64_MAX - 3, UINT64_MAX - page + 1};
  for (const std::uint64_t wrong : unreachable) check_unreachable(checks, *mmst, wrong);
  check_read_only(checks, *mmst, own_code);
  check_read_only(checks, *mmst, table_address);
  check_recursion(checks, *mmst);
  check_nothing_left(checks, *mmst);
  return checks.result();
}
