// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/authenticated_variables.hpp"

#include <algorithm>

#include "abi/uefi/signatures.hpp"
#include "drivers/variable/authentication/library_memory.hpp"
#include "drivers/variable/authentication/signature_list.hpp"
#include "drivers/variable/authentication/signer_database.hpp"
#include "drivers/variable/defined_variables.hpp"

namespace redoubt::variable {

namespace {

using abi::EfiStatus;
namespace status = abi::status;

template <typename T>
Bytes bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

bool appends(std::uint32_t attributes) { return (attributes & attribute::append_write) != 0; }

const VariableId& signers_of(bool non_volatile) { return non_volatile ? signers : volatile_signers; }

// Memory for one operation.
class Buffer {
 public:
  Buffer(Allocator& allocator, std::size_t size)
      : allocator_(allocator), memory_(static_cast<std::byte*>(allocator.allocate(size))), size_(size) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { allocator_.release(memory_); }

  bool is_ready() const { return memory_ != nullptr; }
  MutableBytes bytes() const { return {memory_, size_}; }

 private:
  Allocator& allocator_;
  std::byte* memory_;
  std::size_t size_;
};

// Calls `examine` with each X.509 certificate of a database until it returns true; whether it did.
template <typename Examine>
bool any_certificate(Bytes database, Examine examine) {
  while (!database.empty()) {
    const Result<SignatureList> list = take_signature_list(database);
    if (!list.has_value()) {
      return false;
    }
    for (std::size_t index = 0; list->type == abi::signature_type::x509 && index < list->count(); ++index) {
      if (examine(list->signature(index))) {
        return true;
      }
    }
  }
  return false;
}

// Whether `database` is one, and all certificates in it are RSA certificates.
bool is_sound_database(Bytes database) {
  return check_signature_database(database).has_value() &&
         !any_certificate(database, [](Bytes certificate) { return !is_rsa_certificate(certificate); });
}

// A platform key is one certificate, and one that can sign something.
bool is_sound_platform_key(Bytes database) {
  const Result<SignatureList> list = take_signature_list(database);
  return list.has_value() && database.empty() && list->type == abi::signature_type::x509 && list->count() == 1 &&
         is_acceptable_certificate(list->signature(0));
}

}  // namespace

AuthenticatedVariables::Kind AuthenticatedVariables::kind_of(const VariableId& id) {
  if (!needs_authentication(id)) {
    return Kind::private_variable;
  }
  if (id == platform_key) {
    return Kind::platform_key;
  }
  if (id == key_exchange_key) {
    return Kind::key_exchange_key;
  }
  return id.vendor == image_security_database_guid ? Kind::database : Kind::os_recovery;
}

EfiStatus AuthenticatedVariables::write(const VariableId& id, std::uint32_t attributes, const Descriptor& descriptor) {
  const Kind kind = kind_of(id);
  // The specification says no more of OsRecovery#### than that they are authenticated.
  if (kind != Kind::private_variable && !is_os_recovery_option(id) &&
      (attributes & ~attribute::append_write) != attribute::nv_bs_rt_at) {
    return status::invalid_parameter;
  }
  const LibraryMemoryScope memory(allocator_);
  if (!memory.is_ready()) {
    return status::out_of_resources;
  }
  Signature signature;
  return write_signed(id, attributes, descriptor, kind, signature);
}

EfiStatus AuthenticatedVariables::write_signed(const VariableId& id, std::uint32_t attributes,
                                               const Descriptor& descriptor, Kind kind, Signature& signature) {
  const bool unowned = secure_boot_.has_no_owner() && kind != Kind::private_variable;
  const Variable* old = keeper_.find_variable(id);
  Sha256Digest identity{};
  if (!unowned || kind == Kind::platform_key) {
    if (old != nullptr && !appends(attributes) && !is_later(descriptor.time_stamp, old->time_stamp)) {
      return status::security_violation;
    }
    if (unowned && descriptor.payload.empty()) {
      return status::not_found;  // there is no platform key, neither to delete nor to sign with
    }
    // Before the signature: what is enrolled says whose counts, and many certificates would take long to try.
    if (unowned && !is_sound_platform_key(descriptor.payload)) {
      return status::invalid_parameter;
    }
    const EfiStatus authentic = authenticate(id, attributes, descriptor, kind, signature, identity);
    if (status::is_error(authentic)) {
      return authentic;
    }
  }
  if (descriptor.payload.empty()) {
    if (!appends(attributes)) {
      return old == nullptr ? status::not_found : erase(id, attributes, kind);
    }
    if (old == nullptr) {
      return status::success;
    }
  } else if (is_database(kind) && !is_sound_database(descriptor.payload)) {
    return status::invalid_parameter;
  }
  if (unowned && kind != Kind::platform_key) {
    const EfiStatus forgotten = secure_boot_.forget_vendor_keys();
    if (status::is_error(forgotten)) {
      return forgotten;
    }
  }
  return appends(attributes) && old != nullptr ? append(id, attributes, descriptor, kind, identity)
                                               : keep(id, attributes & ~attribute::append_write, descriptor.time_stamp,
                                                      descriptor.payload, kind, identity);
}

EfiStatus AuthenticatedVariables::authenticate(const VariableId& id, std::uint32_t attributes,
                                               const Descriptor& descriptor, Kind kind, Signature& signature,
                                               Sha256Digest& identity) const {
  if (!descriptor.is_pkcs7 || !signature.read(descriptor.certificate).has_value()) {
    return status::security_violation;
  }
  const Bytes content[] = {std::as_bytes(std::span(id.name)), bytes_of(id.vendor), bytes_of(attributes),
                           bytes_of(descriptor.time_stamp), descriptor.payload};
  if (!signature.verify(content).has_value()) {
    return status::security_violation;
  }
  bool authorized = false;
  switch (kind) {
    case Kind::platform_key:
      authorized = secure_boot_.has_no_owner()
                       ? any_certificate(descriptor.payload, [&](Bytes key) { return signature.leads_to(key); })
                       : is_platform_key(signature);
      break;
    case Kind::key_exchange_key: authorized = is_platform_key(signature); break;
    case Kind::database: authorized = is_platform_key(signature) || leads_to_any(signature, key_exchange_key); break;
    case Kind::os_recovery:
      authorized = is_platform_key(signature) || leads_to_any(signature, key_exchange_key) ||
                   leads_to_any(signature, recovery_database);
      break;
    case Kind::private_variable: {
      const Result<Sha256Digest> signer = signature.signer_identity();
      if (signer.has_value()) {
        identity = *signer;
        return check_signer(id, attributes, signature, identity);
      }
      break;
    }
  }
  return authorized ? status::success : status::security_violation;
}

// No chain leads to the platform key: its owner signs with it.
bool AuthenticatedVariables::is_platform_key(const Signature& signature) const {
  const Variable* key = keeper_.find_variable(platform_key);
  return key != nullptr && any_certificate(key->data(), [&](Bytes certificate) {
           return std::ranges::equal(certificate, signature.signer_certificate());
         });
}

bool AuthenticatedVariables::leads_to_any(const Signature& signature, const VariableId& database) const {
  const Variable* variable = keeper_.find_variable(database);
  return variable != nullptr &&
         any_certificate(variable->data(), [&](Bytes certificate) { return signature.leads_to(certificate); });
}

// The signer that makes a private variable owns it. No signer may change one without a known owner.
EfiStatus AuthenticatedVariables::check_signer(const VariableId& id, std::uint32_t attributes,
                                               const Signature& signature, const Sha256Digest& identity) const {
  if (keeper_.find_variable(id) == nullptr) {
    return status::success;
  }
  const Variable* database = keeper_.find_variable(signers_of((attributes & attribute::non_volatile) != 0));
  if (database == nullptr) {
    return status::security_violation;
  }
  const Result<SignerEntry> entry = find_signer(database->data(), id);
  return entry.has_value() && is_signer(*entry, signature, identity) ? status::success : status::security_violation;
}

// The variable goes before its signer: in between it's gone, and start() forgets whose it was.
EfiStatus AuthenticatedVariables::erase(const VariableId& id, std::uint32_t attributes, Kind kind) {
  const EfiStatus erased = keeper_.erase_variable(id);
  if (status::is_error(erased)) {
    return erased;
  }
  if (kind == Kind::platform_key) {
    secure_boot_.after_deletion();
  } else if (kind == Kind::private_variable) {
    static_cast<void>(write_signer(id, (attributes & attribute::non_volatile) != 0, nullptr));
  }
  return status::success;
}

// The signer of a new variable comes before it: there is never a variable that any signer could claim.
EfiStatus AuthenticatedVariables::keep(const VariableId& id, std::uint32_t attributes, const abi::Time& time_stamp,
                                       Bytes data, Kind kind, const Sha256Digest& identity) {
  if (kind == Kind::platform_key && !is_sound_platform_key(data)) {
    return status::invalid_parameter;
  }
  const bool non_volatile = (attributes & attribute::non_volatile) != 0;
  const bool enrols = kind == Kind::platform_key && secure_boot_.has_no_owner();
  const bool is_new = kind == Kind::private_variable && keeper_.find_variable(id) == nullptr;
  EfiStatus result = enrols   ? secure_boot_.before_enrolment()
                     : is_new ? write_signer(id, non_volatile, &identity)
                              : status::success;
  if (status::is_error(result)) {
    return result;
  }
  result = keeper_.write_variable(id, attributes, time_stamp, data);
  if (status::is_error(result)) {
    if (is_new) {
      static_cast<void>(write_signer(id, non_volatile, nullptr));
    }
    return result;
  }
  if (enrols) {
    secure_boot_.after_enrolment();
  }
  return status::success;
}

// The time stamp passes also when nothing is new: it's what keeps older updates out (UEFI 2.10, 8.2.6).
EfiStatus AuthenticatedVariables::append(const VariableId& id, std::uint32_t attributes, const Descriptor& descriptor,
                                         Kind kind, const Sha256Digest& identity) {
  const Variable& old = *keeper_.find_variable(id);
  const Bytes present = old.data();
  const Buffer buffer(allocator_, most_after_append(present, descriptor.payload));
  if (!buffer.is_ready()) {
    return status::out_of_resources;
  }
  std::size_t size = most_after_append(present, descriptor.payload);
  if (is_database(kind)) {
    size = append_new_signatures(present, descriptor.payload, buffer.bytes());
  } else {
    __builtin_memcpy(buffer.bytes().data(), present.data(), present.size());
    __builtin_memcpy(buffer.bytes().data() + present.size(), descriptor.payload.data(), descriptor.payload.size());
  }
  const bool later = is_later(descriptor.time_stamp, old.time_stamp);
  if (size == present.size() && !later) {
    return status::success;
  }
  const abi::Time time = later ? descriptor.time_stamp : old.time_stamp;
  return keep(id, attributes & ~attribute::append_write, time, buffer.bytes().first(size), kind, identity);
}

// Makes `identity` the signer of a variable, or forgets it if that is null.
EfiStatus AuthenticatedVariables::write_signer(const VariableId& id, bool non_volatile, const Sha256Digest* identity) {
  const VariableId& database_id = signers_of(non_volatile);
  const Variable* variable = keeper_.find_variable(database_id);
  const Bytes database = variable == nullptr ? Bytes{} : variable->data();
  if (identity == nullptr && !find_signer(database, id).has_value()) {
    return status::success;
  }
  const Buffer buffer(allocator_, most_after_change(database, id));
  if (!buffer.is_ready()) {
    return status::out_of_resources;
  }
  const Result<std::size_t> size = change_signer(database, id, identity, buffer.bytes());
  if (!size.has_value()) {
    return status::security_violation;
  }
  constexpr std::uint32_t attributes = attribute::bs_rt | attribute::time_based_authenticated_write;
  return keeper_.write_variable(database_id, non_volatile ? attributes | attribute::non_volatile : attributes, {},
                                buffer.bytes().first(*size));
}

void AuthenticatedVariables::start() {
  while (forget_one_without_variable()) {
  }
}

bool AuthenticatedVariables::forget_one_without_variable() {
  const Variable* database = keeper_.find_variable(signers);
  if (database == nullptr) {
    return false;
  }
  const Result<SignerEntries> opened = SignerEntries::open(database->data());
  if (!opened.has_value()) {
    return false;
  }
  for (SignerEntries entries = *opened; !entries.at_end();) {
    const Result<SignerEntry> entry = entries.next();
    if (!entry.has_value()) {
      return false;
    }
    // Names stand at any address there.
    const Buffer name(allocator_, entry->name.size() + sizeof(char16_t));
    if (!name.is_ready()) {
      return false;
    }
    if (!entry->name.empty()) {
      __builtin_memcpy(name.bytes().data(), entry->name.data(), entry->name.size());
    }
    const VariableId id{
        entry->vendor, {reinterpret_cast<const char16_t*>(name.bytes().data()), entry->name.size() / sizeof(char16_t)}};
    const Variable* variable = keeper_.find_variable(id);
    if (variable == nullptr || !variable->has(attribute::time_based_authenticated_write)) {
      return !status::is_error(write_signer(id, true, nullptr));
    }
  }
  return false;
}

}  // namespace redoubt::variable
