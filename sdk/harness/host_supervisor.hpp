// SPDX-License-Identifier: BSD-2-Clause-Patent
// The supervisor of the harness: the fake one of the foundation's tests, with what a driver author has to see of the
// real one. The rights of pages are the processor's business here, drivers run on stacks of their own, exceptions in
// drivers are contained and reported, ports answer.
//
// It must learn what it reports about drivers from what the foundation does (calls, log lines, MM services), not from
// the foundation's insides, which change.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "foundation/testing/fake_supervisor.hpp"
#include "sdk/harness/driver_stack.hpp"
#include "sdk/harness/harness.hpp"
#include "sdk/harness/signals.hpp"

namespace redoubt::sdk {

class HostSupervisor final : public foundation::testing::FakeSupervisor, private ExceptionHandler {
 public:
  explicit HostSupervisor(const HarnessOptions& options);
  ~HostSupervisor() override;

  // The foundation, which drivers can't reach while they run.
  foundation::Foundation& foundation_object() const { return *foundation_object_; }

  // Drivers in the order of add_image and add_driver, which the harness fills in before launch.
  std::vector<Driver> drivers;
  std::vector<Fault> faults;
  std::map<std::uint16_t, PortDevice> devices;
  std::optional<abi::Guid> message;  // that is being served

  // The test's own code as a driver: where its calls lead, and the fault that ended it, if one did.
  std::uint64_t test_entry = 0;
  std::optional<Fault> test_fault;

  std::vector<FunctionProfile> profile() const;
  std::string driver_name(std::uint32_t number) const;
  std::string gdb_commands() const;
  Result<std::span<std::byte>, HarnessError> add_memory(std::uint64_t address, std::size_t bytes, MemoryAccess access);
  // The same for RAM, which drivers may use by their own instructions alone.
  Result<std::span<std::byte>, HarnessError> add_ram(std::uint64_t address, std::size_t bytes);

  // The supervisor's interface, where it differs from the fake's.
  abi::SystemResult<PhysicalAddress> allocate_pages(std::uint64_t pages, PhysicalAddress limit) override;
  abi::SystemResult<void> allocate_pages_at(PhysicalAddress base, std::uint64_t pages) override;
  abi::SystemResult<void> free_pages(PhysicalAddress base, std::uint64_t pages) override;
  abi::SystemResult<void> set_page_access(PhysicalAddress base, std::uint64_t pages, abi::PageAccess access) override;
  abi::SystemResult<void> call_driver(FoundationAddress call) override;
  abi::SystemResult<void> log(Range<FoundationSpace> text) override;
  abi::SystemResult<std::uint64_t> read_io(std::uint64_t port, abi::Width width) override;
  abi::SystemResult<void> write_io(std::uint64_t port, abi::Width width, std::uint64_t value) override;
  abi::SystemResult<void> check_device(Range<PhysicalSpace> device) override;
  abi::SystemResult<std::uint64_t> read_device(PhysicalAddress device, abi::Width width) override;
  abi::SystemResult<void> write_device(PhysicalAddress device, abi::Width width, std::uint64_t value) override;
  std::uint64_t ticks() override;
  std::uint64_t serve(std::uint64_t number, const abi::ServiceCall& call) override;

 protected:
  Outcome run(abi::DriverCall& call, const std::array<std::uint64_t, 4>& arguments) override;
  void enter(Domain domain) override;
  bool copy(void* destination, const void* source, std::size_t bytes) override;
  void fill(std::uint64_t address, int value, std::size_t bytes) override;

 private:
  struct ProfileKey {
    std::uint32_t driver;
    std::uint64_t function;
    std::optional<abi::Guid> message;
    bool operator<(const ProfileKey& other) const;
  };
  struct Ticks {
    std::uint64_t calls = 0;
    std::uint64_t least = 0;
    std::uint64_t most = 0;
    std::uint64_t total = 0;
  };
  struct Mapping {
    std::uint64_t base;
    std::uint64_t bytes;
    std::byte* alias;
    MemoryAccess access;
    bool is_device;
  };

  bool handle(ExceptionFrame& frame) override;
  bool play_device(ExceptionFrame& frame);
  std::string reason_of(const ExceptionFrame& frame) const;
  std::string what_is_at(std::uint64_t address) const;
  const Driver* image_at(std::uint64_t address) const;
  const Mapping* mapping_of(std::uint64_t address, std::uint64_t bytes) const;
  void apply_rights();
  // Lets the supervisor itself read and write what lies in MMRAM, until the next apply_rights().
  void open(std::uint64_t address, std::size_t bytes);
  // When the foundation calls a driver for the first time, which is its entry point: where its image lies.
  void note_loaded(const abi::DriverCall& call);
  Driver* driver_of_file(std::string_view guid_text);
  void read_line(std::string_view line);

  SignalHandlers signal_handlers_;
  DriverStack driver_stack_;
  DriverStack test_stack_;
  foundation::Foundation* foundation_object_ = nullptr;
  std::byte* comm_buffer_memory_ = nullptr;
  std::size_t comm_buffer_bytes_;
  std::vector<int> applied_;  // rights on the processor, by page
  std::map<std::uint32_t, DriverIndex> driver_of_number_;
  std::map<ProfileKey, Ticks> profile_;
  std::vector<Mapping> mappings_;
  std::optional<ExceptionFrame> exception_;  // that ended the latest call
  std::string exception_reason_;
  bool print_log_;
};

// Called once for each image, when it lies where it will run and before it does: where a debugger stops to learn of it.
extern "C" void redoubt_driver_loaded(const char* symbols, std::uint64_t offset);

}  // namespace redoubt::sdk
