// SPDX-License-Identifier: BSD-2-Clause-Patent
// Runs redoubt-source-facts as its users do, over the sources in fixtures/. Beside each stands what was found by
// reading it: facts that must be there, with the line given by a piece of its text, and facts that must not. Every
// expected fact must be gone when the finder of its kind is left out.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

namespace {

using Json = nlohmann::json;
using std::filesystem::path;

const path fixtures = REDOUBT_SOURCE_FACTS_FIXTURES;

std::string content(const path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

class Scratch {
 public:
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "redoubt-source-facts-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) {
      folder_ = pattern;
    }
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::filesystem::remove_all(folder_); }

  path write(const std::string& name, const std::string& text) const {
    const path file = folder_ / name;
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  const path& folder() const { return folder_; }

 private:
  path folder_;
};

struct Outcome {
  int status = -1;
  std::string out;
  std::string error;
};

Outcome run_with(const std::string& request) {
  const Scratch scratch;
  const path input = scratch.write("request", request);
  const path out = scratch.folder() / "out";
  const path error = scratch.folder() / "error";
  const std::string command = std::string(REDOUBT_SOURCE_FACTS) + " < '" + input.string() + "' > '" + out.string() +
                              "' 2> '" + error.string() + "'";
  const int result = std::system(command.c_str());
  Outcome outcome;
  outcome.status = WIFEXITED(result) ? WEXITSTATUS(result) : -1;
  outcome.out = content(out);
  outcome.error = content(error);
  return outcome;
}

Json answer(const Json& request) {
  const Outcome done = run_with(request.dump());
  EXPECT_EQ(done.status, 0) << done.error;
  Json json = Json::parse(done.out, nullptr, false);
  EXPECT_FALSE(json.is_discarded()) << done.out.substr(0, 300);
  return json;
}

bool matches(const Json& found, const Json& expected) {
  if (expected.is_object()) {
    return found.is_object() && std::ranges::all_of(expected.items(), [&](const auto& item) {
             return found.contains(item.key()) && matches(found[item.key()], item.value());
           });
  }
  if (expected.is_array()) {
    return found.is_array() && found.size() == expected.size() &&
           std::ranges::equal(found, expected, [](const Json& one, const Json& other) { return matches(one, other); });
  }
  return found == expected;
}

/// The number of the only line that has `text` in it.
unsigned line_of(const path& source, const std::string& text) {
  std::istringstream lines(content(source));
  std::string line;
  unsigned found = 0;
  for (unsigned number = 1; std::getline(lines, line); ++number) {
    if (line.find(text) != std::string::npos) {
      EXPECT_EQ(found, 0U) << source << " has more than one line with: " << text;
      found = number;
    }
  }
  EXPECT_NE(found, 0U) << source << " has no line with: " << text;
  return found;
}

/// An expected fact with the line in place of the piece of text.
Json located(const path& source, Json expected) {
  if (expected.contains("at")) {
    expected["line"] = line_of(source, expected["at"]);
    expected.erase("at");
  }
  return expected;
}

std::size_t count(const Json& facts, const Json& expected) {
  return static_cast<std::size_t>(
      std::ranges::count_if(facts, [&](const Json& fact) { return matches(fact, expected); }));
}

std::string listing(const Json& facts) {
  std::string text;
  for (const Json& fact : facts) {
    text += "  " + fact.dump() + "\n";
  }
  return text;
}

struct Fixture {
  path source;
  Json description;
  Json request;
};

Fixture read_fixture(const std::string& name) {
  Fixture fixture;
  fixture.description = Json::parse(content(fixtures / (name + ".json")), nullptr, false);
  EXPECT_FALSE(fixture.description.is_discarded()) << name;
  fixture.source = fixtures / fixture.description.value("source", name + ".c");
  fixture.request = fixture.description.value("request", Json::object());
  fixture.request["sources"] = Json::array({fixture.source.string()});
  for (const std::string other : fixture.description.value("more_sources", Json::array())) {
    fixture.request["sources"].push_back((fixtures / other).string());
  }
  return fixture;
}

std::vector<std::string> fixture_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(fixtures)) {
    if (entry.path().extension() == ".json") {
      names.push_back(entry.path().stem());
    }
  }
  std::ranges::sort(names);
  return names;
}

class SourceFacts : public testing::TestWithParam<std::string> {};

TEST_P(SourceFacts, FindsWhatTheSourceSays) {
  const Fixture fixture = read_fixture(GetParam());
  const Json facts = answer(fixture.request)["facts"];
  std::set<std::string> kinds;
  for (const Json& each : fixture.description["expected"]) {
    EXPECT_EQ(count(facts, located(fixture.source, each)), 1U) << each << "\n" << listing(facts);
    kinds.insert(each["kind"]);
  }
  EXPECT_FALSE(kinds.empty());
  for (const Json& each : fixture.description.value("absent", Json::array())) {
    EXPECT_EQ(count(facts, located(fixture.source, each)), 0U) << each << "\n" << listing(facts);
  }
}

TEST_P(SourceFacts, FindsNothingWithoutTheFinder) {
  const Fixture fixture = read_fixture(GetParam());
  std::set<std::string> expected_kinds;
  for (const Json& each : fixture.description["expected"]) {
    expected_kinds.insert(each["kind"]);
  }
  const std::set<std::string> all = {
      "entry_point", "service_use",   "table_stored",  "protocol_located", "protocol_installed",  "pcd",   "handler",
      "comm_buffer", "buffer_access", "buffer_check",  "nested_pointer",   "configuration_table", "event", "memory",
      "save_state",  "privileged",    "shared_global", "shared_buffer",    "unresolved_call"};
  for (const std::string& kind : expected_kinds) {
    std::set<std::string> others = all;
    ASSERT_EQ(others.erase(kind), 1U) << kind;
    Json request = fixture.request;
    request["kinds"] = others;
    const Json facts = answer(request)["facts"];
    EXPECT_EQ(count(facts, Json{{"kind", kind}}), 0U) << kind << "\n" << listing(facts);
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, SourceFacts, testing::ValuesIn(fixture_names()),
                         [](const auto& test) { return test.param; });

void expect_refused(const std::string& request, const std::string& reason) {
  const Outcome done = run_with(request);
  EXPECT_EQ(done.status, 2) << request.substr(0, 200);
  EXPECT_EQ(done.out, "");
  EXPECT_EQ(std::ranges::count(done.error, '\n'), 1) << done.error;
  EXPECT_NE(done.error.find(reason), std::string::npos) << done.error;
}

TEST(SourceFactsRequest, RefusesWhatIsNoRequest) {
  expect_refused("", "isn't JSON");
  expect_refused("{", "isn't JSON");
  expect_refused("[]", "isn't a JSON object");
  expect_refused(std::string(3, '\0'), "isn't JSON");
  expect_refused(std::string(100000, '['), "isn't JSON");
  expect_refused("{}", "no sources");
  expect_refused(R"({"sources": 3})", "sources isn't a list");
  expect_refused(R"({"sources": [3]})", "sources has an entry that isn't a text");
  expect_refused(R"({"sources": ["a\u0000b"]})", "zero byte");
  expect_refused(R"({"sources": [], "source": []})", "unknown field source");
  expect_refused(R"({"sources": [], "architecture": "PDP11"})", "unknown architecture PDP11");
  expect_refused(R"({"sources": [], "kinds": ["pcds"]})", "unknown kind pcds");
  expect_refused(R"({"sources": [], "macros": {"A B": "1"}})", "A B isn't a name");
  expect_refused(R"({"sources": [], "entry_points": ["a;b"]})", "not a name");
}

TEST(SourceFactsRequest, RefusesSourcesThatCannotBeRead) {
  expect_refused(R"({"sources": ["/nowhere/at/all.c"]})", "/nowhere/at/all.c: no such file");
  expect_refused(R"({"sources": ["/tmp"]})", "/tmp: not a file");
  expect_refused(R"({"sources": ["/dev/zero"]})", "/dev/zero: not a file");
  // A name can't break the line.
  expect_refused(R"({"sources": ["/nowhere\nat all"]})", "/nowhere?at all: no such file");
}

TEST(SourceFactsRequest, RefusesAHugeSource) {
  const Scratch scratch;
  const path source = scratch.write("huge.c", std::string(100U << 20U, ';'));
  expect_refused(Json{{"sources", {source.string()}}}.dump(), "more than a source can have");
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int count = 0; count < times; ++count) {
    all += text;
  }
  return all;
}

// Whatever is in a source, it is parsed as far as that goes.
TEST(SourceFactsRequest, ReadsAnythingAsASource) {
  const Scratch scratch;
  std::string garbage;
  unsigned state = 1;
  for (int count = 0; count < 20000; ++count) {
    state = state * 1664525U + 1013904223U;
    garbage += static_cast<char>(state >> 24U);
  }
  for (const std::string& text :
       {std::string(), garbage, std::string(50000, '('), std::string(50000, '{'), std::string("#include \"self.c\"\n"),
        std::string("int a[") + std::string(5000, '[') + ";", std::string("#if 1\nint a;"), std::string("/* open"),
        "int f(unsigned char* x) {" + repeated("if (SmmIsBufferOutsideSmmValid(x, 1)) x[0] = 1;\n", 1000) + "}"}) {
    const path source = scratch.write("self.c", text);
    const Outcome done = run_with(Json{{"sources", {source.string()}}}.dump());
    EXPECT_EQ(done.status, 0) << text.substr(0, 40) << done.error;
    EXPECT_FALSE(Json::parse(done.out, nullptr, false).is_discarded());
  }
}

// A unit at which the parser fails leaves its memory behind, which the leak detector would report, and is named.
TEST(SourceFactsRequest, NamesASourceThatExhaustsTheParser) {
  const Scratch scratch;
  const path source = scratch.write("deep.c", "int f(int x) {" + repeated("if (x) ", 60000) + "; }");
  const path other = scratch.write("other.c", "int g(void) { return 1; }");
  ASSERT_EQ(setenv("ASAN_OPTIONS", "detect_leaks=0", 1), 0);
  const Json answered = answer(Json{{"sources", {source.string(), other.string()}}});
  unsetenv("ASAN_OPTIONS");
  EXPECT_EQ(answered["units"][0]["parsed"], false);
  EXPECT_EQ(answered["units"][0]["errors"].size(), 1U);
  EXPECT_EQ(answered["units"][1]["parsed"], true);
  EXPECT_EQ(answered["functions"].size(), 1U);
}

TEST(SourceFactsRequest, TakesAutogenAndMacrosFromTheRequest) {
  const Scratch scratch;
  const path source = scratch.write("module.c", "#if SIZE == 3\nint Entry (void) { return gFromAutogen; }\n#endif\n");
  Json request{{"sources", {source.string()}},
               {"autogen", "extern int gFromAutogen;\n"},
               {"macros", {{"SIZE", "3"}}},
               {"entry_points", {"Entry"}}};
  const Json answered = answer(request);
  EXPECT_EQ(answered["units"][0]["errors"], Json::array());
  EXPECT_EQ(answered["units"][0]["assumed_names"], Json::array());
  EXPECT_EQ(answered["facts"][0]["found"], true);
}

TEST(SourceFactsRequest, SaysWhatWasMissingAndAssumed) {
  const Scratch scratch;
  const path source = scratch.write("module.c",
                                    "#include <PiSmm.h>\n"
                                    "#include <Protocol/NotHere.h>\n"
                                    "NOT_HERE_PROTOCOL *mNotHere;\n"
                                    "UINTN Get (VOID) { return NOT_HERE_SIZE + (UINTN)&gNotHereGuid; }\n");
  const Json unit = answer(Json{{"sources", {source.string()}}})["units"][0];
  ASSERT_EQ(unit["missing_includes"].size(), 2U);
  EXPECT_TRUE(matches(unit["missing_includes"][0], {{"name", "PiSmm.h"}, {"stood_in", true}, {"line", 1}}));
  EXPECT_TRUE(matches(unit["missing_includes"][1], {{"name", "Protocol/NotHere.h"}, {"stood_in", false}}));
  ASSERT_EQ(unit["assumed_names"].size(), 3U) << unit;
  EXPECT_TRUE(matches(unit["assumed_names"][0], {{"name", "NOT_HERE_PROTOCOL"}, {"as", "type"}, {"line", 3}}));
  EXPECT_TRUE(matches(unit["assumed_names"][1], {{"name", "NOT_HERE_SIZE"}, {"as", "constant"}, {"line", 4}}));
  EXPECT_TRUE(matches(unit["assumed_names"][2], {{"name", "gNotHereGuid"}, {"as", "variable"}, {"line", 4}}));
}

}  // namespace
