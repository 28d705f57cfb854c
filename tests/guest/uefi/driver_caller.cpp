// SPDX-License-Identifier: BSD-2-Clause-Patent
// Asks the drivers of foreign toolchains and the boot counter of the SDK, through DXE's own MM communication protocol,
// as any UEFI program would, and checks each answer. What isn't there isn't asked: opt/org.redoubt/expect_foreign and
// opt/org.redoubt/expect_boot_counter, 1 or 0, say what has to be.
//
//   caller digest kind=sum digest=0x.. | caller ledger index=N digest=0x.. | caller boots started=N completed=N
//   caller failed what="..."
#include <cstring>

#include "abi/pi/communicate.hpp"
#include "abi/pi/communication_protocols.hpp"
#include "abi/uefi/system_table.hpp"
#include "sdk/examples/boot_counter/boot_counter.hpp"
#include "tests/guest/drivers/foreign/foreign_messages.h"
#include "tests/guest/uefi/program.hpp"

namespace redoubt::guest {
namespace {

using abi::EfiStatus;
namespace status = abi::status;

bool all_well = true;

void expect(bool condition, std::string_view what) {
  if (condition) return;
  print_line("caller failed what=\"", what, "\"");
  all_well = false;
}

// Memory of a type that cores of both models take messages from.
void* message_memory = nullptr;
constexpr abi::UintN message_memory_bytes = 4096;

template <typename Message>
EfiStatus send(const abi::MmCommunication2& communication, const abi::Guid& guid, Message& message) {
  static_assert(sizeof(abi::CommunicateHeader) + sizeof(Message) <= message_memory_bytes);
  auto* buffer = static_cast<std::byte*>(message_memory);
  const abi::CommunicateHeader header{guid, sizeof(Message)};
  std::memcpy(buffer, &header, sizeof(header));
  std::memcpy(buffer + sizeof(header), &message, sizeof(message));
  abi::UintN size = sizeof(header) + sizeof(message);
  const EfiStatus result = communication.communicate(&communication, buffer, buffer, &size);
  std::memcpy(&message, buffer + sizeof(header), sizeof(message));
  return result;
}

// FNV-1a, 64 bits (RFC draft-eastlake-fnv), computed here for comparison.
std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t digest = 0xcbf29ce484222325;
  for (const char character : text) digest = (digest ^ static_cast<std::uint8_t>(character)) * 0x100000001b3;
  return digest;
}

void ask_digest(const abi::MmCommunication2& communication) {
  constexpr abi::Guid guid = DIGEST_MESSAGE_GUID;
  constexpr std::string_view text = "management mode";
  constexpr std::string_view names[] = {"sum", "xor", "fnv1a"};
  std::uint64_t sum = 0;
  for (const char character : text) sum += static_cast<std::uint8_t>(character);
  for (std::uint32_t kind = digest_sum; kind <= digest_fnv1a; ++kind) {
    DigestMessage message{};
    message.kind = kind;
    message.size = text.size();
    message.status = status::not_ready;
    std::memcpy(message.data, text.data(), text.size());
    expect(send(communication, guid, message) == status::success, "digest answers");
    expect(message.status == status::success, "digest succeeds");
    expect(message.calls == kind + 1, "digest counts its calls in pool memory");
    expect(std::string_view(message.name) == names[kind], "digest's table of names is relocated");
    if (kind == digest_sum) expect(message.digest == sum, "digest sums");
    if (kind == digest_fnv1a) expect(message.digest == fnv1a(text), "digest folds");
    print_line("caller digest kind=", names[kind], " digest=", Hexadecimal{message.digest});
  }
  DigestMessage wrong{};
  wrong.kind = 99;
  expect(send(communication, guid, wrong) == status::success && wrong.status == status::unsupported,
         "digest refuses an unknown kind");
  std::uint64_t short_message = 0;
  expect(send(communication, guid, short_message) == status::not_found, "digest refuses a short message");
}

void ask_ledger(const abi::MmCommunication2& communication) {
  constexpr abi::Guid guid = LEDGER_MESSAGE_GUID;
  constexpr std::string_view texts[] = {"first", "second", "third"};
  for (std::uint64_t index = 0; index < std::size(texts); ++index) {
    LedgerMessage message{};
    message.operation = ledger_append;
    message.size = static_cast<std::uint32_t>(texts[index].size());
    std::memcpy(message.data, texts[index].data(), texts[index].size());
    expect(send(communication, guid, message) == status::success, "ledger answers");
    expect(message.status == status::success, "ledger appends, calling the digest driver");
    expect(message.index == index, "ledger counts");
    expect(message.digest == fnv1a(texts[index]), "ledger's digest is the other driver's");
    print_line("caller ledger index=", Decimal{message.index}, " digest=", Hexadecimal{message.digest});
  }
  LedgerMessage message{};
  message.operation = ledger_read;
  message.index = 1;
  expect(send(communication, guid, message) == status::success && message.digest == fnv1a(texts[1]),
         "ledger remembers");
  message.index = 3;
  expect(send(communication, guid, message) == status::success && message.status == status::not_found, "ledger ends");
}

void ask_boot_counter(const abi::MmCommunication2& communication) {
  using boot_counter::Function;
  boot_counter::Message message{Function::read, 0, status::not_ready, {}};
  expect(send(communication, boot_counter::message_guid, message) == status::success, "boot counter answers");
  expect(message.status == status::success, "boot counter succeeds");
  print_line("caller boots started=", Decimal{message.counts.started},
             " completed=", Decimal{message.counts.completed});
  message = {Function::clear, 0, status::not_ready, {}};
  expect(send(communication, boot_counter::message_guid, message) == status::success &&
             message.status == status::access_denied,
         "boot counter isn't cleared once MM is locked");
}

void ask(const abi::SystemTable& system_table) {
  const auto* communication =
      locate_protocol<abi::MmCommunication2>(system_table, abi::mm_communication2_protocol_guid);
  if (communication == nullptr) return expect(false, "DXE has MM communication");
  if (system_table.boot_services->allocate_pool(abi::runtime_services_data, message_memory_bytes, &message_memory) !=
      status::success) {
    return expect(false, "there is memory for a message");
  }
  if (option("expect_foreign", 0) != 0) {
    ask_digest(*communication);
    ask_ledger(*communication);
  }
  if (option("expect_boot_counter", 0) != 0) ask_boot_counter(*communication);
}

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus driver_caller_entry(redoubt::abi::Handle image_handle,
                                                              redoubt::abi::SystemTable* system_table);

extern "C" EFIAPI redoubt::abi::EfiStatus driver_caller_entry(redoubt::abi::Handle /*image_handle*/,
                                                              redoubt::abi::SystemTable* system_table) {
  redoubt::guest::ask(*system_table);
  redoubt::guest::finish(*system_table, "driver_caller", redoubt::guest::all_well);
}
