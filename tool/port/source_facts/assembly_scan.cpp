// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/assembly_scan.hpp"

#include <algorithm>
#include <cctype>

#include "tool/port/source_facts/kinds.hpp"
#include "tool/port/source_facts/known_functions.hpp"

namespace redoubt::tool::port {
namespace {

bool is_word(char letter) {
  return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_' || letter == '.' || letter == '$' ||
         letter == '@' || letter == '?';
}
bool is_blank(char letter) { return letter == ' ' || letter == '\t' || letter == '\r'; }

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char letter) { return std::tolower(letter); });
  return result;
}

/// One statement: what stands between line ends, and in GNU syntax between semicolons.
struct Statement {
  std::vector<std::string> labels;
  std::string mnemonic;  ///< lower case, prefixes taken off
  std::string operands;
  unsigned column = 1;
};

std::string_view strip(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_blank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

/// Takes `name:` or `ASM_PFX(name):` from the front.
bool take_label(std::string_view& text, std::string& label) {
  std::size_t end = 0;
  while (end < text.size() && is_word(text[end])) {
    ++end;
  }
  if (end == 0) {
    return false;
  }
  label = text.substr(0, end);
  if (end < text.size() && text[end] == '(') {
    const std::size_t close = text.find(')', end);
    if (close == std::string_view::npos) {
      return false;
    }
    label = strip(text.substr(end + 1, close - end - 1));
    end = close + 1;
  }
  if (end >= text.size() || text[end] != ':') {
    return false;
  }
  text = strip(text.substr(end + 1));
  return true;
}

Statement read_statement(std::string_view text) {
  Statement statement;
  const char* begin = text.data();
  text = strip(text);
  std::string label;
  while (take_label(text, label)) {
    statement.labels.push_back(label);
  }
  statement.column = static_cast<unsigned>(text.data() - begin) + 1;
  while (true) {
    std::size_t end = 0;
    while (end < text.size() && is_word(text[end])) {
      ++end;
    }
    statement.mnemonic = lower(text.substr(0, end));
    text = strip(text.substr(end));
    // MASM names a procedure in front of the word PROC.
    if (lower(text.substr(0, 4)) == "proc" && !statement.mnemonic.empty() && statement.labels.empty()) {
      statement.labels.emplace_back(std::string_view(begin + statement.column - 1, end));
      statement.mnemonic.clear();
      text = {};
    }
    if (statement.mnemonic == "lock" || statement.mnemonic == "rep" || statement.mnemonic == "repne" ||
        statement.mnemonic == "repe" || statement.mnemonic == "o32" || statement.mnemonic == "o64" ||
        statement.mnemonic == "o16" || statement.mnemonic == "data32") {
      continue;
    }
    break;
  }
  statement.operands = text;
  return statement;
}

PrivilegedInstruction privileged(const Statement& statement) {
  PrivilegedInstruction found;
  found.category = privileged_instruction(statement.mnemonic, lower(statement.operands));
  found.text = statement.mnemonic + (statement.operands.empty() ? "" : " " + statement.operands.substr(0, 80));
  found.column = statement.column;
  return found;
}

/// The text without comments, of the same length. GNU assembly has C's comments, and # where a line begins or after
/// blanks; the others have semicolons.
std::string without_comments(std::string_view text, bool is_gnu) {
  std::string result(text);
  for (std::size_t at = 0; at < result.size(); ++at) {
    const bool line_begins = at == 0 || result[at - 1] == '\n';
    const bool is_pair = at + 1 < result.size();
    if (is_gnu && is_pair && result[at] == '/' && result[at + 1] == '*') {
      const std::size_t end = std::min(result.find("*/", at + 2), result.size() - 2);
      for (; at < end + 2; ++at) {
        result[at] = result[at] == '\n' ? '\n' : ' ';
      }
      --at;
    } else if ((is_gnu && ((is_pair && result[at] == '/' && result[at + 1] == '/') ||
                           (result[at] == '#' && (line_begins || is_blank(result[at - 1]))))) ||
               (!is_gnu && result[at] == ';')) {
      while (at < result.size() && result[at] != '\n') {
        result[at++] = ' ';
      }
    } else if (result[at] == '"' || result[at] == '\'') {
      const std::size_t end = result.find_first_of(std::string{result[at], '\n'}, at + 1);
      at = end == std::string::npos || result[end] == '\n' ? at : end;
    }
  }
  return result;
}

}  // namespace

std::vector<PrivilegedInstruction> privileged_instructions(std::string_view text) {
  std::vector<PrivilegedInstruction> all;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find_first_of(";\n", begin), text.size());
    PrivilegedInstruction found = privileged(read_statement(text.substr(begin, end - begin)));
    if (!found.category.empty()) {
      all.push_back(std::move(found));
    }
    begin = end + 1;
  }
  return all;
}

UnitSummary scan_assembly(const Request& request, const std::string& path, std::string_view text) {
  UnitSummary unit;
  unit.file = path;
  unit.parsed = true;
  const bool is_gnu = lower(path).ends_with(".s");
  const std::string clean = without_comments(text, is_gnu);
  const std::string_view view = clean;
  std::string function;
  unsigned line = 1;
  std::size_t begin = 0;
  while (begin < view.size()) {
    const std::size_t end = std::min(view.find_first_of(is_gnu ? ";\n" : "\n", begin), view.size());
    const Statement statement = read_statement(view.substr(begin, end - begin));
    for (const std::string& label : statement.labels) {
      // A name with a dot or of digits only is local to the function before it.
      if (label[0] == '.' || label[0] == '@' || std::isdigit(static_cast<unsigned char>(label[0])) != 0) {
        continue;
      }
      // One function runs on into the next label.
      if (!function.empty()) {
        unit.edges.insert({"function:" + function, "function:" + label});
      }
      function = label;
      FunctionSummary summary;
      summary.id = summary.name = label;
      summary.place = {path, line, 1};
      summary.flow_unknown = true;
      unit.functions.push_back(std::move(summary));
    }
    PrivilegedInstruction found = privileged(statement);
    if (!found.category.empty() && request.wants(kind::privileged)) {
      Fact fact;
      fact.kind = kind::privileged;
      fact.place = {path, line, found.column};
      fact.function_id = function;
      fact.detail["category"] = found.category;
      fact.detail["form"] = "assembly";
      fact.detail["what"] = found.text;
      unit.facts.push_back(std::move(fact));
    }
    // Every name that an instruction mentions may be a function; the ones that aren't lead nowhere.
    const bool is_instruction = !statement.mnemonic.empty() && statement.mnemonic[0] != '.' && !function.empty();
    for (std::size_t at = 0; is_instruction && at < statement.operands.size();) {
      std::size_t stop = at;
      while (stop < statement.operands.size() && is_word(statement.operands[stop])) {
        ++stop;
      }
      if (stop - at > 3) {
        unit.edges.insert({"function:" + function, "function:" + statement.operands.substr(at, stop - at)});
      }
      at = stop + 1;
    }
    if (end < view.size() && view[end] == '\n') {
      ++line;
    }
    begin = end + 1;
  }
  return unit;
}

}  // namespace redoubt::tool::port
