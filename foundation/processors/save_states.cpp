// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/processors/save_states.hpp"

#include "abi/pi/mm_cpu.hpp"
#include "foundation/efi_status.hpp"

namespace redoubt::foundation {
namespace {

using abi::EfiStatus;
using abi::SystemStatus;
using Register = abi::MmSaveStateRegister;

EfiStatus status_of(SystemStatus status) {
  return status == SystemStatus::not_permitted ? abi::status::access_denied : to_efi_status(status);
}

}  // namespace

EfiStatus SaveStates::read_io(std::uint64_t width, std::uint64_t cpu, std::uint64_t buffer) {
  if (width < sizeof(abi::MmSaveStateIoInfo)) return abi::status::invalid_parameter;
  const auto packed = supervisor_.read_save_state(abi::CpuNumber{cpu}, Register::io, abi::Width{sizeof(std::uint64_t)});
  if (!packed.has_value()) return status_of(packed.error());
  abi::MmSaveStateIoInfo info{};
  info.data = *packed >> abi::save_state_io_data_shift;
  info.port = static_cast<std::uint16_t>(*packed >> abi::save_state_io_port_shift);
  info.type = static_cast<std::uint8_t>(*packed >> abi::save_state_io_type_shift);
  info.width = static_cast<std::uint8_t>(*packed);
  return memory_.write(buffer, info) ? abi::status::success : abi::status::invalid_parameter;
}

EfiStatus SaveStates::read(std::uint64_t width, std::uint32_t number, std::uint64_t cpu, std::uint64_t buffer) {
  if (cpu >= cpu_count_ || buffer == 0) return abi::status::invalid_parameter;
  const auto reg = static_cast<Register>(number);
  if (reg == Register::io) return read_io(width, cpu, buffer);
  if (reg == Register::lma && width != sizeof(std::uint8_t)) return abi::status::invalid_parameter;
  if (reg == Register::processor_id && width != sizeof(std::uint64_t)) return abi::status::invalid_parameter;
  const auto value = supervisor_.read_save_state(abi::CpuNumber{cpu}, reg, abi::Width{width});
  if (!value.has_value()) {
    // A CPU that isn't in MM has no save state to be read, and no identity either.
    const bool absent = reg == Register::processor_id && value.error() == SystemStatus::invalid_argument;
    return absent ? abi::status::not_found : status_of(value.error());
  }
  // Little-endian: the low bytes come first. The supervisor accepts no width beyond a register's.
  return supervisor_.store(DriverAddress(buffer), object_bytes(*value).first(width)) ? abi::status::success
                                                                                     : abi::status::invalid_parameter;
}

EfiStatus SaveStates::write(std::uint64_t width, std::uint32_t number, std::uint64_t cpu, std::uint64_t buffer) {
  if (cpu >= cpu_count_ || buffer == 0) return abi::status::invalid_parameter;
  std::uint64_t value = 0;
  if (width <= sizeof(value) && !supervisor_.fetch(writable_object_bytes(value).first(width), DriverAddress(buffer))) {
    return abi::status::invalid_parameter;
  }
  return status_of(status_of_call(
      supervisor_.write_save_state(abi::CpuNumber{cpu}, static_cast<Register>(number), abi::Width{width}, value)));
}

}  // namespace redoubt::foundation
