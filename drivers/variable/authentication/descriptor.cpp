// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/descriptor.hpp"

#include <tuple>

#include "abi/uefi/signatures.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::variable {

namespace {

// WIN_CERTIFICATE_UEFI_GUID up to its data.
struct CertificateHeader {
  static constexpr std::uint16_t uefi_guid_type = 0x0EF1;

  std::uint32_t length;  // this header included
  std::uint16_t revision;
  std::uint16_t type;
  abi::Guid kind;
};
static_assert(offsetof(CertificateHeader, type) == 6 && offsetof(CertificateHeader, kind) == 8 &&
              sizeof(CertificateHeader) == 24);

}  // namespace

Result<Descriptor> parse_descriptor(Bytes data) {
  ByteReader reader(data);
  Descriptor descriptor;
  descriptor.time_stamp = TRY(reader.read<abi::Time>());
  const abi::Time& time = descriptor.time_stamp;
  if (time.pad1 != 0 || time.nanosecond != 0 || time.time_zone != 0 || time.daylight != 0 || time.pad2 != 0) {
    return std::unexpected(Error::malformed);
  }
  const auto header = TRY(reader.read<CertificateHeader>());
  if (header.length < sizeof(header)) {
    return std::unexpected(Error::malformed);
  }
  descriptor.is_pkcs7 = header.type == CertificateHeader::uefi_guid_type && header.kind == abi::pkcs7_certificate_guid;
  descriptor.certificate = TRY(reader.take(header.length - sizeof(header)));
  descriptor.payload = TRY(reader.take(reader.remaining()));
  return descriptor;
}

bool is_later(const abi::Time& time, const abi::Time& other) {
  const auto key = [](const abi::Time& value) {
    return std::tuple(value.year, value.month, value.day, value.hour, value.minute, value.second);
  };
  return key(time) > key(other);
}

}  // namespace redoubt::variable
