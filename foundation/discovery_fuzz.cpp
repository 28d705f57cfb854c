// SPDX-License-Identifier: BSD-2-Clause-Patent
// Any bytes as the region of MM volumes: every driver found is started at most once, in an order that ends, and is
// loaded or refused without keeping pages; who never starts is reported, with a fault policy that is one. Nothing of it
// is executed. By the last bit of the input the first volume's checksums are put right first, since no fuzzer guesses
// them.
#include <cstdlib>
#include <cstring>
#include <set>
#include <vector>

#include "foundation/dispatcher.hpp"
#include "foundation/image_loader.hpp"
#include "foundation/testing/fake_supervisor.hpp"

namespace {

using namespace redoubt;
using namespace redoubt::foundation;

void require(bool holds) {
  if (!holds) std::abort();
}

void fix_checksums(std::vector<std::byte>& region) {
  abi::FirmwareVolumeHeader header{};
  if (region.size() < sizeof(header)) return;
  std::memcpy(&header, region.data(), sizeof(header));
  const std::size_t length = header.header_length;
  if (length < sizeof(header) || length > region.size() || length % 2 != 0) return;
  header.checksum = 0;
  std::memcpy(region.data(), &header, sizeof(header));
  header.checksum = image::checksum16(Bytes(region).first(length));
  std::memcpy(region.data(), &header, sizeof(header));
  for (std::size_t position = (length + 7) / 8 * 8; position + sizeof(abi::FileHeader) <= region.size();) {
    abi::FileHeader file{};
    std::memcpy(&file, region.data() + position, sizeof(file));
    file.header_checksum = 0;
    file.file_checksum = abi::file_checksum_absent;
    std::memcpy(region.data() + position, &file, sizeof(file));
    file.header_checksum = image::file_header_checksum(Bytes(region).subspan(position, sizeof(file)));
    std::memcpy(region.data() + position, &file, sizeof(file));
    const std::size_t size = file.size[0] | std::size_t{file.size[1]} << 8 | std::size_t{file.size[2]} << 16;
    const std::size_t step = (size + 7) / 8 * 8;
    if (step < sizeof(file) || step > region.size() - position) return;
    position += step;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes input = std::as_bytes(std::span(data, size - 1));
  std::vector<std::byte> region(input.begin(), input.end());
  if ((data[size - 1] & 1) != 0) fix_checksums(region);

  foundation::testing::FakeSupervisor supervisor(256);
  PageMap pages(supervisor);
  require(pages.create(supervisor.mmram_base(), supervisor.mmram_bytes()).has_value());
  Dispatcher dispatcher(supervisor);
  Observer observer(supervisor);
  DriverLedger ledger(supervisor, dispatcher, observer);
  DriverAllocator allocator(supervisor, pages, dispatcher, ledger);
  require(dispatcher.discover(region, 0) <= region.size());
  std::set<DriverNumber> started;
  const auto installed = [&](const abi::Guid& guid) { return guid.data1 % 8 < started.size(); };
  while (DriverRecord* driver = dispatcher.next(installed)) {
    const DriverNumber number = dispatcher.number(*driver);
    require(dispatcher.find(number) == driver && driver->state == DriverState::starting);
    require(started.insert(number).second);
    driver->account.limit.fill(UINT32_MAX);
    const std::uint64_t used = supervisor.used_pages();
    const auto image = load_image(supervisor, pages, allocator, driver->executable, number);
    if (image.has_value()) {
      require(pages.code_owner(image->entry_point) == number);
      allocator.free_image(number, image->base, image->pages);
    }
    require(supervisor.used_pages() == used);
  }
  const FaultPolicies policies(region);
  policies.for_each_needed([&](const abi::Guid& file, abi::FaultPolicy policy) {
    require(policy == abi::FaultPolicy::reset || policy == abi::FaultPolicy::halt);
    require(policies.of(file) != abi::FaultPolicy::disable);
  });
  dispatcher.report_waiting(installed, policies);
  for (const std::string& line : supervisor.lines) require(line.size() <= abi::log_line_bytes);
  return 0;
}
