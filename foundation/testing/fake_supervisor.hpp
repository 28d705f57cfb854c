// SPDX-License-Identifier: BSD-2-Clause-Patent
// The supervisor for host tests: the rules of abi/redoubt/syscall.hpp in an ordinary process. Its MMRAM is a mapping
// whose pages carry access rights for two domains; drivers are host functions of the Microsoft convention, or code in
// MMRAM; gates are real code that leads back into the foundation, so the MM system table works as it is.
//
// Rights are kept, not enforced on the processor: a "driver" of a test could touch anything. What is checked is what
// the foundation asks for: every copy against the rights of drivers, every free and change of rights against what was
// allocated, write and execute against each other. Memory of the test itself (stacks, constants) counts as drivers'
// memory, unless it was hidden with hide().
//
// A driver's code is in its image, and the foundation takes nothing else for it. Functions of the test stand for code
// of drivers all the same: what one calls is called by the driver that runs, and where one is registered, the
// foundation sees a jump to it in that driver's image.
//
// sdk/harness builds on this class: there rights are enforced, and faults of drivers are real.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "abi/redoubt/syscall.hpp"
#include "foundation/foundation.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation::testing {

class FakeSupervisor : public Supervisor {
 public:
  explicit FakeSupervisor(std::uint64_t mmram_pages = 4096, std::uint64_t cpus = 2)
      : FakeSupervisor(mmram_pages, cpus, 0) {}
  virtual ~FakeSupervisor();
  FakeSupervisor(const FakeSupervisor&) = delete;
  FakeSupervisor& operator=(const FakeSupervisor&) = delete;

  // Whom the gates lead to. The object is hidden from drivers.
  void attach(Foundation& foundation);

  // A record for Foundation::launch; volume and HOB list are copied into MMRAM, readable by the foundation.
  const abi::FoundationLaunch& launch_record(std::span<const std::byte> volume, std::span<const std::byte> hobs);

  // Ends the innermost driver call with a fault, as an exception in the driver would. Only a driver may call it; its
  // frames are gone without their destructors.
  // `rip`: where; 0 = in the function called.
  [[noreturn]] static void fault(std::uint32_t vector, std::uint64_t address = 0, std::uint64_t rip = 0);

  // Other CPUs are threads. A procedure that loops calls this to let itself be stopped.
  static void pause();
  // Waits for the procedure on the CPU to end, without the foundation's knowledge.
  void await_procedure(std::uint64_t cpu) const;

  // Memory of the test's own that drivers must not reach.
  void hide(const void* address, std::size_t bytes) { hidden_.push_back({address_of(address), bytes}); }
  // The next `count` allocations succeed, those after fail until allow_allocations().
  void fail_allocations_after(std::size_t count) { allocations_left_ = count; }
  void allow_allocations() { allocations_left_ = SIZE_MAX; }

  // What tests look at and set.
  std::map<std::uint64_t, std::uint64_t> ports;  // those that policy gives to drivers, with their values
  // Devices in memory: registers by address, each as wide as what is done to it; where and how large they are.
  std::map<std::uint64_t, std::uint64_t> device_registers;
  std::uint64_t device_base = 0;
  std::uint64_t device_bytes = 0;
  // RAM outside MMRAM, which isn't there, and what of it was opened to drivers: base and pages.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> outside_ram = {{0x1000'0000, 0x1000}};
  std::vector<std::pair<std::uint64_t, std::uint64_t>> unblocked;
  // What hold_processors() answers: CPUs presumed stopped, or nothing if a CPU runs outside. Not set: all are held.
  std::function<std::optional<std::uint64_t>()> processors_held;
  std::vector<abi::StopRequest> stops;  // what stop_machine() was asked; it always refuses
  std::vector<std::string> lines;       // the log
  bool root_interest = false;
  std::uint64_t mmi_count = 0;
  std::uint64_t fault_count = 0;
  std::map<std::string, std::size_t> calls;  // system calls made, by name
  std::uint64_t tick_count = 0;              // advances by one with each look at it
  std::uint32_t depth_limit = abi::domain_call_depth;
  std::set<std::uint64_t> held;  // CPUs that procedures can be started on
  std::uint32_t ticks_per_microsecond = 1;
  // A register of a save state: only these exist.
  struct SaveStateRegister {
    std::uint64_t value = 0;
    std::uint64_t width = 8;
    bool allowed = true;  // by policy
    bool writable = true;
  };
  std::map<std::pair<std::uint64_t, std::uint32_t>, SaveStateRegister> save_states;  // by CPU and number
  // Where the next services are called from, if not from the driver that runs.
  std::optional<std::uint64_t> return_address;
  // For the launch record.
  abi::DriverLimits limits = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
  abi::Guid reserve_file{};
  std::uint32_t reserve_pages = 0;

  std::uint64_t used_pages() const;
  std::uint64_t mmram_base() const { return base_; }
  std::uint64_t mmram_bytes() const { return pages_.size() * page_bytes; }
  std::uint64_t comm_buffer() const { return address_of(comm_buffer_.data()); }
  std::uint64_t comm_buffer_size() const { return comm_buffer_.size(); }
  // Rights of drivers and of the foundation to the page of an address; none outside MMRAM.
  abi::Rights driver_rights(std::uint64_t address) const;
  abi::Rights foundation_rights(std::uint64_t address) const;
  bool allocated(std::uint64_t address) const;
  // True if a line contains the text.
  bool logged(std::string_view text) const;

#define REDOUBT_X(number, name, Value, parameters, names) SystemResult<abi::AnswerOf<Value>> name parameters override;
  REDOUBT_RETURNING_CALLS(REDOUBT_X)
#undef REDOUBT_X
  // Those of the interface that take objects.
  using Supervisor::call_driver, Supervisor::check_procedure, Supervisor::log, Supervisor::start_procedure,
      Supervisor::stop_machine;
  std::uint64_t ticks() override { return ++tick_count; }

  // For the gate stubs.
  virtual std::uint64_t serve(std::uint64_t number, const abi::ServiceCall& call);
  std::uint64_t return_address_of(const void* caller) const;

  // A jump to the test's function in the image of a driver that has run; 0 without one or without room there.
  std::uint64_t jump_in_image(std::uint32_t driver, std::uint64_t function);
  // The same for any address in the test's code, and the driver that ran when it was first asked about.
  std::uint64_t code_of_driver(std::uint64_t address);
  // Where such a jump leads; any other address itself.
  std::uint64_t function_at(std::uint64_t address) const;

 protected:
  enum class Domain { foundation, driver };
  struct Page {
    bool allocated = false;
    abi::Rights foundation{};
    abi::Rights drivers{};
  };
  // What became of a call into a driver.
  struct Outcome {
    bool faulted = false;
    std::uint64_t result = 0;
    std::uint32_t vector = 0;  // when faulted, as the rest
    std::uint64_t address = 0;
    std::uint64_t rip = 0;
  };

  // MMRAM at `preferred_base` if that is free in this process; 0 = anywhere.
  FakeSupervisor(std::uint64_t mmram_pages, std::uint64_t cpus, std::uint64_t preferred_base);

  // Runs a driver's function; execution may start at `entry`.
  virtual Outcome run(abi::DriverCall& call, const std::array<std::uint64_t, 4>& arguments);
  // Whose code runs from now on.
  virtual void enter(Domain domain) { domain_ = domain; }
  // Copies from or to MMRAM or memory of a driver that driver_may() allows, whatever the rights of domains are; false
  // if it isn't there.
  virtual bool copy(void* destination, const void* source, std::size_t bytes);
  // The same for bytes of MMRAM that are to have one value.
  virtual void fill(std::uint64_t address, int value, std::size_t bytes);

  bool in_mmram(std::uint64_t address) const { return address >= base_ && address - base_ < mmram_bytes(); }
  const Page* page_at(std::uint64_t address) const;
  std::span<const Page> pages() const { return pages_; }
  Domain domain() const { return domain_; }
  Foundation* foundation() const { return foundation_; }
  void use_comm_buffer(std::span<std::byte> memory) { comm_buffer_ = memory; }

 private:
  struct Hidden {
    std::uint64_t base;
    std::uint64_t bytes;
  };
  struct RunningProcedure;

  std::span<Page> range(std::uint64_t address, std::uint64_t pages);
  bool driver_may(std::uint64_t address, std::size_t bytes, abi::Rights rights) const;
  std::uint64_t* device_register(PhysicalAddress device, abi::Width width);
  void take(std::span<Page> pages);
  std::uint64_t place(std::span<const std::byte> bytes);
  void write_gates();

  std::uint64_t base_ = 0;
  std::vector<Page> pages_;
  std::vector<Hidden> hidden_;
  std::vector<std::byte> own_comm_buffer_;
  std::span<std::byte> comm_buffer_ = own_comm_buffer_;
  std::byte* gates_ = nullptr;
  std::size_t allocations_left_ = SIZE_MAX;
  std::uint64_t cpus_;
  abi::FoundationLaunch launch_{};
  Foundation* foundation_ = nullptr;
  Domain domain_ = Domain::foundation;
  std::map<std::uint64_t, std::unique_ptr<RunningProcedure>> procedures_;  // by CPU
  std::uint32_t depth_ = 0;
  std::uint32_t running_ = 0;                         // the driver
  std::map<std::uint32_t, std::uint64_t> entries_;    // of drivers that have run: their entry points
  std::map<std::uint64_t, std::uint64_t> functions_;  // by address of the jump
};

}  // namespace redoubt::foundation::testing
