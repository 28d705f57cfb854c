// SPDX-License-Identifier: BSD-2-Clause-Patent
// The memory map over an array that stands for MMRAM: what each domain can reach after launch, and everything that
// a hostile foundation may ask for.
#include "supervisor/memory/memory_map.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

namespace redoubt::supervisor {
namespace {

constexpr std::uint64_t mmram_base = 0x1F001000;
constexpr std::uint64_t mmram_pages = 1024;
constexpr std::uint64_t comm_buffer = 0x1E000000;
constexpr std::uint64_t comm_pages = 4;
constexpr std::uint64_t flash = 0xFFC00000;
constexpr std::uint64_t local_apic = 0xFEE00000;
constexpr std::uint64_t read_write = abi::page_read | abi::page_write;
constexpr std::uint64_t read_execute = abi::page_read | abi::page_execute;

std::vector<std::uint64_t> invalidations;

MemoryHardware test_hardware() {
  return {.invalidate_page = [](std::uint64_t address) { invalidations.push_back(address); }, .execute_disable = true};
}

class MemoryMapTest : public testing::Test {
 protected:
  MemoryMapTest() : mmram_(mmram_pages * page_bytes), memory_(mmram_.data(), mmram_base) {
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
      memory_.at<abi::LaunchCpu>(record_.cpus)[cpu] = {cpu, 0, mmram_base - 0x8000 + std::uint64_t{cpu} * 0x2000};
  }

  static constexpr std::uint64_t page(std::uint64_t number) { return mmram_base + number * page_bytes; }
  static constexpr std::uint64_t record_address = mmram_base + 30 * page_bytes;

  Result<void> launch() {
    const ImageSection sections[] = {
        {page(40), 10, false, true}, {page(50), 5, false, false}, {page(55), 5, true, false}};
    const OutsideMapping outside[] = {{flash, 0x84, true, true, false}, {local_apic, 1, false, true, false}};
    return map_.initialize(record_, record_address, sections, outside, test_hardware(), memory_, memory_);
  }

  PageRights rights(Domain domain, std::uint64_t address) const {
    const auto found = map_.space(domain).find(address);
    EXPECT_TRUE(found.has_value()) << std::hex << address;
    return found ? found->rights : PageRights{};
  }
  bool mapped(Domain domain, std::uint64_t address) const { return map_.space(domain).find(address).has_value(); }

  // No page may be writable through one mapping and executable through another.
  void expect_write_xor_execute() {
    for (std::uint64_t number = 0; number < mmram_pages; ++number) {
      bool write = false;
      bool execute = false;
      for (const Domain domain : {Domain::foundation, Domain::driver}) {
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
  MemoryMap map_;
};

TEST_F(MemoryMapTest, LaunchMapsExactlyWhatItShould) {
  ASSERT_TRUE(launch());
  for (const Domain domain : {Domain::foundation, Domain::driver}) {
    EXPECT_EQ(rights(domain, page(40)), (PageRights{.execute = true}));
    EXPECT_EQ(rights(domain, page(50)), PageRights{});
    EXPECT_EQ(rights(domain, page(55)), (PageRights{.write = true}));
    EXPECT_EQ(rights(domain, comm_buffer), (PageRights{.user = true, .write = true}));
    EXPECT_EQ(map_.space(domain).find(comm_buffer + 5)->physical, map_.capture() + 5);
    EXPECT_EQ(map_.space(domain).find(MemoryMap::outside(comm_buffer))->physical, comm_buffer);
    EXPECT_FALSE(rights(domain, MemoryMap::outside(comm_buffer)).user);
    EXPECT_FALSE(rights(domain, MemoryMap::outside(local_apic)).user);
    EXPECT_FALSE(rights(domain, MemoryMap::outside(flash)).user);
    EXPECT_TRUE(rights(domain, MemoryMap::outside(flash)).uncached);
    EXPECT_FALSE(mapped(domain, local_apic));
    EXPECT_FALSE(mapped(domain, mmram_base - 1));
    EXPECT_FALSE(mapped(domain, mmram_base + mmram_pages * page_bytes));
    EXPECT_FALSE(mapped(domain, 0));
    EXPECT_FALSE(mapped(domain, comm_buffer - 1));
    EXPECT_FALSE(mapped(domain, comm_buffer + (comm_pages + 1) * page_bytes));
  }
  EXPECT_EQ(rights(Domain::foundation, page(70)), (PageRights{.user = true}));
  EXPECT_FALSE(mapped(Domain::driver, page(70)));
  EXPECT_EQ(rights(Domain::driver, flash), (PageRights{.user = true, .write = true, .uncached = true}));
  EXPECT_FALSE(mapped(Domain::foundation, flash));
  expect_write_xor_execute();
  // Nothing that ring 3 could use besides the message, volume and HOB list.
  for (std::uint64_t number = 0; number < mmram_pages; ++number) {
    if (number >= 70 && number < 122) continue;
    EXPECT_FALSE(rights(Domain::foundation, page(number)).user) << number;
    EXPECT_FALSE(rights(Domain::driver, page(number)).user) << number;
  }
}

// Ring 0's own view: whatever a domain may do with a page, for nobody else, and never to run from.
TEST_F(MemoryMapTest, TheWindowShowsAllButCodeAndGuards) {
  ASSERT_TRUE(launch());
  ASSERT_TRUE(map_.seal_entry_page(page(0)));
  const std::uint64_t top = *map_.allocate_stack(1, Domain::driver);
  const std::uint64_t code = *map_.allocate_pages(1, 0);
  ASSERT_TRUE(map_.set_page_access(code, 1, abi::page_none, read_execute));
  for (const Domain domain : {Domain::foundation, Domain::driver}) {
    for (std::uint64_t number = 0; number < mmram_pages; ++number) {
      const bool hidden =
          number == 0 || (number >= 40 && number < 55) || page(number) == top || page(number) == top - 2 * page_bytes;
      const auto found = map_.space(domain).find(physical_window + page(number));
      ASSERT_EQ(found.has_value(), !hidden) << number;
      if (!hidden) {
        ASSERT_EQ(found->rights, (PageRights{.write = true})) << number;
        ASSERT_EQ(found->physical, page(number));
      }
    }
  }
}

TEST_F(MemoryMapTest, EntryPagesBecomeExecutableOnce) {
  ASSERT_TRUE(launch());
  EXPECT_TRUE(rights(Domain::driver, page(0)).write);
  for (std::uint64_t cpu = 0; cpu < 4; ++cpu) ASSERT_TRUE(map_.seal_entry_page(page(2 * cpu)));
  EXPECT_EQ(rights(Domain::driver, page(0)), (PageRights{.execute = true}));
  EXPECT_EQ(rights(Domain::driver, page(7)), (PageRights{.write = true})) << "save state";
  EXPECT_FALSE(map_.seal_entry_page(page(7)));
  EXPECT_FALSE(map_.seal_entry_page(0));
  expect_write_xor_execute();
}

TEST_F(MemoryMapTest, RefusesRecordsThatContradictThemselves) {
  const auto refused = [this](auto change) {
    const abi::LaunchRecord good = record_;
    change(record_);
    MemoryMap fresh;
    map_ = fresh;
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
  memory_.at<abi::LaunchCpu>(record_.cpus)[2].smbase += 0x1000;
  refused([](auto&) {});
}

TEST_F(MemoryMapTest, StacksHaveGuards) {
  ASSERT_TRUE(launch());
  const auto top = map_.allocate_stack(4, Domain::driver);
  ASSERT_TRUE(top);
  EXPECT_FALSE(mapped(Domain::driver, *top));
  EXPECT_TRUE(mapped(Domain::driver, *top - 1));
  EXPECT_FALSE(mapped(Domain::driver, *top - 4 * page_bytes - 1));
  EXPECT_TRUE(map_.permits(Domain::driver, *top - 16, 16, read_write));
  EXPECT_FALSE(map_.permits(Domain::driver, *top - 16, 17, abi::page_read));
  EXPECT_FALSE(map_.permits(Domain::foundation, *top - 16, 16, abi::page_read));
  EXPECT_FALSE(map_.free_pages(*top - page_bytes, 1)) << "the foundation freed a stack of the supervisor's making";
  EXPECT_FALSE(map_.set_page_access(*top - page_bytes, 1, read_write, 0));
}

TEST_F(MemoryMapTest, PagesMoveBetweenDomains) {
  ASSERT_TRUE(launch());
  const auto pages = map_.allocate_pages(3, 0);
  ASSERT_TRUE(pages);
  EXPECT_EQ(rights(Domain::foundation, *pages), (PageRights{.user = true, .write = true}));
  EXPECT_FALSE(mapped(Domain::driver, *pages)) << "ring 0 has the window";
  ASSERT_TRUE(map_.set_page_access(*pages, 1, abi::page_none, read_execute));
  EXPECT_EQ(rights(Domain::driver, *pages), (PageRights{.user = true, .execute = true}));
  EXPECT_FALSE(mapped(Domain::foundation, *pages)) << "writable elsewhere while executable here";
  ASSERT_TRUE(map_.set_page_access(*pages + page_bytes, 1, read_write, abi::page_read));
  EXPECT_EQ(rights(Domain::driver, *pages + page_bytes), (PageRights{.user = true}));
  expect_write_xor_execute();

  for (const std::uint64_t access :
       {std::uint64_t{7}, std::uint64_t{6}, std::uint64_t{2}, std::uint64_t{4}, std::uint64_t{8}, ~std::uint64_t{0}}) {
    EXPECT_FALSE(map_.set_page_access(*pages, 1, access, 0)) << access;
    EXPECT_FALSE(map_.set_page_access(*pages, 1, 0, access)) << access;
  }
  EXPECT_FALSE(map_.set_page_access(*pages, 1, read_write, read_execute)) << "write here, execute there";

  constexpr std::uint64_t unprotected = 15;  // the exception for unaligned images
  EXPECT_FALSE(map_.set_page_access(*pages, 1, unprotected, 0)) << "drivers only";
  EXPECT_FALSE(map_.set_page_access(*pages, 1, abi::page_read, unprotected)) << "drivers only";
  for (std::uint64_t access = 8; access < 15; ++access) EXPECT_FALSE(map_.set_page_access(*pages, 1, 0, access));
  ASSERT_TRUE(map_.set_page_access(*pages, 1, 0, unprotected));
  EXPECT_EQ(rights(Domain::driver, *pages), (PageRights{.user = true, .write = true, .execute = true}));
  EXPECT_FALSE(mapped(Domain::foundation, *pages));
  EXPECT_TRUE(map_.permits(Domain::driver, *pages, 1, abi::page_write));

  ASSERT_TRUE(map_.free_pages(*pages, 3));
  EXPECT_FALSE(rights(Domain::driver, *pages).user);
  EXPECT_FALSE(map_.free_pages(*pages, 3)) << "freed twice";
}

// The last place where it can be refused, whatever callers have looked at before.
TEST_F(MemoryMapTest, NoPageIsMappedWritableAndExecutableUnlessThatIsMeant) {
  std::vector<PageRecord> records(mmram_pages);
  PagePool pool;
  pool.initialize(mmram_base, records);
  AddressSpace space;
  ASSERT_TRUE(space.create(pool, memory_, true));
  for (const bool user : {false, true}) {
    EXPECT_FALSE(space.map(page(900), page(900), 1, {.user = user, .write = true, .execute = true}));
    EXPECT_FALSE(space.find(page(900)));
  }
  EXPECT_TRUE(space.map(page(900), page(900), 1, {.user = true, .write = true, .execute = true, .exception = true}));
  EXPECT_TRUE(space.find(page(900)));

  const ImageSection sections[] = {{page(40), 10, true, true}};
  EXPECT_FALSE(map_.initialize(record_, record_address, sections, {}, test_hardware(), memory_, memory_));
}

// MMRAM holds noise after power-on, and what the boot before left after a reset.
TEST_F(MemoryMapTest, WhatLayThereBeforeIsNobodysToRead) {
  std::memset(memory_.at(record_.used_end), 0xA5, (mmram_pages - 200) * page_bytes);
  ASSERT_TRUE(launch());
  const auto is_clear = [this](std::uint64_t address, std::uint64_t pages) {
    const std::byte* first = memory_.at(address);
    return std::all_of(first, first + pages * page_bytes, [](std::byte byte) { return byte == std::byte{0}; });
  };
  EXPECT_TRUE(is_clear(map_.capture(), comm_pages));
  for (std::uint64_t number = 0; number < mmram_pages; ++number) {
    if (map_.pool().find(page(number))->owner == PageOwner::free) {
      std::memset(memory_.at(page(number)), 0xA5, page_bytes);
    }
  }
  EXPECT_TRUE(is_clear(*map_.allocate_supervisor(2), 2));
  EXPECT_TRUE(is_clear(*map_.allocate_fixed(2), 2));
  EXPECT_TRUE(is_clear(*map_.allocate_stack(2, Domain::driver) - 2 * page_bytes, 2));
  ASSERT_TRUE(map_.allocate_pages_at(page(900), 2));
  EXPECT_TRUE(is_clear(page(900), 2));
  const std::uint64_t pages = *map_.allocate_pages(3, 0);
  EXPECT_TRUE(is_clear(pages, 3));
  // Nor what one owner left for the next.
  std::memset(memory_.at(pages), 0xA5, 3 * page_bytes);
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
  EXPECT_TRUE(forgets_both([&] { return map_.set_page_access(pages, 2, abi::page_none, read_write); }));
  EXPECT_TRUE(forgets_both([&] { return map_.set_page_access(pages, 2, abi::page_none, abi::page_read); }));
  EXPECT_TRUE(forgets_both([&] { return map_.free_pages(pages, 2); }));
  invalidations.clear();
  const std::uint64_t top = *map_.allocate_stack(1, Domain::driver);
  for (const std::uint64_t guard : {top, top - 2 * page_bytes}) {
    EXPECT_EQ(std::ranges::count(invalidations, guard), 1);
    EXPECT_EQ(std::ranges::count(invalidations, physical_window + guard), 1);
  }
  invalidations.clear();
  ASSERT_TRUE(map_.seal_entry_page(page(0)));
  EXPECT_EQ(invalidations, (std::vector<std::uint64_t>{page(0), physical_window + page(0)}));
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
    EXPECT_FALSE(map_.set_page_access(page(500), pages, 0, 0));
  }
  EXPECT_FALSE(map_.allocate_pages(0, 0));
  EXPECT_FALSE(map_.allocate_pages_at(page(500), 0));
  EXPECT_FALSE(map_.allocate_pages_at(page(500) + 1, 1));
  EXPECT_FALSE(map_.allocate_pages(1, mmram_base));
  EXPECT_FALSE(map_.allocate_pages(1, 1));
  for (const std::uint64_t address :
       {page(0), page(7), page(30), page(40), page(70), map_.capture(), map_.root(Domain::driver), std::uint64_t{0},
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
  ASSERT_TRUE(map_.set_page_access(theirs, 2, 0, read_write));
  std::memset(memory_.at(theirs + page_bytes - 8), 0x5A, 16);
  ASSERT_TRUE(map_.read_driver(mine + 4090, theirs + page_bytes - 8, 16));
  EXPECT_EQ(*memory_.at(mine + 4090), std::byte{0x5A});
  EXPECT_EQ(*memory_.at(mine + 4105), std::byte{0x5A});
  ASSERT_TRUE(map_.write_driver(comm_buffer + 4090, mine + 4090, 16));
  EXPECT_EQ(*memory_.at(map_.capture() + 4100), std::byte{0x5A}) << "the message lies in MMRAM";

  const std::uint64_t bad[] = {0,
                               mine,
                               page(40),
                               page(30),
                               map_.root(Domain::driver),
                               mmram_base,
                               flash,
                               local_apic,
                               page(mmram_pages),
                               0x8000'0000'0000'0000,
                               ~std::uint64_t{0} - 7,
                               MemoryMap::outside(comm_buffer),
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
  ASSERT_TRUE(map_.set_page_access(table, 1, read_write, abi::page_read));
  EXPECT_TRUE(map_.read_driver(mine, table, 8));
  EXPECT_FALSE(map_.write_driver(table, mine, 8));
}

TEST_F(MemoryMapTest, WhatTheFoundationMayOnlyReadIsNotWrittenForIt) {
  ASSERT_TRUE(launch());
  const std::uint64_t mine = *map_.allocate_pages(1, 0);
  const std::uint64_t theirs = *map_.allocate_pages(2, 0);
  ASSERT_TRUE(map_.set_page_access(theirs, 1, abi::page_none, read_write));
  ASSERT_TRUE(map_.set_page_access(theirs + page_bytes, 1, abi::page_read, read_write));
  *memory_.at<std::uint64_t>(mine) = 0x1234;
  EXPECT_TRUE(map_.write_driver(theirs, mine, 8));
  EXPECT_FALSE(map_.write_driver(theirs + page_bytes, mine, 8));
  EXPECT_FALSE(map_.write_driver(theirs + page_bytes - 4, mine, 8));
  EXPECT_EQ(*memory_.at<std::uint32_t>(theirs + page_bytes - 4), 0u) << "nothing moves before all is checked";
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
  const std::uint64_t rights_list[] = {0, abi::page_read, read_write, read_execute};
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
    const PageRecord* record = map_.pool().find(page(number));
    const bool ring_3 = record->foundation != 0 || record->drivers != 0;
    ASSERT_EQ(mapped(Domain::foundation, page(number)), !ring_3 || record->foundation != 0);
    ASSERT_EQ(mapped(Domain::driver, page(number)), !ring_3 || record->drivers != 0);
    if (record->foundation != 0) ASSERT_TRUE(rights(Domain::foundation, page(number)).user);
    if (record->drivers != 0)
      ASSERT_EQ(rights(Domain::driver, page(number)),
                (PageRights{.user = true,
                            .write = (record->drivers & abi::page_write) != 0,
                            .execute = (record->drivers & abi::page_execute) != 0}));
  }
  for (const Block& block : blocks) ASSERT_TRUE(map_.free_pages(block.address, block.pages));
  EXPECT_EQ(map_.pool().free_pages(), free_before);
}

TEST_F(MemoryMapTest, BootstrapPagesComeBackCleared) {
  ASSERT_TRUE(launch());
  const std::uint64_t free_before = map_.pool().free_pages();
  std::memset(memory_.at(record_.bootstrap_base), 0xEE, 100);
  map_.release_bootstrap(record_);
  EXPECT_EQ(map_.pool().free_pages(), free_before + 14);
  EXPECT_EQ(*memory_.at(record_.bootstrap_base), std::byte{0});
}

}  // namespace
}  // namespace redoubt::supervisor
