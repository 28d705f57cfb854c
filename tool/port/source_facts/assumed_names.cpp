// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/assumed_names.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/Basic/SourceManager.h>
#include <clang/Sema/Lookup.h>

#include <algorithm>
#include <cctype>

namespace redoubt::tool::port {
namespace {

bool is_blank(char letter) { return std::isspace(static_cast<unsigned char>(letter)) != 0; }
bool is_word(char letter) { return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_'; }

/// The words and signs around a name in the text of a file. Comments count as text: a wrong guess costs one name.
class Surroundings {
 public:
  Surroundings(llvm::StringRef file, std::size_t begin, std::size_t length)
      : file_(file), before_(begin), after_(begin + length) {}

  std::string next() {
    while (after_ < file_.size() && is_blank(file_[after_])) {
      ++after_;
    }
    return take_forward();
  }

  /// Empty if the line before it is a directive or ends a comment: the name begins something.
  std::string previous() {
    bool line_begins = before_ == 0;
    while (before_ > 0 && is_blank(file_[before_ - 1])) {
      line_begins |= file_[--before_] == '\n';
    }
    if (line_begins && is_aside(file_.substr(file_.rfind('\n', before_) + 1, before_).take_front(before_))) {
      return {};
    }
    std::size_t begin = before_;
    while (begin > 0 && is_word(file_[begin - 1])) {
      --begin;
    }
    if (begin == before_ && begin > 0) {
      --begin;
    }
    const std::string token = file_.substr(begin, before_ - begin).str();
    before_ = begin;
    return token;
  }

 private:
  static bool is_aside(llvm::StringRef line) {
    line = line.trim();
    return line.starts_with("#") || line.starts_with("//") || line.ends_with("*/");
  }

  std::string take_forward() {
    std::size_t end = after_;
    while (end < file_.size() && is_word(file_[end])) {
      ++end;
    }
    if (end == after_ && end < file_.size()) {
      ++end;
    }
    const std::string token = file_.substr(after_, end - after_).str();
    after_ = end;
    return token;
  }

  llvm::StringRef file_;
  std::size_t before_;
  std::size_t after_;
};

bool is_name(const std::string& token) {
  return !token.empty() && is_word(token[0]) && std::isdigit(static_cast<unsigned char>(token[0])) == 0;
}

bool is_one_of(const std::string& token, std::initializer_list<const char*> tokens) {
  return std::ranges::any_of(tokens, [&](const char* each) { return token == each; });
}

/// Types and constants of UEFI are in capitals; variables and functions aren't.
bool is_in_capitals(llvm::StringRef name) {
  return std::ranges::none_of(name, [](unsigned char letter) { return std::islower(letter) != 0; });
}

/// Words that stand in front of a type only.
bool leads_type(const std::string& word) {
  return is_one_of(word, {"const", "CONST", "volatile", "VOLATILE", "static", "STATIC", "extern", "IN", "OUT"});
}

/// Whether a type at this place is that of a parameter that is no pointer. UEFI passes no records by value.
bool is_scalar_here(Surroundings around) {
  const std::string name = around.next();
  const std::string behind = around.next();
  return is_name(name) && is_one_of(behind, {",", ")", "OPTIONAL"});
}

/// Whether the name at this place can only, or most likely, be a type.
bool is_type_here(llvm::StringRef name, Surroundings around) {
  const std::string next = around.next();
  const std::string previous = around.previous();
  if (is_name(next) || leads_type(previous)) {
    // Two names in a row: a declaration. What stands behind a macro that wasn't defined looks the same.
    return true;
  }
  const bool after_operator =
      is_one_of(previous, {"=", "+", "-", "/", "%", "|", "^", "<", ">", "?", "[", "return", "case", "!", "~"});
  if (next == "*") {
    if (after_operator) {
      return false;
    }
    std::string behind = around.next();
    while (behind == "*" || is_one_of(behind, {"const", "CONST", "volatile", "VOLATILE"})) {
      behind = around.next();
    }
    if (behind == ")" || behind == ",") {
      return true;
    }
    // FOO *Bar; declares, and so does a parameter; Foo * Bar as a statement would compute nothing.
    return is_name(behind) && is_one_of(around.next(), {";", "=", ",", ")", "[", "(", "OPTIONAL"}) &&
           is_in_capitals(name);
  }
  if (next == ")" && previous == "(" && is_in_capitals(name)) {
    const std::string opener = around.previous();
    const std::string behind = around.next();
    if (is_one_of(opener, {"sizeof", "OFFSET_OF"})) {
      return true;
    }
    return is_name(behind) || is_one_of(behind, {"&", "("});
  }
  if (next == "," && previous == "(") {
    return is_one_of(around.previous(), {"OFFSET_OF", "VA_ARG"});
  }
  return false;
}

}  // namespace

clang::NamedDecl* AssumedNames::assume_type(clang::IdentifierInfo* name, clang::SourceLocation location,
                                            bool is_scalar) {
  clang::ASTContext& context = sema_->getASTContext();
  clang::TranslationUnitDecl* unit = context.getTranslationUnitDecl();
  if (is_scalar) {
    return clang::TypedefDecl::Create(context, unit, location, location, name,
                                      context.getTrivialTypeSourceInfo(context.getUIntPtrType()));
  }
  auto* record = clang::RecordDecl::Create(context, clang::TagTypeKind::Struct, unit, location, location, nullptr);
  record->startDefinition();
  record->completeDefinition();
  auto* type = clang::TypedefDecl::Create(context, unit, location, location, name,
                                          context.getTrivialTypeSourceInfo(context.getRecordType(record)));
  record->setTypedefNameForAnonDecl(type);
  unit->addDecl(record);
  return type;
}

clang::NamedDecl* AssumedNames::assume_constant(clang::IdentifierInfo* name, clang::SourceLocation location) {
  clang::ASTContext& context = sema_->getASTContext();
  clang::TranslationUnitDecl* unit = context.getTranslationUnitDecl();
  if (constants_ == nullptr) {
    constants_ = clang::EnumDecl::Create(context, unit, location, location, nullptr, nullptr, false, false, false);
    constants_->setIntegerType(context.UnsignedIntTy);
    constants_->setPromotionType(context.UnsignedIntTy);
    constants_->startDefinition();
    constants_->completeDefinition(context.UnsignedIntTy, context.UnsignedIntTy, 32, 0);
    unit->addDecl(constants_);
  }
  // Each has a value of its own, so that they can label the cases of a switch.
  const llvm::APSInt value(llvm::APInt(32, next_constant_++), true);
  return clang::EnumConstantDecl::Create(context, constants_, location, name, context.UnsignedIntTy, nullptr, value);
}

clang::NamedDecl* AssumedNames::assume_variable(clang::IdentifierInfo* name, clang::SourceLocation location) {
  clang::ASTContext& context = sema_->getASTContext();
  clang::TranslationUnitDecl* unit = context.getTranslationUnitDecl();
  clang::QualType type = context.UnsignedLongLongTy;
  if (name->getName().ends_with("Guid")) {
    for (const char* candidate : {"EFI_GUID", "GUID"}) {
      const auto found = unit->lookup(&context.Idents.get(candidate));
      const auto* alias = found.empty() ? nullptr : llvm::dyn_cast<clang::TypedefNameDecl>(found.front());
      if (alias != nullptr) {
        type = context.getTypedefType(alias);
        break;
      }
    }
  }
  return clang::VarDecl::Create(context, unit, location, location, name, type, context.getTrivialTypeSourceInfo(type),
                                clang::SC_Extern);
}

clang::NamedDecl* AssumedNames::assume(clang::IdentifierInfo* name, clang::SourceLocation location) {
  const clang::SourceManager& sources = sema_->getSourceManager();
  const clang::SourceLocation spelled = sources.getSpellingLoc(location);
  bool invalid = false;
  const auto [file, offset] = sources.getDecomposedLoc(spelled);
  const llvm::StringRef text = sources.getBufferData(file, &invalid);
  if (invalid) {
    return nullptr;
  }
  Surroundings around(text, offset, name->getLength());
  // A name that was pasted together by a macro has no surroundings of its own.
  const bool in_text =
      !sources.isWrittenInScratchSpace(spelled) && text.substr(offset, name->getLength()) == name->getName();
  if (in_text && Surroundings(around).next() == "(") {
    return nullptr;  // a function: C declares it by its use
  }
  AssumedName assumed;
  const clang::PresumedLoc where = sources.getPresumedLoc(sources.getExpansionLoc(location), false);
  if (where.isValid()) {
    assumed.place = {where.getFilename(), where.getLine(), where.getColumn()};
  }
  assumed.name = name->getName().str();
  clang::NamedDecl* declared = nullptr;
  if (in_text && is_type_here(name->getName(), around)) {
    assumed.as = "type";
    declared = assume_type(name, location, is_scalar_here(around));
  } else if (is_in_capitals(name->getName()) || name->getName().starts_with("_PCD_VALUE_")) {
    assumed.as = "constant";
    declared = assume_constant(name, location);
  } else {
    assumed.as = "variable";
    declared = assume_variable(name, location);
  }
  unit_.assumed_names.push_back(std::move(assumed));
  return declared;
}

bool AssumedNames::LookupUnqualified(clang::LookupResult& result, clang::Scope*) {
  clang::IdentifierInfo* name = result.getLookupName().getAsIdentifierInfo();
  if (sema_ == nullptr || name == nullptr || result.isForRedeclaration() ||
      result.getLookupKind() != clang::Sema::LookupOrdinaryName || result.getNameLoc().isInvalid() ||
      name->getBuiltinID() != 0) {
    return false;
  }
  auto [entry, is_new] = declared_.try_emplace(name, nullptr);
  if (is_new) {
    entry->second = assume(name, result.getNameLoc());
    if (entry->second == nullptr) {
      declared_.erase(entry);
      return false;
    }
    // Part of the unit, so that it is found there from now on.
    sema_->PushOnScopeChains(entry->second, sema_->TUScope, true);
  }
  result.addDecl(entry->second);
  result.resolveKind();
  return true;
}

}  // namespace redoubt::tool::port
