// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/pei/processors.hpp"

#include <cpuid.h>

namespace redoubt::launch {

Step<Processors> Processors::find(abi::PeiServicesPointer services) {
  void* interface = nullptr;
  if (abi::status::is_error((*services)->locate_ppi(services, &abi::MpServicesPpi::guid, 0, nullptr, &interface))) {
    return because("no MP services");
  }
  auto* ppi = static_cast<abi::MpServicesPpi*>(interface);
  abi::UintN all = 0;
  abi::UintN enabled = 0;
  abi::UintN self = 0;
  if (abi::status::is_error(ppi->get_number_of_processors(services, ppi, &all, &enabled)) ||
      abi::status::is_error(ppi->who_am_i(services, ppi, &self)) || all == 0 || all > 0x10000 || self >= all) {
    return because("MP services do not say which processors there are");
  }
  if (enabled != all) {
    return because("a processor is disabled and would keep its default SMBASE");
  }
  abi::ProcessorInformation information{};
  if (abi::status::is_error(ppi->get_processor_info(services, ppi, self, &information)) ||
      (information.status_flag & abi::ProcessorInformation::is_boot_processor) == 0) {
    return because("not running on the boot processor");
  }
  return Processors(services, ppi, static_cast<std::uint32_t>(all), static_cast<std::uint32_t>(self));
}

Step<std::uint32_t> Processors::apic_id(std::uint32_t index) const {
  abi::ProcessorInformation information{};
  if (abi::status::is_error(ppi_->get_processor_info(services_, ppi_, number(index), &information))) {
    return because("MP services do not describe a processor");
  }
  return static_cast<std::uint32_t>(information.processor_id);
}

Step<void> Processors::run_on(std::uint32_t index, abi::ApProcedure procedure, void* argument,
                              std::uint32_t milliseconds) const {
  if (index == 0) {
    procedure(argument);
    return {};
  }
  if (abi::status::is_error(
          ppi_->startup_this_ap(services_, ppi_, procedure, number(index), milliseconds * 1000, argument))) {
    return because("a processor cannot be started");
  }
  return {};
}

std::uint32_t Processors::number(std::uint32_t index) const {
  if (index == 0) {
    return boot_processor_;
  }
  return index <= boot_processor_ ? index - 1 : index;
}

std::uint32_t own_apic_id() {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
  std::uint32_t d = 0;
  __cpuid(0, a, b, c, d);
  if (a >= 0xB) {
    __cpuid_count(0xB, 0, a, b, c, d);
    if (b != 0) {
      return d;
    }
  }
  __cpuid(1, a, b, c, d);
  return b >> 24;
}

}  // namespace redoubt::launch
