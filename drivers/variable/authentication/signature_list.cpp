// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/signature_list.hpp"

#include <algorithm>
#include <iterator>

namespace redoubt::variable {

namespace {

struct ListHeader {
  abi::Guid type;
  std::uint32_t list_size;
  std::uint32_t header_size;
  std::uint32_t signature_size;
};
static_assert(offsetof(ListHeader, list_size) == 16 && sizeof(ListHeader) == 28);

constexpr std::uint32_t any_size = 0;

// UEFI 2.10, 32.4.1: sizes of the signature itself, in bytes. None has a header.
struct SignatureType {
  abi::Guid guid;
  std::uint32_t size;
};
constexpr SignatureType types[] = {
    {{0xc1c41626, 0x504c, 0x4092, {0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28}}, 32},   // SHA-256
    {{0x3c5766e8, 0x269c, 0x4e34, {0xaa, 0x14, 0xed, 0x77, 0x6e, 0x85, 0xb3, 0xb6}}, 256},  // RSA-2048 key
    {{0xe2b36190, 0x879b, 0x4a3d, {0xad, 0x8d, 0xf2, 0xe7, 0xbb, 0xa3, 0x27, 0x84}}, 256},  // RSA-2048 of SHA-256
    {{0x826ca512, 0xcf10, 0x4ac9, {0xb1, 0x87, 0xbe, 0x01, 0x49, 0x66, 0x31, 0xbd}}, 20},   // SHA-1
    {{0x67f8444f, 0x8743, 0x48f1, {0xa3, 0x28, 0x1e, 0xaa, 0xb8, 0x73, 0x60, 0x80}}, 256},  // RSA-2048 of SHA-1
    {x509_signature_guid, any_size},
    {{0x0b6e5233, 0xa65c, 0x44c9, {0x94, 0x07, 0xd9, 0xab, 0x83, 0xbf, 0xc8, 0xbd}}, 28},  // SHA-224
    {{0xff3e5307, 0x9fd0, 0x48c9, {0x85, 0xf1, 0x8a, 0xd5, 0x6c, 0x70, 0x1e, 0x01}}, 48},  // SHA-384
    {{0x093e0fae, 0xa6c4, 0x4f50, {0x9f, 0x1b, 0xd4, 0x1e, 0x2b, 0x89, 0xc1, 0x9a}}, 64},  // SHA-512
    {{0x3bd2a492, 0x96c0, 0x4079, {0xb4, 0x20, 0xfc, 0xf9, 0x8e, 0xf1, 0x03, 0xed}}, 48},  // tbsCertificate, SHA-256
    {{0x7076876e, 0x80c2, 0x4ee6, {0xaa, 0xd2, 0x28, 0xb3, 0x49, 0xa6, 0x86, 0x5b}}, 64},  // tbsCertificate, SHA-384
    {{0x446dbf63, 0x2502, 0x4cda, {0xbc, 0xfa, 0x24, 0x65, 0xd2, 0xb0, 0xfe, 0x9d}}, 80},  // tbsCertificate, SHA-512
    {{0x57347f87, 0x7a9b, 0x403a, {0xb9, 0x3c, 0xdc, 0x4a, 0xfb, 0x7a, 0x0e, 0xbc}}, 32},  // SM3
    {{0x60d807e5, 0x10b4, 0x49a9, {0x93, 0x31, 0xe4, 0x04, 0x37, 0x88, 0x8d, 0x37}}, 48},  // tbsCertificate, SM3
    {{0x452e8ced, 0xdfff, 0x4b8c, {0xae, 0x01, 0x51, 0x18, 0x86, 0x2e, 0x68, 0x2c}}, 1},   // external management
};

bool is_in(Bytes database, const SignatureList& like, Bytes entry) {
  while (!database.empty()) {
    const Result<SignatureList> list = take_signature_list(database);
    if (!list.has_value()) {
      return false;
    }
    if (list->type != like.type || list->signature_size != like.signature_size) {
      continue;
    }
    for (std::size_t index = 0; index < list->count(); ++index) {
      if (std::ranges::equal(list->entry(index), entry)) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

Result<SignatureList> take_signature_list(Bytes& rest) {
  const auto header = TRY(read_at<ListHeader>(rest, 0));
  const Bytes whole = TRY(slice(rest, 0, header.list_size));
  const Bytes after_header = TRY(slice_from(whole, sizeof(header)));
  SignatureList list;
  list.type = header.type;
  list.header_size = header.header_size;
  list.signature_size = header.signature_size;
  list.whole = whole;
  list.signatures = TRY(slice_from(after_header, header.header_size));
  if (list.signature_size <= sizeof(abi::Guid) || list.signatures.size() % list.signature_size != 0) {
    return std::unexpected(Error::malformed);
  }
  rest = rest.subspan(whole.size());
  return list;
}

Result<void> check_signature_database(Bytes database) {
  if (database.empty()) {
    return std::unexpected(Error::malformed);
  }
  while (!database.empty()) {
    const Result<SignatureList> list = take_signature_list(database);
    if (!list.has_value()) {
      return std::unexpected(Error::malformed);
    }
    const auto* type = std::ranges::find(types, list->type, &SignatureType::guid);
    if (type == std::end(types) || list->header_size != 0 || list->count() == 0 ||
        (type->size != any_size && list->signature_size != sizeof(abi::Guid) + type->size)) {
      return std::unexpected(Error::malformed);
    }
  }
  return {};
}

std::size_t append_new_signatures(Bytes present, Bytes more, MutableBytes merged) {
  std::size_t used = 0;
  const auto put = [&](Bytes bytes) {
    if (!bytes.empty()) {
      __builtin_memcpy(merged.data() + used, bytes.data(), bytes.size());
    }
    used += bytes.size();
  };
  put(present);
  while (!more.empty()) {
    const Result<SignatureList> list = take_signature_list(more);
    if (!list.has_value()) {
      break;
    }
    const std::size_t start = used;
    for (std::size_t index = 0; index < list->count(); ++index) {
      const Bytes entry = list->entry(index);
      if (is_in(present, *list, entry)) {
        continue;
      }
      if (used == start) {
        put(list->whole.first(list->whole.size() - list->signatures.size()));
      }
      put(entry);
    }
    if (used != start) {
      const auto size = static_cast<std::uint32_t>(used - start);
      __builtin_memcpy(merged.data() + start + offsetof(ListHeader, list_size), &size, sizeof(size));
    }
  }
  return used;
}

}  // namespace redoubt::variable
