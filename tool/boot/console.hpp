// SPDX-License-Identifier: BSD-2-Clause-Patent
// The guest's serial console as plain text: terminal sequences are taken out, so that a prompt or a marker can be
// looked for. Keeps the latest part only, since a guest can print without end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace redoubt::tool::boot {

class Console {
 public:
  static constexpr std::size_t max_kept = std::size_t{256} * 1024;

  // Adds raw bytes. Everything but printable ASCII and line feeds is dropped.
  void feed(std::string_view bytes);

  // The plain text kept.
  [[nodiscard]] std::string_view text() const { return text_; }
  // How many characters of plain text there have been in all.
  [[nodiscard]] std::uint64_t position() const { return dropped_ + text_.size(); }
  // Whether `marker` begins at or after `position` in what is still kept.
  [[nodiscard]] bool contains(std::string_view marker, std::uint64_t position = 0) const;
  // Whether the line that it begins in has ended, too.
  [[nodiscard]] bool contains_line(std::string_view marker, std::uint64_t position = 0) const;

 private:
  std::size_t find(std::string_view marker, std::uint64_t position) const;

  enum class State : std::uint8_t { plain, escape, sequence };

  State state_ = State::plain;
  std::string text_;
  std::uint64_t dropped_ = 0;
};

}  // namespace redoubt::tool::boot
