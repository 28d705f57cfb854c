// SPDX-License-Identifier: BSD-2-Clause-Patent
// Finding the MM firmware volume among the volumes that PEI knows (abi/redoubt/image_names.hpp).
#pragma once

#include "abi/pi/pei.hpp"
#include "base/byte_reader.hpp"
#include "launch/pei/reason.hpp"

namespace redoubt::launch {

// The MM volume, header checked and cut to the length it declares, where it lies in the image.
Step<Bytes> find_mm_volume(abi::PeiServicesPointer services);

// The supervisor's PE image in the MM volume.
Step<Bytes> find_supervisor(Bytes volume);

}  // namespace redoubt::launch
