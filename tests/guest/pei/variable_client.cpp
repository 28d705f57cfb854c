// SPDX-License-Identifier: BSD-2-Clause-Patent
// A 32-bit PEIM that uses variables through both PPIs, as a vendor's would: it reads, writes, appends, deletes, lists,
// and writes so much that the store has to be reclaimed, all before DXE. What it leaves is in variables_left.hpp.
// Lines as debug_text.hpp has them, with the name variable_client. The boot goes on in either case.
#include <cstring>

#include "abi/pi/pei.hpp"
#include "abi/pi/variable_messages.hpp"
#include "abi/redoubt/variable_ppi.hpp"
#include "tests/guest/pei/debug_text.hpp"
#include "tests/guest/pei/variables_left.hpp"

namespace {

using namespace redoubt;
using namespace redoubt::guest_pei;
using abi::Char16;
using abi::EfiStatus;
using abi::Guid;
using abi::UintN;
namespace status = abi::status;

constexpr std::uint32_t non_volatile = 1;
constexpr std::uint32_t nv_bs_rt = 7;
constexpr std::uint32_t bs_rt = 6;
constexpr std::uint32_t append_write = 0x40;
constexpr std::uint8_t guard = 0xA7;  // what bytes hold that nobody may write
constexpr std::size_t buffer_bytes = std::size_t{80} * 4096;
constexpr Guid foreign_vendor = {0x3c1f7a52, 0x0d6b, 0x4a5e, {0, 0, 0, 0, 0, 0, 0, 1}};

class Client {
 public:
  Client(const abi::VariablePpi& ppi, const abi::ReadOnlyVariable2Ppi& reader, const abi::MmCommunicationPpi& mm,
         std::uint8_t* buffer)
      : ppi_(ppi), reader_(reader), mm_(mm), buffer_(buffer) {}

  void run() {
    clean_up();
    write_and_read();
    append();
    remove();
    buffers();
    arguments();
    sizes();
    query();
    runtime_cache();
    fill();
    leave();
    list();
    checks_.done();
  }

 private:
  void check(bool good, const char* what, std::size_t first = 0, std::size_t second = 0) {
    checks_.check(good, what, first, second);
  }

  EfiStatus set(const Char16* name, std::uint32_t attributes, std::uint32_t seed, std::uint32_t from,
                std::uint32_t size) {
    for (std::uint32_t i = 0; i < size; ++i) buffer_[i] = byte_of(seed, from + i);
    return ppi_.set_variable(&ppi_, name, &vendor, attributes, size, buffer_);
  }

  // Both PPIs must read the same.
  void expect(const Char16* name, std::uint32_t attributes, std::uint32_t seed, std::uint32_t size, const char* what) {
    for (int which = 0; which < 2; ++which) {
      std::memset(buffer_, guard, std::size_t{size} + 64);
      std::uint32_t found = 0;
      UintN room = size + 32;
      const EfiStatus result = get(which, name, &found, &room, buffer_);
      check(result == status::success, what, static_cast<std::size_t>(which), result);
      check(room == size && found == attributes, what, room, found);
      bool same = true;
      for (std::uint32_t i = 0; i < size; ++i) same = same && buffer_[i] == byte_of(seed, i);
      for (std::uint32_t i = size; i < size + 64; ++i) same = same && buffer_[i] == guard;
      check(same, what, static_cast<std::size_t>(which), size);
    }
  }

  EfiStatus get(int which, const Char16* name, std::uint32_t* attributes, UintN* size, void* data,
                const Guid& of = vendor) {
    return which == 0 ? ppi_.get_variable(&ppi_, name, &of, attributes, size, data)
                      : reader_.get_variable(&reader_, name, &of, attributes, size, data);
  }

  EfiStatus get_next(int which, UintN* size, Char16* name, Guid* of) {
    return which == 0 ? ppi_.get_next_variable_name(&ppi_, size, name, of)
                      : reader_.get_next_variable_name(&reader_, size, name, of);
  }

  void absent(const Char16* name, const char* what) {
    for (int which = 0; which < 2; ++which) {
      UintN room = 16;
      check(get(which, name, nullptr, &room, buffer_) == status::not_found && room == 16, what, room);
    }
  }

  // An earlier boot with the same store has left what this one will leave.
  void clean_up() {
    for (const VariableLeft& variable : variables_left) {
      const EfiStatus result = ppi_.set_variable(&ppi_, variable.name, &vendor, 0, 0, nullptr);
      check(result == status::success || result == status::not_found, "clean up", result);
    }
  }

  void write_and_read() {
    check(set(u"PeiKept", nv_bs_rt, 1, 0, 100) == status::success, "create");
    expect(u"PeiKept", nv_bs_rt, 1, 100, "read what was created");
    check(set(u"PeiOverwritten", nv_bs_rt, 3, 0, 70) == status::success, "create another");
    check(set(u"PeiOverwritten", nv_bs_rt, 4, 0, 33) == status::success, "overwrite");
    expect(u"PeiOverwritten", nv_bs_rt, 4, 33, "read what was overwritten");
    check(set(u"PeiOverwritten", bs_rt, 4, 0, 33) == status::invalid_parameter, "other attributes");
    check(set(u"PeiVolatile", bs_rt, 5, 0, 40) == status::success, "create a volatile one");
    expect(u"PeiVolatile", bs_rt, 5, 40, "read the volatile one");
    check(set(u"PeiBootServices", 3, 6, 0, 20) == status::success, "create one without runtime access");
    UintN room = 100;
    check(get(0, u"PeiKept", nullptr, &room, buffer_, foreign_vendor) == status::not_found, "another vendor's");
  }

  void append() {
    check(set(u"PeiAppended", nv_bs_rt | append_write, 2, 0, 25) == status::success, "append to nothing");
    check(set(u"PeiAppended", nv_bs_rt | append_write, 2, 25, 35) == status::success, "append");
    check(set(u"PeiAppended", nv_bs_rt | append_write, 2, 0, 0) == status::success, "append nothing");
    expect(u"PeiAppended", nv_bs_rt, 2, 60, "read what was appended");
  }

  void remove() {
    absent(deleted_name, "not there before");
    check(ppi_.set_variable(&ppi_, deleted_name, &vendor, nv_bs_rt, 0, nullptr) == status::not_found,
          "delete what isn't there");
    check(set(deleted_name, nv_bs_rt, 9, 0, 50) == status::success, "create to delete");
    expect(deleted_name, nv_bs_rt, 9, 50, "read before it is deleted");
    check(ppi_.set_variable(&ppi_, deleted_name, &vendor, 0, 0, nullptr) == status::success, "delete");
    absent(deleted_name, "deleted");
  }

  void buffers() {
    for (int which = 0; which < 2; ++which) {
      for (const UintN small : {UintN{0}, UintN{1}, UintN{99}}) {
        std::memset(buffer_, guard, 200);
        UintN size = small;
        std::uint32_t attributes = 0;
        check(get(which, u"PeiKept", &attributes, &size, buffer_) == status::buffer_too_small, "too small", small);
        check(size == 100 && attributes == nv_bs_rt && buffer_[0] == guard && buffer_[99] == guard,
              "too small: the size, and nothing else", size, attributes);
      }
      UintN size = 0;
      check(get(which, u"PeiKept", nullptr, &size, nullptr) == status::buffer_too_small && size == 100,
            "size without a buffer", size);
      check(get(which, u"PeiKept", nullptr, &size, nullptr) == status::invalid_parameter, "room at no address");
      size = ~UintN{0};
      check(get(which, u"PeiKept", nullptr, &size, buffer_) == status::success && size == 100, "room without end",
            size);
      Char16 name[64] = u"PeiKept";
      Guid of = vendor;
      size = 2 * 8;
      const EfiStatus fits = get_next(which, &size, name, &of);
      check(fits == status::buffer_too_small && size > 16 && name[0] == u'P' && of == vendor,
            "the next name doesn't fit", size, fits);
    }
  }

  void arguments() {
    Char16 name[8] = u"PeiKept";
    Guid of = vendor;
    UintN size = 16;
    std::uint64_t figure = 0;
    for (int which = 0; which < 2; ++which) {
      check(get(which, nullptr, nullptr, &size, buffer_) == status::invalid_parameter, "get: no name");
      check(get(which, u"PeiKept", nullptr, nullptr, buffer_) == status::invalid_parameter, "get: no size");
      check(get(which, u"", nullptr, &size, buffer_) == status::not_found, "get: a name of no characters");
      check(get_next(which, nullptr, name, &of) == status::invalid_parameter, "next: no size");
      check(get_next(which, &size, nullptr, &of) == status::invalid_parameter, "next: no name");
      check(get_next(which, &size, name, nullptr) == status::invalid_parameter, "next: no vendor");
      size = 14;
      check(get_next(which, &size, name, &of) == status::invalid_parameter && size == 14, "next: a name without end");
      size = 0;
      check(get_next(which, &size, name, &of) == status::invalid_parameter, "next: no room at all");
      size = 16;
      of = foreign_vendor;
      check(get_next(which, &size, name, &of) == status::invalid_parameter, "next: after what isn't there");
      of = vendor;
    }
    check(ppi_.get_variable(&ppi_, u"PeiKept", nullptr, nullptr, &size, buffer_) == status::invalid_parameter,
          "get: no vendor");
    check(ppi_.set_variable(&ppi_, nullptr, &vendor, nv_bs_rt, 1, buffer_) == status::invalid_parameter,
          "set: no name");
    check(ppi_.set_variable(&ppi_, u"X", nullptr, nv_bs_rt, 1, buffer_) == status::invalid_parameter, "set: no vendor");
    check(ppi_.set_variable(&ppi_, u"X", &vendor, nv_bs_rt, 1, nullptr) == status::invalid_parameter, "set: no data");
    check(ppi_.set_variable(&ppi_, u"", &vendor, nv_bs_rt, 1, buffer_) == status::invalid_parameter,
          "set: a name of no characters");
    check(ppi_.set_variable(&ppi_, u"X", &vendor, non_volatile, 1, buffer_) == status::invalid_parameter,
          "set: attributes without access");
    check(ppi_.query_variable_info(&ppi_, nv_bs_rt, nullptr, &figure, &figure) == status::invalid_parameter,
          "query: no place");
    check(ppi_.query_variable_info(&ppi_, 0, &figure, &figure, &figure) == status::invalid_parameter,
          "query: no attributes");
  }

  // What a message can carry, what a variable can be, and what 32 bits can say.
  void sizes() {
    auto* long_name = reinterpret_cast<Char16*>(buffer_);
    const std::size_t units = buffer_bytes / sizeof(Char16);
    for (std::size_t i = 0; i < units; ++i) long_name[i] = u'n';
    long_name[units - 1] = 0;
    UintN size = 4;
    std::uint8_t data[4] = {};
    check(get(0, long_name, nullptr, &size, data) == status::not_found, "get: a name too long for a message");
    check(get(1, long_name, nullptr, &size, data) == status::not_found, "get: a name too long for a message");
    check(ppi_.set_variable(&ppi_, long_name, &vendor, nv_bs_rt, 4, data) == status::invalid_parameter,
          "set: a name too long for a message");
    size = buffer_bytes;
    Guid of = vendor;
    check(get_next(0, &size, long_name, &of) == status::invalid_parameter, "next: a name too long for a message");
    for (const UintN large : {UintN{0x8400}, UintN{0x3F000}, UintN{0x40000}, UintN{0x7FFF'FFFF}, ~UintN{0}}) {
      check(ppi_.set_variable(&ppi_, u"PeiTooLarge", &vendor, nv_bs_rt, large, buffer_) == status::invalid_parameter,
            "set: too much data", large);
    }
    absent(u"PeiTooLarge", "too large to be there");
  }

  void query() {
    std::uint64_t maximum = 0;
    std::uint64_t remaining = 0;
    std::uint64_t largest = 0;
    check(ppi_.query_variable_info(&ppi_, nv_bs_rt, &maximum, &remaining, &largest) == status::success, "query");
    check(maximum > remaining && remaining > largest && largest > 0x8000, "query: figures",
          static_cast<std::size_t>(maximum), static_cast<std::size_t>(remaining));
    storage_ = static_cast<std::uint32_t>(maximum);
  }

  // What the stock DXE driver sends when it wants a cache of variables outside MMRAM.
  void runtime_cache() {
    using namespace abi::variable_messages;
    struct [[gnu::packed]] {
      Guid guid;
      std::uint32_t length;  // of a 32-bit PEIM
      VariableMessageHeader service;
      RuntimeCacheContext context;
    } message{};
    std::memset(buffer_, guard, 0x1000);
    const auto address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(buffer_));
    message.guid = abi::smm_variable_guid;
    message.length = sizeof(message.service) + sizeof(message.context);
    message.service.function = static_cast<std::uint64_t>(VariableFunction::init_runtime_cache);
    message.context = {address, address, address, address + 0x800, address + 0x801, address + 0x802};
    UintN size = sizeof(message);
    check(mm_.communicate(&mm_, &message, &size) == status::success, "runtime cache: delivered");
    check(message.service.return_status == (std::uint64_t{1} << 63 | 15), "runtime cache: access denied",
          static_cast<std::size_t>(message.service.return_status));
    bool intact = true;
    for (std::size_t i = 0; i < 0x1000; ++i) intact = intact && buffer_[i] == guard;
    check(intact, "runtime cache: untouched");
  }

  // Overwrites one large variable until more was written than half again of what the store holds. Records are only ever
  // appended, so the store is reclaimed on the way.
  void fill() {
    constexpr std::uint32_t size = 0x6000;
    const std::uint32_t rewrites = (storage_ + storage_ / 2) / size + 1;
    for (std::uint32_t seed = 30; seed < 30 + rewrites; ++seed) {
      const EfiStatus result = set(u"PeiLarge", nv_bs_rt, seed, 0, size);
      check(result == status::success, "write over and over", seed, result);
    }
    expect(u"PeiLarge", nv_bs_rt, 29 + rewrites, size, "read after reclaim");
    for (const VariableLeft& variable : variables_left) {
      if (variable.size != size) {
        expect(variable.name, variable.attributes, variable.seed, variable.size, "kept by reclaim");
      }
    }
  }

  void leave() {
    check(set(u"PeiLarge", nv_bs_rt, 29, 0, 0x6000) == status::success, "the last write");
    for (const VariableLeft& variable : variables_left) {
      expect(variable.name, variable.attributes, variable.seed, variable.size, "what is left");
    }
    absent(deleted_name, "deleted for good");
  }

  static bool same_name(const Char16* a, const Char16* b) {
    for (; *a == *b; ++a, ++b) {
      if (*a == 0) return true;
    }
    return false;
  }

  // Each PPI lists each variable once, and ours are those that were left.
  void list() {
    for (int which = 0; which < 2; ++which) {
      unsigned found[std::size(variables_left)] = {};
      unsigned ours = 0;
      unsigned all = 0;
      Char16 name[128] = u"";
      Guid of{};
      while (true) {
        UintN size = sizeof(name);
        const EfiStatus result = get_next(which, &size, name, &of);
        if (result != status::success) {
          check(result == status::not_found, "the end of the list", result);
          break;
        }
        ++all;
        if (!(of == vendor)) continue;
        ++ours;
        for (std::size_t i = 0; i < std::size(variables_left); ++i) found[i] += same_name(variables_left[i].name, name);
      }
      for (const unsigned count : found) check(count == 1, "listed once", count, static_cast<std::size_t>(which));
      check(ours == std::size(variables_left), "listed and nothing else", ours);
      check(all > ours, "those of others are listed", all);
    }
  }

  const abi::VariablePpi& ppi_;
  const abi::ReadOnlyVariable2Ppi& reader_;
  const abi::MmCommunicationPpi& mm_;
  std::uint8_t* buffer_;
  std::uint32_t storage_ = 0;  // bytes
  Checks checks_{"variable_client"};
};

// What a callback was told; the descriptor is the first member, and the only thing that a callback gets.
struct Listener {
  abi::NotifyDescriptor descriptor;
  void* told;
  unsigned calls;
};

EfiStatus EFIAPI on_read_only_variable(abi::PeiServicesPointer, const abi::NotifyDescriptor* descriptor,
                                       void* interface) {
  auto* listener = reinterpret_cast<Listener*>(const_cast<abi::NotifyDescriptor*>(descriptor));
  listener->told = interface;
  ++listener->calls;
  return status::success;
}

EfiStatus fail(const char* reason) {
  put("variable_client: FAILED ");
  put(reason);
  put('\n');
  return status::not_found;
}

}  // namespace

extern "C" EfiStatus EFIAPI variable_client_entry(abi::FileHandle, abi::PeiServicesPointer services) {
  void* ppi = nullptr;
  void* reader = nullptr;
  void* second = nullptr;
  void* mm = nullptr;
  if (status::is_error((*services)->locate_ppi(services, &abi::VariablePpi::guid, 0, nullptr, &ppi))) {
    return fail("no variable PPI");
  }
  if (status::is_error((*services)->locate_ppi(services, &abi::ReadOnlyVariable2Ppi::guid, 0, nullptr, &reader))) {
    return fail("no read-only variable PPI");
  }
  if (!status::is_error((*services)->locate_ppi(services, &abi::ReadOnlyVariable2Ppi::guid, 1, nullptr, &second))) {
    return fail("a second read-only variable PPI");
  }
  if (status::is_error((*services)->locate_ppi(services, &abi::MmCommunicationPpi::guid, 0, nullptr, &mm))) {
    return fail("no communication PPI");
  }
  abi::EfiPhysicalAddress memory = 0;
  if (status::is_error(
          (*services)->allocate_pages(services, abi::boot_services_data, buffer_bytes / 4096 + 1, &memory))) {
    return fail("no memory");
  }
  auto* buffer = reinterpret_cast<std::uint8_t*>(static_cast<std::uintptr_t>(memory));
  // PEI keeps the descriptor, so it lies behind the buffer, which stays. A callback that comes late hears of the PPI at
  // once.
  auto* listener = reinterpret_cast<Listener*>(buffer + buffer_bytes);
  *listener = {.descriptor = {.flags = abi::NotifyDescriptor::callback | abi::NotifyDescriptor::terminate_list,
                              .guid = &abi::ReadOnlyVariable2Ppi::guid,
                              .notify = on_read_only_variable},
               .told = nullptr,
               .calls = 0};
  if (status::is_error((*services)->notify_ppi(services, &listener->descriptor)) || listener->calls != 1 ||
      listener->told != reader) {
    return fail("callbacks are told of another read-only variable PPI");
  }
  Client(*static_cast<const abi::VariablePpi*>(ppi), *static_cast<const abi::ReadOnlyVariable2Ppi*>(reader),
         *static_cast<const abi::MmCommunicationPpi*>(mm), buffer)
      .run();
  return status::success;
}
