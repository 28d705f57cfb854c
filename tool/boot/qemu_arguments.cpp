// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/boot/qemu_arguments.hpp"

#include <algorithm>
#include <format>
#include <iterator>
#include <ranges>

#include "tool/boot/witness.hpp"

namespace redoubt::tool::boot {

std::string quoted(const std::filesystem::path& path) {
  std::string result;
  for (const char character : path.string()) {
    result.append(character == ',' ? 2 : 1, character);
  }
  return result;
}

bool may_have_svm(std::string_view cpu_model) {
  // Later words of a model win over earlier ones; -WORD and WORD=off win over both in QEMU's order.
  bool refused = false;
  for (const auto part : std::views::split(cpu_model, ',')) {
    const std::string_view word(part.begin(), part.end());
    refused = refused || word == "-svm" || word == "svm=off";
  }
  constexpr std::string_view intel_models[] = {"Nehalem",        "Westmere", "SandyBridge", "IvyBridge",  "Haswell",
                                               "Broadwell",      "Skylake",  "Cascadelake", "Cooperlake", "Icelake",
                                               "SapphireRapids", "Conroe",   "Penryn",      "Denverton",  "Snowridge",
                                               "core2duo",       "coreduo",  "kvm64",       "n270",       "pentium"};
  return !refused && std::ranges::none_of(intel_models,
                                          [cpu_model](std::string_view model) { return cpu_model.starts_with(model); });
}

namespace {

std::string launch_words(const MachineOptions& options) {
  std::string words;
  const auto add = [&words](const std::string& word) { words += (words.empty() ? "" : " ") + word; };
  if (options.trace) {
    add("trace");
  }
  if (options.observe_always) {
    add("observe=always");
  }
  if (options.repair_variables) {
    add("repair-variables");
  }
  if (!options.log_level.empty()) {
    add("log=" + options.log_level);
  }
  return words;
}

std::string socket(std::string_view name, int descriptor) {
  return std::format("socket,id={},fd={}", name, descriptor);
}

// The machine and its flash, without what isn't asked for.
std::vector<std::string> machine_arguments(const MachineOptions& options, const std::filesystem::path& variables) {
  return {
      std::string(qemu_program),
      "-machine",
      "q35,smm=on",
      "-accel",
      options.single_thread ? "tcg,thread=single" : "tcg",
      "-cpu",
      options.cpu_model,
      "-m",
      std::to_string(options.memory_mib),
      "-smp",
      std::to_string(options.cpus),
      "-nodefaults",
      "-display",
      "none",
      "-no-user-config",
      // Without this, flash can be written from outside SMM and the variable store protects nothing.
      "-global",
      "driver=cfi.pflash01,property=secure,value=on",
      "-global",
      options.s3 ? "ICH9-LPC.disable_s3=0" : "ICH9-LPC.disable_s3=1",
      "-drive",
      std::format("if=pflash,format=raw,unit=0,readonly=on,file={}", quoted(options.image)),
      "-drive",
      std::format("if=pflash,format=raw,unit=1,file={}", quoted(variables)),
  };
}

// Its consoles, QEMU's monitor and QEMU's trace.
std::vector<std::string> channel_arguments(const ChannelDescriptors& channels) {
  return {
      "-chardev", socket("serial", channels.serial),
      "-serial",  "chardev:serial",
      "-chardev", socket("debug", channels.debug),
      "-device",  "isa-debugcon,iobase=0x402,chardev=debug",
      "-chardev", socket("qmp", channels.qmp),
      "-mon",     "chardev=qmp,mode=control",
      "-D",       std::format("/proc/self/fd/{}", channels.trace),
  };
}

}  // namespace

std::vector<std::string> command_line(const MachineOptions& options, const ChannelDescriptors& channels,
                                      const std::filesystem::path& variables,
                                      const std::filesystem::path& application_folder) {
  std::vector<std::string> arguments = machine_arguments(options, variables);
  std::ranges::copy(channel_arguments(channels), std::back_inserter(arguments));
  for (const std::string_view event : witness_events) {
    arguments.insert(arguments.end(), {"-trace", std::string(event)});
  }
  if (!options.kernel.empty()) {
    arguments.insert(arguments.end(), {"-kernel", options.kernel.string(), "-append", options.kernel_arguments});
  }
  if (!options.initrd.empty()) {
    arguments.insert(arguments.end(), {"-initrd", options.initrd.string()});
  }
  if (!options.application.empty()) {
    arguments.insert(
        arguments.end(),
        {"-drive", std::format("if=none,id=application,format=raw,readonly=on,file=fat:{}", quoted(application_folder)),
         "-device", "virtio-blk-pci,drive=application,bootindex=0"});
  }
  if (options.gdb) {
    arguments.insert(arguments.end(), {"-chardev", socket("gdb", channels.gdb), "-gdb", "chardev:gdb"});
  }
  if (const std::string words = launch_words(options); !words.empty()) {
    arguments.insert(arguments.end(), {"-fw_cfg", "name=opt/org.redoubt/mm,string=" + words});
  }
  if (options.paused) {
    arguments.emplace_back("-S");
  }
  arguments.insert(arguments.end(), options.extra.begin(), options.extra.end());
  return arguments;
}

}  // namespace redoubt::tool::boot
