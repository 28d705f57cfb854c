// SPDX-License-Identifier: BSD-2-Clause-Patent
// The memory map over an array that stands for MMRAM: what each domain can reach after launch, and everything that
// a hostile foundation may ask for.
#include "supervisor/memory/memory_map.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <type_traits>
#include <vector>

#include "arch/processor.hpp"

namespace redoubt::supervisor {
namespace {

constexpr std::uint64_t mmram_base = 0x1F001000;
constexpr std::uint64_t mmram_pages = 1024;
constexpr std::uint64_t comm_buffer = 0x1E000000;
constexpr std::uint64_t comm_pages = 4;
constexpr std::uint64_t flash = 0xFFC00000;
constexpr std::uint64_t local_apic = 0xFEE00000;
using abi::no_rights;
using abi::read_execute;
using abi::read_only;
using abi::read_write;

std::vector<std::uint64_t> invalidations;

MemoryHardware test_hardware() {
  return {.invalidate_page = [](LinearAddress page) { invalidations.push_back(page.number); }, .execute_disable = true};
}

// What the types of ring 0 keep apart, with what they let through beside it.
template <typename... Arguments>
constexpr bool reads_driver = std::is_invocable_v<decltype(&MemoryMap::read_driver), MemoryMap&, Arguments...>;
static_assert(reads_driver<FoundationAddress, Range<DriverSpace>>);
static_assert(!reads_driver<DriverAddress, Range<FoundationSpace>>, "the foundation's and the driver's side swapped");
static_assert(!reads_driver<FoundationAddress, Range<FoundationSpace>>);
static_assert(!reads_driver<PhysicalAddress, Range<DriverSpace>>, "physical for virtual");
static_assert(!reads_driver<FoundationAddress, DriverAddress, std::uint64_t>, "a range that nobody checked");
static_assert(!reads_driver<std::uint64_t, Range<DriverSpace>>);
template <typename... Arguments>
constexpr bool writes_driver = std::is_invocable_v<decltype(&MemoryMap::write_driver), MemoryMap&, Arguments...>;
static_assert(writes_driver<DriverAddress, Range<FoundationSpace>>);
static_assert(!writes_driver<FoundationAddress, Range<DriverSpace>>, "the other direction");
static_assert(!writes_driver<DriverAddress, FoundationAddress, std::uint64_t>);
template <typename... Arguments>
constexpr bool copies_from_foundation =
    std::is_invocable_v<decltype(&MemoryMap::copy_from_foundation), const MemoryMap&, Arguments...>;
static_assert(copies_from_foundation<MutableBytes, FoundationAddress>);
static_assert(!copies_from_foundation<MutableBytes, DriverAddress>);
static_assert(!copies_from_foundation<FoundationAddress, Bytes>, "into the foundation by the name for out of it");
template <typename... Arguments>
constexpr bool opens_pages = std::is_invocable_v<decltype(&MemoryMap::set_page_access), MemoryMap&, Arguments...>;
static_assert(opens_pages<PhysicalAddress, std::uint64_t, abi::PageAccess>);
static_assert(!opens_pages<DriverAddress, std::uint64_t, abi::PageAccess>, "virtual for physical");
static_assert(!opens_pages<LinearAddress, std::uint64_t, abi::PageAccess>);
static_assert(!opens_pages<PhysicalAddress, std::uint64_t, abi::Rights, abi::Rights>, "whose rights?");
template <typename... Arguments>
constexpr bool maps = std::is_invocable_v<decltype(&AddressSpace::map), AddressSpace&, Arguments...>;
static_assert(maps<LinearAddress, PhysicalAddress, std::uint64_t, PageRights>);
static_assert(!maps<PhysicalAddress, LinearAddress, std::uint64_t, PageRights>, "where and what swapped");
static_assert(!std::is_invocable_v<decltype(arch::write_cr3), LinearAddress>);
static_assert(std::is_invocable_v<decltype(arch::write_cr3), PhysicalAddress>);

abi::PageAccess access(abi::Rights foundation, abi::Rights drivers) {
  return foundation == no_rights ? abi::held_by_drivers(drivers) : abi::held_by_foundation(foundation, drivers);
}

// The map, called with the numbers that a hostile foundation's registers hold.
class NumberedMap : public MemoryMap {
 public:
  Result<std::uint64_t> allocate_supervisor(std::uint64_t pages) {
    return TRY(MemoryMap::allocate_supervisor(pages)).number;
  }
  Result<std::uint64_t> allocate_fixed(std::uint64_t pages) { return TRY(MemoryMap::allocate_fixed(pages)).number; }
  Result<std::uint64_t> allocate_stack(std::uint64_t pages, std::optional<DomainId> domain) {
    return TRY(MemoryMap::allocate_stack(pages, domain)).number;
  }
  Result<void> seal_entry_page(std::uint64_t address) { return MemoryMap::seal_entry_page(PhysicalAddress(address)); }
  Result<std::uint64_t> allocate_pages(std::uint64_t pages, std::uint64_t limit) {
    return TRY(MemoryMap::allocate_pages(pages, PhysicalAddress(limit))).number;
  }
  Result<void> allocate_pages_at(std::uint64_t address, std::uint64_t pages) {
    return MemoryMap::allocate_pages_at(PhysicalAddress(address), pages);
  }
  Result<void> free_pages(std::uint64_t address, std::uint64_t pages) {
    return MemoryMap::free_pages(PhysicalAddress(address), pages);
  }
  Result<void> set_page_access(std::uint64_t address, std::uint64_t pages, abi::Rights foundation,
                               abi::Rights drivers) {
    return MemoryMap::set_page_access(PhysicalAddress(address), pages, access(foundation, drivers));
  }
  Result<void> read_driver(std::uint64_t to, std::uint64_t from, std::uint64_t bytes) {
    return MemoryMap::read_driver(FoundationAddress(to), TRY(Range<DriverSpace>::create(DriverAddress(from), bytes)));
  }
  Result<void> write_driver(std::uint64_t to, std::uint64_t from, std::uint64_t bytes) {
    return MemoryMap::write_driver(DriverAddress(to),
                                   TRY(Range<FoundationSpace>::create(FoundationAddress(from), bytes)));
  }
  bool permits(DomainId domain, std::uint64_t address, std::uint64_t bytes, abi::Rights wanted) const {
    if (domain == DomainId::foundation) {
      return foundation_may(wanted, Range<FoundationSpace>::create(FoundationAddress(address), bytes).value());
    }
    return driver_may(wanted, Range<DriverSpace>::create(DriverAddress(address), bytes).value());
  }
  std::uint64_t capture() const { return MemoryMap::capture().number; }
  std::uint64_t root(DomainId domain) const { return MemoryMap::root(domain).number; }
  static std::uint64_t outside(std::uint64_t physical) { return MemoryMap::outside(PhysicalAddress(physical)).number; }
};

class MemoryMapTest : public testing::Test {
 protected:
  MemoryMapTest() : mmram_(mmram_pages * page_bytes), memory_(mmram_.data(), PhysicalAddress(mmram_base)) {
    record_ = {.signature = abi::LaunchRecord::expected_signature,
               .version = abi::LaunchRecord::current_version,
               .size = sizeof(abi::LaunchRecord),
               .mmram_base = mmram_base,
               .mmram_size = mmram_pages * page_bytes,
               .used_end = page(200),
               .supervisor_base = page(40),
               .supervisor_size = 20 * page_bytes,
               .volume_base = page(70),
               .volume_size = 50 * page_bytes - 100,
               .hob_base = page(120),
               .hob_size = 5000,
               .bootstrap_base = page(130),
               .bootstrap_size = 14 * page_bytes,
               .comm_buffer = comm_buffer,
               .comm_buffer_pages = comm_pages,
               .comm_status = comm_buffer + comm_pages * page_bytes,
               .cpu_count = 4,
               .smbase_stride = abi::smbase_stride,
               .cpus = record_address + sizeof(abi::LaunchRecord),
               .result = 0,
               .options = 0,
               .memory_count = 0,
               .memory = {}};
    for (std::uint32_t cpu = 0; cpu < 4; ++cpu)
      memory_.at<abi::LaunchCpu>(PhysicalAddress(record_.cpus))[cpu] = {
          cpu, 0, mmram_base - 0x8000 + std::uint64_t{cpu} * 0x2000};
  }

  static constexpr std::uint64_t page(std::uint64_t number) { return mmram_base + number * page_bytes; }
  static constexpr std::uint64_t record_address = mmram_base + 30 * page_bytes;

  Result<void> launch() {
    const ImageSection sections[] = {{PhysicalAddress(page(40)), 10, false, true},
                                     {PhysicalAddress(page(50)), 5, false, false},
                                     {PhysicalAddress(page(55)), 5, true, false}};
    const OutsideMapping outside[] = {{PhysicalAddress(flash), 0x84, true, true, false},
                                      {PhysicalAddress(local_apic), 1, false, true, false}};
    return map_.initialize(record_, PhysicalAddress(record_address), sections, outside, test_hardware(), memory_,
                           memory_);
  }

  std::optional<PageMapping> find(DomainId domain, std::uint64_t address) const {
    return map_.space(domain).find(LinearAddress(address));
  }
  template <typename T = std::byte>
  T* at(std::uint64_t address) const {
    return memory_.at<T>(PhysicalAddress(address));
  }
  PageRights rights(DomainId domain, std::uint64_t address) const {
    const auto found = find(domain, address);
    EXPECT_TRUE(found.has_value()) << std::hex << address;
    return found ? found->rights : PageRights{};
  }
  bool mapped(DomainId domain, std::uint64_t address) const { return find(domain, address).has_value(); }

  // No page may be writable through one mapping and executable through another.
  void expect_write_xor_execute() {
    for (std::uint64_t number = 0; number < mmram_pages; ++number) {
      bool write = false;
      bool execute = false;
      for (const DomainId domain : {DomainId::foundation, DomainId::drivers}) {
        if (!mapped(domain, page(number))) continue;
        write = write || rights(domain, page(number)).write;
        execute = execute || rights(domain, page(number)).execute;
      }
      ASSERT_FALSE(write && execute) << "page " << number;
    }
  }

  std::vector<std::byte> mmram_;
  DirectMap memory_;
  abi::LaunchRecord record_{};
  NumberedMap map_;
};

TEST_F(MemoryMapTest, LaunchMapsExactlyWhatItShould) {
  ASSERT_TRUE(launch());
  for (const DomainId domain : {DomainId::foundation, DomainId::drivers}) {
    EXPECT_EQ(rights(domain, page(40)), (PageRights{.execute = true}));
    EXPECT_EQ(rights(domain, page(50)), PageRights{});
    EXPECT_EQ(rights(domain, page(55)), (PageRights{.write = true}));
    EXPECT_EQ(rights(domain, comm_buffer), (PageRights{.user = true, .write = true}));
    EXPECT_EQ(find(domain, comm_buffer + 5)->physical.number, map_.capture() + 5);
    EXPECT_EQ(find(domain, map_.outside(comm_buffer))->physical.number, comm_buffer);
    EXPECT_FALSE(rights(domain, map_.outside(comm_buffer)).user);
    EXPECT_FALSE(rights(domain, map_.outside(local_apic)).user);
    EXPECT_FALSE(rights(domain, map_.outside(flash)).user);
    EXPECT_TRUE(rights(domain, map_.outside(flash)).uncached);
    EXPECT_FALSE(mapped(domain, local_apic));
    EXPECT_FALSE(mapped(domain, mmram_base - 1));
    EXPECT_FALSE(mapped(domain, mmram_base + mmram_pages * page_bytes));
    EXPECT_FALSE(mapped(domain, 0));
    EXPECT_FALSE(mapped(domain, comm_buffer - 1));
    EXPECT_FALSE(mapped(domain, comm_buffer + (comm_pages + 1) * page_bytes));
  }
  EXPECT_EQ(rights(DomainId::foundation, page(70)), (PageRights{.user = true}));
  EXPECT_FALSE(mapped(DomainId::drivers, page(70)));
  EXPECT_EQ(rights(DomainId::drivers, flash), (PageRights{.user = true, .write = true, .uncached = true}));
  EXPECT_FALSE(mapped(DomainId::foundation, flash));
  expect_write_xor_execute();
  // Nothing that ring 3 could use besides the message, volume and HOB list.
  for (std::uint64_t number = 0; number < mmram_pages; ++number) {
    if (number >= 70 && number < 122) continue;
    EXPECT_FALSE(rights(DomainId::foundation, page(number)).user) << number;
    EXPECT_FALSE(rights(DomainId::drivers, page(number)).user) << number;
  }
}

// Ring 0's own view: whatever a domain may do with a page, for nobody else, and never to run from.
TEST_F(MemoryMapTest, TheWindowShowsAllButCodeAndGuards) {
  ASSERT_TRUE(launch());
  ASSERT_TRUE(map_.seal_entry_page(page(0)));
  const std::uint64_t top = *map_.allocate_stack(1, DomainId::drivers);
  const std::uint64_t code = *map_.allocate_pages(1, 0);
  ASSERT_TRUE(map_.set_page_access(code, 1, no_rights, read_execute));
  for (const DomainId domain : {DomainId::foundation, DomainId::drivers}) {
    for (std::uint64_t number = 0; number < mmram_pages; ++number) {
      const bool hidden =
          number == 0 || (number >= 40 && number < 55) || page(number) == top || page(number) == top - 2 * page_bytes;
      const auto found = find(domain, map_.outside(page(number)));
      ASSERT_EQ(found.has_value(), !hidden) << number;
      if (!hidden) {
        ASSERT_EQ(found->rights, (PageRights{.write = true})) << number;
        ASSERT_EQ(found->physical.number, page(number));
      }
    }
  }
}

TEST_F(MemoryMapTest, EntryPagesBecomeExecutableOnce) {
  ASSERT_TRUE(launch());
  EXPECT_TRUE(rights(DomainId::drivers, page(0)).write);
  for (std::uint64_t cpu = 0; cpu < 4; ++cpu) ASSERT_TRUE(map_.seal_entry_page(page(2 * cpu)));
  EXPECT_EQ(rights(DomainId::drivers, page(0)), (PageRights{.execute = true}));
  EXPECT_EQ(rights(DomainId::drivers, page(7)), (PageRights{.write = true})) << "save state";
  EXPECT_FALSE(map_.seal_entry_page(page(7)));
  EXPECT_FALSE(map_.seal_entry_page(0));
  expect_write_xor_execute();
}

TEST_F(MemoryMapTest, RefusesRecordsThatContradictThemselves) {
  const auto refused = [this](auto change) {
    const abi::LaunchRecord good = record_;
    change(record_);
    map_ = NumberedMap();
    EXPECT_FALSE(launch());
    record_ = good;
  };
  refused([](auto& r) { r.signature = 0; });
  refused([](auto& r) { ++r.version; });
  refused([](auto& r) { r.mmram_base += 1; });
  refused([](auto& r) { r.mmram_size = 0; });
  refused([](auto& r) { r.mmram_size = ~std::uint64_t{0} & ~0xFFFull; });
  refused([](auto& r) { r.used_end = r.mmram_base + r.mmram_size + page_bytes; });
  refused([](auto& r) { r.used_end = r.mmram_base + r.mmram_size; });
  refused([](auto& r) { r.cpu_count = 0; });
  refused([](auto& r) { r.cpu_count = 0xFFFFFFFF; });
  refused([](auto& r) { r.smbase_stride = 0x1000; });
  refused([](auto& r) { r.supervisor_base = 0x1000; });
  refused([](auto& r) { r.volume_size = ~std::uint64_t{0}; });
  refused([](auto& r) { r.volume_base = page(41); });
  refused([](auto& r) { r.hob_base = page(70); });
  refused([](auto& r) { r.bootstrap_base = r.supervisor_base; });
  refused([](auto& r) { r.cpus = ~std::uint64_t{0} - 8; });
  refused([](auto& r) { r.comm_buffer = page(300); });
  refused([](auto& r) { r.comm_buffer = 0; });
  refused([](auto& r) { r.comm_buffer = ~std::uint64_t{0} & ~0xFFFull; });
  refused([](auto& r) { r.comm_buffer_pages = 0; });
  refused([](auto& r) { r.comm_buffer_pages = std::uint64_t{1} << 60; });
  refused([](auto& r) { r.comm_status = r.comm_buffer + 8; });
  refused([](auto& r) { r.comm_status = r.mmram_base; });
  refused([](auto& r) { r.comm_status += page_bytes - 8; });
  memory_.at<abi::LaunchCpu>(PhysicalAddress(record_.cpus))[2].smbase += 0x1000;
  refused([](auto&) {});
}

TEST_F(MemoryMapTest, StacksHaveGuards) {
  ASSERT_TRUE(launch());
  const auto top = map_.allocate_stack(4, DomainId::drivers);
  ASSERT_TRUE(top);
  EXPECT_FALSE(mapped(DomainId::drivers, *top));
  EXPECT_TRUE(mapped(DomainId::drivers, *top - 1));
  EXPECT_FALSE(mapped(DomainId::drivers, *top - 4 * page_bytes - 1));
  EXPECT_TRUE(map_.permits(DomainId::drivers, *top - 16, 16, read_write));
  EXPECT_FALSE(map_.permits(DomainId::drivers, *top - 16, 17, read_only));
  EXPECT_FALSE(map_.permits(DomainId::foundation, *top - 16, 16, read_only));
  EXPECT_FALSE(map_.free_pages(*top - page_bytes, 1)) << "the foundation freed a stack of the supervisor's making";
  EXPECT_FALSE(map_.set_page_access(*top - page_bytes, 1, read_write, no_rights));
}

TEST_F(MemoryMapTest, PagesMoveBetweenDomains) {
  ASSERT_TRUE(launch());
  const auto pages = map_.allocate_pages(3, 0);
  ASSERT_TRUE(pages);
  EXPECT_EQ(rights(DomainId::foundation, *pages), (PageRights{.user = true, .write = true}));
  EXPECT_FALSE(mapped(DomainId::drivers, *pages)) << "ring 0 has the window";
  ASSERT_TRUE(map_.set_page_access(*pages, 1, no_rights, read_execute));
  EXPECT_EQ(rights(DomainId::drivers, *pages), (PageRights{.user = true, .execute = true}));
  EXPECT_FALSE(mapped(DomainId::foundation, *pages)) << "writable elsewhere while executable here";
  ASSERT_TRUE(map_.set_page_access(*pages + page_bytes, 1, read_write, read_only));
  EXPECT_EQ(rights(DomainId::drivers, *pages + page_bytes), (PageRights{.user = true}));
  expect_write_xor_execute();

  for (const std::uint64_t number : {7u, 6u, 2u, 4u, 8u}) {
    const abi::Rights wrong = abi::decode_rights(number);
    EXPECT_FALSE(map_.set_page_access(*pages, 1, wrong, no_rights)) << number;
    EXPECT_FALSE(map_.set_page_access(*pages, 1, no_rights, wrong)) << number;
  }
  EXPECT_FALSE(map_.set_page_access(*pages, 1, read_write, read_execute)) << "write here, execute there";

  using abi::unprotected;  // the exception for unaligned images
  EXPECT_FALSE(map_.set_page_access(*pages, 1, unprotected, no_rights)) << "drivers only";
  EXPECT_FALSE(map_.set_page_access(*pages, 1, read_only, unprotected)) << "drivers only";
  for (std::uint64_t number = 8; number < 15; ++number) {
    EXPECT_FALSE(map_.set_page_access(*pages, 1, no_rights, abi::decode_rights(number)));
  }
  ASSERT_TRUE(map_.set_page_access(*pages, 1, no_rights, unprotected));
  EXPECT_EQ(rights(DomainId::drivers, *pages), (PageRights{.user = true, .write = true, .execute = true}));
  EXPECT_FALSE(mapped(DomainId::foundation, *pages));
  EXPECT_TRUE(map_.permits(DomainId::drivers, *pages, 1, {.write = true}));

  ASSERT_TRUE(map_.free_pages(*pages, 3));
  EXPECT_FALSE(rights(DomainId::drivers, *pages).user);
  EXPECT_FALSE(map_.free_pages(*pages, 3)) << "freed twice";
}

// The last place where it can be refused, whatever callers have looked at before.
TEST_F(MemoryMapTest, NoPageIsMappedWritableAndExecutableUnlessThatIsMeant) {
  std::vector<PageRecord> records(mmram_pages);
  PagePool pool;
  pool.initialize(Range<PhysicalSpace>::create(PhysicalAddress(mmram_base), mmram_pages * page_bytes).value(), records);
  AddressSpace space;
  ASSERT_TRUE(space.create(pool, memory_, true));
  for (const bool user : {false, true}) {
    EXPECT_FALSE(space.map(LinearAddress(page(900)), PhysicalAddress(page(900)), 1,
                           {.user = user, .write = true, .execute = true}));
    EXPECT_FALSE(space.find(LinearAddress(page(900))));
  }
  EXPECT_TRUE(space.map(LinearAddress(page(900)), PhysicalAddress(page(900)), 1,
                        {.user = true, .write = true, .execute = true, .exception = true}));
  EXPECT_TRUE(space.find(LinearAddress(page(900))));

  const ImageSection sections[] = {{PhysicalAddress(page(40)), 10, true, true}};
  EXPECT_FALSE(
      map_.initialize(record_, PhysicalAddress(record_address), sections, {}, test_hardware(), memory_, memory_));
}

// MMRAM holds noise after power-on, and what the boot before left after a reset.
TEST_F(MemoryMapTest, WhatLayThereBeforeIsNobodysToRead) {
  std::memset(at(record_.used_end), 0xA5, (mmram_pages - 200) * page_bytes);
  ASSERT_TRUE(launch());
  const auto is_clear = [this](std::uint64_t address, std::uint64_t pages) {
    const std::byte* first = at(address);
    return std::all_of(first, first + pages * page_bytes, [](std::byte byte) { return byte == std::byte{0}; });
  };
  EXPECT_TRUE(is_clear(map_.capture(), comm_pages));
  for (std::uint64_t number = 0; number < mmram_pages; ++number) {
    if (map_.pool().find(PhysicalAddress(page(number)))->use == PageUse::free) {
      std::memset(at(page(number)), 0xA5, page_bytes);
    }
  }
  EXPECT_TRUE(is_clear(*map_.allocate_supervisor(2), 2));
  EXPECT_TRUE(is_clear(*map_.allocate_fixed(2), 2));
  EXPECT_TRUE(is_clear(*map_.allocate_stack(2, DomainId::drivers) - 2 * page_bytes, 2));
  ASSERT_TRUE(map_.allocate_pages_at(page(900), 2));
  EXPECT_TRUE(is_clear(page(900), 2));
  const std::uint64_t pages = *map_.allocate_pages(3, 0);
  EXPECT_TRUE(is_clear(pages, 3));
  // Nor what one holder left for the next.
  std::memset(at(pages), 0xA5, 3 * page_bytes);
  ASSERT_TRUE(map_.free_pages(pages, 3));
  EXPECT_TRUE(is_clear(pages, 3));
}

// A CPU may hold a translation of every page: each change of rights takes back that page's.
TEST_F(MemoryMapTest, TranslationsAreForgottenWhenRightsChange) {
  ASSERT_TRUE(launch());
  const std::uint64_t pages = *map_.allocate_pages(2, 0);
  const auto forgets_both = [&](auto change) {
    invalidations.clear();
    EXPECT_TRUE(change());
    return std::ranges::count(invalidations, pages) == 1 && std::ranges::count(invalidations, pages + page_bytes) == 1;
  };
  EXPECT_TRUE(forgets_both([&] { return map_.set_page_access(pages, 2, no_rights, read_write); }));
  EXPECT_TRUE(forgets_both([&] { return map_.set_page_access(pages, 2, no_rights, read_only); }));
  EXPECT_TRUE(forgets_both([&] { return map_.free_pages(pages, 2); }));
  invalidations.clear();
  const std::uint64_t top = *map_.allocate_stack(1, DomainId::drivers);
  for (const std::uint64_t guard : {top, top - 2 * page_bytes}) {
    EXPECT_EQ(std::ranges::count(invalidations, guard), 1);
    EXPECT_EQ(std::ranges::count(invalidations, map_.outside(guard)), 1);
  }
  invalidations.clear();
  ASSERT_TRUE(map_.seal_entry_page(page(0)));
  EXPECT_EQ(invalidations, (std::vector<std::uint64_t>{page(0), map_.outside(page(0))}));
}

TEST_F(MemoryMapTest, HostileArgumentsChangeNothing) {
  ASSERT_TRUE(launch());
  const std::uint64_t free_before = map_.pool().free_pages();
  const std::uint64_t huge[] = {~std::uint64_t{0}, std::uint64_t{1} << 63, std::uint64_t{1} << 52,
                                (std::uint64_t{1} << 52) - 1, mmram_pages};
  for (const std::uint64_t pages : huge) {
    EXPECT_FALSE(map_.allocate_pages(pages, 0));
    EXPECT_FALSE(map_.allocate_pages_at(page(500), pages));
    EXPECT_FALSE(map_.free_pages(page(500), pages));
    EXPECT_FALSE(map_.set_page_access(page(500), pages, no_rights, no_rights));
  }
  EXPECT_FALSE(map_.allocate_pages(0, 0));
  EXPECT_FALSE(map_.allocate_pages_at(page(500), 0));
  EXPECT_FALSE(map_.allocate_pages_at(page(500) + 1, 1));
  EXPECT_FALSE(map_.allocate_pages(1, mmram_base));
  EXPECT_FALSE(map_.allocate_pages(1, 1));
  for (const std::uint64_t address :
       {page(0), page(7), page(30), page(40), page(70), map_.capture(), map_.root(DomainId::drivers), std::uint64_t{0},
        comm_buffer, flash, std::uint64_t{0} - page_bytes}) {
    EXPECT_FALSE(map_.set_page_access(address, 1, read_write, read_write)) << std::hex << address;
    EXPECT_FALSE(map_.free_pages(address, 1)) << std::hex << address;
    EXPECT_FALSE(map_.allocate_pages_at(address, 1)) << std::hex << address;
  }
  EXPECT_EQ(map_.pool().free_pages(), free_before);
}

TEST_F(MemoryMapTest, CopiesAreCheckedOnBothSides) {
  ASSERT_TRUE(launch());
  const std::uint64_t mine = *map_.allocate_pages(2, 0);
  const std::uint64_t theirs = *map_.allocate_pages(2, 0);
  ASSERT_TRUE(map_.set_page_access(theirs, 2, no_rights, read_write));
  std::memset(at(theirs + page_bytes - 8), 0x5A, 16);
  ASSERT_TRUE(map_.read_driver(mine + 4090, theirs + page_bytes - 8, 16));
  EXPECT_EQ(*at(mine + 4090), std::byte{0x5A});
  EXPECT_EQ(*at(mine + 4105), std::byte{0x5A});
  ASSERT_TRUE(map_.write_driver(comm_buffer + 4090, mine + 4090, 16));
  EXPECT_EQ(*at(map_.capture() + 4100), std::byte{0x5A}) << "the message lies in MMRAM";

  const std::uint64_t bad[] = {0,
                               mine,
                               page(40),
                               page(30),
                               map_.root(DomainId::drivers),
                               mmram_base,
                               flash,
                               local_apic,
                               page(mmram_pages),
                               0x8000'0000'0000'0000,
                               ~std::uint64_t{0} - 7,
                               map_.outside(comm_buffer),
                               map_.capture()};
  for (const std::uint64_t address : bad) {
    EXPECT_FALSE(map_.read_driver(mine, address, 8)) << std::hex << address;
    EXPECT_FALSE(map_.write_driver(address, mine, 8)) << std::hex << address;
  }
  EXPECT_FALSE(map_.read_driver(theirs, theirs, 8)) << "into memory that isn't the foundation's";
  EXPECT_FALSE(map_.write_driver(theirs, theirs, 8));
  EXPECT_FALSE(map_.read_driver(mine, theirs, ~std::uint64_t{0}));
  EXPECT_FALSE(map_.read_driver(mine, theirs + 1, 2 * page_bytes));
  EXPECT_FALSE(map_.read_driver(mine + 1, theirs, 2 * page_bytes));
  EXPECT_TRUE(map_.read_driver(mine, theirs, 2 * page_bytes));
}

TEST_F(MemoryMapTest, ReadOnlyPagesOfDriversRefuseWrites) {
  ASSERT_TRUE(launch());
  const std::uint64_t mine = *map_.allocate_pages(1, 0);
  const std::uint64_t table = *map_.allocate_pages(1, 0);
  ASSERT_TRUE(map_.set_page_access(table, 1, read_write, read_only));
  EXPECT_TRUE(map_.read_driver(mine, table, 8));
  EXPECT_FALSE(map_.write_driver(table, mine, 8));
}

TEST_F(MemoryMapTest, WhatTheFoundationMayOnlyReadIsNotWrittenForIt) {
  ASSERT_TRUE(launch());
  const std::uint64_t mine = *map_.allocate_pages(1, 0);
  const std::uint64_t theirs = *map_.allocate_pages(2, 0);
  ASSERT_TRUE(map_.set_page_access(theirs, 1, no_rights, read_write));
  ASSERT_TRUE(map_.set_page_access(theirs + page_bytes, 1, read_only, read_write));
  *at<std::uint64_t>(mine) = 0x1234;
  EXPECT_TRUE(map_.write_driver(theirs, mine, 8));
  EXPECT_FALSE(map_.write_driver(theirs + page_bytes, mine, 8));
  EXPECT_FALSE(map_.write_driver(theirs + page_bytes - 4, mine, 8));
  EXPECT_EQ(*at<std::uint32_t>(theirs + page_bytes - 4), 0u) << "nothing moves before all is checked";
  EXPECT_TRUE(map_.read_driver(mine, theirs + page_bytes, 8));
  // No bytes at all, where addresses end: nothing is looked at.
  EXPECT_TRUE(map_.write_driver(~std::uint64_t{0}, mine, 0));
}

// Random operations against what the records say: the tables always agree with them, and free pages add up.
TEST_F(MemoryMapTest, RandomOperationsKeepTablesAndRecordsInStep) {
  ASSERT_TRUE(launch());
  std::mt19937_64 random(20261124);
  struct Block {
    std::uint64_t address, pages;
  };
  std::vector<Block> blocks;
  const std::uint64_t free_before = map_.pool().free_pages();
  const abi::Rights rights_list[] = {no_rights, read_only, read_write, read_execute};
  for (int step = 0; step < 3000; ++step) {
    switch (random() % 3) {
      case 0: {
        const std::uint64_t pages = 1 + random() % 8;
        if (const auto address = map_.allocate_pages(pages, 0)) blocks.push_back({*address, pages});
        break;
      }
      case 1:
        if (!blocks.empty()) {
          const std::size_t which = random() % blocks.size();
          ASSERT_TRUE(map_.free_pages(blocks[which].address, blocks[which].pages));
          blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(which));
        }
        break;
      default:
        if (!blocks.empty()) {
          const Block& block = blocks[random() % blocks.size()];
          static_cast<void>(
              map_.set_page_access(block.address, block.pages, rights_list[random() % 4], rights_list[random() % 4]));
        }
    }
  }
  expect_write_xor_execute();
  for (std::uint64_t number = 0; number < mmram_pages; ++number) {
    const abi::PageAccess& given = map_.pool().find(PhysicalAddress(page(number)))->access;
    const bool by_foundation = given.holder == DomainId::foundation;
    const abi::Rights foundation = by_foundation ? given.holders : given.others;
    const abi::Rights drivers = by_foundation ? given.others : given.holders;
    const bool ring_3 = foundation != no_rights || drivers != no_rights;
    ASSERT_EQ(mapped(DomainId::foundation, page(number)), !ring_3 || foundation != no_rights);
    ASSERT_EQ(mapped(DomainId::drivers, page(number)), !ring_3 || drivers != no_rights);
    if (foundation != no_rights) ASSERT_TRUE(rights(DomainId::foundation, page(number)).user);
    if (drivers != no_rights)
      ASSERT_EQ(rights(DomainId::drivers, page(number)),
                (PageRights{.user = true, .write = drivers.write, .execute = drivers.execute}));
  }
  for (const Block& block : blocks) ASSERT_TRUE(map_.free_pages(block.address, block.pages));
  EXPECT_EQ(map_.pool().free_pages(), free_before);
}

TEST_F(MemoryMapTest, BootstrapPagesComeBackCleared) {
  ASSERT_TRUE(launch());
  const std::uint64_t free_before = map_.pool().free_pages();
  std::memset(at(record_.bootstrap_base), 0xEE, 100);
  map_.release_bootstrap(record_);
  EXPECT_EQ(map_.pool().free_pages(), free_before + 14);
  EXPECT_EQ(*at(record_.bootstrap_base), std::byte{0});
}

}  // namespace
}  // namespace redoubt::supervisor
