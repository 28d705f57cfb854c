// SPDX-License-Identifier: BSD-2-Clause-Patent
// The machine's CPUs in the order of the launch record: the boot processor first, the others as MP services number
// them. Every CPU must take part: one left at the default SMBASE would run whatever lies there in its next SMI.
#pragma once

#include "abi/pi/pei.hpp"
#include "launch/pei/reason.hpp"

namespace redoubt::launch {

class Processors {
 public:
  // Fails when MP services are missing, contradict themselves, or know of a CPU that is disabled.
  static Step<Processors> find(abi::PeiServicesPointer services);

  std::uint32_t count() const { return count_; }

  // The local APIC id of CPU `index` of the launch record.
  Step<std::uint32_t> apic_id(std::uint32_t index) const;

  // Runs `procedure` on CPU `index` and returns when it has returned. Fails after `milliseconds` for a CPU other than
  // this one, which then may still be running it.
  Step<void> run_on(std::uint32_t index, abi::ApProcedure procedure, void* argument, std::uint32_t milliseconds) const;

 private:
  Processors(abi::PeiServicesPointer services, abi::MpServicesPpi* ppi, std::uint32_t count, std::uint32_t self)
      : services_(services), ppi_(ppi), count_(count), boot_processor_(self) {}
  std::uint32_t number(std::uint32_t index) const;

  abi::PeiServicesPointer services_;
  abi::MpServicesPpi* ppi_;
  std::uint32_t count_;
  std::uint32_t boot_processor_;
};

// What this CPU says its APIC id is: CPUID leaf 0xB where it has one, else leaf 1.
std::uint32_t own_apic_id();

}  // namespace redoubt::launch
