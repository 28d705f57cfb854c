// SPDX-License-Identifier: BSD-2-Clause-Patent
// Recursive descent over the operators' ranks, the loosest first.
#include "tool/port/metadata/expression.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <format>
#include <span>
#include <variant>
#include <vector>

#include "tool/port/metadata/text.hpp"

namespace redoubt::port {

namespace {

using Number = std::uint64_t;
using Value = std::variant<Number, std::string>;
using Evaluated = Result<Value, std::string>;

// Beyond any condition that people write; recursion ends here.
constexpr unsigned deepest_nesting = 64;

struct Token {
  enum class Kind : std::uint8_t { operation, number, text, pcd } kind;
  std::string text;
  Number number = 0;
};

struct Operation {
  std::string_view words[2];  // spelled as a sign and as a word
  std::string_view name;
};

constexpr std::array binary_ranks = std::to_array<std::array<Operation, 6>>({
    {{{{"||", "OR"}, "||"}}},
    {{{{"", "XOR"}, "xor"}}},
    {{{{"&&", "AND"}, "&&"}}},
    {{{{"|", ""}, "|"}}},
    {{{{"^", ""}, "^"}}},
    {{{{"&", ""}, "&"}}},
    {{{{"==", "EQ"}, "=="}, {{"!=", "NE"}, "!="}, {{"", "IN"}, "in"}}},
    {{{{"<=", "LE"}, "<="}, {{">=", "GE"}, ">="}, {{"<", "LT"}, "<"}, {{">", "GT"}, ">"}}},
    {{{{"<<", ""}, "<<"}, {{">>", ""}, ">>"}}},
    {{{{"+", ""}, "+"}, {{"-", ""}, "-"}}},
    {{{{"*", ""}, "*"}, {{"/", ""}, "/"}, {{"%", ""}, "%"}}},
});

constexpr std::array<std::string_view, 24> signs = {"||", "&&", "==", "!=", "<=", ">=", "<<", ">>", "|", "^", "&", "<",
                                                    ">",  "+",  "-",  "*",  "/",  "%",  "!",  "~",  "(", ")", "?", ":"};
constexpr auto operator_words =
    std::to_array<std::string_view>({"OR", "XOR", "AND", "EQ", "NE", "IN", "LE", "GE", "LT", "GT", "NOT"});

std::optional<Number> number_of(std::string_view text) {
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  const std::string_view digits = hexadecimal ? text.substr(2) : text;
  Number number = 0;
  const auto [stop, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, hexadecimal ? 16 : 10);
  return !digits.empty() && error == std::errc() && stop == digits.data() + digits.size() ? std::optional(number)
                                                                                          : std::nullopt;
}

std::optional<Value> value_of_word(std::string_view word) {
  if (equal_ignoring_case(word, "TRUE")) {
    return Number{1};
  }
  if (equal_ignoring_case(word, "FALSE")) {
    return Number{0};
  }
  if (const auto number = number_of(word)) {
    return *number;
  }
  return std::nullopt;
}

std::string_view without_quotes(std::string_view text) {
  if (text.starts_with('L')) {
    const std::string_view rest = text.substr(1);
    if (rest.starts_with('"') || rest.starts_with('\'')) {
      text = rest;
    }
  }
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

// A macro's or PCD's value, or a quoted text: what reads as a number is one.
Value value_of(std::string_view text) {
  const std::string_view plain = trim(text);
  if (const auto value = value_of_word(plain)) {
    return *value;
  }
  return std::string(without_quotes(plain));
}

bool is_true(const Value& value) {
  return std::holds_alternative<Number>(value) ? std::get<Number>(value) != 0 : !std::get<std::string>(value).empty();
}

struct UndefinedMacro {};
using Tokens = Result<std::vector<Token>, std::variant<UndefinedMacro, std::string>>;

class Scanner {
 public:
  Scanner(std::string_view text, const ExpressionNames& names) : text_(text), names_(names) {}

  Tokens scan() {
    for (skip_blanks(); !text_.empty(); skip_blanks()) {
      if (text_.starts_with("$(")) {
        const std::size_t close = text_.find(')');
        if (close == std::string_view::npos) {
          return std::unexpected("has a macro without a closing parenthesis");
        }
        const auto value = names_.macro(text_.substr(2, close - 2));
        if (!value.has_value()) {
          return std::unexpected(UndefinedMacro{});
        }
        add(value_of(*value));
        text_.remove_prefix(close + 1);
      } else if (text_.front() == '"' || text_.front() == '\'' || text_.starts_with("L\"") || text_.starts_with("L'")) {
        TRY(quoted());
      } else if (const auto sign = std::ranges::find_if(signs, [this](auto s) { return text_.starts_with(s); });
                 sign != signs.end()) {
        tokens_.push_back({Token::Kind::operation, std::string(*sign)});
        text_.remove_prefix(sign->size());
      } else {
        TRY(word());
      }
    }
    return std::move(tokens_);
  }

 private:
  using Step = Result<void, std::variant<UndefinedMacro, std::string>>;

  void skip_blanks() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\t')) {
      text_.remove_prefix(1);
    }
  }
  void add(const Value& value) {
    if (std::holds_alternative<Number>(value)) {
      tokens_.push_back({Token::Kind::number, "", std::get<Number>(value)});
    } else {
      tokens_.push_back({Token::Kind::text, std::get<std::string>(value)});
    }
  }
  Step quoted() {
    const std::size_t open = text_.front() == 'L' ? 1 : 0;
    const std::size_t close = text_.find(text_[open], open + 1);
    if (close == std::string_view::npos) {
      return std::unexpected("has a quote that isn't closed");
    }
    std::string text;
    // A macro within a text is its value there.
    std::string_view rest = text_.substr(open + 1, close - open - 1);
    while (!rest.empty()) {
      const std::size_t macro = rest.find("$(");
      const std::size_t end = macro == std::string_view::npos ? macro : rest.find(')', macro);
      if (end == std::string_view::npos) {
        break;
      }
      const auto value = names_.macro(rest.substr(macro + 2, end - macro - 2));
      if (!value.has_value()) {
        return std::unexpected(UndefinedMacro{});
      }
      text.append(rest.substr(0, macro)).append(without_quotes(trim(*value)));
      rest.remove_prefix(end + 1);
    }
    tokens_.push_back({Token::Kind::text, text.append(rest)});
    text_.remove_prefix(close + 1);
    return {};
  }
  Step word() {
    const std::size_t end = std::min(text_.find_first_of(" \t()|&=!<>+*/%^~?:\"'"), text_.size());
    if (end == 0) {
      return std::unexpected(std::format("has an unexpected '{}'", text_.front()));
    }
    const std::string_view word = text_.substr(0, end);
    text_.remove_prefix(end);
    if (const std::string shouted = upper(word); std::ranges::contains(operator_words, shouted)) {
      tokens_.push_back({Token::Kind::operation, shouted});
    } else if (const auto value = value_of_word(word)) {
      add(*value);
    } else if (word.contains('.')) {
      const auto pcd = names_.pcd(word);
      if (!pcd.has_value()) {
        return std::unexpected(std::format("names {}, which has no fixed value in the platform", word));
      }
      add(value_of(*pcd));
    } else {
      // An operand of IN and of comparisons may come without quotes.
      tokens_.push_back({Token::Kind::text, std::string(word)});
    }
    return {};
  }

  std::string_view text_;
  const ExpressionNames& names_;
  std::vector<Token> tokens_;
};

class Evaluator {
 public:
  explicit Evaluator(std::span<const Token> tokens) : tokens_(tokens) {}

  Evaluated run() {
    Value value = TRY(conditional());
    if (!tokens_.empty()) {
      return std::unexpected(std::string("has something behind its end"));
    }
    return value;
  }

 private:
  // A ? B : C
  Evaluated conditional() {
    if (++depth_ > deepest_nesting) {
      return std::unexpected(std::string("is nested too deeply"));
    }
    Value value = TRY(binary(0));
    if (take("?")) {
      Value yes = TRY(conditional());
      if (!take(":")) {
        return std::unexpected(std::string("has a '?' without a ':'"));
      }
      Value no = TRY(conditional());
      value = is_true(value) ? std::move(yes) : std::move(no);
    }
    --depth_;
    return value;
  }

  Evaluated binary(std::size_t rank) {
    if (rank == binary_ranks.size()) {
      return unary();
    }
    Value left = TRY(binary(rank + 1));
    while (const Operation* operation = take_one_of(binary_ranks[rank])) {
      const Value right = TRY(binary(rank + 1));
      left = TRY(apply(operation->name, left, right));
    }
    const bool compares = binary_ranks[rank][0].name == "==";
    if (compares && next_is("NOT") && tokens_.size() > 1 && tokens_[1].text == "IN") {
      tokens_ = tokens_.subspan(2);
      const Value right = TRY(binary(rank + 1));
      left = Number{!is_true(TRY(apply("in", left, right)))};
    }
    return left;
  }

  Evaluated unary() {
    const bool negates = next_is("!") || next_is("NOT");
    if (negates || next_is("~")) {
      tokens_ = tokens_.subspan(1);
      if (++depth_ > deepest_nesting) {
        return std::unexpected(std::string("is nested too deeply"));
      }
      const Value value = TRY(unary());
      --depth_;
      if (negates) {
        return Value(Number{!is_true(value)});
      }
      if (!std::holds_alternative<Number>(value)) {
        return std::unexpected(std::string("calculates with a text"));
      }
      return Value(~std::get<Number>(value));
    }
    if (take("(")) {
      Value value = TRY(conditional());
      if (!take(")")) {
        return std::unexpected(std::string("has a parenthesis that isn't closed"));
      }
      return value;
    }
    if (tokens_.empty() || tokens_.front().kind == Token::Kind::operation) {
      return std::unexpected(std::string("lacks an operand"));
    }
    const Token& token = tokens_.front();
    tokens_ = tokens_.subspan(1);
    return token.kind == Token::Kind::number ? Value(token.number) : Value(token.text);
  }

  static Evaluated apply(std::string_view operation, const Value& left, const Value& right) {
    if (operation == "||") return Value(Number{is_true(left) || is_true(right)});
    if (operation == "&&") return Value(Number{is_true(left) && is_true(right)});
    if (operation == "xor") return Value(Number{is_true(left) != is_true(right)});
    if (operation == "in") {
      if (!std::holds_alternative<std::string>(left) || !std::holds_alternative<std::string>(right)) {
        return Value(Number{left == right});
      }
      return Value(Number{std::ranges::contains(words(std::get<std::string>(right)), std::get<std::string>(left))});
    }
    if (operation == "==") return Value(Number{left == right});
    if (operation == "!=") return Value(Number{left != right});
    if (!std::holds_alternative<Number>(left) || !std::holds_alternative<Number>(right)) {
      return std::unexpected(std::string("calculates with a text"));
    }
    const Number a = std::get<Number>(left);
    const Number b = std::get<Number>(right);
    if (operation == "<=") return Value(Number{a <= b});
    if (operation == ">=") return Value(Number{a >= b});
    if (operation == "<") return Value(Number{a < b});
    if (operation == ">") return Value(Number{a > b});
    if (operation == "|") return Value(a | b);
    if (operation == "^") return Value(a ^ b);
    if (operation == "&") return Value(a & b);
    if (operation == "<<") return Value(b < 64 ? a << b : Number{0});
    if (operation == ">>") return Value(b < 64 ? a >> b : Number{0});
    if (operation == "+") return Value(a + b);
    if (operation == "-") return Value(a - b);
    if (operation == "*") return Value(a * b);
    if (b == 0) {
      return std::unexpected(std::string("divides by zero"));
    }
    return Value(operation == "/" ? a / b : a % b);
  }

  bool next_is(std::string_view operation) const {
    return !tokens_.empty() && tokens_.front().kind == Token::Kind::operation && tokens_.front().text == operation;
  }
  bool take(std::string_view operation) {
    if (!next_is(operation)) {
      return false;
    }
    tokens_ = tokens_.subspan(1);
    return true;
  }
  const Operation* take_one_of(std::span<const Operation> operations) {
    for (const Operation& operation : operations) {
      for (const std::string_view spelling : operation.words) {
        if (!spelling.empty() && take(spelling)) {
          return &operation;
        }
      }
    }
    return nullptr;
  }

  std::span<const Token> tokens_;
  unsigned depth_ = 0;
};

}  // namespace

Result<bool, std::string> evaluate_condition(std::string_view expression, const ExpressionNames& names) {
  const Tokens tokens = Scanner(expression, names).scan();
  if (!tokens.has_value()) {
    if (std::holds_alternative<UndefinedMacro>(tokens.error())) {
      return false;
    }
    return std::unexpected(std::get<std::string>(tokens.error()));
  }
  return is_true(TRY(Evaluator(*tokens).run()));
}

}  // namespace redoubt::port
