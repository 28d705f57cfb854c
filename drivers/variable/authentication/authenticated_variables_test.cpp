// SPDX-License-Identifier: BSD-2-Clause-Patent
// Authenticated variables as an operating system sees them, through SetVariable. Keys and updates are the fixtures'.
#include "drivers/variable/authentication/authenticated_variables.hpp"
#include "abi/uefi/signatures.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "drivers/variable/authentication/library_memory.hpp"
#include "drivers/variable/authentication/signature_list.hpp"
#include "drivers/variable/authentication/signer_database.hpp"
#include "drivers/variable/authentication/test_signing.hpp"

namespace redoubt::variable {
namespace {

using namespace test;
using namespace attribute;
namespace status = abi::status;

constexpr VariableId db{image_security_database_guid, u"db"};
constexpr VariableId dbx{image_security_database_guid, u"dbx"};
constexpr VariableId dbt{image_security_database_guid, u"dbt"};
constexpr VariableId dbr{image_security_database_guid, u"dbr"};
constexpr VariableId recovery_order{global_variable_guid, u"OsRecoveryOrder"};
constexpr VariableId private_id{vendor_a, u"Private"};
constexpr std::uint32_t volatile_at = bs_rt | time_based_authenticated_write;

constexpr abi::Time at(std::uint8_t day, std::uint8_t second = 0) {
  return {2026, 11, day, 12, 0, second, 0, 0, 0, 0, 0};
}

ByteVector list_of(const std::string& certificate) {
  return signature_list(abi::signature_type::x509, {fixture(certificate + ".crt")});
}
ByteVector digest_list(char fill) {
  return signature_list(abi::signature_type::sha256, {bytes(std::string(32, fill))});
}
ByteVector joined(const ByteVector& first, const ByteVector& second) {
  ByteVector both = first;
  append(both, second);
  return both;
}

class Authenticated : public testing::Test {
 protected:
  abi::EfiStatus set(const VariableId& id, std::uint32_t attributes, Bytes data) {
    return machine.services->set(Requester::message, id, attributes, data);
  }
  abi::EfiStatus set(const Signer& signer, const VariableId& id, const abi::Time& time, Bytes payload,
                     std::uint32_t attributes = nv_bs_rt_at) {
    return set(id, attributes, signer.update(id, attributes, time, payload));
  }
  abi::EfiStatus unsigned_set(const VariableId& id, Bytes payload, std::uint32_t attributes = nv_bs_rt_at) {
    return set(id, attributes, Signer::described(at(1), {}, payload));
  }
  Machine::Value get(const VariableId& id) const { return machine.get(id.name, id.vendor); }
  bool exists(const VariableId& id) const { return get(id).status == status::success; }
  void expect(const VariableId& id, const ByteVector& data) const {
    const Machine::Value value = get(id);
    EXPECT_EQ(value.status, status::success);
    EXPECT_EQ(value.attributes, nv_bs_rt_at);
    EXPECT_EQ(bytes(value.data), data);
  }
  // SetupMode, AuditMode, DeployedMode, SecureBoot.
  std::string modes() const {
    std::string text;
    for (const VariableId& id : {setup_mode, audit_mode, deployed_mode, secure_boot}) {
      const Machine::Value value = get(id);
      EXPECT_EQ(value.attributes, bs_rt);
      text += value.data.at(0) == 0 ? '0' : '1';
    }
    return text;
  }
  void enrol() {
    ASSERT_EQ(unsigned_set(key_exchange_key, list_of("kek")), status::success);
    ASSERT_EQ(set(pk, platform_key, at(1), list_of("pk")), status::success);
  }

  const Signer pk{"pk"};
  const Signer pk2{"pk2"};
  const Signer kek{"kek"};
  const Signer stranger{"stranger"};
  const Signer forgery{"forgery"};
  Machine machine;
};

TEST_F(Authenticated, EnrolmentAsLinuxDoesItWithEfitools) {
  EXPECT_EQ(modes(), "1000");
  EXPECT_EQ(set(key_exchange_key, nv_bs_rt_at, fixture("enrol_kek.auth")), status::success);
  EXPECT_EQ(set(platform_key, nv_bs_rt_at, fixture("enrol_pk.auth")), status::success);
  EXPECT_EQ(modes(), "0001");
  EXPECT_EQ(get(vendor_keys).data, std::string(1, '\0'));
  EXPECT_EQ(get(secure_boot_enable).data, std::string(1, '\1'));
  machine.services->end_of_dxe();
  machine.services->exit_boot_services();
  EXPECT_EQ(set(db, nv_bs_rt_at, fixture("enrol_db.auth")), status::success);
  EXPECT_EQ(set(db, nv_bs_rt_at, fixture("enrol_db.auth")), status::security_violation) << "replayed";
  EXPECT_EQ(set(db, nv_bs_rt_at | append_write, fixture("append_db.auth")), status::success);
  constexpr abi::Guid updates_owner = {0x11111111, 0x2222, 0x3333, {0x44, 0x44, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc}};
  ByteVector expected = signature_list(abi::signature_type::x509, {fixture("stranger.crt")}, updates_owner);
  append(expected, signature_list(abi::signature_type::x509, {fixture("pk.crt")}, updates_owner));
  expect(db, expected);
  EXPECT_EQ(set(platform_key, nv_bs_rt_at, fixture("replace_pk.auth")), status::success);
  EXPECT_EQ(set(platform_key, nv_bs_rt_at, fixture("delete_pk.auth")), status::security_violation) << "the old key's";
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(modes(), "0001");
  expect(db, expected);
}

TEST_F(Authenticated, AnotherOwnersKeysAreRefused) {
  enrol();
  for (const VariableId& id : {platform_key, key_exchange_key}) {
    EXPECT_EQ(set(stranger, id, at(2), list_of("stranger")), status::security_violation);
    EXPECT_EQ(set(forgery, id, at(2), list_of("forgery")), status::security_violation) << "the platform key's name";
    EXPECT_EQ(set(kek, id, at(2), list_of("kek")), status::security_violation);
    EXPECT_EQ(unsigned_set(id, list_of("stranger")), status::security_violation);
  }
  for (const VariableId& id : {db, dbx, dbt, dbr}) {
    EXPECT_EQ(set(stranger, id, at(2), digest_list('a')), status::security_violation);
    EXPECT_EQ(unsigned_set(id, digest_list('a')), status::security_violation);
    EXPECT_EQ(set(kek, id, at(2), digest_list('a')), status::success);
    EXPECT_EQ(set(pk, id, at(3), digest_list('b')), status::success);
    EXPECT_EQ(set(Signer("leaf", {"intermediate"}), id, at(4), digest_list('c')), status::success);
    EXPECT_EQ(set(Signer("leaf"), id, at(5), digest_list('d')), status::security_violation) << "no way to KEK";
    expect(id, digest_list('c'));
  }
  EXPECT_EQ(set(kek, recovery_order, at(2), bytes("0123456789abcdef")), status::success);
  EXPECT_EQ(set(stranger, recovery_order, at(3), bytes("0123456789abcdef")), status::security_violation);
  EXPECT_EQ(set(pk, key_exchange_key, at(2), list_of("stranger")), status::success);
  EXPECT_EQ(set(kek, db, at(6), digest_list('e')), status::security_violation) << "no key exchange key any more";
  EXPECT_EQ(set(stranger, db, at(6), digest_list('e')), status::success);
}

TEST_F(Authenticated, TimeMustPass) {
  enrol();
  ASSERT_EQ(set(kek, db, at(5), digest_list('a')), status::success);
  EXPECT_EQ(set(kek, db, at(5), digest_list('b')), status::security_violation);
  EXPECT_EQ(set(kek, db, at(4), digest_list('b')), status::security_violation);
  EXPECT_EQ(set(kek, db, at(4), {}), status::security_violation) << "deletion";
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(set(kek, db, at(5), digest_list('b')), status::security_violation) << "time outlasts a reset";
  EXPECT_EQ(set(kek, db, at(5, 1), digest_list('b')), status::success);
  // Appending goes at any time, and the later time stays.
  EXPECT_EQ(set(kek, db, at(3), digest_list('c'), nv_bs_rt_at | append_write), status::success);
  EXPECT_EQ(set(kek, db, at(4), digest_list('d')), status::security_violation);
  EXPECT_EQ(set(kek, db, at(7), digest_list('d'), nv_bs_rt_at | append_write), status::success);
  EXPECT_EQ(set(kek, db, at(6), digest_list('e')), status::security_violation);
  expect(db, joined(joined(digest_list('b'), digest_list('c')), digest_list('d')));
  EXPECT_EQ(set(kek, db, at(8), {}), status::success);
  EXPECT_FALSE(exists(db));
  EXPECT_EQ(set(kek, db, at(9), {}), status::not_found);
  EXPECT_EQ(set(stranger, db, at(9), {}), status::security_violation);
}

TEST_F(Authenticated, AppendingAddsWhatIsNew) {
  enrol();
  ASSERT_EQ(set(kek, dbx, at(1), digest_list('a')), status::success);
  const ByteVector before = machine.flash.cells();
  EXPECT_EQ(set(kek, dbx, at(1), digest_list('a'), nv_bs_rt_at | append_write), status::success);
  EXPECT_EQ(set(kek, dbx, at(1), {}, nv_bs_rt_at | append_write), status::success);
  EXPECT_EQ(machine.flash.cells(), before);
  EXPECT_EQ(set(kek, dbx, at(2), {}, nv_bs_rt_at | append_write), status::success);
  EXPECT_EQ(set(kek, dbx, at(2), joined(digest_list('a'), digest_list('b')), nv_bs_rt_at | append_write),
            status::success);
  expect(dbx, joined(digest_list('a'), digest_list('b')));
  EXPECT_EQ(set(kek, db, at(1), digest_list('c'), nv_bs_rt_at | append_write), status::success) << "to nothing";
  expect(db, digest_list('c'));
  EXPECT_EQ(set(pk, platform_key, at(2), list_of("pk2"), nv_bs_rt_at | append_write), status::invalid_parameter);
  expect(platform_key, list_of("pk"));
  // What is signed says whether it is to be appended.
  EXPECT_EQ(set(dbx, nv_bs_rt_at, kek.update(dbx, nv_bs_rt_at | append_write, at(5), digest_list('d'))),
            status::security_violation);
}

// UEFI 2.10, 8.2.6: that there is nothing new keeps the time stamp from nothing. Or else what was signed before could
// still undo what was taken out meanwhile.
TEST_F(Authenticated, AppendingNothingNewLetsTimePass) {
  enrol();
  ASSERT_EQ(set(kek, dbx, at(1), digest_list('a')), status::success);
  EXPECT_EQ(set(kek, dbx, at(5), digest_list('a'), nv_bs_rt_at | append_write), status::success);
  EXPECT_EQ(set(kek, dbx, at(4), digest_list('b')), status::security_violation);
  EXPECT_EQ(set(kek, dbx, at(7), {}, nv_bs_rt_at | append_write), status::success);
  EXPECT_EQ(set(kek, dbx, at(3), digest_list('a'), nv_bs_rt_at | append_write), status::success)
      << "time doesn't go back";
  EXPECT_EQ(set(kek, dbx, at(6), digest_list('b')), status::security_violation);
  expect(dbx, digest_list('a'));
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(set(kek, dbx, at(7), digest_list('b')), status::security_violation);
  EXPECT_EQ(set(kek, dbx, at(8), digest_list('b')), status::success);
  ASSERT_EQ(set(stranger, private_id, at(1), bytes("one")), status::success);
  EXPECT_EQ(set(stranger, private_id, at(5), {}, nv_bs_rt_at | append_write), status::success);
  EXPECT_EQ(set(stranger, private_id, at(4), bytes("two")), status::security_violation);
  expect(private_id, bytes("one"));
  EXPECT_EQ(set(kek, db, at(1), {}, nv_bs_rt_at | append_write), status::success) << "nothing to nothing";
  EXPECT_FALSE(exists(db));
}

// UEFI 2.10, 3.4.1 and 8.2.6: whom dbr names may write these, and nothing else.
TEST_F(Authenticated, RecoveryOptionsAreDbrs) {
  constexpr VariableId option{vendor_b, u"OsRecovery00A1"};
  const ByteVector order = bytes("0123456789abcdef");
  enrol();
  EXPECT_EQ(set(stranger, recovery_order, at(1), order), status::security_violation);
  EXPECT_EQ(set(stranger, option, at(1), bytes("mine")), status::security_violation) << "no private variable";
  ASSERT_EQ(set(kek, dbr, at(1), list_of("stranger")), status::success);
  EXPECT_EQ(set(stranger, recovery_order, at(1), order), status::success);
  EXPECT_EQ(set(stranger, option, at(1), bytes("option")), status::success);
  EXPECT_FALSE(exists(signers));
  EXPECT_EQ(set(kek, option, at(2), bytes("of KEK")), status::success);
  EXPECT_EQ(set(pk, option, at(3), bytes("of PK")), status::success);
  EXPECT_EQ(set(pk2, option, at(4), bytes("foreign")), status::security_violation);
  EXPECT_EQ(set(option, nv_bs_rt, bytes("plain")), status::invalid_parameter);
  EXPECT_EQ(set(option, 0, {}), status::write_protected);
  expect(option, bytes("of PK"));
  for (const VariableId& id : {platform_key, key_exchange_key, db, dbx, dbt, dbr}) {
    EXPECT_EQ(set(stranger, id, at(9), list_of("stranger")), status::security_violation);
  }
  constexpr VariableId other{vendor_b, u"OsRecovery00A2"};
  EXPECT_EQ(set(other, nv_bs_rt, bytes("plain")), status::invalid_parameter);
  for (const std::u16string_view name : {u"OsRecovery00a2", u"OsRecovery00A", u"OsRecovery00A22", u"OsRecovery"}) {
    EXPECT_EQ(set({vendor_b, name}, nv_bs_rt, bytes("plain")), status::success) << "another name";
  }
  EXPECT_EQ(set(pk, platform_key, at(2), {}), status::success);
  EXPECT_EQ(unsigned_set(option, bytes("anybody's")), status::success) << "Setup Mode";
}

TEST_F(Authenticated, WhatIsSignedIsAllOfIt) {
  enrol();
  const ByteVector good = kek.update(db, nv_bs_rt_at, at(2), digest_list('a'));
  EXPECT_EQ(set(dbx, nv_bs_rt_at, good), status::security_violation) << "name";
  EXPECT_EQ(set({vendor_a, u"db"}, nv_bs_rt_at, good), status::security_violation) << "vendor";
  EXPECT_EQ(set(db, nv_bs_rt_at, joined(good, digest_list('b'))), status::security_violation) << "more";
  EXPECT_EQ(set(db, nv_bs_rt_at, good), status::success);
}

TEST_F(Authenticated, NoFlippedBitAndNoTruncationIsAccepted) {
  enrol();
  const ByteVector good = kek.update(db, nv_bs_rt_at, at(2), digest_list('a'));
  for (std::size_t size = 0; size < good.size(); ++size) {
    ASSERT_EQ(set(db, nv_bs_rt_at, Bytes(good).first(size)), status::security_violation) << size;
  }
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    ByteVector changed = good;
    changed[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    // WIN_CERTIFICATE's revision, at 20, says nothing and isn't signed.
    const bool means_nothing = bit / 8 == 20 || bit / 8 == 21;
    if (means_nothing) {
      continue;
    }
    ASSERT_EQ(set(db, nv_bs_rt_at, changed), status::security_violation) << bit / 8 << " bit " << bit % 8;
  }
  EXPECT_FALSE(exists(db));
  // PKCS#7 cut short at every length, the descriptor saying so.
  const Descriptor descriptor = *parse_descriptor(good);
  for (std::size_t size = 0; size < descriptor.certificate.size(); ++size) {
    const ByteVector cut = Signer::described(at(2), descriptor.certificate.first(size), descriptor.payload);
    ASSERT_EQ(set(db, nv_bs_rt_at, cut), status::security_violation) << size;
  }
  EXPECT_EQ(set(db, nv_bs_rt_at, good), status::success);
}

TEST_F(Authenticated, AttributesAreTheSpecifications) {
  enrol();
  for (const VariableId& id : {platform_key, key_exchange_key, db}) {
    const Signer& signer = id == db ? kek : pk;
    EXPECT_EQ(set(signer, id, at(2), list_of("pk"), volatile_at), status::invalid_parameter);
    EXPECT_EQ(set(signer, id, at(2), list_of("pk"), nv_bs | time_based_authenticated_write), status::invalid_parameter);
    EXPECT_EQ(set(id, nv_bs_rt, list_of("pk")), status::invalid_parameter);
    EXPECT_EQ(set(id, nv_bs_rt_at | authenticated_write, {}), status::unsupported);
    EXPECT_EQ(set(id, nv_bs_rt_at | enhanced_authenticated_access, {}), status::unsupported);
    EXPECT_EQ(set(id, 0, {}), id == db ? status::not_found : status::write_protected);
  }
  EXPECT_EQ(machine.set(u"Plain", nv_bs_rt, "plain"), status::success);
  EXPECT_EQ(set(kek, {vendor_a, u"Plain"}, at(2), bytes("signed")), status::invalid_parameter);
}

TEST_F(Authenticated, DatabasesMustBeDatabases) {
  enrol();
  EXPECT_EQ(set(kek, db, at(2), bytes("no list")), status::invalid_parameter);
  EXPECT_EQ(set(kek, db, at(2), signature_list(abi::signature_type::x509, {bytes("no certificate")})),
            status::invalid_parameter);
  EXPECT_EQ(set(kek, db, at(2), list_of("elliptic")), status::invalid_parameter);
  EXPECT_EQ(set(kek, db, at(2), list_of("weak_leaf")), status::success) << "old certificates may be listed";
  EXPECT_EQ(set(pk, platform_key, at(2), joined(list_of("pk"), list_of("pk2"))), status::invalid_parameter);
  EXPECT_EQ(set(pk, platform_key, at(2), digest_list('a')), status::invalid_parameter);
  EXPECT_EQ(set(pk, platform_key, at(2), list_of("weak_leaf")), status::invalid_parameter);
  expect(platform_key, list_of("pk"));
}

TEST_F(Authenticated, SetupModeTakesKeysWithoutAuthority) {
  EXPECT_EQ(unsigned_set(key_exchange_key, list_of("kek")), status::success);
  EXPECT_EQ(unsigned_set(db, digest_list('a')), status::success);
  EXPECT_EQ(set(stranger, dbx, at(9), digest_list('a')), status::success);
  EXPECT_EQ(unsigned_set(dbx, {}), status::success) << "deletion";
  EXPECT_FALSE(exists(dbx));
  EXPECT_EQ(unsigned_set(db, bytes("no list")), status::invalid_parameter);
  EXPECT_EQ(unsigned_set(platform_key, list_of("pk")), status::security_violation);
  EXPECT_EQ(set(stranger, platform_key, at(1), list_of("pk")), status::security_violation);
  EXPECT_EQ(set(pk, platform_key, at(1), {}), status::not_found);
  // Many certificates, any of which might be the signer's issuer.
  ByteVector many;
  for (int count = 0; count < 20; ++count) {
    append(many, list_of("forgery"));
  }
  EXPECT_EQ(set(pk, platform_key, at(1), joined(many, list_of("pk"))), status::invalid_parameter);
  EXPECT_EQ(modes(), "1000");
  EXPECT_EQ(set(pk, platform_key, at(1), list_of("pk")), status::success);
  EXPECT_EQ(modes(), "0001");
}

TEST_F(Authenticated, DeletingThePlatformKeyLeadsToSetupMode) {
  enrol();
  EXPECT_EQ(set(pk, platform_key, at(2), {}), status::success);
  EXPECT_EQ(modes(), "1000");
  EXPECT_FALSE(exists(secure_boot_enable));
  expect(key_exchange_key, list_of("kek"));
  EXPECT_EQ(set(pk2, platform_key, at(1), list_of("pk2")), status::success) << "another's time counts for nothing";
  EXPECT_EQ(modes(), "0001");
}

TEST_F(Authenticated, AtRuntimeSecureBootStaysAsItWas) {
  machine.services->end_of_dxe();
  machine.services->exit_boot_services();
  ASSERT_EQ(set(pk, platform_key, at(1), list_of("pk")), status::success);
  EXPECT_EQ(modes(), "0000");
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(modes(), "0001");
  machine.services->exit_boot_services();
  ASSERT_EQ(set(pk, platform_key, at(2), {}), status::success);
  EXPECT_EQ(modes(), "1001");
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(modes(), "1000");
}

TEST_F(Authenticated, ModesOfTheSpecification) {
  const auto one = bytes("\1");
  const ByteVector zero(1);
  EXPECT_EQ(set(deployed_mode, bs_rt, one), status::write_protected) << "not from Setup Mode";
  EXPECT_EQ(set(audit_mode, bs_rt, zero), status::success) << "it is";
  EXPECT_EQ(set(audit_mode, nv_bs_rt, one), status::invalid_parameter);
  EXPECT_EQ(set(audit_mode, bs_rt, bytes("\2")), status::invalid_parameter);
  EXPECT_EQ(set(audit_mode, bs_rt, bytes("\1\1")), status::invalid_parameter);
  EXPECT_EQ(set(audit_mode, bs_rt, {}), status::write_protected);
  EXPECT_EQ(set(audit_mode, bs_rt, one), status::success);
  EXPECT_EQ(modes(), "1100");
  EXPECT_EQ(set(audit_mode, bs_rt, zero), status::write_protected);
  EXPECT_EQ(set(deployed_mode, bs_rt, one), status::write_protected);
  EXPECT_EQ(unsigned_set(key_exchange_key, list_of("kek")), status::success);
  EXPECT_EQ(set(pk, platform_key, at(1), list_of("pk")), status::success);
  EXPECT_EQ(modes(), "0011") << "Audit Mode ends in Deployed Mode";
  EXPECT_EQ(set(audit_mode, bs_rt, one), status::write_protected);
  EXPECT_EQ(set(deployed_mode, bs_rt, zero), status::write_protected);
  EXPECT_EQ(set(deployed_mode, bs_rt, one), status::success);
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(modes(), "0011");
  EXPECT_EQ(set(pk, platform_key, at(2), {}), status::success);
  EXPECT_EQ(modes(), "1000");
  EXPECT_EQ(set(pk, platform_key, at(2), list_of("pk")), status::success);
  EXPECT_EQ(modes(), "0001") << "User Mode, whatever was before";
  EXPECT_EQ(set(audit_mode, bs_rt, one), status::success);
  EXPECT_EQ(modes(), "1100");
  EXPECT_FALSE(exists(platform_key));
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(modes(), "1000") << "Audit Mode doesn't outlast a reset";
  EXPECT_EQ(set(pk, platform_key, at(2), list_of("pk")), status::success);
  EXPECT_EQ(set(deployed_mode, bs_rt, one), status::success);
  EXPECT_EQ(modes(), "0011");
  machine.services->exit_boot_services();
  EXPECT_EQ(set(deployed_mode, bs_rt, one), status::write_protected);
}

// Enrolment in Audit Mode that failed after the first of its steps, and flash that fails again while that is cleared.
TEST_F(Authenticated, DeployedModeComesFromNoEarlierKey) {
  ASSERT_EQ(set(audit_mode, bs_rt, bytes("\1")), status::success);
  const ByteVector enrolment = pk.update(platform_key, nv_bs_rt_at, at(1), list_of("pk"));
  ByteVector cells;
  for (std::uint64_t step = 0; cells.empty(); ++step) {
    Machine cut(NorModel(small_flash), small_layout);
    ASSERT_EQ(cut.services->set(Requester::message, audit_mode, bs_rt, bytes("\1")), status::success);
    cut.flash.cut_power_at(step, 1);
    static_cast<void>(cut.services->set(Requester::message, platform_key, nv_bs_rt_at, enrolment));
    ASSERT_FALSE(cut.flash.powered());
    if (cut.get(deployed_mode_in_flash.name, deployed_mode_in_flash.vendor).status == status::success) {
      cells = cut.flash.cells();
    }
  }
  bool tried = false;
  for (std::uint64_t step = 0; !tried; ++step) {
    NorModel flash(cells);
    flash.cut_power_at(step, 1);
    VariableServices services(machine.allocator, flash, small_layout, {});
    const Result<void> started = services.start();
    ASSERT_TRUE(!started.has_value() || !flash.powered()) << "what is left behind gets cleared";
    if (!started.has_value()) {
      continue;
    }
    tried = true;
    flash.power_up();
    // It's unknown what became of that, so that nothing more is written before the next start.
    EXPECT_FALSE(services.can_write_flash());
    EXPECT_EQ(services.set(Requester::message, platform_key, nv_bs_rt_at, enrolment), status::device_error);
    Machine after(NorModel(flash.cells()), small_layout);
    EXPECT_EQ(after.services->set(Requester::message, platform_key, nv_bs_rt_at, enrolment), status::success);
    EXPECT_EQ(after.get(platform_key.name, global_variable_guid).status, status::success);
    EXPECT_EQ(after.get(deployed_mode.name, global_variable_guid).data, std::string(1, '\0'));
  }
}

TEST_F(Authenticated, AStoreThatCannotBeReadSetsNobodyFree) {
  enrol();
  ByteVector cells = machine.flash.cells();
  cells.at(40) ^= std::byte{1};  // of the volume's signature
  for (const bool noise : {false, true}) {
    if (noise) {
      std::ranges::fill(cells, std::byte{0xA5});
    }
    Machine damaged(NorModel(cells), small_layout);
    ASSERT_FALSE(damaged.started.has_value());
    const auto byte = [&](const VariableId& id) { return damaged.get(id.name, id.vendor).data; };
    const auto set_there = [&](const VariableId& id, std::uint32_t attributes, Bytes data) {
      return damaged.services->set(Requester::message, id, attributes, data);
    };
    EXPECT_EQ(byte(setup_mode), std::string(1, '\0'));
    EXPECT_EQ(byte(secure_boot), std::string(1, '\1'));
    EXPECT_EQ(byte(deployed_mode), std::string(1, '\1'));
    EXPECT_EQ(set_there(audit_mode, bs_rt, bytes("\1")), status::write_protected);
    EXPECT_EQ(set_there(deployed_mode, bs_rt, ByteVector(1)), status::write_protected);
    EXPECT_EQ(set_there(key_exchange_key, nv_bs_rt_at, Signer::described(at(1), {}, list_of("kek"))),
              status::security_violation);
    EXPECT_EQ(set_there(platform_key, nv_bs_rt_at, pk.update(platform_key, nv_bs_rt_at, at(9), list_of("pk"))),
              status::security_violation);
    EXPECT_EQ(set_there(db, nv_bs_rt_at, pk.update(db, nv_bs_rt_at, at(9), list_of("pk"))), status::security_violation);
    EXPECT_EQ(byte(secure_boot), std::string(1, '\1'));
  }
}

TEST_F(Authenticated, SwitchesOfStockFirmwareNeedAUser) {
  enrol();
  EXPECT_EQ(set(secure_boot_enable, nv_bs, ByteVector(1)), status::security_violation);
  EXPECT_EQ(set(custom_mode, nv_bs, bytes("\1")), status::security_violation);
  EXPECT_EQ(machine.services->set(Requester::mm_driver, secure_boot_enable, nv_bs, ByteVector(1)), status::success);
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(modes(), "0000");
}

TEST_F(Authenticated, ThePrivateVariableIsItsMakers) {
  const Signer nameless("nameless");
  EXPECT_EQ(set(nameless, private_id, at(1), bytes("none")), status::security_violation);
  EXPECT_EQ(set(stranger, private_id, at(1), bytes("one")), status::success);
  expect(private_id, bytes("one"));
  EXPECT_EQ(set(pk, private_id, at(2), bytes("two")), status::security_violation);
  EXPECT_EQ(set(stranger, private_id, at(1), bytes("two")), status::security_violation);
  EXPECT_EQ(set(private_id, nv_bs_rt, bytes("two")), status::invalid_parameter);
  EXPECT_EQ(set(private_id, 0, {}), status::write_protected);
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(set(pk, private_id, at(2), bytes("two")), status::security_violation);
  EXPECT_EQ(set(stranger, private_id, at(2), bytes("two")), status::success);
  EXPECT_EQ(set(stranger, private_id, at(1), bytes(" and more"), nv_bs_rt_at | append_write), status::success);
  expect(private_id, bytes("two and more"));
  EXPECT_EQ(set(pk, private_id, at(3), {}), status::security_violation);
  EXPECT_EQ(set(stranger, private_id, at(3), {}), status::success);
  EXPECT_FALSE(exists(private_id));
  EXPECT_EQ(get(signers).data.size(), empty_signer_database);
  EXPECT_EQ(set(pk, private_id, at(1), bytes("mine")), status::success) << "free for anybody again";
  EXPECT_EQ(set(stranger, private_id, at(4), bytes("mine")), status::security_violation);
}

// However little room there is: variable and maker are both there, or neither.
TEST_F(Authenticated, ThePairOfVariableAndMakerWhereThereIsNoRoom) {
  constexpr VariableId neighbour{vendor_b, u"Neighbour"};
  ASSERT_EQ(set(pk, neighbour, at(1), bytes("a maker that is there before")), status::success);
  const ByteVector makers = bytes(get(signers).data);
  const ByteVector data(200);
  int made = 0;
  int refused = 0;
  for (std::size_t filling = 15000; filling < 15800; filling += 8) {
    Machine full(NorModel(machine.flash.cells()), small_layout);
    const auto change = [&](const Signer& signer, std::uint8_t day, Bytes payload) {
      return full.services->set(Requester::message, private_id, nv_bs_rt_at,
                                signer.update(private_id, nv_bs_rt_at, at(day), payload));
    };
    if (full.set(u"Filling", nv_bs_rt, std::string(filling, 'f')) != status::success) {
      break;
    }
    const abi::EfiStatus result = change(stranger, 1, data);
    const bool exists_there = full.get(u"Private").status == status::success;
    ASSERT_EQ(result, exists_there ? status::success : status::out_of_resources) << filling;
    ASSERT_EQ(bytes(full.get(signers.name, signers.vendor).data) != makers, exists_there) << filling;
    (exists_there ? made : refused) += 1;
    if (exists_there) {
      ASSERT_EQ(change(pk, 2, data), status::security_violation);
      ASSERT_EQ(change(stranger, 2, {}), status::success) << "a deletion needs no room";
      ASSERT_TRUE(full.reset().has_value());
      ASSERT_EQ(bytes(full.get(signers.name, signers.vendor).data), makers) << filling;
    }
    ASSERT_EQ(full.set(u"Filling", 0, ""), status::success);
    ASSERT_EQ(change(pk, 1, bytes("anybody's")), status::success) << filling;
    ASSERT_EQ(change(stranger, 3, bytes("mine")), status::security_violation) << filling;
  }
  EXPECT_GT(made, 0);
  EXPECT_GT(refused, 0);
}

TEST_F(Authenticated, VolatilePrivateVariables) {
  EXPECT_EQ(set(stranger, private_id, at(1), bytes("one"), volatile_at), status::success);
  EXPECT_EQ(get(volatile_signers).attributes, volatile_at);
  EXPECT_EQ(set(pk, private_id, at(2), bytes("two"), volatile_at), status::security_violation);
  EXPECT_EQ(set(stranger, private_id, at(2), bytes("two"), volatile_at), status::success);
  EXPECT_EQ(set(stranger, private_id, at(2), bytes("two"), volatile_at), status::security_violation);
  EXPECT_EQ(get(private_id).data, "two");
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(set(pk, private_id, at(1), bytes("mine")), status::success);
}

TEST_F(Authenticated, NobodyElseWritesWhoMayWrite) {
  for (const VariableId& id : {signers, volatile_signers, vendor_keys_in_flash, deployed_mode_in_flash}) {
    for (const std::uint32_t attributes : {nv_bs_rt_at, nv_bs_rt, nv_bs, bs_rt, 0U}) {
      EXPECT_EQ(set(id, attributes, bytes("\4\0\0\0")), status::write_protected);
      EXPECT_EQ(set(stranger, id, at(1), bytes("data"), attributes | time_based_authenticated_write | bs_rt),
                status::write_protected);
    }
  }
}

// Whatever step power is cut at: the variable has its old or its new value, and a stranger can't write it.
TEST_F(Authenticated, PowerCutsAroundAPrivateVariable) {
  const ByteVector blank = machine.flash.cells();
  const ByteVector create = stranger.update(private_id, nv_bs_rt_at, at(1), bytes("one"));
  const ByteVector change = stranger.update(private_id, nv_bs_rt_at, at(2), bytes("two"));
  const ByteVector erase = stranger.update(private_id, nv_bs_rt_at, at(3), {});
  const ByteVector of_pk = pk.update(private_id, nv_bs_rt_at, at(9), bytes("foreign"));
  const auto prepared = [&](int operations) {
    auto fresh = std::make_unique<Machine>(NorModel(blank), small_layout);
    for (const ByteVector* update : {&create, &change, &erase}) {
      if (operations-- > 0) {
        EXPECT_EQ(fresh->services->set(Requester::message, private_id, nv_bs_rt_at, *update), status::success);
      }
    }
    return fresh;
  };
  const ByteVector* updates[] = {&create, &change, &erase};
  const std::string values[] = {"", "one", "two", ""};
  for (int operation = 0; operation < 3; ++operation) {
    int cuts = 0;
    for (std::uint64_t step = 0; step < 4000; ++step) {
      const auto fresh = prepared(operation);
      fresh->flash.cut_power_at(step, static_cast<std::uint32_t>(step));
      static_cast<void>(fresh->services->set(Requester::message, private_id, nv_bs_rt_at, *updates[operation]));
      const bool cut = !fresh->flash.powered();
      ASSERT_TRUE(fresh->reset().has_value());
      const std::string value = fresh->get(u"Private").data;
      EXPECT_TRUE(value == values[operation] || value == values[operation + 1]) << value;
      if (!value.empty()) {
        EXPECT_EQ(fresh->services->set(Requester::message, private_id, nv_bs_rt_at, of_pk), status::security_violation)
            << "operation " << operation << " step " << step;
        EXPECT_EQ(fresh->services->set(Requester::message, private_id, nv_bs_rt_at, erase), status::success);
      } else {
        EXPECT_EQ(fresh->services->set(Requester::message, private_id, nv_bs_rt_at, of_pk), status::success);
        EXPECT_EQ(fresh->get(u"Private").data, "foreign");
      }
      if (!cut) {
        break;
      }
      ++cuts;
    }
    EXPECT_GT(cuts, 50) << operation;
  }
}

TEST_F(Authenticated, PowerCutsAroundThePlatformKey) {
  const ByteVector blank = machine.flash.cells();
  const ByteVector enrolment = pk.update(platform_key, nv_bs_rt_at, at(1), list_of("pk"));
  const ByteVector deletion = pk.update(platform_key, nv_bs_rt_at, at(2), {});
  for (const bool audit : {false, true}) {
    for (const bool deletes : {false, true}) {
      int cuts = 0;
      for (std::uint64_t step = 0;; step += 7) {
        Machine fresh(NorModel(blank), small_layout);
        const auto change = [&](const ByteVector& update) {
          return fresh.services->set(Requester::message, platform_key, nv_bs_rt_at, update);
        };
        const auto byte = [&](const VariableId& id) { return fresh.get(id.name, id.vendor).data.at(0) != 0; };
        if (audit) {
          ASSERT_EQ(fresh.services->set(Requester::message, audit_mode, bs_rt, bytes("\1")), status::success);
        }
        if (deletes) {
          ASSERT_EQ(change(enrolment), status::success);
        }
        fresh.flash.cut_power_at(step, static_cast<std::uint32_t>(step));
        static_cast<void>(change(deletes ? deletion : enrolment));
        const bool cut = !fresh.flash.powered();
        ASSERT_TRUE(fresh.reset().has_value());
        const bool owned = fresh.get(u"PK", global_variable_guid).status == status::success;
        EXPECT_EQ(byte(setup_mode), !owned);
        EXPECT_EQ(byte(secure_boot), owned);
        EXPECT_EQ(byte(deployed_mode), owned && audit);
        // What is left of Audit Mode must not wait for the next key.
        if (!owned) {
          ASSERT_EQ(change(enrolment), status::success);
          EXPECT_FALSE(byte(deployed_mode));
          ASSERT_TRUE(fresh.reset().has_value());
          EXPECT_FALSE(byte(deployed_mode));
        }
        if (!cut) {
          break;
        }
        ++cuts;
      }
      EXPECT_GT(cuts, deletes ? 0 : 50);
    }
  }
}

// Stores of older firmware have whole certificates.
TEST_F(Authenticated, SignersAsOlderFirmwareKeepsThem) {
  const LibraryMemoryScope scope(machine.allocator);
  const ByteVector message = stranger.sign(bytes("x"));
  Signature signature;
  ASSERT_TRUE(signature.read(message).has_value());
  const ByteVector certificate = fixture("stranger.crt");
  ByteVector old = {std::byte{1}};
  append_value(old, static_cast<std::uint32_t>(certificate.size()));
  append(old, certificate);
  SignerEntry entry;
  entry.signer = old;
  EXPECT_TRUE(is_signer(entry, signature, {}));
  old.back() ^= std::byte{1};
  EXPECT_FALSE(is_signer(entry, signature, {}));
  old.back() ^= std::byte{1};
  for (std::size_t size = 0; size < old.size(); ++size) {
    entry.signer = Bytes(old).first(size);
    EXPECT_FALSE(is_signer(entry, signature, {std::byte{7}})) << size;
  }
}

TEST_F(Authenticated, WithoutMemoryNothingChanges) {
  enrol();
  const ByteVector update = kek.update(db, nv_bs_rt_at, at(2), digest_list('a'));
  machine.allocator.allow(0);
  EXPECT_EQ(set(db, nv_bs_rt_at, update), status::out_of_resources);
  machine.allocator.allow(SIZE_MAX);
  EXPECT_FALSE(exists(db));
  const ByteVector made = stranger.update(private_id, nv_bs_rt_at, at(1), bytes("one"));
  for (std::size_t count = 0;; ++count) {
    machine.allocator.allow(count);
    const abi::EfiStatus result = set(private_id, nv_bs_rt_at, made);
    machine.allocator.allow(SIZE_MAX);
    if (result == status::success) {
      break;
    }
    ASSERT_EQ(result, status::out_of_resources);
    ASSERT_FALSE(exists(private_id));
    ASSERT_LT(count, 20u);
  }
}

TEST(SignerDatabase, HoldsOneEntryForEachVariable) {
  const VariableId other{vendor_b, u"Private"};
  Sha256Digest first;
  first.fill(std::byte{1});
  Sha256Digest second;
  second.fill(std::byte{2});
  const auto changed = [](const ByteVector& database, const VariableId& id, const Sha256Digest* identity) {
    ByteVector result(most_after_change(database, id));
    result.resize(change_signer(database, id, identity, result).value());
    return result;
  };
  const ByteVector none = changed({}, private_id, nullptr);
  EXPECT_EQ(none, bytes(std::string_view("\4\0\0\0", 4)));
  const ByteVector one = changed(none, private_id, &first);
  ASSERT_EQ(one.size(), 4u + 28 + 14 + 32);
  EXPECT_EQ(one[0], std::byte{78});
  EXPECT_EQ(one[20], std::byte{74}) << "size of the entry";
  EXPECT_EQ(one[24], std::byte{7}) << "characters of the name";
  EXPECT_EQ(one[28], std::byte{32}) << "bytes of the signer";
  EXPECT_TRUE(std::ranges::equal(find_signer(one, private_id)->signer, first));
  EXPECT_EQ(find_signer(one, other).error(), Error::not_found);
  const ByteVector two = changed(one, other, &second);
  EXPECT_TRUE(std::ranges::equal(find_signer(two, other)->signer, second));
  EXPECT_EQ(changed(two, other, nullptr), one);
  EXPECT_TRUE(std::ranges::equal(find_signer(changed(one, private_id, &second), private_id)->signer, second));
  EXPECT_EQ(changed(one, private_id, &second).size(), one.size());
  for (std::size_t size = 1; size < two.size(); ++size) {
    EXPECT_EQ(find_signer(Bytes(two).first(size), other).error(), Error::malformed) << size;
    ByteVector cut(two.begin(), two.begin() + static_cast<std::ptrdiff_t>(size));
    if (size >= 4) {
      const auto shorter = static_cast<std::uint32_t>(size);
      std::memcpy(cut.data(), &shorter, sizeof(shorter));
      const Result<SignerEntry> entry = find_signer(cut, other);
      ASSERT_FALSE(entry.has_value());
      EXPECT_EQ(entry.error(), size == 4 || size == one.size() ? Error::not_found : Error::malformed) << size;
    }
  }
}

}  // namespace
}  // namespace redoubt::variable
