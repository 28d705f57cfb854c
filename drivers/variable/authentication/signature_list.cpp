// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/signature_list.hpp"

#include <algorithm>
#include <iterator>

#include "abi/uefi/signatures.hpp"

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
    {abi::signature_type::sha256, 32},
    {abi::signature_type::rsa2048, 256},
    {abi::signature_type::rsa2048_sha256, 256},
    {abi::signature_type::sha1, 20},
    {abi::signature_type::rsa2048_sha1, 256},
    {abi::signature_type::x509, any_size},
    {abi::signature_type::sha224, 28},
    {abi::signature_type::sha384, 48},
    {abi::signature_type::sha512, 64},
    {abi::signature_type::x509_sha256, 48},
    {abi::signature_type::x509_sha384, 64},
    {abi::signature_type::x509_sha512, 80},
    {abi::signature_type::sm3, 32},
    {abi::signature_type::x509_sm3, 48},
    {abi::signature_type::external_management, 1},
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
