// SPDX-License-Identifier: BSD-2-Clause-Patent
// Sequences of rightly signed writes by the owners of several keys, of keys, databases, recovery options and private
// variables, with values that are lists of signatures or nearly so, and resets in between. After each write: only the
// variable that was named may differ, only if its signer may write it, only with time passing; a write that failed
// changed nothing; and there is a platform key exactly when the machine isn't in Setup Mode. A reset loses nothing.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>

#include "abi/uefi/signatures.hpp"
#include "drivers/variable/authentication/descriptor.hpp"
#include "drivers/variable/authentication/signature_list.hpp"
#include "drivers/variable/authentication/test_signing.hpp"

using namespace redoubt;
using namespace redoubt::variable;
using namespace redoubt::variable::test;

namespace {

constexpr VariableId ids[] = {platform_key,
                              key_exchange_key,
                              {image_security_database_guid, u"db"},
                              {image_security_database_guid, u"dbx"},
                              recovery_database,
                              {global_variable_guid, u"OsRecoveryOrder"},
                              {vendor_a, u"OsRecovery0001"},
                              {vendor_a, u"Private"},
                              {vendor_b, u"Private"}};
constexpr std::size_t first_private = 7;
constexpr std::size_t first_recovery = 5;

// Who signs, and whose trust that is besides the certificate's own.
struct Party {
  std::string name;
  std::vector<std::string> above;
  std::unique_ptr<Signer> signer;
  std::vector<ByteVector> certificates;  // its own first
};

const std::vector<Party>& parties() {
  static const std::vector<Party> all = [] {
    std::vector<Party> made;
    const auto add = [&](const std::string& name, const std::vector<std::string>& sent,
                         const std::vector<std::string>& above) {
      Party party{name, above, std::make_unique<Signer>(name, sent), {fixture(name + ".crt")}};
      for (const std::string& issuer : above) {
        party.certificates.push_back(fixture(issuer + ".crt"));
      }
      made.push_back(std::move(party));
    };
    for (const char* name : {"pk", "pk2", "kek", "stranger", "forgery", "nameless"}) {
      add(name, {}, {});
    }
    add("leaf", {"intermediate"}, {"intermediate", "kek"});
    add("leaf", {}, {"intermediate"});
    return made;
  }();
  return all;
}

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(std::as_bytes(std::span(data, size))) {}
  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() { return empty() ? 0 : std::to_integer<std::uint8_t>(take(1)[0]); }
  Bytes take(std::size_t count) {
    const Bytes taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  Bytes rest_;
};

ByteVector piece_of_value(Input& input) {
  const std::uint8_t kind = input.byte();
  switch (kind % 4) {
    case 0: {
      const Bytes raw = input.take(input.byte());
      return {raw.begin(), raw.end()};
    }
    case 1:
      return signature_list(abi::signature_type::x509,
                            {parties()[input.byte() % parties().size()].certificates.back()});
    case 2: {
      std::vector<ByteVector> digests(1 + kind / 64);
      for (ByteVector& digest : digests) {
        digest = ByteVector(32, std::byte{input.byte()});
      }
      return signature_list(abi::signature_type::sha256, digests);
    }
    default: {
      // A list whose header isn't quite right.
      ByteVector list =
          signature_list(abi::signature_type::x509, {parties()[input.byte() % parties().size()].certificates.front()});
      list[input.byte() % 28] = std::byte{input.byte()};
      return list;
    }
  }
}

bool holds_any(const Machine::Value& value, std::span<const ByteVector> certificates) {
  const ByteVector data = bytes(value.data);
  return std::ranges::any_of(
      certificates, [&](const ByteVector& certificate) { return !std::ranges::search(data, certificate).empty(); });
}

void must(bool holds) {
  if (!holds) {
    std::abort();
  }
}

class Play {
 public:
  void write(Input& input) {
    const Party& party = parties()[input.byte() % parties().size()];
    const std::size_t target = input.byte() % std::size(ids);
    const std::uint8_t how = input.byte();
    std::uint32_t attributes = attribute::nv_bs_rt_at;
    attributes |= (how & 1) != 0 ? attribute::append_write : 0;
    attributes &= (how & 0x30) == 0x30 ? ~attribute::non_volatile : ~std::uint32_t{0};
    const abi::Time time = {2026, 11, static_cast<std::uint8_t>(input.byte() % 8), 1, 2, input.byte(), 0, 0, 0, 0, 0};
    ByteVector payload;
    for (std::size_t pieces = how / 2 % 4; pieces > 0; --pieces) {
      append(payload, piece_of_value(input));
    }
    const ByteVector update = party.signer->update(ids[target], attributes, time, payload);

    const std::vector<Machine::Value> before = values();
    const abi::EfiStatus result = machine_.services->set(Requester::message, ids[target], attributes, update);
    const std::vector<Machine::Value> after = values();
    for (std::size_t index = 0; index < before.size(); ++index) {
      must(before[index] == after[index] || (index == target && result == abi::status::success));
    }
    must(machine_.get(setup_mode.name, setup_mode.vendor).data.at(0) == (exists(after[0]) ? 0 : 1));
    if (result == abi::status::success && exists(before[target])) {
      check_time(target, attributes, time, before);
    }
    if (before[target] != after[target]) {
      check_authority(party, target, before, after);
    }
    if (!exists(after[target])) {
      times_.erase(target);
      makers_.erase(target);
    } else if (result == abi::status::success) {
      abi::Time& kept = times_[target];
      kept = (attributes & attribute::append_write) == 0 || is_later(time, kept) ? time : kept;
      if (!exists(before[target])) {
        makers_[target] = party.name;
      }
    }
  }

  bool has_owner() const { return exists(values()[0]); }

  void reset() {
    std::vector<Machine::Value> before = values();
    for (Machine::Value& value : before) {
      if ((value.attributes & attribute::non_volatile) == 0) {
        value = {abi::status::not_found, 0, ""};
      }
    }
    must(machine_.reset().has_value());
    const std::vector<Machine::Value> after = values();
    must(before == after);
    for (std::size_t index = 0; index < after.size(); ++index) {
      if (!exists(after[index])) {
        times_.erase(index);
        makers_.erase(index);
      }
    }
  }

 private:
  static bool exists(const Machine::Value& value) { return value.status == abi::status::success; }

  std::vector<Machine::Value> values() const {
    std::vector<Machine::Value> found;
    for (const VariableId& id : ids) {
      found.push_back(machine_.get(id.name, id.vendor));
    }
    return found;
  }

  void check_time(std::size_t target, std::uint32_t attributes, const abi::Time& time,
                  const std::vector<Machine::Value>& before) const {
    const bool counts = exists(before[0]) || target >= first_private;
    must(!counts || (attributes & attribute::append_write) != 0 || is_later(time, times_.at(target)));
  }

  void check_authority(const Party& party, std::size_t target, const std::vector<Machine::Value>& before,
                       const std::vector<Machine::Value>& after) const {
    if (target >= first_private) {
      must(!exists(before[target]) || makers_.at(target) == party.name);
      return;
    }
    const std::span<const ByteVector> all(party.certificates);
    if (!exists(before[0])) {
      must(target != 0 || holds_any(after[0], all));
      return;
    }
    const bool owner = holds_any(before[0], all.first(1));
    const bool by_key = target > 1 && holds_any(before[1], all);
    const bool by_recovery = target >= first_recovery && holds_any(before[4], all);
    must(owner || by_key || by_recovery);
  }

  Machine machine_;
  std::map<std::size_t, abi::Time> times_;
  std::map<std::size_t, std::string> makers_;  // by certificate: the two that sign with the leaf's are one
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  Play play;
  if ((input.byte() & 1) != 0) {
    // An owner, a key exchange key: most sequences don't find these three steps by themselves.
    constexpr std::uint8_t enrolment[] = {2, 1, 2, 1, 0, 1, 2, 0, 0, 2, 1, 0, 1, 0};
    Input steps(enrolment, sizeof(enrolment));
    while (!steps.empty()) {
      play.write(steps);
    }
    must(play.has_owner());
  }
  for (int count = 0; count < 8 && !input.empty(); ++count) {
    if (input.byte() % 8 == 0) {
      play.reset();
    } else {
      play.write(input);
    }
  }
  play.reset();
  return 0;
}
