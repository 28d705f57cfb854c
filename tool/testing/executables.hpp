// SPDX-License-Identifier: BSD-2-Clause-Patent
// Small images of drivers, made by the writer that makes the real ones.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "image/edit/buffer.hpp"
#include "pe_writer.hpp"

namespace redoubt::tool::testing {

enum class Form : bool { pe, te };

// Code at the first multiple of `alignment` from 0x400 on, then 8 bytes of data with the address of byte 0x1234.
inline image::edit::Buffer executable_of(elf2pe::Machine machine, std::uint32_t alignment, elf2pe::Subsystem subsystem,
                                         Form form = Form::pe) {
  using elf2pe::Access;
  const std::uint32_t first = std::max(alignment, 0x400U);
  const elf2pe::LinkedImage linked{
      .machine = machine,
      .entry = first,
      .segments = {{first, Access::execute, std::vector<std::uint8_t>(64, 0x90)},
                   {first + alignment, Access::read_write, std::vector<std::uint8_t>{0x34, 0x12, 0, 0, 0, 0, 0, 0}}},
      .fixups = {first + alignment}};
  const auto file = form == Form::te ? elf2pe::write_te(linked, subsystem, alignment)
                                     : elf2pe::write_pe(linked, subsystem, alignment);
  EXPECT_TRUE(file.has_value()) << file.error().reason;
  const Bytes bytes = std::as_bytes(std::span(*file));
  return {bytes.begin(), bytes.end()};
}

inline image::edit::Buffer driver_executable(Form form = Form::pe) {
  return executable_of(elf2pe::Machine::x64, 4096, elf2pe::Subsystem::runtime, form);
}

}  // namespace redoubt::tool::testing
