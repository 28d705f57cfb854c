// SPDX-License-Identifier: BSD-2-Clause-Patent
// Conversions of Debian's own images with small made-up firmware: what is removed, added and left alone, what is
// refused, and whether a parser that isn't ours (UEFIExtract of Debian's uefitool-cli) takes the result.
#include "tool/convert/conversion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <format>
#include <fstream>

#include "abi/pi/pei.hpp"
#include "abi/redoubt/image_names.hpp"
#include "abi/uefi/guid_text.hpp"
#include "image/edit/assemble.hpp"
#include "image/executable.hpp"
#include "tool/files.hpp"
#include "tool/testing/executables.hpp"
#include "tool/testing/temporary_directory.hpp"

namespace redoubt::tool {
namespace {

using image::edit::FirmwareImage;
using image::edit::Volume;
using testing::driver_executable;
using testing::executable_of;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;
namespace names = abi::image_names;

constexpr const char* stock_image = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";

FirmwareBundle made_up_bundle() {
  FirmwareBundle bundle;
  bundle.ipl = {.source = "ipl",
                .guid = names::ipl,
                .name = names::ipl_name,
                .depex = {},
                .executable = executable_of(elf2pe::Machine::ia32, 64, elf2pe::Subsystem::boot)};
  bundle.supervisor = {"supervisor", names::supervisor, names::supervisor_name, {}, driver_executable()};
  bundle.foundation = {"foundation", names::foundation, names::foundation_name, {}, driver_executable()};
  bundle.communication = {"dxe", names::communication_dxe, names::communication_dxe_name, {}, driver_executable()};
  return bundle;
}

abi::Guid guid(std::uint32_t number) { return {number, 1, 2, {3, 4, 5, 6, 7, 8, 9, 10}}; }

DriverFile made_up_driver(std::uint32_t number) {
  const auto file = make_driver_file("driver", guid(number), "Driver", {guid(1000)}, driver_executable());
  EXPECT_TRUE(file.has_value());
  return *file;
}

Buffer stock() {
  const auto bytes = read_file(stock_image);
  EXPECT_TRUE(bytes.has_value());
  return *bytes;
}

Volume* volume_with(FirmwareImage& image, abi::FileType type) {
  Volume* found = nullptr;
  image.visit([&](Volume& volume) { found = volume.find(type) != nullptr ? &volume : found; });
  return found;
}

std::string refusal(Bytes image, const FirmwareBundle& bundle = made_up_bundle(), const DriverInput& drivers = {}) {
  const auto conversion = convert_image(image, bundle, drivers);
  return conversion.has_value() ? "converted" : conversion.error().reason;
}

// One conversion for all tests that only look at what comes out: it takes seconds.
const Conversion& with_one_driver() {
  static const Conversion conversion = [] {
    auto converted = convert_image(stock(), made_up_bundle(), {.drivers = {made_up_driver(1)}, .volumes = {}});
    EXPECT_TRUE(converted.has_value()) << converted.error().reason;
    return converted.has_value() ? std::move(*converted) : Conversion();
  }();
  return conversion;
}

TEST(Conversion, ReplacesTheStackAndNothingElse) {
  const Buffer original = stock();
  const auto conversion =
      convert_image(original, made_up_bundle(), {.drivers = {made_up_driver(1), made_up_driver(2)}, .volumes = {}});
  ASSERT_TRUE(conversion.has_value()) << conversion.error().reason;
  EXPECT_EQ(conversion->image.size(), original.size());
  EXPECT_EQ(conversion->report.removed.size(), 12U);
  EXPECT_EQ(conversion->report.added.size(), 7U);
  EXPECT_EQ(conversion->report.pei_volume_address, 0x820000U);

  FirmwareImage before = FirmwareImage::parse(original);
  FirmwareImage after = FirmwareImage::parse(conversion->image);
  for (const abi::FileType type : {abi::FileType::pei_core, abi::FileType::dxe_core}) {
    Volume* old_volume = volume_with(before, type);
    Volume* new_volume = volume_with(after, type);
    ASSERT_TRUE(old_volume != nullptr && new_volume != nullptr);
    EXPECT_EQ(old_volume->size(), new_volume->size());
    for (const Volume::Slot& slot : old_volume->slots()) {
      const bool removed = std::ranges::any_of(conversion->report.removed,
                                               [&](const ChangedFile& file) { return file.guid == slot.file.name(); });
      const auto place = std::ranges::find(new_volume->slots(), slot.offset, &Volume::Slot::offset);
      ASSERT_NE(place, new_volume->slots().end());
      EXPECT_EQ(place->file.size(), slot.file.size());
      if (removed) {
        EXPECT_EQ(place->file.type(), abi::FileType::pad);
      } else {
        EXPECT_TRUE(std::ranges::equal(place->file.bytes(), slot.file.bytes()));
      }
    }
    for (const Volume::Slot& slot : new_volume->slots()) {
      EXPECT_NE(slot.file.type(), abi::FileType::mm);
      EXPECT_NE(slot.file.type(), abi::FileType::mm_core);
    }
  }
}

TEST(Conversion, TheMmVolumeHoldsSupervisorFoundationAndDrivers) {
  FirmwareImage image = FirmwareImage::parse(with_one_driver().image);
  Volume* mm = volume_with(image, abi::FileType::mm_core_standalone);
  ASSERT_NE(mm, nullptr);
  EXPECT_EQ(mm->name(), names::mm_volume);
  EXPECT_EQ(mm->find(abi::FileType::mm_core_standalone)->file.name(), names::supervisor);
  EXPECT_EQ(mm->find(abi::FileType::mm_core_standalone)->file.user_interface_name(), names::supervisor_name);
  ASSERT_NE(mm->find(names::foundation), nullptr);
  EXPECT_EQ(mm->find(names::foundation)->file.type(), abi::FileType::freeform);
  EXPECT_EQ(mm->find(names::alignment_exceptions), nullptr) << "nobody asked for one";
  ASSERT_NE(mm->find(guid(1)), nullptr);
  const image::edit::File& driver = mm->find(guid(1))->file;
  EXPECT_EQ(driver.type(), abi::FileType::mm_standalone);
  ASSERT_NE(driver.find(abi::SectionType::mm_depex), nullptr);
  EXPECT_TRUE(std::ranges::equal(driver.find(abi::SectionType::pe32)->payload(), driver_executable()));
}

TEST(Conversion, TheIplIsLinkedForItsPlace) {
  FirmwareImage image = FirmwareImage::parse(with_one_driver().image);
  const Volume* pei = volume_with(image, abi::FileType::pei_core);
  ASSERT_NE(pei, nullptr);
  const Volume::Slot* slot = pei->find(names::ipl);
  ASSERT_NE(slot, nullptr);
  const auto file = image::FileView::create(slot->file.bytes(), slot->offset, image::FileSystem::ffs2);
  ASSERT_TRUE(file.has_value());
  const auto section = file->find_section(abi::SectionType::pe32);
  ASSERT_TRUE(section.has_value() && section->has_value());
  const std::uint64_t address = 0x820000 + (*section)->payload_offset();
  EXPECT_EQ(address % 64, 0U);
  const auto view = image::ExecutableView::create((*section)->payload());
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->image_base(), address);
  // The made-up image holds one address, 0x1234, at the start of its data.
  const auto value = read_at<std::uint32_t>((*section)->payload(), 0x440);
  EXPECT_EQ(*value, 0x1234 + address);
}

// A PEIM with one address in its data, linked for address 0.
PeimFile made_up_peim(std::uint32_t number, elf2pe::Machine machine = elf2pe::Machine::ia32) {
  const abi::Guid needed[] = {guid(2000)};
  return {.source = "peim",
          .guid = guid(number),
          .name = "Peim",
          .depex = image::edit::depex_data(needed),
          .executable = executable_of(machine, 64, elf2pe::Subsystem::boot)};
}

TEST(Conversion, PeimsAreLinkedForTheirPlaces) {
  const Additions additions{.peims = {made_up_peim(1), made_up_peim(2)}, .payload = {}, .fault_policies = {}};
  const auto conversion = convert_image(stock(), made_up_bundle(), {}, additions);
  ASSERT_TRUE(conversion.has_value()) << conversion.error().reason;
  FirmwareImage image = FirmwareImage::parse(conversion->image);
  const Volume* pei = volume_with(image, abi::FileType::pei_core);
  for (const std::uint32_t number : {1U, 2U}) {
    const Volume::Slot* slot = pei->find(guid(number));
    ASSERT_NE(slot, nullptr);
    EXPECT_EQ(slot->file.type(), abi::FileType::peim);
    ASSERT_NE(slot->file.find(abi::SectionType::pei_depex), nullptr);
    EXPECT_TRUE(std::ranges::equal(slot->file.find(abi::SectionType::pei_depex)->payload(), additions.peims[0].depex));
    const auto file = image::FileView::create(slot->file.bytes(), slot->offset, image::FileSystem::ffs2);
    ASSERT_TRUE(file.has_value());
    const auto section = file->find_section(abi::SectionType::pe32);
    ASSERT_TRUE(section.has_value() && section->has_value());
    const std::uint64_t address = conversion->report.pei_volume_address + (*section)->payload_offset();
    EXPECT_EQ(address % 64, 0U);
    EXPECT_EQ(*read_at<std::uint32_t>((*section)->payload(), 0x440), 0x1234 + address);
  }
}

TEST(Conversion, RefusesPeimsThatCannotRunInPei) {
  const auto refused = [](PeimFile peim) {
    const auto conversion =
        convert_image(stock(), made_up_bundle(), {}, {.peims = {std::move(peim)}, .payload = {}, .fault_policies = {}});
    return conversion.has_value() ? "converted" : conversion.error().reason;
  };
  EXPECT_THAT(refused(made_up_peim(1, elf2pe::Machine::x64)), HasSubstr("its PEI is for IA32, peim for X64"));
  PeimFile aligned = made_up_peim(1);
  aligned.executable = executable_of(elf2pe::Machine::ia32, 4096, elf2pe::Subsystem::boot);
  EXPECT_THAT(refused(aligned), ::testing::AllOf(HasSubstr("peim"), HasSubstr("can't run in place")));
  PeimFile large = made_up_peim(1);
  large.depex.resize(std::size_t{1} << 20);
  EXPECT_THAT(refused(large), HasSubstr("no room for peim in the PEI volume"));
}

TEST(Conversion, APayloadTakesTheDxeCoresPlace) {
  const Additions additions{
      .peims = {},
      .payload = Payload{.source = "payload", .guid = guid(5), .name = "Payload", .executable = driver_executable()},
      .fault_policies = {}};
  const auto conversion = convert_image(stock(), made_up_bundle(), {}, additions);
  ASSERT_TRUE(conversion.has_value()) << conversion.error().reason;
  FirmwareImage image = FirmwareImage::parse(conversion->image);
  std::size_t cores = 0;
  image.visit([&](Volume& volume) {
    cores += static_cast<std::size_t>(std::ranges::count_if(
        volume.slots(), [](const Volume::Slot& slot) { return slot.file.type() == abi::FileType::dxe_core; }));
  });
  EXPECT_EQ(cores, 1U);
  const Volume* dxe = volume_with(image, abi::FileType::dxe_core);
  ASSERT_NE(dxe->find(guid(5)), nullptr);
  EXPECT_TRUE(
      std::ranges::equal(dxe->find(guid(5))->file.find(abi::SectionType::pe32)->payload(), driver_executable()));
  EXPECT_NE(dxe->find(names::communication_dxe), nullptr);
  EXPECT_TRUE(std::ranges::any_of(conversion->report.removed,
                                  [](const ChangedFile& file) { return file.type == abi::FileType::dxe_core; }));
}

TEST(PeimFile, AnEfiFileStartsOnceMmAnswers) {
  const TemporaryDirectory directory;
  const Buffer executable = executable_of(elf2pe::Machine::ia32, 64, elf2pe::Subsystem::boot);
  ASSERT_TRUE(write_file(directory.file("Acme.efi"), executable).has_value());
  const auto peim = read_peim(directory.file("Acme.efi"));
  ASSERT_TRUE(peim.has_value()) << peim.error().message;
  EXPECT_EQ(peim->name, "Acme");
  EXPECT_TRUE(peim->executable == executable);
  const abi::Guid needed[] = {abi::MmCommunicationPpi::guid};
  EXPECT_TRUE(peim->depex == image::edit::depex_data(needed));
}

TEST(PeimFile, AnFfsFileKeepsGuidAndDepex) {
  const TemporaryDirectory directory;
  const PeimFile made = made_up_peim(9);
  const auto write = [&](abi::FileType type, bool with_depex) {
    Buffer data;
    if (with_depex) {
      image::edit::append_section(data, abi::SectionType::pei_depex, made.depex);
    }
    image::edit::append_section(data, abi::SectionType::pe32, made.executable);
    const auto file = image::edit::make_file({.name = made.guid, .type = type}, data);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(write_file(directory.file("a.ffs"), *file).has_value());
  };
  write(abi::FileType::peim, true);
  auto peim = read_peim(directory.file("a.ffs"));
  ASSERT_TRUE(peim.has_value()) << peim.error().message;
  EXPECT_EQ(peim->guid, made.guid);
  EXPECT_TRUE(peim->depex == made.depex);
  EXPECT_TRUE(peim->executable == made.executable);
  write(abi::FileType::peim, false);
  peim = read_peim(directory.file("a.ffs"));
  ASSERT_TRUE(peim.has_value()) << peim.error().message;
  EXPECT_THAT(peim->depex, ::testing::ElementsAre(std::byte{6}, std::byte{8}));  // TRUE END
  write(abi::FileType::driver, true);
  peim = read_peim(directory.file("a.ffs"));
  ASSERT_FALSE(peim.has_value());
  EXPECT_THAT(peim.error().message, HasSubstr("not a PEIM"));
}

TEST(Payload, MustBeForX64) {
  const TemporaryDirectory directory;
  const auto read = [&](const Buffer& bytes) {
    EXPECT_TRUE(write_file(directory.file("p.efi"), bytes).has_value());
    const auto payload = read_payload(directory.file("p.efi"));
    return payload.has_value() ? std::string("accepted") : payload.error().message;
  };
  EXPECT_EQ(read(driver_executable()), "accepted");
  EXPECT_THAT(read(executable_of(elf2pe::Machine::ia32, 64, elf2pe::Subsystem::boot)), HasSubstr("PE32 for IA32"));
  EXPECT_THAT(read(Buffer(100)), HasSubstr("isn't a PE image"));
}

TEST(Conversion, ListsAlignmentExceptionsForTheLoader) {
  DriverFile unaligned = made_up_driver(2);
  unaligned.alignment = 64;
  const auto conversion =
      convert_image(stock(), made_up_bundle(), {.drivers = {made_up_driver(1), unaligned}, .volumes = {}});
  ASSERT_TRUE(conversion.has_value()) << conversion.error().reason;
  ASSERT_EQ(conversion->report.exceptions.size(), 1U);
  EXPECT_EQ(conversion->report.exceptions[0].guid, guid(2));
  EXPECT_EQ(conversion->report.exceptions[0].alignment, 64U);
  FirmwareImage image = FirmwareImage::parse(conversion->image);
  const Volume* mm = volume_with(image, abi::FileType::mm_core_standalone);
  const Volume::Slot* list = mm->find(names::alignment_exceptions);
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(list->file.type(), abi::FileType::freeform);
  const abi::Guid expected = guid(2);
  EXPECT_TRUE(std::ranges::equal(list->file.find(abi::SectionType::raw)->payload(), image::edit::bytes_of(expected)));
}

TEST(Conversion, SaysWhatBecomesOfTheMachineWhenADriverFails) {
  const std::vector<DriverFaultPolicy> policies = {
      {.guid = guid(1), .name = "Driver", .policy = abi::FaultPolicy::reset, .reason = "default"},
      {.guid = guid(2), .name = "Driver", .policy = abi::FaultPolicy::disable, .reason = "default"}};
  const auto conversion =
      convert_image(stock(), made_up_bundle(), {.drivers = {made_up_driver(1), made_up_driver(2)}, .volumes = {}},
                    {.peims = {}, .payload = {}, .fault_policies = policies});
  ASSERT_TRUE(conversion.has_value()) << conversion.error().reason;
  EXPECT_EQ(conversion->report.fault_policies.size(), 2U);
  FirmwareImage image = FirmwareImage::parse(conversion->image);
  const Volume* mm = volume_with(image, abi::FileType::mm_core_standalone);
  const Volume::Slot* table = mm->find(names::fault_policies);
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->file.type(), abi::FileType::freeform);
  Buffer expected;
  image::edit::append(expected, abi::FaultPolicyEntry{guid(1), abi::FaultPolicy::reset, {}});
  image::edit::append(expected, abi::FaultPolicyEntry{guid(2), abi::FaultPolicy::disable, {}});
  EXPECT_TRUE(std::ranges::equal(table->file.find(abi::SectionType::raw)->payload(), expected));
}

TEST(Conversion, VolumesOfDriversGoIntoTheMmVolumeAsTheyAre) {
  Buffer data;
  const auto inner = image::edit::make_volume(guid(50), std::vector<Buffer>{made_up_driver(3).file});
  image::edit::append_section(data, abi::SectionType::firmware_volume_image, *inner, 8);
  VolumeFile volume{
      .source = "vendor.fv", .guid = guid(51), .file = {}, .drivers = {made_up_driver(3)}, .left_out = {}};
  volume.file = *image::edit::make_file({.name = guid(51), .type = abi::FileType::firmware_volume_image}, data);
  volume.drivers[0].alignment = 32;
  const auto conversion =
      convert_image(stock(), made_up_bundle(), {.drivers = {made_up_driver(1)}, .volumes = {volume}});
  ASSERT_TRUE(conversion.has_value()) << conversion.error().reason;
  FirmwareImage image = FirmwareImage::parse(conversion->image);
  Volume* nested = nullptr;
  image.visit([&](Volume& found) { nested = found.name() == guid(50) ? &found : nested; });
  ASSERT_NE(nested, nullptr);
  EXPECT_NE(nested->find(guid(3)), nullptr);
  EXPECT_TRUE(std::ranges::any_of(conversion->report.added, [](const ChangedFile& file) {
    return file.guid == guid(3) && file.volume == "volume in 00000033-0001-0002-0304-05060708090a";
  }));
  EXPECT_EQ(conversion->report.exceptions.size(), 1U) << "drivers in volumes count";
}

TEST(Conversion, IsReproducible) {
  const auto again = convert_image(stock(), made_up_bundle(), {.drivers = {made_up_driver(1)}, .volumes = {}});
  ASSERT_TRUE(again.has_value()) << again.error().reason;
  EXPECT_TRUE(again->image == with_one_driver().image);
}

TEST(Conversion, AnotherParserTakesTheResult) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(write_file(directory.file("stock.fd"), stock()).has_value());
  ASSERT_TRUE(write_file(directory.file("converted.fd"), with_one_driver().image).has_value());
  const auto extract = [&](const std::string& name) {
    const std::string command =
        std::format("cd '{0}' && UEFIExtract {1}.fd report > {1}.messages 2>&1", directory.path().string(), name);
    EXPECT_EQ(std::system(command.c_str()), 0) << "UEFIExtract of Debian's uefitool-cli is needed";
    std::ifstream messages(directory.file(name + ".messages"));
    std::ifstream report(directory.file(name + ".fd.report.txt"));
    return std::pair(std::string(std::istreambuf_iterator<char>(messages), {}),
                     std::string(std::istreambuf_iterator<char>(report), {}));
  };
  const auto [stock_messages, stock_report] = extract("stock");
  const auto [messages, report] = extract("converted");
  EXPECT_EQ(messages, stock_messages) << "warnings that the stock image doesn't get";
  for (const char* name : {names::ipl_name, names::supervisor_name, names::foundation_name, names::volume_file_name,
                           names::communication_dxe_name, "Driver"}) {
    EXPECT_THAT(report, HasSubstr(name));
  }
  EXPECT_THAT(stock_report, HasSubstr("PiSmmCore"));
  EXPECT_THAT(report, ::testing::Not(HasSubstr("PiSmmCore")));
}

TEST(Conversion, RefusesWhatItDoesNotUnderstand) {
  const auto read = [](const char* name) {
    const auto bytes = read_file(std::string("/usr/share/OVMF/") + name);
    EXPECT_TRUE(bytes.has_value());
    return *bytes;
  };
  EXPECT_THAT(refusal(Buffer(4096)), HasSubstr("no firmware volume"));
  EXPECT_THAT(refusal(read("OVMF_VARS_4M.fd")), HasSubstr("no PEI core, DXE core"));
  EXPECT_THAT(refusal(read("OVMF_CODE_4M.fd")),
              ::testing::AllOf(HasSubstr("PiSmmIpl"), HasSubstr("VariableSmmRuntimeDxe"), HasSubstr("MM core")));
  EXPECT_THAT(refusal(read("OVMF_CODE.secboot.fd")), HasSubstr("its PEI is for X64, our IPL for IA32"));
}

TEST(Conversion, RefusesASecondTime) { EXPECT_EQ(refusal(with_one_driver().image), "has been converted already"); }

TEST(Conversion, RefusesWhenThereIsNoRoom) {
  FirmwareBundle bundle = made_up_bundle();
  Buffer large = driver_executable();
  // Bytes behind the last section belong to the file and take room, whatever a loader thinks of them.
  large.resize(std::size_t{12} << 20);
  bundle.supervisor.executable = large;
  EXPECT_THAT(refusal(stock(), bundle), HasSubstr("no room for the MM volume in the DXE volume"));
  bundle = made_up_bundle();
  std::uint32_t random = 1;
  large.resize(std::size_t{3} << 20);
  for (std::byte& byte : std::span(large).subspan(0x4000)) {
    random = random * 1664525 + 1013904223;
    byte = static_cast<std::byte>(random >> 24);
  }
  bundle.foundation.executable = large;
  EXPECT_THAT(refusal(stock(), bundle), HasSubstr("no room for the converted image"));
}

TEST(Conversion, RefusesAnImageWithoutOneOfThePieces) {
  FirmwareImage image = FirmwareImage::parse(stock());
  Volume* dxe = volume_with(image, abi::FileType::dxe_core);
  const auto ipl = std::ranges::find_if(
      dxe->slots(), [](const Volume::Slot& slot) { return slot.file.user_interface_name() == "PiSmmIpl"; });
  ASSERT_NE(ipl, dxe->slots().end());
  ASSERT_TRUE(dxe->remove(ipl->offset).has_value());
  const auto composed = image.compose();
  ASSERT_TRUE(composed.has_value());
  EXPECT_THAT(refusal(*composed), ::testing::EndsWith("missing: PiSmmIpl"));
}

// ---- Manifest ----

TEST(FirmwareBundle, ReadsWhatTheBuildWrites) {
  const TemporaryDirectory directory;
  const auto write = [&](const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file(directory.file(name), std::as_bytes(std::span(text))).has_value());
  };
  const auto refused = [&](const std::string& manifest) {
    write("firmware.json", manifest);
    const auto bundle = read_firmware_bundle(directory.path());
    return bundle.has_value() ? std::string("accepted") : bundle.error().message;
  };
  const FirmwareBundle made = made_up_bundle();
  ASSERT_TRUE(write_file(directory.file("ipl.efi"), made.ipl.executable).has_value());
  ASSERT_TRUE(write_file(directory.file("any.efi"), driver_executable()).has_value());
  const std::string fixed = R"({"role": "ipl", "file": "ipl.efi"}, {"role": "supervisor", "file": "any.efi"},
      {"role": "foundation", "file": "any.efi"}, {"role": "communication", "file": "any.efi", "depex": []})";
  EXPECT_EQ(refused(R"({"images": [)" + fixed + "]}"), "accepted");
  write("firmware.json", R"({"images": [)" + fixed +
                             R"(, {"role": "driver", "file": "any.efi", "name": "D",
      "guid": "00000007-0001-0002-0304-05060708090a", "depex": ["00000008-0001-0002-0304-05060708090a"],
      "fault": "halt"}]})");
  const auto bundle = read_firmware_bundle(directory.path());
  ASSERT_TRUE(bundle.has_value()) << bundle.error().message;
  EXPECT_EQ(bundle->ipl.guid, names::ipl);
  ASSERT_EQ(bundle->drivers.size(), 1U);
  EXPECT_EQ(bundle->drivers[0].guid, guid(7));
  EXPECT_THAT(bundle->drivers[0].depex, ::testing::ElementsAre(guid(8)));
  EXPECT_EQ(bundle->drivers[0].fault_policy, abi::FaultPolicy::halt);

  EXPECT_THAT(refused("not json"), HasSubstr("manifest"));
  EXPECT_THAT(refused(R"({"images": [1, "x"]})"), HasSubstr("without role or file"));
  EXPECT_THAT(refused(R"({"images": [{"role": "ipl", "file": "ipl.efi"}]})"), HasSubstr("names no supervisor image"));
  EXPECT_THAT(refused(R"({"images": [{"role": "cook", "file": "ipl.efi"}]})"), HasSubstr("unknown role, cook"));
  EXPECT_THAT(refused(R"({"images": [{"role": "driver", "file": "any.efi"}]})"), HasSubstr("no guid or name"));
  EXPECT_THAT(refused(R"({"images": [{"role": "driver", "file": "any.efi", "name": "D", "fault": "restart",
      "guid": "00000007-0001-0002-0304-05060708090a"}]})"),
              HasSubstr("no fault policy for the driver any.efi that is one"));
  EXPECT_THAT(refused(R"({"images": [{"role": "ipl", "file": "missing.efi"}]})"),
              ::testing::AllOf(HasSubstr("missing.efi: isn't there"), HasSubstr("ninja firmware_bundle")));
  EXPECT_THAT(refused(R"({"images": [{"role": "communication", "file": "any.efi", "depex": null}]})"),
              HasSubstr("a depex that isn't a list of GUIDs"));
  const auto nowhere = read_firmware_bundle(directory.path() / "none");
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_THAT(nowhere.error().message,
              HasSubstr("none/firmware.json: isn't there: that folder isn't one of Redoubt's"));
  EXPECT_THAT(refused(R"({"images": [{"role": "supervisor", "file": "ipl.efi"}]})"), HasSubstr("IA32"));
}

}  // namespace
}  // namespace redoubt::tool
