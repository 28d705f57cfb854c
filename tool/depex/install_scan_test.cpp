// SPDX-License-Identifier: BSD-2-Clause-Patent
// Code sequences that compilers make of installing protocols, hand-assembled into an image, and ones that only look
// like it.
#include "tool/depex/install_scan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <span>

#include "pe_writer.hpp"

namespace redoubt::tool::depex {
namespace {

constexpr abi::Guid protocol_a = {0xA, 1, 2, {3, 4, 5, 6, 7, 8, 9, 10}};
constexpr abi::Guid protocol_b = {0xB, 1, 2, {3, 4, 5, 6, 7, 8, 9, 10}};
constexpr std::uint32_t code_rva = 0x1000;
constexpr std::uint32_t guid_a_rva = 0x1100;
constexpr std::uint32_t guid_b_rva = 0x1110;

// The code of an image. The GUIDs lie behind it in the same section, so their RVAs are known.
class Code {
 public:
  Code& bytes(std::initializer_list<int> values) {
    for (const int value : values) {
      code_.push_back(static_cast<std::uint8_t>(value));
    }
    return *this;
  }
  // lea REG, [rip + what leads to `rva`]; `opcode`: the bytes before the displacement.
  Code& lea(std::initializer_list<int> opcode, std::uint32_t rva) {
    bytes(opcode);
    const auto next = code_rva + static_cast<std::uint32_t>(code_.size()) + 4;
    const std::uint32_t displacement = rva - next;
    for (unsigned shift = 0; shift < 32; shift += 8) {
      code_.push_back(static_cast<std::uint8_t>(displacement >> shift));
    }
    return *this;
  }
  Code& lea_rdx(std::uint32_t rva) { return lea({0x48, 0x8D, 0x15}, rva); }
  Code& lea_rsi(std::uint32_t rva) { return lea({0x48, 0x8D, 0x35}, rva); }
  Code& lea_rax(std::uint32_t rva) { return lea({0x48, 0x8D, 0x05}, rva); }
  Code& lea_r9(std::uint32_t rva) { return lea({0x4C, 0x8D, 0x0D}, rva); }
  Code& mov_rdx_rsi() { return bytes({0x48, 0x89, 0xF2}); }
  Code& call_rax_plus(std::uint32_t offset) {
    return bytes({0xFF, 0x90, static_cast<int>(offset & 0xFF), static_cast<int>(offset >> 8), 0, 0});
  }
  Code& jump_rax_plus(std::uint32_t offset) {
    return bytes({0xFF, 0xA0, static_cast<int>(offset & 0xFF), static_cast<int>(offset >> 8), 0, 0});
  }

  std::vector<InstallCall> scan(std::uint16_t machine = abi::pe::machine_x64) const {
    std::vector<std::uint8_t> text(0x200, 0xCC);
    std::memcpy(text.data(), code_.data(), code_.size());
    std::memcpy(text.data() + guid_a_rva - code_rva, &protocol_a, sizeof(protocol_a));
    std::memcpy(text.data() + guid_b_rva - code_rva, &protocol_b, sizeof(protocol_b));
    const auto pe = elf2pe::write_pe({.machine = elf2pe::Machine::x64,
                                      .entry = code_rva,
                                      .segments = {{code_rva, elf2pe::Access::execute, text}},
                                      .fixups = {}},
                                     elf2pe::Subsystem::runtime, 4096);
    EXPECT_TRUE(pe.has_value());
    std::vector<std::uint8_t> image = *pe;
    constexpr std::size_t machine_field = 0x44;
    std::memcpy(image.data() + machine_field, &machine, sizeof(machine));
    return find_install_calls(image::ExecutableView::create(std::as_bytes(std::span(image))).value());
  }
  std::vector<abi::Guid> protocols() const {
    std::vector<abi::Guid> found;
    for (const InstallCall& call : scan()) {
      found.push_back(call.protocol);
    }
    return found;
  }

 private:
  std::vector<std::uint8_t> code_;
};

constexpr std::uint32_t mm_install = 0xA8;
constexpr std::uint32_t boot_install = 0x80;
constexpr std::uint32_t boot_install_multiple = 0x148;

TEST(InstallScan, FindsTheCallAndItsPlace) {
  const auto calls = Code().bytes({0x90}).lea_rdx(guid_a_rva).call_rax_plus(mm_install).scan();
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].protocol, protocol_a);
  EXPECT_EQ(calls[0].rva, code_rva + 8);
  EXPECT_TRUE(calls[0].in_mm);
  const auto boot = Code().lea_rdx(guid_b_rva).call_rax_plus(boot_install).scan();
  ASSERT_EQ(boot.size(), 1U);
  EXPECT_EQ(boot[0].protocol, protocol_b);
  EXPECT_FALSE(boot[0].in_mm);
}

TEST(InstallScan, FollowsRegistersAcrossCallsAsTheConventionAllows) {
  EXPECT_THAT(Code().lea_rsi(guid_a_rva).call_rax_plus(0x50).mov_rdx_rsi().call_rax_plus(mm_install).protocols(),
              ::testing::ElementsAre(protocol_a));
  EXPECT_THAT(Code().lea_rdx(guid_a_rva).call_rax_plus(0x50).call_rax_plus(mm_install).protocols(),
              ::testing::IsEmpty())
      << "rdx doesn't survive a call";
  EXPECT_THAT(Code().lea_rdx(guid_a_rva).bytes({0x31, 0xD2}).call_rax_plus(mm_install).protocols(),
              ::testing::IsEmpty())
      << "xor edx, edx";
  EXPECT_THAT(Code().lea_rdx(guid_a_rva).bytes({0xC3}).call_rax_plus(mm_install).protocols(), ::testing::IsEmpty())
      << "what stands behind a return is reached from elsewhere";
}

TEST(InstallScan, FindsTailCalls) {
  EXPECT_THAT(Code().lea_rdx(guid_a_rva).jump_rax_plus(mm_install).protocols(), ::testing::ElementsAre(protocol_a));
}

TEST(InstallScan, FindsEachProtocolOfInstallMultiple) {
  // mov [rsp + 0x28], rax takes the third one onto the stack.
  EXPECT_THAT(Code()
                  .lea_rax(guid_a_rva)
                  .bytes({0x48, 0x89, 0x44, 0x24, 0x28})
                  .lea_rdx(guid_b_rva)
                  .lea_r9(guid_a_rva)
                  .call_rax_plus(boot_install_multiple)
                  .protocols(),
              ::testing::ElementsAre(protocol_b, protocol_a, protocol_a));
}

TEST(InstallScan, OtherServicesInstallNothing) {
  for (const std::uint32_t offset : {0x10U, 0xA0U, 0xB0U, 0xD0U, 0x140U}) {
    EXPECT_TRUE(Code().lea_rdx(guid_a_rva).call_rax_plus(offset).scan().empty()) << offset;
  }
  EXPECT_TRUE(Code().lea_rdx(0x200000).call_rax_plus(mm_install).scan().empty()) << "no such place in the image";
  EXPECT_TRUE(Code().lea_rdx(guid_a_rva).call_rax_plus(mm_install).scan(abi::pe::machine_arm64).empty());
}

TEST(InstallScan, EndsOnAnyCode) {
  Code noise;
  std::uint32_t state = 1;
  for (int i = 0; i < 255; ++i) {
    state = state * 1664525 + 1013904223;
    noise.bytes({static_cast<int>(state >> 24)});
  }
  static_cast<void>(noise.scan());
}

}  // namespace
}  // namespace redoubt::tool::depex
