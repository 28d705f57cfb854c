// SPDX-License-Identifier: BSD-2-Clause-Patent
// A firmware image as an owned tree that can be changed and composed again. Nothing that wasn't changed is rebuilt:
// every node keeps the bytes it was read from, and composing copies them, so that an untouched image comes out
// identical and an edited one differs only where it was edited (a compressed section above an edit is compressed
// again).
//
// Positions are sacred: files never move, volumes never change size, since code runs in place and other firmware knows
// addresses. A removed file becomes a PAD file; a new one goes into free space or into the room of erased PAD files.
//
//   image > volume > file > section > (decoded sections | volume) > ...
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "image/edit/buffer.hpp"
#include "image/edit/compress.hpp"
#include "image/firmware_volume.hpp"

namespace redoubt::image::edit {

class Volume;

// What composing takes over as it is. rebuild_all is there to test the composer: it builds everything from its parts,
// except what stands compressed.
enum class Reuse : std::uint8_t { untouched_nodes, nothing_but_compressed };

class Section {
 public:
  // Never fails: contents that can't be taken apart stay closed.
  static Section parse(const SectionView& view, int depth);

  abi::SectionType type() const { return type_; }
  // As it was read, or composed last.
  Bytes bytes() const { return bytes_; }
  Bytes payload() const { return Bytes(bytes_).subspan(payload_position_); }
  bool compressed() const { return compression_.has_value(); }

  // The sections inside a GUIDed LZMA section; empty for others.
  std::vector<Section>& children() { return children_; }
  const std::vector<Section>& children() const { return children_; }
  // The volume of a firmware volume image section, else null.
  Volume* volume() { return volume_.get(); }
  const Volume* volume() const { return volume_.get(); }

  bool touched() const;
  // Brings bytes() up to date with the changes below this section.
  EditResult<void> compose(Reuse reuse);

 private:
  EditResult<void> set_payload(Bytes payload);

  abi::SectionType type_{};
  Buffer bytes_;
  std::size_t payload_position_ = 0;
  std::optional<LzmaParameters> compression_;
  std::vector<Section> children_;
  Buffer tail_;  // behind the last child: padding
  std::unique_ptr<Volume> volume_;
};

class File {
 public:
  static File parse(const FileView& view, int depth);

  const abi::Guid& name() const { return name_; }
  abi::FileType type() const { return type_; }
  std::size_t size() const { return bytes_.size(); }
  // As it was read, added, or composed last.
  Bytes bytes() const { return bytes_; }
  Bytes data() const { return Bytes(bytes_).subspan(header_size_); }
  std::size_t header_size() const { return header_size_; }
  std::vector<Section>& sections() { return sections_; }
  const std::vector<Section>& sections() const { return sections_; }
  // The first section of a type, looking through no encapsulation; null when there is none.
  const Section* find(abi::SectionType type) const;
  // The user interface section's text, in ASCII ('?' for the rest); empty without one.
  std::string user_interface_name() const;
  // A PAD file with nothing in it (all ones or all zeros), whose room can be used.
  bool is_erased_pad() const { return erased_pad_; }

  bool touched() const;
  // Brings bytes() up to date with the changes below this file.
  EditResult<void> compose(Reuse reuse);

 private:
  abi::Guid name_{};
  abi::FileType type_{};
  Buffer bytes_;
  std::size_t header_size_ = 0;
  bool erased_pad_ = false;
  std::vector<Section> sections_;
  Buffer tail_;  // behind the last section: padding
};

class Volume {
 public:
  // `depth` counts the volumes and compressed sections around this one; too many are left closed.
  static Volume parse(const FirmwareVolumeView& view, int depth = 0);

  struct Slot {
    std::size_t offset;  // from the start of the volume
    File file;
  };

  const std::optional<abi::Guid>& name() const { return name_; }
  std::size_t size() const { return bytes_.size(); }
  // False for a volume of an unknown file system or with damaged files: it's carried as it is.
  bool editable() const { return editable_; }
  const std::vector<Slot>& slots() const { return slots_; }
  std::vector<Slot>& slots() { return slots_; }
  const Slot* find(const abi::Guid& name) const;
  const Slot* find(abi::FileType type) const;

  // Free space behind the last file, in bytes, and the largest run of erased PAD files.
  std::size_t free_space() const { return bytes_.size() - files_end_; }
  std::size_t largest_pad() const;

  // Where `file` (a whole one, as assemble.hpp makes it) would go: offset from the start of the volume, which the
  // file's data alignment is counted from. Error::out_of_memory when there is no room.
  EditResult<std::size_t> find_room(Bytes file) const;
  // Puts it at an offset that find_room() gave for a file of the same size and attributes.
  EditResult<void> insert(Bytes file, std::size_t offset);
  // find_room() and insert(); the offset.
  EditResult<std::size_t> add(Bytes file);
  // Puts a PAD file in the place of the file at `offset` (Slot::offset). Error::not_found.
  EditResult<void> remove(std::size_t offset);
  // Puts `file` where the file at `offset` is. It may grow into the erased PAD files or free space right behind it;
  // what it doesn't fill becomes a PAD file or free space. Error::out_of_memory when it doesn't fit.
  EditResult<void> replace(std::size_t offset, Bytes file);

  bool touched() const;
  // Brings bytes() up to date with the changes inside files. A file that grew takes its room as with replace(); after a
  // refusal the volume is of no further use.
  EditResult<void> compose(Reuse reuse);
  Bytes bytes() const { return bytes_; }

 private:
  // A stretch that may be overwritten: erased PAD files in a row, or free space, or both.
  struct Room {
    std::size_t begin;
    std::size_t end;
    std::size_t first_slot;
    std::size_t slot_count;
    bool open;  // ends where the volume ends: what is left over is free space, not a PAD file
  };
  // The room that starts with `count` slots from `first` on and goes on over erased PAD files right behind them.
  Room room_from(std::size_t first, std::size_t count) const;
  std::vector<Room> rooms() const;
  static std::optional<std::size_t> fit(const Room& room, const FileView& file);
  std::size_t slot_end(const Slot& slot) const;
  EditResult<FileView> check_new_file(Bytes file) const;
  // The bytes of a file made for flash that reads as ones, for this volume's flash.
  Buffer in_own_polarity(Bytes file) const;
  // Overwrites a room: PAD file up to `offset`, `bytes`, PAD file or free space. `file` becomes the slot.
  void fill(const Room& room, std::size_t offset, Bytes bytes, File file);
  void append_pads(std::size_t begin, std::size_t end, std::vector<Slot>& slots);
  std::size_t index_of(std::size_t offset) const;

  Buffer bytes_;
  std::optional<abi::Guid> name_;
  FileSystem file_system_ = FileSystem::none;
  std::uint8_t erased_ = 0xFF;
  bool editable_ = false;
  bool touched_ = false;
  std::size_t files_end_ = 0;  // where free space begins
  std::vector<Slot> slots_;
};

class FirmwareImage {
 public:
  // Takes apart every volume found at a multiple of 8 bytes. Never fails: an image without volumes is bytes.
  static FirmwareImage parse(Bytes bytes);

  struct Root {
    std::size_t offset;
    Volume volume;
  };
  std::vector<Root>& roots() { return roots_; }
  const std::vector<Root>& roots() const { return roots_; }
  std::size_t size() const { return bytes_.size(); }

  // Every volume, outer ones before those they contain.
  void visit(const std::function<void(Volume&)>& visitor);

  // The whole image. After a refusal the tree is of no further use.
  EditResult<Buffer> compose(Reuse reuse = Reuse::untouched_nodes);

 private:
  Buffer bytes_;
  std::vector<Root> roots_;
};

}  // namespace redoubt::image::edit
