// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/signer_database.hpp"

#include <algorithm>

namespace redoubt::variable {

namespace {

struct EntryHeader {
  abi::Guid vendor;
  std::uint32_t size;
  std::uint32_t name_length;
  std::uint32_t signer_size;
};
static_assert(sizeof(EntryHeader) == 28);

template <typename T>
Bytes bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

bool SignerEntry::is_about(const VariableId& id) const {
  return vendor == id.vendor && std::ranges::equal(name, std::as_bytes(std::span(id.name)));
}

Result<SignerEntries> SignerEntries::open(Bytes database) {
  if (database.empty()) {
    return SignerEntries({});
  }
  const Result<std::uint32_t> size = read_at<std::uint32_t>(database, 0);
  if (!size.has_value() || *size != database.size()) {
    return std::unexpected(Error::malformed);
  }
  return SignerEntries(database.subspan(sizeof(std::uint32_t)));
}

Result<SignerEntry> SignerEntries::next() {
  const Result<EntryHeader> header = read_at<EntryHeader>(rest_, 0);
  if (!header.has_value() || header->size > rest_.size() ||
      header->size != sizeof(EntryHeader) + std::uint64_t{header->name_length} * sizeof(char16_t) +
                          std::uint64_t{header->signer_size}) {
    return std::unexpected(Error::malformed);
  }
  SignerEntry entry;
  entry.whole = rest_.first(header->size);
  entry.vendor = header->vendor;
  entry.name = entry.whole.subspan(sizeof(EntryHeader), header->name_length * sizeof(char16_t));
  entry.signer = entry.whole.subspan(sizeof(EntryHeader) + entry.name.size());
  rest_ = rest_.subspan(header->size);
  return entry;
}

Result<SignerEntry> find_signer(Bytes database, const VariableId& id) {
  for (SignerEntries entries = TRY(SignerEntries::open(database)); !entries.at_end();) {
    const SignerEntry entry = TRY(entries.next());
    if (entry.is_about(id)) {
      return entry;
    }
  }
  return std::unexpected(Error::not_found);
}

bool is_signer(const SignerEntry& entry, const Signature& signature, const Sha256Digest& identity) {
  if (entry.signer.size() == identity.size()) {
    return std::ranges::equal(entry.signer, identity);
  }
  // A count of one, the certificate's size, the certificate.
  const Bytes certificate = signature.signer_certificate();
  constexpr std::size_t size_offset = sizeof(std::uint8_t);
  constexpr std::size_t certificate_offset = size_offset + sizeof(std::uint32_t);
  const Result<std::uint32_t> size = read_at<std::uint32_t>(entry.signer, size_offset);
  return size.has_value() && entry.signer[0] == std::byte{1} && *size == entry.signer.size() - certificate_offset &&
         std::ranges::equal(entry.signer.subspan(certificate_offset), certificate);
}

Result<std::size_t> change_signer(Bytes database, const VariableId& id, const Sha256Digest* identity,
                                  MutableBytes changed) {
  std::size_t used = sizeof(std::uint32_t);
  const auto put = [&](Bytes bytes) {
    if (!bytes.empty()) {
      __builtin_memcpy(changed.data() + used, bytes.data(), bytes.size());
    }
    used += bytes.size();
  };
  for (SignerEntries entries = TRY(SignerEntries::open(database)); !entries.at_end();) {
    const SignerEntry entry = TRY(entries.next());
    if (!entry.is_about(id)) {
      put(entry.whole);
    }
  }
  if (identity != nullptr) {
    const Bytes name = std::as_bytes(std::span(id.name));
    EntryHeader header{};
    header.vendor = id.vendor;
    header.size = static_cast<std::uint32_t>(sizeof(header) + name.size() + identity->size());
    header.name_length = static_cast<std::uint32_t>(id.name.size());
    header.signer_size = static_cast<std::uint32_t>(identity->size());
    put(bytes_of(header));
    put(name);
    put(*identity);
  }
  const auto size = static_cast<std::uint32_t>(used);
  __builtin_memcpy(changed.data(), &size, sizeof(size));
  return used;
}

}  // namespace redoubt::variable
