// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the authentication of variables needs of those who store them. Rules about who may write what have been checked
// when it is called, or don't hold for what the firmware writes itself; space is still checked here.
#pragma once

#include "abi/uefi/time.hpp"
#include "abi/uefi/types.hpp"
#include "base/byte_reader.hpp"
#include "drivers/variable/store/variable.hpp"

namespace redoubt::variable {

class VariableKeeper {
 public:
  // Null when there is none. Its data may move with the next write.
  virtual const Variable* find_variable(const VariableId& id) const = 0;
  // Creates or replaces a variable, in flash or in memory as `attributes` say. `data` isn't a stored variable's. All or
  // nothing; the statuses of SetVariable.
  virtual abi::EfiStatus write_variable(const VariableId& id, std::uint32_t attributes, const abi::Time& time_stamp,
                                        Bytes data) = 0;
  // Success too when there is none.
  virtual abi::EfiStatus erase_variable(const VariableId& id) = 0;
  // A volatile variable that every caller may read and none may write.
  virtual Result<void> publish(const VariableId& id, std::uint32_t attributes, Bytes data) = 0;
  virtual bool at_runtime() const = 0;

 protected:
  ~VariableKeeper() = default;
};

}  // namespace redoubt::variable
