// SPDX-License-Identifier: BSD-2-Clause-Patent
// UEFI 2.10, section 8.2, sentence by sentence, for what needs no authentication: docs/variable-semantics.md has a row
// for each of these tests. Names begin with the section.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

using namespace test;
using namespace attribute;
namespace status = abi::status;

constexpr std::uint32_t hr = nv_bs_rt | hardware_error_record;
constexpr std::uint32_t header_size = sizeof(format::RecordHeader);

enum class Phase { dxe, after_dxe, runtime };

void go_to(Machine& machine, Phase phase) {
  if (phase != Phase::dxe) {
    machine.services->end_of_dxe();
  }
  if (phase == Phase::runtime) {
    machine.services->exit_boot_services();
  }
}

struct Next {
  abi::EfiStatus status;
  std::u16string name;
  std::uint64_t size;
  abi::Guid vendor;
};

Next next(const Machine& machine, std::u16string_view last, const abi::Guid& vendor, std::uint64_t room = 256) {
  std::vector<char16_t> name(std::max<std::size_t>(room / 2, last.size() + 1), u'\0');
  std::copy(last.begin(), last.end(), name.begin());
  Next found{status::success, {}, room, vendor};
  found.status = machine.services->get_next(std::as_writable_bytes(std::span(name)), found.size, found.vendor);
  name.push_back(0);
  found.name = name.data();
  return found;
}

// ---- 8.2.1 GetVariable

TEST(Uefi_8_2_1_GetVariable, SizeAndAttributesAreSetWithSuccessAndWhenTheBufferIsTooSmall) {
  Machine machine;
  ASSERT_EQ(machine.set(u"Name", nv_bs, "12345"), status::success);
  const struct {
    std::uint64_t room;
    abi::EfiStatus expected;
  } cases[] = {{0, status::buffer_too_small},
               {4, status::buffer_too_small},
               {5, status::success},
               {6, status::success},
               {UINT64_MAX, status::success}};
  for (const auto& test_case : cases) {
    std::byte data[8] = {};
    std::uint64_t size = test_case.room;
    std::uint32_t attributes = 0x5555;
    EXPECT_EQ(machine.services->get({vendor_a, u"Name"}, attributes, size, data), test_case.expected);
    EXPECT_EQ(size, 5u);
    EXPECT_EQ(attributes, nv_bs);
    EXPECT_EQ(data[0] == std::byte{0}, test_case.expected != status::success) << "nothing of it when it doesn't fit";
    EXPECT_EQ(data[5], std::byte{0});
  }
}

TEST(Uefi_8_2_1_GetVariable, AVariableIsItsNameAndItsVendor) {
  Machine machine;
  ASSERT_EQ(machine.set(u"Name", nv_bs, "a", vendor_a), status::success);
  ASSERT_EQ(machine.set(u"Name", nv_bs_rt, "bb", vendor_b), status::success);
  ASSERT_EQ(machine.set(u"name", bs_rt, "ccc", vendor_a), status::success);
  EXPECT_EQ(machine.get(u"Name", vendor_a).data, "a");
  EXPECT_EQ(machine.get(u"Name", vendor_b).data, "bb");
  EXPECT_EQ(machine.get(u"name", vendor_a).data, "ccc");
  for (const std::u16string_view other : {u"Nam", u"Name ", u"NAME", u""}) {
    EXPECT_EQ(machine.get(other).status, status::not_found);
  }
}

TEST(Uefi_8_2_1_GetVariable, AppendIsNeverAmongTheAttributesOfAVariable) {
  Machine machine;
  ASSERT_EQ(machine.set(u"New", nv_bs | append_write, "1"), status::success);
  ASSERT_EQ(machine.set(u"Volatile", bs_rt | append_write, "1"), status::success);
  ASSERT_EQ(machine.set(u"Volatile", bs_rt | append_write, "2"), status::success);
  EXPECT_EQ(machine.get(u"New").attributes, nv_bs);
  EXPECT_EQ(machine.get(u"Volatile").attributes, bs_rt);
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(machine.get(u"New").attributes, nv_bs);
}

TEST(Uefi_8_2_1_GetVariable, OnlyRuntimeAccessIsVisibleAtRuntime) {
  Machine machine;
  const struct {
    std::u16string_view name;
    std::uint32_t attributes;
    bool at_runtime;
  } cases[] = {{u"NvBs", nv_bs, false},
               {u"NvBsRt", nv_bs_rt, true},
               {u"Bs", boot_service_access, false},
               {u"BsRt", bs_rt, true}};
  for (const auto& test_case : cases) {
    ASSERT_EQ(machine.set(test_case.name, test_case.attributes, "1"), status::success);
  }
  machine.services->exit_boot_services();
  for (const auto& test_case : cases) {
    EXPECT_EQ(machine.get(test_case.name).status, test_case.at_runtime ? status::success : status::not_found);
  }
}

// ---- 8.2.2 GetNextVariableName

TEST(Uefi_8_2_2_GetNextVariableName, BeginsWithAnEmptyNameAndEndsWithNotFound) {
  Machine machine;
  ASSERT_EQ(machine.set(u"One", nv_bs, "1", vendor_a), status::success);
  ASSERT_EQ(machine.set(u"Two", bs_rt, "1", vendor_b), status::success);
  ASSERT_EQ(machine.set(u"One", nv_bs, "1", vendor_b), status::success);
  // The vendor is no input then.
  const Next first = next(machine, u"", vendor_a);
  EXPECT_EQ(first.status, status::success);
  EXPECT_EQ(next(machine, u"", vendor_b).name, first.name);
  std::vector<std::pair<std::u16string, std::uint32_t>> listed;
  for (Next found = first; found.status == status::success; found = next(machine, found.name, found.vendor)) {
    EXPECT_EQ(found.size, (found.name.size() + 1) * 2);
    listed.emplace_back(found.name, found.vendor.data1);
    ASSERT_LT(listed.size(), 50u);
  }
  const Next end = next(machine, listed.back().first, {listed.back().second, 0x2222, 0x3333, {1, 2, 3, 4, 5, 6, 7, 8}});
  EXPECT_EQ(end.status, status::not_found);
  std::ranges::sort(listed);
  EXPECT_EQ(std::ranges::adjacent_find(listed), listed.end()) << "each is listed once";
  EXPECT_EQ(std::ranges::count(listed, std::pair(std::u16string(u"One"), vendor_a.data1)), 1);
  EXPECT_EQ(std::ranges::count(listed, std::pair(std::u16string(u"One"), vendor_b.data1)), 1);
  EXPECT_EQ(std::ranges::count(listed, std::pair(std::u16string(u"Two"), vendor_b.data1)), 1);
}

TEST(Uefi_8_2_2_GetNextVariableName, InvalidInput) {
  Machine machine;
  ASSERT_EQ(machine.set(u"Name", nv_bs, "1"), status::success);
  // The terminator must be within the first VariableNameSize bytes.
  std::vector<char16_t> name = {u'N', u'a', u'm', u'e', 0, 0, 0, 0};
  for (const std::uint64_t room : {0U, 1U, 2U, 8U, 9U}) {
    std::uint64_t size = room;
    abi::Guid vendor = vendor_a;
    EXPECT_EQ(machine.services->get_next(std::as_writable_bytes(std::span(name)), size, vendor),
              status::invalid_parameter)
        << room;
    EXPECT_EQ(size, room);
  }
  EXPECT_EQ(next(machine, u"Name", vendor_b).status, status::invalid_parameter) << "no variable of that vendor";
  EXPECT_EQ(next(machine, u"Nam", vendor_a).status, status::invalid_parameter);
  ASSERT_EQ(machine.set(u"Name", 0, ""), status::success);
  EXPECT_EQ(next(machine, u"Name", vendor_a).status, status::invalid_parameter) << "deleted meanwhile";
}

TEST(Uefi_8_2_2_GetNextVariableName, TooSmallTellsTheSizeAndKeepsThePlace) {
  Machine machine;
  ASSERT_EQ(machine.set(u"A", nv_bs, "1"), status::success);
  ASSERT_EQ(machine.set(u"LongerName", nv_bs, "1"), status::success);
  for (const std::uint64_t room : {4U, 20U, 21U}) {
    const Next small = next(machine, u"A", vendor_a, room);
    EXPECT_EQ(small.status, status::buffer_too_small) << room;
    EXPECT_EQ(small.size, 22u);
    EXPECT_EQ(small.name, u"A");
    EXPECT_EQ(small.vendor, vendor_a);
  }
  EXPECT_EQ(next(machine, u"A", vendor_a, 22).name, u"LongerName");
}

TEST(Uefi_8_2_2_GetNextVariableName, AtRuntimeWhatHasNoRuntimeAccessIsNotListed) {
  Machine machine;
  ASSERT_EQ(machine.set(u"Hidden", nv_bs, "1"), status::success);
  ASSERT_EQ(machine.set(u"Shown", nv_bs_rt, "1"), status::success);
  ASSERT_EQ(machine.set(u"HiddenLast", nv_bs, "1"), status::success);
  machine.services->exit_boot_services();
  const auto names = machine.names();
  EXPECT_EQ(std::ranges::count(names, u"Shown"), 1);
  EXPECT_EQ(std::ranges::count(names, u"Hidden") + std::ranges::count(names, u"HiddenLast"), 0);
  EXPECT_EQ(next(machine, u"Hidden", vendor_a).status, status::invalid_parameter);
  EXPECT_EQ(next(machine, u"Shown", vendor_a).status, status::not_found);
}

// ---- 8.2.3 SetVariable

// Every combination of the defined attributes but time-based authentication, and some undefined ones.
TEST(Uefi_8_2_3_SetVariable, AttributesOfANewVariable) {
  for (std::uint32_t attributes = 0; attributes < 0x400; ++attributes) {
    if ((attributes & time_based_authenticated_write) != 0) {
      continue;
    }
    const bool access = (attributes & bs_rt) != 0;
    abi::EfiStatus expected = status::success;
    if (attributes >= 0x100) {
      expected = status::invalid_parameter;  // reserved
    } else if ((attributes & (authenticated_write | enhanced_authenticated_access)) != 0) {
      expected = status::unsupported;
    } else if ((attributes & bs_rt) == runtime_access) {
      expected = status::invalid_parameter;  // runtime access needs boot service access
    } else if ((attributes & hardware_error_record) != 0) {
      expected = status::invalid_parameter;  // no support for them here
    } else if (!access && (attributes & non_volatile) != 0) {
      expected = status::invalid_parameter;
    } else if (!access) {
      expected = status::not_found;  // deletes what isn't there
    }
    Machine machine;
    EXPECT_EQ(machine.set(u"Name", attributes, "data"), expected) << std::hex << attributes;
    EXPECT_EQ(machine.get(u"Name").status, expected == status::success ? status::success : status::not_found);
  }
}

TEST(Uefi_8_2_3_SetVariable, NamesAndVendors) {
  Machine machine;
  EXPECT_EQ(machine.set(u"", nv_bs, "1"), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"", 0, ""), status::invalid_parameter);
  EXPECT_EQ(machine.set(u" ", nv_bs, "1"), status::success);
  EXPECT_EQ(machine.set(u"\xFFFF\xD800", nv_bs, "1"), status::success);
  EXPECT_EQ(machine.set(u"Zero", nv_bs, "1", abi::Guid{}), status::success);
  EXPECT_EQ(machine.get(u"Zero", abi::Guid{}).data, "1");
}

TEST(Uefi_8_2_3_SetVariable, OtherAttributesThanTheVariableHas) {
  const std::uint32_t kinds[] = {nv_bs, nv_bs_rt, boot_service_access, bs_rt};
  for (const std::uint32_t old : kinds) {
    for (const std::uint32_t attributes : kinds) {
      for (const std::uint32_t append : {0U, append_write}) {
        for (const std::string_view data : {"new", ""}) {
          Machine machine;
          ASSERT_EQ(machine.set(u"Name", old, "old"), status::success);
          const abi::EfiStatus result = machine.set(u"Name", attributes | append, data);
          if (attributes != old) {
            EXPECT_EQ(result, status::invalid_parameter);
            EXPECT_EQ(machine.get(u"Name").data, "old");
            EXPECT_EQ(machine.get(u"Name").attributes, old);
          } else {
            EXPECT_EQ(result, status::success);
            const std::string expected = append != 0 ? "old" + std::string(data) : std::string(data);
            EXPECT_EQ(machine.get(u"Name").data, expected);
            EXPECT_EQ(machine.get(u"Name").status, expected.empty() ? status::not_found : status::success);
          }
        }
      }
    }
  }
}

TEST(Uefi_8_2_3_SetVariable, Deletion) {
  const struct {
    std::uint32_t attributes;
    std::string_view data;
    abi::EfiStatus present;
    abi::EfiStatus absent;
    bool deletes;
  } cases[] = {
      {0, "", status::success, status::not_found, true},
      {0, "data", status::success, status::not_found, true},  // no access attributes
      {nv_bs_rt, "", status::success, status::not_found, true},
      {nv_bs_rt | append_write, "", status::success, status::success, false},  // nothing appended
      {append_write, "", status::invalid_parameter, status::success, false},
      {append_write, "data", status::invalid_parameter, status::not_found, false},
      {non_volatile, "", status::invalid_parameter, status::invalid_parameter, false},
  };
  for (const auto& test_case : cases) {
    Machine machine;
    EXPECT_EQ(machine.set(u"Name", test_case.attributes, test_case.data), test_case.absent) << test_case.attributes;
    EXPECT_EQ(machine.get(u"Name").status, status::not_found);
    ASSERT_EQ(machine.set(u"Name", nv_bs_rt, "old"), status::success);
    EXPECT_EQ(machine.set(u"Name", test_case.attributes, test_case.data), test_case.present) << test_case.attributes;
    EXPECT_EQ(machine.get(u"Name").status, test_case.deletes ? status::not_found : status::success);
    ASSERT_TRUE(machine.reset().has_value());
    EXPECT_EQ(machine.get(u"Name").status, test_case.deletes ? status::not_found : status::success);
  }
}

TEST(Uefi_8_2_3_SetVariable, AppendingMakesTheVariableOrMakesItLonger) {
  for (const std::uint32_t attributes : {nv_bs_rt, bs_rt}) {
    Machine machine;
    EXPECT_EQ(machine.set(u"Name", attributes | append_write, "one"), status::success);
    EXPECT_EQ(machine.set(u"Name", attributes | append_write, "two"), status::success);
    EXPECT_EQ(machine.set(u"Name", attributes | append_write, ""), status::success);
    EXPECT_EQ(machine.set(u"Name", attributes | append_write, "two"), status::success) << "the same again";
    EXPECT_EQ(machine.get(u"Name").data, "onetwotwo");
  }
}

TEST(Uefi_8_2_3_SetVariable, SizesUpToTheLimit) {
  Limits limits;
  limits.max_variable_size = 0x400;
  limits.max_volatile_variable_size = 0x500;
  limits.max_hardware_error_variable_size = 0x300;
  limits.hardware_error_space = 0x1000;
  const struct {
    std::uint32_t attributes;
    std::uint32_t limit;
    std::u16string_view name;
    abi::Guid vendor;
  } cases[] = {{nv_bs_rt, limits.max_variable_size, u"Name", vendor_a},
               {bs_rt, limits.max_volatile_variable_size, u"Name", vendor_a},
               {hr, limits.max_hardware_error_variable_size, u"HwErrRec0000", hardware_error_variable_guid}};
  for (const auto& test_case : cases) {
    Machine machine(limits);
    const std::size_t most = test_case.limit - header_size - (test_case.name.size() + 1) * 2;
    const auto set = [&](std::uint32_t attributes, std::size_t size) {
      return machine.set(test_case.name, attributes, std::string(size, 'x'), test_case.vendor);
    };
    EXPECT_EQ(set(test_case.attributes, most + 1), status::invalid_parameter);
    EXPECT_EQ(set(test_case.attributes, most), status::success);
    EXPECT_EQ(set(test_case.attributes | append_write, 1), status::invalid_parameter) << "nor by appending";
    EXPECT_EQ(machine.get(test_case.name, test_case.vendor).data.size(), most);
  }
}

TEST(Uefi_8_2_3_SetVariable, WithoutRoomNothingChanges) {
  Limits limits;
  limits.volatile_space = 0x1000;
  Machine machine(limits);
  for (const std::uint32_t attributes : {nv_bs, bs_rt}) {
    ASSERT_EQ(machine.set(u"Old", attributes, "old"), status::success);
    abi::EfiStatus result = status::success;
    for (char16_t index = u'A'; result == status::success && index < u'A' + 40; ++index) {
      result = machine.set(std::u16string(1, index), attributes, std::string(0x300, 'x'));
    }
    EXPECT_EQ(result, status::out_of_resources);
    EXPECT_EQ(machine.set(u"Old", attributes, std::string(0x300, 'x')), status::out_of_resources);
    EXPECT_EQ(machine.get(u"Old").data, "old");
    for (const std::u16string& name : machine.names()) {
      machine.set(name, 0, "");
    }
  }
}

TEST(Uefi_8_2_3_SetVariable, AtRuntime) {
  const struct {
    std::u16string_view name;
    std::uint32_t attributes;
    std::string_view data;
    abi::EfiStatus expected;
  } cases[] = {
      {u"New", nv_bs_rt, "1", status::success},
      {u"New2", nv_bs, "1", status::invalid_parameter},
      {u"New3", bs_rt, "1", status::invalid_parameter},
      {u"New4", boot_service_access, "1", status::invalid_parameter},
      {u"NvBsRt", nv_bs_rt, "new", status::success},
      {u"NvBsRt", nv_bs_rt | append_write, "er", status::success},
      {u"NvBsRt", nv_bs_rt, "", status::success},
      {u"NvBs", nv_bs, "1", status::write_protected},
      {u"NvBs", nv_bs_rt, "1", status::write_protected},
      {u"NvBs", 0, "", status::write_protected},
      {u"BsRt", bs_rt, "1", status::write_protected},  // readable, and read-only from here on
      {u"BsRt", bs_rt | append_write, "1", status::write_protected},
      {u"BsRt", 0, "", status::write_protected},
      {u"Bs", boot_service_access, "1", status::write_protected},
      {u"Absent", 0, "", status::not_found},
  };
  Machine machine;
  ASSERT_EQ(machine.set(u"NvBsRt", nv_bs_rt, "old"), status::success);
  ASSERT_EQ(machine.set(u"NvBs", nv_bs, "old"), status::success);
  ASSERT_EQ(machine.set(u"BsRt", bs_rt, "old"), status::success);
  ASSERT_EQ(machine.set(u"Bs", boot_service_access, "old"), status::success);
  go_to(machine, Phase::runtime);
  for (const auto& test_case : cases) {
    EXPECT_EQ(machine.set(test_case.name, test_case.attributes, test_case.data), test_case.expected)
        << testing::PrintToString(test_case.name) << " " << test_case.attributes;
  }
  EXPECT_EQ(machine.get(u"BsRt").data, "old");
  EXPECT_EQ(machine.get(u"NvBsRt").status, status::not_found);
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(machine.get(u"NvBs").data, "old");
  EXPECT_EQ(machine.get(u"New").data, "1");
  EXPECT_EQ(machine.get(u"Bs").status, status::not_found) << "gone with the reset";
}

// ---- 8.2.4 QueryVariableInfo

messages::QueryVariableInfo query(const Machine& machine, std::uint32_t attributes, abi::EfiStatus expected) {
  messages::QueryVariableInfo info{7, 7, 7, attributes, 0};
  EXPECT_EQ(machine.services->query(info), expected) << std::hex << attributes;
  return info;
}

TEST(Uefi_8_2_4_QueryVariableInfo, EveryCombinationOfAttributes) {
  Limits limits;
  for (const std::uint32_t errors : {0U, 0x400U}) {
    limits.hardware_error_space = errors;
    for (const bool runtime : {false, true}) {
      Machine machine(limits);
      go_to(machine, runtime ? Phase::runtime : Phase::dxe);
      for (std::uint32_t attributes = 0; attributes < 0x400; ++attributes) {
        if ((attributes & time_based_authenticated_write) != 0) {
          continue;
        }
        const std::uint32_t kind = attributes & ~append_write;  // which says nothing of a kind of variable
        const bool error_record = (kind & hardware_error_record) != 0;
        abi::EfiStatus expected = status::success;
        if (kind == 0) {
          expected = status::invalid_parameter;
        } else if (kind >= 0x100 || (kind & (authenticated_write | enhanced_authenticated_access)) != 0) {
          expected = status::unsupported;
        } else if (kind == non_volatile || (kind & bs_rt) == runtime_access ||
                   (runtime && (kind & runtime_access) == 0) || (error_record && (kind & non_volatile) == 0)) {
          expected = status::invalid_parameter;
        } else if (error_record && errors == 0) {
          expected = status::unsupported;
        }
        query(machine, attributes, expected);
      }
    }
  }
}

TEST(Uefi_8_2_4_QueryVariableInfo, WhatItSaysIsRoomForIsRoomFor) {
  Limits limits;
  limits.hardware_error_space = 0x800;
  limits.max_variable_size = 0x4000;
  limits.max_volatile_variable_size = 0x2000;
  limits.volatile_space = 0x3000;
  const struct {
    std::uint32_t attributes;
    std::u16string_view name;
    abi::Guid vendor;
  } cases[] = {
      {nv_bs_rt, u"Name", vendor_a}, {bs_rt, u"Name", vendor_a}, {hr, u"HwErrRec0001", hardware_error_variable_guid}};
  for (const auto& test_case : cases) {
    Machine machine(limits);
    const auto before = query(machine, test_case.attributes, status::success);
    EXPECT_LE(before.remaining_storage_size, before.maximum_storage_size);
    const std::size_t name_size = (test_case.name.size() + 1) * 2;
    const std::size_t most = before.maximum_variable_size - name_size;
    EXPECT_EQ(machine.set(test_case.name, test_case.attributes, std::string(most + 1, 'x'), test_case.vendor) ==
                  status::success,
              false);
    EXPECT_EQ(machine.set(test_case.name, test_case.attributes, std::string(most, 'x'), test_case.vendor),
              status::success);
    const auto after = query(machine, test_case.attributes, status::success);
    EXPECT_EQ(after.maximum_storage_size, before.maximum_storage_size);
    EXPECT_EQ(before.remaining_storage_size - after.remaining_storage_size, FlashStore::record_size(name_size, most));
    EXPECT_LE(after.maximum_variable_size, after.remaining_storage_size);
  }
}

TEST(Uefi_8_2_4_QueryVariableInfo, KindsHaveSpaceOfTheirOwn) {
  Limits limits;
  limits.hardware_error_space = 0x400;
  Machine machine(limits);
  const auto common = query(machine, nv_bs_rt, status::success);
  const auto volatile_space = query(machine, bs_rt, status::success);
  const auto errors = query(machine, hr, status::success);
  EXPECT_EQ(errors.maximum_storage_size, 0x400u);
  ASSERT_EQ(machine.set(u"HwErrRec0001", hr, "record", hardware_error_variable_guid), status::success);
  ASSERT_EQ(machine.set(u"Volatile", bs_rt, "1"), status::success);
  EXPECT_EQ(query(machine, nv_bs_rt, status::success).remaining_storage_size, common.remaining_storage_size);
  EXPECT_LT(query(machine, bs_rt, status::success).remaining_storage_size, volatile_space.remaining_storage_size);
  EXPECT_LT(query(machine, hr, status::success).remaining_storage_size, errors.remaining_storage_size);
  // The figures are the same for all kinds of access.
  EXPECT_EQ(query(machine, nv_bs, status::success).remaining_storage_size,
            query(machine, nv_bs_rt, status::success).remaining_storage_size);
  EXPECT_EQ(query(machine, nv_bs_rt | append_write, status::success).remaining_storage_size,
            query(machine, nv_bs_rt, status::success).remaining_storage_size);
}

// ---- 8.2.4.2 Hardware error records

TEST(Uefi_8_2_4_2_HardwareErrors, OnlyRecordsHaveTheAttributeAndRecordsHaveIt) {
  Limits limits;
  limits.hardware_error_space = 0x800;
  const struct {
    std::u16string_view name;
    abi::Guid vendor;
    std::uint32_t attributes;
    abi::EfiStatus expected;
  } cases[] = {
      {u"HwErrRec0000", hardware_error_variable_guid, hr, status::success},
      {u"HwErrRecFFFF", hardware_error_variable_guid, hr, status::success},
      {u"HwErrRec00ff", hardware_error_variable_guid, hr, status::invalid_parameter},
      {u"HwErrRec000", hardware_error_variable_guid, hr, status::invalid_parameter},
      {u"HwErrRec0001", vendor_a, hr, status::invalid_parameter},
      {u"HwErrRec0001", global_variable_guid, hr, status::invalid_parameter},
      {u"Other", hardware_error_variable_guid, hr, status::invalid_parameter},
      {u"HwErrRec0002", hardware_error_variable_guid, nv_bs_rt, status::invalid_parameter},
      {u"HwErrRec0003", hardware_error_variable_guid, nv_bs | hardware_error_record, status::invalid_parameter},
      {u"HwErrRec0004", hardware_error_variable_guid, bs_rt | hardware_error_record, status::invalid_parameter},
      {u"HwErrRec0000", hardware_error_variable_guid, 0, status::success},
  };
  for (const Phase phase : {Phase::after_dxe, Phase::runtime}) {
    Machine machine(limits);
    go_to(machine, phase);
    for (const auto& test_case : cases) {
      EXPECT_EQ(
          machine.set(test_case.name, test_case.attributes, test_case.attributes == 0 ? "" : "x", test_case.vendor),
          test_case.expected)
          << testing::PrintToString(test_case.name) << " " << test_case.attributes;
    }
  }
}

TEST(Uefi_8_2_4_2_HardwareErrors, TheirQuotaIsTheirsAlone) {
  Limits limits;
  limits.hardware_error_space = 0x400;
  Machine machine(limits);
  // Others fill the store, and records still find their room; records fill theirs, and others find room.
  abi::EfiStatus result = status::success;
  for (char16_t index = u'\x100'; result == status::success; ++index) {
    result = machine.set(std::u16string(1, index), nv_bs_rt, std::string(100, 'x'));
  }
  EXPECT_EQ(result, status::out_of_resources);
  const std::string record(0x400 - header_size - 26, 'e');
  EXPECT_EQ(machine.set(u"HwErrRec0001", hr, record, hardware_error_variable_guid), status::success);
  EXPECT_EQ(machine.set(u"HwErrRec0002", hr, "e", hardware_error_variable_guid), status::out_of_resources);

  Machine other(limits);
  EXPECT_EQ(other.set(u"HwErrRec0001", hr, record, hardware_error_variable_guid), status::success);
  EXPECT_EQ(other.set(u"HwErrRec0002", hr, "e", hardware_error_variable_guid), status::out_of_resources);
  EXPECT_EQ(other.set(u"Name", nv_bs_rt, "x"), status::success);
}

TEST(Uefi_3_3_GlobalVariables, HwErrRecSupportIsTheFirmwaresToWrite) {
  for (const Phase phase : {Phase::dxe, Phase::after_dxe, Phase::runtime}) {
    Machine machine;
    ASSERT_EQ(machine.set(u"HwErrRecSupport", nv_bs_rt, "01", global_variable_guid), status::success);
    go_to(machine, phase);
    const abi::EfiStatus expected = phase == Phase::runtime ? status::write_protected : status::success;
    EXPECT_EQ(machine.set(u"HwErrRecSupport", nv_bs_rt, "10", global_variable_guid), expected);
    EXPECT_EQ(machine.set(u"HwErrRecSupport", 0, "", global_variable_guid), expected);
  }
}

// ---- locks and rules between the end of DXE and the operating system

// What stock BDS does in this order: it locks BootOptionSupport, then writes it, then DXE ends.
TEST(Phases, WhatIsLockedInDxeIsLockedWhenDxeEnds) {
  Machine machine;
  ASSERT_EQ(machine.services->policies().add_lock({global_variable_guid, u"BootOptionSupport"}), status::success);
  ASSERT_EQ(
      machine.services->properties().set({vendor_a, u"Property"}, {messages::VariableProperty::current_revision,
                                                                   messages::VariableProperty::read_only, 0, 0, 0}),
      status::success);
  EXPECT_EQ(machine.set(u"BootOptionSupport", bs_rt, "1234", global_variable_guid), status::success);
  EXPECT_EQ(machine.set(u"Property", nv_bs, "1"), status::success);
  machine.services->end_of_dxe();
  EXPECT_EQ(machine.set(u"BootOptionSupport", bs_rt, "5678", global_variable_guid), status::write_protected);
  EXPECT_EQ(machine.set(u"Property", nv_bs, "2"), status::write_protected);
  EXPECT_EQ(machine.services->set(Requester::mm_driver, {vendor_a, u"Property"}, nv_bs, bytes("2")), status::success);
  EXPECT_EQ(machine.services->policies().add_lock({vendor_a, u"Later"}), status::write_protected);
  EXPECT_EQ(machine.get(u"BootOptionSupport", global_variable_guid).data, "1234");
}

// A caller that states a size means the variable's, and appending is no way around it.
TEST(Phases, RulesAboutSizesHoldForWhatAppendingMakes) {
  Machine machine;
  ASSERT_EQ(machine.services->properties().set({vendor_a, u"Property"},
                                               {messages::VariableProperty::current_revision, 0, 0, 2, 4}),
            status::success);
  const std::u16string_view policy_name = u"Policy";
  messages::PolicyEntry entry{};
  entry.version = messages::PolicyEntry::current_version;
  entry.offset_to_name = sizeof(entry);
  entry.size = static_cast<std::uint16_t>(sizeof(entry) + (policy_name.size() + 1) * 2);
  entry.vendor = vendor_a;
  entry.minimum_size = 2;
  entry.maximum_size = 4;
  std::vector<std::byte> policy(entry.size);
  std::memcpy(policy.data(), &entry, sizeof(entry));
  std::memcpy(policy.data() + sizeof(entry), policy_name.data(), policy_name.size() * 2);
  ASSERT_EQ(machine.services->policies().add(policy), status::success);
  machine.services->end_of_dxe();
  for (const auto& [name, vendor, attributes, most] :
       {std::tuple{u"Property", vendor_a, nv_bs, 4}, std::tuple{u"Policy", vendor_a, nv_bs, 4},
        std::tuple{u"BootNext", global_variable_guid, nv_bs_rt, 2}}) {
    EXPECT_EQ(machine.set(name, attributes, "1", vendor), status::invalid_parameter);
    EXPECT_EQ(machine.set(name, attributes | append_write, "1", vendor), status::invalid_parameter);
    EXPECT_EQ(machine.set(name, attributes | append_write, "12", vendor), status::success);
    EXPECT_EQ(machine.set(name, attributes | append_write, "3", vendor),
              most > 2 ? status::success : status::invalid_parameter);
    EXPECT_EQ(machine.set(name, attributes | append_write, "45", vendor), status::invalid_parameter);
    EXPECT_EQ(machine.set(name, 0, "", vendor), status::success) << "deleting is no question of size";
  }
}

TEST(Phases, APolicyAboutSizesDoesNotStopDeletion) {
  for (const std::string_view data : {"", "1234567"}) {
    Machine machine;
    messages::PolicyEntry entry{};
    entry.version = messages::PolicyEntry::current_version;
    entry.offset_to_name = sizeof(entry);
    entry.size = sizeof(entry);
    entry.vendor = vendor_a;
    entry.minimum_size = 2;
    entry.maximum_size = 4;
    entry.attributes_must_have = nv_bs;
    ASSERT_EQ(machine.services->policies().add(std::as_bytes(std::span(&entry, 1))), status::success);
    machine.services->end_of_dxe();
    ASSERT_EQ(machine.set(u"Name", nv_bs, "123"), status::success);
    EXPECT_EQ(machine.set(u"Name", bs_rt, "123"), status::invalid_parameter);
    EXPECT_EQ(machine.set(u"Name", 0, data), status::success) << "no access attributes: a deletion";
    EXPECT_EQ(machine.get(u"Name").status, status::not_found);
  }
}

}  // namespace
}  // namespace redoubt::variable
