// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/image_loader.hpp"

#include "abi/pe/pe.hpp"
#include "image/executable.hpp"

namespace redoubt::foundation {
namespace {

std::unexpected<image::ImageError> refuse(Error code, const char* reason) {
  return std::unexpected(image::ImageError{.code = code, .offset = 0, .reason = reason});
}

PageOrigin origin_of(const image::ExecutableSection& section) {
  if (section.executable()) return PageOrigin::code;
  return section.writable() ? PageOrigin::data : PageOrigin::constant;
}

// What the page at `rva` is given out as: all that any section in it asks for. Headers and gaps between sections are
// constant; a section's last page is the section's to its end.
PageOrigin origin_at(const image::ExecutableView& view, std::uint64_t rva) {
  PageOrigin origin = PageOrigin::constant;
  for (std::uint32_t i = 0; i < view.section_count(); ++i) {
    const image::ExecutableSection section = view.section(i);
    const std::uint64_t end = std::uint64_t{section.rva} + section.memory_size;
    if (section.memory_size == 0 || section.rva >= rva + page_bytes || rva >= end) continue;
    const PageOrigin wanted = origin_of(section);
    if (origin == PageOrigin::constant) {
      origin = wanted;
    } else if (wanted != PageOrigin::constant && wanted != origin) {
      origin = PageOrigin::mixed;
    }
  }
  return origin;
}

// Gives each page its rights, in runs; returns how many drivers may write and execute.
Result<std::uint64_t> protect(Supervisor& supervisor, PageMap& map, const image::ExecutableView& view,
                              std::uint64_t base, std::uint64_t pages) {
  std::uint64_t mixed = 0;
  for (std::uint64_t page = 0; page < pages;) {
    const PageOrigin origin = origin_at(view, page * page_bytes);
    std::uint64_t count = 1;
    while (page + count < pages && origin_at(view, (page + count) * page_bytes) == origin) ++count;
    const std::uint64_t address = base + page * page_bytes;
    map.set_origin(address, count, origin);
    if (!supervisor.set_page_access(PhysicalAddress(address), count, abi::held_by_drivers(rights_of(origin, {})))) {
      return std::unexpected(Error::device);
    }
    if (origin == PageOrigin::mixed) mixed += count;
    page += count;
  }
  return mixed;
}

}  // namespace

Result<LoadedImage, image::ImageError> load_image(Supervisor& supervisor, PageMap& map, DriverAllocator& allocator,
                                                  Bytes bytes, DriverNumber driver, ImageAlignment alignment) {
  const auto view = image::ExecutableView::create(bytes);
  if (!view.has_value()) return std::unexpected(view.error());
  if (view->machine() != abi::pe::machine_x64 || view->format() == image::ExecutableFormat::pe32) {
    return refuse(Error::unsupported, "not a 64-bit image");
  }
  if (view->has_writable_code()) {
    return refuse(Error::unsupported, "sections can't be protected: one is writable and executable");
  }
  if (alignment == ImageAlignment::pages && !view->page_aligned()) {
    return refuse(Error::unsupported, "sections can't be protected: not 4 KiB-aligned");
  }
  if (view->entry_point() == 0) return refuse(Error::unsupported, "no entry point");

  const std::uint64_t pages = pages_for(view->image_size());
  const Result<std::uint64_t> memory = allocator.allocate_image(driver, pages);
  if (!memory.has_value()) return refuse(Error::out_of_memory, "no memory for the image");
  LoadedImage image{*memory, pages, view->image_size(), *memory + view->entry_point()};
  const auto loaded = view->load_into(MutableBytes(at_address<std::byte>(image.base), pages * page_bytes), image.base);
  if (!loaded.has_value()) {
    allocator.free_image(driver, image.base, pages);
    return refuse(loaded.error().code, loaded.error().reason);
  }
  const Result<std::uint64_t> mixed = protect(supervisor, map, *view, image.base, pages);
  if (!mixed.has_value()) {
    allocator.free_image(driver, image.base, pages);
    return refuse(mixed.error(), "pages can't be protected");
  }
  if (map.code_owner(image.entry_point) != driver) {
    allocator.free_image(driver, image.base, pages);
    return refuse(Error::unsupported, "entry point isn't code");
  }
  image.unprotected_pages = *mixed;
  return image;
}

}  // namespace redoubt::foundation
