// SPDX-License-Identifier: BSD-2-Clause-Patent
// The files that the case `stock-stores` boots from: stores that stock firmware left, was interrupted in, or that were
// damaged, and what the model of stock firmware's variable driver says that is found in them.
//
//   stock_stores EMPTY NUMBER DB FOLDER
//
// makes the file of that NUMBER from the EMPTY store of OVMF's 4 MiB layout, with the list of signatures in the file DB
// for db wherever it has keys. In FOLDER there are then:
//
//   store.fd       the file
//   stock.names    what the program variable_reader is to ask for, under stock firmware and
//   redoubt.names  under Redoubt, without the names of which stock firmware's answer has no meaning
//   stock.txt      what it prints then, in both cases; stock firmware has reclaimed a store first that isn't blank
//   behind redoubt.txt    its records tool.txt       what `redoubt vars list` has: vendor, name, attributes, data, each
//   variable in a line
//
// One line says what the file is and what can be expected of Redoubt: "open", "refuse" or "either".
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "drivers/variable/store/stock_variables.hpp"

namespace {

using namespace redoubt;
using namespace redoubt::variable;
using namespace redoubt::variable::test;

using Vendor = std::array<std::uint8_t, 16>;  // as it lies in memory
constexpr Vendor planted = {0x51, 0x9A, 0x2C, 0x6F, 0x0E, 0x3D, 0x7A, 0x4B,
                            0x9F, 0x44, 0x1C, 0x8F, 0x5E, 0x2D, 0x7A, 0x60};
constexpr Vendor global_variable = {0x61, 0xDF, 0xE4, 0x8B, 0xCA, 0x93, 0xD2, 0x11,
                                    0xAA, 0x0D, 0x00, 0xE0, 0x98, 0x03, 0x2B, 0x8C};
constexpr Vendor image_security_database = {0xCB, 0xB2, 0x19, 0xD7, 0x3A, 0x3D, 0x96, 0x45,
                                            0xA3, 0xBC, 0xDA, 0xD0, 0x0E, 0x67, 0x65, 0x6F};
constexpr Vendor secure_boot_enable_vendor = {0xC7, 0x0B, 0xA3, 0xF0, 0x08, 0xAF, 0x56, 0x45,
                                              0x99, 0xC4, 0x00, 0x10, 0x09, 0xC9, 0x3A, 0x44};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "stock_stores: %s\n", what.c_str());
  std::exit(1);
}

std::vector<std::byte> read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(stream)), {});
  if (!stream || text.empty()) {
    fail(path + ": can't be read");
  }
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

void write_file(const std::string& path, std::span<const char> content) {
  std::ofstream stream(path, std::ios::binary);
  stream.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!stream.flush()) {
    fail(path + ": can't be written");
  }
}

StockName name_in(const Vendor& vendor, std::u16string_view name) {
  StockName result;
  std::memcpy(result.vendor.data(), vendor.data(), vendor.size());
  result.name = name;
  return result;
}
StockName one(std::u16string_view name) { return name_in(planted, name); }
const StockName secure_boot_enable = name_in(secure_boot_enable_vendor, u"SecureBootEnable");
const StockName platform_key = name_in(global_variable, u"PK");

StockValue value(std::size_t size, std::uint8_t seed, std::uint32_t attributes = 7) {
  StockValue result;
  result.attributes = attributes;
  for (std::size_t place = 0; place < size; ++place) {
    result.data.push_back(static_cast<std::byte>(seed + 7 * place));
  }
  if ((attributes & 0x20U) != 0) {
    const std::uint8_t time[] = {0xEA, 0x07, 1, seed};  // a day of January 2026
    std::memcpy(result.time_stamp.data(), time, sizeof(time));
  }
  return result;
}

class File {
 public:
  File(std::vector<std::byte> empty, std::vector<std::byte> database)
      : flash(std::move(empty), ovmf_4m_layout.block_size), database_(std::move(database)) {
    start();
  }

  // Number `number`: one of fifteen kinds in one of four variants.
  static constexpr unsigned count = 60;
  const char* make(unsigned number);

  NorModel flash;

 private:
  void start() {
    writer_ = std::make_unique<StockVariableWriter>(flash, ovmf_4m_layout);
    if (!writer_->start()) {
      fail("the model can't start");
    }
  }
  void set(const StockName& name, const StockValue& content) {
    if (!writer_->set(name, content)) {
      fail("the model can't write");
    }
  }
  // Power fails at that step of the write; then there's a next start.
  void cut(const StockName& name, const StockValue& content, std::uint64_t step) {
    flash.cut_power_at(step, static_cast<std::uint32_t>(step) + 3);
    if (writer_->set(name, content)) {
      fail("power didn't fail");
    }
    flash.power_up();
  }
  void set_keys() {
    set(secure_boot_enable, value(1, 0, 3));
    set(platform_key, value(78, 1, 0x27));
    set(name_in(global_variable, u"KEK"), value(76, 2, 0x27));
    StockValue database = value(0, 3, 0x27);
    database.data = database_;
    set(name_in(image_security_database, u"db"), database);
    set(name_in(image_security_database, u"dbx"), value(124, 4, 0x27));
  }
  std::uint64_t record_of(const StockName& name) {
    const StockVariables stock(flash.cells());
    const StockRecord* record = stock.find(name);
    if (record == nullptr) {
      fail("no record");
    }
    return record->offset;
  }
  std::uint64_t end_of(const StockName& name) {
    const StockVariables stock(flash.cells());
    return stock.find(name)->next;
  }
  void put(std::uint64_t offset, std::vector<std::uint8_t> bytes) {
    std::memcpy(flash.cells().data() + offset, bytes.data(), bytes.size());
  }
  void put_number(std::uint64_t offset, std::uint32_t number) {
    std::memcpy(flash.cells().data() + offset, &number, sizeof(number));
  }
  void fill(std::uint64_t first, std::uint64_t last, unsigned kind) {
    for (std::uint64_t offset = first; offset < last; ++offset) {
      flash.cells()[offset] = kind == 0   ? std::byte{0xFF}
                              : kind == 1 ? std::byte{0}
                                          : static_cast<std::byte>(offset * 37 + 11);
    }
  }
  void damage_keys_or_value(unsigned variant);
  void make_senseless(unsigned variant);

  std::vector<std::byte> database_;
  std::unique_ptr<StockVariableWriter> writer_;
};

const char* File::make(unsigned number) {
  const unsigned variant = number / 15;
  const auto choose = [variant](std::array<std::uint64_t, 4> of) { return of[variant]; };
  const StockName first = one(u"First");
  const StockName torn = one(u"Torn");
  const StockName last = one(u"Last");
  const std::uint64_t torn_steps = 60 + 1 + 10 + 20 + 1;
  set(first, value(5, 1));
  switch (number % 15) {
    case 0:
      for (std::uint8_t round = 0; round <= 2 * variant; ++round) {
        set(one(u"Replaced"), value(20 + 9U * round, round));
        set(one(u"Deleted"), value(31, round, 3));
        writer_->remove(one(u"Deleted"));
      }
      set(last, value(200, 9, 3));
      return "sound";
    case 1:
      cut(torn, value(20, 2), choose({3, 20, 41, 59}));
      start();
      set(last, value(17, 3));
      return "cut_header";
    case 2:
      cut(torn, value(20, 2), choose({60, 61, 75, torn_steps - 1}));
      start();
      set(last, value(17, 3));
      return "cut_record";
    case 3:
      set(torn, value(9, 2));
      cut(torn, value(20, 3), 1 + choose({10, 60, 75, torn_steps - 1}));
      if (variant % 2 == 0) {
        start();
        set(last, value(17, 4));
      }
      return "cut_replacement";
    case 4:
      set(torn, value(9, 2));
      cut(torn, value(20, 3), 1 + torn_steps);
      if (variant != 0) {
        start();
        set(last, value(17, 4));
      }
      if (variant == 2) set(torn, value(4, 5));
      if (variant == 3) writer_->remove(torn);
      return "old_and_new";
    case 5:
      set(torn, value(9, 2));
      set(one(u"Between"), value(8, 3));
      cut(torn, value(20, 4), 1 + torn_steps);
      start();
      cut(torn, value(30, 5), 1 + choose({0, 2, 30, 75}));
      return "replaced_twice";
    case 6: {
      set(torn, value(20, 2));
      set(one(u"Between"), value(8, 3));
      std::vector<std::byte> record = StockVariableWriter::make_record(torn, value(20, variant % 2 == 0 ? 2 : 4));
      record[2] = variant < 2 ? std::byte{0x3F} : std::byte{0x3E};
      std::memcpy(flash.cells().data() + end_of(one(u"Between")), record.data(), record.size());
      return "twice";
    }
    case 7:
      cut(torn, value(20, 2), choose({3, 20, 59, 60}));
      start();
      set_keys();
      set(last, value(17, 3));
      return "keys_behind_cut_header";
    case 8:
      set_keys();
      if (variant == 1) cut(name_in(image_security_database, u"dbx"), value(200, 7, 0x27), 90);
      if (variant == 2) cut(name_in(global_variable, u"KEK"), value(76, 8, 0x27), 1 + 60 + 1 + 8 + 76 + 1);
      if (variant == 3) cut(name_in(image_security_database, u"dbx"), value(200, 7, 0x27), 40);
      return "keys";
    case 9: {
      set(last, value(17, 3));
      const std::uint64_t free = end_of(last);
      fill(free + choose({0, 1, 64, 5000}), free + choose({300, 3, 65, 5004}), variant == 3 ? 1 : 2);
      return "not_blank_behind";
    }
    case 10:
      set(torn, value(20, 2));
      set(last, value(17, 3));
      fill(record_of(torn), record_of(torn) + choose({60, 4, 92, 1}), variant == 3 ? 1 : 0);
      return "hole";
    case 11:
      set_keys();
      set(torn, value(20, 2));
      set(last, value(17, 3));
      fill(record_of(torn) - (variant == 2 ? 0 : 4), record_of(torn) + choose({60, 30, 92, 61}), variant % 3);
      return "keys_before_hole";
    case 12:
      if (variant >= 2) set_keys();
      set(torn, value(20, 2));
      set(last, value(17, 3));
      put_number(record_of(torn) + (variant == 3 ? 36 : 40),
                 static_cast<std::uint32_t>(choose({0x40000, 0x7FFFFFFF, 0x40000, 0x100000})));
      return "leads_out";
    case 13: damage_keys_or_value(variant); return "attributes";
    default: make_senseless(variant); return "without_sense";
  }
}

void File::damage_keys_or_value(unsigned variant) {
  if (variant == 2) set_keys();
  set(one(u"Torn"), value(20, 2));
  set(one(u"Last"), value(17, 3));
  switch (variant) {
    case 0: return put_number(record_of(one(u"Torn")) + 4, 6);
    case 1: return put_number(record_of(one(u"Torn")) + 4, UINT32_MAX);
    case 2: return put_number(record_of(platform_key) + 4, 0x26);
    default: return put_number(record_of(one(u"Torn")) + 4, 0x80000007);
  }
}

void File::make_senseless(unsigned variant) {
  if (variant == 0) set_keys();
  set(one(u"Four"), value(2, 2));
  set(one(u"Fifth"), value(3, 4));
  set(one(u"Last"), value(17, 3));
  switch (variant) {
    case 0: return put_number(record_of(platform_key) + 36, 4);     // "PK" without its terminator
    case 1: return put_number(record_of(one(u"Four")) + 40, 0);     // no data
    case 2: return put(record_of(one(u"Fifth")) + 60 + 10, {'x'});  // nor an end
    default: return put_number(record_of(one(u"Fifth")) + 36, 11);
  }
}

// All that the files plant, and what none does.
std::vector<StockName> all_names() {
  return {one(u"First"),
          one(u"Torn"),
          one(u"Last"),
          one(u"Replaced"),
          one(u"Deleted"),
          one(u"Between"),
          one(u"Four"),
          one(u"Fifth"),
          one(u"Nobody's"),
          platform_key,
          name_in(global_variable, u"KEK"),
          name_in(image_security_database, u"db"),
          name_in(image_security_database, u"dbx")};
}

std::string hexadecimal(const std::vector<std::byte>& data) {
  std::string text;
  for (const std::byte one_byte : data) {
    constexpr char digits[] = "0123456789ABCDEF";
    text += digits[std::to_integer<unsigned>(one_byte) >> 4];
    text += digits[std::to_integer<unsigned>(one_byte) & 0xF];
  }
  return text;
}

// What variable_reader is asked and what it then prints; what a program lists has a meaning only if each name has.
void predict(const StockVariables& stock, bool only_clear, const std::string& names_file,
             const std::string& text_file) {
  std::string names;
  std::string text;
  std::vector<StockName> asked;
  for (const StockName& name : all_names()) {
    if (only_clear && stock.is_unclear(name)) {
      continue;
    }
    names.append(reinterpret_cast<const char*>(name.vendor.data()), name.vendor.size());
    names.append(reinterpret_cast<const char*>(name.name.c_str()), (name.name.size() + 1) * sizeof(char16_t));
    const std::optional<StockValue> found = stock.get(name);
    text += "reader " + std::to_string(asked.size());
    text += found.has_value()
                ? " attributes=" + std::to_string(found->attributes) + " data=" + hexadecimal(found->data) + "\n"
                : " status=0x800000000000000e\n";
    asked.push_back(name);
  }
  const std::optional<StockValue> enabled = stock.get(secure_boot_enable);
  const bool owned = stock.find(platform_key) != nullptr;
  const bool secure = owned && !(enabled.has_value() && enabled->data == std::vector<std::byte>{std::byte{0}});
  text = "reader setup_mode=" + std::string(owned ? "0" : "1") + " secure_boot=" + (secure ? "1" : "0") + "\n" + text;
  if (!stock.has_live_without_sense()) {
    std::set<std::size_t> listed;
    for (const StockName& name : only_clear ? std::vector<StockName>() : stock.list()) {
      const auto place = std::find(asked.begin(), asked.end(), name);
      if (place != asked.end()) {
        listed.insert(static_cast<std::size_t>(place - asked.begin()));
      }
    }
    // Redoubt lists every variable once, wherever its records stand.
    for (std::size_t index = 0; only_clear && index < asked.size(); ++index) {
      if (stock.find(asked[index]) != nullptr) {
        listed.insert(index);
      }
    }
    for (const std::size_t index : listed) {
      text += "listed " + std::to_string(index) + "\n";
    }
  }
  write_file(names_file, names);
  write_file(text_file, text);
}

std::string guid_text(const std::array<std::byte, 16>& vendor) {
  char text[40];
  const auto at = [&](std::size_t place) { return std::to_integer<unsigned>(vendor[place]); };
  std::snprintf(text, sizeof(text), "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", at(3),
                at(2), at(1), at(0), at(5), at(4), at(7), at(6), at(8), at(9), at(10), at(11), at(12), at(13), at(14),
                at(15));
  return text;
}

void predict_for_tool(const StockVariables& stock, const std::string& text_file) {
  std::vector<StockName> names = all_names();
  names.push_back(secure_boot_enable);
  std::string text;
  for (const StockName& name : names) {
    const std::optional<StockValue> found = stock.is_unclear(name) ? std::nullopt : stock.get(name);
    if (found.has_value()) {
      std::string ascii;
      for (const char16_t unit : name.name) {
        ascii += static_cast<char>(unit);
      }
      text += guid_text(name.vendor) + " " + ascii + " " + std::to_string(found->attributes) + " " +
              hexadecimal(found->data) + "\n";
    }
  }
  write_file(text_file, text);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) {
    std::fputs("stock_stores: usage: stock_stores EMPTY NUMBER DB FOLDER\n", stderr);
    return 2;
  }
  const auto number = static_cast<unsigned>(std::strtoul(arguments[2], nullptr, 10));
  if (number >= File::count) {
    fail("there is no such number");
  }
  const std::string folder = std::string(arguments[4]) + "/";
  std::vector<std::byte> empty = read_file(arguments[1]);
  if (empty.size() != ovmf_4m_layout.volume_size || !StockVariables(empty).records().empty()) {
    fail(std::string(arguments[1]) + ": not an empty store of that layout");
  }
  File file(std::move(empty), read_file(arguments[3]));
  const char* kind = file.make(number);
  const std::vector<std::byte> cells = file.flash.cells();
  write_file(folder + "store.fd", std::span(reinterpret_cast<const char*>(cells.data()), cells.size()));

  const StockVariables as_found(cells);
  predict(as_found, true, folder + "redoubt.names", folder + "redoubt.txt");
  predict_for_tool(as_found, folder + "tool.txt");
  const StockClass& stock_class = stock_classes[stock_class_of(cells)];
  const bool is_defined = !as_found.has_live_leading_out();
  if (is_defined && !StockVariableWriter(file.flash, ovmf_4m_layout).start()) {
    fail("the model can't start");
  }
  const StockVariables started(file.flash.cells());
  predict(started, false, folder + "stock.names", folder + "stock.txt");
  std::printf("kind=%s class=%s redoubt=%s stock=%s\n", kind, stock_class.name,
              stock_class.may_open && stock_class.may_refuse ? "either"
              : stock_class.may_open                         ? "open"
                                                             : "refuse",
              !is_defined                     ? "undefined"
              : started.list().size() == 1000 ? "endless"
                                              : "defined");
  return 0;
}
