// SPDX-License-Identifier: BSD-2-Clause-Patent
// A driver's way to Redoubt's log (abi/redoubt/observation.hpp, docs/observing-mm.md). On a core that has none the
// lines go nowhere, so a driver that uses it runs everywhere.
#pragma once

#include <string_view>

#include "abi/pi/mm_system_table.hpp"
#include "abi/redoubt/observation.hpp"

namespace redoubt::sdk {

class Log {
 public:
  constexpr Log() = default;  // goes nowhere
  explicit Log(abi::MmSystemTable& mmst) {
    void* interface = nullptr;
    if (mmst.locate_protocol(&abi::log_protocol_guid, nullptr, &interface) == abi::status::success) {
      protocol_ = static_cast<const abi::LogProtocol*>(interface);
    }
  }

  // One line each, abi::log_text_bytes at most.
  void error(std::string_view text) const { write(abi::LogLevel::error, text); }
  void warning(std::string_view text) const { write(abi::LogLevel::warning, text); }
  void info(std::string_view text) const { write(abi::LogLevel::info, text); }
  void debug(std::string_view text) const { write(abi::LogLevel::debug, text); }

 private:
  void write(abi::LogLevel level, std::string_view text) const {
    if (protocol_ != nullptr) {
      protocol_->write(protocol_, static_cast<abi::UintN>(level), text.data(), text.size());
    }
  }

  const abi::LogProtocol* protocol_ = nullptr;
};

}  // namespace redoubt::sdk
