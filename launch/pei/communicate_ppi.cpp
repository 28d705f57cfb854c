// SPDX-License-Identifier: BSD-2-Clause-Patent
// Lengths in the answer are checked, since the host can write the buffer.
#include "launch/pei/communicate_ppi.hpp"

#include <cstring>

#include "launch/pei/communicate_repack.hpp"
#include "launch/pei/mailbox.hpp"

namespace redoubt::launch {
namespace {

abi::EfiStatus EFIAPI communicate(const abi::MmCommunicationPpi*, void* buffer, abi::UintN* size) {
  if (buffer == nullptr || size == nullptr) {
    return abi::status::invalid_parameter;
  }
  const MutableBytes caller(static_cast<std::byte*>(buffer), *size);
  const MutableBytes buffer_for_mm = mailbox().buffer();
  if (buffer_for_mm.empty()) {
    return abi::status::not_ready;
  }
  if (const auto packed = pack_for_mm(caller, buffer_for_mm); !packed) {
    return packed.error() == Error::out_of_memory ? abi::status::bad_buffer_size : abi::status::invalid_parameter;
  }
  const auto answer = mailbox().exchange();
  if (!answer) {
    return abi::status::device_error;
  }
  const abi::EfiStatus status = status_from_mm(answer->status);
  if (answer->bytes.empty()) {
    *size = 0;
    return status;
  }
  std::size_t needed = 0;
  const auto unpacked = unpack_from_mm(answer->bytes, answer->bytes.size(), caller, needed);
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
  const MutableBytes buffer_for_mm = mailbox().buffer();
  if (buffer_for_mm.empty()) {
    return abi::status::not_ready;
  }
  if (header.buffer_size > buffer_for_mm.size()) {
    return abi::status::bad_buffer_size;
  }
  std::memcpy(buffer_for_mm.data(), buffer, static_cast<std::size_t>(header.buffer_size));
  const auto answer = mailbox().exchange();
  if (!answer) {
    return abi::status::device_error;
  }
  const std::size_t answered = answer->bytes.size();
  const abi::EfiStatus status = status_from_mm(answer->status);
  if (answered > header.buffer_size) {
    return abi::status::is_error(status) ? status : abi::status::buffer_too_small;
  }
  if (answered < sizeof(header)) {
    return abi::status::is_error(status) ? status : abi::status::device_error;
  }
  // The header is the caller's own; only its buffer_size tells how much of the buffer counts now (as edk2 answers).
  header.buffer_size = answered;
  std::memcpy(buffer, &header, sizeof(header));
  std::memcpy(static_cast<std::byte*>(buffer) + sizeof(header), answer->bytes.data() + sizeof(header),
              answered - sizeof(header));
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
  mailbox().open(description);
  if (abi::status::is_error((*services)->install_ppi(services, descriptors))) {
    return because("the communication PPIs cannot be installed");
  }
  return {};
}

}  // namespace redoubt::launch
