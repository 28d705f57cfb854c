// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/macro_facts.hpp"

#include <clang/Lex/MacroArgs.h>
#include <clang/Lex/MacroInfo.h>

#include "tool/port/source_facts/kinds.hpp"

namespace redoubt::tool::port {
namespace {

/// What a macro of PcdLib does, in the words of facts.md, and with a value of which type; "" for another macro.
struct PcdMacro {
  const char* prefix;
  const char* access;
};
// The longer prefix first.
constexpr PcdMacro pcd_macros[] = {
    {"FixedPcdGet", "fixed"}, {"FeaturePcdGet", "feature"}, {"PatchPcdGet", "patch"}, {"PatchPcdSet", "patch_set"},
    {"PcdGetEx", "get"},      {"PcdSetEx", "set"},          {"PcdGet", "get"},        {"PcdSet", "set"},
    {"LibPcdGet", "get"},     {"LibPcdSet", "set"},         {"PcdToken", "token"},
};

const PcdMacro* pcd_macro(llvm::StringRef name) {
  for (const PcdMacro& macro : pcd_macros) {
    if (name.starts_with(macro.prefix)) {
      return &macro;
    }
  }
  return nullptr;
}

class MacroCollector : public clang::PPCallbacks {
 public:
  explicit MacroCollector(MacroUses& uses) : uses_(uses) {}

  void MacroExpands(const clang::Token& name, const clang::MacroDefinition& definition, clang::SourceRange range,
                    const clang::MacroArgs* arguments) override {
    const llvm::StringRef macro = name.getIdentifierInfo()->getName();
    // A macro of PcdLib within another one of PcdLib is the same read.
    if (pcd_macro(macro) == nullptr || arguments == nullptr || definition.getMacroInfo()->getNumParams() == 0) {
      return;
    }
    std::string argument;
    // PcdGetEx8(Guid, Token): the token is what the read is about.
    const unsigned index = macro.contains("Ex") ? 1 : 0;
    if (index < arguments->getNumMacroArguments()) {
      for (const clang::Token* token = arguments->getUnexpArgument(index); token->isNot(clang::tok::eof); ++token) {
        if (const clang::IdentifierInfo* word = token->getIdentifierInfo()) {
          argument += word->getName();
        }
      }
    }
    uses_.push_back({range.getBegin(), macro.str(), argument});
  }

 private:
  MacroUses& uses_;
};

}  // namespace

std::unique_ptr<clang::PPCallbacks> collect_macro_uses(MacroUses& uses) {
  return std::make_unique<MacroCollector>(uses);
}

void find_macro_facts(const Syntax& syntax, const Request& request, const MacroUses& uses, UnitSummary& unit) {
  if (!request.wants(kind::pcd)) {
    return;
  }
  const clang::SourceManager& sources = syntax.context().getSourceManager();
  struct Body {
    clang::FileID file;
    unsigned begin;
    unsigned end;
    std::string id;
  };
  std::vector<Body> bodies;
  for (const clang::Decl* declaration : syntax.context().getTranslationUnitDecl()->decls()) {
    const auto* function = llvm::dyn_cast<clang::FunctionDecl>(declaration);
    if (function != nullptr && function->doesThisDeclarationHaveABody()) {
      const auto [file, begin] = sources.getDecomposedExpansionLoc(function->getBeginLoc());
      const unsigned end = sources.getDecomposedExpansionLoc(function->getEndLoc()).second;
      bodies.push_back({file, begin, end, syntax.id(function)});
    }
  }
  std::set<std::tuple<Place, std::string, std::string>> seen;
  for (const MacroUse& use : uses) {
    const PcdMacro* macro = pcd_macro(use.macro);
    Fact fact;
    fact.kind = kind::pcd;
    fact.place = syntax.place(use.location);
    // PcdLib defines some of its macros by others of the same argument: one use in the source is one fact.
    if (!seen.emplace(fact.place, macro->access, use.argument).second) {
      continue;
    }
    const auto [file, offset] = sources.getDecomposedExpansionLoc(use.location);
    for (const Body& body : bodies) {
      if (body.file == file && body.begin <= offset && offset <= body.end) {
        fact.function_id = body.id;
      }
    }
    std::string type = use.macro.substr(std::char_traits<char>::length(macro->prefix));
    if (type.ends_with("S") && std::string_view(macro->access).ends_with("set")) {
      type.pop_back();
    }
    fact.detail["access"] = macro->access;
    fact.detail["name"] = use.argument;
    fact.detail["type"] = std::string_view(macro->access) == "feature" ? "Bool" : type;
    fact.detail["macro"] = use.macro;
    unit.facts.push_back(std::move(fact));
  }
}

}  // namespace redoubt::tool::port
