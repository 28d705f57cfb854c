// SPDX-License-Identifier: BSD-2-Clause-Patent
// A whole firmware image as a tree, for tools: volumes wherever they stand in it, their files and sections, and what is
// inside encapsulations, expanded. Parsing never fails; what couldn't be read is a list of problems, and the tree has
// the rest. It bounds depth, memory and the number of nodes, so it ends on any input. Host only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "image/depex.hpp"
#include "image/error.hpp"
#include "image/executable.hpp"
#include "image/firmware_volume.hpp"

namespace redoubt::image {

// A place: an offset in the image, or in what a section of it expanded to.
struct Location {
  std::size_t buffer = 0;  // index into ImageTree::buffers(); 0 is the image itself
  std::uint64_t offset = 0;
  friend bool operator==(const Location&, const Location&) = default;
};

enum class NodeKind : std::uint8_t {
  volume,
  file,
  section,
  free_space,  // erased bytes behind the last file of a volume
  other,       // bytes that are none of these: between volumes, of an unknown file system, behind an error
};

struct Node {
  NodeKind kind = NodeKind::other;
  Location location;
  Bytes bytes;
  std::string remark;  // why there is nothing below it, if one might expect something

  // By kind; executable and depex for sections that hold one that could be read.
  std::optional<FirmwareVolumeView> volume;
  std::optional<FileView> file;
  std::optional<SectionView> section;
  std::optional<ExecutableView> executable;
  std::optional<DepexView> depex;

  std::vector<Node> children;  // in the order of their offsets
};

struct Problem {
  Location location;
  Error code;
  std::string reason;
};

// A stretch of memory that locations count in.
struct SourceBuffer {
  Bytes bytes;
  std::optional<Location> source;  // the section it was expanded from; nothing for the image itself
};

class ImageTree {
 public:
  struct Limits {
    std::uint32_t depth = 32;  // of nodes
    std::uint32_t nodes = 500'000;
    std::uint64_t expanded_bytes = std::uint64_t{1} << 29;  // in all buffers together
  };

  // `image` must outlive the tree, which points into it.
  static ImageTree parse(Bytes image, const Limits& limits);
  static ImageTree parse(Bytes image) { return parse(image, Limits()); }

  ImageTree(ImageTree&&) = default;
  ImageTree& operator=(ImageTree&&) = default;
  ImageTree(const ImageTree&) = delete;
  ImageTree& operator=(const ImageTree&) = delete;
  ~ImageTree() = default;

  // What stands side by side in the image.
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<SourceBuffer>& buffers() const { return buffers_; }
  const std::vector<Problem>& problems() const { return problems_; }

  // From the image inwards: the offset of the section in the image, the offset in what it expands to, ...
  std::vector<std::uint64_t> path(const Location& location) const;
  // The same as text: "0x90 > 0x5a3c08".
  std::string path_text(const Location& location) const;

 private:
  friend class TreeBuilder;
  ImageTree() = default;

  std::vector<Node> nodes_;
  std::vector<SourceBuffer> buffers_;
  std::vector<std::unique_ptr<std::vector<std::byte>>> expanded_;
  std::vector<Problem> problems_;
};

// The user interface section's text (ASCII, other characters as '?'), or nothing.
std::optional<std::string> user_interface_name(const Node& file);
// The first section of a type below a file, encapsulations included.
const Node* find_section_node(const Node& file, abi::SectionType type);

}  // namespace redoubt::image
