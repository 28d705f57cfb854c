// SPDX-License-Identifier: BSD-2-Clause-Patent
// Recursion with a budget: every node costs one of a fixed number, every level one of a fixed depth, every expanded
// byte one of a fixed amount.
#include "image/tree.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <functional>

#include "image/encapsulation.hpp"

namespace redoubt::image {

namespace {

constexpr std::array<std::byte, 4> volume_signature = {std::byte{'_'}, std::byte{'F'}, std::byte{'V'}, std::byte{'H'}};
constexpr std::size_t volume_step = 8;  // volumes start at multiples of this

// Whether bytes that carry a volume's signature were meant to be a volume: the signature alone also occurs in code that
// looks for volumes. Keeps a search through hostile bytes cheap, too, since it's asked before any checksum is made.
bool looks_like_volume(Bytes bytes) {
  const auto header = read_at<abi::FirmwareVolumeHeader>(bytes, 0);
  return header.has_value() && header->revision == abi::firmware_volume_revision && header->reserved == 0 &&
         header->header_length >= sizeof(abi::FirmwareVolumeHeader) + sizeof(abi::FirmwareVolumeBlock) &&
         header->header_length <= 4096 && header->header_length % 8 == 0 && header->length != 0;
}

}  // namespace

class TreeBuilder {
 public:
  TreeBuilder(ImageTree& tree, const ImageTree::Limits& limits) : tree_(tree), limits_(limits) {}

  void parse_image(Bytes image) {
    tree_.buffers_.push_back({image, std::nullopt});
    tree_.nodes_ = scan(image, {0, 0}, 0, true);
    const bool found = std::ranges::any_of(tree_.nodes_, [](const Node& node) { return node.volume.has_value(); });
    if (!found && tree_.problems_.empty()) {
      add_problem({0, 0}, Error::not_found, "no firmware volume in it");
    }
  }

 private:
  void add_problem(Location location, Error code, std::string reason) {
    // One for each node is plenty.
    if (tree_.problems_.size() < limits_.nodes) {
      tree_.problems_.push_back({location, code, std::move(reason)});
    }
  }
  // The views' offsets count in the buffer that they look at.
  void add_problem(std::size_t buffer, const ImageError& error) {
    add_problem({buffer, error.offset}, error.code, error.reason);
  }

  // False once the budget is gone; says so once.
  bool spend_node(const Location& location, std::uint32_t depth) {
    if (depth > limits_.depth) {
      add_problem(location, Error::unsupported, "nested too deeply");
      return false;
    }
    if (nodes_ == limits_.nodes) {
      if (!budget_reported_) {
        add_problem(location, Error::unsupported, "holds too many parts");
        budget_reported_ = true;
      }
      return false;
    }
    ++nodes_;
    return true;
  }

  void add_other(std::vector<Node>& nodes, Bytes bytes, Location location, NodeKind kind, std::string remark = {}) {
    if (!bytes.empty() && nodes_ < limits_.nodes) {
      ++nodes_;
      Node node;
      node.kind = kind;
      node.location = location;
      node.bytes = bytes;
      node.remark = std::move(remark);
      nodes.push_back(std::move(node));
    }
  }

  // Volumes at any place of `bytes`, and what is between them. `strict`: what looks like a damaged volume is a
  // problem. Without a volume in it there is no node.
  std::vector<Node> scan(Bytes bytes, Location start, std::uint32_t depth, bool strict) {
    std::vector<Node> nodes;
    std::size_t done = 0;  // everything before is in a node
    std::size_t search = 0;
    const std::boyer_moore_horspool_searcher searcher(volume_signature.begin(), volume_signature.end());
    while (search < bytes.size()) {
      const auto found = std::search(bytes.begin() + static_cast<std::ptrdiff_t>(search), bytes.end(), searcher);
      if (found == bytes.end()) {
        break;
      }
      const auto signature = static_cast<std::size_t>(found - bytes.begin());
      search = signature + volume_signature.size();
      if (signature < done + abi::firmware_volume_signature_offset) {
        continue;
      }
      const std::size_t place = signature - abi::firmware_volume_signature_offset;
      if (place % volume_step != 0) {
        continue;
      }
      const Location location{start.buffer, start.offset + place};
      if (!looks_like_volume(bytes.subspan(place))) {
        continue;
      }
      const auto volume = FirmwareVolumeView::create(bytes.subspan(place), location.offset);
      if (!volume.has_value()) {
        if (strict) {
          add_problem(start.buffer, volume.error());
        }
        continue;
      }
      if (!spend_node(location, depth)) {
        break;
      }
      add_other(nodes, bytes.subspan(done, place - done), {start.buffer, start.offset + done}, NodeKind::other);
      nodes.push_back(parse_volume(*volume, location, depth));
      done = place + volume->bytes().size();
      search = done;
    }
    if (strict || !nodes.empty()) {
      add_other(nodes, bytes.subspan(done), {start.buffer, start.offset + done}, NodeKind::other);
    }
    return nodes;
  }

  Node parse_volume(const FirmwareVolumeView& volume, Location location, std::uint32_t depth) {
    Node node;
    node.kind = NodeKind::volume;
    node.location = location;
    node.bytes = volume.bytes();
    node.volume = volume;
    if (volume.file_system() == FileSystem::none) {
      node.remark = volume.file_system_guid() == abi::system_nv_data_guid ? "holds variables, not files"
                                                                          : "has a file system unknown here";
      return node;
    }
    FileCursor files = volume.files();
    while (true) {
      const std::size_t before = files.free_space().size();
      const std::uint64_t before_offset = files.free_space_offset();
      const auto file = files.next();
      if (!file.has_value()) {
        add_problem(location.buffer, file.error());
        add_other(node.children, volume.bytes().last(before), {location.buffer, before_offset}, NodeKind::other,
                  "not read: " + std::string(file.error().reason));
        return node;
      }
      if (!file->has_value()) {
        break;
      }
      const Location place{location.buffer, (*file)->offset()};
      if (!spend_node(place, depth + 1)) {
        return node;
      }
      node.children.push_back(parse_file(**file, place, depth + 1));
    }
    add_other(node.children, files.free_space(), {location.buffer, files.free_space_offset()}, NodeKind::free_space);
    return node;
  }

  Node parse_file(const FileView& file, Location location, std::uint32_t depth) {
    Node node;
    node.kind = NodeKind::file;
    node.location = location;
    node.bytes = file.bytes();
    node.file = file;
    const auto checked = file.check_data();
    if (!checked.has_value()) {
      add_problem(location.buffer, checked.error());
    }
    if (file.has_sections()) {
      node.children = parse_sections(file.sections(), location.buffer, depth + 1);
    } else if (file.type() == abi::FileType::raw) {
      node.children = scan(file.data(), {location.buffer, file.data_offset()}, depth + 1, false);
    }
    return node;
  }

  std::vector<Node> parse_sections(SectionCursor sections, std::size_t buffer, std::uint32_t depth) {
    std::vector<Node> nodes;
    while (true) {
      const auto section = sections.next();
      if (!section.has_value()) {
        add_problem(buffer, section.error());
        return nodes;
      }
      if (!section->has_value()) {
        return nodes;
      }
      const Location location{buffer, (*section)->offset()};
      if (!spend_node(location, depth)) {
        return nodes;
      }
      nodes.push_back(parse_section(**section, location, depth));
    }
  }

  Node parse_section(const SectionView& section, Location location, std::uint32_t depth) {
    Node node;
    node.kind = NodeKind::section;
    node.location = location;
    node.bytes = section.bytes();
    node.section = section;
    const Location inside{location.buffer, section.payload_offset()};
    switch (section.type()) {
      case abi::SectionType::pe32:
      case abi::SectionType::te:
      case abi::SectionType::position_independent:
        take(node.executable, ExecutableView::create(section.payload(), inside.offset), location.buffer);
        break;
      case abi::SectionType::dxe_depex:
      case abi::SectionType::pei_depex:
      case abi::SectionType::mm_depex:
        take(node.depex, DepexView::create(section.payload(), inside.offset), location.buffer);
        break;
      case abi::SectionType::firmware_volume_image: parse_inner_volume(node, inside, depth + 1); break;
      case abi::SectionType::raw:
      case abi::SectionType::freeform_subtype_guid:
        node.children = scan(section.payload(), inside, depth + 1, false);
        break;
      case abi::SectionType::disposable:
      case abi::SectionType::compression:
      case abi::SectionType::guid_defined: parse_encapsulation(node, depth); break;
      default: break;
    }
    return node;
  }

  template <typename View>
  void take(std::optional<View>& place, const ImageResult<View>& view, std::size_t buffer) {
    if (view.has_value()) {
      place = *view;
    } else {
      add_problem(buffer, view.error());
    }
  }

  void parse_inner_volume(Node& node, Location inside, std::uint32_t depth) {
    const auto volume = FirmwareVolumeView::create(node.section->payload(), inside.offset);
    if (!volume.has_value()) {
      add_problem(inside.buffer, volume.error());
      return;
    }
    if (spend_node(inside, depth)) {
      node.children.push_back(parse_volume(*volume, inside, depth));
    }
  }

  void parse_encapsulation(Node& node, std::uint32_t depth) {
    const SectionView& section = *node.section;
    const Encapsulation encapsulation = encapsulation_of(section);
    if (encapsulation == Encapsulation::unknown) {
      node.remark = "encoded in a way unknown here";
      return;
    }
    if (encapsulation == Encapsulation::crc32 && !crc32_is_right(section)) {
      add_problem(node.location, Error::malformed, "CRC-32 of section is wrong");
    }
    if (!needs_decoding(encapsulation)) {
      node.children = parse_sections({section.payload(), section.payload_offset()}, node.location.buffer, depth + 1);
      return;
    }
    auto bytes = decode(section, limits_.expanded_bytes - expanded_);
    if (!bytes.has_value()) {
      add_problem(node.location.buffer, bytes.error());
      node.remark = bytes.error().reason;
      return;
    }
    expanded_ += bytes->size();
    const auto& owned = tree_.expanded_.emplace_back(std::make_unique<std::vector<std::byte>>(std::move(*bytes)));
    const std::size_t buffer = tree_.buffers_.size();
    tree_.buffers_.push_back({*owned, node.location});
    node.children = parse_sections({*owned, 0}, buffer, depth + 1);
  }

  ImageTree& tree_;
  ImageTree::Limits limits_;
  std::uint32_t nodes_ = 0;
  std::uint64_t expanded_ = 0;
  bool budget_reported_ = false;
};

ImageTree ImageTree::parse(Bytes image, const Limits& limits) {
  ImageTree tree;
  TreeBuilder(tree, limits).parse_image(image);
  return tree;
}

std::vector<std::uint64_t> ImageTree::path(const Location& location) const {
  std::vector<std::uint64_t> offsets = {location.offset};
  std::size_t buffer = location.buffer;
  // A buffer's source lies in a buffer made before it.
  while (buffers_.at(buffer).source.has_value()) {
    const Location& source = *buffers_[buffer].source;
    offsets.push_back(source.offset);
    buffer = source.buffer;
  }
  std::ranges::reverse(offsets);
  return offsets;
}

std::string ImageTree::path_text(const Location& location) const {
  std::string text;
  for (const std::uint64_t offset : path(location)) {
    text += std::format("{}{:#x}", text.empty() ? "" : " > ", offset);
  }
  return text;
}

const Node* find_section_node(const Node& file, abi::SectionType type) {
  for (const Node& child : file.children) {
    if (child.kind != NodeKind::section) {
      continue;
    }
    if (child.section->type() == type) {
      return &child;
    }
    if (const Node* inner = find_section_node(child, type)) {
      return inner;
    }
  }
  return nullptr;
}

std::optional<std::string> user_interface_name(const Node& file) {
  const Node* node = find_section_node(file, abi::SectionType::user_interface);
  if (node == nullptr) {
    return std::nullopt;
  }
  constexpr std::size_t longest = 128;
  std::string name;
  const Bytes text = node->section->payload();
  for (std::size_t i = 0; i + 1 < text.size() && name.size() < longest; i += 2) {
    const auto character = static_cast<unsigned>(text[i]) | static_cast<unsigned>(text[i + 1]) << 8;
    if (character == 0) {
      break;
    }
    name += character >= 0x20 && character < 0x7F ? static_cast<char>(character) : '?';
  }
  return name;
}

}  // namespace redoubt::image
