// SPDX-License-Identifier: BSD-2-Clause-Patent
// See communicate_ppi.hpp. One message at a time: is_comm_buffer_valid is the mailbox's lock, set here and cleared by
// MM when the answer is complete. Lengths in the answer are checked, since anybody can write the buffer.
#include "launch/pei/communicate_ppi.hpp"

#include <cstring>

#include "launch/pei/chipset_control.hpp"
#include "launch/pei/communicate_repack.hpp"

namespace redoubt::launch {
namespace {

constexpr std::uint32_t answer_timeout = 10'000;  // milliseconds until MM takes the message

// A PEIM has nowhere else to keep what its PPIs need; PEI runs it from memory by the time it gets here.
MutableBytes mailbox;
volatile abi::CommBufferStatus* mailbox_status = nullptr;

bool mailbox_is_free() { return mailbox_status->is_comm_buffer_valid == 0; }

// Hands the mailbox to MM and waits until it comes back.
bool exchange() {
  mailbox_status->is_comm_buffer_valid = 1;
  raise_smi();
  return wait_for([] { return mailbox_status->is_comm_buffer_valid == 0; }, answer_timeout);
}

abi::EfiStatus EFIAPI communicate(const abi::MmCommunicationPpi*, void* buffer, abi::UintN* size) {
  if (buffer == nullptr || size == nullptr) {
    return abi::status::invalid_parameter;
  }
  const MutableBytes caller(static_cast<std::byte*>(buffer), *size);
  if (!mailbox_is_free()) {
    return abi::status::not_ready;
  }
  if (const auto packed = pack_for_mm(caller, mailbox); !packed) {
    return packed.error() == Error::out_of_memory ? abi::status::bad_buffer_size : abi::status::invalid_parameter;
  }
  if (!exchange()) {
    return abi::status::device_error;
  }
  const abi::EfiStatus status = status_from_mm(mailbox_status->return_status);
  const std::uint64_t answered = mailbox_status->return_buffer_size;
  if (answered == 0) {
    *size = 0;
    return status;
  }
  std::size_t needed = 0;
  const auto unpacked = unpack_from_mm(mailbox, answered, caller, needed);
  if (unpacked) {
    *size = *unpacked;
    return status;
  }
  if (unpacked.error() == Error::out_of_memory) {
    *size = needed;
    return abi::status::is_error(status) ? status : abi::status::buffer_too_small;
  }
  *size = 0;
  return abi::status::device_error;
}

abi::EfiStatus EFIAPI communicate3(const abi::MmCommunication3Ppi*, void* buffer) {
  if (buffer == nullptr) {
    return abi::status::invalid_parameter;
  }
  abi::CommunicateHeaderV3 header{};
  std::memcpy(&header, buffer, sizeof(header));
  if (!(header.header_guid == abi::communicate_header_v3_guid) || header.buffer_size < sizeof(header) ||
      header.message_size > header.buffer_size - sizeof(header)) {
    return abi::status::invalid_parameter;
  }
  if (header.buffer_size > mailbox.size()) {
    return abi::status::bad_buffer_size;
  }
  if (!mailbox_is_free()) {
    return abi::status::not_ready;
  }
  std::memcpy(mailbox.data(), buffer, static_cast<std::size_t>(header.buffer_size));
  if (!exchange()) {
    return abi::status::device_error;
  }
  const std::uint64_t answered = mailbox_status->return_buffer_size;
  const abi::EfiStatus status = status_from_mm(mailbox_status->return_status);
  if (answered > header.buffer_size) {
    return abi::status::is_error(status) ? status : abi::status::buffer_too_small;
  }
  if (answered < sizeof(header)) {
    return abi::status::is_error(status) ? status : abi::status::device_error;
  }
  // The header is the caller's own; only its buffer_size tells how much of the buffer counts now (as edk2 answers).
  header.buffer_size = answered;
  std::memcpy(buffer, &header, sizeof(header));
  std::memcpy(static_cast<std::byte*>(buffer) + sizeof(header), mailbox.data() + sizeof(header),
              static_cast<std::size_t>(answered) - sizeof(header));
  return status;
}

abi::MmCommunicationPpi communication_ppi = {.communicate = communicate};
abi::MmCommunication3Ppi communication3_ppi = {.communicate = communicate3};

constexpr abi::PpiDescriptor descriptors[] = {
    {.flags = abi::PpiDescriptor::ppi, .guid = &abi::MmCommunicationPpi::guid, .interface = &communication_ppi},
    {.flags = abi::PpiDescriptor::ppi | abi::PpiDescriptor::terminate_list,
     .guid = &abi::MmCommunication3Ppi::guid,
     .interface = &communication3_ppi}};

}  // namespace

Step<void> install_communication(abi::PeiServicesPointer services, const abi::CommBufferDescription& description) {
  mailbox = MutableBytes(reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(description.physical_start)),
                         static_cast<std::size_t>(description.number_of_pages) * 4096);
  mailbox_status = reinterpret_cast<volatile abi::CommBufferStatus*>(static_cast<std::uintptr_t>(description.status));
  if (abi::status::is_error((*services)->install_ppi(services, descriptors))) {
    return because("the communication PPIs cannot be installed");
  }
  return {};
}

}  // namespace redoubt::launch
