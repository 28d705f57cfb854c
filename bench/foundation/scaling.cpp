// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the foundation's look-ups cost as its databases grow: each operation on databases of several sizes, between two
// marks for callgrind, which counts the instructions (bench/foundation/run). Seconds would be noise. The supervisor
// below does next to nothing, so that what is counted is the foundation's own work.
#include <sys/mman.h>
#include <valgrind/callgrind.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "foundation/foundation.hpp"
#include "foundation/testing/launch_input.hpp"

namespace redoubt::foundation {
namespace {

using abi::Guid;
using abi::SystemStatus;

constexpr std::uint64_t mmram_bytes = std::uint64_t{1} << 28;
constexpr std::size_t samples = 256;  // operations in one measurement
constexpr std::array<std::uint32_t, 8> protocol_counts = {1, 4, 16, 64, 256, 1024, 4096, 10000};
constexpr std::array<std::uint32_t, 6> handler_counts = {1, 4, 16, 64, 256, 1000};

// Pages one behind the other; copies and calls succeed at once.
class NullSupervisor final : public Supervisor {
 public:
  NullSupervisor() {
    memory_ = mmap(nullptr, mmram_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory_ == MAP_FAILED) std::abort();
    next_ = base();
  }
  ~NullSupervisor() { munmap(memory_, mmram_bytes); }
  NullSupervisor(const NullSupervisor&) = delete;
  NullSupervisor& operator=(const NullSupervisor&) = delete;

  std::uint64_t base() const { return address_of(memory_); }

  SystemResult<PhysicalAddress> allocate_pages(std::uint64_t pages, PhysicalAddress /*limit*/) override {
    const std::uint64_t address = next_;
    next_ += pages * page_bytes;
    if (next_ > base() + mmram_bytes) return refused(SystemStatus::out_of_memory);
    return PhysicalAddress(address);
  }
  SystemResult<void> allocate_pages_at(PhysicalAddress, std::uint64_t) override {
    return refused(SystemStatus::out_of_memory);
  }
  SystemResult<void> free_pages(PhysicalAddress, std::uint64_t) override { return {}; }
  SystemResult<void> set_page_access(PhysicalAddress, std::uint64_t, abi::PageAccess) override { return {}; }
  SystemResult<void> read_driver(FoundationAddress to, Range<DriverSpace> from) override {
    std::memcpy(at_address<std::byte>(to.number), at_address<std::byte>(from.base().number), from.bytes());
    return {};
  }
  SystemResult<void> write_driver(DriverAddress to, Range<FoundationSpace> from) override {
    std::memcpy(at_address<std::byte>(to.number), at_address<std::byte>(from.base().number), from.bytes());
    return {};
  }
  SystemResult<void> call_driver(FoundationAddress address) override {
    auto& call = *at_address<abi::DriverCall>(address.number);
    if (entry == 0) entry = call.entry;
    call.result = abi::status::success;
    return {};
  }
  SystemResult<void> set_root_interest(bool) override { return {}; }
  SystemResult<void> log(Range<FoundationSpace>) override { return {}; }
  SystemResult<std::uint64_t> read_io(std::uint64_t, abi::Width) override { return 0; }
  SystemResult<void> write_io(std::uint64_t, abi::Width, std::uint64_t) override { return {}; }
  SystemResult<void> read_memory_statistics(FoundationAddress) override { return {}; }
  SystemResult<void> check_device(Range<PhysicalSpace>) override { return refused(SystemStatus::not_permitted); }
  SystemResult<std::uint64_t> read_device(PhysicalAddress, abi::Width) override { return 0; }
  SystemResult<void> write_device(PhysicalAddress, abi::Width, std::uint64_t) override { return {}; }
  SystemResult<std::uint64_t> read_save_state(abi::CpuNumber, abi::MmSaveStateRegister, abi::Width) override {
    return 0;
  }
  SystemResult<void> write_save_state(abi::CpuNumber, abi::MmSaveStateRegister, abi::Width, std::uint64_t) override {
    return refused(SystemStatus::not_permitted);
  }
  SystemResult<void> start_procedure(abi::CpuNumber, FoundationAddress) override {
    return refused(SystemStatus::not_found);
  }
  SystemResult<abi::ProcessorState> check_procedure(abi::CpuNumber, FoundationAddress) override {
    return abi::ProcessorState::absent;
  }
  SystemResult<void> stop_procedure(abi::CpuNumber) override { return refused(SystemStatus::not_found); }
  SystemResult<bool> unblock_memory(PhysicalAddress, std::uint64_t) override {
    return refused(SystemStatus::not_permitted);
  }
  SystemResult<std::uint64_t> hold_processors() override { return 0; }
  SystemResult<void> stop_machine(FoundationAddress) override { return refused(SystemStatus::not_permitted); }
  std::uint64_t ticks() override { return 0; }

  std::uint64_t entry = 0;  // of the first driver

 private:
  static std::unexpected<SystemStatus> refused(SystemStatus status) { return std::unexpected(status); }

  void* memory_ = nullptr;
  std::uint64_t next_ = 0;
};

template <typename T>
std::uint64_t number_of(T* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

// A foundation with nothing in it but what it installs itself and one driver, which all services are called by.
class Bench {
 public:
  Bench() : foundation_(std::make_unique<Foundation>(supervisor_)) {
    abi::FoundationLaunch launch{};
    using namespace testing;
    const ByteVector image =
        section(abi::SectionType::pe32, pe_image({.text = ByteVector(16), .data = {}, .pointers = {}}));
    const ByteVector drivers = volume({file(guid_of_driver, abi::FileType::mm_standalone, image)});
    launch.volume_base = number_of(drivers.data());
    launch.volume_size = drivers.size();
    launch.hob_base = supervisor_.base();
    launch.gates = supervisor_.base();
    launch.mmram_base = supervisor_.base();
    launch.mmram_size = mmram_bytes;
    launch.cpu_count = 1;
    launch.limits = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    must(foundation_->launch(launch), "launch");
  }

  void must(abi::EfiStatus status, const char* what) {
    if (status == abi::status::success) return;
    std::fprintf(stderr, "%s: status 0x%llx\n", what, static_cast<unsigned long long>(status));
    std::exit(1);
  }
  abi::EfiStatus call(Service service, std::uint64_t a0, std::uint64_t a1 = 0, std::uint64_t a2 = 0,
                      std::uint64_t a3 = 0, std::uint64_t a4 = 0) {
    return foundation_->service(static_cast<std::uint64_t>(service),
                                abi::ServiceCall{{a0, a1, a2, a3, a4, 0, 0, 0}, function()});
  }
  // Of the driver's.
  std::uint64_t function() const { return supervisor_.entry; }
  abi::EfiStatus mmi(const Guid& guid) {
    abi::MmiEvent event{};
    event.has_message = 1;
    event.guid = guid;
    return foundation_->mmi(event).status;
  }

 private:
  static constexpr Guid guid_of_driver = {1, 2, 3, {}};

  NullSupervisor supervisor_;
  std::unique_ptr<Foundation> foundation_;
};

// GUIDs as tools make them: random.
std::vector<Guid> guids(std::size_t count) {
  std::mt19937_64 random(1);
  std::vector<Guid> made(count);
  for (Guid& guid : made) {
    const std::array<std::uint64_t, 2> words = {random(), random()};
    std::memcpy(&guid, words.data(), sizeof(guid));
  }
  return made;
}

// Runs operation(index of a random entry) `samples` times between two marks; `size` is how large the database is.
template <typename Operation>
void measure(const char* name, std::size_t size, Operation operation) {
  std::mt19937_64 random(2);
  std::array<std::size_t, samples> entries{};
  for (std::size_t& entry : entries) entry = random() % size;
  operation(entries[0]);  // what the first one brings about alone is none of the others' cost
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  for (const std::size_t entry : entries) operation(entry);
  const std::string mark = std::string(name) + " " + std::to_string(size) + " " + std::to_string(samples);
  CALLGRIND_DUMP_STATS_AT(mark.c_str());
  CALLGRIND_STOP_INSTRUMENTATION;
}

void measure_protocols(std::size_t count) {
  Bench bench;
  const std::vector<Guid> names = guids(count + 1);
  std::vector<std::uint64_t> handles(count);
  const auto install = [&](const Guid& guid, std::uint64_t& handle) {
    return bench.call(Service::install_protocol_interface, number_of(&handle), number_of(&guid), 0, 0x1000);
  };
  for (std::size_t i = 0; i < count; ++i) bench.must(install(names[i], handles[i]), "install");

  std::uint64_t result = 0;
  measure("LocateProtocol", count, [&](std::size_t i) {
    bench.must(bench.call(Service::locate_protocol, number_of(&names[i]), 0, number_of(&result)), "locate");
  });
  measure("HandleProtocol", count, [&](std::size_t i) {
    bench.must(bench.call(Service::handle_protocol, handles[i], number_of(&names[i]), number_of(&result)), "handle");
  });
  measure("LocateHandle", count, [&](std::size_t i) {
    std::uint64_t size = sizeof(result);
    bench.must(bench.call(Service::locate_handle, abi::by_protocol, number_of(&names[i]), 0, number_of(&size),
                          number_of(&result)),
               "locate handle");
  });
  measure("Install+Uninstall", count, [&](std::size_t) {
    std::uint64_t handle = 0;
    bench.must(install(names[count], handle), "install");
    bench.must(bench.call(Service::uninstall_protocol_interface, handle, number_of(&names[count]), 0x1000),
               "uninstall");
  });
  measure("RegisterNotify+unhook", count, [&](std::size_t i) {
    bench.must(
        bench.call(Service::register_protocol_notify, number_of(&names[i]), bench.function(), number_of(&result)),
        "notify");
    bench.must(bench.call(Service::register_protocol_notify, number_of(&names[i]), 0, number_of(&result)), "unhook");
  });
}

// The two ways in which handles and protocols can be unevenly many, and GUIDs that differ in a counter alone.
void measure_uneven(std::size_t count) {
  std::uint64_t result = 0;
  const auto install = [](Bench& bench, std::uint64_t& handle, const Guid& guid) {
    bench.must(bench.call(Service::install_protocol_interface, number_of(&handle), number_of(&guid), 0, 0x1000),
               "install");
  };
  const auto look_up = [&](Bench& bench, std::uint64_t handle, const Guid& guid) {
    bench.must(bench.call(Service::handle_protocol, handle, number_of(&guid), number_of(&result)), "handle");
  };
  std::vector<Guid> names = guids(count);
  {
    Bench bench;
    std::vector<std::uint64_t> handles(count);
    for (std::uint64_t& handle : handles) install(bench, handle, names[0]);
    measure("HandleProtocol.1.protocol", count, [&](std::size_t i) { look_up(bench, handles[i], names[0]); });
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    names[i] = names[0];
    names[i].data1 = i;
  }
  Bench bench;
  std::uint64_t handle = 0;
  for (const Guid& guid : names) install(bench, handle, guid);
  measure("HandleProtocol.1.handle", count, [&](std::size_t i) { look_up(bench, handle, names[i]); });
}

void measure_handlers(std::size_t count) {
  Bench bench;
  const std::vector<Guid> names = guids(count + 1);
  std::uint64_t handle = 0;
  const auto add = [&](const Guid& guid) {
    return bench.call(Service::mmi_handler_register, bench.function(), number_of(&guid), number_of(&handle));
  };
  for (std::size_t i = 0; i < count; ++i) bench.must(add(names[i]), "register");
  measure("MMI", count, [&](std::size_t i) { bench.must(bench.mmi(names[i]), "MMI"); });
  measure("MMI.unknown.GUID", count, [&](std::size_t) {
    if (bench.mmi(names[count]) != abi::status::not_found) std::exit(1);
  });
  measure("MmiManage", count,
          [&](std::size_t i) { bench.must(bench.call(Service::mmi_manage, number_of(&names[i])), "manage"); });
  measure("HandlerRegister+UnRegister", count, [&](std::size_t i) {
    bench.must(add(names[i]), "register");
    bench.must(bench.call(Service::mmi_handler_unregister, handle), "unregister");
  });
}

}  // namespace
}  // namespace redoubt::foundation

int main() {
  for (const std::uint32_t count : redoubt::foundation::protocol_counts) {
    redoubt::foundation::measure_protocols(count);
    redoubt::foundation::measure_uneven(count);
  }
  for (const std::uint32_t count : redoubt::foundation::handler_counts) redoubt::foundation::measure_handlers(count);
  return 0;
}
