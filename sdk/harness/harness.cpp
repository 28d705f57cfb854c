// SPDX-License-Identifier: BSD-2-Clause-Patent
// Here: the volume that drivers are put into, MMIs, and what can be asked afterwards.
#include "sdk/harness/harness.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <utility>

#include "abi/pi/communicate.hpp"
#include "abi/redoubt/unblock.hpp"
#include "abi/uefi/guid_text.hpp"
#include "foundation/testing/machine.hpp"
#include "image/depex.hpp"
#include "sdk/harness/driver_image.hpp"
#include "sdk/harness/host_supervisor.hpp"

namespace redoubt::sdk {
namespace {

namespace build = foundation::testing;
using abi::EfiStatus;
using abi::Guid;
using foundation::address_of;

constexpr Guid test_driver_guid = {0x2f1b3b60, 0x9f5a, 0x4b0e, {0x8f, 0x02, 0x68, 0x61, 0x72, 0x6e, 0x65, 0x01}};
constexpr Guid made_up_guid = {0, 0x9f5a, 0x4b0e, {0x8f, 0x02, 0x68, 0x61, 0x72, 0x6e, 0x65, 0x02}};

// What the test's own driver runs when it is called. Handlers get no context of their caller's.
thread_local const std::function<void(abi::MmSystemTable&)>* current_body = nullptr;
thread_local abi::MmSystemTable* current_table = nullptr;

EFIAPI EfiStatus run_body(abi::Handle, const void*, void*, abi::UintN*) {
  (*current_body)(*current_table);
  return abi::status::success;
}

EFIAPI EfiStatus start_test_driver(abi::Handle, abi::MmSystemTable* mmst) {
  abi::Handle handle = nullptr;
  return mmst->mmi_handler_register(run_body, &test_driver_guid, &handle);
}

// An image whose only code jumps to a function of this program.
ByteVector image_jumping_to(EntryPoint entry) {
  build::ImageRecipe recipe;
  recipe.text = build::jump_to(reinterpret_cast<const void*>(entry));
  return build::pe_image(recipe);
}

// A file name without what FFS's user interface section or a log line can't hold.
std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char character : name) plain += character > ' ' && character <= '~' && character != '"' ? character : '_';
  return plain;
}

Result<ByteVector, HarnessError> depex_of(const DriverOptions& options) {
  if (!options.depex.empty()) {
    const auto view = image::DepexView::create(options.depex);
    if (!view.has_value()) {
      return std::unexpected(HarnessError{options.name + ": dependency expression is " + view.error().reason +
                                          " (at offset " + std::to_string(view.error().offset) + ")"});
    }
    return options.depex;
  }
  if (options.depends_on.empty()) return ByteVector{};
  build::Depex depex;
  for (const Guid& guid : options.depends_on) depex.push(guid);
  for (std::size_t i = 1; i < options.depends_on.size(); ++i) depex.operation(abi::DepexOpcode::logical_and);
  return depex.end();
}

}  // namespace

std::string Fault::text() const {
  std::string text = driver + ": exception " + std::to_string(vector) + " (" + reason + ") at ";
  char address_text[40];
  if (image_offset.has_value()) {
    std::snprintf(address_text, sizeof(address_text), "image+0x%llx", static_cast<unsigned long long>(*image_offset));
  } else {
    std::snprintf(address_text, sizeof(address_text), "0x%llx", static_cast<unsigned long long>(rip));
  }
  text += address_text;
  if (message.has_value()) text += ", message " + std::string(abi::to_text(*message).view());
  return text;
}

class Harness::Implementation {
 public:
  explicit Implementation(const HarnessOptions& options)
      : supervisor(options),
        launch_options(abi::launch_option::observe_always |
                       static_cast<std::uint32_t>(abi::LogLevel::debug) << abi::launch_option::log_level_shift |
                       (options.trace ? abi::launch_option::trace : 0)) {
    supervisor.test_entry = reinterpret_cast<std::uintptr_t>(&run_body);
  }

  Result<DriverIndex, HarnessError> add(DriverOptions options, const DriverImage& image) {
    const auto refuse = [&](const std::string& reason) {
      return std::unexpected(HarnessError{options.name + ": " + reason});
    };
    if (started) return refuse("drivers can't be added after start()");
    options.name = plain_name(options.name);
    if (options.name.empty()) return refuse("a driver needs a name");
    if (options.file == Guid{}) {
      options.file = made_up_guid;
      options.file.data1 = static_cast<std::uint32_t>(supervisor.drivers.size());
    }
    for (const Driver& other : supervisor.drivers) {
      if (other.file == options.file) {
        return refuse("has the file name " + std::string(abi::to_text(options.file).view()) + ", as " + other.name);
      }
    }
    const ByteVector depex = TRY(depex_of(options));
    std::vector<build::ByteVector> sections;
    if (!depex.empty()) sections.push_back(build::section(abi::SectionType::mm_depex, depex));
    sections.push_back(build::section(image.te ? abi::SectionType::te : abi::SectionType::pe32, image.bytes));
    sections.push_back(build::user_interface_section(options.name));
    files.push_back(build::file(options.file, abi::FileType::mm_standalone, build::concatenate(sections)));
    supervisor.drivers.push_back({.name = options.name,
                                  .file = options.file,
                                  .state = DriverState::waiting,
                                  .status = abi::status::not_started,
                                  .reason = {},
                                  .base = 0,
                                  .size = 0,
                                  .symbols = options.symbols,
                                  .symbol_offset = image.link_base});
    return supervisor.drivers.size() - 1;
  }

  void start() {
    if (std::exchange(started, true)) return;
    const build::ByteVector code = image_jumping_to(start_test_driver);
    const std::vector<build::ByteVector> sections = {build::section(abi::SectionType::pe32, code),
                                                     build::user_interface_section("test")};
    files.push_back(build::file(test_driver_guid, abi::FileType::mm_standalone, build::concatenate(sections)));
    abi::FoundationLaunch launch = supervisor.launch_record(build::volume(files), build::hob_list(hobs));
    launch.options = launch_options;
    if (allocations.has_value()) supervisor.fail_allocations_after(*allocations);
    start_status = supervisor.foundation_object().launch(launch);
  }

  Reply send(const Guid& guid, std::span<const std::byte> data, std::size_t capacity) {
    start();
    constexpr std::size_t header_bytes = sizeof(abi::CommunicateHeader);
    const std::size_t room = supervisor.comm_buffer_size() - header_bytes;
    if (start_status != abi::status::success) return {start_status, {}, {}};
    if (data.size() > room) return {abi::status::bad_buffer_size, {}, {}};
    const abi::CommunicateHeader header{guid, data.size()};
    auto* buffer = foundation::at_address<std::byte>(supervisor.comm_buffer());
    std::memset(buffer, 0, supervisor.comm_buffer_size());
    std::memcpy(buffer, &header, sizeof(header));
    std::ranges::copy(data, buffer + header_bytes);
    abi::MmiEvent event{};
    event.has_message = 1;
    event.guid = guid;
    event.data = supervisor.comm_buffer() + header_bytes;
    event.data_size = data.size();
    event.data_capacity = capacity == 0 ? room : std::min(capacity, room);
    const std::size_t faults_before = supervisor.faults.size();
    const auto outer = std::exchange(supervisor.message, guid);
    ++supervisor.mmi_count;
    const foundation::MmiReply reply = supervisor.foundation_object().mmi(event);
    supervisor.message = outer;
    const std::size_t size = std::min<std::size_t>(reply.size, room);
    return {reply.status, ByteVector(buffer + header_bytes, buffer + header_bytes + size), faults_since(faults_before)};
  }

  std::vector<Fault> faults_since(std::size_t count) const {
    return {supervisor.faults.begin() + static_cast<std::ptrdiff_t>(count), supervisor.faults.end()};
  }

  HostSupervisor supervisor;
  std::uint32_t launch_options;
  std::vector<build::ByteVector> files;
  std::vector<build::ByteVector> hobs;
  bool started = false;
  std::optional<std::size_t> allocations;  // that succeed, once the launch has what it needs
  EfiStatus start_status = abi::status::not_started;
};

Harness::Harness(const HarnessOptions& options) : implementation_(std::make_unique<Implementation>(options)) {}
Harness::~Harness() = default;

// ---- Before start() ----

Result<DriverIndex, HarnessError> Harness::add_image(const std::string& path, DriverOptions options) {
  const ByteVector bytes = TRY(read_driver_file(path));
  const DriverImage image = TRY(check_driver_image(bytes, path));
  if (options.name.empty()) options.name = std::filesystem::path(path).stem().string();
  if (options.symbols.empty()) options.symbols = find_symbols(path, image);
  return implementation_->add(std::move(options), image);
}

Result<DriverIndex, HarnessError> Harness::add_image(std::span<const std::byte> file, DriverOptions options) {
  const DriverImage image = TRY(check_driver_image(file, options.name.empty() ? "driver" : options.name));
  return implementation_->add(std::move(options), image);
}

Result<DriverIndex, HarnessError> Harness::add_driver(std::string name, EntryPoint entry, DriverOptions options) {
  options.name = std::move(name);
  if (entry == nullptr) return std::unexpected(HarnessError{options.name + ": its entry point is null"});
  return implementation_->add(std::move(options), {image_jumping_to(entry), false, 0});
}

void Harness::add_hob(const Guid& name, std::span<const std::byte> data) {
  implementation_->hobs.push_back(build::guid_hob(name, ByteVector(data.begin(), data.end())));
}

EfiStatus Harness::start() {
  implementation_->start();
  return implementation_->start_status;
}

// ---- MMIs ----

Reply Harness::send(const Guid& header_guid, std::span<const std::byte> data, std::size_t capacity) {
  return implementation_->send(header_guid, data, capacity);
}

std::vector<Fault> Harness::asynchronous_mmi(std::uint64_t cpu) {
  Implementation& self = *implementation_;
  self.start();
  if (self.start_status != abi::status::success) return {};
  const std::size_t faults_before = self.supervisor.faults.size();
  abi::MmiEvent event{};
  event.cpu = cpu;
  ++self.supervisor.mmi_count;
  self.supervisor.foundation_object().mmi(event);
  return self.faults_since(faults_before);
}

Reply Harness::end_of_pei() { return send(abi::mm_end_of_pei_protocol_guid, {}); }
Reply Harness::end_of_dxe() { return send(abi::end_of_dxe_event_group_guid, {}); }
Reply Harness::ready_to_lock() { return send(abi::dxe_mm_ready_to_lock_protocol_guid, {}); }
Reply Harness::ready_to_boot() { return send(abi::ready_to_boot_event_group_guid, {}); }
Reply Harness::exit_boot_services() { return send(abi::exit_boot_services_event_group_guid, {}); }

std::optional<Fault> Harness::as_driver(const std::function<void(abi::MmSystemTable&)>& body) {
  Implementation& self = *implementation_;
  self.start();
  const auto* outer_body = std::exchange(current_body, &body);
  auto* outer_table = std::exchange(current_table, &mmst());
  self.supervisor.test_fault.reset();
  self.send(test_driver_guid, {}, 0);
  current_body = outer_body;
  current_table = outer_table;
  return std::exchange(self.supervisor.test_fault, std::nullopt);
}

// ---- What can be seen ----

const std::vector<Driver>& Harness::drivers() const { return implementation_->supervisor.drivers; }
const std::vector<Fault>& Harness::faults() const { return implementation_->supervisor.faults; }
const std::vector<std::string>& Harness::log() const { return implementation_->supervisor.lines; }
bool Harness::logged(std::string_view text) const { return implementation_->supervisor.logged(text); }
std::vector<LogMessage> Harness::driver_log() {
  std::vector<LogMessage> messages;
  std::uint64_t first = 0;
  while (true) {
    constexpr std::size_t room = 4096;
    ByteVector data(room);
    const abi::ObservationRequest request{abi::ObservationCommand::read_log, first};
    std::memcpy(data.data(), &request, sizeof(request));
    const Reply reply = send(abi::observation_message_guid, data);
    const auto answer = read_at<abi::ObservationAnswer>(reply.data, 0);
    if (reply.status != abi::status::success || !answer.has_value() || answer->count == 0) return messages;
    std::size_t position = sizeof(abi::ObservationAnswer);
    for (std::uint64_t i = 0; i < answer->count; ++i) {
      const auto entry = read_at<abi::LogEntry>(reply.data, position);
      if (!entry.has_value()) return messages;
      const auto text = slice(reply.data, position + sizeof(*entry), entry->text_bytes);
      if (!text.has_value()) return messages;
      messages.push_back(
          {.driver = entry->driver == 0 ? std::string() : implementation_->supervisor.driver_name(entry->driver),
           .level = entry->level,
           .text = std::string(reinterpret_cast<const char*>(text->data()), text->size())});
      position += sizeof(*entry) + (text->size() + 7) / 8 * 8;
    }
    first = answer->next;
  }
}

std::vector<FunctionProfile> Harness::profile() const { return implementation_->supervisor.profile(); }

std::vector<InstalledProtocol> Harness::protocols() {
  Implementation& self = *implementation_;
  self.start();
  const foundation::ProtocolDatabase& database = self.supervisor.foundation_object().protocols();
  using Interfaces = decltype(foundation::HandleRecord::interfaces);
  using Handles = foundation::ProtocolDatabase::HandleList;
  std::vector<InstalledProtocol> result;
  for (const auto* handle = database.all_handles().first(); handle != nullptr; handle = Handles::next(*handle)) {
    for (const auto* record = handle->interfaces.first(); record != nullptr; record = Interfaces::next(*record)) {
      result.push_back(
          {.protocol = record->protocol->guid,
           .handle = foundation::at_address<void>(database.token(*handle)),
           .interface = foundation::at_address<void>(record->interface),
           .driver = record->owner == foundation::foundation_itself ? "" : self.supervisor.driver_name(record->owner)});
    }
  }
  return result;
}

void* Harness::find_interface(const Guid& protocol) {
  for (const InstalledProtocol& found : protocols()) {
    if (found.protocol == protocol) return found.interface;
  }
  return nullptr;
}

bool Harness::installed(const Guid& protocol) {
  return std::ranges::any_of(protocols(), [&](const InstalledProtocol& found) { return found.protocol == protocol; });
}

std::uint64_t Harness::used_mmram() const { return implementation_->supervisor.used_pages() * page_bytes; }

abi::MmSystemTable& Harness::mmst() {
  implementation_->start();
  return *foundation::at_address<abi::MmSystemTable>(
      implementation_->supervisor.foundation_object().system_table_address());
}

// ---- The world around MM ----

void Harness::add_port(std::uint16_t port, PortDevice device) {
  implementation_->supervisor.devices[port] = std::move(device);
}

Result<std::span<std::byte>, HarnessError> Harness::add_memory(std::uint64_t address, std::size_t bytes,
                                                               MemoryAccess access) {
  return implementation_->supervisor.add_memory(address, bytes, access);
}

Result<std::span<std::byte>, HarnessError> Harness::unblock(std::uint64_t address, std::size_t bytes) {
  const auto memory = TRY(implementation_->supervisor.add_ram(address, bytes));
  constexpr Guid harness = {0x3a0c1f77, 0x52e4, 0x4d69, {0x94, 0x0b, 0x6e, 0x8d, 0x21, 0x5f, 0xc3, 0x18}};
  abi::UnblockRequest request{};
  request.header.signature = abi::SupervisorRequestHeader::expected_signature;
  request.header.revision = abi::SupervisorRequestHeader::current_revision;
  request.header.request = abi::SupervisorRequestHeader::unblock_memory;
  request.parameters.descriptor.physical_start = address;
  request.parameters.descriptor.number_of_pages = bytes / page_bytes + (bytes % page_bytes != 0 ? 1 : 0);
  request.parameters.identifier = harness;
  const Reply reply = send(abi::supervisor_request_guid, request);
  const auto answer = reply.as<abi::UnblockRequest>();
  if (abi::status::is_error(reply.status) || !answer.has_value() || abi::status::is_error(answer->header.result)) {
    return std::unexpected(HarnessError{"memory at " + hexadecimal(address) + ": MM doesn't open it to drivers"});
  }
  return memory;
}

void Harness::set_processors_held(std::function<std::optional<std::uint64_t>()> answer) {
  implementation_->supervisor.processors_held = std::move(answer);
}

void Harness::fail_allocations_after(std::size_t count) {
  if (implementation_->started) {
    implementation_->supervisor.fail_allocations_after(count);
  } else {
    implementation_->allocations = count;
  }
}
void Harness::allow_allocations() {
  implementation_->allocations.reset();
  implementation_->supervisor.allow_allocations();
}
std::string Harness::gdb_commands() const { return implementation_->supervisor.gdb_commands(); }

}  // namespace redoubt::sdk
