// SPDX-License-Identifier: BSD-2-Clause-Patent
// The attack: parts of rounds (parts.cpp), in each of which there are what the window will have (content.cpp), the
// calls while it's there (assault.cpp), and what is there when it's gone (judgement.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "abi/uefi/system_table.hpp"
#include "tests/guest/uefi/chipset_windows.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/window_attack/attacked_variables.hpp"
#include "tests/guest/uefi/window_attack/flipper.hpp"
#include "tests/guest/uefi/window_attack/services.hpp"

namespace redoubt::guest {

enum class Kind : std::uint8_t { read, forged, lost, unasked, kept, status, unavailable };
inline constexpr std::string_view kind_names[] = {"read", "forged", "lost", "unasked", "kept", "status", "unavailable"};
inline constexpr std::size_t kind_count = std::size(kind_names);

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
  void note(Kind kind, const char16_t* name, abi::EfiStatus result);
  bool begin();
  bool make_variables();
  void begin_part(std::string_view name);
  void end_part();

  // A round: what the window will have, the calls while it's there, and what is there when it's gone.
  static void seed(std::uint64_t seed);
  void prepare(std::uint64_t round);
  std::size_t choose_place(std::uint64_t round);
  void forge_content(std::uint64_t round);
  void assault(std::uint64_t round);
  void assault_without_mmis();
  void judge();

  abi::EfiStatus set(const char16_t* name, const abi::Guid& vendor, std::uint32_t attributes, Span data);
  void check_read(std::size_t index);
  std::uint64_t digest_of_list(abi::EfiStatus& result);
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
  // Between the calls for writes and their answers: flips, and the calls and the rounds that had some.
  std::uint64_t flips_in_writes_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t writes_with_flips_ = 0;
  std::uint64_t rounds_with_flips_ = 0;

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

void copy_flash(std::span<std::uint8_t> target, std::size_t offset);

// The flash when the round began and when the window was gone, the window's content, and room for a variable.
extern std::uint8_t before[flash_bytes];
extern std::uint8_t after[flash_bytes];
extern std::uint8_t content[chipset::rcba_bytes];
extern std::uint8_t room[0x8400];

}  // namespace redoubt::guest
