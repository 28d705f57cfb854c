// SPDX-License-Identifier: BSD-2-Clause-Patent
// The MM foundation (PI 1.9, volume 4): services, databases, dispatcher and lifecycle of MM drivers, as one object that
// holds all its state. It runs in ring 3 with page tables of its own and knows the world through Supervisor only, so
// that the same code runs in MM and in a host test.
//
// It believes no driver. A pointer from one is a number until the supervisor's checked copy has used it, once; what
// drivers get in return are tokens. Drivers call it while it waits for a driver (service() runs inside call_driver), so
// nothing that it keeps across such a call may be a pointer into a database, unless the database promises that the
// record stays (record_list.hpp).
#pragma once

#include <cstdint>

#include "abi/pi/mm_system_table.hpp"
#include "abi/redoubt/syscall.hpp"
#include "foundation/alignment_exceptions.hpp"
#include "foundation/dispatcher.hpp"
#include "foundation/driver_allocator.hpp"
#include "foundation/driver_ledger.hpp"
#include "foundation/driver_memory.hpp"
#include "foundation/fault_policies.hpp"
#include "foundation/image_loader.hpp"
#include "foundation/lifecycle.hpp"
#include "foundation/mmi_database.hpp"
#include "foundation/observer.hpp"
#include "foundation/page_map.hpp"
#include "foundation/processors/processors.hpp"
#include "foundation/processors/save_states.hpp"
#include "foundation/protocol_database.hpp"
#include "foundation/protocols/foundation_protocols.hpp"
#include "foundation/service_number.hpp"
#include "foundation/shared_arena.hpp"
#include "foundation/supervisor_interface.hpp"
#include "foundation/system_table.hpp"
#include "foundation/unblocking.hpp"

namespace redoubt::foundation {

struct MmiReply {
  abi::EfiStatus status;
  std::uint64_t size;  // bytes of data for the caller
};

class Foundation {
 public:
  constexpr explicit Foundation(Supervisor& supervisor)
      : supervisor_(supervisor),
        memory_(supervisor),
        page_map_(supervisor),
        dispatcher_(supervisor),
        observer_(supervisor),
        ledger_(supervisor, dispatcher_, observer_),
        allocator_(supervisor, page_map_, dispatcher_, ledger_),
        arena_(supervisor),
        table_(supervisor, arena_, ledger_),
        own_protocols_(supervisor, page_map_, arena_, ledger_),
        protocols_(supervisor, ledger_),
        mmis_(supervisor, ledger_),
        processors_(supervisor),
        save_states_(supervisor),
        unblocking_(supervisor) {}
  Foundation(const Foundation&) = delete;
  Foundation& operator=(const Foundation&) = delete;

  // Builds the system table and starts the drivers of the volume. An error means that MM can't work; a driver that
  // fails is none. Once.
  abi::EfiStatus launch(const abi::FoundationLaunch& launch);

  // Serves one MMI: the message, if there is one, then root handlers.
  MmiReply mmi(const abi::MmiEvent& event);

  // Serves one call of a driver; `number` is that of the gate. Returns what the driver gets in rax.
  abi::EfiStatus service(std::uint64_t number, const abi::ServiceCall& call);

  // The EFI_MM_SYSTEM_TABLE's address in drivers' memory.
  std::uint64_t system_table_address() const { return table_.address(); }
  // For reports and tests.
  const ProtocolDatabase& protocols() const { return protocols_; }

 private:
  using Arguments = const std::uint64_t (&)[8];

  // launch
  abi::EfiStatus create_tables(const abi::FoundationLaunch& launch);
  Result<void> install_processor_protocols(const abi::FoundationLaunch& launch, HandleRecord& handle);
  // False if the list can't be used; drivers have none then.
  bool install_hob_list(const abi::FoundationLaunch& launch);
  void discover_drivers(const abi::FoundationLaunch& launch, bool sound_hobs);
  Result<void> install_unblocked_memory_protocol(const abi::FoundationLaunch& launch, HandleRecord& handle);
  Result<void> install_processors_held_protocol(const abi::FoundationLaunch& launch, HandleRecord& handle);
  Result<void> install_driver_images_protocol(const abi::FoundationLaunch& launch, HandleRecord& handle);
  Result<void> install_log_protocol(const abi::FoundationLaunch& launch, HandleRecord& handle);
  // What is installed once the drivers have started, and by whom.
  void log_protocols();

  // drivers
  void dispatch_drivers();
  bool installed(const abi::Guid& protocol);
  // Logs which drivers didn't start, and why.
  void report_waiting();
  void start(DriverRecord& driver);
  Result<void> install_loaded_image(DriverRecord& driver, const LoadedImage& image);
  void log_driver(const DriverRecord& driver, std::uint64_t ticks, abi::EfiStatus status, const char* reason);
  // Runs a driver's code on behalf of `callee`. A fault disables it; `handler`, if not null, names what was called.
  abi::SystemStatus call(DriverNumber callee, abi::DriverCall& call, const abi::Guid* handler);
  // What the image wants when this driver fails. Comes back if the machine goes on without it. `call`: of a fault, else
  // null; `handler`: see call().
  void apply_fault_policy(const abi::Guid& file, const DriverRecord* driver, abi::FaultCause cause,
                          const abi::DriverCall* call, const abi::Guid* handler) {
    apply(fault_policies_.of(file), file, driver, cause, call, handler);
  }
  void apply(abi::FaultPolicy policy, const abi::Guid& file, const DriverRecord* driver, abi::FaultCause cause,
             const abi::DriverCall* call, const abi::Guid* handler);
  // Those that the machine isn't safe without, and that never started; at ReadyToLock, since they may come with a later
  // round of the dispatcher.
  void miss_drivers();
  // The driver that the platform names for variables, also where no table does. At the end of PEI: stock DXE never gets
  // to ReadyToLock without it, since it goes through all variables until there is none left.
  void miss_variable_driver();
  // After a fault in a call of `callee`: the driver whose code it was is to blame, and the driver whose call it cut off
  // has stopped in the middle of something. Both are disabled.
  void settle(DriverNumber callee, const abi::DriverCall& call, const abi::Guid* handler);
  // `blamed`: another driver, whose fault it was; foundation_itself if it was the driver's own.
  void disable(DriverNumber driver, const abi::DriverCall& call, const abi::Guid* handler, DriverNumber blamed);
  bool disabled(DriverNumber driver);
  // Disables drivers whose procedures on other CPUs faulted.
  void disable_for_procedures();
  void report_usage();

  // Who calls a service: the driver that goes on when it is over. Drivers call each other without the foundation's
  // knowledge, so that isn't always the one that runs on its behalf. foundation_itself: none, since no driver's code is
  // there; whatever the stack says, only a fault can come of it.
  DriverNumber caller_of(std::uint64_t return_address) const {
    return return_address == return_gate_ ? running_ : page_map_.code_owner(return_address);
  }
  // The owner of a function that `caller` registers: `caller` itself, or the driver that called it (to be called for a
  // source of MMIs, say). foundation_itself, and noted, for anything else.
  DriverNumber owner_of(std::uint64_t function, DriverNumber caller);
  // The registration, if it is the caller's; noted if it is another driver's.
  NotifyRecord* find_notify(std::uint64_t token, DriverNumber caller);

  // MMIs
  // Inlined, since every message pays for it; what is rare in it is not.
  [[gnu::always_inline]] MmiReply message(const abi::MmiEvent& event);
  // The message that reads log and profile.
  [[gnu::noinline]] MmiReply observe(const abi::MmiEvent& event);
  // The answer to a message that has no handlers.
  [[gnu::noinline]] static MmiReply fail_unknown(const abi::MmiEvent& event);
  // The answer to a message that no handler answered, with the error where its sender looks.
  [[gnu::noinline]] static MmiReply fail(const abi::MmiEvent& event, policy::ClosedMessage message,
                                         abi::EfiStatus failure);
  // The message that opens memory to drivers.
  [[gnu::noinline]] MmiReply unblock(const abi::MmiEvent& event);
  // The handlers of a type, or the root handlers. `message_size`: null when the size is a driver's, at `size_address`.
  abi::EfiStatus manage(MmiTypeRecord* type, std::uint64_t context, std::uint64_t buffer, std::uint64_t size_address,
                        std::uint64_t* message_size);
  // Installs a protocol without interface on a handle of its own, for its notifications.
  void announce(const abi::Guid& protocol, bool keep);
  void notify(InterfaceRecord& interface);
  // Calls the functions that wait for the protocol, as long as the interface with this identity is installed; 0 = in
  // any case.
  void call_notifications(ProtocolRecord& protocol, std::uint64_t address, std::uint64_t handle,
                          std::uint64_t identity);
  bool lifecycle(LifecycleEvent event);
  // After anything that may have changed whether a driver wants to hear of MMIs.
  void update_interest();

  // services, in services.cpp
  abi::EfiStatus install_configuration_table(Arguments arguments, DriverNumber caller);
  abi::EfiStatus memory_io(Arguments arguments, DriverNumber caller, bool write);
  abi::EfiStatus port_io(Arguments arguments, bool write);
  abi::EfiStatus allocate_pool(Arguments arguments, DriverNumber caller);
  abi::EfiStatus free_pool(Arguments arguments, DriverNumber caller);
  abi::EfiStatus allocate_pages(Arguments arguments, DriverNumber caller);
  abi::EfiStatus free_pages(Arguments arguments, DriverNumber caller);
  abi::EfiStatus processor_service(Service service, Arguments arguments, DriverNumber caller);
  abi::EfiStatus hold_processors(Arguments arguments);
  abi::EfiStatus find_driver(Arguments arguments);
  // Whether a driver may produce a protocol that others rely on; noted if not.
  bool may_produce(const abi::Guid& protocol, DriverNumber caller);
  abi::EfiStatus install_protocol_interface(Arguments arguments, DriverNumber caller);
  abi::EfiStatus uninstall_protocol_interface(Arguments arguments, DriverNumber caller);
  abi::EfiStatus handle_protocol(Arguments arguments);
  abi::EfiStatus register_protocol_notify(Arguments arguments, DriverNumber caller);
  abi::EfiStatus locate_handle(Arguments arguments, DriverNumber caller);
  abi::EfiStatus locate_protocol(Arguments arguments, DriverNumber caller);
  abi::EfiStatus mmi_manage(Arguments arguments);
  abi::EfiStatus mmi_handler_register(Arguments arguments, DriverNumber caller);
  abi::EfiStatus mmi_handler_unregister(Arguments arguments, DriverNumber caller);
  abi::EfiStatus log_write(Arguments arguments);

  Supervisor& supervisor_;
  DriverMemory memory_;
  PageMap page_map_;
  Dispatcher dispatcher_;
  Observer observer_;
  DriverLedger ledger_;
  DriverAllocator allocator_;
  SharedArena arena_;
  SystemTable table_;
  FoundationProtocols own_protocols_;
  ProtocolDatabase protocols_;
  MmiDatabase mmis_;
  Processors processors_;
  SaveStates save_states_;
  Unblocking unblocking_;
  AlignmentExceptions alignment_exceptions_;
  FaultPolicies fault_policies_;
  LifecycleGate lifecycle_;
  abi::DriverLimits limits_{};
  abi::Guid variable_driver_{};  // all zero: the platform names none
  std::uint64_t return_gate_ = 0;
  DriverNumber running_ = foundation_itself;  // whom the innermost call_driver runs
  bool dispatching_ = false;
  bool dispatched_again_ = false;  // since the launch
  bool interested_ = false;        // what set_root_interest was told last
  bool entry_notified_ = false;    // whether a driver waits for gEfiMmEntryNotifyProtocolGuid
  bool exit_notified_ = false;
  bool variables_missed_ = false;
};

}  // namespace redoubt::foundation
