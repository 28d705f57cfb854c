// SPDX-License-Identifier: BSD-2-Clause-Patent
// Dependency expressions (PI 1.9, volume 2, chapter 10; the PEI form of volume 1 is a subset), checked once for grammar
// and stack depth so that evaluating one cannot fail. Bytes behind END are ignored, as other dispatchers do.
#pragma once

#include <array>
#include <optional>

#include "abi/pi/firmware_volume.hpp"
#include "image/error.hpp"

namespace redoubt::image {

struct DepexTerm {
  abi::DepexOpcode opcode;
  abi::Guid guid;  // of before, after and push
};

// One bit for each operand on the stack.
class DepexStack {
 public:
  static constexpr std::uint32_t limit = 256;

  std::uint32_t depth() const { return depth_; }
  void push(bool value) {
    std::uint32_t& word = words_[depth_ / 32];
    const std::uint32_t bit = std::uint32_t{1} << (depth_ % 32);
    word = value ? word | bit : word & ~bit;
    ++depth_;
  }
  bool pop() {
    --depth_;
    return (words_[depth_ / 32] >> (depth_ % 32) & 1) != 0;
  }

 private:
  std::array<std::uint32_t, limit / 32> words_{};
  std::uint32_t depth_ = 0;
};

class DepexView {
 public:
  // The payload of a DXE, MM or PEI depex section.
  static ImageResult<DepexView> create(Bytes bytes, std::uint64_t origin = 0);

  // BEFORE or AFTER another driver, named by its file GUID: such an expression says nothing else.
  struct Order {
    bool before;
    abi::Guid file;
  };
  const std::optional<Order>& order() const { return order_; }
  // Whether the driver waits until another driver asks for it by name (SOR).
  bool on_request() const { return on_request_; }

  // `installed(guid)` says whether a protocol is there. True at once for an expression with an order().
  template <typename Predicate>
  bool evaluate(Predicate&& installed) const {
    if (order_.has_value()) {
      return true;
    }
    DepexStack stack;
    for (std::size_t position = 0; position < bytes_.size();) {
      const DepexTerm current = term(position);
      switch (current.opcode) {
        case abi::DepexOpcode::push: stack.push(installed(current.guid)); break;
        case abi::DepexOpcode::constant_true: stack.push(true); break;
        case abi::DepexOpcode::constant_false: stack.push(false); break;
        case abi::DepexOpcode::logical_not: stack.push(!stack.pop()); break;
        case abi::DepexOpcode::logical_and: {
          const bool right = stack.pop();
          const bool left = stack.pop();
          stack.push(left && right);
          break;
        }
        case abi::DepexOpcode::logical_or: {
          const bool right = stack.pop();
          const bool left = stack.pop();
          stack.push(left || right);
          break;
        }
        default: break;  // SOR; create() let nothing else in
      }
    }
    return stack.pop();
  }

  // The terms in file order, END left out: position 0 first, and term() moves it on. Ends at size().
  std::size_t size() const { return bytes_.size(); }
  DepexTerm term(std::size_t& position) const;

 private:
  Bytes bytes_;  // up to END, which is left out
  std::optional<Order> order_;
  bool on_request_ = false;
};

}  // namespace redoubt::image
