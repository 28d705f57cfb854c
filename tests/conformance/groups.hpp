// SPDX-License-Identifier: BSD-2-Clause-Patent
// The groups of tests, one for each file NAME_tests.cpp, in the order of the specification.
#pragma once

#include "tests/conformance/conformance.hpp"

namespace redoubt::conformance {

std::span<const Test> system_table_tests();
std::span<const Test> configuration_table_tests();
std::span<const Test> pool_tests();
std::span<const Test> page_tests();
std::span<const Test> protocol_tests();
std::span<const Test> notification_tests();
std::span<const Test> locate_tests();
std::span<const Test> mmi_tests();
std::span<const Test> io_tests();
std::span<const Test> foundation_protocol_tests();
std::span<const Test> status_code_tests();
std::span<const Test> dispatch_tests();
std::span<const Test> processor_tests();
std::span<const Test> save_state_tests();
std::span<const Test> depex_tests();
std::span<const Test> driver_tests();
std::span<const Test> lifecycle_tests();
std::span<const Test> pointer_tests();
std::span<const Test> after_boot_tests();  // last: they end the boot

// What lifecycle tests register before the first phase.
abi::EfiStatus prepare_lifecycle(abi::MmSystemTable& mmst);

}  // namespace redoubt::conformance
