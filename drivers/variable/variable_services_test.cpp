// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/variable_services.hpp"

#include <gtest/gtest.h>

#include "drivers/variable/board.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

using namespace test;
namespace status = abi::status;
using namespace attribute;

TEST(VariableServices, AttributesThatCannotBe) {
  Machine machine;
  const struct {
    std::uint32_t attributes;
    abi::EfiStatus expected;
  } cases[] = {
      {runtime_access, status::invalid_parameter},
      {non_volatile, status::invalid_parameter},
      {non_volatile | runtime_access, status::invalid_parameter},
      {non_volatile | append_write, status::invalid_parameter},
      {nv_bs | 0x100, status::invalid_parameter},
      {nv_bs | 0x80000000, status::invalid_parameter},
      {nv_bs | authenticated_write, status::unsupported},
      {nv_bs | authenticated_write | time_based_authenticated_write, status::unsupported},
      {nv_bs | enhanced_authenticated_access, status::unsupported},
      {nv_bs_rt | time_based_authenticated_write, status::security_violation},
      {nv_bs_rt | hardware_error_record, status::invalid_parameter},  // no space set aside for them
      {0, status::not_found},
      {append_write, status::not_found},
      {bs_rt, status::success},
      {nv_bs_rt, status::success},
  };
  for (const auto& test_case : cases) {
    Machine fresh;
    EXPECT_EQ(fresh.set(u"Name", test_case.attributes, "data"), test_case.expected) << test_case.attributes;
  }
  EXPECT_EQ(machine.set(u"", nv_bs, "data"), status::invalid_parameter);
}

TEST(VariableServices, AuthenticatedWritesAreRefusedByTheirForm) {
  Machine machine;
  std::string data(60, 0);
  data[16] = 30;  // the certificate's length
  EXPECT_EQ(machine.set(u"A", nv_bs_rt_at, data), status::security_violation) << "not PKCS#7";
  data[16] = 23;
  EXPECT_EQ(machine.set(u"A", nv_bs_rt_at, data), status::security_violation);
  data[16] = 45;
  EXPECT_EQ(machine.set(u"A", nv_bs_rt_at, data), status::security_violation);
  EXPECT_EQ(machine.set(u"PK", nv_bs_rt, data, global_variable_guid), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"db", nv_bs_rt, data, image_security_database_guid), status::invalid_parameter);
}

TEST(VariableServices, ReplaceAppendDelete) {
  for (const std::uint32_t attributes : {nv_bs_rt, bs_rt, boot_service_access}) {
    Machine machine;
    EXPECT_EQ(machine.set(u"V", attributes | append_write, ""), status::success);
    EXPECT_EQ(machine.get(u"V").status, status::not_found);
    EXPECT_EQ(machine.set(u"V", attributes | append_write, "one"), status::success);
    EXPECT_EQ(machine.get(u"V"), (Machine::Value{status::success, attributes, "one"}));
    EXPECT_EQ(machine.set(u"V", attributes | append_write, "two"), status::success);
    EXPECT_EQ(machine.set(u"V", attributes | append_write, ""), status::success);
    EXPECT_EQ(machine.get(u"V"), (Machine::Value{status::success, attributes, "onetwo"}));
    EXPECT_EQ(machine.set(u"V", attributes ^ runtime_access, "x"), status::invalid_parameter);
    EXPECT_EQ(machine.set(u"V", attributes, "three"), status::success);
    const std::uint64_t steps = machine.flash.steps();
    EXPECT_EQ(machine.set(u"V", attributes, "three"), status::success);
    EXPECT_EQ(machine.flash.steps(), steps) << "the same data again wears the flash";
    EXPECT_EQ(machine.set(u"V", attributes, ""), status::success);
    EXPECT_EQ(machine.get(u"V").status, status::not_found);
    EXPECT_EQ(machine.set(u"V", attributes, ""), status::not_found);
    EXPECT_EQ(machine.set(u"V", attributes, "again"), status::success);
    EXPECT_EQ(machine.set(u"V", 0, "ignored"), status::success);
    EXPECT_EQ(machine.get(u"V").status, status::not_found);
  }
}

TEST(VariableServices, NamesDifferByVendorAndCase) {
  Machine machine;
  EXPECT_EQ(machine.set(u"Name", nv_bs, "1"), status::success);
  EXPECT_EQ(machine.set(u"Name", nv_bs, "2", vendor_b), status::success);
  EXPECT_EQ(machine.set(u"name", nv_bs, "3"), status::success);
  EXPECT_EQ(machine.set(u"Name ", nv_bs, "4"), status::success);
  EXPECT_EQ(machine.get(u"Name").data, "1");
  EXPECT_EQ(machine.get(u"Name", vendor_b).data, "2");
  EXPECT_EQ(machine.get(u"name").data, "3");
  EXPECT_EQ(machine.get(u"Nam").status, status::not_found);
}

TEST(VariableServices, RuntimeRules) {
  Machine machine;
  ASSERT_EQ(machine.set(u"BootOnly", nv_bs, "1"), status::success);
  ASSERT_EQ(machine.set(u"Runtime", nv_bs_rt, "2"), status::success);
  ASSERT_EQ(machine.set(u"VolatileRuntime", bs_rt, "3"), status::success);
  machine.services->exit_boot_services();
  EXPECT_EQ(machine.get(u"BootOnly").status, status::not_found);
  EXPECT_EQ(machine.get(u"Runtime").data, "2");
  EXPECT_EQ(machine.get(u"VolatileRuntime").data, "3");
  EXPECT_EQ(machine.set(u"BootOnly", nv_bs, "x"), status::write_protected);
  EXPECT_EQ(machine.set(u"BootOnly", 0, ""), status::write_protected);
  EXPECT_EQ(machine.set(u"VolatileRuntime", bs_rt, "x"), status::write_protected);
  EXPECT_EQ(machine.set(u"VolatileRuntime", 0, ""), status::write_protected);
  EXPECT_EQ(machine.set(u"Runtime", nv_bs_rt, "new"), status::success);
  EXPECT_EQ(machine.set(u"Fresh", nv_bs_rt, "new"), status::success);
  EXPECT_EQ(machine.set(u"FreshVolatile", bs_rt, "new"), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"FreshBoot", nv_bs, "new"), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"Fresh", 0, ""), status::success);
  const std::vector<std::u16string> expected = {u"SetupMode",  u"AuditMode",        u"DeployedMode",    u"SecureBoot",
                                                u"VendorKeys", u"SignatureSupport", u"VolatileRuntime", u"Runtime"};
  EXPECT_EQ(machine.names(), expected);
}

TEST(VariableServices, EnumerationKeepsItsOrderWhenValuesChange) {
  Machine machine;
  for (const char16_t* name : {u"A", u"B", u"C"}) {
    ASSERT_EQ(machine.set(name, nv_bs, "1"), status::success);
    ASSERT_EQ(machine.set(std::u16string(name) + u"v", bs_rt, "1"), status::success);
  }
  const auto before = machine.names();
  ASSERT_EQ(machine.set(u"A", nv_bs, "22"), status::success);
  ASSERT_EQ(machine.set(u"Bv", bs_rt, "22"), status::success);
  EXPECT_EQ(machine.names(), before);
  ASSERT_EQ(machine.set(u"B", 0, ""), status::success);
  ASSERT_EQ(machine.set(u"Cv", 0, ""), status::success);
  EXPECT_EQ(machine.names().size(), before.size() - 2);
}

TEST(VariableServices, SizeLimits) {
  Limits limits;
  limits.max_variable_size = 0x400;
  limits.max_volatile_variable_size = 0x200;
  Machine machine(limits);
  EXPECT_EQ(machine.set(u"N", nv_bs, std::string(0x400 - 60 - 4, 'x')), status::success);
  EXPECT_EQ(machine.set(u"N", nv_bs, std::string(0x400 - 60 - 3, 'x')), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"N", nv_bs | append_write, "x"), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"V", bs_rt, std::string(0x200 - 60 - 4, 'x')), status::success);
  EXPECT_EQ(machine.set(u"V", bs_rt, std::string(0x200 - 60 - 3, 'x')), status::invalid_parameter);
}

TEST(VariableServices, VolatileSpaceHasALimit) {
  Limits limits;
  limits.volatile_space = 0x1000;
  Machine machine(limits);
  std::size_t count = 0;
  while (machine.set(std::u16string(1, static_cast<char16_t>(u'A' + count)), bs_rt, std::string(400, 'x')) ==
         status::success) {
    ++count;
  }
  EXPECT_EQ(count, 7u);
  EXPECT_EQ(machine.set(u"A", bs_rt, std::string(390, 'y')), status::success);
  EXPECT_EQ(machine.set(u"A", 0, ""), status::success);
  EXPECT_EQ(machine.set(u"Z", bs_rt, std::string(400, 'x')), status::success);
}

TEST(VariableServices, QueryVariableInfo) {
  Machine machine;
  const auto query = [&](std::uint32_t attributes) {
    messages::QueryVariableInfo info{};
    info.attributes = attributes;
    return machine.services->query(info);
  };
  EXPECT_EQ(query(0), status::invalid_parameter);
  EXPECT_EQ(query(non_volatile), status::invalid_parameter);
  EXPECT_EQ(query(runtime_access), status::invalid_parameter);
  EXPECT_EQ(query(nv_bs | authenticated_write), status::unsupported);
  EXPECT_EQ(query(nv_bs_rt | hardware_error_record), status::unsupported);
  EXPECT_EQ(query(bs_rt | hardware_error_record), status::invalid_parameter);
  EXPECT_EQ(query(nv_bs), status::success);
  EXPECT_EQ(query(bs_rt), status::success);
  machine.services->exit_boot_services();
  EXPECT_EQ(query(nv_bs), status::invalid_parameter);
  EXPECT_EQ(query(nv_bs_rt), status::success);

  messages::QueryVariableInfo before{};
  before.attributes = nv_bs_rt;
  ASSERT_EQ(machine.services->query(before), status::success);
  ASSERT_EQ(machine.set(u"Name", nv_bs_rt, "data"), status::success);
  messages::QueryVariableInfo after = before;
  ASSERT_EQ(machine.services->query(after), status::success);
  EXPECT_EQ(before.remaining_storage_size - after.remaining_storage_size, FlashStore::record_size(10, 4));
}

TEST(VariableServices, HardwareErrorRecordsHaveTheirOwnSpace) {
  Limits limits;
  limits.hardware_error_space = 0x400;
  Machine machine(limits);
  machine.services->end_of_dxe();
  constexpr std::uint32_t record = nv_bs_rt | hardware_error_record;
  EXPECT_EQ(machine.set(u"HwErrRec0001", record, std::string(400, 'e'), hardware_error_variable_guid), status::success);
  EXPECT_EQ(machine.set(u"HwErrRec0002", record, std::string(400, 'e'), hardware_error_variable_guid), status::success);
  EXPECT_EQ(machine.set(u"HwErrRec0003", record, std::string(400, 'e'), hardware_error_variable_guid),
            status::out_of_resources);
  EXPECT_EQ(machine.set(u"HwErrRec", record, "x", hardware_error_variable_guid), status::invalid_parameter);
  messages::QueryVariableInfo info{};
  info.attributes = record;
  ASSERT_EQ(machine.services->query(info), status::success);
  EXPECT_EQ(info.maximum_storage_size, 0x400u);
  EXPECT_EQ(info.remaining_storage_size, 0x400u - 2 * FlashStore::record_size(26, 400));
  ASSERT_TRUE(machine.reset().has_value());
  ASSERT_EQ(machine.services->query(info), status::success);
  EXPECT_EQ(info.remaining_storage_size, 0x400u - 2 * FlashStore::record_size(26, 400));
}

TEST(VariableServices, FirmwareStatesTheStateOfSecureBoot) {
  Machine machine;
  const struct {
    std::u16string_view name;
    std::string expected;
  } cases[] = {
      {u"SetupMode", std::string(1, 1)}, {u"SecureBoot", std::string(1, 0)}, {u"VendorKeys", std::string(1, 1)}};
  for (const auto& test_case : cases) {
    EXPECT_EQ(machine.get(test_case.name, global_variable_guid),
              (Machine::Value{status::success, bs_rt, test_case.expected}));
    EXPECT_EQ(machine.set(test_case.name, bs_rt, "1", global_variable_guid), status::write_protected);
    EXPECT_EQ(machine.set(test_case.name, 0, "", global_variable_guid), status::write_protected);
    EXPECT_EQ(machine.services->set(Requester::mm_driver, {global_variable_guid, test_case.name}, bs_rt, bytes("1")),
              status::write_protected);
  }
  EXPECT_EQ(machine.get(u"SignatureSupport", global_variable_guid).data.size(), 4 * 16u);
}

TEST(VariableServices, DefinedVariablesFromTheEndOfDxeOn) {
  Machine machine;
  EXPECT_EQ(machine.set(u"Odd", nv_bs, "x", global_variable_guid), status::success);
  machine.services->end_of_dxe();
  EXPECT_EQ(machine.set(u"Odder", nv_bs, "x", global_variable_guid), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"Odd", 0, "", global_variable_guid), status::success);
  EXPECT_EQ(machine.set(u"BootOrder", nv_bs_rt, "123", global_variable_guid), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"BootOrder", bs_rt, "12", global_variable_guid), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"BootOrder", nv_bs_rt, "12", global_variable_guid), status::success);
  EXPECT_EQ(machine.set(u"Boot00aF", nv_bs_rt, "123456", global_variable_guid), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"Boot00AF", nv_bs_rt, "123456", global_variable_guid), status::success);
  EXPECT_EQ(machine.set(u"Boot00AF", nv_bs_rt, "12345", global_variable_guid), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"PKDefault", bs_rt, "x", global_variable_guid), status::write_protected);
  EXPECT_EQ(machine.set(u"Anything", nv_bs_rt, "x"), status::success);
}

TEST(VariableServices, ManyVariablesStayFindable) {
  NorModel nor(0x84000);
  Machine machine(std::move(nor), board::layout);
  for (char16_t index = 0; index < 1500; ++index) {
    const std::u16string name = std::u16string(u"Variable") + static_cast<char16_t>(u'\x1000' + index);
    ASSERT_EQ(machine.set(name, nv_bs_rt, std::to_string(index)), status::success);
  }
  ASSERT_TRUE(machine.reset().has_value());
  for (char16_t index = 0; index < 1500; index += 7) {
    const std::u16string name = std::u16string(u"Variable") + static_cast<char16_t>(u'\x1000' + index);
    ASSERT_EQ(machine.get(name).data, std::to_string(index));
  }
  EXPECT_EQ(machine.names().size(), 1506u);
}

// Whatever allocation fails, a write is all or nothing.
TEST(VariableServices, RunningOutOfMemory) {
  Machine machine;
  for (std::size_t allowed = 0; allowed < 4; ++allowed) {
    machine.allocator.allow(allowed);
    for (char16_t index = 0; index < 70; ++index) {
      const std::u16string name(1, static_cast<char16_t>(u'A' + index));
      for (const std::uint32_t attributes : {nv_bs, bs_rt}) {
        const std::u16string full = name + (attributes == bs_rt ? u"v" : u"n");
        const abi::EfiStatus result = machine.set(full, attributes, "data");
        EXPECT_TRUE(result == status::success || result == status::out_of_resources);
        EXPECT_EQ(machine.get(full).status, result == status::success ? status::success : status::not_found);
      }
    }
    machine.allocator.allow(SIZE_MAX);
    ASSERT_TRUE(machine.reset().has_value());
    for (const std::u16string& name : machine.names()) {
      machine.set(name, 0, "");
    }
  }
}

}  // namespace
}  // namespace redoubt::variable
