// SPDX-License-Identifier: BSD-2-Clause-Patent
// The code that runs in SMM is relocate.S. An SMI is taken some instructions after the OUT that raises it, so the CPU
// that raised one waits for the mark that its SMM code leaves.
#include "launch/pei/relocate.hpp"
#include "platform/wait.hpp"

#include <cstring>
#include <span>

extern "C" {
extern const std::byte redoubt_relocate_begin[];
extern const std::byte redoubt_relocate_mailbox[];
extern const std::byte redoubt_relocate_end[];
extern const std::byte redoubt_arrival_begin[];
extern const std::byte redoubt_arrival_mailbox[];
extern const std::byte redoubt_arrival_end[];
}

namespace redoubt::launch {
namespace {

constexpr std::uint32_t default_smbase = 0x30000;
constexpr std::uint32_t smi_timeout = 1000;        // milliseconds
constexpr std::uint32_t processor_timeout = 5000;  // milliseconds, more than what the processor itself waits

// As relocate.S lays it out.
struct SmiMailbox {
  volatile std::uint32_t smbase;
  volatile std::uint32_t revision;
  volatile std::uint32_t done;
};

// The AMD64 save state with SMBASE relocation (AMD64 APM volume 2, 10.2.3): what the offsets in relocate.S stand on.
bool known_revision(std::uint32_t revision) {
  constexpr std::uint32_t relocation = 0x20000;
  return (revision & 0xFFFF) == 0x64 && (revision & relocation) != 0;
}

template <typename T>
T* at(std::uint64_t address) {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

// Copies SMM code to where an SMI with this SMBASE enters; returns its mailbox.
SmiMailbox* place(std::uint64_t smbase, const std::byte* begin, const std::byte* mailbox, const std::byte* end) {
  auto* entry = at<std::byte>(smbase + abi::smm_entry_offset);
  std::memcpy(entry, begin, static_cast<std::size_t>(end - begin));
  return reinterpret_cast<SmiMailbox*>(entry + (mailbox - begin));
}

// Keeps what the CPU and the code overwrite around the default SMBASE.
class DefaultSmbaseMemory {
 public:
  DefaultSmbaseMemory() {
    std::memcpy(code_, code(), sizeof(code_));
    std::memcpy(save_state_, save_state(), sizeof(save_state_));
  }
  ~DefaultSmbaseMemory() {
    std::memcpy(code(), code_, sizeof(code_));
    std::memcpy(save_state(), save_state_, sizeof(save_state_));
  }
  DefaultSmbaseMemory(const DefaultSmbaseMemory&) = delete;
  DefaultSmbaseMemory& operator=(const DefaultSmbaseMemory&) = delete;
  DefaultSmbaseMemory(DefaultSmbaseMemory&&) = delete;
  DefaultSmbaseMemory& operator=(DefaultSmbaseMemory&&) = delete;

  static constexpr std::size_t code_size = 256;

 private:
  static std::byte* code() { return at<std::byte>(default_smbase + abi::smm_entry_offset); }
  static std::byte* save_state() { return at<std::byte>(default_smbase + abi::smm_save_state_offset); }

  std::byte code_[code_size];
  std::byte save_state_[0x200];
};

struct SmiRequest {
  SmiMailbox* mailbox;
  std::uint32_t apic_id;
  bool other_processor;
  bool taken;
};

// Runs on the CPU whose SMI it is.
void EFIAPI raise_own_smi(void* argument) {
  auto* request = static_cast<SmiRequest*>(argument);
  if (own_apic_id() != request->apic_id) {
    request->other_processor = true;
    return;
  }
  platform::raise_mmi();
  request->taken = platform::wait_for([&] { return request->mailbox->done != 0; }, smi_timeout);
}

Step<void> send_smi(const Processors& processors, std::uint32_t index, SmiMailbox* mailbox) {
  SmiRequest request{
      .mailbox = mailbox, .apic_id = TRY(processors.apic_id(index)), .other_processor = false, .taken = false};
  mailbox->done = 0;
  TRY(processors.run_on(index, raise_own_smi, &request, processor_timeout));
  if (request.other_processor) {
    return because("a processor has another APIC id than MP services say");
  }
  if (!request.taken) {
    return because("a processor does not take its SMI");
  }
  return {};
}

}  // namespace

Step<void> relocate_smbases(const Processors& processors, const MmramLayout& layout) {
  {
    const DefaultSmbaseMemory kept;
    if (redoubt_relocate_end - redoubt_relocate_begin > std::ptrdiff_t{DefaultSmbaseMemory::code_size}) {
      return because("the relocation code has outgrown its place");
    }
    SmiMailbox* mailbox = place(default_smbase, redoubt_relocate_begin, redoubt_relocate_mailbox, redoubt_relocate_end);
    for (std::uint32_t i = 0; i < processors.count(); ++i) {
      mailbox->smbase = static_cast<std::uint32_t>(layout.smbase(i));
      TRY(send_smi(processors, i, mailbox));
      if (!known_revision(mailbox->revision)) {
        return because("a processor has an unknown SMM save state");
      }
    }
  }
  for (std::uint32_t i = 0; i < processors.count(); ++i) {
    SmiMailbox* mailbox = place(layout.smbase(i), redoubt_arrival_begin, redoubt_arrival_mailbox, redoubt_arrival_end);
    TRY(send_smi(processors, i, mailbox));
    if (mailbox->smbase != static_cast<std::uint32_t>(layout.smbase(i)) || !known_revision(mailbox->revision)) {
      return because("a processor did not take its new SMBASE");
    }
  }
  return {};
}

}  // namespace redoubt::launch
