// SPDX-License-Identifier: BSD-2-Clause-Patent
// Secure Boot's keys, written from Linux as efi-updatevar writes them: in Setup Mode, enrolled by the updates that
// efitools made (drivers/variable/testing/fixtures), and attacked by everybody without their keys. The machine
// is back in Setup Mode without keys afterwards.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "checks.hpp"

namespace redoubt::tests::linux_guest {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr char enrol_pk_file[] = {
#embed "../../drivers/variable/testing/fixtures/enrol_pk.auth"
};
constexpr char delete_pk_file[] = {
#embed "../../drivers/variable/testing/fixtures/delete_pk.auth"
};
constexpr char enrol_kek_file[] = {
#embed "../../drivers/variable/testing/fixtures/enrol_kek.auth"
};
constexpr char enrol_db_file[] = {
#embed "../../drivers/variable/testing/fixtures/enrol_db.auth"
};
constexpr char append_db_file[] = {
#embed "../../drivers/variable/testing/fixtures/append_db.auth"
};

template <std::size_t Size>
Bytes bytes_of(const char (&file)[Size]) {
  return Bytes(file, file + Size);
}
const Bytes enrol_pk = bytes_of(enrol_pk_file);
const Bytes delete_pk = bytes_of(delete_pk_file);
const Bytes enrol_kek = bytes_of(enrol_kek_file);
const Bytes enrol_db = bytes_of(enrol_db_file);
const Bytes append_db = bytes_of(append_db_file);

const std::string folder = "/sys/firmware/efi/efivars/";
const std::string global = "-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const std::string security = "-d719b2cb-3d3a-4596-a3bc-dad00e67656f";

// UEFI 2.10, 8.2.1: NV, BS, RT, time-based authentication.
constexpr std::uint32_t authenticated = 0x27;
constexpr std::uint32_t append_write = 0x40;

// A descriptor without a signature and without a value (8.2.6): deletes what needs no authority.
Bytes unsigned_deletion() {
  Bytes data(40);
  data[16] = 24;               // length of the certificate, which is its header
  data[20] = 0, data[21] = 2;  // revision
  data[22] = 0xF1, data[23] = 0x0E;
  return data;
}

int write_key(const std::string& name, std::span<const std::uint8_t> data, std::uint32_t attributes = authenticated) {
  const std::string path = folder + name;
  int flags = 0;
  if (const int present = open(path.c_str(), O_RDONLY); present >= 0) {
    if (ioctl(present, FS_IOC_GETFLAGS, &flags) == 0) {
      flags &= ~FS_IMMUTABLE_FL;
      ioctl(present, FS_IOC_SETFLAGS, &flags);
    }
    close(present);
  }
  Bytes content(sizeof(attributes) + data.size());
  std::memcpy(content.data(), &attributes, sizeof(attributes));
  std::memcpy(content.data() + sizeof(attributes), data.data(), data.size());
  const int file = open(path.c_str(), O_WRONLY | O_CREAT, 0644);
  if (file < 0) {
    return errno;
  }
  const ssize_t written = write(file, content.data(), content.size());
  const int error = written == static_cast<ssize_t>(content.size()) ? 0 : (written < 0 ? errno : EIO);
  close(file);
  return error;
}

Bytes read_key(const std::string& name) {
  std::ifstream file(folder + name, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)), {});
  return content.size() < 4 ? Bytes{} : Bytes(content.begin() + 4, content.end());
}

bool is_setup_mode() { return read_key("SetupMode" + global) == Bytes{1}; }

}  // namespace

bool has_no_platform_key() { return is_setup_mode(); }

std::string check_authenticated_variables() {
  const std::string pk = "PK" + global;
  const std::string kek = "KEK" + global;
  const std::string db = "db" + security;
  std::string problem;
  const auto expect = [&](const char* what, int error, int expected) {
    if (problem.empty() && error != expected) {
      problem = std::string(what) + ": " + std::strerror(error) + " instead of " + std::strerror(expected);
    }
  };
  const auto changed = [](std::span<const std::uint8_t> data, std::size_t offset) {
    Bytes copy(data.begin(), data.end());
    copy[offset] ^= 1;
    return copy;
  };
  expect("KEK in Setup Mode", write_key(kek, enrol_kek), 0);
  expect("PK that isn't signed by itself", write_key(pk, changed(enrol_pk, enrol_pk.size() - 1)), EACCES);
  expect("PK", write_key(pk, enrol_pk), 0);
  if (problem.empty() && is_setup_mode()) {
    problem = "still in Setup Mode";
  }
  expect("PK replayed", write_key(pk, enrol_pk), EACCES);
  expect("db", write_key(db, enrol_db), 0);
  if (const Bytes list = read_key(db);
      problem.empty() && (list.size() <= 44 || std::memcmp(list.data(), enrol_db.data() + enrol_db.size() - list.size(),
                                                           list.size()) != 0)) {
    problem = "db holds something else than was enrolled";
  }
  expect("db replayed", write_key(db, enrol_db), EACCES);
  expect("db signed for KEK", write_key(kek, enrol_db), EACCES);
  expect("db appended to", write_key(db, append_db, authenticated | append_write), 0);
  for (const std::size_t offset : {4U, 60U, 700U, 1100U}) {
    expect("db, one bit changed", write_key(db, changed(append_db, offset), authenticated | append_write), EACCES);
  }
  for (const std::size_t size : {39U, 40U, 41U, 600U, 1000U}) {
    expect("db cut short", write_key(db, std::span(append_db).first(size), authenticated | append_write), EACCES);
  }
  expect("db deleted without authority", write_key(db, unsigned_deletion()), EACCES);
  expect("PK deleted", write_key(pk, delete_pk), 0);
  if (problem.empty() && !is_setup_mode()) {
    problem = "not in Setup Mode again";
  }
  expect("db deleted in Setup Mode", write_key(db, unsigned_deletion()), 0);
  expect("KEK deleted in Setup Mode", write_key(kek, unsigned_deletion()), 0);
  if (problem.empty() && access((folder + db).c_str(), F_OK) == 0) {
    problem = "db is still there";
  }
  return problem;
}

}  // namespace redoubt::tests::linux_guest
