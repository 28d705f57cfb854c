// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/variables/device_path.hpp"

#include <algorithm>
#include <format>

#include "abi/uefi/guid_text.hpp"
#include "tool/variables/text.hpp"

namespace redoubt::tool::variables {

namespace {

constexpr std::size_t node_header = 4;  // type, subtype, length of the whole node

// UEFI 2.10, 10.3.
enum Type : std::uint8_t { hardware = 1, acpi = 2, messaging = 3, media = 4, bios_boot = 5, end = 0x7F };
constexpr std::uint8_t end_of_instance = 1;
constexpr std::uint8_t end_of_path = 0xFF;

std::string guid_text(const abi::Guid& guid) { return std::string(abi::to_text(guid).view()); }

Result<std::string> hardware_text(std::uint8_t subtype, ByteReader reader) {
  switch (subtype) {
    case 1: {
      const auto function = TRY(reader.read<std::uint8_t>());
      const auto device = TRY(reader.read<std::uint8_t>());
      return std::format("Pci({:#x},{:#x})", device, function);
    }
    case 3: {
      const auto kind = TRY(reader.read<std::uint32_t>());
      const auto first = TRY(reader.read<std::uint64_t>());
      const auto last = TRY(reader.read<std::uint64_t>());
      return std::format("MemoryMapped({:#x},{:#x},{:#x})", kind, first, last);
    }
    case 4: {
      const auto guid = TRY(reader.read<abi::Guid>());
      const Bytes data = TRY(reader.take(reader.remaining()));
      return std::format("VenHw({}{}{})", guid_text(guid), data.empty() ? "" : ",", to_hex(data));
    }
    case 5: return std::format("Ctrl({:#x})", TRY(reader.read<std::uint32_t>()));
    default: return std::unexpected(Error::unsupported);
  }
}

// A compressed EISA identifier: in its lower half three letters of five bits, in its upper half the product's number.
std::string eisa_text(std::uint32_t identifier) {
  const auto letter = [identifier](unsigned shift) {
    const std::uint32_t value = identifier >> shift & 0x1F;
    return value >= 1 && value <= 26 ? static_cast<char>('A' + value - 1) : '?';
  };
  return std::format("{}{}{}{:04X}", letter(10), letter(5), letter(0), identifier >> 16);
}

Result<std::string> acpi_text(std::uint8_t subtype, ByteReader reader) {
  if (subtype == 3) {
    std::string text = std::format("AcpiAdr({:#x}", TRY(reader.read<std::uint32_t>()));
    while (reader.remaining() >= sizeof(std::uint32_t)) {
      text += std::format(",{:#x}", TRY(reader.read<std::uint32_t>()));
    }
    return text + ")";
  }
  if (subtype != 1) {
    return std::unexpected(Error::unsupported);
  }
  const auto hid = TRY(reader.read<std::uint32_t>());
  const auto uid = TRY(reader.read<std::uint32_t>());
  switch (hid) {
    case 0x0A0341D0: return std::format("PciRoot({:#x})", uid);
    case 0x0A0841D0: return std::format("PcieRoot({:#x})", uid);
    case 0x060441D0: return std::format("Floppy({:#x})", uid);
    case 0x030141D0: return std::format("Keyboard({:#x})", uid);
    case 0x050141D0: return std::format("Serial({:#x})", uid);
    case 0x040141D0: return std::format("ParallelPort({:#x})", uid);
    default: return std::format("Acpi({},{:#x})", eisa_text(hid), uid);
  }
}

Result<std::string> vendor_messaging_text(ByteReader reader) {
  struct Terminal {
    abi::Guid guid;
    const char* name;
  };
  constexpr Terminal terminals[] = {
      {{0xe0c14753, 0xf9be, 0x11d2, {0x9a, 0x0c, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d}}, "VenPcAnsi"},
      {{0xdfa66065, 0xb419, 0x11d3, {0x9a, 0x2d, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d}}, "VenVt100"},
      {{0x7baec70b, 0x57e0, 0x4c76, {0x8e, 0x87, 0x2f, 0x9e, 0x28, 0x08, 0x83, 0x43}}, "VenVt100Plus"},
      {{0xad15a0d6, 0x8bec, 0x4acf, {0xa0, 0x73, 0xd0, 0x1d, 0xe7, 0x7e, 0x2d, 0x88}}, "VenUtf8"},
  };
  const auto guid = TRY(reader.read<abi::Guid>());
  const Bytes data = TRY(reader.take(reader.remaining()));
  for (const Terminal& terminal : terminals) {
    if (terminal.guid == guid && data.empty()) {
      return std::format("{}()", terminal.name);
    }
  }
  return std::format("VenMsg({}{}{})", guid_text(guid), data.empty() ? "" : ",", to_hex(data));
}

std::string dotted(Bytes address) {
  std::string text;
  for (const std::byte byte : address) {
    text += std::format("{}{}", text.empty() ? "" : ".", std::to_integer<unsigned>(byte));
  }
  return text;
}

Result<std::string> uart_text(ByteReader reader) {
  TRY(reader.skip(4));
  const auto baud = TRY(reader.read<std::uint64_t>());
  const auto bits = TRY(reader.read<std::uint8_t>());
  const auto parity = TRY(reader.read<std::uint8_t>());
  const auto stop = TRY(reader.read<std::uint8_t>());
  const auto either = [](auto value) { return value == 0 ? std::string("DEFAULT") : std::format("{}", value); };
  constexpr std::string_view parities = "DNEOMS";
  constexpr const char* stops[] = {"D", "1", "1.5", "2"};
  return std::format("Uart({},{},{},{})", either(baud), either(bits),
                     parity < parities.size() ? std::string(1, parities[parity]) : std::format("{}", parity),
                     stop < std::size(stops) ? std::string(stops[stop]) : std::format("{}", stop));
}

Result<std::string> messaging_text(std::uint8_t subtype, ByteReader reader) {
  switch (subtype) {
    case 1: {
      const auto secondary = TRY(reader.read<std::uint8_t>());
      const auto slave = TRY(reader.read<std::uint8_t>());
      const auto unit = TRY(reader.read<std::uint16_t>());
      return std::format("Ata({},{},{:#x})", secondary == 0 ? "Primary" : "Secondary", slave == 0 ? "Master" : "Slave",
                         unit);
    }
    case 2: {
      const auto target = TRY(reader.read<std::uint16_t>());
      const auto unit = TRY(reader.read<std::uint16_t>());
      return std::format("Scsi({:#x},{:#x})", target, unit);
    }
    case 5: {
      const auto port = TRY(reader.read<std::uint8_t>());
      const auto interface = TRY(reader.read<std::uint8_t>());
      return std::format("USB({:#x},{:#x})", port, interface);
    }
    case 10: return vendor_messaging_text(reader);
    case 11: {
      const Bytes address = TRY(reader.take(32));
      const auto kind = TRY(reader.read<std::uint8_t>());
      // Of Ethernet addresses six bytes are in use.
      return std::format("MAC({},{:#x})", to_hex(address.first(kind <= 1 ? 6 : 32)), kind);
    }
    case 12: {
      TRY(reader.skip(4));
      return std::format("IPv4({})", dotted(TRY(reader.take(4))));
    }
    case 13: {
      TRY(reader.skip(16));
      return std::format("IPv6({})", to_hex(TRY(reader.take(16))));
    }
    case 14: return uart_text(reader);
    case 17: return std::format("Unit({:#x})", TRY(reader.read<std::uint8_t>()));
    case 18: {
      const auto port = TRY(reader.read<std::uint16_t>());
      const auto multiplier = TRY(reader.read<std::uint16_t>());
      const auto unit = TRY(reader.read<std::uint16_t>());
      return std::format("Sata({:#x},{:#x},{:#x})", port, multiplier, unit);
    }
    case 23: {
      const auto name_space = TRY(reader.read<std::uint32_t>());
      const Bytes identifier = TRY(reader.take(8));
      std::string bytes;
      for (std::size_t index = identifier.size(); index-- > 0;) {
        bytes += std::format("{}{:02X}", bytes.empty() ? "" : "-", std::to_integer<unsigned>(identifier[index]));
      }
      return std::format("NVMe({:#x},{})", name_space, bytes);
    }
    case 24: return std::format("Uri({})", ascii_of(TRY(reader.take(reader.remaining()))));
    default: return std::unexpected(Error::unsupported);
  }
}

Result<std::string> partition_text(ByteReader reader) {
  const auto number = TRY(reader.read<std::uint32_t>());
  const auto start = TRY(reader.read<std::uint64_t>());
  const auto size = TRY(reader.read<std::uint64_t>());
  const Bytes signature = TRY(reader.take(16));
  TRY(reader.skip(1));
  const auto kind = TRY(reader.read<std::uint8_t>());
  std::string identity;
  if (kind == 1) {
    identity = std::format("MBR,{:#010x}", TRY(read_at<std::uint32_t>(signature, 0)));
  } else if (kind == 2) {
    identity = "GPT," + guid_text(TRY(read_at<abi::Guid>(signature, 0)));
  } else {
    identity = std::format("{},{}", kind, to_hex(signature));
  }
  return std::format("HD({},{},{:#x},{:#x})", number, identity, start, size);
}

Result<std::string> media_text(std::uint8_t subtype, ByteReader reader) {
  switch (subtype) {
    case 1: return partition_text(reader);
    case 2: {
      const auto entry = TRY(reader.read<std::uint32_t>());
      const auto start = TRY(reader.read<std::uint64_t>());
      const auto size = TRY(reader.read<std::uint64_t>());
      return std::format("CDROM({:#x},{:#x},{:#x})", entry, start, size);
    }
    case 3: {
      const auto guid = TRY(reader.read<abi::Guid>());
      const Bytes data = TRY(reader.take(reader.remaining()));
      return std::format("VenMedia({}{}{})", guid_text(guid), data.empty() ? "" : ",", to_hex(data));
    }
    case 4: return to_utf8(units_of(TRY(reader.take(reader.remaining()))));
    case 5: return std::format("Media({})", guid_text(TRY(reader.read<abi::Guid>())));
    case 6: return std::format("FvFile({})", guid_text(TRY(reader.read<abi::Guid>())));
    case 7: return std::format("Fv({})", guid_text(TRY(reader.read<abi::Guid>())));
    case 8: {
      TRY(reader.skip(4));
      const auto first = TRY(reader.read<std::uint64_t>());
      const auto last = TRY(reader.read<std::uint64_t>());
      return std::format("Offset({:#x},{:#x})", first, last);
    }
    default: return std::unexpected(Error::unsupported);
  }
}

Result<std::string> bios_boot_text(std::uint8_t subtype, ByteReader reader) {
  if (subtype != 1) {
    return std::unexpected(Error::unsupported);
  }
  const auto kind = TRY(reader.read<std::uint16_t>());
  TRY(reader.skip(2));
  return std::format("BBS({:#x},{})", kind, ascii_of(TRY(reader.take(reader.remaining()))));
}

std::string node_text(std::uint8_t type, std::uint8_t subtype, Bytes body) {
  Result<std::string> text = std::unexpected(Error::unsupported);
  switch (type) {
    case hardware: text = hardware_text(subtype, ByteReader(body)); break;
    case acpi: text = acpi_text(subtype, ByteReader(body)); break;
    case messaging: text = messaging_text(subtype, ByteReader(body)); break;
    case media: text = media_text(subtype, ByteReader(body)); break;
    case bios_boot: text = bios_boot_text(subtype, ByteReader(body)); break;
    default: break;
  }
  return text.has_value() ? *text
                          : std::format("Path({},{}{}{})", type, subtype, body.empty() ? "" : ",", to_hex(body));
}

}  // namespace

std::string device_path_text(Bytes bytes) {
  std::string text;
  bool at_start = true;
  for (ByteReader reader(bytes); !reader.at_end();) {
    const auto type = reader.read<std::uint8_t>();
    const auto subtype = reader.read<std::uint8_t>();
    const auto length = reader.read<std::uint16_t>();
    if (!type.has_value() || !subtype.has_value() || !length.has_value() || *length < node_header ||
        !reader.skip(*length - node_header).has_value()) {
      return text + "(damaged)";
    }
    if (*type == end && *subtype == end_of_path) {
      return text;
    }
    if (*type == end && *subtype == end_of_instance) {
      text += ",";
      at_start = true;
      continue;
    }
    const Bytes body = bytes.subspan(reader.position() - (*length - node_header), *length - node_header);
    text += (at_start ? "" : "/") + node_text(*type, *subtype, body);
    at_start = false;
  }
  return text + "(damaged)";
}

}  // namespace redoubt::tool::variables
