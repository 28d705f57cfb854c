// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a machine is to be, and QEMU's command line for it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::tool::boot {

inline constexpr std::string_view qemu_program = "qemu-system-x86_64";
// Without SVM: QEMU's emulation keeps the intercepts of an SVM guest that an SMI interrupts, so that who owns the
// machine gets control inside MM at the first of them (docs/boundary.md).
inline constexpr std::string_view default_cpu_model = "qemu64,+smep,+smap,+umip,-svm";
// Whether a machine of this model may have SVM: what isn't known to lack it may.
bool may_have_svm(std::string_view cpu_model);
inline constexpr std::string_view stock_variable_store = "/usr/share/OVMF/OVMF_VARS_4M.fd";
// no_timer_check: on a busy host an emulated timer interrupt may come too late for the kernel's test of its wiring.
inline constexpr std::string_view default_kernel_arguments = "console=ttyS0 loglevel=4 panic=-1 no_timer_check";

struct MachineOptions {
  std::filesystem::path image;
  // The variable store to write to; empty for a copy of the stock one that goes with the machine.
  std::filesystem::path variables;
  std::uint32_t memory_mib = 512;
  std::uint32_t cpus = 1;
  std::string cpu_model = std::string(default_cpu_model);
  bool s3 = false;  // offer suspend to RAM to the guest
  // All CPUs take turns in one thread of QEMU's. With a thread for each, QEMU 7.2 can go on executing a translation of
  // code that another CPU has changed meanwhile, which hangs Linux when it patches itself; and CPUs that wait in MM
  // take time from the one they wait for when the host has fewer cores.
  bool single_thread = false;
  std::filesystem::path kernel;
  std::filesystem::path initrd;
  std::string kernel_arguments = std::string(default_kernel_arguments);
  // A UEFI application that the firmware starts from a disk of its own, before the Shell.
  std::filesystem::path application;
  bool gdb = false;     // open the gdb stub
  bool paused = false;  // don't run until resumed through QMP or the gdb stub
  // Words for MM's launcher (launch/pei/launch_options.hpp): what it shows of itself.
  bool trace = false;
  bool observe_always = false;
  bool repair_variables = false;
  std::string log_level;
  std::vector<std::string> extra;     // further arguments for QEMU
  std::filesystem::path serial_file;  // raw copy of the serial console
  std::filesystem::path debug_file;   // raw copy of the debug console
};

// The descriptors that QEMU inherits for its side of each channel.
struct ChannelDescriptors {
  int serial = -1;
  int debug = -1;
  int qmp = -1;
  int trace = -1;
  int gdb = -1;
};

// QEMU's arguments, its own name first. `variables` and `application_folder` are what the machine prepared for the
// options of that name.
[[nodiscard]] std::vector<std::string> command_line(const MachineOptions& options, const ChannelDescriptors& channels,
                                                    const std::filesystem::path& variables,
                                                    const std::filesystem::path& application_folder);

// `path` as part of a QEMU option, in which a comma is written twice.
[[nodiscard]] std::string quoted(const std::filesystem::path& path);

}  // namespace redoubt::tool::boot
