// SPDX-License-Identifier: BSD-2-Clause-Patent
// See ordered_files.hpp.
#include "tests/conformance/ordered_files.hpp"

namespace redoubt::conformance {

using abi::DepexOpcode;
using foundation::testing::ByteVector;
using foundation::testing::Depex;

ByteVector ordered_depex(unsigned number) {
  const abi::Guid nobodys = ordered_protocol_guid(1000);
  const abi::Guid root = ordered_protocol_guid(ordered_true);
  Depex depex;
  switch (number) {
    case ordered_push: return depex.push(root).end();
    case ordered_true: return depex.operation(DepexOpcode::constant_true).end();
    case ordered_and:
      return depex.push(root).push(ordered_protocol_guid(ordered_push)).operation(DepexOpcode::logical_and).end();
    case ordered_or: return depex.push(nobodys).push(root).operation(DepexOpcode::logical_or).end();
    case ordered_not: return depex.push(nobodys).operation(DepexOpcode::logical_not).end();
    case ordered_false: return depex.operation(DepexOpcode::constant_false).end();
    case ordered_absent: return depex.push(nobodys).end();
    case ordered_before: return depex.before(ordered_file_guid(ordered_true)).end();
    case ordered_after: return depex.after(ordered_file_guid(ordered_true)).end();
    case ordered_malformed: return depex.operation(static_cast<DepexOpcode>(0x55)).end();
    case ordered_underflow:
      return depex.operation(DepexOpcode::constant_true).operation(DepexOpcode::logical_and).end();
    default: return {};
  }
}

}  // namespace redoubt::conformance
