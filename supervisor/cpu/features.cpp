// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/cpu/features.hpp"

#include "arch/processor.hpp"
#include "arch/x86_64/registers/control.hpp"
#include "arch/x86_64/registers/cpuid.hpp"
#include "arch/x86_64/registers/extended_state.hpp"

namespace redoubt::supervisor {

std::uint64_t CpuFeatures::efer() const {
  return arch::efer::long_mode_enable | (execute_disable ? arch::efer::no_execute_enable : 0);
}

std::uint64_t CpuFeatures::early_cr4() const {
  using namespace arch::cr4;
  return physical_address_extension | os_fxsr | os_xmm_exceptions |
         (execution_prevention ? supervisor_execution_prevention : 0) |
         (access_prevention ? supervisor_access_prevention : 0) |
         (instruction_prevention ? user_mode_instruction_prevention : 0) | (xsave ? os_xsave : 0);
}

std::uint64_t CpuFeatures::cr4() const { return early_cr4() | arch::cr4::machine_check_enable; }

CpuFeatures detect_features() {
  namespace cpuid = arch::cpuid;
  CpuFeatures features{};
  const std::uint32_t basic_limit = arch::cpuid_leaf(cpuid::basic).eax;
  const std::uint32_t extended_limit = arch::cpuid_leaf(cpuid::extended_basic).eax;
  if (extended_limit >= cpuid::extended_features) {
    features.execute_disable = (arch::cpuid_leaf(cpuid::extended_features).edx & cpuid::extended_edx_nx) != 0;
  }
  if (basic_limit >= cpuid::structured_features) {
    const arch::CpuidLeaf leaf = arch::cpuid_leaf(cpuid::structured_features);
    features.execution_prevention = (leaf.ebx & cpuid::structured_ebx_smep) != 0;
    features.access_prevention = (leaf.ebx & cpuid::structured_ebx_smap) != 0;
    features.instruction_prevention = (leaf.ecx & cpuid::structured_ecx_umip) != 0;
  }
  features.extended_state_bytes = sizeof(arch::ExtendedState);
  if (basic_limit >= cpuid::extended_state &&
      (arch::cpuid_leaf(cpuid::features).ecx & cpuid::features_ecx_xsave) != 0) {
    features.xsave = true;
    const std::uint32_t bytes = arch::cpuid_leaf(cpuid::extended_state).ecx;
    features.extended_state_bytes = bytes > features.extended_state_bytes ? bytes : features.extended_state_bytes;
  }
  return features;
}

}  // namespace redoubt::supervisor
