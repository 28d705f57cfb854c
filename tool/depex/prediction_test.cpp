// SPDX-License-Identifier: BSD-2-Clause-Patent
// Predictions for small volumes, whose drivers' images do nothing but hold GUIDs, and for Debian's OVMF; and the verb
// as its user sees it.
#include "tool/depex/prediction.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <span>

#include "abi/redoubt/foundation_protocols.hpp"
#include "abi/redoubt/image_names.hpp"
#include "abi/uefi/guid_text.hpp"
#include "image/testing/builder.hpp"
#include "pe_writer.hpp"
#include "tool/commands/commands.hpp"
#include "tool/files.hpp"
#include "tool/testing/temporary_directory.hpp"

namespace redoubt::tool::depex {
namespace {

using abi::DepexOpcode;
using abi::FileType;
using abi::SectionType;
using image::testing::Buffer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace made = image::testing;

constexpr const char* ovmf = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";

abi::Guid driver_guid(char name) { return {0xD00, 1, 2, {static_cast<std::uint8_t>(name)}}; }
abi::Guid protocol_guid(char name) { return {0xB00, 1, 2, {static_cast<std::uint8_t>(name)}}; }

// Code that does nothing, or that installs `installed` in MM; and GUIDs of `mentioned` behind it.
Buffer image_of(const std::string& installed, const std::string& mentioned) {
  std::vector<std::uint8_t> text;
  const std::size_t guids = 0x400;
  const auto put = [&](std::initializer_list<int> bytes) {
    for (const int byte : bytes) {
      text.push_back(static_cast<std::uint8_t>(byte));
    }
  };
  const std::string all = installed + mentioned;
  for (std::size_t i = 0; i < installed.size(); ++i) {
    const auto displacement = static_cast<std::uint32_t>(guids + i * sizeof(abi::Guid) - (text.size() + 7));
    put({0x48, 0x8D, 0x15, static_cast<int>(displacement & 0xFF), static_cast<int>(displacement >> 8 & 0xFF), 0, 0});
    put({0xFF, 0x90, 0xA8, 0, 0, 0});  // call [rax + 0xA8]
  }
  text.push_back(0xC3);
  text.resize(guids, 0xCC);
  for (const char name : all) {
    const abi::Guid guid = protocol_guid(name);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&guid);
    text.insert(text.end(), bytes, bytes + sizeof(guid));
  }
  const auto pe = elf2pe::write_pe({.machine = elf2pe::Machine::x64,
                                    .entry = 0x1000,
                                    .segments = {{0x1000, elf2pe::Access::execute, text}},
                                    .fixups = {}},
                                   elf2pe::Subsystem::runtime, 4096);
  EXPECT_TRUE(pe.has_value());
  const Bytes bytes = std::as_bytes(std::span(*pe));
  return {bytes.begin(), bytes.end()};
}

Buffer always() { return made::depex({{DepexOpcode::constant_true, {}}, {DepexOpcode::end, {}}}); }
Buffer needs(const std::string& protocols, DepexOpcode combine = DepexOpcode::logical_and) {
  std::vector<image::DepexTerm> terms;
  for (const char name : protocols) {
    terms.push_back({DepexOpcode::push, protocol_guid(name)});
    if (terms.size() > 1) {
      terms.push_back({combine, {}});
    }
  }
  terms.push_back({DepexOpcode::end, {}});
  return made::depex(terms);
}
Buffer relative(DepexOpcode opcode, char name) {
  return made::depex({{opcode, driver_guid(name)}, {DepexOpcode::end, {}}});
}

Buffer driver(char name, const Buffer& depex, const std::string& installed = {}, const std::string& mentioned = {},
              FileType type = FileType::mm_standalone) {
  std::vector<Buffer> sections;
  if (!depex.empty()) {
    sections.push_back(made::section(type == FileType::driver ? SectionType::dxe_depex : SectionType::mm_depex, depex));
  }
  sections.push_back(made::section(SectionType::pe32, image_of(installed, mentioned)));
  sections.push_back(made::user_interface_section(std::string(1, name)));
  return made::file(driver_guid(name), type, made::join(sections, 4));
}

Buffer apriori(const std::string& names) {
  Buffer list;
  for (const char name : names) {
    made::put(list, list.size(), driver_guid(name));
  }
  return made::file(abi::dxe_apriori_guid, FileType::freeform, made::section(SectionType::raw, list));
}

Buffer supervisor() {
  return made::file(abi::image_names::supervisor, FileType::mm_core_standalone,
                    made::section(SectionType::pe32, image_of("", "")));
}

Buffer volume(const std::vector<Buffer>& files) { return made::volume(files, 0x40000); }

std::vector<Dispatcher> predicted(const Buffer& image, const std::optional<BootRecord>& record = std::nullopt) {
  return predict(image::ImageTree::parse(image), record);
}
Dispatcher only(const Buffer& image, const std::optional<BootRecord>& record = std::nullopt) {
  auto dispatchers = predicted(image, record);
  EXPECT_EQ(dispatchers.size(), 1U);
  return dispatchers.empty() ? Dispatcher{} : std::move(dispatchers.front());
}

std::string names(const std::vector<PredictedDriver>& drivers) {
  std::string text;
  for (const PredictedDriver& one : drivers) {
    text += one.name;
  }
  return text;
}
const PredictedDriver& find(const std::vector<PredictedDriver>& drivers, const std::string& name) {
  const auto found = std::ranges::find(drivers, name, &PredictedDriver::name);
  EXPECT_NE(found, drivers.end()) << name;
  return found != drivers.end() ? *found : drivers.front();
}

// ---- Standalone MM ----

TEST(Prediction, OrderOfTheFoundation) {
  const Dispatcher result =
      only(volume({supervisor(), driver('a', needs("b"), "a"), driver('b', needs("c"), "b"), driver('c', always(), "c"),
                   driver('x', relative(DepexOpcode::after, 'b')), driver('y', relative(DepexOpcode::before, 'c')),
                   driver('z', needs("q")), driver('n', {}), apriori("z")}));
  EXPECT_EQ(result.kind, DispatcherKind::foundation);
  EXPECT_EQ(result.name, abi::image_names::foundation_name);
  EXPECT_EQ(names(result.started), "zycnbxa");
  EXPECT_THAT(result.left_over, IsEmpty());
  EXPECT_TRUE(result.started[0].apriori);
}

TEST(Prediction, SaysWhatAStartRestsOn) {
  const Dispatcher result =
      only(volume({supervisor(), driver('a', always(), "a"), driver('m', always(), "", "m"), driver('1', needs("a")),
                   driver('2', needs("m"), "r"), driver('3', needs("r")),
                   driver('4', needs("ma", DepexOpcode::logical_or)), driver('5', relative(DepexOpcode::after, '3'))}));
  EXPECT_EQ(find(result.started, "a").basis, Basis::declared);
  EXPECT_EQ(find(result.started, "1").basis, Basis::code);
  EXPECT_EQ(find(result.started, "2").basis, Basis::mention);
  EXPECT_EQ(find(result.started, "3").basis, Basis::mention) << "its producer's own start is unsure";
  EXPECT_EQ(find(result.started, "4").basis, Basis::code) << "one of the two is enough";
  EXPECT_EQ(find(result.started, "5").basis, Basis::mention) << "with its neighbour";
  const PredictedDriver& first = find(result.started, "1");
  ASSERT_EQ(first.terms.size(), 1U);
  ASSERT_EQ(first.terms[0].producers.size(), 1U);
  EXPECT_EQ(first.terms[0].producers[0].name, "a");
  EXPECT_EQ(first.terms[0].producers[0].rva, 0x1007U);
}

TEST(Prediction, WhoOnlyLooksForAProtocolDoesNotProduceIt) {
  // The consumer mentions what it waits for; another one mentions what a third installs.
  const Dispatcher alone = only(volume({supervisor(), driver('c', needs("p"), "", "p")}));
  EXPECT_EQ(names(alone.left_over), "c");
  const Dispatcher late = only(
      volume({supervisor(), driver('c', always(), "", "p"), driver('d', needs("p")), driver('e', needs("q"), "p")}));
  EXPECT_EQ(names(late.left_over), "de") << "a call in e is stronger than c's mention, and e doesn't start";
}

TEST(Prediction, NamesWhatIsMissingAndWhy) {
  const Dispatcher result = only(volume({
      supervisor(),
      driver('a', needs("pq")),
      driver('b', needs("r"), "q"),
      driver('f', made::depex({{DepexOpcode::constant_false, {}}, {DepexOpcode::end, {}}})),
      driver('s',
             made::depex(
                 {{DepexOpcode::schedule_on_request, {}}, {DepexOpcode::constant_true, {}}, {DepexOpcode::end, {}}})),
      driver('m', Buffer(1, std::byte{0x03})),
      driver('n', relative(DepexOpcode::after, '?')),
      driver('o', relative(DepexOpcode::before, 'a')),
      driver('i', relative(DepexOpcode::before, 'i')),
      driver('l', made::depex({{DepexOpcode::push, abi::mm_end_of_dxe_protocol_guid}, {DepexOpcode::end, {}}})),
  }));
  EXPECT_THAT(result.started, IsEmpty());
  EXPECT_EQ(names(result.left_over), "abfsmnoil");
  const PredictedDriver& first = find(result.left_over, "a");
  EXPECT_EQ(first.reason, "protocols are missing");
  ASSERT_EQ(first.terms.size(), 2U);
  EXPECT_THAT(first.terms[0].producers, IsEmpty());
  ASSERT_EQ(first.terms[1].producers.size(), 1U);
  EXPECT_EQ(first.terms[1].producers[0].name, "b");
  EXPECT_EQ(find(result.left_over, "f").reason, "its DEPEX is false whatever is installed");
  EXPECT_THAT(find(result.left_over, "s").reason, HasSubstr("SOR"));
  EXPECT_THAT(find(result.left_over, "m").reason, HasSubstr("malformed at offset 0x0"));
  EXPECT_THAT(find(result.left_over, "n").reason, HasSubstr("which isn't among the drivers"));
  EXPECT_EQ(find(result.left_over, "o").reason, "BEFORE a, which is left over, too");
  EXPECT_THAT(find(result.left_over, "i").reason, HasSubstr("is the driver itself"));
  EXPECT_EQ(find(result.left_over, "l").terms.at(0).producers.at(0).when, "EndOfDxe");
}

TEST(Prediction, TheFoundationsOwnProtocolsAreThere) {
  const Buffer depex = made::depex({{DepexOpcode::push, abi::protocols_at_launch[0]}, {DepexOpcode::end, {}}});
  const Dispatcher ours = only(volume({supervisor(), driver('a', depex)}));
  EXPECT_EQ(names(ours.started), "a");
  EXPECT_EQ(ours.started[0].basis, Basis::declared);
  // Another core isn't known to install it.
  const Dispatcher other = only(volume({driver('a', depex)}));
  EXPECT_EQ(other.kind, DispatcherKind::standalone);
  EXPECT_EQ(names(other.left_over), "a");
}

TEST(Prediction, VolumesInVolumesBelongToOneDispatcher) {
  const Buffer inner = made::volume({driver('i', needs("a"))}, 0x8000);
  const Dispatcher result =
      only(volume({supervisor(),
                   made::file(driver_guid('V'), FileType::firmware_volume_image,
                              made::section(SectionType::firmware_volume_image, inner)),
                   made::file(driver_guid('W'), FileType::firmware_volume_image, made::lzma_section(inner)),
                   driver('a', always(), "a")}));
  EXPECT_EQ(names(result.started), "ai");
  EXPECT_THAT(result.skipped, ElementsAre(HasSubstr("compressed"))) << "as MM would";
}

// ---- With a record of a boot ----

BootRecord record_of(const std::string& order, const std::string& waiting = {}) {
  BootRecord record;
  for (const char name : order) {
    record.drivers.push_back(
        {.file = driver_guid(name), .name = std::string(1, name), .started = true, .failed = false, .installed = {}});
  }
  for (const char name : waiting) {
    record.drivers.push_back(
        {.file = driver_guid(name), .name = std::string(1, name), .started = false, .failed = false, .installed = {}});
  }
  return record;
}

TEST(Prediction, ABootTellsWhoInstallsWhat) {
  const Buffer image =
      volume({supervisor(), driver('a', always()), driver('b', needs("p")), driver('c', always(), "q", "r")});
  BootRecord record = record_of("acb");
  record.knows_protocols = true;
  record.drivers[0].installed = {protocol_guid('p')};
  const Dispatcher result = only(image, record);
  EXPECT_EQ(names(result.started), "acb");
  EXPECT_THAT(result.differences, IsEmpty());
  for (const PredictedDriver& one : result.started) {
    EXPECT_EQ(one.basis, Basis::boot) << one.name;
  }
  EXPECT_EQ(find(result.started, "b").terms.at(0).producers.at(0).basis, Basis::boot);
  // What a boot shows a driver not to install isn't expected of it.
  const Dispatcher without = only(volume({supervisor(), driver('c', always(), "q"), driver('d', needs("q"))}), [] {
    BootRecord seen = record_of("c", "d");
    seen.knows_protocols = true;
    return seen;
  }());
  EXPECT_EQ(names(without.left_over), "d");
  EXPECT_THAT(without.differences, IsEmpty());
}

TEST(Prediction, DifferencesFromABootAreNamed) {
  const Buffer image = volume(
      {supervisor(), driver('a', always()), driver('b', always()), driver('c', always()), driver('d', needs("p"))});
  EXPECT_THAT(only(image, record_of("abc", "d")).differences, IsEmpty());
  EXPECT_THAT(only(image, record_of("bac", "d")).differences, ElementsAre("the boot started b before a"));
  EXPECT_THAT(only(image, record_of("ab", "cd")).differences, ElementsAre("the boot didn't start c"));
  EXPECT_THAT(only(image, record_of("abcd")).differences, ElementsAre("the boot started d"));
  EXPECT_THAT(only(image, record_of("ab", "d")).differences, ElementsAre("the boot doesn't know c"));
}

// ---- Traditional MM ----

TEST(Prediction, OrderOfPiSmmCore) {
  const Dispatcher result =
      only(volume({driver('k', always(), "", "", FileType::combined_mm_dxe),
                   driver('a', needs("b"), "a", "", FileType::mm), driver('b', needs("d"), "b", "", FileType::mm),
                   driver('d', always(), "", "", FileType::driver), driver('e', always(), "d", "", FileType::driver),
                   driver('n', {}, "", "", FileType::mm), driver('p', needs("zz"), "", "", FileType::mm),
                   driver('r', relative(DepexOpcode::after, 'p'), "", "", FileType::mm),
                   driver('t', relative(DepexOpcode::after, 'b'), "", "", FileType::mm),
                   driver('C', {}, "", "", FileType::mm_core), apriori("p")}));
  EXPECT_EQ(result.kind, DispatcherKind::traditional);
  EXPECT_EQ(result.name, "C");
  EXPECT_EQ(names(result.started), "pbtka") << "a priori, then drivers of type 0x0A before those of type 0x0C";
  EXPECT_EQ(names(result.left_over), "nr");
  EXPECT_THAT(find(result.left_over, "n").reason, HasSubstr("no MM DEPEX"));
  EXPECT_THAT(find(result.left_over, "r").reason, HasSubstr("a priori list"));
  const PredictedDriver& waits_for_dxe = find(result.started, "b");
  ASSERT_EQ(waits_for_dxe.terms.at(0).producers.size(), 1U);
  EXPECT_TRUE(waits_for_dxe.terms[0].producers[0].in_dxe);
}

TEST(Prediction, DebiansOvmfByCodeAlone) {
  const auto bytes = read_file(ovmf);
  ASSERT_TRUE(bytes.has_value()) << bytes.error().message << " (package ovmf)";
  const Dispatcher result = only(*bytes);
  EXPECT_EQ(result.name, "PiSmmCore");
  EXPECT_GE(result.started.size(), 7U);
  EXPECT_THAT(result.left_over, IsEmpty());
  for (const PredictedDriver& one : result.started) {
    EXPECT_EQ(one.basis, Basis::code) << one.name;
  }
  // As the drivers' sources in edk2 have it.
  const auto producer = [&](const char* driver_name, const char* protocol) {
    for (const Term& term : find(result.started, driver_name).terms) {
      if (term.protocol == abi::parse_guid(protocol)) {
        return term.producers.empty() ? std::string("nobody") : term.producers[0].name;
      }
    }
    return std::string("no such term");
  };
  EXPECT_EQ(producer("SmmFaultTolerantWriteDxe", "d326d041-bd31-4c01-b5a8-628be87f0653"), "FvbServicesSmm");
  EXPECT_EQ(producer("CpuHotplugSmm", "1d202cab-c8ab-4d5c-94f7-3cfcc0d3d335"), "PiSmmCpuDxeSmm");
  EXPECT_EQ(producer("CpuHotplugSmm", "3242a9d8-ce70-4aa0-955d-5e7b140de4d2"), "CpuIo2Smm");
}

// ---- The verb ----

struct Outcome {
  int status;
  std::string output;
  std::string error;
};

class DepexVerb : public ::testing::Test {
 protected:
  std::string write(const std::string& name, Bytes bytes) {
    EXPECT_TRUE(write_file(directory_.file(name), bytes).has_value());
    return directory_.file(name);
  }
  static Outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"redoubt", "depex"});
    std::vector<char*> argv;
    std::ranges::transform(arguments, std::back_inserter(argv), [](std::string& text) { return text.data(); });
    CommandLine command_line;
    add_depex(command_line);
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int status = command_line.run(static_cast<int>(argv.size()), argv.data());
    return {status, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
  }
  static void expect_refused(const Outcome& outcome, const std::string& part) {
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << outcome.error;
    EXPECT_THAT(outcome.error, HasSubstr(part));
    EXPECT_EQ(outcome.output, "");
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(DepexVerb, TextAndExitStatus) {
  const std::string good =
      write("good.fv", volume({supervisor(), driver('a', always(), "p"), driver('b', needs("p"))}));
  const Outcome outcome = run({good});
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("Redoubt's foundation: RedoubtFoundation at 0x0"));
  EXPECT_THAT(outcome.output, HasSubstr("started, in this order: 2"));
  EXPECT_THAT(outcome.output, HasSubstr("a installs it (code at 0x1007)"));
  EXPECT_THAT(outcome.output, HasSubstr("left over: 0"));

  const std::string bad =
      write("bad.fv",
            volume({supervisor(), driver('b', needs("p")), driver('m', always(), "", "q"), driver('c', needs("q"))}));
  const Outcome left = run({bad});
  EXPECT_EQ(left.status, 1);
  EXPECT_THAT(left.output, HasSubstr("nobody in the image installs or mentions it"));
  EXPECT_THAT(left.output, HasSubstr("m MAY install it (mentions it)"));
  EXPECT_THAT(left.output, HasSubstr("mention: rests on"));
}

TEST_F(DepexVerb, Json) {
  const Outcome outcome =
      run({"--json", write("image", volume({supervisor(), driver('a', always(), "p"), driver('b', needs("pq"))}))});
  EXPECT_EQ(outcome.status, 1);
  const auto json = nlohmann::json::parse(outcome.output);
  const auto& dispatcher = json["dispatchers"].at(0);
  EXPECT_EQ(dispatcher["kind"], "redoubt");
  EXPECT_EQ(dispatcher["started"].at(0)["name"], "a");
  EXPECT_EQ(dispatcher["started"].at(0)["basis"], "certain");
  EXPECT_EQ(dispatcher["left_over"].at(0)["missing"].size(), 1U);
  EXPECT_EQ(dispatcher["left_over"].at(0)["missing"].at(0)["producers"].size(), 0U);
}

TEST_F(DepexVerb, ADifferenceFromABootIsFound) {
  const std::string image = write("image", volume({supervisor(), driver('a', always()), driver('b', always())}));
  const auto log = [&](const std::string& order) {
    std::string text = "redoubt: ipl.start cpus=1\n";
    for (const char name : order) {
      text += "redoubt: driver guid=" + std::string(abi::to_text(driver_guid(name)).view()) + " name=\"" + name +
              "\" status=0x0\n";
    }
    return write("log", std::as_bytes(std::span(text)));
  };
  EXPECT_EQ(run({image, "--boot-report", log("ab")}).status, 0);
  const Outcome outcome = run({image, "--boot-report", log("ba")});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.output, HasSubstr("DIFFERENT: the boot started b before a"));
}

TEST_F(DepexVerb, StillTellsWhatIsWhole) {
  Buffer bytes =
      made::join({volume({supervisor(), driver('a', always())}), made::volume({driver('b', always())}, 0x10000)});
  bytes[0x40000 + 72] ^= std::byte{1};
  const Outcome outcome = run({write("half", bytes)});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.output, HasSubstr("started, in this order: 1"));
  EXPECT_THAT(outcome.error, HasSubstr("offset 0x40048: file header checksum is wrong"));
}

TEST_F(DepexVerb, RefusesBadInput) {
  const std::string good = write("good.fv", volume({supervisor(), driver('a', always())}));
  expect_refused(run({}), "IMAGE is required");
  expect_refused(run({good, "--nonsense"}), "nonsense");
  expect_refused(run({good, "extra"}), "extra");
  expect_refused(run({directory_.file("missing")}), "No such file");
  expect_refused(run({directory_.path().string()}), "is a directory");
  expect_refused(run({"/dev/null"}), "is not a regular file");
  expect_refused(run({write("text", made::bytes_of("hello"))}), "offset 0x0: no firmware volume in it");
  expect_refused(run({write("none.fv", made::volume({}, 0x1000))}), "has no MM drivers in it");
  Buffer damaged = made::volume({driver('a', always())}, 0x10000);
  damaged[72] ^= std::byte{1};
  expect_refused(run({write("damaged.fv", damaged)}), "offset 0x48");
  expect_refused(run({good, "--boot-report", directory_.file("missing")}), "No such file");
  expect_refused(run({good, "--boot-report", good}), "shows no boot");
  expect_refused(run({good, "--boot-report", write("json", made::bytes_of("{}"))}), "isn't a report");
  EXPECT_EQ(run({"--help"}).status, 0);
}

}  // namespace
}  // namespace redoubt::tool::depex
