// SPDX-License-Identifier: BSD-2-Clause-Patent
// All metadata files of a source tree: each is read without an error and written back byte for byte. The tree is one of
// the test's own, and besides it the one that REDOUBT_PORT_TREE names, if any.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

#include "tool/port/metadata/dec.hpp"
#include "tool/port/metadata/dsc.hpp"
#include "tool/port/metadata/fdf.hpp"
#include "tool/port/metadata/inf.hpp"
#include "tool/port/workspace/tree.hpp"
#include "tool/testing/temporary_directory.hpp"

namespace redoubt::port {
namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

template <typename T>
std::string error_of(const ReadResult<T>& result) {
  return result.has_value() ? "" : to_string(result.error());
}

// A tree in the manner of edk2's, with what a writer that tidies up would lose: line ends of both kinds and none at the
// end, tabs, trailing blanks, comments everywhere, a byte order mark, lines that mean nothing.
void write_tree(const std::filesystem::path& top) {
  const auto write = [&top](const std::string& path, std::string_view text) {
    std::filesystem::create_directories((top / path).parent_path());
    std::ofstream(top / path, std::ios::binary) << text;
  };
  write("Pkg/Pkg.dec",
        "## @file\r\n[Defines]\r\n  DEC_SPECIFICATION = 0x00010005 # a comment\r\n\tPACKAGE_NAME=Pkg \r\n"
        "  PACKAGE_GUID = 11111111-2222-3333-4444-555555555555\r\n  PACKAGE_VERSION = 0.1\r\n"
        "[Guids]\r\n  gTokenSpaceGuid = {0x1, 0x2, 0x3, {0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8}}\r\n"
        "[PcdsFixedAtBuild, PcdsDynamic]\r\n  gTokenSpaceGuid.PcdOne|0x10|UINT32|0x00000001\r\n");
  write("Pkg/Module/Module.inf",
        "\xEF\xBB\xBF[Defines]\n  INF_VERSION = 1.25\n  BASE_NAME = Module\n"
        "  FILE_GUID = 66666666-2222-3333-4444-555555555555\n  MODULE_TYPE = DXE_SMM_DRIVER\n\n\n"
        "[Sources.X64]\n  Module.c   ## not Module.h\n[Pcd]\n  gTokenSpaceGuid.PcdOne   ## CONSUMES\n"
        "[Depex]\n  gTokenSpaceGuid AND\n    TRUE");
  write("Pkg/Part.dsc.inc", "  # a part\r\n  DEFINE INSIDE = TRUE\r\n");
  write("Pkg/Pkg.dsc",
        "[Defines]\r\n  PLATFORM_NAME = Pkg\r\n!include Pkg/Part.dsc.inc\r\n  DEFINE   FLAG=FALSE\r\n"
        "!if $(FLAG) == TRUE\r\n!error not this way\r\n!else\r\n[LibraryClasses.common.DXE_SMM_DRIVER]\r\n"
        "  BaseLib|Pkg/Library/BaseLib.inf\r\n!endif\r\n[Components]\r\n  Pkg/Module/Module.inf {\r\n"
        "    <LibraryClasses>\r\n      NULL|Pkg/Library/Extra.inf\r\n  }\r\n");
  write("Pkg/Pkg.fdf",
        "[FD.Flash]\nBaseAddress = 0x0\nSize = 0x1000\nErasePolarity = 1\nBlockSize = 0x1000\nNumBlocks = 1\n"
        "0x0|0x1000\nFV = MAIN\n\n[FV.MAIN]\n  INF Pkg/Module/Module.inf   # at the end\n");
}

void expect_round_trips(const std::filesystem::path& top) {
  auto tree = Tree::open({top});
  ASSERT_TRUE(tree.has_value()) << to_string(tree.error());
  const auto paths = tree->list({".inf", ".dec", ".dsc", ".fdf", ".dsc.inc", ".fdf.inc"});
  ASSERT_TRUE(paths.has_value());
  std::size_t infs = 0;
  for (const std::string& path : *paths) {
    const auto document = tree->read(path);
    ASSERT_TRUE(document.has_value()) << to_string(document.error());
    const std::string text = bytes_of(tree->tops().front() / path);
    EXPECT_EQ((*document)->text(), text) << path;
    for (const std::size_t place : {std::size_t{0}, (*document)->size() / 2, (*document)->size()}) {
      Document changed = **document;
      changed.insert(place, "  added");
      changed.remove(place);
      EXPECT_EQ(changed.text(), text) << path;
    }
    if (path.ends_with(".inf")) {
      EXPECT_EQ(error_of(InfFile::parse(**document)), "");
      ++infs;
    } else if (path.ends_with(".dec")) {
      EXPECT_EQ(error_of(DecFile::parse(**document)), "");
    } else if (path.ends_with(".dsc") || path.ends_with(".fdf")) {
      DirectiveInput input;
      input.given = {{"TARGET", "DEBUG"}, {"TOOL_CHAIN_TAG", "GCC"}, {"ARCH", "IA32 X64"}};
      input.include = [&](const std::string& name, const std::string& including, const Place& place) {
        const std::string beside = join_path(folder_of(including), name);
        return tree->has(beside) ? tree->read(beside, place) : tree->read(name, place);
      };
      if (path.ends_with(".dsc")) {
        EXPECT_EQ(error_of(read_dsc(*document, input)), "");
      } else {
        input.pcds_complete = false;  // they are the platform's
        EXPECT_EQ(error_of(read_fdf(*document, input)), "");
      }
    }
  }
  EXPECT_GT(infs, 0U);
}

TEST(RoundTrip, ATreeWithEverythingThatGetsLost) {
  const tool::testing::TemporaryDirectory directory;
  write_tree(directory.path());
  expect_round_trips(directory.path());
  if (const char* top = std::getenv("REDOUBT_PORT_TREE"); top != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    expect_round_trips(top);
  }
}

}  // namespace
}  // namespace redoubt::port
