// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/variables/store_file.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <format>
#include <optional>

#include "drivers/variable/defined_variables.hpp"
#include "drivers/variable/variable_services.hpp"
#include "tool/files.hpp"
#include "tool/variables/content.hpp"
#include "tool/variables/file_flash.hpp"
#include "tool/variables/text.hpp"

namespace redoubt::tool::variables {

namespace {

namespace attribute = variable::attribute;
namespace format = variable::format;
namespace status = abi::status;
using abi::EfiStatus;
using variable::FindingId;
using variable::FlashStore;
using variable::VariableId;
using variable::VariableServices;

class HeapAllocator final : public Allocator {
 public:
  void* allocate(std::size_t size) override { return std::malloc(size); }
  void release(void* memory) override { std::free(memory); }
};

// The driver on a file's window, as after a reset.
struct Driver {
  Driver(MutableBytes window, const VolumePlace& place)
      : flash(window, place.layout.block_size), services(allocator, flash, place.layout, variable::Limits{}) {}

  HeapAllocator allocator;
  FileFlash flash;
  VariableServices services;
};

// Its store alone, without the rules of UEFI.
struct Store {
  Store(MutableBytes window, const VolumePlace& place)
      : flash(window, place.layout.block_size), table(allocator), records(allocator, flash, table, place.layout) {}

  HeapAllocator allocator;
  FileFlash flash;
  variable::VariableTable table;
  FlashStore records;
};

bool reads_one(const VariableServices& services, const VariableId& id) {
  std::uint32_t attributes = 0;
  std::byte value{};
  std::uint64_t size = sizeof(value);
  return services.get(id, attributes, size, &value) == status::success && value == std::byte{1};
}

SecureBootState secure_boot_state(const VariableServices& services) {
  return {.setup_mode = reads_one(services, variable::setup_mode),
          .deployed_mode = reads_one(services, variable::deployed_mode),
          .secure_boot = reads_one(services, variable::secure_boot),
          .vendor_keys = reads_one(services, variable::vendor_keys),
          .keys_in_front = services.has_keys_of_closed_store()};
}

std::unexpected<CommandError> cannot_open(const std::string& file, std::uint64_t offset, Error error) {
  return bad_input(file, std::format("the variable store cannot be opened: {}", to_string(error)), offset);
}

// The header of a variable volume, if one starts there.
std::optional<format::VolumeHeader> volume_at(Bytes bytes, std::uint64_t offset) {
  const auto volume = read_at<format::VolumeHeader>(bytes, offset);
  if (!volume.has_value() || volume->fixed.signature != abi::firmware_volume_signature ||
      volume->fixed.file_system != abi::system_nv_data_guid) {
    return std::nullopt;
  }
  return *volume;
}

// Why no layout can be told from the headers at `offset`.
std::unexpected<CommandError> cannot_use(const std::string& file, Bytes bytes, std::uint64_t offset,
                                         const format::VolumeHeader& volume, Error error) {
  const std::uint64_t store_offset = offset + volume.fixed.header_length;
  const auto store = read_at<format::StoreHeader>(bytes, store_offset);
  if (store.has_value() && store->signature == format::plain_store_guid) {
    return bad_input(file, "the variable store has records without authentication, a format that isn't supported",
                     store_offset);
  }
  if (volume.fixed.length > bytes.size() - offset) {
    return bad_input(file,
                     std::format("the variable volume is {:#x} bytes long, and the file ends after {:#x} of them",
                                 volume.fixed.length, bytes.size() - offset),
                     offset);
  }
  if (error == Error::malformed) {
    return bad_input(file, "the headers of the variable volume and store are damaged", offset);
  }
  return bad_input(
      file,
      std::format("the variable volume has {:#x} bytes, blocks of {:#x} and a store of {:#x}, which leave "
                  "no place for fault-tolerant writes",
                  volume.fixed.length, volume.map[0].length, store.has_value() ? store->size : std::uint32_t{0}),
      offset);
}

// Volumes whose headers don't say where things are: of a size that is known, and with variables in them.
std::vector<VolumePlace> find_damaged_volumes(Bytes bytes) {
  std::vector<VolumePlace> places;
  const auto look_at = [&](std::uint64_t offset, std::uint64_t size) {
    const auto layout = variable::layout_of_size(size);
    if (!layout.has_value() || size > bytes.size() - offset) {
      return;
    }
    const auto damage = find_damage(bytes, {offset, *layout});
    if (damage.has_value() && damage->id != FindingId::store_without_authentication && !damage->out_of_reach.empty()) {
      places.push_back({offset, *layout});
    }
  };
  for (std::uint64_t offset = 0; offset < bytes.size(); offset += variable::volume_alignment) {
    if (const auto volume = volume_at(bytes, offset); volume.has_value()) {
      look_at(offset, volume->fixed.length);
    }
  }
  if (places.empty()) {
    look_at(0, bytes.size());
  }
  return places;
}

std::string quoted(std::u16string_view name) { return std::format("'{}'", to_utf8(name)); }

}  // namespace

Result<std::vector<VolumePlace>, CommandError> find_volumes(const std::string& file, Bytes bytes) {
  std::vector<VolumePlace> places;
  // Also finds a volume at the file's start whose headers an interrupted write has erased.
  if (const auto layout = variable::find_layout(bytes); layout.has_value()) {
    places.push_back({0, *layout});
  }
  std::optional<std::unexpected<CommandError>> reason;
  for (std::uint64_t offset = 0; offset < bytes.size(); offset += variable::volume_alignment) {
    const auto volume = volume_at(bytes, offset);
    if (!volume.has_value()) {
      continue;
    }
    const auto layout = variable::find_layout(bytes.subspan(offset));
    if (layout.has_value() && offset != 0) {
      places.push_back({offset, *layout});
    } else if (!layout.has_value() && !reason.has_value()) {
      reason = cannot_use(file, bytes, offset, *volume, layout.error());
    }
  }
  if (places.empty()) {
    places = find_damaged_volumes(bytes);
  }
  if (!places.empty()) {
    return places;
  }
  if (reason.has_value()) {
    return *reason;
  }
  constexpr std::string_view qcow2 = "QFI\xFB";
  if (bytes.size() >= qcow2.size() && std::memcmp(bytes.data(), qcow2.data(), qcow2.size()) == 0) {
    return bad_input(file, "is a qcow2 image; 'qemu-img convert -O raw' makes a flash image of it");
  }
  return bad_input(file, "no variable volume in it");
}

Result<StoreFile, CommandError> StoreFile::open(const std::string& path) {
  const std::vector<std::byte> bytes = TRY(read_file(path));
  std::optional<StoreFile> damaged;
  std::optional<CommandError> reason;
  for (const VolumePlace& place : TRY(find_volumes(path, bytes))) {
    StoreFile file(path, bytes, place);
    const Result<void, CommandError> loaded = file.load();
    if (loaded.has_value() && file.damage() == nullptr) {
      return file;
    }
    if (loaded.has_value() && !damaged.has_value()) {
      damaged = std::move(file);
    }
    if (!loaded.has_value() && !reason.has_value()) {
      reason = loaded.error();
    }
  }
  if (damaged.has_value()) {
    return std::move(*damaged);
  }
  return std::unexpected(*reason);
}

Result<void, CommandError> StoreFile::load() {
  {
    Driver driver(window(), place_);
    // Recovery, if power failed before, happens here; the store below finds nothing left to do.
    const Result<void> started = driver.services.start();
    damage_ = !started.has_value() && started.error() == Error::malformed ? find_damage(bytes_, place_) : std::nullopt;
    if (!started.has_value() && !damage_.has_value()) {
      return cannot_open(path_, place_.offset, started.error());
    }
    secure_boot_ = secure_boot_state(driver.services);
  }
  if (damage_.has_value()) {
    variables_ = damage_->in_reach;
    return {};
  }
  Store store(window(), place_);
  if (const Result<void> opened = store.records.open(); !opened.has_value()) {
    return cannot_open(path_, place_.offset, opened.error());
  }
  capacity_ = store.records.capacity();
  used_ = store.records.used();
  variables_.clear();
  for (const variable::Variable* found = store.table.first(); found != nullptr; found = store.table.after(*found)) {
    StoredVariable& copy = variables_.emplace_back();
    copy.vendor = found->vendor();
    copy.name = units_of(found->name_bytes());
    copy.attributes = found->attributes;
    copy.offset = place_.offset + found->record;
    copy.time_stamp = found->time_stamp;
    copy.data.assign(found->data().begin(), found->data().end());
  }
  return {};
}

const StoredVariable* StoreFile::find(const VariableId& id) const {
  const auto found = std::ranges::find_if(variables_, [&id](const StoredVariable& candidate) {
    return candidate.vendor == id.vendor && candidate.name == id.name;
  });
  return found != variables_.end() ? &*found : nullptr;
}

Result<std::optional<RepairReport>, CommandError> StoreFile::repair() {
  if (!damage_.has_value()) {
    return std::nullopt;
  }
  RepairReport report{.damage = *damage_, .saved = {}, .superseded = {}, .dropped = {}};
  if (report.damage.id == FindingId::store_without_authentication) {
    return bad_input(path_, "the variable store has records without authentication, a format that isn't supported",
                     report.damage.offset);
  }
  {
    Driver driver(window(), place_);
    if (const Result<void> started = driver.services.start(variable::Repair::yes); !started.has_value()) {
      return failure(path_, std::format("the variable store can't be repaired: {}", to_string(started.error())));
    }
  }
  TRY(load());
  if (damage_.has_value()) {
    return failure(path_, std::format("the variable store can't be repaired: {}", to_string(damage_->id)));
  }
  for (const StoredVariable& was : report.damage.in_reach) {
    if (find(was.id()) == nullptr) {
      report.dropped.push_back(was);
    }
  }
  for (const StoredVariable& was : report.damage.out_of_reach) {
    const StoredVariable* is = find(was.id());
    const bool is_same = is != nullptr && is->attributes == was.attributes && is->data == was.data;
    (is == nullptr ? report.dropped : is_same ? report.saved : report.superseded).push_back(was);
  }
  return report;
}

// Why the driver refused, in the words of the rule that it followed.
std::unexpected<CommandError> StoreFile::refused(EfiStatus status, const VariableId& id, std::uint32_t attributes,
                                                 Bytes data) const {
  const StoredVariable* old = find(id);
  const std::string name = quoted(id.name);
  const std::uint64_t size = sizeof(format::RecordHeader) + std::uint64_t{id.name_size()} + data.size();
  const std::uint32_t limit = variable::Limits{}.max_variable_size;
  if (status == status::out_of_resources) {
    return failure(path_,
                   std::format("{} doesn't fit: {} bytes are needed, {} of {} are free", name,
                               FlashStore::record_size(id.name_size(), data.size()), capacity_ - used_, capacity_));
  }
  if (status == status::not_found) {
    return failure(path_, std::format("{} isn't in it", name));
  }
  if (status == status::security_violation || status == status::unsupported ||
      (status == status::write_protected && old != nullptr &&
       (old->attributes & attribute::time_based_authenticated_write) != 0)) {
    const bool deletes = attributes == 0;
    return bad_input(path_, std::format("{} is authenticated, and {} (--owner {} without a signature)", name,
                                        deletes ? "can't be deleted without an update that is signed for that"
                                                : "the data isn't an update that is signed as it must be",
                                        deletes ? "deletes" : "writes"));
  }
  if (status == status::write_protected) {
    return bad_input(path_, std::format("{} can be written by firmware alone", name));
  }
  if (status == status::invalid_parameter && size > limit) {
    return bad_input(path_, std::format("{} with its data takes {} bytes, more than the {} that a variable may take",
                                        name, size, limit));
  }
  if (status == status::invalid_parameter && old != nullptr && attributes != 0 &&
      (attributes & ~attribute::append_write) != old->attributes) {
    return bad_input(path_, std::format("{} has the attributes {}, which can't change to {} (delete it first)", name,
                                        attributes_text(old->attributes), attributes_text(attributes)));
  }
  if (status == status::invalid_parameter) {
    return bad_input(path_, std::format("{} can't have the attributes {} and {} bytes of data by UEFI's rules", name,
                                        attributes_text(attributes), data.size()));
  }
  return failure(path_, std::format("{} wasn't changed: status {:#x}", name, status));
}

Result<void, CommandError> StoreFile::set(const VariableId& id, std::uint32_t attributes, Bytes data,
                                          Authority authority) {
  if ((attributes & attribute::non_volatile) == 0) {
    return bad_input(path_, std::format("{}: variables in a file have the attribute NV", quoted(id.name)));
  }
  if (authority == Authority::owner) {
    TRY(write_as_owner(id, attributes, data));
    return load();
  }
  {
    Driver driver(window(), place_);
    if (const Result<void> started = driver.services.start(); !started.has_value()) {
      return cannot_open(path_, place_.offset, started.error());
    }
    driver.services.end_of_dxe();  // from here on the rules for the variables that UEFI defines hold
    const EfiStatus result = driver.services.set(variable::Requester::mm_driver, id, attributes, data);
    if (status::is_error(result)) {
      return refused(result, id, attributes, data);
    }
  }
  return load();
}

Result<void, CommandError> StoreFile::write_as_owner(const VariableId& id, std::uint32_t attributes, Bytes data) {
  if (is_signature_database(id)) {
    if (!parse_signatures(data).has_value()) {
      return bad_input(path_, std::format("{} must hold signature lists, which the data isn't", quoted(id.name)));
    }
    if ((attributes & ~attribute::append_write) != attribute::nv_bs_rt_at) {
      return bad_input(path_, std::format("{} must have the attributes NV+BS+RT+AT", quoted(id.name)));
    }
  }
  const StoredVariable* old = find(id);
  if (old == nullptr && (attributes & attribute::time_based_authenticated_write) != 0 &&
      !variable::needs_authentication(id)) {
    return bad_input(path_, std::format("{}: only a signed update makes an authenticated variable of one's own, since "
                                        "firmware keeps who signed it",
                                        quoted(id.name)));
  }
  std::vector<std::byte> content(data.begin(), data.end());
  if (old != nullptr && (attributes & attribute::append_write) != 0) {
    content.insert(content.begin(), old->data.begin(), old->data.end());
  }
  const std::uint32_t kept = attributes & ~attribute::append_write;
  const std::uint64_t size = sizeof(format::RecordHeader) + std::uint64_t{id.name_size()} + content.size();
  if (size > variable::Limits{}.max_variable_size || content.empty() || id.name.empty()) {
    return refused(status::invalid_parameter, id, kept, content);
  }
  Store store(window(), place_);
  if (const Result<void> opened = store.records.open(); !opened.has_value()) {
    return cannot_open(path_, place_.offset, opened.error());
  }
  variable::Variable* present = store.table.find(id);
  // The next signed update must be later than the one before this, whatever wrote this.
  const abi::Time time_stamp = present != nullptr ? present->time_stamp : abi::Time{};
  const Result<void> written = store.records.write(id, kept, time_stamp, content, present);
  return written.has_value() ? Result<void, CommandError>{}
                             : refused(variable::to_status(written.error()), id, kept, content);
}

Result<void, CommandError> StoreFile::remove(const VariableId& id, Authority authority) {
  if (authority == Authority::driver) {
    Driver driver(window(), place_);
    if (const Result<void> started = driver.services.start(); !started.has_value()) {
      return cannot_open(path_, place_.offset, started.error());
    }
    const EfiStatus result = driver.services.set(variable::Requester::mm_driver, id, 0, {});
    if (status::is_error(result)) {
      return refused(result, id, 0, {});
    }
  } else {
    Store store(window(), place_);
    if (const Result<void> opened = store.records.open(); !opened.has_value()) {
      return cannot_open(path_, place_.offset, opened.error());
    }
    variable::Variable* found = store.table.find(id);
    if (found == nullptr) {
      return refused(status::not_found, id, 0, {});
    }
    if (const Result<void> removed = store.records.remove(*found); !removed.has_value()) {
      return refused(variable::to_status(removed.error()), id, 0, {});
    }
  }
  return load();
}

Result<void, CommandError> StoreFile::save(const std::string& output) const {
  std::error_code ignored;
  if (output.empty() || std::filesystem::equivalent(output, path_, ignored)) {
    return replace_file(path_, bytes_);
  }
  return write_file(output, bytes_);
}

}  // namespace redoubt::tool::variables
