// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_MM_STATUS_CODE_PROTOCOL (PI 1.9, volume 4, 4.2) and EFI_MM_RSC_HANDLER_PROTOCOL (PI 1.9, volume 3, chapter 7).
#include <array>
#include <utility>

#include "abi/pi/mm_status_code.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::EfiStatus;
using abi::Guid;
using abi::MmRscHandlerProtocol;
using abi::MmStatusCodeProtocol;
using abi::StatusCodeData;

constexpr std::uint32_t progress_code = 1;  // EFI_PROGRESS_CODE
constexpr std::uint32_t some_value = 0x03051003;

struct Reported {
  unsigned first_calls;
  unsigned second_calls;
  std::uint32_t type;
  std::uint32_t value;
  std::uint32_t instance;
  const Guid* caller;
  const StatusCodeData* data;
};
constinit Reported reported = {};

EFIAPI EfiStatus first(std::uint32_t type, std::uint32_t value, std::uint32_t instance, Guid* caller,
                       StatusCodeData* data) {
  ++reported.first_calls;
  reported.type = type;
  reported.value = value;
  reported.instance = instance;
  reported.caller = caller;
  reported.data = data;
  return status::success;
}

EFIAPI EfiStatus second(std::uint32_t, std::uint32_t, std::uint32_t, Guid*, StatusCodeData*) {
  ++reported.second_calls;
  return status::device_error;
}

// Many different functions, for as many registrations.
template <unsigned number>
EFIAPI EfiStatus many(std::uint32_t, std::uint32_t, std::uint32_t, Guid*, StatusCodeData*) {
  reported.second_calls += number;
  return status::success;
}
template <std::size_t... numbers>
constexpr auto make_many(std::index_sequence<numbers...>) {
  return std::to_array<abi::StatusCodeHandler>({many<numbers>...});
}
constexpr auto many_handlers = make_many(std::make_index_sequence<512>());

template <typename Protocol>
Protocol* find(Run& t, const Guid& guid) {
  void* interface = nullptr;
  t.status(t.mmst.locate_protocol(&guid, nullptr, &interface), status::success);
  return static_cast<Protocol*>(interface);
}

struct Protocols {
  explicit Protocols(Run& t)
      : codes(find<MmStatusCodeProtocol>(t, abi::mm_status_code_protocol_guid)),
        handlers(find<MmRscHandlerProtocol>(t, abi::mm_rsc_handler_protocol_guid)) {
    reported = {};
  }
  MmStatusCodeProtocol* codes;
  MmRscHandlerProtocol* handlers;
};

constexpr Test tests[] = {
    {.name = "pi4-4.2.2/ReportStatusCode/success",
     .behaviour = "A status code is reported: EFI_SUCCESS, whether a handler hears of it or not.",
     .run =
         [](Run& t) {
           const Protocols p(t);
           if (t.failed()) return;
           t.status(p.codes->report_status_code(p.codes, progress_code, some_value, 0, nullptr, nullptr),
                    status::success);
         },
     .when = When::in_mmi,
     .edk2 = "Provided by a separate driver, MdeModulePkg's ReportStatusCodeRouter."},
    {.name = "pi4-4.2.2/ReportStatusCode/forwarded",
     .behaviour = "Every registered function gets type, value, instance, caller and data as reported. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const Protocols p(t);
           if (t.failed()) return;
           static constexpr Guid caller = test_guid(0x4201);
           struct {
             StatusCodeData header;
             std::uint8_t bytes[4];
           } data = {{sizeof(StatusCodeData), 4, test_guid(0x4202)}, {1, 2, 3, 4}};
           t.status(p.handlers->register_handler(first), status::success);
           t.status(p.codes->report_status_code(p.codes, progress_code, some_value, 7, &caller, &data.header),
                    status::success);
           t.status(p.handlers->unregister_handler(first), status::success);
           t.equal(reported.first_calls, 1);
           t.equal(reported.type, progress_code);
           t.equal(reported.value, some_value);
           t.equal(reported.instance, 7);
           t.that(reported.caller == &caller && reported.data == &data.header);
         },
     .when = When::in_mmi},
    {.name = "pi4-4.2.2/ReportStatusCode/optional",
     .behaviour = "CallerId and Data are optional: functions get NULL for NULL. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const Protocols p(t);
           if (t.failed()) return;
           t.status(p.handlers->register_handler(first), status::success);
           t.status(p.codes->report_status_code(p.codes, progress_code, some_value, 0, nullptr, nullptr),
                    status::success);
           t.status(p.handlers->unregister_handler(first), status::success);
           t.that(reported.caller == nullptr && reported.data == nullptr);
         },
     .when = When::in_mmi},
    {.name = "pi3-7/EFI_MM_RSC_HANDLER_PROTOCOL/register",
     .behaviour = "Register(): each report is forwarded to the function from then on, and to all others. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const Protocols p(t);
           if (t.failed()) return;
           t.status(p.handlers->register_handler(second), status::success);
           t.status(p.handlers->register_handler(first), status::success);
           p.codes->report_status_code(p.codes, progress_code, some_value, 0, nullptr, nullptr);
           t.equal(reported.first_calls, 1);
           t.equal(reported.second_calls, 1);
           t.status(p.handlers->unregister_handler(first), status::success);
           t.status(p.handlers->unregister_handler(second), status::success);
         },
     .when = When::in_mmi},
    {.name = "pi3-7/EFI_MM_RSC_HANDLER_PROTOCOL/register_null",
     .behaviour = "Register(): the callback function was NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const Protocols p(t);
           if (!t.failed()) t.status(p.handlers->register_handler(nullptr), status::invalid_parameter);
         },
     .when = When::in_mmi},
    {.name = "pi3-7/EFI_MM_RSC_HANDLER_PROTOCOL/register_twice",
     .behaviour = "Register(): the function was already registered: EFI_ALREADY_STARTED.",
     .run =
         [](Run& t) {
           const Protocols p(t);
           if (t.failed()) return;
           t.status(p.handlers->register_handler(first), status::success);
           t.status(p.handlers->register_handler(first), status::already_started);
           p.codes->report_status_code(p.codes, progress_code, some_value, 0, nullptr, nullptr);
           t.equal(reported.first_calls, 1);
           t.status(p.handlers->unregister_handler(first), status::success);
         },
     .when = When::in_mmi},
    {.name = "pi3-7/EFI_MM_RSC_HANDLER_PROTOCOL/out_of_resources",
     .behaviour = "Register(): no more functions can be registered: EFI_OUT_OF_RESOURCES.",
     .run =
         [](Run& t) {
           const Protocols p(t);
           if (t.failed()) return;
           std::uint32_t count = 0;
           EfiStatus last = status::success;
           while (count != many_handlers.size() && last == status::success) {
             last = p.handlers->register_handler(many_handlers[count]);
             if (last == status::success) ++count;
           }
           t.status(last, status::out_of_resources);
           for (std::uint32_t i = 0; i != count; ++i) {
             t.status(p.handlers->unregister_handler(many_handlers[i]), status::success);
           }
         },
     .when = When::in_mmi},
    {.name = "pi3-7/EFI_MM_RSC_HANDLER_PROTOCOL/unregister",
     .behaviour = "Unregister(): the function isn't called any more. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const Protocols p(t);
           if (t.failed()) return;
           t.status(p.handlers->register_handler(first), status::success);
           t.status(p.handlers->unregister_handler(first), status::success);
           p.codes->report_status_code(p.codes, progress_code, some_value, 0, nullptr, nullptr);
           t.equal(reported.first_calls, 0);
         },
     .when = When::in_mmi},
    {.name = "pi3-7/EFI_MM_RSC_HANDLER_PROTOCOL/unregister_null",
     .behaviour = "Unregister(): the callback function was NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const Protocols p(t);
           if (!t.failed()) t.status(p.handlers->unregister_handler(nullptr), status::invalid_parameter);
         },
     .when = When::in_mmi},
    {.name = "pi3-7/EFI_MM_RSC_HANDLER_PROTOCOL/unregister_unknown",
     .behaviour = "Unregister(): the function was not found: EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           const Protocols p(t);
           if (!t.failed()) t.status(p.handlers->unregister_handler(first), status::not_found);
         },
     .when = When::in_mmi},
};

}  // namespace

std::span<const Test> status_code_tests() { return tests; }

}  // namespace redoubt::conformance
