// SPDX-License-Identifier: BSD-2-Clause-Patent
// Dependency expressions of MM drivers: PI 1.9, volume 2, chapter 10, which volume 4 refers to. The drivers are those
// of ordered.hpp; what is seen here is the order in which they were started.
#include "tests/conformance/groups.hpp"
#include "tests/conformance/ordered.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;

constexpr int never = -1;

// The driver's place among those that were started; `never` if it wasn't.
int place_of(Run& t, unsigned number) {
  void* found = nullptr;
  t.status(t.mmst.locate_protocol(&order_list_guid, nullptr, &found), status::success);
  if (t.failed()) return never;
  const auto* list = static_cast<const OrderList*>(found);
  for (std::uint32_t i = 0; i != list->count; ++i) {
    if (list->numbers[i] == number) return static_cast<int>(i);
  }
  return never;
}

void expect_after(Run& t, unsigned later, unsigned earlier) {
  const int first = place_of(t, earlier);
  const int second = place_of(t, later);
  t.that(first != never && second != never);
  t.that(first < second);
}

constexpr Test tests[] = {
    {.name = "pi2-10/DEPEX/push",
     .behaviour = "PUSH of a protocol: the driver is started after the protocol was installed, wherever it stands in "
                  "the volume.",
     .run = [](Run& t) { expect_after(t, ordered_push, ordered_true); },
     .when = When::in_mmi},
    {.name = "pi2-10/DEPEX/and",
     .behaviour = "AND: the driver is started when both protocols are there.",
     .run =
         [](Run& t) {
           expect_after(t, ordered_and, ordered_true);
           expect_after(t, ordered_and, ordered_push);
         },
     .when = When::in_mmi},
    {.name = "pi2-10/DEPEX/or",
     .behaviour = "OR: the driver is started when one of the protocols is there.",
     .run = [](Run& t) { expect_after(t, ordered_or, ordered_true); },
     .when = When::in_mmi},
    {.name = "pi2-10/DEPEX/not",
     .behaviour = "NOT: the driver is started while the protocol isn't there.",
     .run = [](Run& t) { t.that(place_of(t, ordered_not) != never); },
     .when = When::in_mmi},
    {.name = "pi2-10/DEPEX/true",
     .behaviour = "TRUE: the driver is started.",
     .run = [](Run& t) { t.that(place_of(t, ordered_true) != never); },
     .when = When::in_mmi},
    {.name = "pi2-10/DEPEX/false",
     .behaviour = "FALSE: the driver is never started.",
     .run = [](Run& t) { t.that(place_of(t, ordered_false) == never); },
     .when = When::in_mmi},
    {.name = "pi2-10/DEPEX/absent",
     .behaviour = "PUSH of a protocol that no driver installs: the driver is never started.",
     .run = [](Run& t) { t.that(place_of(t, ordered_absent) == never); },
     .when = When::in_mmi},
    {.name = "pi2-10/DEPEX/before",
     .behaviour = "BEFORE: the driver is started just before the one it names.",
     .run =
         [](Run& t) {
           t.equal(static_cast<unsigned>(place_of(t, ordered_before) + 1),
                   static_cast<unsigned>(place_of(t, ordered_true)));
         },
     .when = When::in_mmi},
    {.name = "pi2-10/DEPEX/after",
     .behaviour = "AFTER: the driver is started just after the one it names.",
     .run =
         [](Run& t) {
           t.equal(static_cast<unsigned>(place_of(t, ordered_true) + 1),
                   static_cast<unsigned>(place_of(t, ordered_after)));
         },
     .when = When::in_mmi},
    {.name = "pi2-10/DEPEX/none",
     .behaviour = "No dependency section: nothing holds the driver back.",
     .run = [](Run& t) { t.that(place_of(t, ordered_no_depex) != never); },
     .when = When::in_mmi},
    {.name = "pi2-10/DEPEX/malformed",
     .behaviour = "An expression that isn't one, with an unknown opcode: the driver is never started.",
     .run = [](Run& t) { t.that(place_of(t, ordered_malformed) == never); },
     .when = When::in_mmi,
     .ours = "The converter refuses its file, too."},
    {.name = "pi2-10/DEPEX/underflow",
     .behaviour = "An expression that isn't one, with an operator that lacks operands: the driver is never started.",
     .run = [](Run& t) { t.that(place_of(t, ordered_underflow) == never); },
     .when = When::in_mmi,
     .ours = "The converter refuses its file, too."},
};

}  // namespace

std::span<const Test> depex_tests() { return tests; }

}  // namespace redoubt::conformance
