// SPDX-License-Identifier: BSD-2-Clause-Patent
// A variable store in a file, opened and changed by the variable driver's own code over the file's bytes. The file is
// read once and written once, by save(); opening completes what a power cut interrupted in memory only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "drivers/variable/store/layout.hpp"
#include "drivers/variable/store/variable.hpp"
#include "tool/command.hpp"

namespace redoubt::tool::variables {

// Where in a file the volume is that holds the variables.
struct VolumePlace {
  std::uint64_t offset = 0;
  variable::StoreLayout layout;
};

// The variable volumes that a flash image may have, the likeliest first; never none. `file` is for the error's text.
Result<std::vector<VolumePlace>, CommandError> find_volumes(const std::string& file, Bytes bytes);

struct StoredVariable {
  abi::Guid vendor{};
  std::u16string name;
  std::uint32_t attributes = 0;
  abi::Time time_stamp{};    // zero but for authenticated variables
  std::uint64_t offset = 0;  // of its record in the file
  std::vector<std::byte> data;

  variable::VariableId id() const { return {vendor, name}; }
};

// What the driver publishes about Secure Boot when it starts on this store.
struct SecureBootState {
  bool setup_mode = false;
  bool deployed_mode = false;
  bool secure_boot = false;
  bool vendor_keys = false;
};

// Whose rules hold for a change: the driver's for its callers, or none but the format's, since who owns the file
// can write any byte of it.
enum class Authority { driver, owner };

class StoreFile {
 public:
  static Result<StoreFile, CommandError> open(const std::string& path);

  const std::string& path() const { return path_; }
  const VolumePlace& place() const { return place_; }
  // In the order of GetNextVariableName.
  const std::vector<StoredVariable>& variables() const { return variables_; }
  const SecureBootState& secure_boot() const { return secure_boot_; }
  // Bytes for records: all there are, and those of variables.
  std::uint32_t capacity() const { return capacity_; }
  std::uint32_t used() const { return used_; }

  // Null when there is none.
  const StoredVariable* find(const variable::VariableId& id) const;

  // Each gives the reason, with the file's name, when nothing was changed.
  Result<void, CommandError> set(const variable::VariableId& id, std::uint32_t attributes, Bytes data,
                                 Authority authority);
  Result<void, CommandError> remove(const variable::VariableId& id, Authority authority);

  // Over the file itself (replace_file) if `output` is empty or names it, else to a new file.
  Result<void, CommandError> save(const std::string& output) const;

 private:
  StoreFile(std::string path, std::vector<std::byte> bytes, const VolumePlace& place)
      : path_(std::move(path)), bytes_(std::move(bytes)), place_(place) {}

  MutableBytes window() { return MutableBytes(bytes_).subspan(place_.offset, place_.layout.volume_size); }
  Result<void, CommandError> load();
  Result<void, CommandError> write_as_owner(const variable::VariableId& id, std::uint32_t attributes, Bytes data);
  std::unexpected<CommandError> refused(abi::EfiStatus status, const variable::VariableId& id, std::uint32_t attributes,
                                        Bytes data) const;

  std::string path_;
  std::vector<std::byte> bytes_;
  VolumePlace place_;
  std::vector<StoredVariable> variables_;
  SecureBootState secure_boot_;
  std::uint32_t capacity_ = 0;
  std::uint32_t used_ = 0;
};

}  // namespace redoubt::tool::variables
