// SPDX-License-Identifier: BSD-2-Clause-Patent
// What an MMI costs, seen from outside MM and without a word about how MM is built: the same program measures the
// stock image and the converted one. It reads the TSC around each operation; under QEMU's
// `-icount shift=N,sleep=off` that counts executed instructions, one for each REP iteration, by 2^N, and repeats
// exactly. N is found out; the larger, the sooner are firmware's delays over. One CPU. The timer is stopped, so that no
// tick falls into a sample.
//
//   bench NAME min=N median=N max=N samples=N status=0xN
//
// The cost of an empty bracket is in row 0 and subtracted from all others. Rows and their numbers are stable; see
// row_marker.hpp for the host's side.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "abi/pi/communicate.hpp"
#include "abi/pi/communication_protocols.hpp"
#include "abi/uefi/system_table.hpp"
#include "platform/q35/chipset.hpp"
#include "tests/guest/uefi/instructions.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/row_marker.hpp"
#include "tests/guest/uefi/variable_message.hpp"

namespace redoubt::guest {

namespace {

using abi::EfiStatus;
using abi::SystemTable;
using abi::UintN;

constexpr unsigned most_samples = 100;
constexpr unsigned samples_with_write = 20;

constexpr abi::Guid vendor = {0x1b5f1f0c, 0x0d3a, 0x4d6c, {0x9f, 0x39, 0x6c, 0x1c, 0x4f, 0x2d, 0x0e, 0x77}};
constexpr abi::Guid unknown_handler = {0x7e0a1a5d, 0x3c55, 0x4b1e, {0x8a, 0x0b, 0x0d, 0x5e, 0x11, 0x29, 0x60, 0x42}};
constexpr abi::Char16 missing_name[] = u"RedoubtMissing";
constexpr abi::Char16 present_name[] = u"RedoubtBench";
constexpr UintN variable_bytes = 64;
constexpr unsigned full_store = 1000;  // variables
constexpr std::uint32_t attributes = abi::variable_attribute::non_volatile |
                                     abi::variable_attribute::boot_service_access |
                                     abi::variable_attribute::runtime_access;

// EFI_TIMER_ARCH_PROTOCOL (PI 1.9, volume 2, 12.6).
struct TimerArch {
  void* register_handler_slot;
  EfiStatus(EFIAPI* set_timer_period)(TimerArch* self, std::uint64_t period);
  EfiStatus(EFIAPI* get_timer_period)(TimerArch* self, std::uint64_t* period);
};
constexpr abi::Guid timer_arch_guid = {0x26baccb3, 0x6f42, 0x11d4, {0xbc, 0xe7, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};

// The messages live where stock MM takes them from: in EfiRuntimeServicesData.
struct Messages {
  struct {
    abi::CommunicateHeader header;
    std::uint64_t data[2];
  } unknown;
  GetVariableMessage<std::size(missing_name), variable_bytes> get;
};

struct Statistics {
  std::uint64_t minimum;
  std::uint64_t median;
  std::uint64_t maximum;
};

// The middle one of an odd number of samples, the lower of the two middle ones of an even number.
Statistics summarize(std::array<std::uint64_t, most_samples>& samples, unsigned count) {
  // A comparison of its own: for std::less, libc++ would want its compiled part.
  std::sort(samples.begin(), samples.begin() + count, [](std::uint64_t a, std::uint64_t b) { return a < b; });
  return {samples[0], samples[(count - 1) / 2], samples[count - 1]};
}

class Bench {
 public:
  explicit Bench(const SystemTable& system_table) : system_table_(system_table) {}

  bool run();

 private:
  // `prepare` sets a sample up, `operation` is what is measured. False when the statuses of the samples differ or
  // `accept` refuses the status.
  template <unsigned number, typename Prepare, typename Operation, typename Accept>
  bool row(std::string_view name, unsigned count, Prepare prepare, Operation operation, Accept accept);

  // Since a reading of the TSC, in instructions.
  std::uint64_t passed(std::uint64_t before, std::uint64_t after) const { return (after - before) / ticks_; }

  bool empty_mmi();
  bool communicate();
  bool variables();
  // Makes `full_store` variables beside the measured one.
  bool fill_store();

  const SystemTable& system_table_;
  std::uint64_t ticks_ = 1;  // of the TSC for each instruction
  std::uint64_t bracket_ = 0;
  Messages* messages_ = nullptr;
  abi::MmCommunication2* communication_ = nullptr;
  std::array<std::uint64_t, most_samples> samples_{};
  std::uint8_t data_[variable_bytes] = {};
};

void report(std::string_view name, const Statistics& statistics, unsigned count, EfiStatus status) {
  print_line("bench ", name, " min=", Decimal{statistics.minimum}, " median=", Decimal{statistics.median},
             " max=", Decimal{statistics.maximum}, " samples=", Decimal{count}, " status=", Hexadecimal{status});
}

template <unsigned number, typename Prepare, typename Operation, typename Accept>
bool Bench::row(std::string_view name, unsigned count, Prepare prepare, Operation operation, Accept accept) {
  EfiStatus status = 0;
  bool ok = true;
  mark<row_marker_base + 2 * number>();
  for (unsigned sample = 0; sample != count; ++sample) {
    prepare(sample);
    const std::uint64_t before = read_tsc();
    const EfiStatus result = operation();
    const std::uint64_t after = read_tsc();
    samples_[sample] = passed(before, after) - bracket_;
    ok = ok && accept(result) && (sample == 0 || result == status);
    status = result;
  }
  mark<row_marker_base + 2 * number + 1>();
  report(name, summarize(samples_, count), count, status);
  return ok;
}

constexpr auto no_preparation = [](unsigned) {};
constexpr auto succeeded = [](EfiStatus status) { return status == abi::status::success; };
constexpr auto not_found = [](EfiStatus status) { return status == abi::status::not_found; };

// A power of two. What the compiler puts beside the 64 instructions is less than as many again.
std::uint64_t ticks_of_an_instruction() {
  const std::uint64_t before = read_tsc();
  asm volatile(".rept 64\n\tnop\n\t.endr" : : : "memory");
  return std::max(std::uint64_t{1}, std::bit_floor((read_tsc() - before) / 64));
}

// Under TCG an MMI begins between two translation blocks, not with the OUT: eight jumps are nine blocks to begin in.
[[gnu::always_inline]] inline void settle() { asm volatile(".rept 8\n\tjmp 9f\n\t9:\n\t.endr" : : : "memory"); }

// The bracket holds OUT and the jumps, of which the jumps are subtracted. A second bracket of jumps behind it must
// cost what jumps cost, give or take what the compiler puts between the instructions: if it costs more, the MMI came
// late and belongs to neither. The status of this row is the number of such samples.
bool Bench::empty_mmi() {
  constexpr std::uint64_t slack = 16;
  const InterruptsOff interrupts_off;
  std::uint64_t jumps = ~std::uint64_t{0};
  for (unsigned i = 0; i != 4; ++i) {
    const std::uint64_t before = read_tsc();
    settle();
    jumps = std::min(jumps, passed(before, read_tsc()));
  }
  unsigned late = 0;
  mark<row_marker_base + 2>();
  for (std::uint64_t& sample : samples_) {
    const std::uint64_t before = read_tsc();
    out8(platform::q35::apm_command_port, 0);
    settle();
    const std::uint64_t after = read_tsc();
    settle();
    late += passed(after, read_tsc()) < jumps + slack ? 0 : 1;
    sample = passed(before, after) - jumps;
  }
  mark<row_marker_base + 3>();
  report("empty_mmi", summarize(samples_, most_samples), most_samples, late);
  return late == 0;
}

bool Bench::communicate() {
  auto& unknown = messages_->unknown;
  const auto prepare_unknown = [&](unsigned) { unknown = {{unknown_handler, sizeof(unknown.data)}, {}}; };
  const auto send_unknown = [&] {
    UintN size = sizeof(unknown);
    return communication_->communicate(communication_, &unknown, &unknown, &size);
  };
  const auto is_error = [](EfiStatus status) { return abi::status::is_error(status); };
  bool ok = row<2>("communicate_unknown_guid", most_samples, prepare_unknown, send_unknown, is_error);

  auto& get = messages_->get;
  const auto prepare_get = [&](unsigned) {
    get = {};
    get.header = {abi::smm_variable_guid, sizeof(get) - sizeof(get.header)};
    get.variable.function = static_cast<std::uint64_t>(abi::variable_messages::VariableFunction::get_variable);
    get.access.vendor = vendor;
    get.access.data_size = variable_bytes;
    get.access.name_size = sizeof(missing_name);
    std::memcpy(get.name, missing_name, sizeof(missing_name));
  };
  const auto send_get = [&] {
    UintN size = sizeof(get);
    const EfiStatus status = communication_->communicate(communication_, &get, &get, &size);
    return status == abi::status::success ? get.variable.return_status : status;
  };
  ok &= row<3>("get_variable_missing_communicate", most_samples, prepare_get, send_get, not_found);
  return ok;
}

bool Bench::variables() {
  const auto* runtime = system_table_.runtime_services;
  const auto get = [&](const abi::Char16* name) {
    UintN size = sizeof(data_);
    return runtime->get_variable(name, &vendor, nullptr, &size, data_);
  };
  const auto set = [&] { return runtime->set_variable(present_name, &vendor, attributes, sizeof(data_), data_); };
  const auto fill = [&](unsigned sample) { std::memset(data_, static_cast<int>(sample + 1), sizeof(data_)); };

  bool ok = row<4>("get_variable_missing", most_samples, no_preparation, [&] { return get(missing_name); }, not_found);
  fill(0x7F);
  const EfiStatus created = set();
  if (created != abi::status::success) {
    print_line("bench failed: SetVariable status=", Hexadecimal{created});
    return false;
  }
  ok &= row<5>("get_variable_64", most_samples, no_preparation, [&] { return get(present_name); }, succeeded);
  ok &= row<6>("set_variable_64_nv", samples_with_write, fill, set, succeeded);
  ok &= row<7>("set_variable_64_nv_same", samples_with_write, no_preparation, set, succeeded);

  if (!fill_store()) {
    return false;
  }
  ok &= row<8>(
      "get_variable_missing_of_1000", most_samples, no_preparation, [&] { return get(missing_name); }, not_found);
  ok &= row<9>("get_variable_64_of_1000", most_samples, no_preparation, [&] { return get(present_name); }, succeeded);
  const auto fill_anew = [&](unsigned sample) { fill(sample + samples_with_write); };
  ok &= row<10>("set_variable_64_nv_of_1000", samples_with_write, fill_anew, set, succeeded);
  ok &= runtime->set_variable(present_name, &vendor, attributes, 0, nullptr) == abi::status::success;
  return ok;
}

bool Bench::fill_store() {
  const auto* runtime = system_table_.runtime_services;
  for (unsigned index = 0; index != full_store; ++index) {
    abi::Char16 name[] = u"RedoubtMany0000";
    constexpr std::size_t digits = 4;
    std::size_t position = std::size(name) - 1;
    for (unsigned rest = index; position != std::size(name) - 1 - digits; rest /= 10) {
      name[--position] = static_cast<abi::Char16>(u'0' + rest % 10);
    }
    std::uint8_t data[variable_bytes] = {};
    std::memcpy(data, &index, sizeof(index));
    const EfiStatus created = runtime->set_variable(name, &vendor, attributes, sizeof(data), data);
    if (created != abi::status::success) {
      print_line("bench failed: SetVariable number ", Decimal{index}, " status=", Hexadecimal{created});
      return false;
    }
  }
  return true;
}

bool Bench::run() {
  communication_ = locate_protocol<abi::MmCommunication2>(system_table_, abi::mm_communication2_protocol_guid);
  void* memory = nullptr;
  if (communication_ == nullptr || system_table_.boot_services->allocate_pool(
                                       abi::runtime_services_data, sizeof(Messages), &memory) != abi::status::success) {
    print_line("bench failed: no EFI_MM_COMMUNICATION2_PROTOCOL or no memory");
    return false;
  }
  messages_ = static_cast<Messages*>(memory);

  auto* timer = locate_protocol<TimerArch>(system_table_, timer_arch_guid);
  std::uint64_t period = 0;
  if (timer == nullptr || timer->get_timer_period(timer, &period) != abi::status::success ||
      timer->set_timer_period(timer, 0) != abi::status::success) {
    print_line("bench failed: the timer does not stop");
    return false;
  }
  ticks_ = ticks_of_an_instruction();
  bool ok = row<0>("empty_bracket", most_samples, no_preparation, [] { return abi::status::success; }, succeeded);
  bracket_ = samples_[0];
  ok &= empty_mmi();
  ok &= communicate();
  ok &= variables();
  timer->set_timer_period(timer, period);
  return ok;
}

}  // namespace

}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus mmi_bench_entry(redoubt::abi::Handle /*image*/,
                                                          redoubt::abi::SystemTable* system_table) {
  redoubt::guest::Bench bench(*system_table);
  redoubt::guest::finish(*system_table, "mmi_bench", bench.run());
}
