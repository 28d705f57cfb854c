// SPDX-License-Identifier: BSD-2-Clause-Patent
// Requests to open memory to drivers: from HOBs, by message, and what drivers hear of it.
#include "foundation/unblocking.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <vector>

#include "abi/pi/mm_protocols.hpp"
#include "foundation/testing/machine.hpp"

namespace redoubt::foundation {
namespace {

using abi::MmSystemTable;
using testing::ByteVector;
using testing::Machine;
using testing::test_guid;
namespace status = abi::status;

constexpr std::uint64_t ram = 0x1000'0000;

template <typename T>
ByteVector bytes_of(const T& value) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  return {bytes, bytes + sizeof(value)};
}

abi::UnblockRequest request_for(std::uint64_t address, std::uint64_t pages) {
  abi::UnblockRequest request{};
  request.header = {.signature = abi::SupervisorRequestHeader::expected_signature,
                    .revision = abi::SupervisorRequestHeader::current_revision,
                    .request = abi::SupervisorRequestHeader::unblock_memory,
                    .reserved = 0,
                    .result = 0x1234};
  request.parameters.descriptor.physical_start = address;
  request.parameters.descriptor.number_of_pages = pages;
  request.parameters.identifier = test_guid(77);
  return request;
}

class UnblockingTest : public ::testing::Test {
 protected:
  void launch(const std::vector<ByteVector>& hobs = {}) {
    ASSERT_EQ(machine_.launch(testing::hob_list(hobs)), status::success);
  }

  // The result in the header; nothing if the message itself wasn't answered with success.
  std::optional<abi::EfiStatus> send(const abi::UnblockRequest& request) {
    ByteVector data = bytes_of(request);
    const MmiReply reply = machine_.send(abi::supervisor_request_guid, data, data.size());
    last_ = reply.status;
    if (reply.status != status::success) return std::nullopt;
    EXPECT_EQ(reply.size, data.size());
    abi::UnblockRequest answer;
    std::memcpy(&answer, data.data(), sizeof(answer));
    EXPECT_EQ(std::memcmp(&answer.parameters, &request.parameters, sizeof(request.parameters)), 0);
    return answer.header.result;
  }

  abi::EfiStatus check(std::uint64_t address, std::uint64_t bytes) {
    abi::EfiStatus result = status::aborted;
    machine_.as_driver([&](MmSystemTable& mmst) {
      void* interface = nullptr;
      ASSERT_EQ(mmst.locate_protocol(&abi::unblocked_memory_protocol_guid, nullptr, &interface), status::success);
      const auto* protocol = static_cast<const abi::UnblockedMemoryProtocol*>(interface);
      result = protocol->check(protocol, address, bytes);
    });
    return result;
  }

  Machine machine_;
  abi::EfiStatus last_ = status::success;
};

TEST_F(UnblockingTest, AMessageOpensMemoryUntilTheLock) {
  launch();
  EXPECT_EQ(check(ram, 1), status::access_denied);
  EXPECT_EQ(send(request_for(ram, 2)), status::success);
  EXPECT_EQ(machine_.supervisor.unblocked.size(), 1U);
  EXPECT_EQ(check(ram, 2 * page_bytes), status::success);
  EXPECT_EQ(check(ram + 2 * page_bytes - 1, 1), status::success);
  EXPECT_EQ(check(ram + 2 * page_bytes - 1, 2), status::access_denied);
  EXPECT_EQ(check(ram - 1, 1), status::access_denied);
  EXPECT_EQ(check(ram, 0), status::access_denied);
  EXPECT_EQ(check(ram, UINT64_MAX), status::access_denied);
  EXPECT_EQ(check(ram + 1, UINT64_MAX), status::access_denied);
  EXPECT_EQ(send(request_for(ram + page_bytes, 1)), status::success) << "open already";
  EXPECT_TRUE(
      machine_.supervisor.logged("unblocked.by guid=0000004d-7e57-4001-8000-000000000001 base=0x10000000 "
                                 "pages=2 status=0x0"));

  ASSERT_EQ(machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid).status, status::success);
  EXPECT_FALSE(send(request_for(ram + 0x10000, 1)).has_value());
  EXPECT_EQ(last_, status::not_found) << "the message has no handler any more";
  EXPECT_EQ(check(ram, 2 * page_bytes), status::success) << "what is open stays open";
}

TEST_F(UnblockingTest, TheEndOfBootLocksToo) {
  launch();
  ASSERT_EQ(machine_.send(abi::exit_boot_services_event_group_guid).status, status::success);
  EXPECT_FALSE(send(request_for(ram, 1)).has_value());
}

TEST_F(UnblockingTest, WrongRequestsOpenNothing) {
  launch();
  EXPECT_EQ(send(request_for(ram + 1, 1)), status::invalid_parameter);
  EXPECT_EQ(send(request_for(ram, 0)), status::invalid_parameter);
  EXPECT_EQ(send(request_for(0xFEE0'0000, 1)), status::security_violation);
  EXPECT_EQ(send(request_for(ram, UINT64_MAX)), status::security_violation);
  auto request = request_for(ram, 1);
  request.parameters.identifier = {};
  EXPECT_EQ(send(request), status::invalid_parameter);
  for (const std::uint64_t attribute : {std::uint64_t{0x20000}, std::uint64_t{0x40000}, UINT64_MAX}) {
    request = request_for(ram, 1);
    request.parameters.descriptor.attribute = attribute;  // EFI_MEMORY_RO, EFI_MEMORY_SP, all
    EXPECT_EQ(send(request), status::unsupported);
  }
  for (const std::uint32_t number : {0U, 2U, 3U, 4U, UINT32_MAX}) {
    request = request_for(ram, 1);
    request.header.request = number;
    EXPECT_EQ(send(request), status::unsupported);
  }
  request = request_for(ram, 1);
  request.header.signature ^= 1;
  EXPECT_FALSE(send(request).has_value());
  EXPECT_EQ(last_, status::invalid_parameter);
  request = request_for(ram, 1);
  ++request.header.revision;
  EXPECT_FALSE(send(request).has_value());
  for (std::size_t size = 0; size < sizeof(request); ++size) {
    ByteVector data = bytes_of(request_for(ram, 1));
    data.resize(size);
    EXPECT_EQ(machine_.send(abi::supervisor_request_guid, data, size).status, status::invalid_parameter) << size;
  }
  EXPECT_TRUE(machine_.supervisor.unblocked.empty());
  request = request_for(ram, 1);
  request.parameters.descriptor.attribute = 0x4000;  // EFI_MEMORY_XP
  EXPECT_EQ(send(request), status::success);
}

TEST_F(UnblockingTest, WhenThereAreTooManyItSaysSo) {
  launch();
  for (std::uint64_t i = 0; i < abi::unblocked_limit; ++i) {
    ASSERT_EQ(send(request_for(ram + 2 * i * page_bytes, 1)), status::success);
  }
  EXPECT_EQ(send(request_for(ram + 0x100'000, 1)), status::out_of_resources);
  EXPECT_EQ(check(ram + 2 * (abi::unblocked_limit - 1) * page_bytes, page_bytes), status::success);
}

TEST_F(UnblockingTest, HobsOpenMemoryBeforeDriversStart) {
  const abi::UnblockRegion edk2{ram, 3, test_guid(5)};
  abi::UnblockParameters mu{};
  mu.descriptor.physical_start = ram + 0x10000;
  mu.descriptor.number_of_pages = 1;
  mu.identifier = test_guid(6);
  const abi::UnblockRegion wrong{0xFEE0'0000, 1, test_guid(7)};
  const abi::UnblockRegion nobodys{ram + 0x20000, 1, {}};
  abi::UnblockParameters supervisors = mu;
  supervisors.descriptor.physical_start = ram + 0x30000;
  supervisors.descriptor.attribute = 0x40000;  // EFI_MEMORY_SP
  ByteVector cut = bytes_of(edk2);
  cut.resize(16);
  bool seen = false;
  machine_.add({.file = test_guid(1), .entry = [&](abi::Handle, MmSystemTable* mmst) {
                  void* interface = nullptr;
                  EXPECT_EQ(mmst->locate_protocol(&abi::unblocked_memory_protocol_guid, nullptr, &interface),
                            status::success);
                  const auto* protocol = static_cast<const abi::UnblockedMemoryProtocol*>(interface);
                  seen = protocol->check(protocol, ram, 3 * page_bytes) == status::success;
                  return status::success;
                }});
  launch({testing::guid_hob(abi::unblock_region_hob_guid, cut),
          testing::guid_hob(abi::unblock_region_hob_guid, bytes_of(wrong)),
          testing::guid_hob(abi::unblock_region_hob_guid, bytes_of(nobodys)),
          testing::guid_hob(abi::supervisor_unblock_region_hob_guid, bytes_of(supervisors)),
          testing::guid_hob(abi::unblock_region_hob_guid, bytes_of(edk2)),
          testing::guid_hob(abi::supervisor_unblock_region_hob_guid, bytes_of(mu))});
  EXPECT_TRUE(seen);
  EXPECT_EQ(machine_.supervisor.unblocked.size(), 2U);
  EXPECT_EQ(check(ram + 0x10000, page_bytes), status::success);
  EXPECT_TRUE(machine_.supervisor.logged("base=0xfee00000 pages=1 status=0x800000000000001a"));
  EXPECT_TRUE(machine_.supervisor.logged("base=0x10020000 pages=1 status=0x8000000000000002"));
  EXPECT_TRUE(machine_.supervisor.logged("base=0x10030000 pages=1 status=0x8000000000000003"));
}

}  // namespace
}  // namespace redoubt::foundation
