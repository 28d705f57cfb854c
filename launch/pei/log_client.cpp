// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/pei/log_client.hpp"

#include <algorithm>
#include <cstring>

#include "abi/pi/communicate.hpp"
#include "abi/redoubt/observation.hpp"

namespace redoubt::launch {
namespace {

constexpr std::size_t data_offset = sizeof(abi::CommunicateHeader);
constexpr unsigned most_parts = 16;  // of the log, each as large as the mailbox

// Bytes of MM's answer to the question for entries from `first` on, behind the header; nothing if there is no answer.
Result<Bytes> read_log(MessageChannel& channel, std::uint64_t first) {
  const MutableBytes buffer = channel.buffer();
  if (buffer.size() < data_offset + sizeof(abi::ObservationRequest)) {
    return std::unexpected(Error::device);
  }
  const abi::CommunicateHeader header{.header_guid = abi::observation_message_guid,
                                      .message_length = buffer.size() - data_offset};
  const abi::ObservationRequest request{.command = abi::ObservationCommand::read_log, .first = first};
  std::memcpy(buffer.data(), &header, sizeof(header));
  std::memcpy(buffer.data() + data_offset, &request, sizeof(request));
  const MessageChannel::Answer answer = TRY(channel.exchange());
  if (answer.status != 0) {
    return std::unexpected(Error::not_found);
  }
  return slice_from(answer.bytes, data_offset);
}

void show(std::string_view text, Console& console) {
  console.write("Redoubt MM: ");
  console.write(text);
  console.write("\r\n");
}

// What one line of the log is shown as, with nothing that could drive a terminal.
void show_entry(Bytes text, Console& console) {
  char line[2 * abi::log_text_bytes];  // what the foundation says may be longer than what drivers do
  const std::size_t length = std::min(text.size(), sizeof(line));
  for (std::size_t i = 0; i < length; ++i) {
    const auto character = static_cast<char>(text[i]);
    line[i] = character >= ' ' && character <= '~' ? character : '?';
  }
  show({line, length}, console);
}

// Shows the errors among the entries of one answer, and returns how the answer begins.
Result<abi::ObservationAnswer> show_part(Bytes bytes, Console& console, std::uint32_t& shown) {
  ByteReader reader(bytes);
  const auto answer = TRY(reader.read<abi::ObservationAnswer>());
  for (std::uint64_t i = 0; i < answer.count && shown <= most_shown_errors; ++i) {
    const auto entry = TRY(reader.read<abi::LogEntry>());
    const Bytes text = TRY(reader.take(entry.text_bytes));
    TRY(reader.skip(-text.size() % 8));
    if (entry.level == abi::LogLevel::error && ++shown <= most_shown_errors) {
      show_entry(text, console);
    }
  }
  return answer;
}

}  // namespace

ShownErrors show_errors(MessageChannel& channel, Console& console) {
  ShownErrors errors;
  std::uint64_t first = 0;
  for (unsigned part = 0; part < most_parts; ++part) {
    const auto bytes = read_log(channel, first);
    if (!bytes) {
      errors.failure = "MM doesn't give its log";
      return errors;
    }
    const auto answer = show_part(*bytes, console, errors.count);
    if (!answer || (answer->count != 0 && answer->next <= first)) {
      errors.failure = "MM's log contradicts itself";
      return errors;
    }
    if (errors.count > most_shown_errors) {
      errors.count = most_shown_errors;
      show("there are more errors", console);
      return errors;
    }
    if (answer->count == 0) {
      if (answer->next < answer->total) {
        errors.failure = "MM's log has a line that the mailbox has no room for";
      }
      return errors;
    }
    first = answer->next;
  }
  errors.failure = "MM's log doesn't end";
  return errors;
}

}  // namespace redoubt::launch
