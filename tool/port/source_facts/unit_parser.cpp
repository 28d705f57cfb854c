// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/unit_parser.hpp"

#include <clang/AST/ASTConsumer.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/FrontendAction.h>
#include <clang/Lex/PPCallbacks.h>
#include <clang/Lex/Preprocessor.h>
#include <clang/Sema/SemaConsumer.h>
#include <clang/Tooling/Tooling.h>
#include <llvm/Support/CrashRecoveryContext.h>
#include <llvm/Support/VirtualFileSystem.h>

#include <csignal>

#include <algorithm>
#include <vector>

#include "tool/port/source_facts/assumed_names.hpp"
#include "tool/port/source_facts/function_flow.hpp"
#include "tool/port/source_facts/macro_facts.hpp"
#include "tool/port/source_facts/stand_in_headers.hpp"
#include "tool/port/source_facts/syntax.hpp"
#include "tool/port/source_facts/syntax_facts.hpp"

namespace redoubt::tool::port {
namespace {

// Where files that exist only in memory seem to lie.
constexpr const char* stand_in_directory = "/redoubt-stand-ins";
constexpr const char* autogen_path = "/redoubt-stand-ins/autogen/AutoGen.h";

// Enough for nesting a hundred times as deep as in edk2's deepest source; the parser takes time by the square of it.
constexpr unsigned stack_size = 16U << 20U;

// A unit with more errors than this isn't understood any better by reading all of them.
constexpr std::size_t most_errors = 50;

class CollectedDiagnostics : public clang::DiagnosticConsumer {
 public:
  explicit CollectedDiagnostics(UnitSummary& unit) : unit_(unit) {}

  void HandleDiagnostic(clang::DiagnosticsEngine::Level level, const clang::Diagnostic& diagnostic) override {
    DiagnosticConsumer::HandleDiagnostic(level, diagnostic);
    if (level < clang::DiagnosticsEngine::Error) {
      return;
    }
    Diagnostic error;
    llvm::SmallString<200> message;
    diagnostic.FormatDiagnostic(message);
    error.message = one_line(message);
    if (diagnostic.hasSourceManager() && diagnostic.getLocation().isValid()) {
      const clang::SourceManager& sources = diagnostic.getSourceManager();
      const clang::PresumedLoc where = sources.getPresumedLoc(sources.getExpansionLoc(diagnostic.getLocation()), false);
      if (where.isValid()) {
        error.place = {where.getFilename(), where.getLine(), where.getColumn()};
      }
    }
    unit_.error_lines.emplace(error.place.file, error.place.line);
    if (unit_.errors.size() < most_errors) {
      unit_.errors.push_back(std::move(error));
    }
  }

 private:
  UnitSummary& unit_;
};

/// Headers that aren't there, and those that are ours.
class IncludeFacts : public clang::PPCallbacks {
 public:
  IncludeFacts(const clang::SourceManager& sources, UnitSummary& unit) : sources_(sources), unit_(unit) {}

  void InclusionDirective(clang::SourceLocation location, const clang::Token&, llvm::StringRef name, bool,
                          clang::CharSourceRange, clang::OptionalFileEntryRef file, llvm::StringRef, llvm::StringRef,
                          const clang::Module*, bool, clang::SrcMgr::CharacteristicKind) override {
    const bool stands_in = file.has_value() && file->getName().starts_with(stand_in_directory);
    if (file.has_value() && !stands_in) {
      return;
    }
    const clang::PresumedLoc where = sources_.getPresumedLoc(sources_.getExpansionLoc(location), false);
    if (where.isValid() && !llvm::StringRef(where.getFilename()).starts_with("<")) {
      unit_.missing_includes.push_back(
          {{where.getFilename(), where.getLine(), where.getColumn()}, name.str(), stands_in});
    }
  }

  // The source goes on without it.
  bool FileNotFound(llvm::StringRef) override { return true; }

 private:
  const clang::SourceManager& sources_;
  UnitSummary& unit_;
};

class UnitConsumer : public clang::SemaConsumer {
 public:
  UnitConsumer(const Request& request, UnitSummary& unit, const MacroUses& macros)
      : request_(request), unit_(unit), macros_(macros) {}

  void InitializeSema(clang::Sema& sema) override {
    assumed_ = new AssumedNames(unit_);
    sema.addExternalSource(assumed_.get());
    assumed_->InitializeSema(sema);
  }

  void HandleTranslationUnit(clang::ASTContext& context) override {
    Syntax syntax(context);
    find_syntax_facts(syntax, request_, unit_);
    find_function_flows(syntax, request_, unit_);
    find_macro_facts(syntax, request_, macros_, unit_);
    unit_.parsed = true;
  }

 private:
  const Request& request_;
  UnitSummary& unit_;
  const MacroUses& macros_;
  llvm::IntrusiveRefCntPtr<AssumedNames> assumed_;
};

class UnitAction : public clang::ASTFrontendAction {
 public:
  UnitAction(const Request& request, UnitSummary& unit) : request_(request), unit_(unit) {}

  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& compiler, llvm::StringRef) override {
    compiler.getPreprocessor().addPPCallbacks(std::make_unique<IncludeFacts>(compiler.getSourceManager(), unit_));
    compiler.getPreprocessor().addPPCallbacks(collect_macro_uses(macros_));
    return std::make_unique<UnitConsumer>(request_, unit_, macros_);
  }

 private:
  const Request& request_;
  UnitSummary& unit_;
  MacroUses macros_;
};

struct Architecture {
  const char* name;
  const char* target;
  const char* macro;
};
constexpr Architecture architectures[] = {
    {"IA32", "i386-unknown-linux-gnu", "MDE_CPU_IA32"},
    {"X64", "x86_64-unknown-linux-gnu", "MDE_CPU_X64"},
    {"ARM", "armv7-unknown-linux-gnueabi", "MDE_CPU_ARM"},
    {"AARCH64", "aarch64-unknown-linux-gnu", "MDE_CPU_AARCH64"},
    {"RISCV64", "riscv64-unknown-linux-gnu", "MDE_CPU_RISCV64"},
    {"LOONGARCH64", "loongarch64-unknown-linux-gnu", "MDE_CPU_LOONGARCH64"},
};

std::vector<std::string> command_line(const Request& request, const std::string& source) {
  const auto* architecture =
      std::ranges::find_if(architectures, [&](const Architecture& each) { return request.architecture == each.name; });
  std::vector<std::string> line{
      "clang", "-fsyntax-only", "-xc", "-std=gnu11", "-ffreestanding", "-fshort-wchar", "-nostdinc", "-w",
      // Sources of several compilers and several decades: what one of them took is taken.
      "-Wno-error=implicit-function-declaration", "-Wno-error=implicit-int", "-Wno-error=int-conversion",
      "-Wno-error=incompatible-function-pointer-types", "-fno-spell-checking", "-ferror-limit=0",
      std::string("--target=") + architecture->target, std::string("-D") + architecture->macro};
  // The calling convention, without which va_start of that convention is an error.
  if (request.architecture == "X64" && !request.macros.contains("EFIAPI")) {
    line.emplace_back("-DEFIAPI=__attribute__((ms_abi))");
  }
  for (const auto& [name, value] : request.macros) {
    line.push_back("-D" + name + "=" + value);
  }
  if (!request.autogen.empty()) {
    line.insert(line.end(), {"-include", autogen_path});
  }
  for (const std::string& directory : request.include_directories) {
    line.insert(line.end(), {"-I", directory});
  }
  line.insert(line.end(), {"-idirafter", stand_in_directory, "--", source});
  return line;
}

/// Lets this thread handle signals on a stack of its own: an exhausted stack is one of the faults that are handled.
/// Nothing is undone at the end, which a fault skips; `memory` has to outlive the thread.
void set_signal_stack(std::vector<char>& memory) {
  stack_t stack{};
  // A sanitizer has already done the same.
  if (sigaltstack(nullptr, &stack) != 0 || (stack.ss_flags & SS_DISABLE) == 0) {
    return;
  }
  stack = {};
  stack.ss_sp = memory.data();
  stack.ss_size = memory.size();
  sigaltstack(&stack, nullptr);
}

/// Lets the handlers that CrashRecoveryContext has installed run on a stack of their own.
void handle_faults_on_own_stack() {
  for (const int signal : {SIGSEGV, SIGBUS}) {
    struct sigaction action{};
    if (sigaction(signal, nullptr, &action) == 0) {
      action.sa_flags |= SA_ONSTACK;
      sigaction(signal, &action, nullptr);
    }
  }
}

}  // namespace

UnitSummary parse_unit(const Request& request, const std::string& source) {
  UnitSummary unit;
  unit.file = source;

  auto files = llvm::makeIntrusiveRefCnt<llvm::vfs::OverlayFileSystem>(llvm::vfs::getRealFileSystem());
  auto memory = llvm::makeIntrusiveRefCnt<llvm::vfs::InMemoryFileSystem>();
  if (!request.autogen.empty()) {
    memory->addFile(autogen_path, 0, llvm::MemoryBuffer::getMemBufferCopy(request.autogen));
  }
  if (!has_real_headers(request.include_directories)) {
    for (std::string_view name : stand_in_names()) {
      memory->addFile(std::string(stand_in_directory) + "/" + std::string(name), 0,
                      llvm::MemoryBuffer::getMemBufferCopy(stand_in_header()));
    }
  }
  files->pushOverlay(memory);
  auto manager = llvm::makeIntrusiveRefCnt<clang::FileManager>(clang::FileSystemOptions(), files);

  CollectedDiagnostics diagnostics(unit);
  clang::tooling::ToolInvocation invocation(command_line(request, source), std::make_unique<UnitAction>(request, unit),
                                            manager.get());
  invocation.setDiagnosticConsumer(&diagnostics);
  // A defect of the parser costs one unit, which is then named as not parsed.
  llvm::CrashRecoveryContext::Enable();
  handle_faults_on_own_stack();
  std::vector<char> signal_stack(256U << 10U);
  llvm::CrashRecoveryContext recovery;
  const auto parse = [&] {
    set_signal_stack(signal_stack);
    invocation.run();
  };
  if (!recovery.RunSafelyOnThread(parse, stack_size)) {
    unit.parsed = false;
    unit.errors.push_back({{source, 0, 0}, "the parser failed"});
  }
  return unit;
}

}  // namespace redoubt::tool::port
