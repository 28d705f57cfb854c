// SPDX-License-Identifier: BSD-2-Clause-Patent
// A 32-bit PEIM that talks to MM through both PEI communication PPIs, as a vendor's PEIM would: it knows the
// specification's structures and nothing of the IPL's. It needs the echo driver in MM. Each check that fails is a line
// "mm_client: FAILED what"; the last line is "mm_client: done checks=N failed=N". The boot goes on in either case.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "abi/pi/communicate.hpp"
#include "abi/pi/hob_cursor.hpp"
#include "abi/pi/pei.hpp"
#include "abi/redoubt/observation.hpp"
#include "tests/guest/drivers/echo/echo_protocol.hpp"
#include "tests/guest/pei/debug_text.hpp"

namespace {

using namespace redoubt;
using namespace redoubt::guest_pei;
using abi::EfiStatus;
using abi::UintN;

// EFI_MM_COMMUNICATE_HEADER as the specification declares it, with the UINTN of a 32-bit PEIM.
struct Header {
  abi::Guid guid;
  UintN message_length;
};
constexpr std::size_t data_offset = 20;
static_assert(sizeof(Header) == data_offset);

constexpr std::size_t v3_data_offset = sizeof(abi::CommunicateHeaderV3);
constexpr abi::Guid nobodys_guid = {0x6d6d5f63, 0x6c69, 0x656e, {0x74, 0x00, 0x6e, 0x6f, 0x62, 0x6f, 0x64, 0x79}};
constexpr std::uint8_t guard = 0xA7;  // what bytes hold that nobody may write

// No static data: PEI may run this from read-only memory.
class Client {
 public:
  Client(const abi::MmCommunicationPpi& first, const abi::MmCommunication3Ppi& third, std::uint8_t* buffer,
         std::size_t room, std::size_t mailbox_bytes)
      : first_(first), third_(third), buffer_(buffer), room_(room), mailbox_(mailbox_bytes) {}

  void run() {
    // Requests of every kind of length; answers shorter than, as long as and longer than the request.
    for (const std::size_t request : {std::size_t{8}, std::size_t{9}, std::size_t{12}, std::size_t{4096}}) {
      for (const std::size_t answer : {std::size_t{8}, std::size_t{11}, request, request + 1, std::size_t{5000}}) {
        first_echo(request, answer);
      }
    }
    // 64-bit MM needs four bytes more for its header than we do.
    const std::size_t most = mailbox_ - sizeof(abi::CommunicateHeader);
    first_echo(most, most);
    first_echo(8, most);
    first_errors(most);
    for (const std::size_t request : {std::size_t{8}, std::size_t{9}, std::size_t{4096}, mailbox_ - v3_data_offset}) {
      for (const std::size_t answer : {std::size_t{8}, request - request % 2, request}) {
        third_echo(request, answer);
      }
    }
    third_errors();
    first_echo(8, 8);
    observation();
    checks_.done();
  }

 private:
  void check(bool good, const char* what, std::size_t first = 0, std::size_t second = 0) {
    checks_.check(good, what, first, second);
  }

  static std::uint8_t request_byte(std::size_t offset) { return static_cast<std::uint8_t>(offset * 7 + 3); }

  // A request for the echo driver at `data`, `size` bytes of it.
  static void write_request(std::uint8_t* data, std::size_t size, std::size_t answer) {
    for (std::size_t i = 0; i < size; ++i) data[i] = request_byte(i);
    const echo::Request request{.answer_size = answer};
    std::memcpy(data, &request, sizeof(request));
  }

  static bool right_answer(const std::uint8_t* data, std::size_t request, std::size_t answer) {
    echo::Answer got{};
    std::memcpy(&got, data, sizeof(got));
    bool good = got.received == request;
    for (std::size_t i = sizeof(got); i < answer; ++i) {
      // Behind the request nothing of it was sent, so nothing of it can be in the answer.
      good = good && data[i] == echo::answer_byte(request_byte(i), i, request);
    }
    return good;
  }

  bool guards_intact(std::size_t from, std::size_t end) const {
    for (std::size_t i = from; i < end; ++i) {
      if (buffer_[i] != guard) return false;
    }
    return true;
  }

  void write_header(const abi::Guid& guid, UintN length) {
    const Header header{.guid = guid, .message_length = length};
    std::memcpy(buffer_, &header, sizeof(header));
  }

  void first_echo(std::size_t request, std::size_t answer) {
    std::memset(buffer_, guard, room_);
    write_header(echo::handler_guid, request);
    write_request(buffer_ + data_offset, request, answer);
    UintN size = data_offset + (answer > request ? answer : request);
    const std::size_t given = size;
    const EfiStatus status = first_.communicate(&first_, buffer_, &size);
    ++handled_;
    check(status == abi::status::success, "v1 status", request, answer);
    check(size == data_offset + answer, "v1 size", request, size);
    check(right_answer(buffer_ + data_offset, request, answer), "v1 answer", request, answer);
    Header header{};
    std::memcpy(&header, buffer_, sizeof(header));
    check(header.guid == echo::handler_guid && header.message_length == request, "v1 header unchanged", request);
    check(guards_intact(given, room_), "v1 writes behind the buffer", request, answer);
  }

  EfiStatus first_raw(const abi::Guid& guid, UintN length, UintN& size) {
    std::memset(buffer_, guard, room_);
    write_header(guid, length);
    write_request(buffer_ + data_offset, sizeof(echo::Request), sizeof(echo::Answer));
    return first_.communicate(&first_, buffer_, &size);
  }

  void first_errors(std::size_t most) {
    UintN size = 64;
    check(first_.communicate(&first_, nullptr, &size) == abi::status::invalid_parameter, "v1 null buffer");
    check(first_.communicate(&first_, buffer_, nullptr) == abi::status::invalid_parameter, "v1 null size");
    for (const UintN small : {UintN{0}, UintN{19}}) {
      size = small;
      check(first_raw(echo::handler_guid, 0, size) == abi::status::invalid_parameter, "v1 no room for a header", small);
    }
    size = data_offset + 16;
    for (const UintN length : {UintN{17}, UintN{0x8000'0000}, UintN{0xFFFF'FFEC}, UintN{0xFFFF'FFFF}}) {
      check(first_raw(echo::handler_guid, length, size) == abi::status::invalid_parameter, "v1 length beyond buffer",
            length);
      check(size == data_offset + 16, "v1 refusal leaves the size", length, size);
    }
    size = room_;
    check(first_raw(echo::handler_guid, most + 1, size) == abi::status::bad_buffer_size, "v1 too large");
    size = data_offset + 16;
    check(first_raw(nobodys_guid, 16, size) == abi::status::not_found, "v1 unknown GUID");
    check(size == data_offset, "v1 unknown GUID: no data comes back", size);
    size = data_offset + 4;  // too short for the driver, which refuses it
    check(first_raw(echo::handler_guid, 4, size) == abi::status::not_found, "v1 refused by its handler");

    ++handled_;

    // An answer that the caller has no room for: nothing but the size comes back.
    std::memset(buffer_, guard, room_);
    write_header(echo::handler_guid, 8);
    write_request(buffer_ + data_offset, 8, 100);
    size = data_offset + 8;
    check(first_.communicate(&first_, buffer_, &size) == abi::status::buffer_too_small, "v1 answer too large");
    check(size == data_offset + 100, "v1 answer too large: size", size);
    check(guards_intact(data_offset + 8, room_), "v1 answer too large: writes behind the buffer");
    size = data_offset + 100;
    write_request(buffer_ + data_offset, 8, 100);
    check(first_.communicate(&first_, buffer_, &size) == abi::status::success && size == data_offset + 100,
          "v1 again with room", size);
    handled_ += 2;
  }

  void write_third(const abi::Guid& header_guid, const abi::Guid& message, std::uint64_t buffer_size,
                   std::uint64_t message_size) {
    const abi::CommunicateHeaderV3 header{.header_guid = header_guid,
                                          .buffer_size = buffer_size,
                                          .reserved = 0,
                                          .message_guid = message,
                                          .message_size = message_size};
    std::memcpy(buffer_, &header, sizeof(header));
  }

  void third_echo(std::size_t request, std::size_t answer) {
    std::memset(buffer_, guard, room_);
    write_third(abi::communicate_header_v3_guid, echo::handler_guid, v3_data_offset + request, request);
    write_request(buffer_ + v3_data_offset, request, answer);
    check(third_.communicate(&third_, buffer_) == abi::status::success, "v3 status", request, answer);
    ++handled_;
    abi::CommunicateHeaderV3 header{};
    std::memcpy(&header, buffer_, sizeof(header));
    check(header.buffer_size == v3_data_offset + answer, "v3 size", request, static_cast<UintN>(header.buffer_size));
    check(header.header_guid == abi::communicate_header_v3_guid && header.message_guid == echo::handler_guid,
          "v3 header", request);
    check(right_answer(buffer_ + v3_data_offset, request, answer), "v3 answer", request, answer);
    check(guards_intact(v3_data_offset + request, room_), "v3 writes behind the buffer", request, answer);
  }

  EfiStatus third_raw(const abi::Guid& header_guid, const abi::Guid& message, std::uint64_t buffer_size,
                      std::uint64_t message_size) {
    std::memset(buffer_, guard, room_);
    write_third(header_guid, message, buffer_size, message_size);
    write_request(buffer_ + v3_data_offset, sizeof(echo::Request), sizeof(echo::Answer));
    return third_.communicate(&third_, buffer_);
  }

  void third_errors() {
    constexpr auto& v3 = abi::communicate_header_v3_guid;
    constexpr auto& driver = echo::handler_guid;
    check(third_.communicate(&third_, nullptr) == abi::status::invalid_parameter, "v3 null buffer");
    check(third_raw(driver, driver, v3_data_offset + 8, 8) == abi::status::invalid_parameter, "v3 header GUID");
    check(third_raw(v3, driver, v3_data_offset - 1, 0) == abi::status::invalid_parameter, "v3 no room for a header");
    check(third_raw(v3, driver, v3_data_offset + 8, 9) == abi::status::invalid_parameter, "v3 message beyond buffer");
    check(third_raw(v3, driver, v3_data_offset + 8, ~std::uint64_t{0}) == abi::status::invalid_parameter,
          "v3 message size wraps");
    check(third_raw(v3, driver, mailbox_ + 1, 8) == abi::status::bad_buffer_size, "v3 too large");
    check(third_raw(v3, driver, std::uint64_t{1} << 32, 8) == abi::status::bad_buffer_size, "v3 over 4 GiB");
    check(third_raw(v3, nobodys_guid, v3_data_offset + 8, 8) == abi::status::not_found, "v3 unknown GUID");

    // Version 3 has no way to say how large an answer would have been.
    std::memset(buffer_, guard, room_);
    write_third(v3, driver, v3_data_offset + 8, 8);
    write_request(buffer_ + v3_data_offset, 8, 100);
    check(abi::status::is_error(third_.communicate(&third_, buffer_)), "v3 answer too large");
    ++handled_;
    check(guards_intact(v3_data_offset + 8, room_), "v3 answer too large: writes behind the buffer");
  }

  // MM's log and profile, which nobody has locked away yet. The echo driver wrote a line, and was called.
  template <typename Visit>
  void observe(abi::ObservationCommand command, Visit visit) {
    std::uint64_t next = 0;
    while (true) {
      constexpr UintN room = 1000;
      write_header(abi::observation_message_guid, room);
      std::memset(buffer_ + data_offset, 0, room);
      const abi::ObservationRequest request{.command = command, .first = next};
      std::memcpy(buffer_ + data_offset, &request, sizeof(request));
      UintN size = data_offset + room;
      const EfiStatus status = first_.communicate(&first_, buffer_, &size);
      check(status == abi::status::success, "observation status", status);
      abi::ObservationAnswer answer{};
      std::memcpy(&answer, buffer_ + data_offset, sizeof(answer));
      if (abi::status::is_error(status) || answer.count == 0) return;
      next = answer.next;
      std::size_t position = data_offset + sizeof(answer);
      for (std::uint64_t i = 0; i < answer.count; ++i) position += visit(buffer_ + position);
      check(position == size, "observation size", position, size);
    }
  }

  void observation() {
    static constexpr char wanted[] = "echo: started";
    unsigned found = 0;
    unsigned debug = 0;
    observe(abi::ObservationCommand::read_log, [&](const std::uint8_t* bytes) -> std::size_t {
      abi::LogEntry entry{};
      std::memcpy(&entry, bytes, sizeof(entry));
      const std::uint8_t* text = bytes + sizeof(entry);
      found += entry.text_bytes == sizeof(wanted) - 1 && std::memcmp(text, wanted, sizeof(wanted) - 1) == 0 &&
               entry.level == abi::LogLevel::info && entry.driver != 0;
      debug += entry.level == abi::LogLevel::debug;
      return sizeof(entry) + (entry.text_bytes + std::size_t{7}) / 8 * 8;
    });
    check(found == 1, "the driver's line in the log", found);
    check(debug == 0, "no lines below the log's level", debug);
    std::uint64_t calls = 0;
    observe(abi::ObservationCommand::read_profile, [&](const std::uint8_t* bytes) -> std::size_t {
      abi::ProfileEntry entry{};
      std::memcpy(&entry, bytes, sizeof(entry));
      if (entry.handler == echo::handler_guid) calls += entry.calls;
      return sizeof(entry);
    });
    check(calls == handled_, "the driver's calls in the profile", static_cast<std::size_t>(calls), handled_);
  }

  const abi::MmCommunicationPpi& first_;
  const abi::MmCommunication3Ppi& third_;
  std::uint8_t* buffer_;
  std::size_t room_;
  std::size_t mailbox_;
  Checks checks_{"mm_client"};
  std::uint32_t handled_ = 0;  // messages that came to the echo driver
};

// Bytes of the mailbox, from the HOB that describes it.
std::size_t mailbox_bytes(abi::PeiServicesPointer services) {
  void* list = nullptr;
  if (abi::status::is_error((*services)->get_hob_list(services, &list))) return 0;
  const auto description =
      abi::find_guid_hob<abi::CommBufferDescription>(abi::HobCursor::trusting(list), abi::comm_buffer_hob_guid);
  return description ? static_cast<std::size_t>(description->number_of_pages) * 4096 : 0;
}

EfiStatus fail(const char* reason) {
  put("mm_client: FAILED ");
  put(reason);
  put('\n');
  return abi::status::not_found;
}

}  // namespace

extern "C" EfiStatus EFIAPI mm_client_entry(abi::FileHandle, abi::PeiServicesPointer services) {
  void* first = nullptr;
  void* third = nullptr;
  if (abi::status::is_error((*services)->locate_ppi(services, &abi::MmCommunicationPpi::guid, 0, nullptr, &first))) {
    return fail("no communication PPI");
  }
  if (abi::status::is_error((*services)->locate_ppi(services, &abi::MmCommunication3Ppi::guid, 0, nullptr, &third))) {
    return fail("no communication PPI, version 3");
  }
  const std::size_t mailbox = mailbox_bytes(services);
  if (mailbox == 0) return fail("no HOB of the communication buffer");
  abi::EfiPhysicalAddress buffer = 0;
  const std::size_t pages = mailbox / 4096 + 2;
  if (abi::status::is_error((*services)->allocate_pages(services, abi::boot_services_data, pages, &buffer))) {
    return fail("no memory");
  }
  Client(*static_cast<const abi::MmCommunicationPpi*>(first), *static_cast<const abi::MmCommunication3Ppi*>(third),
         reinterpret_cast<std::uint8_t*>(static_cast<std::uintptr_t>(buffer)), pages * 4096, mailbox)
      .run();
  return abi::status::success;
}
