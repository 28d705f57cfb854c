// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/testing/machine.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace redoubt::foundation::testing {
namespace {

constexpr abi::Guid bench_guid = test_guid(0xBE7C);

// Where every test driver's entry point leads: `entry` was put into the third register by its image's code.
EFIAPI abi::EfiStatus enter(abi::Handle image, abi::MmSystemTable* mmst, const DriverEntry* entry) {
  return (*entry)(image, mmst);
}

// Handlers get no context: the one of the machine that runs now.
thread_local const std::function<void(abi::MmSystemTable&)>* current_body = nullptr;
thread_local abi::MmSystemTable* current_table = nullptr;

EFIAPI abi::EfiStatus bench_handler(abi::Handle, const void*, void*, abi::UintN*) {
  (*current_body)(*current_table);
  return abi::status::success;
}

template <typename T>
void append(ByteVector& bytes, const T& value) {
  const auto* begin = reinterpret_cast<const std::byte*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof(value));
}

void append_code(ByteVector& bytes, std::initializer_list<unsigned> code) {
  for (const unsigned byte : code) bytes.push_back(static_cast<std::byte>(byte));
}

}  // namespace

ByteVector jump_to(const void* function) {
  ByteVector code;
  append_code(code, {0x48, 0xB8});  // movabs $function, %rax
  append(code, address_of(function));
  append_code(code, {0xFF, 0xE0});  // jmp *%rax
  return code;
}

ByteVector image_calling(const DriverEntry& entry) {
  ImageRecipe recipe;
  append_code(recipe.text, {0x49, 0xB8});  // movabs $entry, %r8
  append(recipe.text, address_of(&entry));
  const ByteVector jump = jump_to(reinterpret_cast<const void*>(&enter));
  recipe.text.insert(recipe.text.end(), jump.begin(), jump.end());
  return pe_image(recipe);
}

Machine::Machine(std::uint64_t mmram_pages, std::uint64_t cpus) : supervisor(mmram_pages, cpus) {
  supervisor.attach(foundation);
}

void Machine::add(const TestDriver& driver) {
  entries_.push_back(std::make_unique<DriverEntry>(
      driver.entry ? driver.entry : [](abi::Handle, abi::MmSystemTable*) { return abi::status::success; }));
  std::vector<ByteVector> sections;
  if (!driver.depex.empty()) sections.push_back(section(abi::SectionType::mm_depex, driver.depex));
  sections.push_back(
      section(abi::SectionType::pe32, driver.image.empty() ? image_calling(*entries_.back()) : driver.image));
  sections.push_back(user_interface_section(driver.name));
  add_file(file(driver.file, abi::FileType::mm_standalone, concatenate(sections)));
}

abi::EfiStatus Machine::launch(const ByteVector& hobs) {
  add({.file = bench_guid, .name = "bench", .entry = [](abi::Handle, abi::MmSystemTable* mmst) {
         abi::Handle handle = nullptr;
         return mmst->mmi_handler_register(bench_handler, &bench_guid, &handle);
       }});
  abi::FoundationLaunch record = supervisor.launch_record(volume(files_), hobs);
  record.options = options;
  return foundation.launch(record);
}

void Machine::as_driver(const std::function<void(abi::MmSystemTable&)>& body) {
  bool ran = false;
  const std::function<void(abi::MmSystemTable&)> noting = [&](abi::MmSystemTable& table) {
    ran = true;
    body(table);
  };
  const auto* outer = std::exchange(current_body, &noting);
  auto* outer_table = std::exchange(current_table, &mmst());
  send(bench_guid);
  current_body = outer;
  current_table = outer_table;
  if (!ran) {
    std::fputs("the bench driver doesn't run any more\n", stderr);
    std::abort();
  }
}

MmiReply Machine::send(const abi::Guid& guid, ByteVector& data, std::uint64_t capacity) {
  auto* buffer = at_address<std::byte>(supervisor.comm_buffer());
  std::ranges::copy(data, buffer);
  abi::MmiEvent event{};
  event.has_message = 1;
  event.guid = guid;
  event.data = supervisor.comm_buffer();
  event.data_size = data.size();
  event.data_capacity = capacity;
  event.question = policy::closed_question(guid, data);
  ++supervisor.mmi_count;
  const MmiReply reply = foundation.mmi(event);
  data.assign(buffer, buffer + std::min<std::uint64_t>(reply.size, supervisor.comm_buffer_size()));
  return reply;
}

void Machine::asynchronous_mmi(std::uint64_t cpu) {
  abi::MmiEvent event{};
  event.cpu = cpu;
  ++supervisor.mmi_count;
  foundation.mmi(event);
}

}  // namespace redoubt::foundation::testing
