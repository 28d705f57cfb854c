// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who holds how much. Each driver has an account with a limit for everything that it can make MM keep: a driver that
// takes without end runs into its own limit, not into others'. What it is refused is counted, and logged once for each
// kind, so that it can't fill the log either.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "abi/redoubt/syscall.hpp"

namespace redoubt::foundation {

// Number of a driver, as reports name it; 0 is the foundation itself.
using DriverNumber = std::uint32_t;
inline constexpr DriverNumber foundation_itself = 0;

enum class Resource : std::uint8_t { pages, handles, protocols, handlers, notifications, tables, count };
inline constexpr std::size_t resource_count = static_cast<std::size_t>(Resource::count);
constexpr std::array<std::string_view, resource_count> resource_names = {"pages",    "handles",       "protocols",
                                                                         "handlers", "notifications", "tables"};

// What a service was refused for, besides arguments that nobody could have used.
enum class Refusal : std::uint8_t {
  caller,  // the call came from where no driver's code is
  protocol,
  handler,
  notification,
  pool,
  pages,
  table,
  memory,    // another driver's, by MmIo
  function,  // not the code of who registers it
  procedure,
  count,
};
inline constexpr std::size_t refusal_count = static_cast<std::size_t>(Refusal::count);
constexpr std::array<std::string_view, refusal_count> refusal_names = {
    "caller", "protocol", "handler", "notification", "pool", "pages", "table", "memory", "function", "procedure"};

struct DriverAccount {
  std::array<std::uint32_t, resource_count> used{};
  std::array<std::uint32_t, resource_count> limit{};
  std::array<std::uint32_t, resource_count> beyond{};  // how often it wanted more
  std::array<std::uint32_t, refusal_count> refused{};  // how often it wanted what isn't its own

  std::uint32_t refusals() const {
    std::uint32_t sum = 0;
    for (const std::uint32_t count : beyond) sum += count;
    for (const std::uint32_t count : refused) sum += count;
    return sum;
  }
};

class Dispatcher;
class Observer;

class DriverLedger {
 public:
  constexpr DriverLedger(Dispatcher& drivers, Observer& observer) : drivers_(drivers), observer_(observer) {}
  DriverLedger(const DriverLedger&) = delete;
  DriverLedger& operator=(const DriverLedger&) = delete;

  // Books `amount` to the driver. False, and noted, if that would be beyond its limit; the foundation has none.
  [[nodiscard]] bool take(DriverNumber driver, Resource resource, std::uint64_t amount = 1);
  // The same for what comes to a driver without its doing.
  void pass_on(DriverNumber driver, Resource resource);
  void give_back(DriverNumber driver, Resource resource, std::uint64_t amount = 1);

  // Notes that `driver` reached for something of `owner`'s.
  void refuse(DriverNumber driver, Refusal kind, DriverNumber owner);

 private:
  DriverAccount* account(DriverNumber driver);

  Dispatcher& drivers_;
  Observer& observer_;
};

}  // namespace redoubt::foundation
