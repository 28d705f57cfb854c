// SPDX-License-Identifier: BSD-2-Clause-Patent
// The expression is evaluated like any other, with strings as values.
#include "image/depex_text.hpp"

#include <format>
#include <vector>

#include "image/known_guids.hpp"

namespace redoubt::image {

namespace {

using abi::DepexOpcode;

// How tightly the outermost operator of a text binds.
enum class Binding : std::uint8_t { loose_or, tight_and, atom };

struct Text {
  std::string text;
  Binding binding;

  std::string at_least(Binding needed) const { return binding < needed ? "(" + text + ")" : text; }
};

}  // namespace

std::string to_infix(const DepexView& depex) {
  if (depex.order().has_value()) {
    return std::format("{} {}", depex.order()->before ? "BEFORE" : "AFTER", name_or_text(depex.order()->file));
  }
  std::vector<Text> stack;
  std::size_t terms = 0;
  for (std::size_t position = 0; position < depex.size();) {
    if (++terms > depex_text_terms) {
      return "(an expression too long to print)";
    }
    const DepexTerm term = depex.term(position);
    switch (term.opcode) {
      case DepexOpcode::push: stack.push_back({name_or_text(term.guid), Binding::atom}); break;
      case DepexOpcode::constant_true: stack.push_back({"TRUE", Binding::atom}); break;
      case DepexOpcode::constant_false: stack.push_back({"FALSE", Binding::atom}); break;
      case DepexOpcode::logical_not: {
        Text& top = stack.back();
        top = {"NOT " + top.at_least(Binding::atom), Binding::atom};
        break;
      }
      case DepexOpcode::logical_and:
      case DepexOpcode::logical_or: {
        const bool both = term.opcode == DepexOpcode::logical_and;
        const Binding binding = both ? Binding::tight_and : Binding::loose_or;
        const Text right = stack.back();
        stack.pop_back();
        Text& left = stack.back();
        left = {std::format("{} {} {}", left.at_least(binding), both ? "AND" : "OR", right.at_least(binding)), binding};
        break;
      }
      default: break;  // SOR is said below; DepexView lets nothing else in
    }
  }
  return depex.on_request() ? "SOR " + stack.back().at_least(Binding::atom) : stack.back().text;
}

}  // namespace redoubt::image
