// SPDX-License-Identifier: BSD-2-Clause-Patent
// A whole MM in a test: fake supervisor, foundation, a volume of drivers whose entry points are functions of the test,
// and MMIs on demand. Each driver is a real image in the volume; its code jumps into the test.
//
//   Machine machine;
//   machine.add({.file = guid, .entry = [&](Handle image, MmSystemTable* mmst) { ...; return success; }});
//   ASSERT_EQ(machine.launch(), success);
//   machine.as_driver([&](MmSystemTable& mmst) { ... });    // inside a handler of a driver
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "abi/pi/mm_system_table.hpp"
#include "foundation/foundation.hpp"
#include "foundation/testing/fake_supervisor.hpp"
#include "foundation/testing/launch_input.hpp"

namespace redoubt::foundation::testing {

using DriverEntry = std::function<abi::EfiStatus(abi::Handle, abi::MmSystemTable*)>;

// NOLINTBEGIN(readability-redundant-member-init): left out of a designated initialiser, a member needs one
struct TestDriver {
  abi::Guid file{};
  std::string name = "test";
  ByteVector depex{};  // empty: no dependency section
  DriverEntry entry{};
  ByteVector image{};  // empty: one that calls `entry`
};
// NOLINTEND(readability-redundant-member-init)

// An image whose entry point calls `entry`, which must stay where it is.
ByteVector image_calling(const DriverEntry& entry);

// Code in an image that jumps to a function of the test.
ByteVector jump_to(const void* function);

class Machine {
 public:
  explicit Machine(std::uint64_t mmram_pages = 4096, std::uint64_t cpus = 2);

  // Before launch(). The driver's file becomes part of the volume.
  void add(const TestDriver& driver);
  void add_file(const ByteVector& bytes) { files_.push_back(bytes); }
  // Adds the driver that as_driver() runs in, too.
  abi::EfiStatus launch(const ByteVector& hobs = hob_list({}));

  // Runs `body` as driver code, inside an MMI, until the driver that this happens in is disabled.
  void as_driver(const std::function<void(abi::MmSystemTable&)>& body);

  // One MMI with a message; its data goes through the communication buffer and comes back.
  MmiReply send(const abi::Guid& guid, ByteVector& data, std::uint64_t capacity);
  MmiReply send(const abi::Guid& guid) {
    ByteVector none;
    return send(guid, none, 0);
  }
  // One without.
  void asynchronous_mmi(std::uint64_t cpu = 0);

  abi::MmSystemTable& mmst() { return *at_address<abi::MmSystemTable>(foundation.system_table_address()); }

  FakeSupervisor supervisor;
  Foundation foundation{supervisor};
  std::uint32_t options = 0;  // abi::launch_option, before launch()

 private:
  std::vector<std::unique_ptr<DriverEntry>> entries_;
  std::vector<ByteVector> files_;
};

// Any GUID; equal numbers give equal GUIDs.
constexpr abi::Guid test_guid(std::uint32_t number) { return {number, 0x7E57, 0x4001, {0x80, 0, 0, 0, 0, 0, 0, 1}}; }

}  // namespace redoubt::foundation::testing
