// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/metadata/dec.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "abi/uefi/guid_text.hpp"

namespace redoubt::port {

namespace {

template <typename T>
bool assign(std::uint64_t value, T& field) {
  field = static_cast<T>(value);
  return field == value;
}

}  // namespace

std::optional<abi::Guid> parse_guid_value(std::string_view text) {
  if (const auto guid = abi::parse_guid(text)) {
    return guid;
  }
  std::array<std::uint64_t, 11> numbers{};
  std::size_t count = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(",{}"), text.size());
    std::string_view piece = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (piece.empty()) {
      continue;
    }
    if (count == numbers.size() || !(piece.starts_with("0x") || piece.starts_with("0X"))) {
      return std::nullopt;
    }
    piece.remove_prefix(2);
    const auto [stop, error] = std::from_chars(piece.data(), piece.data() + piece.size(), numbers[count], 16);
    if (error != std::errc() || stop != piece.data() + piece.size()) {
      return std::nullopt;
    }
    ++count;
  }
  abi::Guid guid{};
  bool fits = count == numbers.size() && assign(numbers[0], guid.data1) && assign(numbers[1], guid.data2) &&
              assign(numbers[2], guid.data3);
  for (std::size_t i = 0; i < 8; ++i) {
    fits = fits && assign(numbers[3 + i], guid.data4[i]);
  }
  return fits ? std::optional(guid) : std::nullopt;
}

ReadResult<DecFile> DecFile::parse(Document document) {
  DecFile dec;
  dec.document_ = std::move(document);
  const SectionedFile file = TRY(read_sections(dec.document_));
  std::size_t block_start = 0;  // of a PCD of a structure's type: headers and packages in braces
  bool in_block = false;
  for (const Entry& entry : file.entries) {
    const Section& section = file.sections[entry.section];
    const std::string& kind = section.names.front().kind;
    if (in_block) {
      in_block = entry.content != "}";
      continue;
    }
    if (kind == "GUIDS") {
      TRY(dec.add_guid(entry, GuidKind::guid));
    } else if (kind == "PROTOCOLS") {
      TRY(dec.add_guid(entry, GuidKind::protocol));
    } else if (kind == "PPIS") {
      TRY(dec.add_guid(entry, GuidKind::ppi));
    } else if (kind == "LIBRARYCLASSES") {
      const auto fields = split(entry.content, '|');
      if (fields.size() != 2 || fields[0].empty() || fields[1].empty()) {
        return refuse(dec.document_.place(entry.line), "isn't a library class and its header (NAME|PATH)");
      }
      dec.library_classes_.push_back({std::string(fields[0]), tree_path(fields[1]), entry.line});
    } else if (kind == "INCLUDES") {
      for (const SectionName& name : section.names) {
        dec.includes_.push_back({tree_path(entry.content), name.qualifier(0)});
      }
    } else if (kind.starts_with("PCDS")) {
      TRY(dec.add_pcd(entry, section));
      in_block = entry.content.ends_with('{');
      block_start = entry.line;
    }
  }
  if (in_block) {
    return refuse(dec.document_.place(block_start), "'{' without a '}'");
  }
  return dec;
}

ReadResult<void> DecFile::add_guid(const Entry& entry, GuidKind kind) {
  const std::size_t equals = entry.content.find('=');
  const Place place = document_.place(entry.line);
  if (equals == std::string::npos) {
    return refuse(place, "isn't a name and its GUID (NAME = VALUE)");
  }
  const std::string_view content = entry.content;
  const auto value = parse_guid_value(trim(content.substr(equals + 1)));
  if (!value.has_value()) {
    return refuse(place, "has a GUID that can't be read");
  }
  guids_.push_back({std::string(trim(content.substr(0, equals))), *value, kind, entry.line});
  return {};
}

// TokenSpace.Name|Default|DatumType|Token, or the default of one field of a structure, which declares nothing.
ReadResult<void> DecFile::add_pcd(const Entry& entry, const Section& section) {
  std::string_view content = entry.content;
  if (content.ends_with('{')) {
    content = trim(content.substr(0, content.size() - 1));
  }
  const auto fields = split(content, '|');
  const auto dots = std::ranges::count(fields.front(), '.');
  if (dots >= 2 || fields.front().contains('[')) {
    return {};
  }
  const Place place = document_.place(entry.line);
  if (dots == 0 || fields.size() < 4) {
    return refuse(place, "isn't a PCD (TOKENSPACE.NAME|DEFAULT|TYPE|TOKEN)");
  }
  const std::string name(fields.front());
  const auto [found, is_new] = pcd_index_.try_emplace(name, pcds_.size());
  if (is_new) {
    // The default may hold separators itself.
    const std::size_t last = fields.size() - 1;
    const auto start = static_cast<std::size_t>(fields[1].data() - content.data());
    const auto end = static_cast<std::size_t>(fields[last - 1].data() - content.data()) - 1;
    pcds_.push_back({name,
                     std::string(trim(content.substr(start, end - start))),
                     std::string(fields[last - 1]),
                     std::string(fields[last]),
                     {},
                     entry.line});
    std::string& value = pcds_.back().default_value;
    while (value.ends_with('|') || value.ends_with(' ') || value.ends_with('\t')) {
      value.pop_back();
    }
  }
  for (const SectionName& section_name : section.names) {
    auto& kinds = pcds_[found->second].kinds;
    if (!std::ranges::contains(kinds, section_name.kind)) {
      kinds.push_back(section_name.kind);
    }
  }
  return {};
}

}  // namespace redoubt::port
