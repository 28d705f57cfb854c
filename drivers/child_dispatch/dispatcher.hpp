// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who is called for which MMI source: the children of PI 1.9, volume 4, chapter 7, for what QEMU's ICH9 really raises
// MMIs for: software MMIs (7.2) and the TCO block. It watches MMIs only while it has a child.
//
// An MMI may come for another reason, or a second time because a processor came late: the command register still holds
// the last command then. So a command is forgotten before its child is called, and whenever a child for it is new. A
// child may register and remove children, itself included, and raise further events; none is called twice for one.
#pragma once

#include <array>
#include <cstdint>

#include "abi/pi/mm_child_dispatch.hpp"
#include "drivers/child_dispatch/environment.hpp"

namespace redoubt::child_dispatch {

class Dispatcher {
 public:
  static constexpr abi::UintN maximum_value = 0xFF;

  constexpr Dispatcher(ManagementMode& mm, Chipset& chipset) : mm_(mm), chipset_(chipset) {}
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // The registration functions of the protocols; the caller has looked at pointers. The dispatcher keeps a copy of the
  // context, which is what the child gets. `caller`: where the call returns to. A child is the driver's in whose image
  // its function is; another driver can neither make it nor remove it: EFI_INVALID_PARAMETER.
  //
  // EFI_INVALID_PARAMETER for a value that is taken, above the maximum, or not a child's to have: 0 carries messages to
  // MM, 2 and 3 switch ACPI mode on and off without an MMI. EFI_OUT_OF_RESOURCES.
  abi::EfiStatus register_software(abi::MmiHandler function, abi::MmSwRegisterContext& context, abi::Handle& handle,
                                   const void* caller);
  // EFI_INVALID_PARAMETER, EFI_UNSUPPORTED for events that this chipset doesn't have, EFI_DEVICE_ERROR if the event
  // can't be made to raise MMIs, EFI_OUT_OF_RESOURCES. Several children for one event are called in order.
  abi::EfiStatus register_ichn(abi::MmiHandler function, const abi::MmIchnRegisterContext& context, abi::Handle& handle,
                               const void* caller);
  // EFI_INVALID_PARAMETER for what isn't a child of that kind.
  abi::EfiStatus unregister_software(abi::Handle handle, const void* caller);
  abi::EfiStatus unregister_ichn(abi::Handle handle, const void* caller);

  // Once with each watched MMI. Whether it was for a child.
  bool dispatch();

  std::size_t children() const { return children_; }

 private:
  enum class Kind : std::uint16_t { software, ichn };
  struct Child {
    abi::Handle handle;
    abi::Guid type;
    const void* function;
    abi::UintN owner;
    Kind kind;
    bool removed;
    std::uint32_t number;  // counts children over the driver's life
    union {
      abi::MmSwRegisterContext software;
      abi::MmIchnRegisterContext ichn;
    } context;
    Child* next;
  };

  static constexpr bool reserved(abi::UintN value) { return value == 0 || value == 2 || value == 3; }
  static std::uint16_t status_bit(const Child& child);

  Child* create(Kind kind, abi::MmiHandler function, const void* caller, abi::EfiStatus& status);
  void append(Child& child);
  abi::EfiStatus unregister(Kind kind, abi::Handle handle, const void* caller);
  bool is_callers(abi::UintN owner, const void* caller);
  void remove(Child& child);
  void sweep();
  bool has_tco_child() const;
  // Calls the child, and removes it if its driver was stopped. Returns whether there was a child to call.
  bool call(Child& child, void* buffer, abi::UintN* size);
  bool dispatch_software();
  bool dispatch_tco();

  ManagementMode& mm_;
  Chipset& chipset_;
  std::array<Child*, maximum_value + 1> by_value_{};
  Child* first_ = nullptr;
  std::size_t children_ = 0;  // those not removed
  std::size_t software_children_ = 0;
  std::uint32_t next_number_ = 0;
  unsigned depth_ = 0;  // of dispatch(), while which no child is released
};

}  // namespace redoubt::child_dispatch
