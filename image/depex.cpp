// SPDX-License-Identifier: BSD-2-Clause-Patent
// The grammar check: what passes leaves exactly one value on a stack that never held more than its limit.
#include "image/depex.hpp"

namespace redoubt::image {

using abi::DepexOpcode;

ImageResult<DepexView> DepexView::create(Bytes bytes, std::uint64_t origin) {
  DepexView view;
  std::uint32_t depth = 0;
  std::size_t position = 0;
  while (true) {
    const std::size_t start = position;
    const auto opcode = static_cast<DepexOpcode>(
        TRY(read_field<std::uint8_t>(bytes, position, origin, "dependency expression has no END")));
    ++position;
    switch (opcode) {
      case DepexOpcode::before:
      case DepexOpcode::after: {
        const auto file =
            TRY(read_field<abi::Guid>(bytes, position, origin, "GUID in dependency expression is cut off"));
        position += sizeof(file);
        if (start != 0) {
          return malformed(origin + start, "BEFORE or AFTER is not the only term of its dependency expression");
        }
        view.order_ = Order{opcode == DepexOpcode::before, file};
        break;
      }
      case DepexOpcode::push:
        TRY(read_run(bytes, position, sizeof(abi::Guid), origin, "GUID in dependency expression is cut off"));
        position += sizeof(abi::Guid);
        ++depth;
        break;
      case DepexOpcode::constant_true:
      case DepexOpcode::constant_false: ++depth; break;
      case DepexOpcode::logical_and:
      case DepexOpcode::logical_or:
        if (depth < 2) {
          return malformed(origin + start, "dependency expression has an operator without operands");
        }
        --depth;
        break;
      case DepexOpcode::logical_not:
        if (depth < 1) {
          return malformed(origin + start, "dependency expression has an operator without operands");
        }
        break;
      case DepexOpcode::schedule_on_request:
        if (start != 0) {
          return malformed(origin + start, "SOR is not the first term of its dependency expression");
        }
        view.on_request_ = true;
        break;
      case DepexOpcode::end:
        if (depth != (view.order_.has_value() ? 0u : 1u)) {
          return malformed(origin + start, "dependency expression doesn't end with one value");
        }
        view.bytes_ = bytes.first(start);
        return view;
      default: return malformed(origin + start, "unknown opcode in dependency expression");
    }
    if (view.order_.has_value() && start != 0) {
      return malformed(origin + start, "BEFORE or AFTER is not the only term of its dependency expression");
    }
    if (depth > DepexStack::limit) {
      return unsupported(origin + start, "dependency expression nests too deeply");
    }
  }
}

DepexTerm DepexView::term(std::size_t& position) const {
  DepexTerm term{static_cast<DepexOpcode>(bytes_[position]), {}};
  ++position;
  if (term.opcode == DepexOpcode::push || term.opcode == DepexOpcode::before || term.opcode == DepexOpcode::after) {
    __builtin_memcpy(&term.guid, bytes_.data() + position, sizeof(term.guid));
    position += sizeof(term.guid);
  }
  return term;
}

}  // namespace redoubt::image
