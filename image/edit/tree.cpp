// SPDX-License-Identifier: BSD-2-Clause-Patent
// Parsing copies what the views of image/ have checked. Editing overwrites stretches of a volume's bytes; composing
// carries changes upwards, one level at a time.
#include "image/edit/tree.hpp"

#include <algorithm>
#include <format>

#include "image/edit/assemble.hpp"
#include "image/lzma.hpp"

namespace redoubt::image::edit {
namespace {

// Real images nest three or four levels deep.
constexpr int deepest = 12;
constexpr std::uint64_t largest_expansion = std::uint64_t{256} << 20;

bool all_erased(Bytes bytes, std::uint8_t erased) {
  return std::ranges::all_of(bytes, [&](std::byte byte) { return byte == std::byte{erased}; });
}

Buffer copy_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

// Parses sections that fill `bytes`; empty when one of them is damaged. `tail` gets what is behind the last one.
std::vector<Section> parse_sections(SectionCursor cursor, Bytes bytes, int depth, Buffer& tail) {
  std::vector<Section> sections;
  std::size_t end = 0;
  while (true) {
    const auto next = cursor.next();
    if (!next.has_value()) return {};
    if (!next->has_value()) break;
    const SectionView& view = **next;
    end = static_cast<std::size_t>(view.bytes().data() - bytes.data()) + view.bytes().size();
    sections.push_back(Section::parse(view, depth));
  }
  tail = copy_of(bytes.subspan(end));
  return sections;
}

EditResult<Buffer> compose_sections(std::vector<Section>& sections, Bytes tail, Reuse reuse) {
  bool touched = false;
  Buffer out;
  for (Section& section : sections) {
    touched |= section.touched();
    TRY(section.compose(reuse));
    pad_to(out, abi::section_alignment);
    append(out, section.bytes());
  }
  // Padding behind the last section may be of any size up to its alignment; keep it where it still means something.
  if (!touched) append(out, tail);
  return out;
}

}  // namespace

// ---- Section ----

Section Section::parse(const SectionView& view, int depth) {
  Section section;
  section.type_ = view.type();
  section.bytes_ = copy_of(view.bytes());
  section.payload_position_ = static_cast<std::size_t>(view.payload_offset() - view.offset());
  if (depth >= deepest) return section;
  const auto guided = view.guided();
  if (guided.has_value() && guided->definition == abi::section_lzma_guid) {
    const auto parameters = lzma_parameters(view.payload());
    if (!parameters.has_value()) return section;
    const auto decoded = lzma_expand(view.payload(), 0, largest_expansion);
    if (!decoded.has_value()) return section;
    section.children_ = parse_sections(SectionCursor(*decoded, 0), *decoded, depth + 1, section.tail_);
    if (!section.children_.empty()) section.compression_ = *parameters;
  } else if (view.type() == abi::SectionType::firmware_volume_image) {
    const auto volume = FirmwareVolumeView::create(view.payload());
    // A volume that doesn't fill its section isn't understood; leave it closed.
    if (volume.has_value() && volume->bytes().size() == view.payload().size())
      section.volume_ = std::make_unique<Volume>(Volume::parse(*volume, depth + 1));
  }
  return section;
}

bool Section::touched() const {
  if (volume_) return volume_->touched();
  return std::ranges::any_of(children_, &Section::touched);
}

EditResult<void> Section::compose(Reuse reuse) {
  if (compression_.has_value()) {
    if (!touched()) return {};
    const Buffer data = TRY(compose_sections(children_, tail_, reuse));
    auto payload = lzma_compress(data, *compression_);
    if (!payload.has_value())
      return refuse(payload.error(), std::format("LZMA compression: {}", to_string(payload.error())));
    return set_payload(*payload);
  }
  if (!volume_ || (reuse == Reuse::untouched_nodes && !touched())) return {};
  TRY(volume_->compose(reuse));
  return set_payload(volume_->bytes());
}

EditResult<void> Section::set_payload(Bytes payload) {
  Buffer bytes(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(payload_position_));
  append(bytes, payload);
  abi::LargeSectionHeader header{};
  std::memcpy(&header, bytes.data(), std::min(sizeof(header), bytes.size()));
  if (std::ranges::all_of(header.header.size, [](std::uint8_t byte) { return byte == 0xFF; })) {
    header.extended_size = static_cast<std::uint32_t>(bytes.size());
    write_at(bytes, 0, header);
  } else {
    if (bytes.size() >= abi::section_size_extended)
      return refuse(Error::out_of_memory, "a section grows beyond 16 MiB");
    put_size24(header.header.size, bytes.size());
    write_at(bytes, 0, header.header);
  }
  bytes_ = std::move(bytes);
  return {};
}

// ---- File ----

File File::parse(const FileView& view, int depth) {
  File file;
  file.name_ = view.name();
  file.type_ = view.type();
  file.bytes_ = copy_of(view.bytes());
  file.header_size_ = view.header_size();
  file.erased_pad_ = view.is_pad() && (all_erased(view.data(), 0xFF) || all_erased(view.data(), 0));
  if (view.has_sections()) file.sections_ = parse_sections(view.sections(), view.data(), depth, file.tail_);
  return file;
}

const Section* File::find(abi::SectionType type) const {
  const auto found = std::ranges::find(sections_, type, &Section::type);
  return found == sections_.end() ? nullptr : &*found;
}

std::string File::user_interface_name() const {
  const Section* section = find(abi::SectionType::user_interface);
  std::string name;
  if (section == nullptr) return name;
  const Bytes text = section->payload();
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const unsigned character = std::to_integer<unsigned>(text[i]) | std::to_integer<unsigned>(text[i + 1]) << 8;
    if (character == 0) break;
    name += character >= 0x20 && character < 0x7F ? static_cast<char>(character) : '?';
  }
  return name;
}

bool File::touched() const { return std::ranges::any_of(sections_, &Section::touched); }

EditResult<void> File::compose(Reuse reuse) {
  if (sections_.empty() || (reuse == Reuse::untouched_nodes && !touched())) return {};
  const Buffer data = TRY(compose_sections(sections_, tail_, reuse));
  Buffer bytes(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(header_size_));
  append(bytes, Bytes(data));
  abi::LargeFileHeader header{};
  std::memcpy(&header, bytes.data(), header_size_);
  if (header_size_ == sizeof(abi::LargeFileHeader)) {
    header.extended_size = bytes.size();
  } else if (bytes.size() > small_size_limit) {
    return refuse(Error::out_of_memory, "a file grows beyond 16 MiB");
  } else {
    put_size24(header.header.size, bytes.size());
  }
  write_at(bytes, 0, bytes_of(header).first(header_size_));
  fix_file_checksums(bytes);
  bytes_ = std::move(bytes);
  return {};
}

// ---- Volume ----

Volume Volume::parse(const FirmwareVolumeView& view, int depth) {
  Volume volume;
  volume.bytes_ = copy_of(view.bytes());
  volume.name_ = view.name();
  volume.file_system_ = view.file_system();
  volume.erased_ = view.erased();
  volume.files_end_ = volume.bytes_.size();
  if (view.file_system() == FileSystem::none) return volume;
  FileCursor cursor = view.files();
  while (true) {
    const auto next = cursor.next();
    if (!next.has_value()) {
      volume.slots_.clear();
      return volume;
    }
    if (!next->has_value()) break;
    const FileView& file = **next;
    volume.slots_.push_back({static_cast<std::size_t>(file.offset() - view.offset()), File::parse(file, depth + 1)});
  }
  volume.editable_ = true;
  // Data behind the last file that isn't a file isn't free either.
  if (all_erased(cursor.free_space(), volume.erased_))
    volume.files_end_ = volume.bytes_.size() - cursor.free_space().size();
  return volume;
}

const Volume::Slot* Volume::find(const abi::Guid& name) const {
  const auto found = std::ranges::find_if(slots_, [&](const Slot& slot) { return slot.file.name() == name; });
  return found == slots_.end() ? nullptr : &*found;
}

const Volume::Slot* Volume::find(abi::FileType type) const {
  const auto found = std::ranges::find_if(slots_, [&](const Slot& slot) { return slot.file.type() == type; });
  return found == slots_.end() ? nullptr : &*found;
}

std::size_t Volume::slot_end(const Slot& slot) const {
  return std::min(align_up(slot.offset + slot.file.size(), abi::file_alignment), bytes_.size());
}

Volume::Room Volume::room_from(std::size_t first, std::size_t count) const {
  Room room{.begin = count == 0 ? files_end_ : slots_[first].offset,
            .end = count == 0 ? files_end_ : slot_end(slots_[first + count - 1]),
            .first_slot = first,
            .slot_count = count,
            .open = false};
  for (std::size_t i = first + count; i < slots_.size(); ++i) {
    if (slots_[i].offset != room.end || !slots_[i].file.is_erased_pad()) break;
    room.end = slot_end(slots_[i]);
    ++room.slot_count;
  }
  if (room.end == files_end_ && files_end_ != bytes_.size()) {
    room.end = bytes_.size();
    room.open = true;
  }
  return room;
}

// Free space first: removed files stay visible as the PAD files they became for as long as there is other room.
std::vector<Volume::Room> Volume::rooms() const {
  std::vector<Room> rooms;
  for (std::size_t i = 0; i < slots_.size();) {
    if (!slots_[i].file.is_erased_pad()) {
      ++i;
      continue;
    }
    rooms.push_back(room_from(i, 1));
    i += rooms.back().slot_count;
  }
  std::ranges::sort(rooms, {}, [](const Room& room) { return room.end - room.begin; });
  if (free_space() != 0) rooms.insert(rooms.begin(), room_from(slots_.size(), 0));
  return rooms;
}

std::size_t Volume::largest_pad() const {
  std::size_t largest = 0;
  for (const Slot& slot : slots_) {
    if (slot.file.is_erased_pad()) largest = std::max(largest, slot.file.size());
  }
  return largest;
}

std::optional<std::size_t> Volume::fit(const Room& room, const FileView& file) {
  const auto misaligned = [&](std::size_t offset) {
    return (offset + file.header_size()) % file.data_alignment() != 0;
  };
  std::size_t offset = room.begin;
  if (misaligned(offset)) offset += sizeof(abi::FileHeader);
  while (misaligned(offset)) offset += abi::file_alignment;
  const std::size_t size = file.bytes().size();
  if (offset > room.end || size > room.end - offset) return std::nullopt;
  if (room.open) return offset;
  const std::size_t end = std::min(align_up(offset + size, abi::file_alignment), room.end);
  if (end != room.end && room.end - end < sizeof(abi::FileHeader)) return std::nullopt;
  return offset;
}

EditResult<FileView> Volume::check_new_file(Bytes file) const {
  if (!editable_) return refuse(Error::unsupported, "the volume has damaged files or none");
  const auto view = FileView::create(file, 0, file_system_);
  if (!view.has_value() || view->bytes().size() != file.size())
    return refuse(Error::unsupported,
                  file.size() > small_size_limit ? "the volume takes no files above 16 MiB" : "not a well-formed file");
  return *view;
}

EditResult<std::size_t> Volume::find_room(Bytes file) const {
  const FileView view = TRY(check_new_file(file));
  for (const Room& room : rooms()) {
    if (const auto offset = fit(room, view); offset.has_value()) return *offset;
  }
  return refuse(Error::out_of_memory,
                std::format("{} bytes needed, {} free", file.size(), std::max(free_space(), largest_pad())));
}

EditResult<void> Volume::insert(Bytes file, std::size_t offset) {
  const FileView view = TRY(check_new_file(file));
  for (const Room& room : rooms()) {
    if (fit(room, view) != offset) continue;
    fill(room, offset, in_own_polarity(file), File::parse(view, 1));
    return {};
  }
  return refuse(Error::invalid_argument, "no room at the chosen place");
}

EditResult<std::size_t> Volume::add(Bytes file) {
  const std::size_t offset = TRY(find_room(file));
  TRY(insert(file, offset));
  return offset;
}

EditResult<void> Volume::remove(std::size_t offset) {
  const std::size_t index = index_of(offset);
  if (index == slots_.size()) return refuse(Error::not_found, "no file at that place");
  const File& old = slots_[index].file;
  const Buffer pad = make_pad_file(old.size(), old.header_size() == sizeof(abi::LargeFileHeader), erased_);
  const auto view = FileView::create(pad, 0, file_system_, erased_);
  assert(view.has_value());
  write_at(bytes_, offset, Bytes(pad));
  slots_[index].file = File::parse(*view, 1);
  touched_ = true;
  return {};
}

EditResult<void> Volume::replace(std::size_t offset, Bytes file) {
  const FileView view = TRY(check_new_file(file));
  const std::size_t index = index_of(offset);
  if (index == slots_.size()) return refuse(Error::not_found, "no file at that place");
  const Room room = room_from(index, 1);
  if (fit(room, view) != offset)
    return refuse(Error::out_of_memory,
                  std::format("{} bytes needed at {:#x}, {} there", file.size(), offset, room.end - room.begin));
  fill(room, offset, in_own_polarity(file), File::parse(view, 1));
  return {};
}

Buffer Volume::in_own_polarity(Bytes file) const {
  Buffer bytes = copy_of(file);
  if (erased_ == 0) bytes[offsetof(abi::FileHeader, state)] ^= std::byte{0xFF};
  return bytes;
}

void Volume::append_pads(std::size_t begin, std::size_t end, std::vector<Slot>& slots) {
  while (begin < end) {
    std::size_t size = end - begin;
    const bool large = size > small_size_limit && file_system_ == FileSystem::ffs3;
    if (size > small_size_limit && !large)
      size = align_down(small_size_limit - sizeof(abi::FileHeader), abi::file_alignment);
    const Buffer pad = make_pad_file(size, large, erased_);
    const auto view = FileView::create(pad, 0, file_system_, erased_);
    assert(view.has_value());
    write_at(bytes_, begin, Bytes(pad));
    slots.push_back({begin, File::parse(*view, 1)});
    begin += size;
  }
}

void Volume::fill(const Room& room, std::size_t offset, Bytes bytes, File file) {
  std::vector<Slot> slots;
  std::fill(bytes_.begin() + static_cast<std::ptrdiff_t>(room.begin),
            bytes_.begin() + static_cast<std::ptrdiff_t>(room.end), std::byte{erased_});
  append_pads(room.begin, offset, slots);
  write_at(bytes_, offset, bytes);
  slots.push_back({offset, std::move(file)});
  const std::size_t end = std::min(align_up(offset + bytes.size(), abi::file_alignment), room.end);
  if (room.open) {
    files_end_ = end;
  } else {
    append_pads(end, room.end, slots);
  }
  const auto first = slots_.begin() + static_cast<std::ptrdiff_t>(room.first_slot);
  const auto next = slots_.erase(first, first + static_cast<std::ptrdiff_t>(room.slot_count));
  slots_.insert(next, std::make_move_iterator(slots.begin()), std::make_move_iterator(slots.end()));
  touched_ = true;
}

std::size_t Volume::index_of(std::size_t offset) const {
  return static_cast<std::size_t>(std::ranges::find(slots_, offset, &Slot::offset) - slots_.begin());
}

bool Volume::touched() const {
  return touched_ || std::ranges::any_of(slots_, [](const Slot& slot) { return slot.file.touched(); });
}

EditResult<void> Volume::compose(Reuse reuse) {
  // Filling a room may add a slot for a PAD file behind the current one, never before it.
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (reuse == Reuse::untouched_nodes && !slots_[i].file.touched()) continue;
    const std::size_t old_size = slots_[i].file.size();
    const std::size_t offset = slots_[i].offset;
    const Room room = room_from(i, 1);
    TRY(slots_[i].file.compose(reuse));
    if (slots_[i].file.size() == old_size) {
      write_at(bytes_, offset, slots_[i].file.bytes());
      continue;
    }
    const auto view = FileView::create(slots_[i].file.bytes(), 0, file_system_, erased_);
    if (!view.has_value()) return refuse(Error::malformed, view.error().reason);
    if (fit(room, *view) != offset)
      return refuse(Error::out_of_memory, std::format("a file of {} bytes grows to {}, with room for {}", old_size,
                                                      view->bytes().size(), room.end - room.begin));
    const Buffer bytes = copy_of(slots_[i].file.bytes());
    File file = std::move(slots_[i].file);
    fill(room, offset, bytes, std::move(file));
  }
  return {};
}

// ---- Image ----

FirmwareImage FirmwareImage::parse(Bytes bytes) {
  FirmwareImage image;
  image.bytes_ = copy_of(bytes);
  std::size_t offset = 0;
  while (offset + sizeof(abi::FirmwareVolumeHeader) <= bytes.size()) {
    const auto signature = read_at<std::uint32_t>(bytes, offset + abi::firmware_volume_signature_offset);
    if (signature.has_value() && *signature == abi::firmware_volume_signature) {
      const auto view = FirmwareVolumeView::create(bytes.subspan(offset), offset);
      if (view.has_value()) {
        image.roots_.push_back({offset, Volume::parse(*view)});
        offset += align_up(view->bytes().size(), abi::file_alignment);
        continue;
      }
    }
    offset += abi::file_alignment;
  }
  return image;
}

namespace {

void visit_volume(Volume& volume, const std::function<void(Volume&)>& visitor);

void visit_sections(std::vector<Section>& sections, const std::function<void(Volume&)>& visitor) {
  for (Section& section : sections) {
    if (section.volume() != nullptr) visit_volume(*section.volume(), visitor);
    visit_sections(section.children(), visitor);
  }
}

void visit_volume(Volume& volume, const std::function<void(Volume&)>& visitor) {
  visitor(volume);
  for (Volume::Slot& slot : volume.slots()) visit_sections(slot.file.sections(), visitor);
}

}  // namespace

void FirmwareImage::visit(const std::function<void(Volume&)>& visitor) {
  for (Root& root : roots_) visit_volume(root.volume, visitor);
}

EditResult<Buffer> FirmwareImage::compose(Reuse reuse) {
  Buffer out = bytes_;
  for (Root& root : roots_) {
    if (reuse == Reuse::untouched_nodes && !root.volume.touched()) continue;
    TRY(root.volume.compose(reuse));
    write_at(out, root.offset, root.volume.bytes());
  }
  return out;
}

}  // namespace redoubt::image::edit
