// SPDX-License-Identifier: BSD-2-Clause-Patent
// A variable store in a file, opened and changed by the variable driver's own code over the file's bytes. The file is
// read once and written once, by save(); opening completes what a power cut interrupted in memory only. A damaged
// store, which firmware keeps closed, can be looked at, and changed once it's repaired.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tool/command.hpp"
#include "tool/variables/damage.hpp"
#include "tool/variables/stored_variable.hpp"

namespace redoubt::tool::variables {

// The variable volumes that a flash image may have, the likeliest first; never none. One whose headers are damaged is
// recognised by its size and by variables that can be found in it. `file` is for the error's text.
Result<std::vector<VolumePlace>, CommandError> find_volumes(const std::string& file, Bytes bytes);

// What the driver publishes about Secure Boot when it starts on this store.
struct SecureBootState {
  bool setup_mode = false;
  bool deployed_mode = false;
  bool secure_boot = false;
  bool vendor_keys = false;
  bool keys_in_front = false;  // the store is damaged, and the keys in front of the damage are trusted; else none is
};

// What a repair made of a damaged store.
struct RepairReport {
  Damage damage;                           // as it was
  std::vector<StoredVariable> saved;       // were out of reach, and count now
  std::vector<StoredVariable> superseded;  // were out of reach, and another record of the same variable counts
  std::vector<StoredVariable> dropped;     // were found, and aren't in the store
};

// Whose rules hold for a change: the driver's for its callers, or none but the format's, since who owns the file
// can write any byte of it.
enum class Authority { driver, owner };

class StoreFile {
 public:
  static Result<StoreFile, CommandError> open(const std::string& path);

  const std::string& path() const { return path_; }
  const VolumePlace& place() const { return place_; }
  // What keeps the store closed; null for one that firmware opens.
  const Damage* damage() const { return damage_.has_value() ? &*damage_ : nullptr; }
  // In the order of GetNextVariableName; of a damaged store those in front of the damage.
  const std::vector<StoredVariable>& variables() const { return variables_; }
  const SecureBootState& secure_boot() const { return secure_boot_; }
  // Bytes for records: all there are, and those of variables. Not of a damaged store.
  std::uint32_t capacity() const { return capacity_; }
  std::uint32_t used() const { return used_; }

  // Null when there is none.
  const StoredVariable* find(const variable::VariableId& id) const;

  // Makes a damaged store a sound one with all variables that can be found. Nothing for one that isn't damaged.
  Result<std::optional<RepairReport>, CommandError> repair();

  // Each gives the reason, with the file's name, when nothing was changed. For stores without damage.
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
  std::optional<Damage> damage_;
  std::vector<StoredVariable> variables_;
  SecureBootState secure_boot_;
  std::uint32_t capacity_ = 0;
  std::uint32_t used_ = 0;
};

}  // namespace redoubt::tool::variables
