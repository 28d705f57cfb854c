// SPDX-License-Identifier: BSD-2-Clause-Patent
// UEFI variables through Linux's efivarfs: a file is four bytes of attributes, then the data. All of it goes through
// the firmware's runtime services and ends in MM.
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "abi/uefi/guid_text.hpp"
#include "checks.hpp"
#include "tests/guest/pei/variables_left.hpp"

namespace redoubt::tests::linux_guest {
namespace {

using Bytes = std::vector<std::uint8_t>;

const std::string folder = "/sys/firmware/efi/efivars";
const std::string vendor = "-6f2c9a51-3d0e-4b7a-9f44-1c8f5e2d7a60";  // of these tests

// UEFI specification 2.10, 8.2.1.
constexpr std::uint32_t non_volatile = 1;
constexpr std::uint32_t boot_service_access = 2;
constexpr std::uint32_t runtime_access = 4;
constexpr std::uint32_t append_write = 0x40;
constexpr std::uint32_t usual = non_volatile | boot_service_access | runtime_access;

std::string file_of(const std::string& name) { return folder + "/" + name + vendor; }

std::string errno_text(const std::string& what) { return what + ": " + std::strerror(errno); }

Bytes pattern(std::size_t size, unsigned seed) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * 31 + std::size_t{seed} * 17 + 5);
  }
  return bytes;
}

// Linux marks unknown variables immutable, against a careless rm.
void make_mutable(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY);
  int flags = 0;
  if (file >= 0 && ioctl(file, FS_IOC_GETFLAGS, &flags) == 0) {
    flags &= ~FS_IMMUTABLE_FL;
    ioctl(file, FS_IOC_SETFLAGS, &flags);
  }
  close(file);
}

// 0, or errno.
int write_variable(const std::string& name, std::uint32_t attributes, std::span<const std::uint8_t> data) {
  const std::string path = file_of(name);
  make_mutable(path);
  Bytes content(sizeof(attributes) + data.size());
  std::memcpy(content.data(), &attributes, sizeof(attributes));
  std::ranges::copy(data, content.begin() + sizeof(attributes));
  const int file = open(path.c_str(), O_WRONLY | O_CREAT, 0644);
  if (file < 0) {
    return errno;
  }
  const ssize_t written = write(file, content.data(), content.size());
  const int error = written == static_cast<ssize_t>(content.size()) ? 0 : (written < 0 ? errno : EIO);
  close(file);
  return error;
}

// The file of a variable that the test PEIM left.
std::string file_of(std::u16string_view name) {
  std::string text(name.begin(), name.end());
  const abi::GuidText vendor_text = abi::to_text(guest_pei::vendor);
  return folder + "/" + text + "-" + std::string(vendor_text.view());
}

// Attributes and data as they lie in the file; empty when there is none.
Bytes read_file(const std::string& path) {
  Bytes content;
  const int file = open(path.c_str(), O_RDONLY);
  if (file < 0) {
    return content;
  }
  std::array<std::uint8_t, 4096> buffer{};
  ssize_t count = 0;
  while ((count = read(file, buffer.data(), buffer.size())) > 0) {
    content.insert(content.end(), buffer.begin(), buffer.begin() + count);
  }
  close(file);
  return content;
}

Bytes read_variable(const std::string& name) { return read_file(file_of(name)); }

int delete_variable(const std::string& name) {
  const std::string path = file_of(name);
  make_mutable(path);
  return unlink(path.c_str()) == 0 ? 0 : errno;
}

bool exists(const std::string& name) { return access(file_of(name).c_str(), F_OK) == 0; }

std::string expect_content(const std::string& name, std::span<const std::uint8_t> data, const std::string& when) {
  const Bytes content = read_variable(name);
  std::uint32_t attributes = 0;
  if (content.size() < sizeof(attributes)) {
    return when + ": " + std::to_string(content.size()) + " bytes to read";
  }
  std::memcpy(&attributes, content.data(), sizeof(attributes));
  if (attributes != usual) {
    return when + ": attributes " + std::to_string(attributes);
  }
  if (!std::ranges::equal(std::span(content).subspan(sizeof(attributes)), data)) {
    return when + ": other data (" + std::to_string(content.size() - sizeof(attributes)) + " bytes)";
  }
  return {};
}

std::string write_and_check(const std::string& name, std::span<const std::uint8_t> data, const std::string& when) {
  if (const int error = write_variable(name, usual, data); error != 0) {
    return when + ": " + std::strerror(error);
  }
  return expect_content(name, data, when);
}

std::string exercise(const std::string& name, unsigned seed) {
  if (exists(name)) {
    delete_variable(name);
  }
  std::string problem = write_and_check(name, pattern(64, seed), "create");
  if (problem.empty()) {
    problem = write_and_check(name, pattern(64, seed + 1), "overwrite, same size");
  }
  if (problem.empty()) {
    problem = write_and_check(name, pattern(100, seed + 2), "overwrite, larger");
  }
  if (problem.empty()) {
    problem = write_and_check(name, pattern(17, seed + 3), "overwrite, smaller");
  }
  if (problem.empty()) {
    Bytes both = pattern(17, seed + 3);
    const Bytes more = pattern(40, seed + 4);
    if (const int error = write_variable(name, usual | append_write, more); error != 0) {
      return std::string("append: ") + std::strerror(error);
    }
    both.insert(both.end(), more.begin(), more.end());
    problem = expect_content(name, both, "append");
  }
  if (problem.empty()) {
    if (const int error = delete_variable(name); error != 0) {
      return std::string("delete: ") + std::strerror(error);
    }
    if (exists(name)) {
      return "still there after it was deleted";
    }
  }
  return problem;
}

std::string set_online(unsigned cpu, bool online) {
  const std::string path = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/online";
  std::ofstream file(path);
  file << (online ? '1' : '0') << std::flush;
  return file ? std::string() : errno_text(path);
}

// The names in efivarfs after it was mounted anew: Linux then asks the firmware for all of them.
bool enumerated_anew(const std::string& name, std::string& problem) {
  if (umount(folder.c_str()) != 0 || mount("efivarfs", folder.c_str(), "efivarfs", 0, nullptr) != 0) {
    problem = errno_text("mount efivarfs");
    return false;
  }
  return exists(name);
}

}  // namespace

std::string check_variables(unsigned cpu) {
  if (!run_on(cpu)) {
    return errno_text("can't run there");
  }
  return exercise("RedoubtCpu" + std::to_string(cpu), cpu);
}

std::string check_variables_at_once(unsigned cpus, unsigned rounds) {
  return at_once(cpus, "at-once", [rounds](unsigned cpu) {
    std::string problem;
    for (unsigned round = 0; round < rounds && problem.empty(); ++round) {
      problem = exercise("RedoubtAtOnce" + std::to_string(cpu), cpu + round);
    }
    return problem;
  });
}

std::string check_variable_limits() {
  const std::string name = "RedoubtLimits";
  std::string problem = write_and_check(name, pattern(1024, 1), "1024 bytes");
  if (problem.empty()) {
    problem = write_and_check(name, pattern(8192, 2), "8192 bytes");
  }
  if (!problem.empty()) {
    return problem;
  }
  if (write_variable(name, usual, pattern(std::size_t{128} * 1024, 3)) == 0) {
    return "128 KiB were accepted";
  }
  problem = expect_content(name, pattern(8192, 2), "after a write that was too large");
  if (!problem.empty()) {
    return problem;
  }
  // After ExitBootServices only non-volatile variables can be made (UEFI 2.10, 8.2.3).
  if (write_variable("RedoubtVolatile", boot_service_access | runtime_access, pattern(8, 4)) == 0) {
    return "a volatile variable was made at runtime";
  }
  if (write_variable(name, non_volatile | boot_service_access, pattern(8, 5)) == 0) {
    return "a variable lost its runtime access";
  }
  problem = expect_content(name, pattern(8192, 2), "after attributes that were refused");
  if (problem.empty() && delete_variable(name) != 0) {
    return "can't be deleted";
  }
  return problem;
}

std::string check_enumeration() {
  const std::string name = "RedoubtEnumerated";
  std::string problem = write_and_check(name, pattern(32, 1), "create");
  if (!problem.empty()) {
    return problem;
  }
  if (!enumerated_anew(name, problem)) {
    return problem.empty() ? "not among the names after it was made" : problem;
  }
  problem = expect_content(name, pattern(32, 1), "after enumeration");
  if (problem.empty() && delete_variable(name) != 0) {
    problem = "can't be deleted";
  }
  if (problem.empty() && enumerated_anew(name, problem)) {
    problem = "still among the names after it was deleted";
  }
  return problem;
}

std::string check_hotplug(unsigned cpus) {
  for (unsigned cpu = 1; cpu < cpus; ++cpu) {
    std::string problem = set_online(cpu, false);
    if (problem.empty()) {
      problem = check_variables(0);
    }
    if (problem.empty()) {
      problem = set_online(cpu, true);
    }
    if (problem.empty()) {
      problem = check_variables(cpu);
    }
    if (!problem.empty()) {
      return "cpu" + std::to_string(cpu) + ": " + problem;
    }
  }
  run_on(0);
  return {};
}

bool pei_left_variables() { return access(file_of(u"PeiKept").c_str(), F_OK) == 0; }

std::string check_variables_of_pei() {
  for (const guest_pei::VariableLeft& variable : guest_pei::variables_left) {
    const std::string path = file_of(variable.name);
    const bool visible = (variable.attributes & runtime_access) != 0;
    const Bytes content = read_file(path);
    if (!visible && content.empty()) {
      continue;
    }
    Bytes expected(sizeof(variable.attributes) + variable.size);
    std::memcpy(expected.data(), &variable.attributes, sizeof(variable.attributes));
    for (std::uint32_t i = 0; i < variable.size; ++i) {
      expected[sizeof(variable.attributes) + i] = guest_pei::byte_of(variable.seed, i);
    }
    if (!visible || content != expected) {
      return path + ": other content (" + std::to_string(content.size()) + " bytes)";
    }
  }
  return access(file_of(guest_pei::deleted_name).c_str(), F_OK) == 0 ? "a deleted variable is there" : "";
}

std::string count_boot(unsigned& boots) {
  const std::string name = "RedoubtBoots";
  boots = 0;
  if (exists(name)) {
    const Bytes content = read_variable(name);
    if (content.size() != sizeof(std::uint32_t) + sizeof(boots)) {
      return "the variable from the previous boot has " + std::to_string(content.size()) + " bytes";
    }
    std::memcpy(&boots, content.data() + sizeof(std::uint32_t), sizeof(boots));
  }
  ++boots;
  Bytes data(sizeof(boots));
  std::memcpy(data.data(), &boots, sizeof(boots));
  return write_and_check(name, data, "count");
}

namespace {

constexpr unsigned standing = 60;
constexpr unsigned replaced_every = 10;

std::string standing_name(unsigned index) { return "RedoubtStanding" + std::to_string(index); }
Bytes standing_data(unsigned index) { return pattern(20 + index * 13, index); }

std::string check_standing(const std::string& when) {
  for (unsigned index = 0; index < standing; ++index) {
    const std::string name = standing_name(index);
    std::string what = when;
    what.append(": ").append(name);
    if (const std::string problem = expect_content(name, standing_data(index), what); !problem.empty()) {
      return problem;
    }
  }
  return {};
}

// What the replaced variable holds after cycle `cycle`.
Bytes replaced_data(unsigned cycle) { return pattern(100, cycle / replaced_every); }

}  // namespace

std::string check_cycles(unsigned cycles) {
  const std::string name = "RedoubtCycle";
  const std::string replaced = "RedoubtReplaced";
  for (unsigned index = 0; index < standing; ++index) {
    if (const int error = write_variable(standing_name(index), usual, standing_data(index)); error != 0) {
      return standing_name(index) + ": " + std::strerror(error);
    }
  }
  for (unsigned cycle = 0; cycle < cycles; ++cycle) {
    const std::string when = "cycle " + std::to_string(cycle);
    std::string problem = write_and_check(name, pattern(50 + cycle % 200, cycle), when);
    if (problem.empty() && cycle % replaced_every == 0) {
      problem = write_and_check(replaced, replaced_data(cycle), when + ", replaced");
    }
    if (!problem.empty()) {
      return problem;
    }
    if (const int error = delete_variable(name); error != 0) {
      return when + ", delete: " + std::strerror(error);
    }
    if (cycle % 500 == 0) {
      problem = check_standing(when);
    }
    if (!problem.empty()) {
      return problem;
    }
  }
  return check_after_cycles(cycles);
}

std::string check_after_cycles(unsigned cycles) {
  std::string problem;
  if (enumerated_anew("RedoubtCycle", problem) || !problem.empty()) {
    return problem.empty() ? "the deleted variable is there" : problem;
  }
  problem = expect_content("RedoubtReplaced", replaced_data(cycles - 1), "the replaced variable");
  return problem.empty() ? check_standing("at the end") : problem;
}

}  // namespace redoubt::tests::linux_guest
