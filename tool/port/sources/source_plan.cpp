// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/sources/source_plan.hpp"

#include "tool/port/sources/source_planner.hpp"

namespace redoubt::port {

ReadResult<SourcePlan> plan_sources(Workspace& workspace, const Rules& rules, const InfFile& traditional,
                                    const FactsProgram& program, const SourceOptions& options) {
  return SourcePlanner(workspace, rules, traditional, options).run(program);
}

}  // namespace redoubt::port
