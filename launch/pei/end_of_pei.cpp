// SPDX-License-Identifier: BSD-2-Clause-Patent
// MM that doesn't take the message is reported and no more: the next phase finds out what MM still answers, and MMRAM
// is locked already.
#include "launch/pei/end_of_pei.hpp"

#include "abi/pi/mm_protocols.hpp"
#include "launch/pei/communicate_repack.hpp"
#include "launch/pei/report_line.hpp"

namespace redoubt::launch {
namespace {

// One byte of 0, as edk2 sends it.
struct EndOfPeiMessage {
  CommunicateHeader32 header;
  std::uint32_t data;
};
constexpr std::uint32_t data_bytes = 1;

abi::EfiStatus EFIAPI on_end_of_pei(abi::PeiServicesPointer services, const abi::NotifyDescriptor*, void*) {
  void* interface = nullptr;
  abi::EfiStatus status = (*services)->locate_ppi(services, &abi::MmCommunicationPpi::guid, 0, nullptr, &interface);
  if (!abi::status::is_error(status)) {
    const auto* ppi = static_cast<const abi::MmCommunicationPpi*>(interface);
    EndOfPeiMessage message{.header = {.header_guid = abi::mm_end_of_pei_protocol_guid, .message_length = data_bytes},
                            .data = 0};
    abi::UintN size = sizeof(message.header) + data_bytes;
    status = ppi->communicate(ppi, &message, &size);
  }
  if (abi::status::is_error(status)) {
    ReportLine("ipl.unanswered").quoted("message", "EndOfPei").hexadecimal("status", status);
  }
  return status;
}

constexpr abi::NotifyDescriptor descriptor = {
    .flags = abi::NotifyDescriptor::callback | abi::NotifyDescriptor::terminate_list,
    .guid = &abi::end_of_pei_ppi_guid,
    .notify = on_end_of_pei};

}  // namespace

Step<void> watch_end_of_pei(abi::PeiServicesPointer services) {
  if (abi::status::is_error((*services)->notify_ppi(services, &descriptor))) {
    return because("nobody will say when PEI ends");
  }
  return {};
}

}  // namespace redoubt::launch
