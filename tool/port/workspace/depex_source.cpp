// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/workspace/depex_source.hpp"

#include <algorithm>

#include "abi/pi/firmware_volume.hpp"
#include "abi/uefi/guid_text.hpp"
#include "base/byte_reader.hpp"
#include "tool/port/metadata/dec.hpp"
#include "tool/port/metadata/text.hpp"

namespace redoubt::port {

namespace {

std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> tokens;
  std::size_t position = 0;
  while (position < text.size()) {
    const char character = text[position];
    std::size_t end = position + 1;
    if (character == ' ' || character == '\t') {
      ++position;
      continue;
    }
    if (character == '{') {  // a GUID's value, with braces in it
      int depth = 0;
      for (end = position; end < text.size(); ++end) {
        depth += text[end] == '{' ? 1 : text[end] == '}' ? -1 : 0;
        if (depth == 0) {
          ++end;
          break;
        }
      }
    } else if (character != '(' && character != ')') {
      end = std::min(text.find_first_of(" \t(){", position), text.size());
    }
    tokens.emplace_back(text.substr(position, end - position));
    position = end;
  }
  return tokens;
}

}  // namespace

class DepexSource::Parser {
 public:
  Parser(std::string_view text, const Place& place) : tokens_(tokens_of(text)), place_(place) {}

  ReadResult<DepexSource> run() {
    DepexSource source;
    source.place_ = place_;
    if (!tokens_.empty() && tokens_.back() == "END") {
      tokens_.pop_back();
    }
    if (tokens_.empty()) {
      return source;
    }
    if (tokens_.size() > 4 * most_depex_terms) {
      return refuse(place_, "DEPEX is too long");
    }
    if (next_is("BEFORE") || next_is("AFTER")) {
      source.order_ = tokens_[position_++];
    } else if (next_is("SOR")) {
      source.on_request_ = true;
      ++position_;
    }
    source.root_ = TRY(expression());
    if (position_ != tokens_.size()) {
      return refuse(place_, std::format("DEPEX has '{}' where an operator or its end should be", tokens_[position_]));
    }
    if (!source.order_.empty() && source.root_->kind != Kind::name) {
      return refuse(place_, std::format("DEPEX has more than one driver behind {}", source.order_));
    }
    return source;
  }

 private:
  bool next_is(std::string_view token) const { return position_ < tokens_.size() && tokens_[position_] == token; }

  // Depth is bounded by the number of tokens, which is.
  ReadResult<Pointer> expression() {
    Pointer left = TRY(operand());
    if (!next_is("AND") && !next_is("OR")) {
      return left;
    }
    const Kind kind = tokens_[position_++] == "AND" ? Kind::logical_and : Kind::logical_or;
    const Pointer right = TRY(expression());
    return std::make_shared<const Node>(kind, "", left, right);
  }

  ReadResult<Pointer> operand() {
    if (position_ == tokens_.size()) {
      return refuse(place_, "DEPEX ends where an operand should be");
    }
    const std::string token = tokens_[position_++];
    if (token == "NOT") {
      return std::make_shared<const Node>(Kind::logical_not, "", TRY(operand()), nullptr);
    }
    if (token == "(") {
      Pointer inner = TRY(expression());
      if (!next_is(")")) {
        return refuse(place_, "DEPEX has a parenthesis that isn't closed");
      }
      ++position_;
      return inner;
    }
    if (token == ")" || token == "AND" || token == "OR" || token == "BEFORE" || token == "AFTER" || token == "SOR" ||
        token == "END") {
      return refuse(place_, std::format("DEPEX has '{}' where an operand should be", token));
    }
    if (token.starts_with('{') && std::ranges::count(token, '{') != std::ranges::count(token, '}')) {
      return refuse(place_, "DEPEX has a GUID whose brace isn't closed");
    }
    if (equal_ignoring_case(token, "TRUE")) {
      return std::make_shared<const Node>(Kind::constant_true, "", nullptr, nullptr);
    }
    if (equal_ignoring_case(token, "FALSE")) {
      return std::make_shared<const Node>(Kind::constant_false, "", nullptr, nullptr);
    }
    return std::make_shared<const Node>(Kind::name, token, nullptr, nullptr);
  }

  std::vector<std::string> tokens_;
  Place place_;
  std::size_t position_ = 0;
};

ReadResult<DepexSource> DepexSource::parse(std::string_view text, const Place& place) {
  return Parser(text, place).run();
}

ReadResult<DepexSource> DepexSource::all_of(std::span<const DepexSource> parts, const Place& place) {
  DepexSource whole;
  whole.place_ = place;
  std::size_t terms = 0;
  for (const DepexSource& part : parts) {
    if (part.root_ == nullptr) {
      continue;
    }
    terms += part.names().size();
    if (terms > most_depex_terms) {
      return refuse(place, "DEPEX is too long with those of its libraries");
    }
    const bool stands_alone = !part.order_.empty() || part.on_request_;
    if (whole.root_ != nullptr && (stands_alone || !whole.order_.empty())) {
      return refuse(part.place_, "DEPEX has BEFORE, AFTER or SOR, and others add to it");
    }
    whole.root_ = whole.root_ == nullptr ? part.root_
                                         : std::make_shared<const Node>(Kind::logical_and, "", whole.root_, part.root_);
    whole.order_ = part.order_;
    whole.on_request_ = whole.on_request_ || part.on_request_;
  }
  return whole;
}

bool DepexSource::is_true() const { return root_ == nullptr || root_->kind == Kind::constant_true; }

void DepexSource::add_names(const Node& node, std::vector<std::string>& names) {
  if (node.kind == Kind::name && !std::ranges::contains(names, node.name)) {
    names.push_back(node.name);
  }
  for (const Pointer& operand : {node.left, node.right}) {
    if (operand != nullptr) {
      add_names(*operand, names);
    }
  }
}

std::vector<std::string> DepexSource::names() const {
  std::vector<std::string> names;
  if (root_ != nullptr) {
    add_names(*root_, names);
  }
  return names;
}

DepexSource::Pointer DepexSource::replaced(const Pointer& node, const Replacement& replacement) {
  if (node->kind == Kind::name) {
    const std::string name = replacement(node->name);
    return name.empty() ? nullptr : std::make_shared<const Node>(Kind::name, name, nullptr, nullptr);
  }
  if (node->left == nullptr) {
    return node;
  }
  const Pointer left = replaced(node->left, replacement);
  if (node->kind == Kind::logical_not) {
    return left == nullptr ? nullptr : std::make_shared<const Node>(node->kind, "", left, nullptr);
  }
  const Pointer right = replaced(node->right, replacement);
  if (left == nullptr || right == nullptr) {
    return left == nullptr ? right : left;
  }
  return std::make_shared<const Node>(node->kind, "", left, right);
}

DepexSource DepexSource::replaced(const Replacement& replacement) const {
  DepexSource result = *this;
  // BEFORE and AFTER name drivers, not protocols.
  if (root_ != nullptr && order_.empty()) {
    result.root_ = replaced(root_, replacement);
  }
  return result;
}

std::string DepexSource::text_of(const Node& node, Kind outer) {
  switch (node.kind) {
    case Kind::name: return node.name;
    case Kind::constant_true: return "TRUE";
    case Kind::constant_false: return "FALSE";
    case Kind::logical_not: return "NOT " + text_of(*node.left, Kind::logical_not);
    case Kind::logical_and:
    case Kind::logical_or: {
      const std::string text = text_of(*node.left, node.kind) + (node.kind == Kind::logical_and ? " AND " : " OR ") +
                               text_of(*node.right, node.kind);
      return outer == node.kind ? text : "(" + text + ")";
    }
  }
  return "";
}

std::string DepexSource::text() const {
  if (root_ == nullptr) {
    return "TRUE";
  }
  const std::string text = text_of(*root_, root_->kind == Kind::logical_not ? Kind::name : root_->kind);
  return !order_.empty() ? order_ + " " + text : on_request_ ? "SOR " + text : text;
}

ReadResult<std::vector<std::byte>> DepexSource::compile(
    const std::function<std::optional<abi::Guid>(const std::string& name)>& value) const {
  using abi::DepexOpcode;
  std::vector<std::byte> bytes;
  const auto add = [&bytes](DepexOpcode opcode) { bytes.push_back(static_cast<std::byte>(opcode)); };
  const auto add_guid = [&](const std::string& name) -> ReadResult<void> {
    const auto guid = name.starts_with('{') ? parse_guid_value(name) : value(name);
    if (!guid.has_value()) {
      return refuse(place_, std::format("DEPEX names {}, whose GUID is unknown", name));
    }
    const Bytes raw = std::as_bytes(std::span(&*guid, 1));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
    return {};
  };
  if (!order_.empty()) {
    add(order_ == "BEFORE" ? DepexOpcode::before : DepexOpcode::after);
    TRY(add_guid(root_->name));
    add(DepexOpcode::end);
    return bytes;
  }
  if (on_request_) {
    add(DepexOpcode::schedule_on_request);
  }
  // Operands first, operators behind them: a walk of the tree with a stack of its own.
  struct Visit {
    const Node* node;
    bool operands_done;
  };
  std::vector<Visit> open;
  if (root_ != nullptr) {
    open.push_back({root_.get(), false});
  } else {
    add(DepexOpcode::constant_true);
  }
  while (!open.empty()) {
    const auto [node, operands_done] = open.back();
    open.pop_back();
    if (!operands_done && node->left != nullptr) {
      open.push_back({node, true});
      if (node->right != nullptr) {
        open.push_back({node->right.get(), false});
      }
      open.push_back({node->left.get(), false});
      continue;
    }
    switch (node->kind) {
      case Kind::name:
        add(DepexOpcode::push);
        TRY(add_guid(node->name));
        break;
      case Kind::constant_true: add(DepexOpcode::constant_true); break;
      case Kind::constant_false: add(DepexOpcode::constant_false); break;
      case Kind::logical_not: add(DepexOpcode::logical_not); break;
      case Kind::logical_and: add(DepexOpcode::logical_and); break;
      case Kind::logical_or: add(DepexOpcode::logical_or); break;
    }
  }
  add(DepexOpcode::end);
  return bytes;
}

}  // namespace redoubt::port
