// SPDX-License-Identifier: BSD-2-Clause-Patent
// Certificates are read by mbedTLS; all else is fields at fixed places, read with a ByteReader.
#include "tool/variables/content.hpp"

#include <mbedtls/x509_crt.h>

#include <algorithm>
#include <array>
#include <format>
#include <memory>

#include "abi/uefi/guid_text.hpp"
#include "abi/uefi/signatures.hpp"
#include "drivers/variable/defined_variables.hpp"
#include "tool/variables/device_path.hpp"
#include "tool/variables/text.hpp"

namespace redoubt::tool::variables {

namespace {

using variable::VariableId;

// UEFI 2.10, 32.4.1.
struct SignatureType {
  abi::Guid guid;
  const char* name;
};
constexpr SignatureType signature_types[] = {
    {abi::signature_type::x509, "X.509 certificate"},
    {abi::signature_type::sha256, "SHA-256 hash"},
    {abi::signature_type::sha1, "SHA-1 hash"},
    {abi::signature_type::sha224, "SHA-224 hash"},
    {abi::signature_type::sha384, "SHA-384 hash"},
    {abi::signature_type::sha512, "SHA-512 hash"},
    {abi::signature_type::rsa2048, "RSA-2048 key"},
    {abi::signature_type::x509_sha256, "X.509 certificate's SHA-256 hash"},
    {abi::signature_type::x509_sha384, "X.509 certificate's SHA-384 hash"},
    {abi::signature_type::x509_sha512, "X.509 certificate's SHA-512 hash"},
};

std::string type_name(const abi::Guid& type) {
  const auto* known = std::ranges::find(signature_types, type, &SignatureType::guid);
  return known != std::end(signature_types) ? known->name : std::string(abi::to_text(type).view());
}

std::string subject_of(Bytes certificate) {
  mbedtls_x509_crt parsed;
  mbedtls_x509_crt_init(&parsed);
  const std::unique_ptr<mbedtls_x509_crt, decltype(&mbedtls_x509_crt_free)> owner(&parsed, &mbedtls_x509_crt_free);
  std::array<char, 1024> name{};
  // The library's bytes are unsigned char.
  if (mbedtls_x509_crt_parse_der(&parsed, reinterpret_cast<const unsigned char*>(certificate.data()),
                                 certificate.size()) != 0 ||
      mbedtls_x509_dn_gets(name.data(), name.size(), &parsed.subject) < 0) {
    return "not readable";
  }
  return ascii_of(std::as_bytes(std::span(name)));
}

using Lines = std::vector<std::string>;

Lines signatures_text(Bytes data) {
  const auto signatures = parse_signatures(data);
  if (!signatures.has_value()) {
    return {"damaged: not a sequence of signature lists"};
  }
  Lines lines;
  for (std::size_t index = 0; index < signatures->size();) {
    const Signature& signature = (*signatures)[index];
    if (signature.type == abi::signature_type::x509) {
      lines.push_back(std::format("X.509 certificate: {}", subject_of(signature.data)));
      lines.push_back(std::format("  owner {}", abi::to_text(signature.owner).view()));
      ++index;
      continue;
    }
    std::size_t count = 0;
    while (index < signatures->size() && (*signatures)[index].type == signature.type) {
      ++index;
      ++count;
    }
    lines.push_back(std::format("{}: {}", type_name(signature.type), count));
  }
  return lines;
}

Lines numbers_text(Bytes data) {
  std::string line;
  ByteReader reader(data);
  while (reader.remaining() >= sizeof(std::uint16_t)) {
    line += std::format("{}{:04X}", line.empty() ? "" : " ", reader.read<std::uint16_t>().value_or(0));
  }
  return {reader.at_end() ? line : line + " (and one byte)"};
}

// EFI_LOAD_OPTION (UEFI 2.10, 3.1.3).
Lines load_option_text(Bytes data) {
  constexpr std::uint32_t active = 1;
  constexpr std::uint32_t hidden = 8;
  ByteReader reader(data);
  const auto attributes = reader.read<std::uint32_t>();
  const auto path_size = reader.read<std::uint16_t>();
  if (!attributes.has_value() || !path_size.has_value()) {
    return {"damaged: too short for a load option"};
  }
  const std::u16string description = units_of(data.subspan(reader.position()));
  const bool terminated = reader.skip((description.size() + 1) * sizeof(char16_t)).has_value();
  const auto path = reader.take(*path_size);
  if (!terminated || !path.has_value()) {
    return {"damaged: description or device path reaches beyond the end"};
  }
  Lines lines = {std::format("\"{}\"{}{}", to_utf8(description), (*attributes & active) != 0 ? "" : ", inactive",
                             (*attributes & hidden) != 0 ? ", hidden" : ""),
                 device_path_text(*path)};
  if (!reader.at_end()) {
    lines.push_back(std::format("{} bytes of optional data", reader.remaining()));
  }
  return lines;
}

Lines os_indications_text(Bytes data) {
  // UEFI 2.10, 8.5.4.
  constexpr const char* names[] = {
      "boot to firmware's user interface", "time stamp revocation",          "file capsule delivery",
      "firmware management capsule",       "capsule result variable",        "start OS recovery",
      "start platform recovery",           "JSON configuration data refresh"};
  const auto bits = read_at<std::uint64_t>(data, 0);
  if (!bits.has_value() || data.size() != sizeof(std::uint64_t)) {
    return {};
  }
  Lines lines;
  for (std::size_t bit = 0; bit < std::size(names); ++bit) {
    if ((*bits >> bit & 1) != 0) {
      lines.emplace_back(names[bit]);
    }
  }
  return lines.empty() ? Lines{"nothing"} : lines;
}

bool is_option_of(std::u16string_view name, std::u16string_view kind) {
  constexpr std::size_t digits = 4;
  return name.size() == kind.size() + digits && name.starts_with(kind) &&
         std::ranges::all_of(name.substr(kind.size()), [](char16_t unit) {
           return (unit >= u'0' && unit <= u'9') || (unit >= u'A' && unit <= u'F');
         });
}

Lines global_text(std::u16string_view name, Bytes data) {
  for (const std::u16string_view kind : {u"Boot", u"Driver", u"SysPrep", u"PlatformRecovery"}) {
    if (is_option_of(name, kind)) {
      return load_option_text(data);
    }
  }
  const auto is_one_of = [name](std::initializer_list<std::u16string_view> names) {
    return std::ranges::find(names, name) != names.end();
  };
  if (is_one_of({u"BootOrder", u"DriverOrder", u"SysPrepOrder", u"BootNext"})) {
    return numbers_text(data);
  }
  if (is_one_of({u"ConIn", u"ConOut", u"ErrOut"})) {
    return {device_path_text(data)};
  }
  if (is_one_of({u"Lang", u"PlatformLang"})) {
    return {std::format("\"{}\"", ascii_of(data))};
  }
  if (name == u"Timeout" && data.size() == sizeof(std::uint16_t)) {
    const auto seconds = read_at<std::uint16_t>(data, 0).value_or(0);
    return {seconds == 0xFFFF ? std::string("waits for a key") : std::format("{} seconds", seconds)};
  }
  return name == u"OsIndications" ? os_indications_text(data) : Lines{};
}

}  // namespace

Result<std::vector<Signature>> parse_signatures(Bytes data) {
  constexpr std::uint32_t list_header = 28;  // type, then the sizes of list, header and signature
  constexpr std::uint32_t owner_size = sizeof(abi::Guid);
  std::vector<Signature> signatures;
  for (ByteReader reader(data); !reader.at_end();) {
    const auto type = TRY(reader.read<abi::Guid>());
    const auto list_size = TRY(reader.read<std::uint32_t>());
    const auto header_size = TRY(reader.read<std::uint32_t>());
    const auto signature_size = TRY(reader.read<std::uint32_t>());
    if (list_size < list_header || header_size > list_size - list_header || signature_size <= owner_size ||
        (list_size - list_header - header_size) % signature_size != 0) {
      return std::unexpected(Error::malformed);
    }
    TRY(reader.skip(header_size));
    ByteReader entries(TRY(reader.take(list_size - list_header - header_size)));
    while (!entries.at_end()) {
      const auto owner = TRY(entries.read<abi::Guid>());
      signatures.push_back({type, owner, TRY(entries.take(signature_size - owner_size))});
    }
  }
  return signatures;
}

bool is_signature_database(const VariableId& id) {
  if (id.vendor == variable::global_variable_guid) {
    return id.name == u"PK" || id.name == u"KEK";
  }
  return id.vendor == variable::image_security_database_guid &&
         (id.name == u"db" || id.name == u"dbx" || id.name == u"dbt" || id.name == u"dbr");
}

std::vector<std::string> describe_content(const VariableId& id, Bytes data) {
  if (is_signature_database(id)) {
    return signatures_text(data);
  }
  if (id.vendor == variable::global_variable_guid) {
    return global_text(id.name, data);
  }
  if (id.vendor == variable::secure_boot_enable.vendor && id.name == variable::secure_boot_enable.name &&
      data.size() == 1) {
    return {data[0] == std::byte{0} ? "Secure Boot is switched off" : "Secure Boot is not switched off"};
  }
  return {};
}

}  // namespace redoubt::tool::variables
