// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/convert/pei_placement.hpp"

#include <format>
#include <string>
#include <string_view>

#include "abi/pi/pei.hpp"
#include "abi/uefi/guid_text.hpp"
#include "image/edit/assemble.hpp"

namespace redoubt::tool {

using image::ExecutableView;
using image::edit::append_section;
using image::edit::EditResult;
using image::edit::File;
using image::edit::make_file;
using image::edit::refuse;
using image::edit::Section;
using image::edit::Volume;

namespace {

// PEIMs run in place on the way back from sleep; nothing in ours is aligned to more than this.
constexpr std::size_t peim_alignment = 64;

// Where a volume must lie for an image in it to run in place at the address it's linked for.
std::uint64_t volume_address_for(const Volume::Slot& slot, const PlacedExecutable& placed) {
  // The bytes of a TE image start where the cut-off headers of its PE image would still go on.
  return placed.view.image_base() + placed.view.stripped() - slot.offset - placed.offset;
}

std::string display_name(const File& file) {
  const std::string name = file.user_interface_name();
  return name.empty() ? std::string(abi::to_text(file.name()).view()) : name;
}

}  // namespace

std::optional<PlacedExecutable> executable_of(const File& file) {
  std::size_t position = 0;
  for (const Section& section : file.sections()) {
    position = align_up(position, abi::section_alignment);
    if (section.type() == abi::SectionType::pe32 || section.type() == abi::SectionType::te) {
      const auto view = ExecutableView::create(section.payload());
      if (!view.has_value()) {
        return std::nullopt;
      }
      const std::size_t header = section.bytes().size() - section.payload().size();
      return PlacedExecutable{*view, file.header_size() + position + header};
    }
    position += section.bytes().size();
  }
  return std::nullopt;
}

EditResult<std::uint64_t> find_run_address(const Volume& volume, const Volume::Slot& core) {
  const auto core_executable = executable_of(core.file);
  if (!core_executable.has_value()) {
    return refuse(Error::unsupported, "the PEI core's image can't be read");
  }
  const std::uint64_t address = volume_address_for(core, *core_executable);
  if (core_executable->view.image_base() == 0 || address % abi::file_alignment != 0) {
    return refuse(Error::unsupported,
                  "the PEI core isn't linked for an address, so the place of its volume is unknown");
  }
  for (const Volume::Slot& slot : volume.slots()) {
    if (slot.file.type() != abi::FileType::peim) {
      continue;
    }
    const auto executable = executable_of(slot.file);
    // An image at base 0 is relocated into memory before it runs and says nothing about its volume.
    if (!executable.has_value() || executable->view.image_base() == 0) {
      continue;
    }
    if (const std::uint64_t other = volume_address_for(slot, *executable); other != address) {
      return refuse(Error::unsupported,
                    std::format("the PEI core is linked for a volume at {:#x}, but {} for one at {:#x}", address,
                                display_name(slot.file), other));
    }
  }
  return address;
}

EditResult<Buffer> make_peim_file(const PeimFile& peim, Bytes executable) {
  Buffer data;
  append_section(data, abi::SectionType::pei_depex, peim.depex);
  append_section(data, abi::SectionType::pe32, executable, peim_alignment);
  append_section(data, abi::SectionType::user_interface, image::edit::user_interface_data(peim.name));
  return make_file({.name = peim.guid, .type = abi::FileType::peim, .data_alignment = peim_alignment}, data);
}

EditResult<Buffer> rebase_peim(const PeimFile& peim, std::uint64_t address) {
  const auto refuse_peim = [&](std::string_view reason) {
    return refuse(Error::unsupported, std::format("{}: {}", peim.source, reason));
  };
  const auto view = ExecutableView::create(peim.executable);
  if (!view.has_value()) {
    return refuse_peim(view.error().reason);
  }
  if (view->format() == image::ExecutableFormat::te) {
    return refuse_peim("is a TE image, not PE");
  }
  for (std::uint32_t i = 0; i < view->section_count(); ++i) {
    const image::ExecutableSection section = view->section(i);
    if (section.file_offset != section.rva || section.data.size() != section.memory_size) {
      return refuse_peim("can't run in place: its sections lie elsewhere in the file than in memory");
    }
  }
  if (view->section_alignment() > peim_alignment) {
    return refuse_peim(std::format("can't run in place: its sections are aligned to {}, more than {}",
                                   view->section_alignment(), peim_alignment));
  }
  if (address % peim_alignment != 0) {
    return refuse_peim("can't run in place: the PEI volume isn't aligned");
  }
  Buffer rebased(view->image_size());
  if (const auto loaded = view->load_into(rebased, address); !loaded.has_value()) {
    return refuse_peim(loaded.error().reason);
  }
  return rebased;
}

}  // namespace redoubt::tool
