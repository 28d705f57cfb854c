// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/child_dispatch/mm_driver.hpp"

#include <new>

#include "abi/pi/mm_cpu.hpp"
#include "abi/pi/mm_protocols.hpp"
#include "drivers/child_dispatch/protocols.hpp"
#include "drivers/child_dispatch/requesting_cpu.hpp"
#include "platform/devices.hpp"
#include "sdk/driver_images.hpp"
#include "sdk/pool_allocator.hpp"

namespace redoubt::child_dispatch {
namespace {

using abi::EfiStatus;
using abi::Handle;
using abi::UintN;
namespace status = abi::status;
namespace board = platform::board;

// Policy lets drivers reach these registers through MmIo alone. Nothing here can fail but by a change of policy; all
// ones then, which is no command of a child (Dispatcher) and all events at once.
class Ich9 final : public Chipset {
 public:
  explicit Ich9(const abi::MmSystemTable& mmst) : io_(mmst.mm_io) {}

  std::uint8_t command() override { return read<std::uint8_t>(abi::mm_io_uint8, board::apm_command_port); }
  std::uint8_t data() override { return read<std::uint8_t>(abi::mm_io_uint8, board::apm_status_port); }
  void forget_command() override { write<std::uint8_t>(abi::mm_io_uint8, board::apm_command_port, 0); }
  std::uint16_t tco_status() override { return read<std::uint16_t>(abi::mm_io_uint16, board::tco1_status_port); }
  void clear_tco_status(std::uint16_t bits) override { write(abi::mm_io_uint16, board::tco1_status_port, bits); }
  bool enable_tco(bool enabled) override {
    const std::uint32_t wanted = enabled ? board::smi_en_tco : 0;
    write(abi::mm_io_uint32, board::smi_en_port, wanted);  // the other bits aren't a driver's to change
    return (read<std::uint32_t>(abi::mm_io_uint32, board::smi_en_port) & board::smi_en_tco) ==
           wanted;  // TCO_LOCK may have kept it
  }

 private:
  template <typename T>
  T read(abi::MmIoWidth width, std::uint16_t port) const {
    auto value = static_cast<T>(~T{0});
    io_.io.read(&io_, width, port, 1, &value);
    return value;
  }
  template <typename T>
  void write(abi::MmIoWidth width, std::uint16_t port, T value) const {
    io_.io.write(&io_, width, port, 1, &value);
  }

  const abi::MmCpuIoProtocol& io_;
};

// Through EFI_MM_CPU, as far as policy lets drivers see.
class SaveStates final : public InterruptedCode {
 public:
  explicit SaveStates(const abi::MmSystemTable& mmst) {
    void* interface = nullptr;
    if (mmst.locate_protocol(&abi::mm_cpu_protocol_guid, nullptr, &interface) == status::success) {
      protocol_ = static_cast<const abi::MmCpuProtocol*>(interface);
    }
  }

  std::optional<IoWrite> io_write(UintN cpu) override {
    const auto info = read<abi::MmSaveStateIoInfo>(abi::MmSaveStateRegister::io, cpu);
    if (!info || info->type != abi::mm_save_state_io_output) return std::nullopt;
    return IoWrite{info->port, static_cast<std::uint8_t>(info->data)};
  }
  std::optional<std::uint64_t> rax(UintN cpu) override {
    return read<std::uint64_t>(abi::MmSaveStateRegister::rax, cpu);
  }
  std::optional<std::uint64_t> rdx(UintN cpu) override {
    return read<std::uint64_t>(abi::MmSaveStateRegister::rdx, cpu);
  }

 private:
  template <typename T>
  std::optional<T> read(abi::MmSaveStateRegister reg, UintN cpu) const {
    T value{};
    if (protocol_ == nullptr ||
        protocol_->read_save_state(protocol_, sizeof(value), reg, cpu, &value) != status::success) {
      return std::nullopt;
    }
    return value;
  }

  const abi::MmCpuProtocol* protocol_ = nullptr;
};

EFIAPI EfiStatus on_mmi(Handle, const void*, void*, UintN*);

class Mm final : public ManagementMode {
 public:
  explicit Mm(abi::MmSystemTable& mmst)
      : mmst_(mmst), pool_(mmst), save_states_(mmst), images_(mmst), refusals_(mmst, "child dispatch") {}

  EfiStatus add_handler(abi::MmiHandler function, const abi::Guid& type, Handle& handle) override {
    return mmst_.mmi_handler_register(function, &type, &handle);
  }
  void remove_handler(Handle handle) override { mmst_.mmi_handler_unregister(handle); }
  EfiStatus call_handler(const abi::Guid& type, const void* context, void* buffer, UintN* size) override {
    return mmst_.mmi_manage(&type, context, buffer, size);
  }
  EfiStatus watch_mmis(bool wanted) override {
    if (wanted) return mmst_.mmi_handler_register(on_mmi, nullptr, &root_handler_);
    return mmst_.mmi_handler_unregister(root_handler_);
  }
  UintN requesting_cpu(std::uint8_t command) override {
    return find_requesting_cpu(save_states_, mmst_.number_of_cpus, mmst_.currently_executing_cpu,
                               board::apm_command_port, command);
  }
  UintN driver_at(const void* address) override { return images_.driver_at(address); }
  void report_refusal(UintN driver, UintN owner) override { refusals_.add(driver, owner); }
  void* allocate(std::size_t bytes) override { return pool_.allocate(bytes); }
  void release(void* memory) override { pool_.release(memory); }

 private:
  const abi::MmSystemTable& mmst_;
  sdk::PoolAllocator pool_;
  SaveStates save_states_;
  sdk::DriverImages images_;
  sdk::RefusalLog refusals_;
  Handle root_handler_ = nullptr;
};

struct Driver {
  explicit Driver(abi::MmSystemTable& mmst) : mm(mmst), chipset(mmst), dispatcher(mm, chipset) {}
  Mm mm;
  Ich9 chipset;
  Dispatcher dispatcher;
};

constinit Driver* driver = nullptr;

// PI 1.9, volume 4, EFI_MM_HANDLER_ENTRY_POINT: other root handlers are called in either case.
EFIAPI EfiStatus on_mmi(Handle, const void*, void*, UintN*) {
  return driver->dispatcher.dispatch() ? status::warn_interrupt_source_quiesced : status::warn_interrupt_source_pending;
}

}  // namespace

EfiStatus start_driver(abi::MmSystemTable& mmst) {
  void* memory = nullptr;
  EfiStatus result = mmst.allocate_pool(abi::runtime_services_data, sizeof(Driver), &memory);
  if (status::is_error(result)) return result;
  driver = new (memory) Driver(mmst);
  Handle handle = nullptr;
  for (const Interface& interface : interfaces(driver->dispatcher)) {
    result = mmst.install_protocol_interface(&handle, interface.protocol, abi::native_interface, interface.interface);
    if (status::is_error(result)) return result;  // whatever is installed goes with the driver
  }
  return status::success;
}

}  // namespace redoubt::child_dispatch
