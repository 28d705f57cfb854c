// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/function_flow.hpp"

#include "tool/port/source_facts/flow.hpp"

namespace redoubt::tool::port {

using clang::FunctionDecl;

Tags whole(const Tags& tags) {
  Tags result;
  for (Tag tag : tags) {
    tag.inner = false;
    result.insert(std::move(tag));
  }
  return result;
}

std::string parameter_root(const std::string& function, unsigned index) {
  return "p:" + function + ":" + std::to_string(index);
}

std::string handed_out_root(const std::string& function, unsigned index) {
  return "o:" + function + ":" + std::to_string(index);
}

FunctionSummary FunctionFlow::summary() {
  FunctionSummary summary;
  summary.id = id_;
  summary.name = function_->getNameAsString();
  summary.place = syntax_.place(function_->getLocation());
  summary.last_line = syntax_.place(function_->getEndLoc()).line;
  summary.is_static = !function_->isExternallyVisible();
  for (const clang::ParmVarDecl* parameter : function_->parameters()) {
    summary.parameters.push_back(parameter->getNameAsString());
    if (!parameter->isReferenced()) {
      summary.definition.unused_parameters.push_back(parameter->getNameAsString());
    }
  }
  find_definition(summary.definition);
  statements_ = statements_of(function_->getBody());
  follow_values();
  build_graph();
  summary.flow_unknown = graph_ == nullptr;
  find_guards();
  summary_ = &summary;
  report_accesses();
  report_flows();
  report_outcomes();
  if (is_exhausted()) {
    // Half an answer could pass for a whole one: nothing of it counts as validated.
    summary.flow_unknown = true;
    for (BufferAccess& access : summary.accesses) {
      access.guards.clear();
    }
    for (Flow& flow : summary.flows) {
      flow.guards.clear();
    }
    summary.outcomes.clear();
  }
  return summary;
}

clang::FunctionTypeLoc FunctionFlow::type_of(const FunctionDecl* function) {
  const clang::TypeSourceInfo* type = function->getTypeSourceInfo();
  return type == nullptr ? clang::FunctionTypeLoc()
                         : type->getTypeLoc().IgnoreParens().getAsAdjusted<clang::FunctionTypeLoc>();
}

void FunctionFlow::find_definition(DefinitionExtent& definition) const {
  const clang::FunctionTypeLoc type = type_of(function_);
  if (type.isNull()) {
    return;
  }
  definition.head = syntax_.extent({function_->getBeginLoc(), type.getRParenLoc()});
  definition.name = syntax_.extent({function_->getLocation(), function_->getLocation()});
  definition.parameters = syntax_.extent({type.getLParenLoc(), type.getRParenLoc()});
  definition.body = syntax_.extent(function_->getBody()->getSourceRange());
  definition.declarations = Json::array();
  for (const FunctionDecl* other : function_->redecls()) {
    const clang::FunctionTypeLoc declared = type_of(other);
    if (other != function_ && !declared.isNull()) {
      Json entry;
      entry["file"] = syntax_.place(other->getLocation()).file;
      entry["name"] = syntax_.extent({other->getLocation(), other->getLocation()});
      entry["parameters"] = syntax_.extent({declared.getLParenLoc(), declared.getRParenLoc()});
      definition.declarations.push_back(std::move(entry));
    }
  }
}

void find_function_flows(const Syntax& syntax, const Request&, UnitSummary& unit) {
  for (const clang::Decl* declaration : syntax.context().getTranslationUnitDecl()->decls()) {
    const auto* function = llvm::dyn_cast<FunctionDecl>(declaration);
    if (function != nullptr && function->doesThisDeclarationHaveABody()) {
      unit.functions.push_back(FunctionFlow(syntax, function).summary());
    }
  }
}

}  // namespace redoubt::tool::port
