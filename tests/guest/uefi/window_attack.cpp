// SPDX-License-Identifier: BSD-2-Clause-Patent
// The owner of the machine lays windows of the chipset over the flash that holds the variables, for SMM's accesses too
// (chipset_windows.hpp), and has the variable driver work meanwhile. What he puts there must not count: each answer is
// that of the stored variables or EFI_DEVICE_ERROR, and afterwards there is what was there, plus the acknowledged
// writes.
//
//   control   nothing at all: every write is acknowledged, and everything holds
//   rcba      a copy of the flash, changed: other certificates, data, names, states, sizes; or one byte all over
//   reclaim   the same without signed updates, but with so many writes in each round that a reclaim has to come, which
//             could copy what the window has
//   pciexbar  PCI configuration space over all of the flash
//   flips     the second CPU lays RCBA over the flash and takes it away again without end. It has another local APIC ID
//             than MM knows, and the first CPU raises its MMIs by an IPI, so that nobody calls the second one in. There
//             are fewer calls in a round, since each has to wait for that CPU.
//   ports     a device's ports over PCI configuration (0xCF8), the MMI's port (0xB2), the debug console (0x402) or the
//             ACPI timer (0x608); every second time RCBA besides
//
// From QEMU's command line, as opt/org.redoubt/NAME: how many rounds of each (`control`, `rcba`, `reclaim`, `pciexbar`,
// `flips`, `ports`; none by default), `seed`, `hold` (the first window stays until somebody outside has looked, see
// below), and files: `certificates`, what to exchange for what (eight hexadecimal digits of length, stored bytes, the
// forger's bytes); `forged` and `honest`, updates as in variable_updates.hpp, the honest ones for db and in the order
// of their time.
//
//   window hold place=0x... flag=0x...      until the 32 bits at `flag` aren't 0
//   window part=NAME rounds=N NAME=N...     what was done, and that the window was there; `late` are writes that came
//   to
//                                           pass when MMIs came again
//   window flips in_writes=N in_write_at_least=N lost_ipis=N     how often the second CPU moved the window between the
//                                           call for a write and its answer, altogether and in each write at least; and
//                                           how many IPIs for MMIs were lost on their way and sent again
//   window amiss part=NAME kind=KIND round=N name=VARIABLE status=0x...
//   window kind=KIND part=NAME count=N first=N
//   window failed what="..."                the attack couldn't be made
//   variable GUID NAME attributes=0x... size=N digest=0x...     what there is in the end, of non-volatile ones
//
// Kinds: read (GetVariable or GetNextVariableName gave what isn't stored), forged (a forged update was taken), lost (an
// acknowledged write isn't there), unasked (a refused one is), kept (something else changed: what the window had, or
// nothing), status (an answer that is neither, or none), unavailable (no service once the window was gone).
#include <atomic>
#include <cstring>

#include "abi/pi/communicate.hpp"
#include "abi/pi/variable_messages.hpp"
#include "abi/uefi/system_table.hpp"
#include "tests/guest/uefi/chipset_windows.hpp"
#include "tests/guest/uefi/mp_services.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"
#include "tests/guest/uefi/stored_variables.hpp"
#include "tests/guest/uefi/variable_updates.hpp"

namespace redoubt::guest {
namespace {

using abi::EfiStatus;
namespace status = abi::status;
using Span = std::span<const std::uint8_t>;

// The flash of OVMF's 4 MiB layout, and its areas.
constexpr std::uint64_t flash_base = 0xFFC0'0000;
constexpr std::size_t flash_bytes = 0x8'4000;
constexpr std::size_t work_area = 0x4'1000;
constexpr std::size_t spare_area = 0x4'2000;

constexpr std::uint32_t plain_attributes = 7;  // non-volatile, boot service and runtime access
constexpr abi::Guid own_vendor = {0x5d9a1b20, 0x47c3, 0x4e86, {0xb1, 0x0e, 0x93, 0x6c, 0x1f, 0x28, 0xd7, 0x45}};

bool same(Span a, Span b) { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0; }

void copy_flash(std::span<std::uint8_t> target, std::size_t offset) {
  for (std::size_t i = 0; i != target.size(); i += 4) {
    const std::uint32_t word = *reinterpret_cast<const volatile std::uint32_t*>(flash_base + offset + i);
    std::memcpy(&target[i], &word, 4);
  }
}

// ---- What is asked for

std::uint64_t random_state = 1;
std::uint32_t random_number() {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return static_cast<std::uint32_t>(random_state >> 16);
}

struct Exchange {
  Span stored;
  Span forged;
};
struct Update {
  std::size_t target = 0;
  std::uint32_t attributes = 0;
  Span data;
  // What an authenticated update writes: what follows EFI_TIME and a certificate of the length that stands there.
  Span payload() const {
    const std::size_t head = data.size() < 20 ? 0 : 16 + stored::number_at(data, 16, 4);
    return head > data.size() ? Span{} : data.subspan(head);
  }
};
template <typename Item, std::size_t limit>
struct List {
  Item items[limit] = {};
  std::size_t count = 0;
  bool add(const Item& item) {
    if (count == limit) return false;
    items[count++] = item;
    return true;
  }
};
constinit List<Exchange, 8> exchanges;
constinit List<Update, 8> forged_updates;
constinit List<Update, 128> honest_updates;

bool read_exchanges() {
  static std::uint8_t bytes[0x8000];
  Span rest(bytes, option_bytes("certificates", bytes));
  while (rest.size() >= 8) {
    const std::size_t size = updates::number_at(rest);
    rest = rest.subspan(8);
    if (size > rest.size() / 2) return false;
    if (!exchanges.add({rest.first(size), rest.subspan(size, size)})) return false;
    rest = rest.subspan(2 * size);
  }
  return rest.empty();
}
template <typename Updates>
bool read_updates(std::string_view name, std::span<std::uint8_t> bytes, Updates& list) {
  Span rest(bytes.data(), option_bytes(name, bytes));
  while (rest.size() >= updates::header_size) {
    const std::size_t target = rest[0] - std::size_t{'0'};
    const std::uint32_t size = updates::number_at(rest.subspan(9));
    const std::uint32_t attributes = updates::number_at(rest.subspan(1));
    rest = rest.subspan(updates::header_size);
    if (target >= std::size(updates::targets) || size > rest.size()) return false;
    if (!list.add({target, attributes, rest.first(size)})) return false;
    rest = rest.subspan(size);
  }
  return rest.empty();
}

// ---- Variables that the attack is on, and what must be stored of them

struct Variable {
  char16_t name[16] = {};
  const abi::Guid* vendor = nullptr;
  std::uint8_t stored[0x8000] = {};
  std::size_t size = 0;  // 0: there is none
  bool authenticated = false;
  bool acknowledged = false;    // a write in this round
  bool wrong_in_flash = false;  // and that has been said
  Span refused = {};            // update of this round, of authenticated ones

  Span value() const { return {stored, size}; }
  void store(Span value) {
    std::memcpy(stored, value.data(), value.size());
    size = value.size();
  }
};

constexpr std::size_t plain_count = 16;
constexpr std::size_t filler_index = plain_count;
constexpr std::size_t first_authenticated = plain_count + 1;
constexpr std::size_t variable_count = first_authenticated + std::size(updates::targets);
constexpr std::size_t filler_bytes = 30'000;
constinit Variable variables[variable_count];

// A value tells which write it's of: eight bytes of number, and the rest follows from it and the variable.
std::uint64_t next_number = 1;
std::uint64_t first_number_of_round = 1;
std::size_t size_of(std::size_t index, std::uint64_t number) {
  return index == filler_index ? filler_bytes : 16 + (number * 137 + index * 211) % 700;
}
std::uint8_t byte_of(std::size_t index, std::uint64_t number, std::size_t position) {
  return static_cast<std::uint8_t>(position < 8 ? number >> (position * 8) : number * 31 + index * 7 + position * 13);
}
Span make_value(std::size_t index, std::uint64_t number) {
  static std::uint8_t bytes[filler_bytes];
  const std::size_t size = size_of(index, number);
  for (std::size_t i = 0; i != size; ++i) bytes[i] = byte_of(index, number, i);
  return {bytes, size};
}
bool is_forged(std::size_t index, Span value) {
  for (std::size_t i = 0; i != forged_updates.count; ++i) {
    const Update& update = forged_updates.items[i];
    if (first_authenticated + update.target == index && same(value, update.payload())) return true;
  }
  return false;
}

// Whether it is one of those that were tried in this round.
bool was_tried(std::size_t index, Span value) {
  if (variables[index].authenticated) return !variables[index].refused.empty() && same(value, variables[index].refused);
  if (value.size() < 8) return false;
  std::uint64_t number = 0;
  std::memcpy(&number, value.data(), 8);
  return number >= first_number_of_round && number < next_number && same(value, make_value(index, number));
}

void set_up_variables() {
  for (std::size_t i = 0; i != variable_count; ++i) {
    Variable& variable = variables[i];
    const char16_t* name = i == filler_index ? u"WindowFiller" : u"Window?";
    if (i >= first_authenticated) {
      name = updates::targets[i - first_authenticated].name;
      variable.vendor = updates::targets[i - first_authenticated].vendor;
      variable.authenticated = true;
    } else {
      variable.vendor = &own_vendor;
    }
    for (std::size_t at = 0; name[at] != 0; ++at) variable.name[at] = name[at];
    if (i < plain_count) variable.name[6] = static_cast<char16_t>(u"0123456789ABCDEF"[i]);
  }
}

void print_name(const char16_t* name) {
  for (; *name != 0; ++name) print(static_cast<char>(*name));
}

// ---- Calls of the variable driver

// By a message that this program writes itself, and an MMI that it raises by an IPI to its own CPU; or by stock
// firmware's services.
volatile std::uint32_t& apic_register(std::uint32_t offset) {
  return *reinterpret_cast<volatile std::uint32_t*>(0xFEE0'0000 + std::uint64_t{offset});
}
constexpr std::uint32_t apic_id = 0x20;
std::uint32_t own_apic_id = 0;  // as the register has it
std::uint64_t lost_ipis = 0;

// The IPI is sent until the CPU has taken an SMI, which it counts itself: whether MM answers then is another question.
// QEMU (7.2) can lose it. Who changes the memory map replaces the sections of all CPUs at once (tcg_commit() in
// softmmu/physmem.c), while the other CPUs' TLBs, which have numbers of sections, are flushed at the end of their
// translation blocks. In between, a store to the local APIC gets to what has its section's number now: with RCBA
// flipped to flash or to the chipset's registers, at the same offset, as QEMU's trace of memory_region_ops_write shows.
void raise_own_mmi() {
  constexpr std::uint32_t smi_count = 0x34;  // MSR_SMI_COUNT (Intel SDM volume 4)
  constexpr std::uint32_t command_low = 0x300;
  constexpr std::uint32_t command_high = 0x310;
  constexpr std::uint32_t assert_smi = 0x4200;
  constexpr unsigned most_attempts = 1000;
  const std::uint64_t before = read_msr(smi_count);
  for (unsigned attempt = 0; attempt != most_attempts; ++attempt) {
    apic_register(command_high) = own_apic_id;
    apic_register(command_low) = assert_smi;
    asm volatile(".rept 8\n\tjmp 9f\n\t9:\n\t.endr" : : : "memory");
    if (read_msr(smi_count) != before) return;
    ++lost_ipis;
  }
}

// EFI_SMM_CONTROL2_PROTOCOL (PI 1.9, volume 4, 5.6), which stock firmware raises its MMIs by.
struct SmmControl2 {
  EfiStatus(EFIAPI* trigger)(SmmControl2* self, std::uint8_t* command, std::uint8_t* data, abi::Boolean periodic,
                             abi::UintN interval);
};
constexpr abi::Guid smm_control2_guid = {0x843dc720, 0xab1e, 0x42cb, {0x93, 0x57, 0x8a, 0x00, 0x78, 0xf3, 0x56, 0x1b}};
EFIAPI EfiStatus trigger_own_mmi(SmmControl2* /*self*/, std::uint8_t* /*command*/, std::uint8_t* /*data*/,
                                 abi::Boolean /*periodic*/, abi::UintN /*interval*/) {
  raise_own_mmi();
  return status::success;
}

namespace messages = abi::variable_messages;

struct [[gnu::packed]] AccessMessage {
  abi::CommunicateHeader header;
  messages::VariableMessageHeader variable;
  messages::AccessVariable access;
};

class Services {
 public:
  Services(const abi::SystemTable& table, const RawMailbox* mailbox)
      : services_(*table.runtime_services),
        mailbox_(mailbox),
        control_(locate_protocol<SmmControl2>(table, smm_control2_guid)) {}

  EfiStatus get(const char16_t* name, const abi::Guid& vendor, std::uint32_t& attributes, std::span<std::uint8_t> room,
                std::size_t& size) const {
    if (by_message_) {
      std::size_t bytes = room.size();
      return send(messages::VariableFunction::get_variable, name, vendor, attributes, room.data(), bytes, size);
    }
    abi::UintN bytes = room.size();
    const EfiStatus result = services_.get_variable(name, &vendor, &attributes, &bytes, room.data());
    size = bytes;
    return result;
  }
  EfiStatus set(const char16_t* name, const abi::Guid& vendor, std::uint32_t attributes, Span data) const {
    if (by_message_) {
      std::size_t size = 0;
      return send(messages::VariableFunction::set_variable, name, vendor, attributes,
                  const_cast<std::uint8_t*>(data.data()), data.size(), size);
    }
    return services_.set_variable(name, &vendor, attributes, data.size(), data.data());
  }
  EfiStatus next(abi::UintN& size, char16_t* name, abi::Guid& vendor) const {
    return services_.get_next_variable_name(&size, name, &vendor);
  }

  // From now on no MMI is meant for another CPU than this one. False when there is no way to that.
  bool raise_alone() {
    own_apic_id = apic_register(apic_id);
    if (mailbox_ != nullptr) {
      by_message_ = true;
    } else if (control_ != nullptr) {
      control_->trigger = trigger_own_mmi;
    }
    return mailbox_ != nullptr || control_ != nullptr;
  }

 private:
  EfiStatus send(messages::VariableFunction function, const char16_t* name, const abi::Guid& vendor,
                 std::uint32_t& attributes, std::uint8_t* data, std::size_t room, std::size_t& size) const {
    std::size_t name_bytes = 2;
    for (const char16_t* at = name; *at != 0; ++at) name_bytes += 2;
    const std::size_t total = sizeof(AccessMessage) + name_bytes + room;
    if (total > mailbox_->capacity()) return status::bad_buffer_size;
    mailbox_->put(AccessMessage{{messages::variable_message_guid, total - sizeof(abi::CommunicateHeader)},
                                {static_cast<std::uint64_t>(function), ~std::uint64_t{0}},
                                {vendor, room, name_bytes, attributes}});
    std::memcpy(mailbox_->buffer() + sizeof(AccessMessage), name, name_bytes);
    std::memcpy(mailbox_->buffer() + sizeof(AccessMessage) + name_bytes, data, room);
    const auto answer = mailbox_->send(raise_own_mmi);
    if (!answer) return status::timeout;
    if (answer->status != status::success) return answer->status;
    const auto reply = mailbox_->get<AccessMessage>();
    if (function == messages::VariableFunction::get_variable) {
      size = reply.access.data_size;
      attributes = reply.access.attributes;
      if (reply.variable.return_status == status::success && size <= room) {
        std::memcpy(data, mailbox_->buffer() + sizeof(AccessMessage) + name_bytes, size);
      }
    }
    return reply.variable.return_status;
  }

  const abi::RuntimeServices& services_;
  const RawMailbox* mailbox_;
  SmmControl2* control_;
  bool by_message_ = false;
};

// ---- The attack

enum class Kind : std::uint8_t { read, forged, lost, unasked, kept, status, unavailable };
constexpr std::string_view kind_names[] = {"read", "forged", "lost", "unasked", "kept", "status", "unavailable"};
constexpr std::size_t kind_count = std::size(kind_names);

// The second CPU's work: what it's told, what it does, how often it did.
struct Flipper {
  enum Order : std::uint32_t { stay, flip, leave };
  std::atomic<std::uint32_t> order{stay};
  std::atomic<std::uint32_t> obeyed{leave};
  std::uint32_t home = 0;  // register values
  std::uint32_t in_front = 0;
  std::uint64_t probe = 0;  // address of a byte that differs, in the window and in flash
  std::uint8_t in_window = 0;
  std::atomic<std::uint64_t> flips{0};
  std::atomic<std::uint64_t> seen{0};
};

EFIAPI void flip_window(void* argument) {
  auto& flipper = *static_cast<Flipper*>(argument);
  const InterruptsOff interrupts_off;
  constexpr std::uint32_t other_id = 0xE7U << 24;
  const std::uint32_t own_id = apic_register(apic_id);
  std::uint32_t delay = 12345;
  const auto wait = [&delay] {
    delay = delay * 1664525 + 1013904223;
    for (std::uint32_t i = delay >> 13; i != 0; --i) asm volatile("" : : : "memory");
  };
  for (;;) {
    const std::uint32_t order = flipper.order.load();
    if (order == Flipper::leave) break;
    if (order != flipper.obeyed.load()) apic_register(apic_id) = order == Flipper::flip ? other_id : own_id;
    if (order == Flipper::flip) {
      chipset::write_config(chipset::lpc_bridge, chipset::rcba, flipper.in_front);
      // Looked at once for each order: looking takes time from flipping.
      if (flipper.obeyed.load() != Flipper::flip &&
          *reinterpret_cast<const volatile std::uint8_t*>(flipper.probe) == flipper.in_window) {
        flipper.seen.fetch_add(1);
      }
      wait();
      chipset::write_config(chipset::lpc_bridge, chipset::rcba, flipper.home);
      wait();
      flipper.flips.fetch_add(1);
    }
    flipper.obeyed.store(order);
    pause();
  }
  apic_register(apic_id) = own_id;
  flipper.obeyed.store(Flipper::leave);
}

class Attack {
 public:
  Attack(const abi::SystemTable& table, const RawMailbox* mailbox)
      : table_(table),
        services_(table, mailbox),
        home_(chipset::read_config(chipset::lpc_bridge, chipset::rcba)),
        pciexbar_(chipset::read_config(chipset::memory_controller, chipset::pciexbar)) {}

  bool run();

 private:
  bool failed(std::string_view what) {
    print_line("window failed what=\"", what, "\"");
    return false;
  }
  void note(Kind kind, const char16_t* name, EfiStatus result);
  bool begin();
  bool make_variables();
  void begin_part(std::string_view name);
  void end_part();

  // A round: what the window will have, the calls while it's there, and what is there when it's gone.
  void prepare(std::uint64_t round);
  std::size_t choose_place(std::uint64_t round);
  void forge_content(std::uint64_t round);
  void assault(std::uint64_t round);
  void assault_without_mmis();
  void judge();

  EfiStatus set(const char16_t* name, const abi::Guid& vendor, std::uint32_t attributes, Span data);
  void check_read(std::size_t index);
  std::uint64_t digest_of_list(EfiStatus& result);
  void check_list(std::uint64_t expected);
  void write(std::size_t index, bool remove);
  void send_forgeries(std::size_t first, std::size_t step);
  void send_honest_update();
  void fill();
  void flash_must_agree();
  void flash_must_agree(std::size_t index, Span found);

  bool lay_rcba();
  void put_rcba_back() { chipset::write_config(chipset::lpc_bridge, chipset::rcba, home_); }

  bool attack_by_nothing(std::uint64_t rounds);
  bool attack_by_rcba(std::string_view part, std::uint64_t rounds);
  bool attack_by_pciexbar(std::uint64_t rounds);
  bool attack_by_flips(std::uint64_t rounds);
  bool attack_by_ports(std::uint64_t rounds);
  void list();

  const abi::SystemTable& table_;
  Services services_;
  const std::uint32_t home_;
  const std::uint32_t pciexbar_;

  std::string_view part_ = "none";
  std::uint64_t round_ = 0;
  bool without_mmis_ = false;  // a write may come to pass when MMIs come again
  bool reclaiming_ = false;
  bool keys_taken_ = false;  // by a forged update: nothing to learn from further ones
  std::size_t next_honest_ = 0;
  std::size_t place_ = 0;
  Flipper* flipper_ = nullptr;
  std::uint64_t flips_in_writes_ = 0;
  std::uint64_t least_flips_in_write_ = 0;

  struct Count {
    std::uint64_t count = 0;
    std::uint64_t first = 0;
  };
  Count counts_[kind_count] = {};
  std::uint64_t violations_ = 0;
  std::uint64_t rounds_in_place_ = 0;
  std::uint64_t rounds_forged_ = 0;  // with a certificate of the forger's in the window
  std::uint64_t acknowledged_ = 0;
  std::uint64_t device_errors_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t reclaims_ = 0;
  std::uint64_t late_ = 0;
  std::size_t filled_ = 0;  // bytes of the filler's acknowledged values in this round
};

std::uint8_t before[flash_bytes];
std::uint8_t after[flash_bytes];
std::uint8_t content[chipset::rcba_bytes];
std::uint8_t room[0x8400];

void Attack::note(Kind kind, const char16_t* name, EfiStatus result) {
  Count& count = counts_[static_cast<std::size_t>(kind)];
  if (count.count++ == 0) count.first = round_;
  ++violations_;
  if (count.count <= 3) {
    print("window amiss part=");
    print(part_);
    print(" kind=");
    print(kind_names[static_cast<std::size_t>(kind)]);
    print(" round=");
    print_decimal(round_);
    print(" name=");
    print_name(name);
    print_line(" status=", Hexadecimal{result});
  }
}

void Attack::begin_part(std::string_view name) {
  part_ = name;
  for (Count& count : counts_) count = {};
  rounds_in_place_ = rounds_forged_ = acknowledged_ = device_errors_ = refused_ = reclaims_ = late_ = 0;
  flips_in_writes_ = 0;
  least_flips_in_write_ = ~std::uint64_t{0};
  print_line("window begin part=", name);
}

void Attack::end_part() {
  print_line("window part=", part_, " rounds=", Decimal{round_}, " in_place=", Decimal{rounds_in_place_},
             " forged_content=", Decimal{rounds_forged_}, " acknowledged=", Decimal{acknowledged_},
             " device_errors=", Decimal{device_errors_}, " refused=", Decimal{refused_},
             " reclaims=", Decimal{reclaims_}, " late=", Decimal{late_});
  for (std::size_t kind = 0; kind != kind_count; ++kind) {
    print_line("window kind=", kind_names[kind], " part=", part_, " count=", Decimal{counts_[kind].count},
               " first=", Decimal{counts_[kind].first});
  }
}

// ---- Calls while the window is there

EfiStatus Attack::set(const char16_t* name, const abi::Guid& vendor, std::uint32_t attributes, Span data) {
  if (flipper_ == nullptr) return services_.set(name, vendor, attributes, data);
  const std::uint64_t before_call = flipper_->flips.load();
  const EfiStatus result = services_.set(name, vendor, attributes, data);
  const std::uint64_t flips = flipper_->flips.load() - before_call;
  flips_in_writes_ += flips;
  if (flips < least_flips_in_write_) least_flips_in_write_ = flips;
  return result;
}

void Attack::check_read(std::size_t index) {
  const Variable& variable = variables[index];
  std::uint32_t attributes = 0;
  std::size_t size = 0;
  const EfiStatus result = services_.get(variable.name, *variable.vendor, attributes, room, size);
  if (result == status::device_error) {
    ++device_errors_;
  } else if (result == status::success) {
    if (!same({room, size}, variable.value())) note(Kind::read, variable.name, result);
  } else if (result != status::not_found || variable.size != 0) {
    note(Kind::status, variable.name, result);
  }
}

// Of all names and vendors in their order.
std::uint64_t Attack::digest_of_list(EfiStatus& result) {
  static char16_t name[512];
  abi::Guid vendor{};
  std::uint64_t digest = 0;
  name[0] = 0;
  for (unsigned count = 0; count != 1000; ++count) {
    abi::UintN size = sizeof(name);
    result = services_.next(size, name, vendor);
    if (result != status::success) break;
    digest = digest * 31 + stored::digest({reinterpret_cast<const std::uint8_t*>(name), size}) +
             stored::digest({reinterpret_cast<const std::uint8_t*>(&vendor), sizeof(vendor)});
  }
  return digest;
}

void Attack::check_list(std::uint64_t expected) {
  EfiStatus result = status::success;
  const std::uint64_t digest = digest_of_list(result);
  if (result == status::device_error) {
    ++device_errors_;
  } else if (result != status::not_found) {
    note(Kind::status, u"(names)", result);
  } else if (digest != expected) {
    note(Kind::read, u"(names)", result);
  }
}

void Attack::write(std::size_t index, bool remove) {
  Variable& variable = variables[index];
  const Span value = remove ? Span{} : make_value(index, next_number++);
  const EfiStatus result = set(variable.name, *variable.vendor, remove ? 0 : plain_attributes, value);
  if (result == status::success) {
    ++acknowledged_;
    variable.acknowledged = true;
    variable.store(value);
  } else if (result == status::device_error) {
    ++device_errors_;
  } else {
    note(Kind::status, variable.name, result);
  }
}

void Attack::send_forgeries(std::size_t first, std::size_t step) {
  for (std::size_t i = first; i < forged_updates.count && !keys_taken_; i += step) {
    const Update& update = forged_updates.items[i];
    const auto& target = updates::targets[update.target];
    const EfiStatus result = set(target.name, *target.vendor, update.attributes, update.data);
    if (result == status::success) {
      note(Kind::forged, target.name, result);
      keys_taken_ = true;
      variables[first_authenticated + update.target].store(update.payload());
    } else if (result == status::device_error) {
      ++device_errors_;
    } else if (result == status::security_violation) {
      ++refused_;
    } else {
      note(Kind::status, target.name, result);
    }
  }
  // Not signed at all.
  const auto& target = updates::targets[2];
  const EfiStatus result = set(target.name, *target.vendor, plain_attributes, make_value(0, 1));
  if (!status::is_error(result)) note(Kind::forged, target.name, result);
}

void Attack::send_honest_update() {
  if (keys_taken_ || next_honest_ == honest_updates.count) return;
  const Update& update = honest_updates.items[next_honest_++];
  Variable& variable = variables[first_authenticated + update.target];
  const EfiStatus result = set(variable.name, *variable.vendor, update.attributes, update.data);
  if (result == status::success) {
    ++acknowledged_;
    variable.acknowledged = true;
    variable.store(update.payload());
  } else if (result == status::device_error) {
    ++device_errors_;
    variable.refused = update.payload();
  } else {
    note(Kind::status, variable.name, result);
  }
}

// More than the store has room for: a reclaim has to come.
void Attack::fill() {
  const stored::Area area = stored::records_of({before, flash_bytes});
  const std::size_t used = stored::for_each_record({before, flash_bytes}, [](const stored::Record&) {});
  for (std::size_t left = area.end > used ? area.end - used : 0;; left -= filler_bytes) {
    const std::uint64_t acknowledged = acknowledged_;
    write(filler_index, false);
    if (acknowledged_ != acknowledged) filled_ += filler_bytes;
    if (left < filler_bytes) break;
  }
}

void Attack::assault(std::uint64_t round) {
  const std::size_t step = flipper_ != nullptr ? 4 : 1;
  for (std::size_t i = round % step; i < variable_count; i += step) check_read(i);
  if (!reclaiming_) send_forgeries(round % step, step);
  write(round % plain_count, false);
  // One that is there goes, one that isn't comes.
  const std::size_t other = (round * 5 + 3) % plain_count;
  write(other, variables[other].size != 0);
  if (round % 5 == 2) send_honest_update();
  if (reclaiming_ || round % 20 == 7) fill();
  for (std::size_t i = round % 3; i < variable_count; i += 3 * step) check_read(i);
}

// ---- When it's gone

// The index of the variable that a record is of; variable_count when it's none of these.
std::size_t index_of(const stored::Record& record) {
  for (std::size_t index = 0; index != variable_count; ++index) {
    const Variable& variable = variables[index];
    std::size_t bytes = 2;
    for (const char16_t* at = variable.name; *at != 0; ++at) bytes += 2;
    if (record.name.size() == bytes && std::memcmp(record.name.data(), variable.name, bytes) == 0 &&
        std::memcmp(record.vendor.data(), variable.vendor, sizeof(abi::Guid)) == 0) {
      return index;
    }
  }
  return variable_count;
}

void Attack::flash_must_agree() {
  copy_flash(after, 0);
  Span found[variable_count + 1] = {};
  stored::for_each_variable({after, flash_bytes},
                            [&](const stored::Record& record) { found[index_of(record)] = record.data; });
  for (std::size_t index = 0; index != variable_count; ++index) flash_must_agree(index, found[index]);
}

void Attack::flash_must_agree(std::size_t index, Span found) {
  Variable& variable = variables[index];
  const bool wrong = !same(found, variable.value());
  if (wrong && !variable.wrong_in_flash) {
    note(is_forged(index, found) ? Kind::forged
         : variable.acknowledged ? Kind::lost
                                 : Kind::kept,
         variable.name, status::success);
  }
  keys_taken_ = keys_taken_ || (wrong && is_forged(index, found));
  variable.wrong_in_flash = wrong;
}

void Attack::judge() {
  for (std::size_t i = 0; i != variable_count; ++i) {
    Variable& variable = variables[i];
    std::uint32_t attributes = 0;
    std::size_t size = 0;
    const EfiStatus result = services_.get(variable.name, *variable.vendor, attributes, room, size);
    if (result != status::success && result != status::not_found) {
      note(Kind::unavailable, variable.name, result);
      continue;
    }
    const Span found = result == status::success ? Span{room, size} : Span{};
    if (found.size() > sizeof(variable.stored)) {
      note(Kind::kept, variable.name, result);
      continue;
    }
    if (!same(found, variable.value())) {
      const bool tried = was_tried(i, found) || (found.empty() && !variable.authenticated);
      if (is_forged(i, found)) {
        note(Kind::forged, variable.name, result);
        keys_taken_ = true;
      } else if (variable.acknowledged) {
        note(Kind::lost, variable.name, result);
      } else if (tried && without_mmis_) {
        ++late_;
      } else if (tried) {
        note(Kind::unasked, variable.name, result);
      } else if (!keys_taken_ || !variable.authenticated) {
        note(Kind::kept, variable.name, result);
      }
      variable.store(found);
    }
  }
  flash_must_agree();
  const auto end_of = [](const std::uint8_t* flash) {
    return stored::for_each_record({flash, flash_bytes}, [](const stored::Record&) {});
  };
  if (end_of(after) < end_of(before) + filled_) ++reclaims_;

  // It works again.
  for (Variable& variable : variables) {
    variable.acknowledged = false;
    variable.refused = {};
  }
  first_number_of_round = next_number;
  const std::size_t index = (round_ * 7 + 1) % plain_count;
  Variable& variable = variables[index];
  const Span value = make_value(index, next_number++);
  const EfiStatus result = services_.set(variable.name, *variable.vendor, plain_attributes, value);
  if (result == status::success) {
    variable.store(value);
    variable.acknowledged = true;
  } else {
    note(Kind::unavailable, variable.name, result);
  }
  filled_ = 0;
}

// ---- The window's content

// Somewhere in what: PK, KEK, db, a private variable, one of ours, the store's start and its tail, work and spare area.
std::size_t Attack::choose_place(std::uint64_t round) {
  std::size_t target = 0;
  const std::uint64_t which = (round + round / 10) % 12;
  const auto record_of = [&](std::size_t index) {
    stored::for_each_variable({before, flash_bytes}, [&](const stored::Record& record) {
      if (index_of(record) == index) target = record.offset;
    });
  };
  switch (which) {
    case 0:
    case 1:
    case 2:
    case 3: record_of(first_authenticated + which); break;
    case 4: record_of(random_number() % plain_count); break;
    case 5: break;
    case 6:
    case 7: target = stored::for_each_record({before, flash_bytes}, [](const stored::Record&) {}); break;
    case 8: target = work_area; break;
    case 9: target = spare_area + random_number() % (flash_bytes - spare_area); break;
    default: target = random_number() % flash_bytes; break;
  }
  return target / chipset::rcba_bytes * chipset::rcba_bytes;
}

void Attack::forge_content(std::uint64_t round) {
  std::memcpy(content, &before[place_], sizeof(content));
  const std::uint64_t kind = round % 8;
  if (kind >= 6) {
    constexpr std::uint8_t bytes[] = {0xFF, 0x80, 0x00, 0x3F};
    std::memset(content, bytes[round / 8 % std::size(bytes)], sizeof(content));
    return;
  }
  bool exchanged = false;
  for (std::size_t i = 0; i != exchanges.count; ++i) {
    const auto& [stored, forged] = exchanges.items[i];
    for (std::size_t at = 0; at + stored.size() <= sizeof(content); ++at) {
      if (content[at] == stored[0] && std::memcmp(&content[at], stored.data(), stored.size()) == 0) {
        std::memcpy(&content[at], forged.data(), forged.size());
        exchanged = true;
      }
    }
  }
  rounds_forged_ += exchanged ? 1 : 0;
  // Fields of records that lie in the window: what of them, by kind. Keys keep theirs, so that they serve.
  stored::for_each_record({before, flash_bytes}, [&](const stored::Record& record) {
    const auto change = [&](std::size_t offset, std::uint8_t bits) {
      if (offset >= place_ && offset - place_ < sizeof(content)) content[offset - place_] ^= bits;
    };
    const bool own = std::memcmp(record.vendor.data(), &own_vendor, sizeof(own_vendor)) == 0;
    if (!own) return;
    const std::size_t data = record.offset + stored::record_header + record.name.size();
    switch (kind) {
      case 0:
      case 1:
        for (std::size_t i = 8; i < record.data.size(); ++i) change(data + i, 0xFF);
        break;
      case 2: change(record.offset + stored::record_header, 0x20); break;
      case 3: change(record.offset + 2, 0x02); break;
      case 4: change(record.offset + 41, 0x05); break;
      default:
        change(record.offset + 4, 0x02);
        change(data, 0x55);
        break;
    }
  });
}

void Attack::prepare(std::uint64_t round) {
  round_ = round;
  copy_flash(before, 0);
  place_ = choose_place(round);
  forge_content(round);
  if (std::memcmp(content, &before[place_], sizeof(content)) == 0) content[sizeof(content) - 1] ^= 0xFF;
}

// Filled where the window always is, then moved. Whether it is there, and has other bytes than the flash.
bool Attack::lay_rcba() {
  for (std::size_t i = 0; i != sizeof(content); i += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, &content[i], 4);
    *reinterpret_cast<volatile std::uint32_t*>((home_ & ~std::uint64_t{chipset::rcba_bytes - 1}) + i) = word;
  }
  const auto address = static_cast<std::uint32_t>(flash_base + place_);
  chipset::write_config(chipset::lpc_bridge, chipset::rcba, address | chipset::rcba_enable);
  static std::uint8_t seen[sizeof(content)];
  copy_flash(seen, place_);
  return same(seen, content) && !same(seen, {&before[place_], sizeof(content)});
}

// ---- Parts

bool Attack::attack_by_nothing(std::uint64_t rounds) {
  begin_part("control");
  for (std::uint64_t round = 0; round != rounds; ++round) {
    prepare(round);
    EfiStatus result = status::success;
    const std::uint64_t names = digest_of_list(result);
    check_list(names);
    assault(round);
    judge();
  }
  round_ = rounds;
  end_part();
  return device_errors_ == 0 || failed("device errors without a window");
}

bool Attack::attack_by_rcba(std::string_view part, std::uint64_t rounds) {
  begin_part(part);
  reclaiming_ = part == "reclaim";
  for (std::uint64_t round = 0; round != rounds; ++round) {
    prepare(round);
    EfiStatus result = status::success;
    const std::uint64_t names = round % 4 == 1 ? digest_of_list(result) : 0;
    if (!lay_rcba()) {
      put_rcba_back();
      return failed("RCBA isn't where it was laid");
    }
    if (round == 0 && option("hold", 0) != 0) {
      static volatile std::uint32_t flag = 0;
      print_line("window hold place=", Hexadecimal{flash_base + place_},
                 " flag=", Hexadecimal{reinterpret_cast<std::uint64_t>(&flag)},
                 " digest=", Hexadecimal{stored::digest(content)});
      while (flag == 0) pause();
    }
    if (round % 4 == 1) check_list(names);
    assault(round);
    const bool there =
        chipset::read_config(chipset::lpc_bridge, chipset::rcba) == ((flash_base + place_) | chipset::rcba_enable);
    put_rcba_back();
    if (!there) return failed("RCBA was moved");
    ++rounds_in_place_;
    judge();
  }
  round_ = rounds;
  end_part();
  return true;
}

bool Attack::attack_by_pciexbar(std::uint64_t rounds) {
  begin_part("pciexbar");
  // A port with a device behind it, whose configuration can be had where the store's headers are.
  constexpr chipset::Function port = {0x1C, 0};
  constexpr std::uint8_t bus_numbers = 0x18;
  const std::uint32_t buses = chipset::read_config(port, bus_numbers);
  const bool has_port = chipset::read_config(port, 0) != 0xFFFF'FFFF;
  for (std::uint64_t round = 0; round != rounds; ++round) {
    prepare(round);
    // The longest; QEMU (7.2) puts shorter ones where they end before the flash.
    constexpr std::uint64_t base = 0xF000'0000;
    const bool device = has_port && round % 2 == 1;
    if (device) {
      const auto bus = static_cast<std::uint32_t>((flash_base - base) >> 20);
      chipset::write_config(port, bus_numbers, bus << 16 | bus << 8);
    }
    chipset::write_config(chipset::memory_controller, chipset::pciexbar, static_cast<std::uint32_t>(base | 1));
    copy_flash({content, 0x1000}, 0);
    const bool empty = content[0] == 0xFF && content[44] == 0xFF;
    const bool there = device ? !empty && !same({content, 64}, {before, 64}) : empty;
    if (there) {
      rounds_forged_ += device ? 1 : 0;
      assault(round);
    }
    chipset::write_config(chipset::memory_controller, chipset::pciexbar, pciexbar_);
    if (device) chipset::write_config(port, bus_numbers, buses);
    if (!there) return failed("PCIEXBAR isn't where it was laid");
    ++rounds_in_place_;
    judge();
  }
  round_ = rounds;
  end_part();
  return true;
}

bool Attack::attack_by_flips(std::uint64_t rounds) {
  begin_part("flips");
  auto* mp = locate_protocol<MpServices>(table_, mp_services_guid);
  static constinit Flipper flipper;
  abi::Event event = nullptr;
  if (!services_.raise_alone() || mp == nullptr ||
      table_.boot_services->create_event(0, abi::tpl::callback, nullptr, nullptr, &event) != status::success ||
      mp->startup_this_ap(mp, flip_window, 1, event, 0, &flipper, nullptr) != status::success) {
    return failed("no second CPU");
  }
  const auto command = [&](Flipper::Order order) {
    flipper.order.store(order);
    for (unsigned i = 0; i != 1U << 28 && flipper.obeyed.load() != order; ++i) pause();
    return flipper.obeyed.load() == order;
  };
  if (!command(Flipper::stay)) return failed("the second CPU doesn't start");
  flipper.home = home_;
  bool well = true;
  for (std::uint64_t round = 0; round != rounds && well; ++round) {
    prepare(round);
    well = lay_rcba();
    put_rcba_back();
    for (std::size_t i = 0; i != sizeof(content); ++i) {
      if (content[i] != before[place_ + i]) {
        flipper.probe = flash_base + place_ + i;
        flipper.in_window = content[i];
      }
    }
    flipper.in_front = static_cast<std::uint32_t>(flash_base + place_) | chipset::rcba_enable;
    well = well && command(Flipper::flip);
    if (!well) break;
    flipper_ = &flipper;
    assault(round);
    flipper_ = nullptr;
    well = command(Flipper::stay);
    rounds_in_place_ = flipper.seen.load();
    judge();
  }
  command(Flipper::leave);
  if (!well) return failed("the second CPU doesn't do as it's told");
  round_ = rounds;
  end_part();
  print_line("window flips in_writes=", Decimal{flips_in_writes_},
             " in_write_at_least=", Decimal{least_flips_in_write_}, " lost_ipis=", Decimal{lost_ipis});
  return (least_flips_in_write_ != 0 && rounds_in_place_ == rounds) || failed("the second CPU stood still");
}

// No MMI comes while the ports lie over 0xB2: nothing can have been done, whatever the caller is told.
void Attack::assault_without_mmis() {
  std::uint32_t attributes = 0;
  std::size_t size = 0;
  static_cast<void>(services_.get(variables[first_authenticated].name, *variables[first_authenticated].vendor,
                                  attributes, room, size));
  const Variable& variable = variables[round_ % plain_count];
  static_cast<void>(services_.set(variable.name, *variable.vendor, plain_attributes,
                                  make_value(round_ % plain_count, next_number++)));
}

bool Attack::attack_by_ports(std::uint64_t rounds) {
  begin_part("ports");
  const std::uint64_t space = pciexbar_ & chipset::pciexbar_mask;
  if ((pciexbar_ & 1) == 0) return failed("PCIEXBAR is off");
  volatile std::uint32_t& bar = chipset::config_register(space, chipset::ahci, chipset::bar_4);
  volatile std::uint32_t& command = chipset::config_register(space, chipset::ahci, chipset::command_register);
  volatile std::uint32_t& rcba = chipset::config_register(space, chipset::lpc_bridge, chipset::rcba);
  constexpr std::uint16_t mmi_ports = 0xA0;
  constexpr std::uint16_t bases[] = {0xCE0, 0x400, 0x600, mmi_ports};
  for (std::uint64_t round = 0; round != rounds; ++round) {
    prepare(round);
    const std::uint16_t base = bases[round % std::size(bases)];
    const bool with_rcba = round / std::size(bases) % 2 == 1;
    const bool laid = !with_rcba || lay_rcba();
    const std::uint32_t old_bar = bar;
    const std::uint32_t old_command = command;
    {
      // The interrupt controller's second half is among the ports.
      const InterruptsOff interrupts_off;
      command = (old_command & 0xFFFF & ~chipset::command_io);
      bar = base;
      command = (old_command & 0xFFFF) | chipset::command_io;
    }
    const auto index = static_cast<std::uint16_t>(base + chipset::ahci_index);
    out32(index, 0x14);
    const bool there = in32(index) == 0x14;
    out32(index, 0);
    if (there && laid) {
      if (base == mmi_ports) {
        without_mmis_ = true;
        assault_without_mmis();
      } else {
        assault(round);
      }
    }
    {
      const InterruptsOff interrupts_off;
      command = (old_command & 0xFFFF & ~chipset::command_io);
      bar = old_bar;
      command = old_command & 0xFFFF;
      rcba = home_;
    }
    if (!there || !laid) return failed("the ports aren't where they were laid");
    ++rounds_in_place_;
    judge();
    without_mmis_ = false;
  }
  round_ = rounds;
  end_part();
  return true;
}

// What there is before any window: all of it in flash, as the driver says.
bool Attack::begin() {
  set_up_variables();
  static std::uint8_t forged_bytes[0x8000];
  static std::uint8_t honest_bytes[0x60000];
  if (!read_exchanges() || !read_updates("forged", forged_bytes, forged_updates) ||
      !read_updates("honest", honest_bytes, honest_updates)) {
    return failed("what QEMU's command line says");
  }
  if ((home_ & chipset::rcba_enable) == 0) return failed("RCBA is off");
  for (std::size_t i = 0; i != variable_count; ++i) {
    Variable& variable = variables[i];
    std::uint32_t attributes = 0;
    std::size_t size = 0;
    const EfiStatus result = services_.get(variable.name, *variable.vendor, attributes, room, size);
    if (result == status::success && size <= sizeof(variable.stored))
      variable.store({room, size});
    else if (result != status::not_found)
      return failed("a variable can't be read before the attack");
    // Values of earlier boots are told from new ones.
    std::uint64_t number = 0;
    if (!variable.authenticated && variable.size >= 8) std::memcpy(&number, variable.stored, 8);
    if (number >= next_number) next_number = number + 1;
  }
  if (violations_ != 0) return failed("flash has other variables than the driver before the attack");
  return true;
}

// All of ours are there. db is behind them, far from PK and KEK: a window over the one needn't be over the other.
bool Attack::make_variables() {
  for (std::size_t i = 0; i <= filler_index; ++i) write(i, false);
  send_honest_update();
  for (Variable& variable : variables) variable.acknowledged = false;
  first_number_of_round = next_number;
  return device_errors_ + violations_ == 0 || failed("no variables could be made before the attack");
}

void Attack::list() {
  static char16_t name[512];
  abi::Guid vendor{};
  name[0] = 0;
  for (unsigned count = 0; count != 1000; ++count) {
    abi::UintN name_size = sizeof(name);
    if (services_.next(name_size, name, vendor) != status::success) break;
    std::uint32_t attributes = 0;
    std::size_t size = 0;
    const EfiStatus result = services_.get(name, vendor, attributes, room, size);
    if (result == status::success && (attributes & abi::variable_attribute::non_volatile) != 0) {
      print("variable ");
      print_guid(vendor);
      print(" ");
      print_name(name);
      print_line(" attributes=", Hexadecimal{attributes}, " size=", Decimal{size},
                 " digest=", Hexadecimal{stored::digest({room, size})});
    }
  }
  std::uint32_t attributes = 0;
  std::size_t size = 0;
  const EfiStatus result = services_.get(u"SecureBoot", updates::global_variable, attributes, room, size);
  print_line("window secure_boot=", Decimal{result == status::success && size == 1 ? room[0] : std::uint64_t{9}});
}

bool Attack::run() {
  random_state = option("seed", 1) * 0x9E37'79B9 + 1;
  if (!begin()) return false;
  const std::uint64_t control = option("control", 0);
  const std::uint64_t rcba = option("rcba", 0);
  const std::uint64_t reclaim = option("reclaim", 0);
  const std::uint64_t pciexbar = option("pciexbar", 0);
  const std::uint64_t ports = option("ports", 0);
  const std::uint64_t flips = option("flips", 0);
  if (control + rcba + reclaim + pciexbar + ports + flips != 0 && !make_variables()) return false;
  // No polling of devices by firmware while their configuration space lies elsewhere.
  const abi::Tpl tpl = table_.boot_services->raise_tpl(abi::tpl::callback);
  const bool made = (control == 0 || attack_by_nothing(control)) && (rcba == 0 || attack_by_rcba("rcba", rcba)) &&
                    (reclaim == 0 || attack_by_rcba("reclaim", reclaim)) &&
                    (pciexbar == 0 || attack_by_pciexbar(pciexbar)) && (ports == 0 || attack_by_ports(ports));
  table_.boot_services->restore_tpl(tpl);
  const bool flipped = made && (flips == 0 || attack_by_flips(flips));
  list();
  print_line("window violations=", Decimal{violations_});
  return flipped && violations_ == 0;
}

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus window_attack_entry(redoubt::abi::Handle image_handle,
                                                              redoubt::abi::SystemTable* system_table);

extern "C" EFIAPI redoubt::abi::EfiStatus window_attack_entry(redoubt::abi::Handle /*image_handle*/,
                                                              redoubt::abi::SystemTable* system_table) {
  using namespace redoubt::guest;
  const auto mailbox = RawMailbox::find(*system_table);
  Attack attack(*system_table, mailbox ? &*mailbox : nullptr);
  finish(*system_table, "window_attack", attack.run());
}
