// SPDX-License-Identifier: BSD-2-Clause-Patent
// The report status code router as MM_STANDALONE: the two protocols, on one handle, over one router. What is reported
// also goes to MM's log, so that it reaches the boot report when no driver listens.
#include <new>

#include "drivers/status_code/log_text.hpp"
#include "drivers/status_code/router.hpp"
#include "sdk/driver_images.hpp"
#include "sdk/log.hpp"
#include "sdk/mm_driver.hpp"
#include "sdk/pool_allocator.hpp"

namespace redoubt::status_code {
namespace {

using abi::EfiStatus;
namespace status = abi::status;

class OtherDrivers final : public Drivers {
 public:
  explicit OtherDrivers(abi::MmSystemTable& mmst) : images_(mmst), refusals_(mmst, "status codes") {}
  abi::UintN driver_at(const void* address) override { return images_.driver_at(address); }
  void report_refusal(abi::UintN driver, abi::UintN owner) override { refusals_.add(driver, owner); }

 private:
  sdk::DriverImages images_;
  sdk::RefusalLog refusals_;
};

struct Driver {
  explicit Driver(abi::MmSystemTable& mmst) : memory(mmst), drivers(mmst), router(memory, drivers), log(mmst) {}
  sdk::PoolAllocator memory;
  OtherDrivers drivers;
  Router router;
  sdk::Log log;
};

constinit Driver* driver = nullptr;

EFIAPI EfiStatus report_status_code(const abi::MmStatusCodeProtocol*, std::uint32_t type, std::uint32_t value,
                                    std::uint32_t instance, const abi::Guid* caller, abi::StatusCodeData* data) {
  const EfiStatus result = driver->router.report(type, value, instance, caller, data, __builtin_return_address(0));
  const LogText text(type, value, instance, caller);
  switch (text.gravity()) {
    case Gravity::error: driver->log.error(text.view()); break;
    case Gravity::warning: driver->log.warning(text.view()); break;
    case Gravity::info: driver->log.info(text.view()); break;
    case Gravity::debug: driver->log.debug(text.view()); break;
  }
  return result;
}

EFIAPI EfiStatus register_handler(abi::StatusCodeHandler handler) {
  return driver->router.register_handler(handler, __builtin_return_address(0));
}
EFIAPI EfiStatus unregister_handler(abi::StatusCodeHandler handler) {
  return driver->router.unregister_handler(handler, __builtin_return_address(0));
}

constinit abi::MmStatusCodeProtocol status_code_protocol = {report_status_code};
constinit abi::MmRscHandlerProtocol handler_protocol = {register_handler, unregister_handler};

}  // namespace
}  // namespace redoubt::status_code

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) {
  using namespace redoubt;
  using namespace redoubt::status_code;
  void* memory = nullptr;
  EfiStatus result = mmst->allocate_pool(abi::runtime_services_data, sizeof(Driver), &memory);
  if (status::is_error(result)) return result;
  driver = new (memory) Driver(*mmst);
  abi::Handle handle = nullptr;
  result = mmst->install_protocol_interface(&handle, &abi::mm_rsc_handler_protocol_guid, abi::native_interface,
                                            &handler_protocol);
  if (status::is_error(result)) return result;
  return mmst->install_protocol_interface(&handle, &abi::mm_status_code_protocol_guid, abi::native_interface,
                                          &status_code_protocol);
}
