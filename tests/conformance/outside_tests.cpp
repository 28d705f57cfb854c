// SPDX-License-Identifier: BSD-2-Clause-Patent
// What PI 1.9, volume 4, chapter 5 has in DXE: the MM communication protocols, 5.7. The messages go to the suite's own
// driver, which answers each with how many tests it has.
#include "abi/pi/mm_base.hpp"
#include "tests/conformance/outside.hpp"

#include <cstring>

#include "abi/pi/communicate.hpp"
#include "abi/pi/communication_protocols.hpp"
#include "abi/pi/mm_access.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::EfiStatus;
using abi::UintN;

constexpr std::uint64_t no_test = ~std::uint64_t{0};  // asks for the number of tests alone

template <typename Header>
struct Query {
  Header header;
  Message message;
};
using Query1 = Query<abi::CommunicateHeader>;
using Query3 = Query<abi::CommunicateHeaderV3>;

Query1 query_1() {
  Query1 query = {};
  query.header = {message_guid, sizeof(Message)};
  query.message.test = no_test;
  return query;
}

Query3 query_3() {
  Query3 query = {};
  query.header = {abi::communicate_header_v3_guid, sizeof(Query3), 0, message_guid, sizeof(Message)};
  query.message.test = no_test;
  return query;
}

// A buffer for messages as large as the communication buffer, and some more.
class LargeBuffer {
 public:
  explicit LargeBuffer(OutsideRun& t) : t_(t), pages_(t.capacity / 4096 + 2) {
    t.status(t.system_table.boot_services->allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, pages_,
                                                          &address_),
             status::success);
    if (!t.failed()) std::memset(bytes(), 0, pages_ * 4096);
  }
  ~LargeBuffer() { t_.system_table.boot_services->free_pages(address_, pages_); }
  LargeBuffer(const LargeBuffer&) = delete;
  LargeBuffer& operator=(const LargeBuffer&) = delete;
  std::uint8_t* bytes() const { return reinterpret_cast<std::uint8_t*>(static_cast<std::uintptr_t>(address_)); }

 private:
  OutsideRun& t_;
  std::uint64_t pages_;
  abi::EfiPhysicalAddress address_ = 0;
};

// A protocol that the specification has in DXE and no driver installs here, so that no driver waits or works with it.
void expect_absent(OutsideRun& t, const abi::Guid& guid) {
  void* interface = nullptr;
  t.status(t.system_table.boot_services->locate_protocol(&guid, nullptr, &interface), status::not_found);
}

constexpr OutsideTest tests[] = {
    {.name = "pi4-5.2/EFI_MM_BASE_PROTOCOL/absent",
     .behaviour =
         "For drivers that DXE loads into MMRAM, to find the MMST: there are none, and the protocol isn't there.",
     .run = [](OutsideRun& t) { expect_absent(t, abi::mm_base_protocol_guid); },
     .ours = "Standalone MM hands the MMST to entry points."},
    {.name = "pi4-5.3/EFI_MM_ACCESS_PROTOCOL/absent_in_dxe",
     .behaviour = "For who opens, closes and locks MMRAM in DXE: it is locked before, and the protocol isn't there.",
     .run = [](OutsideRun& t) { expect_absent(t, abi::mm_access_protocol_guid); },
     .ours = "Installed in MM."},
    {.name = "pi4-5.4/EFI_MM_CONTROL_PROTOCOL/absent",
     .behaviour = "For the MM IPL in DXE, to raise MMIs: MM is launched in PEI, and the protocol isn't there.",
     .run = [](OutsideRun& t) { expect_absent(t, abi::mm_control_protocol_guid); },
     .ours = "The communication protocols raise MMIs; who has a software MMI of its own writes to port 0xB2."},
    {.name = "pi4-5.5/EFI_MM_CONFIGURATION_PROTOCOL/absent_in_dxe",
     .behaviour =
         "For the MM IPL in DXE, to register MM's entry point: it is registered, and the protocol isn't there.",
     .run = [](OutsideRun& t) { expect_absent(t, abi::mm_configuration_protocol_guid); },
     .ours = "Installed in MM."},
    {.name = "pi4-5.7.1/EFI_MM_COMMUNICATION_PROTOCOL/success",
     .behaviour = "Communicate() hands the message to its handler and returns the reply. EFI_SUCCESS; CommSize becomes "
                  "the reply's size.",
     .run =
         [](OutsideRun& t) {
           auto* protocol = t.find<abi::MmCommunication>(abi::mm_communication_protocol_guid);
           if (t.failed()) return;
           Query1 query = query_1();
           UintN size = sizeof(query);
           t.status(protocol->communicate(protocol, &query, &size), status::success);
           t.that(size == sizeof(query));
           t.that(query.header.message_length == sizeof(Message));
           t.that(query.message.test_count != 0);
         }},
    {.name = "pi4-5.7.1/EFI_MM_COMMUNICATION_PROTOCOL/null_size",
     .behaviour = "CommSize is optional and may be NULL: the header tells the size. EFI_SUCCESS.",
     .run =
         [](OutsideRun& t) {
           auto* protocol = t.find<abi::MmCommunication>(abi::mm_communication_protocol_guid);
           if (t.failed()) return;
           Query1 query = query_1();
           t.status(protocol->communicate(protocol, &query, nullptr), status::success);
           t.that(query.message.test_count != 0);
         }},
    {.name = "pi4-5.7.1/EFI_MM_COMMUNICATION_PROTOCOL/null_buffer",
     .behaviour = "CommBuffer was NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](OutsideRun& t) {
           auto* protocol = t.find<abi::MmCommunication>(abi::mm_communication_protocol_guid);
           if (t.failed()) return;
           UintN size = 64;
           t.status(protocol->communicate(protocol, nullptr, &size), status::invalid_parameter);
           t.status(protocol->communicate(protocol, nullptr, nullptr), status::invalid_parameter);
         }},
    {.name = "pi4-5.7.1/EFI_MM_COMMUNICATION_PROTOCOL/too_large",
     .behaviour = "The buffer is too large for the MM implementation: EFI_BAD_BUFFER_SIZE; MessageLength or CommSize "
                  "becomes the largest payload there can be, which works then.",
     .run =
         [](OutsideRun& t) {
           auto* protocol = t.find<abi::MmCommunication>(abi::mm_communication_protocol_guid);
           const LargeBuffer buffer(t);
           if (t.failed()) return;
           Query1 query = query_1();
           query.header.message_length = t.capacity;
           std::memcpy(buffer.bytes(), &query, sizeof(query));
           UintN size = sizeof(query.header) + t.capacity;
           const UintN before = size;
           t.status(protocol->communicate(protocol, buffer.bytes(), &size), status::bad_buffer_size);
           abi::CommunicateHeader header;
           std::memcpy(&header, buffer.bytes(), sizeof(header));
           t.that(header.message_length < t.capacity || size < before);
           const std::uint64_t largest = t.capacity - sizeof(header);
           t.that(header.message_length == largest || size == largest || size == t.capacity);
           query.header.message_length = largest;
           std::memcpy(buffer.bytes(), &query, sizeof(query));
           size = t.capacity;
           t.status(protocol->communicate(protocol, buffer.bytes(), &size), status::success);
         },
     .edk2 = "EFI_INVALID_PARAMETER, and no size is updated."},
    {.name = "pi4-5.7.1/EFI_MM_COMMUNICATION_PROTOCOL/access_denied",
     .behaviour = "EFI_ACCESS_DENIED is for buffers that MM cannot access; messages are copied outside MM, so there is "
                  "none: a buffer on the stack is as good as one of runtime memory. EFI_SUCCESS.",
     .run =
         [](OutsideRun& t) {
           auto* protocol = t.find<abi::MmCommunication>(abi::mm_communication_protocol_guid);
           const LargeBuffer buffer(t);
           if (t.failed()) return;
           Query1 on_stack = query_1();
           t.status(protocol->communicate(protocol, &on_stack, nullptr), status::success);
           const Query1 query = query_1();
           std::memcpy(buffer.bytes(), &query, sizeof(query));
           t.status(protocol->communicate(protocol, buffer.bytes(), nullptr), status::success);
         }},
    {.name = "pi4-5.7.4/EFI_MM_COMMUNICATION2_PROTOCOL/success",
     .behaviour = "Communicate() hands the message to its handler and returns the reply. EFI_SUCCESS.",
     .run =
         [](OutsideRun& t) {
           auto* protocol = t.find<abi::MmCommunication2>(abi::mm_communication2_protocol_guid);
           if (t.failed()) return;
           Query1 query = query_1();
           UintN size = sizeof(query);
           t.status(protocol->communicate(protocol, &query, &query, &size), status::success);
           t.that(size == sizeof(query) && query.message.test_count != 0);
           query = query_1();
           t.status(protocol->communicate(protocol, &query, &query, nullptr), status::success);
         }},
    {.name = "pi4-5.7.4/EFI_MM_COMMUNICATION2_PROTOCOL/null_buffer",
     .behaviour = "CommBufferPhysical or CommBufferVirtual was NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](OutsideRun& t) {
           auto* protocol = t.find<abi::MmCommunication2>(abi::mm_communication2_protocol_guid);
           if (t.failed()) return;
           Query1 query = query_1();
           UintN size = sizeof(query);
           t.status(protocol->communicate(protocol, nullptr, &query, &size), status::invalid_parameter);
           t.status(protocol->communicate(protocol, &query, nullptr, &size), status::invalid_parameter);
         },
     .edk2 = "Looks at CommBufferVirtual alone."},
    {.name = "pi4-5.7.4/EFI_MM_COMMUNICATION2_PROTOCOL/too_large",
     .behaviour = "The buffer is too large for the MM implementation: EFI_BAD_BUFFER_SIZE.",
     .run =
         [](OutsideRun& t) {
           auto* protocol = t.find<abi::MmCommunication2>(abi::mm_communication2_protocol_guid);
           const LargeBuffer buffer(t);
           if (t.failed()) return;
           const abi::CommunicateHeader header = {message_guid, t.capacity};
           std::memcpy(buffer.bytes(), &header, sizeof(header));
           t.status(protocol->communicate(protocol, buffer.bytes(), buffer.bytes(), nullptr), status::bad_buffer_size);
         },
     .edk2 = "EFI_INVALID_PARAMETER."},
    {.name = "pi4-5.7.4/EFI_MM_COMMUNICATION2_PROTOCOL/access_denied",
     .behaviour = "EFI_ACCESS_DENIED is for buffers that MM cannot access; it never accesses them, but a copy of the "
                  "one at the virtual address: the physical address isn't used. EFI_SUCCESS.",
     .run =
         [](OutsideRun& t) {
           auto* protocol = t.find<abi::MmCommunication2>(abi::mm_communication2_protocol_guid);
           if (t.failed()) return;
           Query1 query = query_1();
           void* elsewhere = reinterpret_cast<void*>(std::uintptr_t{0x1000});
           t.status(protocol->communicate(protocol, elsewhere, &query, nullptr), status::success);
         }},
    {.name = "pi4-5.7.6/EFI_MM_COMMUNICATION3_PROTOCOL/success",
     .behaviour =
         "Communicate() hands a message with EFI_MM_COMMUNICATE_HEADER_V3 to the handler of its MessageGuid and "
         "returns the reply. EFI_SUCCESS.",
     .run =
         [](OutsideRun& t) {
           auto* protocol = t.find<abi::MmCommunication3>(abi::mm_communication3_protocol_guid);
           if (t.failed()) return;
           Query3 query = query_3();
           t.status(protocol->communicate(protocol, &query, &query), status::success);
           t.that(query.message.test_count != 0);
         }},
    {.name = "pi4-5.7.6/EFI_MM_COMMUNICATION3_PROTOCOL/null_buffer",
     .behaviour = "CommBufferPhysical or CommBufferVirtual was NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](OutsideRun& t) {
           auto* protocol = t.find<abi::MmCommunication3>(abi::mm_communication3_protocol_guid);
           if (t.failed()) return;
           Query3 query = query_3();
           t.status(protocol->communicate(protocol, nullptr, &query), status::invalid_parameter);
           t.status(protocol->communicate(protocol, &query, nullptr), status::invalid_parameter);
         },
     .edk2 = "Looks at CommBufferVirtual alone."},
    {.name = "pi4-5.7.6/EFI_MM_COMMUNICATION3_PROTOCOL/too_large",
     .behaviour = "The buffer is too large for the MM implementation: EFI_BAD_BUFFER_SIZE; MessageSize becomes the "
                  "largest payload there can be.",
     .run =
         [](OutsideRun& t) {
           auto* protocol = t.find<abi::MmCommunication3>(abi::mm_communication3_protocol_guid);
           const LargeBuffer buffer(t);
           if (t.failed()) return;
           abi::CommunicateHeaderV3 header = {abi::communicate_header_v3_guid, sizeof(header) + t.capacity, 0,
                                              message_guid, t.capacity};
           std::memcpy(buffer.bytes(), &header, sizeof(header));
           t.status(protocol->communicate(protocol, buffer.bytes(), buffer.bytes()), status::bad_buffer_size);
           std::memcpy(&header, buffer.bytes(), sizeof(header));
           t.that(header.message_size == t.capacity - sizeof(header));
         },
     .edk2 = "EFI_INVALID_PARAMETER, and no size is updated."},
    {.name = "pi4-5.7.6/EFI_MM_COMMUNICATION3_PROTOCOL/header_guid",
     .behaviour = "The buffer must start with EFI_MM_COMMUNICATE_HEADER_V3: any other HeaderGuid is an error.",
     .run =
         [](OutsideRun& t) {
           auto* protocol = t.find<abi::MmCommunication3>(abi::mm_communication3_protocol_guid);
           if (t.failed()) return;
           Query3 query = query_3();
           query.header.header_guid = message_guid;
           t.that(status::is_error(protocol->communicate(protocol, &query, &query)));
         },
     .edk2 = "Takes both headers.",
     .ours = "EFI_INVALID_PARAMETER."},
    {.name = "pi4-5.7.6/EFI_MM_COMMUNICATION3_PROTOCOL/access_denied",
     .behaviour = "EFI_ACCESS_DENIED is for buffers that MM cannot access; messages are copied, so there is none: a "
                  "buffer on the stack is as good as any. EFI_SUCCESS.",
     .run =
         [](OutsideRun& t) {
           auto* protocol = t.find<abi::MmCommunication3>(abi::mm_communication3_protocol_guid);
           if (t.failed()) return;
           Query3 query = query_3();
           t.status(protocol->communicate(protocol, &query, &query), status::success);
         }},
};

}  // namespace

std::span<const OutsideTest> outside_tests() { return tests; }

}  // namespace redoubt::conformance
