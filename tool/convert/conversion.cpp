// SPDX-License-Identifier: BSD-2-Clause-Patent
// The order matters: everything that can be refused by looking is refused before anything is changed, and room is
// taken in the order IPL, communication driver, MM volume, so that the message about missing room names the first that
// doesn't fit.
#include "tool/convert/conversion.hpp"

#include <algorithm>
#include <format>

#include "abi/pi/pei.hpp"
#include "abi/redoubt/image_names.hpp"
#include "abi/uefi/guid_text.hpp"
#include "image/edit/assemble.hpp"
#include "image/executable.hpp"
#include "image/names.hpp"
#include "tool/convert/mm_volume_files.hpp"
#include "tool/convert/pei_placement.hpp"

namespace redoubt::tool {

namespace {

using image::ExecutableView;
using image::edit::append_section;
using image::edit::EditResult;
using image::edit::File;
using image::edit::FirmwareImage;
using image::edit::make_file;
using image::edit::refuse;
using image::edit::Section;
using image::edit::Volume;

namespace names = abi::image_names;

constexpr const char* pei_volume_name = "PEI volume";
constexpr const char* dxe_volume_name = "DXE volume";
constexpr const char* mm_volume_name = "MM volume";

consteval abi::Guid guid(std::string_view text) { return abi::parse_guid(text).value(); }

struct StockFile {
  abi::Guid guid;
  const char* name;
};

// DXE drivers of the Traditional stack, which go with it. The communication driver and the IPL do their work.
constexpr StockFile stack_drivers[] = {
    {guid("2fa2a6da-11d5-4dc3-999a-749648b03c56"), "PiSmmIpl"},
    {guid("ac95ad3d-4366-44bf-9a62-e4b29d7a2206"), "SmmAccess2Dxe"},
    {guid("1206f7ca-a475-4624-a83e-e6fc9bb38e49"), "SmmControl2Dxe"},
    {guid("229b7efd-da02-46b9-93f4-e20c009f94e9"), "CpuS3DataDxe"},
};
// DXE's way to variables in MM, which stays and talks to our variable driver.
constexpr StockFile variable_client = {guid("9f7dcade-11ea-448a-a46f-76e003657dd1"), "VariableSmmRuntimeDxe"};

constexpr abi::Guid our_files[] = {names::volume_file, names::ipl, names::communication_dxe, names::supervisor,
                                   names::foundation};

std::string text_of(const abi::Guid& guid) { return std::string(abi::to_text(guid).view()); }

bool belongs_to_stack(const File& file) {
  return file.type() == abi::FileType::mm || file.type() == abi::FileType::mm_core ||
         std::ranges::any_of(stack_drivers, [&](const StockFile& stock) { return stock.guid == file.name(); });
}

class Converter {
 public:
  Converter(Bytes original, const FirmwareBundle& bundle, const DriverInput& drivers, const Additions& additions)
      : original_(original),
        bundle_(bundle),
        drivers_(drivers),
        additions_(additions),
        image_(FirmwareImage::parse(original)) {}

  EditResult<Conversion> run() {
    if (image_.roots().empty()) {
      return refuse(Error::unsupported, "no firmware volume in it");
    }
    TRY(find_volumes());
    TRY(check_stack());
    report_.pei_volume_address = TRY(find_run_address(*pei_, *pei_->find(abi::FileType::pei_core)));
    const std::size_t pei_free = pei_->free_space();
    const std::size_t dxe_free = dxe_->free_space();

    TRY(remove_stack());
    TRY(add_ipl());
    for (const PeimFile& peim : additions_.peims) {
      TRY(add_peim(peim));
    }
    TRY(replace_dxe_core());
    TRY(add_communication_driver());
    TRY(add_mm_volume());
    report_.free.push_back({pei_volume_name, pei_free, pei_->free_space()});
    report_.free.push_back({dxe_volume_name, dxe_free, dxe_->free_space()});
    Buffer converted = TRY(compose());
    TRY(check_result(converted));
    return Conversion{.image = std::move(converted), .report = std::move(report_)};
  }

 private:
  EditResult<void> find_volumes() {
    std::size_t pei_count = 0;
    std::size_t dxe_count = 0;
    bool converted = false;
    image_.visit([&](Volume& volume) {
      converted |= std::ranges::any_of(our_files, [&](const abi::Guid& name) { return volume.find(name) != nullptr; });
      if (volume.find(abi::FileType::pei_core) != nullptr) {
        pei_ = &volume;
        ++pei_count;
      }
      if (volume.find(abi::FileType::dxe_core) != nullptr) {
        dxe_ = &volume;
        ++dxe_count;
      }
    });
    if (converted) {
      return refuse(Error::already_exists, "has been converted already");
    }
    std::string missing;
    if (pei_count == 0) {
      add_to_list(missing, "PEI core");
    }
    if (dxe_count == 0) {
      add_to_list(missing, "DXE core");
    }
    if (!missing.empty()) {
      return refuse(Error::unsupported, std::format("not an image we understand: no {} in a readable volume", missing));
    }
    if (pei_count > 1 || dxe_count > 1) {
      return refuse(Error::unsupported,
                    std::format("not an image we understand: {} PEI cores and {} DXE cores", pei_count, dxe_count));
    }
    return {};
  }

  static void add_to_list(std::string& list, const std::string& item) { list += (list.empty() ? "" : ", ") + item; }

  bool pei_produces_nothing_for(const abi::Guid& ppi) const {
    // A PEIM that installs a PPI has its GUID in its image.
    return std::ranges::none_of(pei_->slots(), [&](const Volume::Slot& slot) {
      const auto needle = image::edit::bytes_of(ppi);
      return slot.file.type() == abi::FileType::peim && !std::ranges::search(slot.file.bytes(), needle).empty();
    });
  }

  EditResult<void> check_stack() {
    std::string missing;
    for (const StockFile& stock : stack_drivers) {
      if (dxe_->find(stock.guid) == nullptr) {
        add_to_list(missing, stock.name);
      }
    }
    if (dxe_->find(abi::FileType::mm_core) == nullptr) {
      add_to_list(missing, "MM core (file type 0x0d)");
    }
    if (dxe_->find(abi::FileType::mm) == nullptr) {
      add_to_list(missing, "MM drivers (file type 0x0a)");
    }
    if (dxe_->find(variable_client.guid) == nullptr) {
      add_to_list(missing, variable_client.name);
    }
    if (pei_produces_nothing_for(abi::MmAccessPpi::guid)) {
      add_to_list(missing, "a PEIM with the MmAccess PPI");
    }
    if (pei_produces_nothing_for(abi::MpServicesPpi::guid)) {
      add_to_list(missing, "a PEIM with the MpServices PPI");
    }
    if (!missing.empty()) {
      return refuse(Error::unsupported, std::format("no Traditional MM stack that we know; missing: {}", missing));
    }
    if (dxe_->find(abi::FileType::combined_mm_dxe) != nullptr) {
      return refuse(Error::unsupported, "has a combined MM and DXE driver (file type 0x0c), which we can't replace");
    }
    const auto core = executable_of(pei_->find(abi::FileType::pei_core)->file);
    const auto ipl = ExecutableView::create(bundle_.ipl.executable);
    if (!ipl.has_value()) {
      return refuse(Error::malformed, std::format("{}: {}", bundle_.ipl.source, ipl.error().reason));
    }
    if (core.has_value() && core->view.machine() != ipl->machine()) {
      return refuse(Error::unsupported,
                    std::format("its PEI is for {}, our IPL for {}", image::machine_name(core->view.machine()),
                                image::machine_name(ipl->machine())));
    }
    return {};
  }

  EditResult<void> remove_stack() {
    // Slots keep their places when files become PAD files.
    for (std::size_t i = 0; i < dxe_->slots().size(); ++i) {
      const Volume::Slot& slot = dxe_->slots()[i];
      if (!belongs_to_stack(slot.file)) {
        continue;
      }
      report_.removed.push_back(describe(slot.file, dxe_volume_name, slot.offset));
      TRY(dxe_->remove(slot.offset));
    }
    return {};
  }

  static ChangedFile describe(const File& file, const std::string& volume, std::size_t offset) {
    return {.guid = file.name(),
            .name = file.user_interface_name(),
            .type = file.type(),
            .volume = volume,
            .offset = offset,
            .size = file.size()};
  }

  void report_added(const Volume& volume, const char* volume_name, std::size_t offset) {
    for (const Volume::Slot& slot : volume.slots()) {
      if (slot.offset == offset) {
        report_.added.push_back(describe(slot.file, volume_name, offset));
      }
    }
  }

  static std::unexpected<image::edit::EditError> no_room(const char* what, const char* volume,
                                                         const image::edit::EditError& refusal) {
    return refuse(refusal.error, std::format("no room for {} in the {}: {}", what, volume, refusal.reason));
  }

  EditResult<void> add_ipl() {
    const abi::Guid needed[] = {abi::MmAccessPpi::guid, abi::MpServicesPpi::guid};
    return add_peim({.source = bundle_.ipl.source,
                     .guid = bundle_.ipl.guid,
                     .name = bundle_.ipl.name,
                     .depex = image::edit::depex_data(needed),
                     .executable = bundle_.ipl.executable},
                    "the IPL");
  }

  EditResult<void> add_peim(const PeimFile& peim) {
    const auto core = executable_of(pei_->find(abi::FileType::pei_core)->file);
    const auto view = ExecutableView::create(peim.executable);
    if (core.has_value() && view.has_value() && core->view.machine() != view->machine()) {
      return refuse(Error::unsupported,
                    std::format("its PEI is for {}, {} for {}", image::machine_name(core->view.machine()), peim.source,
                                image::machine_name(view->machine())));
    }
    return add_peim(peim, peim.source.c_str());
  }

  EditResult<void> add_peim(const PeimFile& peim, const char* what) {
    // Where it goes follows from its size; what is in it, from where it goes.
    const Buffer draft = TRY(make_peim_file(peim, TRY(rebase_peim(peim, 0))));
    const auto offset = pei_->find_room(draft);
    if (!offset.has_value()) {
      return no_room(what, pei_volume_name, offset.error());
    }
    const auto view = image::FileView::create(draft, *offset, image::FileSystem::ffs3);
    assert(view.has_value());
    const auto section = view->find_section(abi::SectionType::pe32);
    assert(section.has_value() && section->has_value());
    const std::uint64_t address = report_.pei_volume_address + (*section)->payload_offset();
    const Buffer file = TRY(make_peim_file(peim, TRY(rebase_peim(peim, address))));
    TRY(pei_->insert(file, *offset));
    report_added(*pei_, pei_volume_name, *offset);
    return {};
  }

  // DxeIpl starts the first file of type DXE_CORE that it finds, whatever that is.
  EditResult<void> replace_dxe_core() {
    if (!additions_.payload.has_value()) {
      return {};
    }
    const Payload& payload = *additions_.payload;
    const Volume::Slot& core = *dxe_->find(abi::FileType::dxe_core);
    report_.removed.push_back(describe(core.file, dxe_volume_name, core.offset));
    TRY(dxe_->remove(core.offset));
    Buffer data;
    append_section(data, abi::SectionType::pe32, payload.executable);
    append_section(data, abi::SectionType::user_interface, image::edit::user_interface_data(payload.name));
    const Buffer file = TRY(make_file({.name = payload.guid, .type = abi::FileType::dxe_core}, data));
    const auto offset = dxe_->add(file);
    if (!offset.has_value()) {
      return no_room("the payload", dxe_volume_name, offset.error());
    }
    report_added(*dxe_, dxe_volume_name, *offset);
    return {};
  }

  EditResult<void> add_communication_driver() {
    const FirmwareModule& module = bundle_.communication;
    Buffer data;
    append_section(data, abi::SectionType::dxe_depex, image::edit::depex_data(module.depex));
    append_section(data, abi::SectionType::pe32, module.executable);
    append_section(data, abi::SectionType::user_interface, image::edit::user_interface_data(module.name));
    const Buffer file = TRY(make_file({.name = module.guid, .type = abi::FileType::driver}, data));
    const auto offset = dxe_->add(file);
    if (!offset.has_value()) {
      return no_room("the communication driver", dxe_volume_name, offset.error());
    }
    report_added(*dxe_, dxe_volume_name, *offset);
    return {};
  }

  void note_exception(const DriverFile& driver) {
    if (driver.alignment < page_alignment) {
      report_.exceptions.push_back({driver.guid, driver.name, driver.source, driver.alignment});
    }
  }

  // As deep as drivers' volumes are nested, which is bounded.
  void report_contents(const Volume& volume, const std::string& volume_name) {
    for (const Volume::Slot& slot : volume.slots()) {
      if (slot.file.type() == abi::FileType::pad) {
        continue;
      }
      report_.added.push_back(describe(slot.file, volume_name, slot.offset));
      for (const Section& section : slot.file.sections()) {
        if (section.volume() != nullptr) {
          report_contents(*section.volume(), std::format("volume in {}", text_of(slot.file.name())));
        }
      }
    }
  }

  EditResult<void> add_mm_volume() {
    std::vector<Buffer> files;
    files.push_back(TRY(make_core_file(bundle_.supervisor, abi::FileType::mm_core_standalone)));
    files.push_back(TRY(make_core_file(bundle_.foundation, abi::FileType::freeform)));
    for (const DriverFile& driver : drivers_.drivers) {
      files.push_back(driver.file);
      note_exception(driver);
    }
    for (const VolumeFile& inner : drivers_.volumes) {
      files.push_back(inner.file);
      std::ranges::for_each(inner.drivers, [&](const DriverFile& driver) { note_exception(driver); });
    }
    if (!report_.exceptions.empty()) {
      files.push_back(TRY(make_exceptions_file(report_.exceptions)));
    }
    if (!additions_.fault_policies.empty()) {
      report_.fault_policies = additions_.fault_policies;
      files.push_back(TRY(make_fault_policies_file(report_.fault_policies)));
    }
    const Buffer volume = TRY(image::edit::make_volume(names::mm_volume, files));

    Buffer data;
    append_section(data, abi::SectionType::firmware_volume_image, volume, abi::file_alignment);
    append_section(data, abi::SectionType::user_interface, image::edit::user_interface_data(names::volume_file_name));
    const Buffer file = TRY(make_file({.name = names::volume_file, .type = abi::FileType::freeform}, data));
    const auto offset = dxe_->add(file);
    if (!offset.has_value()) {
      return no_room("the MM volume", dxe_volume_name, offset.error());
    }
    report_added(*dxe_, dxe_volume_name, *offset);

    const auto view = image::FirmwareVolumeView::create(volume);
    assert(view.has_value());
    const Volume contents = Volume::parse(*view);
    report_contents(contents, mm_volume_name);
    report_.free.push_back({mm_volume_name, contents.free_space(), contents.free_space()});
    return {};
  }

  struct CompressedFile {
    std::size_t offset;
    abi::Guid name;
    std::size_t size;
  };

  static std::vector<CompressedFile> compressed_files(const FirmwareImage& image) {
    std::vector<CompressedFile> files;
    for (const FirmwareImage::Root& root : image.roots()) {
      for (const Volume::Slot& slot : root.volume.slots()) {
        if (std::ranges::any_of(slot.file.sections(), &Section::compressed)) {
          files.push_back({root.offset + slot.offset, slot.file.name(), slot.file.size()});
        }
      }
    }
    return files;
  }

  EditResult<Buffer> compose() {
    const std::vector<CompressedFile> before = compressed_files(image_);
    std::vector<std::size_t> free_before;
    for (const FirmwareImage::Root& root : image_.roots()) {
      free_before.push_back(root.volume.free_space());
    }
    auto composed = image_.compose();
    if (!composed.has_value()) {
      return refuse(composed.error().error,
                    std::format("no room for the converted image: {}", composed.error().reason));
    }
    const std::vector<CompressedFile> after = compressed_files(image_);
    for (std::size_t i = 0; i < before.size() && i < after.size(); ++i) {
      if (before[i].size != after[i].size) {
        report_.replaced.push_back({before[i].offset, before[i].name, before[i].size, after[i].size});
      }
    }
    for (std::size_t i = 0; i < image_.roots().size(); ++i) {
      const FirmwareImage::Root& root = image_.roots()[i];
      if (root.volume.touched() && &root.volume != pei_ && &root.volume != dxe_) {
        report_.free.push_back({std::format("volume at {:#x}", root.offset), free_before[i], root.volume.free_space()});
      }
    }
    return std::move(*composed);
  }

  // Reads the result as another program would: what we made must be there, and of the right size.
  EditResult<void> check_result(Bytes converted) {
    FirmwareImage again = FirmwareImage::parse(converted);
    std::size_t found = 0;
    again.visit([&](Volume& volume) {
      for (const abi::Guid& name : our_files) {
        found += volume.find(name) != nullptr ? 1 : 0;
      }
    });
    if (converted.size() != original_.size() || found != std::size(our_files)) {
      return refuse(Error::malformed, "the converted image doesn't read back; this is an error of ours");
    }
    return {};
  }

  Bytes original_;
  const FirmwareBundle& bundle_;
  const DriverInput& drivers_;
  const Additions& additions_;
  FirmwareImage image_;
  Volume* pei_ = nullptr;
  Volume* dxe_ = nullptr;
  ConversionReport report_;
};

}  // namespace

EditResult<Conversion> convert_image(Bytes original, const FirmwareBundle& bundle, const DriverInput& drivers,
                                     const Additions& additions) {
  return Converter(original, bundle, drivers, additions).run();
}

}  // namespace redoubt::tool
