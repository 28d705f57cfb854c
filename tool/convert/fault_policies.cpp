// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who is needed follows from the drivers' own dependency expressions and from who may produce what they name
// (tool/depex/producers.hpp): of several candidates all are.
#include "tool/convert/fault_policies.hpp"

#include <algorithm>
#include <format>

#include "abi/redoubt/image_names.hpp"
#include "abi/uefi/guid_text.hpp"
#include "image/edit/assemble.hpp"
#include "image/known_guids.hpp"
#include "image/tree.hpp"
#include "tool/depex/producers.hpp"

namespace redoubt::tool {
namespace {

using abi::FaultPolicy;

class PolicyCollection {
 public:
  PolicyCollection(const FirmwareBundle& bundle, const DriverInput& drivers) {
    const auto add = [&](const DriverFile& driver) {
      policies_.push_back({.guid = driver.guid, .name = driver.name, .policy = {}, .reason = "not a driver of ours"});
      const auto ours = std::ranges::find(bundle.drivers, driver.guid, &FirmwareModule::guid);
      if (ours != bundle.drivers.end()) {
        policies_.back().policy = ours->fault_policy;
        policies_.back().reason = "default";
      }
    };
    std::ranges::for_each(drivers.drivers, add);
    for (const VolumeFile& volume : drivers.volumes) {
      std::ranges::for_each(volume.drivers, add);
    }
  }

  // A driver that needs another one to start is as bad off without that one, unless the user has said something of the
  // other.
  Result<void, CommandError> include_needed(const image::ImageTree& volume) {
    const std::optional<depex::BootRecord> no_record;
    const depex::Producers producers(volume, no_record);
    // An expression that can't be read must not come to "needs no driver".
    std::vector<abi::Guid> read;
    for_each_module(volume.nodes(), producers, [&](const depex::Module& module) {
      if (!module.has_broken_depex) {
        read.push_back(module.file->file->name());
      }
    });
    for (const DriverFaultPolicy& driver : policies_) {
      if (std::ranges::find(read, driver.guid) == read.end()) {
        return bad_input(driver.name.empty() ? std::string(abi::to_text(driver.guid).view()) : driver.name,
                         "has a DEPEX or an executable that can't be read: nobody knows whom it needs");
      }
    }
    for (bool changed = true; changed;) {
      changed = false;
      for_each_module(volume.nodes(), producers, [&](const depex::Module& module) {
        const DriverFaultPolicy* dependent = find(module.file->file->name());
        if (dependent == nullptr || dependent->policy == FaultPolicy::disable) {
          return;
        }
        for (const abi::Guid& protocol : module.needs) {
          for (const depex::Producer& producer : producers.of(protocol, depex::DispatcherKind::foundation)) {
            changed |= producer.file.has_value() && include(*producer.file, protocol, *dependent);
          }
        }
      });
    }
    return {};
  }

  Result<void, CommandError> apply(std::span<const std::string> options) {
    for (const std::string& option : options) {
      const std::string shown = "--fault " + option;
      const std::size_t equals = option.rfind('=');
      if (equals == std::string::npos) {
        return bad_input(shown, "isn't of the form NAME=disable|reset|halt");
      }
      const auto policy = parse_fault_policy(std::string_view(option).substr(equals + 1));
      if (!policy.has_value()) {
        return bad_input(shown, "names no policy: disable, reset or halt");
      }
      DriverFaultPolicy& driver = *TRY(find_named(option.substr(0, equals), shown));
      if (is_chosen(driver.guid)) {
        return bad_input(shown, "is the second policy for this driver");
      }
      chosen_.push_back(driver.guid);
      driver.policy = *policy;
      driver.reason = "--fault";
    }
    return {};
  }

  std::vector<DriverFaultPolicy> take() { return std::move(policies_); }

 private:
  template <typename Visit>
  static void for_each_module(const std::vector<image::Node>& nodes, const depex::Producers& producers, Visit&& visit) {
    for (const image::Node& node : nodes) {
      if (const depex::Module* module = producers.module_of(node); module != nullptr) {
        visit(*module);
      }
      for_each_module(node.children, producers, visit);
    }
  }

  DriverFaultPolicy* find(const abi::Guid& guid) {
    const auto found = std::ranges::find(policies_, guid, &DriverFaultPolicy::guid);
    return found != policies_.end() ? &*found : nullptr;
  }

  bool is_chosen(const abi::Guid& file) const { return std::ranges::find(chosen_, file) != chosen_.end(); }

  // Whether that changed anything.
  bool include(const abi::Guid& file, const abi::Guid& protocol, const DriverFaultPolicy& dependent) {
    DriverFaultPolicy* needed = find(file);
    if (needed == nullptr || needed->policy != FaultPolicy::disable || is_chosen(file)) {
      return false;
    }
    needed->policy = dependent.policy;
    needed->reason = std::format("{} needs {} of it", dependent.name, image::name_or_text(protocol));
    return true;
  }

  Result<DriverFaultPolicy*, CommandError> find_named(const std::string& name, const std::string& shown) {
    const auto guid = abi::parse_guid(name);
    DriverFaultPolicy* found = nullptr;
    for (DriverFaultPolicy& driver : policies_) {
      if (guid.has_value() ? driver.guid == *guid : driver.name == name) {
        if (found != nullptr) {
          return bad_input(shown, "names several drivers; give the GUID of one");
        }
        found = &driver;
      }
    }
    if (found == nullptr) {
      return bad_input(shown, "names no MM driver of the result");
    }
    return found;
  }

  std::vector<DriverFaultPolicy> policies_;
  std::vector<abi::Guid> chosen_;
};

}  // namespace

std::optional<FaultPolicy> parse_fault_policy(std::string_view word) {
  for (const FaultPolicy policy : {FaultPolicy::disable, FaultPolicy::reset, FaultPolicy::halt}) {
    if (word == abi::to_string(policy)) {
      return policy;
    }
  }
  return std::nullopt;
}

Result<std::vector<DriverFaultPolicy>, CommandError> decide_fault_policies(const FirmwareBundle& bundle,
                                                                           const DriverInput& drivers,
                                                                           std::span<const std::string> options) {
  PolicyCollection collection(bundle, drivers);
  std::vector<Buffer> files;
  for (const DriverFile& driver : drivers.drivers) {
    files.push_back(driver.file);
  }
  for (const VolumeFile& volume : drivers.volumes) {
    files.push_back(volume.file);
  }
  const auto volume = image::edit::make_volume(abi::image_names::mm_volume, files);
  if (!volume.has_value()) {
    return bad_input("the MM volume", volume.error().reason);
  }
  TRY(collection.apply(options));
  TRY(collection.include_needed(image::ImageTree::parse(*volume)));
  return collection.take();
}

}  // namespace redoubt::tool
