// SPDX-License-Identifier: BSD-2-Clause-Patent
// The CPUs that could move a window over the flash while it is written.
#pragma once

namespace redoubt::variable {

class OtherProcessors {
 public:
  // Calls in and holds until the end of this MMI every CPU that may run outside MM. False: one is known to run there,
  // or, since the last call in this MMI, did. `some_presumed_stopped`: others didn't come and count as stopped, so that
  // it's worth asking again.
  virtual bool hold(bool& some_presumed_stopped) = 0;

 protected:
  ~OtherProcessors() = default;
};

}  // namespace redoubt::variable
