// SPDX-License-Identifier: BSD-2-Clause-Patent
// MmLocateHandle() and MmLocateProtocol(): PI 1.9, volume 4, 3.2, which takes over UEFI 2.10, 7.3.6 and 7.3.16.
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::Guid;
using abi::Handle;
using abi::UintN;

constexpr Guid protocol = test_guid(0x7361);
constexpr Guid absent = test_guid(0x7362);
constinit std::uint64_t interfaces[4] = {};

EFIAPI abi::EfiStatus ignore(const Guid*, void*, Handle) { return status::success; }

// Three handles with the protocol, for one test.
class Handles {
 public:
  explicit Handles(Run& t) : t_(t) {
    for (unsigned i = 0; i != count; ++i) install(i);
  }
  ~Handles() {
    for (unsigned i = 0; i != count; ++i) remove(i);
  }
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;

  static constexpr unsigned count = 3;
  Handle operator[](unsigned i) const { return handles_[i]; }
  void install(unsigned i) {
    t_.status(t_.mmst.install_protocol_interface(&handles_[i], &protocol, abi::native_interface, &interfaces[i]),
              status::success);
  }
  void remove(unsigned i) {
    if (handles_[i] == nullptr) return;
    t_.status(t_.mmst.uninstall_protocol_interface(handles_[i], &protocol, &interfaces[i]), status::success);
    handles_[i] = nullptr;
  }

 private:
  Run& t_;
  Handle handles_[count] = {};
};

bool holds(const Handle* handles, UintN bytes, Handle handle) {
  for (UintN i = 0; i != bytes / sizeof(Handle); ++i) {
    if (handles[i] == handle) return true;
  }
  return false;
}

constexpr Test tests[] = {
    {.name = "uefi-7.3.6/LocateHandle/all_handles",
     .behaviour = "AllHandles: every handle is returned; Protocol and SearchKey are ignored.",
     .run =
         [](Run& t) {
           const Handles handles(t);
           static constinit Handle found[1024];
           UintN size = sizeof(found);
           t.status(t.mmst.locate_handle(abi::all_handles, &absent, &size, &size, found), status::success);
           if (t.failed()) return;
           for (unsigned i = 0; i != Handles::count; ++i) t.that(holds(found, size, handles[i]));
           t.that(holds(found, size, t.image_handle));
           UintN again = sizeof(found);
           t.status(t.mmst.locate_handle(abi::all_handles, nullptr, nullptr, &again, found), status::success);
           t.equal(again, size);
         }},
    {.name = "uefi-7.3.6/LocateHandle/by_protocol",
     .behaviour =
         "ByProtocol: exactly the handles that support Protocol. EFI_SUCCESS; BufferSize becomes the array's size.",
     .run =
         [](Run& t) {
           const Handles handles(t);
           Handle found[8] = {};
           UintN size = sizeof(found);
           t.status(t.mmst.locate_handle(abi::by_protocol, &protocol, nullptr, &size, found), status::success);
           t.equal(size, Handles::count * sizeof(Handle));
           if (t.failed()) return;
           for (unsigned i = 0; i != Handles::count; ++i) t.that(holds(found, size, handles[i]));
         }},
    {.name = "uefi-7.3.6/LocateHandle/exact_size",
     .behaviour = "A buffer exactly large enough is large enough.",
     .run =
         [](Run& t) {
           const Handles handles(t);
           Handle found[Handles::count] = {};
           UintN size = sizeof(found);
           t.status(t.mmst.locate_handle(abi::by_protocol, &protocol, nullptr, &size, found), status::success);
           t.equal(size, sizeof(found));
         }},
    {.name = "uefi-7.3.6/LocateHandle/buffer_too_small",
     .behaviour = "BufferSize is too small: EFI_BUFFER_TOO_SMALL, and BufferSize becomes the size needed.",
     .run =
         [](Run& t) {
           const Handles handles(t);
           Handle found[Handles::count] = {};
           for (const UintN too_small : {UintN{0}, UintN{1}, sizeof(found) - 1}) {
             UintN size = too_small;
             t.status(t.mmst.locate_handle(abi::by_protocol, &protocol, nullptr, &size, found),
                      status::buffer_too_small);
             t.equal(size, sizeof(found));
           }
           UintN size = 0;
           t.status(t.mmst.locate_handle(abi::by_protocol, &protocol, nullptr, &size, nullptr),
                    status::buffer_too_small);
           t.equal(size, sizeof(found));
         }},
    {.name = "uefi-7.3.6/LocateHandle/not_found",
     .behaviour = "No handles match the search: EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           Handle found[2] = {};
           UintN size = sizeof(found);
           t.status(t.mmst.locate_handle(abi::by_protocol, &absent, nullptr, &size, found), status::not_found);
         }},
    {.name = "uefi-7.3.6/LocateHandle/not_found_after_uninstall",
     .behaviour = "No handles match the search any more: EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           {
             const Handles handles(t);
           }
           Handle found[2] = {};
           UintN size = sizeof(found);
           t.status(t.mmst.locate_handle(abi::by_protocol, &protocol, nullptr, &size, found), status::not_found);
         }},
    {.name = "uefi-7.3.6/LocateHandle/search_type",
     .behaviour = "SearchType is not a member of EFI_LOCATE_SEARCH_TYPE: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           Handle found[2] = {};
           for (const std::uint32_t type : {3U, 0xFFFFFFFFU}) {
             UintN size = sizeof(found);
             t.status(t.mmst.locate_handle(static_cast<abi::LocateSearchType>(type), &protocol, nullptr, &size, found),
                      status::invalid_parameter);
           }
         }},
    {.name = "uefi-7.3.6/LocateHandle/null_search_key",
     .behaviour = "ByRegisterNotify and SearchKey is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           Handle found[2] = {};
           UintN size = sizeof(found);
           t.status(t.mmst.locate_handle(abi::by_register_notify, &protocol, nullptr, &size, found),
                    status::invalid_parameter);
         }},
    {.name = "uefi-7.3.6/LocateHandle/null_protocol",
     .behaviour = "ByProtocol and Protocol is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           Handle found[2] = {};
           UintN size = sizeof(found);
           t.status(t.mmst.locate_handle(abi::by_protocol, nullptr, nullptr, &size, found), status::invalid_parameter);
         }},
    {.name = "uefi-7.3.6/LocateHandle/null_buffer_size",
     .behaviour = "Matches are found and BufferSize is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const Handles handles(t);
           Handle found[8] = {};
           t.status(t.mmst.locate_handle(abi::by_protocol, &protocol, nullptr, nullptr, found),
                    status::invalid_parameter);
           t.status(t.mmst.locate_handle(abi::all_handles, nullptr, nullptr, nullptr, found),
                    status::invalid_parameter);
         }},
    {.name = "uefi-7.3.6/LocateHandle/null_buffer",
     .behaviour = "BufferSize is large enough and Buffer is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const Handles handles(t);
           UintN size = Handles::count * sizeof(Handle);
           t.status(t.mmst.locate_handle(abi::by_protocol, &protocol, nullptr, &size, nullptr),
                    status::invalid_parameter);
         }},
    {.name = "uefi-7.3.6/LocateHandle/null_buffer_too_small",
     .behaviour = "BufferSize is not 0 but too small, and Buffer is NULL: EFI_BUFFER_TOO_SMALL.",
     .run =
         [](Run& t) {
           const Handles handles(t);
           UintN size = sizeof(Handle);
           t.status(t.mmst.locate_handle(abi::by_protocol, &protocol, nullptr, &size, nullptr),
                    status::buffer_too_small);
           t.equal(size, Handles::count * sizeof(Handle));
         },
     .edk2 = "EFI_INVALID_PARAMETER for every NULL Buffer with a BufferSize that isn't 0."},
    {.name = "uefi-7.3.6/LocateHandle/by_register_notify",
     .behaviour = "ByRegisterNotify: the next handle that is new for the registration, one for each call, in order of "
                  "installation; then EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           void* registration = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, ignore, &registration), status::success);
           {
             const Handles handles(t);
             for (unsigned i = 0; i != Handles::count; ++i) {
               Handle found[4] = {};
               UintN size = sizeof(found);
               t.status(t.mmst.locate_handle(abi::by_register_notify, nullptr, registration, &size, found),
                        status::success);
               t.equal(size, sizeof(Handle));
               t.that(found[0] == handles[i]);
             }
             Handle found[4] = {};
             UintN size = sizeof(found);
             t.status(t.mmst.locate_handle(abi::by_register_notify, nullptr, registration, &size, found),
                      status::not_found);
           }
           t.status(t.mmst.register_protocol_notify(&protocol, nullptr, &registration), status::success);
         }},
    {.name = "uefi-7.3.6/LocateHandle/by_register_notify_too_small",
     .behaviour = "ByRegisterNotify with too small a buffer: EFI_BUFFER_TOO_SMALL, and the handle is still new.",
     .run =
         [](Run& t) {
           void* registration = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, ignore, &registration), status::success);
           {
             const Handles handles(t);
             Handle found = nullptr;
             UintN size = 0;
             t.status(t.mmst.locate_handle(abi::by_register_notify, nullptr, registration, &size, &found),
                      status::buffer_too_small);
             t.equal(size, sizeof(Handle));
             t.status(t.mmst.locate_handle(abi::by_register_notify, nullptr, registration, &size, &found),
                      status::success);
             t.that(found == handles[0]);
           }
           t.status(t.mmst.register_protocol_notify(&protocol, nullptr, &registration), status::success);
         }},
    {.name = "uefi-7.3.6/LocateHandle/by_register_notify_removed",
     .behaviour = "ByRegisterNotify: a handle that lost the protocol before it was asked for isn't returned.",
     .run =
         [](Run& t) {
           void* registration = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, ignore, &registration), status::success);
           {
             Handles handles(t);
             handles.remove(0);
             Handle found = nullptr;
             UintN size = sizeof(found);
             t.status(t.mmst.locate_handle(abi::by_register_notify, nullptr, registration, &size, &found),
                      status::success);
             t.that(found == handles[1]);
             handles.remove(1);
             t.status(t.mmst.locate_handle(abi::by_register_notify, nullptr, registration, &size, &found),
                      status::success);
             t.that(found == handles[2]);
           }
           t.status(t.mmst.register_protocol_notify(&protocol, nullptr, &registration), status::success);
         }},
    {.name = "uefi-7.3.16/LocateProtocol/first",
     .behaviour = "Registration is NULL: an interface of the protocol. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const Handles handles(t);
           void* found = nullptr;
           t.status(t.mmst.locate_protocol(&protocol, nullptr, &found), status::success);
           t.that(found == &interfaces[0]);
         },
     .ours = "The one installed first, of those there are."},
    {.name = "uefi-7.3.16/LocateProtocol/registration",
     .behaviour = "With a Registration: the next interface that is new for it, one for each call; then EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           void* registration = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, ignore, &registration), status::success);
           {
             const Handles handles(t);
             for (unsigned i = 0; i != Handles::count; ++i) {
               void* found = nullptr;
               t.status(t.mmst.locate_protocol(&protocol, registration, &found), status::success);
               t.that(found == &interfaces[i]);
             }
             void* found = nullptr;
             t.status(t.mmst.locate_protocol(&protocol, registration, &found), status::not_found);
           }
           t.status(t.mmst.register_protocol_notify(&protocol, nullptr, &registration), status::success);
         }},
    {.name = "uefi-7.3.16/LocateProtocol/registration_of_existing",
     .behaviour = "With a Registration: what was installed before it was made isn't new.",
     .run =
         [](Run& t) {
           const Handles handles(t);
           void* registration = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, ignore, &registration), status::success);
           void* found = nullptr;
           t.status(t.mmst.locate_protocol(&protocol, registration, &found), status::not_found);
           t.status(t.mmst.register_protocol_notify(&protocol, nullptr, &registration), status::success);
         }},
    {.name = "uefi-7.3.16/LocateProtocol/not_found",
     .behaviour = "No instance matches: EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           void* found = nullptr;
           t.status(t.mmst.locate_protocol(&absent, nullptr, &found), status::not_found);
         }},
    {.name = "uefi-7.3.16/LocateProtocol/null_interface",
     .behaviour = "Interface is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const Handles handles(t);
           t.status(t.mmst.locate_protocol(&protocol, nullptr, nullptr), status::invalid_parameter);
         }},
    {.name = "uefi-7.3.16/LocateProtocol/null_protocol",
     .behaviour = "Protocol is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           void* found = nullptr;
           t.status(t.mmst.locate_protocol(nullptr, nullptr, &found), status::invalid_parameter);
         }},
};

}  // namespace

std::span<const Test> locate_tests() { return tests; }

}  // namespace redoubt::conformance
