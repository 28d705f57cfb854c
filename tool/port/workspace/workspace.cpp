// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/workspace/workspace.hpp"

#include <algorithm>

#include "abi/uefi/guid_text.hpp"
#include "tool/port/metadata/text.hpp"

namespace redoubt::port {

namespace {

std::string key_of(const abi::Guid& guid) { return std::string(abi::to_text(guid).view()); }

template <typename Map>
auto find_in(const Map& map, std::string_view name) -> decltype(&map.begin()->second) {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

bool says_produced(std::string_view comment) { return upper(comment).contains("PRODUCES"); }

bool says_consumed(std::string_view comment) {
  const std::string shouted = upper(comment);
  return shouted.contains("CONSUMES") || shouted.contains("NOTIFY");
}

ReadResult<void> Workspace::read_all() {
  for (const std::string& path : TRY(tree_.list({".dec", ".inf"}))) {
    if (path.ends_with(".inf")) {
      auto read = inf(path, {path});
      if (!read.has_value()) {
        problems_.push_back(std::move(read).error());
      }
      continue;
    }
    auto document = tree_.read(path);
    auto dec = document.has_value() ? DecFile::parse(**document) : std::unexpected(std::move(document).error());
    if (dec.has_value()) {
      add(*dec);
    } else {
      problems_.push_back(std::move(dec).error());
    }
  }
  return {};
}

ReadResult<std::shared_ptr<const InfFile>> Workspace::inf(const std::string& path, const Place& asked_at) {
  const std::string inside = tree_path(path);
  if (const auto known = infs_.find(inside); known != infs_.end()) {
    return known->second;
  }
  const auto document = TRY(tree_.read(path, asked_at));
  auto read = std::make_shared<const InfFile>(TRY(InfFile::parse(*document)));
  infs_.emplace(inside, read);
  add(inside, *read);
  return read;
}

void Workspace::add(const DecFile& dec) {
  const std::string& package = dec.document().name();
  const auto place = [&dec](std::size_t line) { return dec.document().place(line); };
  for (const DecFile::Guid& guid : dec.guids()) {
    if (guids_.try_emplace(guid.name, GuidDeclaration{{package, place(guid.line)}, guid.value, guid.kind}).second) {
      names_by_guid_[key_of(guid.value)].push_back(guid.name);
    }
  }
  for (const DecFile::LibraryClass& library_class : dec.library_classes()) {
    library_classes_.try_emplace(library_class.name, package, place(library_class.line));
    classes_by_header_.try_emplace(join_path(folder_of(package), tree_path(library_class.header)), library_class.name);
  }
  includes_[package] = dec.includes();
  for (const DecFile::Pcd& pcd : dec.pcds()) {
    pcds_.try_emplace(pcd.name,
                      PcdDeclaration{{package, place(pcd.line)}, pcd.kinds, pcd.datum_type, pcd.default_value});
  }
}

void Workspace::add(const std::string& path, const InfFile& inf) {
  for (const InfFile::Provided& provided : inf.provided()) {
    libraries_by_class_[provided.library_class].push_back(path);
  }
  for (const InfEntry& entry : inf.entries("SOURCES")) {
    users_of_sources_[tree_path(join_path(folder_of(path), entry.name))].insert(path);
  }
  for (const char* kind : {"PROTOCOLS", "GUIDS"}) {
    for (const InfEntry& entry : inf.entries(kind)) {
      if (says_produced(entry.comment)) {
        producers_[entry.name].insert(path);
      }
      if (says_consumed(entry.comment)) {
        consumers_[entry.name].insert(path);
      }
    }
  }
}

const Workspace::GuidDeclaration* Workspace::guid(std::string_view name) const { return find_in(guids_, name); }
const Workspace::Declaration* Workspace::library_class(std::string_view name) const {
  return find_in(library_classes_, name);
}
std::string Workspace::class_of_header(std::string_view header) const {
  const std::string* name = find_in(classes_by_header_, header);
  return name == nullptr ? std::string() : *name;
}

std::vector<std::string> Workspace::include_folders(std::string_view package, std::string_view architecture) const {
  std::vector<std::string> folders;
  if (const auto* includes = find_in(includes_, package)) {
    for (const DecFile::Include& include : *includes) {
      if (applies(include.architecture, architecture)) {
        folders.push_back(tree_path(join_path(folder_of(package), include.folder)));
      }
    }
  }
  return folders;
}

std::vector<std::string> Workspace::users_of_source(std::string_view source) const {
  const auto* found = find_in(users_of_sources_, source);
  return found == nullptr ? std::vector<std::string>() : std::vector<std::string>(found->begin(), found->end());
}

const Workspace::PcdDeclaration* Workspace::pcd(std::string_view name) const { return find_in(pcds_, name); }

std::vector<std::string> Workspace::names_of(const abi::Guid& guid) const {
  const auto found = names_by_guid_.find(key_of(guid));
  return found == names_by_guid_.end() ? std::vector<std::string>() : found->second;
}

std::vector<std::string> Workspace::instances(std::string_view library_class, std::string_view module_type) const {
  std::vector<std::string> result;
  const auto* known = find_in(libraries_by_class_, library_class);
  if (known == nullptr) {
    return result;
  }
  for (const std::string& path : *known) {
    if (std::ranges::any_of(infs_.at(path)->provided(), [&](const InfFile::Provided& provided) {
          return provided.library_class == library_class && provided.supports(module_type);
        })) {
      result.push_back(path);
    }
  }
  return result;
}

std::vector<std::string> Workspace::users(std::string_view name, Usage usage) const {
  const auto& index = usage == Usage::produces ? producers_ : consumers_;
  std::vector<std::string> names = {std::string(name)};
  if (const GuidDeclaration* declared = guid(name)) {
    names = names_of(declared->value);
  }
  std::set<std::string> all;
  for (const std::string& each : names) {
    if (const auto* found = find_in(index, each)) {
      all.insert(found->begin(), found->end());
    }
  }
  return {all.begin(), all.end()};
}

}  // namespace redoubt::port
