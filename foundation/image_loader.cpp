// SPDX-License-Identifier: BSD-2-Clause-Patent
// See the header.
#include "foundation/image_loader.hpp"

#include "abi/pe/pe.hpp"
#include "image/executable.hpp"

namespace redoubt::foundation {
namespace {

std::unexpected<LoadFailure> refuse(Error code, const char* reason) {
  return std::unexpected(LoadFailure{code, reason});
}

PageOrigin origin_of(const image::ExecutableSection& section) {
  if (section.executable()) return PageOrigin::code;
  return section.writable() ? PageOrigin::data : PageOrigin::constant;
}

// Headers and gaps between sections are readable; a section's last page is the section's to its end.
bool protect(Supervisor& supervisor, PageMap& map, const image::ExecutableView& view, std::uint64_t base,
             std::uint64_t pages) {
  map.set_origin(base, pages, PageOrigin::constant);
  if (supervisor.set_page_access(base, pages, abi::page_none, abi::page_read) != abi::SystemStatus::ok) return false;
  for (std::uint32_t i = 0; i < view.section_count(); ++i) {
    const image::ExecutableSection section = view.section(i);
    if (section.memory_size == 0) continue;
    const std::uint64_t section_pages = pages_for(section.memory_size);
    map.set_origin(base + section.rva, section_pages, origin_of(section));
    if (supervisor.set_page_access(base + section.rva, section_pages, abi::page_none,
                                   rights_of(origin_of(section), {})) != abi::SystemStatus::ok) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<LoadedImage, LoadFailure> load_image(Supervisor& supervisor, PageMap& map, Bytes bytes, DriverNumber driver) {
  const auto view = image::ExecutableView::create(bytes);
  if (!view.has_value()) return refuse(view.error().code, view.error().reason);
  if (view->machine() != abi::pe::machine_x64 || view->format() == image::ExecutableFormat::pe32) {
    return refuse(Error::unsupported, "not a 64-bit image");
  }
  if (!view->page_protectable()) {
    return refuse(Error::unsupported, "sections can't be protected: not 4 KiB-aligned, or writable and executable");
  }
  if (view->entry_point() == 0) return refuse(Error::unsupported, "no entry point");

  const std::uint64_t pages = pages_for(view->image_size());
  const SystemResult<std::uint64_t> memory = supervisor.allocate_pages(pages, 0);
  if (!memory.has_value()) return refuse(Error::out_of_memory, "no memory for the image");
  const LoadedImage image{*memory, pages, view->image_size(), *memory + view->entry_point()};
  const auto loaded = view->load_into(MutableBytes(at_address<std::byte>(image.base), pages * page_bytes), image.base);
  map.set(image.base, pages, {PageUse::image, driver});
  if (!loaded.has_value() || !protect(supervisor, map, *view, image.base, pages)) {
    unload_image(supervisor, map, image);
    return loaded.has_value() ? refuse(Error::device, "pages can't be protected")
                              : refuse(loaded.error().code, loaded.error().reason);
  }
  return image;
}

void unload_image(Supervisor& supervisor, PageMap& map, const LoadedImage& image) {
  map.set(image.base, image.pages, {PageUse::none, 0});
  supervisor.free_pages(image.base, image.pages);
}

}  // namespace redoubt::foundation
