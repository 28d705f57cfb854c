// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which memory, ports and registers outside MMRAM drivers may use. The board says what it has to give, as lists; what
// follows from them for one access is decided here, and what isn't in a list is closed. A granted access to a port is a
// value of a type that only a verdict makes, and the board's functions take no other.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace redoubt::policy {

enum class RangeAccess : std::uint8_t {
  drivers,          // ring-3 drivers, read and write, never execute
  supervisor_only,  // ring 0 alone
};

enum class RangeCache : std::uint8_t { write_back, uncached };

// A physical range outside MMRAM; base and size are multiples of 4 KiB.
struct OutsideRange {
  std::uint64_t base;
  std::uint64_t size;
  RangeAccess access;
  RangeCache cache;
  std::string_view what;  // for the report
};

// Ports [first, first + count), which drivers may use with instructions of their own.
struct PortRange {
  std::uint16_t first;
  std::uint16_t count;
  friend constexpr bool operator==(const PortRange&, const PortRange&) = default;
};

// What a driver may write to a register.
enum class RegisterWrite : std::uint8_t {
  nothing,
  everything,      // the value as it is
  change,          // the writable bits; the others keep their values
  clear,           // ones clear the writable bits
  forget_command,  // 0 alone: there is no software MMI any more that this register could name
};

// A register that drivers reach through the I/O services of the MM system table alone, in one width, because IN and OUT
// could do more than they may. `reason`: what a hostile driver can do with it at worst.
struct DriverRegister {
  std::uint16_t port;
  std::uint8_t width;  // bytes
  RegisterWrite write;
  std::uint32_t writable;
  std::string_view reason;
};

// Whether drivers may use all of [address, address + bytes), which lies outside MMRAM. False for 0 bytes.
constexpr bool driver_may_use_memory(std::span<const OutsideRange> ranges, std::uint64_t address, std::uint64_t bytes) {
  for (const OutsideRange& range : ranges) {
    if (range.access == RangeAccess::drivers && bytes != 0 && address >= range.base &&
        address - range.base < range.size && bytes <= range.size - (address - range.base)) {
      return true;
    }
  }
  return false;
}

// Whether drivers may use all of [port, port + width) with IN and OUT, which are 1, 2 or 4 bytes wide.
constexpr bool driver_may_use_port(std::span<const PortRange> ports, std::uint64_t port, std::uint64_t width) {
  if ((width != 1 && width != 2 && width != 4) || port > 0xFFFF) {
    return false;
  }
  for (const PortRange& range : ports) {
    if (port >= range.first && port + width <= std::uint64_t{range.first} + range.count) {
      return true;
    }
  }
  return false;
}

// One past the highest of these ports: how long an I/O bitmap has to be.
constexpr std::uint32_t driver_ports_end(std::span<const PortRange> ports) {
  std::uint32_t end = 0;
  for (const PortRange& range : ports) {
    const std::uint32_t range_end = std::uint32_t{range.first} + range.count;
    end = range_end > end ? range_end : end;
  }
  return end;
}

// Null if a driver may not even read `width` bytes at `port`.
constexpr const DriverRegister* driver_register(std::span<const DriverRegister> registers, std::uint64_t port,
                                                std::uint64_t width) {
  for (const DriverRegister& entry : registers) {
    if (entry.port == port && entry.width == width) return &entry;
  }
  return nullptr;
}

// What a board lets drivers reach by ports.
struct PortGrants {
  std::span<const PortRange> ranges;
  std::span<const DriverRegister> registers;
};

// One read on a driver's behalf that policy allows.
class GrantedRead {
 public:
  [[nodiscard]] constexpr std::uint16_t port() const { return port_; }
  [[nodiscard]] constexpr std::uint8_t width() const { return width_; }  // 1, 2 or 4 bytes

 private:
  friend constexpr std::optional<GrantedRead> judge_read(const PortGrants& grants, std::uint64_t port,
                                                         std::uint64_t width);
  constexpr GrantedRead(std::uint16_t port, std::uint8_t width) : port_(port), width_(width) {}

  std::uint16_t port_;
  std::uint8_t width_;
};

// One write on a driver's behalf that policy allows: how it is done, and with which bits.
class GrantedWrite {
 public:
  [[nodiscard]] constexpr std::uint16_t port() const { return port_; }
  [[nodiscard]] constexpr std::uint8_t width() const { return width_; }  // 1, 2 or 4 bytes
  [[nodiscard]] constexpr RegisterWrite how() const { return how_; }     // never `nothing`
  [[nodiscard]] constexpr std::uint32_t writable() const { return writable_; }
  [[nodiscard]] constexpr std::uint32_t value() const { return value_; }  // no bits but writable ones

 private:
  friend constexpr std::optional<GrantedWrite> judge_write(const PortGrants& grants, std::uint64_t port,
                                                           std::uint64_t width, std::uint32_t value);
  constexpr GrantedWrite(const DriverRegister& entry, std::uint32_t value)
      : port_(entry.port),
        width_(entry.width),
        how_(entry.write),
        writable_(entry.writable),
        value_(value & entry.writable) {}

  std::uint16_t port_;
  std::uint8_t width_;
  RegisterWrite how_;
  std::uint32_t writable_;
  std::uint32_t value_;
};

// `width`: 1, 2 or 4 bytes.
constexpr std::optional<GrantedRead> judge_read(const PortGrants& grants, std::uint64_t port, std::uint64_t width) {
  if (!driver_may_use_port(grants.ranges, port, width) && driver_register(grants.registers, port, width) == nullptr)
    return std::nullopt;
  return GrantedRead(static_cast<std::uint16_t>(port), static_cast<std::uint8_t>(width));
}

constexpr std::optional<GrantedWrite> judge_write(const PortGrants& grants, std::uint64_t port, std::uint64_t width,
                                                  std::uint32_t value) {
  if (driver_may_use_port(grants.ranges, port, width)) {
    const DriverRegister whole = {
        static_cast<std::uint16_t>(port), static_cast<std::uint8_t>(width), RegisterWrite::everything, 0xFFFF'FFFF, {}};
    return GrantedWrite(whole, value);
  }
  const DriverRegister* entry = driver_register(grants.registers, port, width);
  if (entry == nullptr || entry->write == RegisterWrite::nothing) return std::nullopt;
  if (entry->write == RegisterWrite::forget_command && value != 0) return std::nullopt;
  return GrantedWrite(*entry, value);
}

}  // namespace redoubt::policy
