// SPDX-License-Identifier: BSD-2-Clause-Patent
// MmiManage(), MmiHandlerRegister(), MmiHandlerUnRegister() and what handlers return: PI 1.9, volume 4, 3.2.
#include <cstring>

#include "tests/conformance/exhaustion.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::MmSystemTable;
using abi::UintN;

constexpr Guid type = test_guid(0x3271);
constexpr Guid other = test_guid(0x3272);
constexpr Guid absent = test_guid(0x3273);
constexpr unsigned handler_count = 4;

// What the handlers saw and shall do.
struct Seen {
  MmSystemTable* mmst;
  unsigned calls[handler_count];
  EfiStatus results[handler_count];
  Handle handles[handler_count];  // as registered
  Handle dispatch_handle;         // of the last call, as the other four
  const void* context;
  void* buffer;
  UintN* size;
  EfiStatus status_inside;
  unsigned depth;
  void (*inside)(unsigned number);  // what a handler does besides
};
constinit Seen seen = {};

template <unsigned number>
EFIAPI EfiStatus handler(Handle dispatch_handle, const void* context, void* buffer, UintN* size) {
  ++seen.calls[number];
  seen.dispatch_handle = dispatch_handle;
  seen.context = context;
  seen.buffer = buffer;
  seen.size = size;
  if (seen.inside != nullptr) seen.inside(number);
  return seen.results[number];
}
constexpr abi::MmiHandler handlers[handler_count] = {handler<0>, handler<1>, handler<2>, handler<3>};

// Registers the first `count` handlers for a type, unless it is null, and removes those left at the end.
class Handlers {
 public:
  Handlers(Run& t, const Guid* guid, unsigned count, EfiStatus result = status::warn_interrupt_source_quiesced)
      : t_(t) {
    seen = {};
    seen.mmst = &t.mmst;
    for (unsigned i = 0; i != count; ++i) {
      seen.results[i] = result;
      t.status(t.mmst.mmi_handler_register(handlers[i], guid, &seen.handles[i]), status::success);
    }
  }
  ~Handlers() {
    for (Handle& handle : seen.handles) {
      if (handle != nullptr) t_.status(t_.mmst.mmi_handler_unregister(handle), status::success);
      handle = nullptr;
    }
  }
  Handlers(const Handlers&) = delete;
  Handlers& operator=(const Handlers&) = delete;

 private:
  Run& t_;
};

EfiStatus manage(const Run& t, const Guid* guid) { return t.mmst.mmi_manage(guid, nullptr, nullptr, nullptr); }

// The result of MmiManage for two GUIDed handlers that return these, and how often the second was called.
void expect_pair(Run& t, EfiStatus first, EfiStatus second, EfiStatus result, unsigned second_calls) {
  const Handlers registered(t, &type, 2);
  seen.results[0] = first;
  seen.results[1] = second;
  t.status(manage(t, &type), result);
  t.equal(seen.calls[0], 1);
  t.equal(seen.calls[1], second_calls);
}

// For tests that span MMIs: handlers that stay between steps.
void keep_root_handlers(Run& t, unsigned count, EfiStatus result) {
  seen = {};
  seen.mmst = &t.mmst;
  for (unsigned i = 0; i != count; ++i) {
    seen.results[i] = result;
    t.status(t.mmst.mmi_handler_register(handlers[i], nullptr, &seen.handles[i]), status::success);
  }
}
void keep_handlers(Run& t, const Guid& guid, unsigned count, EfiStatus result) {
  seen = {};
  seen.mmst = &t.mmst;
  for (unsigned i = 0; i != count; ++i) {
    seen.results[i] = result;
    t.status(t.mmst.mmi_handler_register(handlers[i], &guid, &seen.handles[i]), status::success);
  }
}
void drop_handlers(Run& t) {
  for (Handle& handle : seen.handles) {
    if (handle != nullptr) t.status(t.mmst.mmi_handler_unregister(handle), status::success);
    handle = nullptr;
  }
}

// A test of two steps: `guid`'s handlers return `result`, a message is sent to it, and its sender gets `expected`.
void expect_of_message(Run& t, EfiStatus result, EfiStatus expected) {
  if (t.step == 0) {
    keep_handlers(t, type, 1, result);
    constexpr std::uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    return t.next_message(type, data, sizeof(data));
  }
  drop_handlers(t);
  t.equal(seen.calls[0], 1);
  t.status(t.exchange.status, expected);
}

constexpr Test tests[] = {
    {.name = "pi4-3.2/MmiHandlerRegister/guid",
     .behaviour = "A handler is registered for a type: EFI_SUCCESS, and it is called for MMIs of that type only.",
     .run =
         [](Run& t) {
           const Handlers registered(t, &type, 1);
           t.status(manage(t, &type), status::success);
           t.equal(seen.calls[0], 1);
           manage(t, &other);
           t.equal(seen.calls[0], 1);
         }},
    {.name = "pi4-3.2/MmiHandlerRegister/unique_handle",
     .behaviour = "DispatchHandle is unique for each registration.",
     .run =
         [](Run& t) {
           const Handlers registered(t, &type, handler_count);
           for (unsigned i = 0; i != handler_count; ++i) {
             t.that(seen.handles[i] != nullptr);
             for (unsigned k = 0; k != i; ++k) t.that(seen.handles[i] != seen.handles[k]);
           }
         }},
    {.name = "pi4-3.2/MmiHandlerRegister/null_handler",
     .behaviour = "Handler is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           Handle handle = nullptr;
           t.status(t.mmst.mmi_handler_register(nullptr, &type, &handle), status::invalid_parameter);
           t.status(t.mmst.mmi_handler_register(nullptr, nullptr, &handle), status::invalid_parameter);
         }},
    {.name = "pi4-3.2/MmiHandlerRegister/null_dispatch_handle",
     .behaviour = "DispatchHandle is NULL: EFI_INVALID_PARAMETER; nothing is registered.",
     .run =
         [](Run& t) {
           t.status(t.mmst.mmi_handler_register(handlers[0], &type, nullptr), status::invalid_parameter);
           t.status(t.mmst.mmi_handler_register(handlers[0], nullptr, nullptr), status::invalid_parameter);
           t.status(manage(t, &type), status::not_found);
         }},
    {.name = "pi4-3.2/MmiHandlerRegister/out_of_resources",
     .behaviour = "Not enough memory: the handler isn't registered, and the caller is told so.",
     .run =
         [](Run& t) {
           static constinit Handle kept[8192];
           seen = {};
           seen.results[0] = status::warn_interrupt_source_quiesced;
           Exhaustion exhaustion(t.mmst);
           t.that(exhaustion.complete());
           std::uint32_t count = 0;
           const EfiStatus last = exhaustion.repeat(
               [&](std::uint32_t i) {
                 if (i == 8192) return status::aborted;
                 return t.mmst.mmi_handler_register(handlers[0], &type, &kept[i]);
               },
               count);
           t.status(last, status::out_of_resources);
           if (count != 0) t.status(manage(t, &type), status::success);
           t.equal(seen.calls[0], count);
           for (std::uint32_t i = 0; i != count; ++i) {
             t.status(t.mmst.mmi_handler_unregister(kept[i]), status::success);
           }
         }},
    {.name = "pi4-3.2/MmiHandlerUnRegister/success",
     .behaviour = "A registered handler: EFI_SUCCESS, and it isn't called any more; others of its type are.",
     .run =
         [](Run& t) {
           const Handlers registered(t, &type, 3);
           t.status(t.mmst.mmi_handler_unregister(seen.handles[1]), status::success);
           seen.handles[1] = nullptr;
           t.status(manage(t, &type), status::success);
           t.equal(seen.calls[0], 1);
           t.equal(seen.calls[1], 0);
           t.equal(seen.calls[2], 1);
         }},
    {.name = "pi4-3.2/MmiHandlerUnRegister/last",
     .behaviour = "After the last handler of a type is gone MmiManage() returns EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           {
             const Handlers registered(t, &type, 2);
           }
           t.status(manage(t, &type), status::not_found);
         }},
    {.name = "pi4-3.2/MmiHandlerUnRegister/any_order",
     .behaviour = "Handlers can be removed in any order.",
     .run =
         [](Run& t) {
           constexpr unsigned orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}};
           for (const auto& order : orders) {
             const Handlers registered(t, &type, 3);
             for (unsigned removed = 0; removed != 3; ++removed) {
               t.status(t.mmst.mmi_handler_unregister(seen.handles[order[removed]]), status::success);
               seen.handles[order[removed]] = nullptr;
               t.status(manage(t, &type), removed == 2 ? status::not_found : status::success);
             }
           }
         }},
    {.name = "pi4-3.2/MmiHandlerUnRegister/null",
     .behaviour = "DispatchHandle is not a valid handle, here NULL: EFI_INVALID_PARAMETER.",
     .run = [](Run& t) { t.status(t.mmst.mmi_handler_unregister(nullptr), status::invalid_parameter); }},
    {.name = "pi4-3.2/MmiHandlerUnRegister/never_registered",
     .behaviour = "DispatchHandle is not a valid handle, here none at all: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           std::uint64_t own[16] = {};
           t.status(t.mmst.mmi_handler_unregister(own), status::invalid_parameter);
           t.status(t.mmst.mmi_handler_unregister(t.image_handle), status::invalid_parameter);
         },
     .edk2 = "Reads a signature at the address; MdeModulePkg's PiSmmCore looks its list up."},
    {.name = "pi4-3.2/MmiHandlerUnRegister/twice",
     .behaviour = "DispatchHandle is not a valid handle, here one that was removed: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const Handlers registered(t, &type, 1);
           const Handle handle = seen.handles[0];
           seen.handles[0] = nullptr;
           t.status(t.mmst.mmi_handler_unregister(handle), status::success);
           t.status(t.mmst.mmi_handler_unregister(handle), status::invalid_parameter);
         },
     .edk2 = "Reads a signature in freed memory."},
    {.name = "pi4-3.2/MmiManage/not_found",
     .behaviour = "No handler is registered for the type: EFI_NOT_FOUND.",
     .run = [](Run& t) { t.status(manage(t, &absent), status::not_found); }},
    {.name = "pi4-3.2/MmiManage/arguments",
     .behaviour = "The handler gets its DispatchHandle, and Context, CommBuffer and CommBufferSize of the call.",
     .run =
         [](Run& t) {
           const Handlers registered(t, &type, 1);
           std::uint8_t context[4] = {};
           std::uint8_t buffer[16] = {};
           UintN size = sizeof(buffer);
           t.status(t.mmst.mmi_manage(&type, context, buffer, &size), status::success);
           t.that(seen.dispatch_handle == seen.handles[0]);
           t.that(seen.context == context && seen.buffer == buffer && seen.size == &size);
           t.status(manage(t, &type), status::success);
           t.that(seen.context == nullptr && seen.buffer == nullptr && seen.size == nullptr);
         }},
    {.name = "pi4-3.2/MmiManage/success_ends",
     .behaviour = "A handler returns EFI_SUCCESS: handled and quiesced, no other handler is called. EFI_SUCCESS.",
     .run = [](Run& t) { expect_pair(t, status::success, status::success, status::success, 0); }},
    {.name = "pi4-3.2/MmiManage/quiesced_goes_on",
     .behaviour = "A handler returns EFI_WARN_INTERRUPT_SOURCE_QUIESCED: other handlers are still called. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           constexpr EfiStatus quiesced = status::warn_interrupt_source_quiesced;
           expect_pair(t, quiesced, quiesced, status::success, 1);
         }},
    {.name = "pi4-3.2/MmiManage/pending_goes_on",
     .behaviour = "All handlers return EFI_WARN_INTERRUPT_SOURCE_PENDING: all are called, and that is the result.",
     .run =
         [](Run& t) {
           constexpr EfiStatus pending = status::warn_interrupt_source_pending;
           expect_pair(t, pending, pending, pending, 1);
         }},
    {.name = "pi4-3.2/MmiManage/pending_then_handled",
     .behaviour = "One handler leaves the source pending and another quiesces it, in either order: EFI_SUCCESS.",
     .run =
         [](Run& t) {
           constexpr EfiStatus pending = status::warn_interrupt_source_pending;
           constexpr EfiStatus quiesced = status::warn_interrupt_source_quiesced;
           expect_pair(t, pending, quiesced, status::success, 1);
           expect_pair(t, quiesced, pending, status::success, 1);
           expect_pair(t, pending, status::success, status::success, 1);
         }},
    {.name = "pi4-3.2/MmiManage/interrupt_pending_ends",
     .behaviour = "A handler of a type returns EFI_INTERRUPT_PENDING: it could not be quiesced; no other handler is "
                  "called, and that is the result.",
     .run =
         [](Run& t) {
           expect_pair(t, status::interrupt_pending, status::success, status::interrupt_pending, 0);
           expect_pair(t, status::warn_interrupt_source_quiesced, status::interrupt_pending, status::interrupt_pending,
                       1);
         }},
    {.name = "pi4-3.2/MmiManage/root_all_called",
     .behaviour = "HandlerType is NULL: root handlers are called, all of them, also after EFI_SUCCESS. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const Handlers registered(t, nullptr, 3);
           seen.results[0] = status::success;
           seen.results[1] = status::warn_interrupt_source_pending;
           seen.results[2] = status::warn_interrupt_source_quiesced;
           t.status(manage(t, nullptr), status::success);
           for (unsigned i = 0; i != 3; ++i) t.equal(seen.calls[i], 1);
         }},
    {.name = "pi4-3.2/MmiManage/root_interrupt_pending",
     .behaviour = "HandlerType is NULL and one source could not be quiesced: EFI_INTERRUPT_PENDING; the other root "
                  "handlers are called.",
     .run =
         [](Run& t) {
           const Handlers registered(t, nullptr, 2);
           seen.results[0] = status::interrupt_pending;
           seen.results[1] = status::interrupt_pending;
           t.status(manage(t, nullptr), status::interrupt_pending);
           t.equal(seen.calls[1], 1);
         }},
    {.name = "pi4-3.2/MmiManage/root_only",
     .behaviour = "HandlerType is NULL: handlers of types aren't called; and root handlers aren't for a type.",
     .run =
         [](Run& t) {
           const Handlers registered(t, &type, 1);
           Handle root = nullptr;
           t.status(t.mmst.mmi_handler_register(handlers[1], nullptr, &root), status::success);
           seen.results[1] = status::warn_interrupt_source_quiesced;
           t.status(manage(t, nullptr), status::success);
           t.equal(seen.calls[0], 0);
           t.equal(seen.calls[1], 1);
           t.status(manage(t, &type), status::success);
           t.equal(seen.calls[0], 1);
           t.equal(seen.calls[1], 1);
           t.status(t.mmst.mmi_handler_unregister(root), status::success);
         }},
    {.name = "pi4-3.2/MmiManage/nested",
     .behaviour = "A handler may call MmiManage() for another type, and for its own.",
     .run =
         [](Run& t) {
           const Handlers registered(t, &type, 1);
           Handle nested = nullptr;
           t.status(t.mmst.mmi_handler_register(handlers[1], &other, &nested), status::success);
           seen.results[1] = status::warn_interrupt_source_pending;
           seen.inside = [](unsigned number) {
             if (number != 0 || seen.depth == 2) return;
             ++seen.depth;
             seen.status_inside = seen.mmst->mmi_manage(&other, nullptr, nullptr, nullptr);
             seen.mmst->mmi_manage(&type, nullptr, nullptr, nullptr);
           };
           t.status(manage(t, &type), status::success);
           t.status(seen.status_inside, status::warn_interrupt_source_pending);
           t.equal(seen.calls[0], 3);
           t.equal(seen.calls[1], 2);
           t.status(t.mmst.mmi_handler_unregister(nested), status::success);
         }},
    {.name = "pi4-3.2/MmiManage/unregister_itself",
     .behaviour = "A handler may remove itself; the others are called, and it isn't called again.",
     .run =
         [](Run& t) {
           const Handlers registered(t, &type, 3);
           seen.inside = [](unsigned number) {
             if (number != 1) return;
             seen.status_inside = seen.mmst->mmi_handler_unregister(seen.handles[1]);
             seen.handles[1] = nullptr;
           };
           t.status(manage(t, &type), status::success);
           t.status(seen.status_inside, status::success);
           t.equal(seen.calls[0], 1);
           t.equal(seen.calls[1], 1);
           t.equal(seen.calls[2], 1);
           t.status(manage(t, &type), status::success);
           t.equal(seen.calls[1], 1);
           t.equal(seen.calls[2], 2);
         }},
    {.name = "pi4-3.2/MmiManage/unregister_next",
     .behaviour = "A handler may remove the next one, which isn't called then.",
     .run =
         [](Run& t) {
           const Handlers registered(t, &type, 3);
           seen.inside = [](unsigned number) {
             if (number != 0 || seen.handles[1] == nullptr) return;
             seen.status_inside = seen.mmst->mmi_handler_unregister(seen.handles[1]);
             seen.handles[1] = nullptr;
           };
           t.status(manage(t, &type), status::success);
           t.status(seen.status_inside, status::success);
           t.equal(seen.calls[1], 0);
           t.equal(seen.calls[2], 1);
         },
     .edk2 = "Removal waits until the outermost MmiManage() returns: the removed handler is still called."},
    {.name = "pi4-3.2/MmiManage/unregister_all_inside",
     .behaviour = "A handler may remove all handlers of its type: the MMI was handled, later ones aren't.",
     .run =
         [](Run& t) {
           const Handlers registered(t, &type, 3);
           seen.inside = [](unsigned number) {
             if (number != 0) return;
             for (Handle& handle : seen.handles) {
               if (handle != nullptr) seen.status_inside |= seen.mmst->mmi_handler_unregister(handle);
               handle = nullptr;
             }
           };
           t.status(manage(t, &type), status::success);
           t.status(seen.status_inside, status::success);
           t.status(manage(t, &type), status::not_found);
           t.equal(seen.calls[0], 1);
         }},
    {.name = "pi4-3.2/MmiManage/unregister_nested",
     .behaviour = "A handler that is removed inside a nested MmiManage() isn't called when the outer one goes on.",
     .run =
         [](Run& t) {
           const Handlers registered(t, &type, 3);
           seen.inside = [](unsigned number) {
             if (number == 0 && seen.depth == 0) {
               ++seen.depth;
               seen.status_inside = seen.mmst->mmi_manage(&type, nullptr, nullptr, nullptr);
             } else if (number == 2 && seen.handles[1] != nullptr) {
               seen.mmst->mmi_handler_unregister(seen.handles[1]);
               seen.handles[1] = nullptr;
             }
           };
           t.status(manage(t, &type), status::success);
           t.status(seen.status_inside, status::success);
           t.equal(seen.calls[0], 2);
           t.equal(seen.calls[1], 1);
           t.equal(seen.calls[2], 2);
         },
     .edk2 = "Removal waits until the outermost MmiManage() returns: the removed handler is called."},
    {.name = "pi4-3.2/MmiManage/register_inside",
     .behaviour = "A handler may register others, for its own type and new ones.",
     .run =
         [](Run& t) {
           const Handlers registered(t, &type, 1);
           static constinit Handle added[2] = {};
           seen.results[1] = status::warn_interrupt_source_quiesced;
           seen.results[2] = status::warn_interrupt_source_quiesced;
           seen.inside = [](unsigned number) {
             if (number != 0 || seen.depth != 0) return;
             ++seen.depth;
             seen.status_inside = seen.mmst->mmi_handler_register(handlers[1], &type, &added[0]);
             seen.status_inside |= seen.mmst->mmi_handler_register(handlers[2], &other, &added[1]);
             seen.status_inside |= seen.mmst->mmi_manage(&other, nullptr, nullptr, nullptr);
           };
           t.status(manage(t, &type), status::success);
           t.status(seen.status_inside, status::success);
           t.equal(seen.calls[2], 1);
           seen.calls[1] = 0;
           t.status(manage(t, &type), status::success);
           t.equal(seen.calls[1], 1);
           for (const Handle handle : added) t.status(t.mmst.mmi_handler_unregister(handle), status::success);
         }},
    {.name = "pi4-3.2/MmiManage/comm_buffer_written",
     .behaviour = "What a handler writes to CommBuffer and CommBufferSize is there for the caller.",
     .run =
         [](Run& t) {
           const Handlers registered(t, &type, 1);
           seen.inside = [](unsigned) {
             std::memset(seen.buffer, 0x42, 4);
             *seen.size = 4;
           };
           std::uint8_t buffer[16] = {};
           UintN size = sizeof(buffer);
           t.status(t.mmst.mmi_manage(&type, nullptr, buffer, &size), status::success);
           t.equal(size, 4);
           t.equal(buffer[3], 0x42);
           t.equal(buffer[4], 0);
         }},
    {.name = "pi4-3.2/MmiHandlerRegister/root_on_each_mmi",
     .behaviour = "A root handler is called on an MMI without a message, with no Context and no CommBuffer.",
     .run =
         [](Run& t) {
           if (t.step == 0) {
             keep_root_handlers(t, 2, status::warn_interrupt_source_quiesced);
             seen.buffer = &seen;
             seen.size = reinterpret_cast<UintN*>(&seen);
             seen.inside = [](unsigned) { ++seen.depth; };
             return t.next_mmi();
           }
           // The message that brought this step was an MMI, too.
           const unsigned first = seen.calls[0];
           const unsigned second = seen.calls[1];
           const bool empty = seen.context == nullptr && seen.buffer == nullptr && seen.size == nullptr;
           drop_handlers(t);
           t.that(first >= 1 && second == first);
           t.that(empty);
         },
     .when = When::in_mmi},
    {.name = "pi4-3.2/EFI_MM_HANDLER_ENTRY_POINT/message",
     .behaviour = "A message reaches the handler of its HeaderGuid with its data; what the handler leaves there is the "
                  "caller's reply.",
     .run =
         [](Run& t) {
           if (t.step == 0) {
             keep_handlers(t, type, 1, status::success);
             seen.inside = [](unsigned) {
               seen.depth = static_cast<unsigned>(*seen.size);
               auto* bytes = static_cast<std::uint8_t*>(seen.buffer);
               for (UintN i = 0; i != *seen.size; ++i) bytes[i] = static_cast<std::uint8_t>(bytes[i] + 1);
               *seen.size = 3;
             };
             constexpr std::uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
             return t.next_message(type, data, sizeof(data));
           }
           drop_handlers(t);
           t.equal(seen.calls[0], 1);
           t.equal(seen.depth, 8);
           t.that(seen.context == nullptr);
           t.status(t.exchange.status, status::success);
           t.equal(t.exchange.size, 3);
           t.equal(t.exchange.data[0], 2);
           t.equal(t.exchange.data[2], 4);
         },
     .when = When::in_mmi},
    {.name = "pi4-3.2/EFI_MM_HANDLER_ENTRY_POINT/message_success",
     .behaviour = "The handler of a message returns EFI_SUCCESS: its sender gets EFI_SUCCESS.",
     .run = [](Run& t) { expect_of_message(t, status::success, status::success); },
     .when = When::in_mmi},
    {.name = "pi4-3.2/EFI_MM_HANDLER_ENTRY_POINT/message_quiesced",
     .behaviour = "The handler of a message returns EFI_WARN_INTERRUPT_SOURCE_QUIESCED: its sender gets EFI_SUCCESS.",
     .run = [](Run& t) { expect_of_message(t, status::warn_interrupt_source_quiesced, status::success); },
     .when = When::in_mmi},
    {.name = "pi4-3.2/EFI_MM_HANDLER_ENTRY_POINT/message_unknown",
     .behaviour = "No handler is registered for a message's HeaderGuid: its sender gets EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           if (t.step == 0) {
             constexpr std::uint8_t data[8] = {};
             return t.next_message(absent, data, sizeof(data));
           }
           t.status(t.exchange.status, status::not_found);
         },
     .when = When::in_mmi},
    {.name = "pi4-3.2/EFI_MM_HANDLER_ENTRY_POINT/message_without_data",
     .behaviour = "A message without data reaches its handler; CommBufferSize is 0.",
     .run =
         [](Run& t) {
           if (t.step == 0) {
             keep_handlers(t, type, 1, status::success);
             seen.inside = [](unsigned) {
               seen.depth = seen.size == nullptr ? 1000 : static_cast<unsigned>(*seen.size);
             };
             return t.next_message(type, {}, 0);
           }
           drop_handlers(t);
           t.equal(seen.calls[0], 1);
           t.equal(seen.depth, 0);
           t.status(t.exchange.status, status::success);
         },
     .when = When::in_mmi},
};

}  // namespace

std::span<const Test> mmi_tests() { return tests; }

}  // namespace redoubt::conformance
