// SPDX-License-Identifier: BSD-2-Clause-Patent
// The dependency expressions of the ordered drivers, and their order in the volume; host only. The runner on the host
// puts them into its volume, make_driver_files into files for the converter.
#pragma once

#include <array>
#include <string>

#include "foundation/testing/launch_input.hpp"
#include "tests/conformance/ordered.hpp"

namespace redoubt::conformance {

// Empty: the driver has none.
foundation::testing::ByteVector ordered_depex(unsigned number);

constexpr bool well_formed(unsigned number) { return number != ordered_malformed && number != ordered_underflow; }

// Those that depend on others stand before them.
inline constexpr std::array<unsigned, ordered_count> order_in_volume = {
    ordered_and,  ordered_push,   ordered_after,     ordered_or,        ordered_not,    ordered_false,
    ordered_true, ordered_absent, ordered_malformed, ordered_underflow, ordered_before, ordered_no_depex};

}  // namespace redoubt::conformance
