// SPDX-License-Identifier: BSD-2-Clause-Patent
// All metadata files of a source tree, named by REDOUBT_PORT_TREE: each is read without an error and written back byte
// for byte. Skipped without a tree.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tool/port/metadata/dec.hpp"
#include "tool/port/metadata/dsc.hpp"
#include "tool/port/metadata/fdf.hpp"
#include "tool/port/metadata/inf.hpp"
#include "tool/port/workspace/tree.hpp"

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

TEST(RoundTrip, WholeTree) {
  const char* top = std::getenv("REDOUBT_PORT_TREE");  // NOLINT(concurrency-mt-unsafe): one thread
  if (top == nullptr) {
    GTEST_SKIP() << "REDOUBT_PORT_TREE names no source tree";
  }
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

}  // namespace
}  // namespace redoubt::port
