// SPDX-License-Identifier: BSD-2-Clause-Patent
// PKCS#7 messages of any kind, as far as they get: parsing, the certificates in them, the signature over some content,
// the way to each certificate of the fixtures. Whatever comes out as trusted must bear a signature that the fixtures'
// keys made; everything else would be a forgery.
//
// What stands behind the message's outermost element says how the library's memory behaves: 'A' for the arena that it
// has in images, and behind that the number of the allocation that fails. Mutations know DER, since elements that
// contradict their lengths get no farther than the parser: they exchange, double and remove elements of the message and
// of the fixtures, and write all lengths anew.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "drivers/variable/authentication/library_memory.hpp"
#include "drivers/variable/authentication/signature.hpp"
#include "drivers/variable/authentication/test_signing.hpp"

using namespace redoubt;
using namespace redoubt::variable;
using namespace redoubt::variable::test;

// The library's allocations: the linker sends them here.
extern "C" {
void* __real_calloc(std::size_t count, std::size_t size);
void __real_free(void* memory);
void* __wrap_calloc(std::size_t count, std::size_t size);
void __wrap_free(void* memory);
std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t room);
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t room, unsigned int seed);
}

namespace {

bool uses_arena = false;
std::size_t allocations_left = SIZE_MAX;

struct Fixtures {
  std::vector<ByteVector> certificates;
  std::vector<ByteVector> messages;

  Fixtures() {
    for (const auto& entry : std::filesystem::directory_iterator(REDOUBT_AUTHENTICATION_FIXTURES)) {
      const std::string name = entry.path().filename();
      if (name.ends_with(".crt")) {
        certificates.push_back(fixture(name));
      } else if (name.ends_with(".p7")) {
        messages.push_back(fixture(name));
      }
    }
    std::ranges::sort(certificates);  // runs must be the same wherever the directory lists them
    std::ranges::sort(messages);
    if (certificates.size() < 10 || messages.size() < 10) {
      std::abort();
    }
  }
};

const Fixtures& fixtures() {
  static const Fixtures all;
  return all;
}

struct Element {
  std::uint8_t tag = 0;
  ByteVector contents;  // of one that has no elements
  std::vector<Element> elements;

  ByteVector write() const {
    ByteVector inside = contents;
    for (const Element& element : elements) {
      append(inside, element.write());
    }
    ByteVector whole = {std::byte{tag}};
    if (inside.size() < 0x80) {
      whole.push_back(static_cast<std::byte>(inside.size()));
    } else {
      const bool two = inside.size() > 0xFF;
      whole.push_back(two ? std::byte{0x82} : std::byte{0x81});
      if (two) {
        whole.push_back(static_cast<std::byte>(inside.size() >> 8));
      }
      whole.push_back(static_cast<std::byte>(inside.size()));
    }
    append(whole, inside);
    return whole;
  }
  void list(std::vector<Element*>& all) {
    all.push_back(this);
    for (Element& element : elements) {
      element.list(all);
    }
  }
};

struct Header {
  std::uint8_t tag;
  std::size_t size;    // of tag and length
  std::size_t length;  // of the contents
};

// Nothing for what doesn't fit.
std::optional<Header> header_of(Bytes der) {
  if (der.size() < 2) {
    return {};
  }
  const auto tag = std::to_integer<std::uint8_t>(der[0]);
  const auto first = std::to_integer<std::size_t>(der[1]);
  const std::size_t octets = first < 0x80 ? 0 : first & 0x7F;
  if (octets > 3 || first == 0x80 || der.size() < 2 + octets) {
    return {};
  }
  std::size_t length = octets == 0 ? first : 0;
  for (std::size_t index = 0; index < octets; ++index) {
    length = length << 8 | std::to_integer<std::size_t>(der[2 + index]);
  }
  if (length > der.size() - 2 - octets) {
    return {};
  }
  return Header{tag, 2 + octets, length};
}

Element read(std::uint8_t tag, Bytes contents, int depth) {
  constexpr std::uint8_t constructed = 0x20;
  Element element{.tag = tag, .contents = {contents.begin(), contents.end()}, .elements = {}};
  if ((tag & constructed) == 0 || depth > 12) {
    return element;
  }
  std::vector<Element> elements;
  while (!contents.empty()) {
    const std::optional<Header> header = header_of(contents);
    if (!header.has_value()) {
      return element;
    }
    elements.push_back(read(header->tag, contents.subspan(header->size, header->length), depth + 1));
    contents = contents.subspan(header->size + header->length);
  }
  element.contents.clear();
  element.elements = std::move(elements);
  return element;
}

void change(Element& root, std::mt19937& random) {
  std::vector<Element*> all;
  root.list(all);
  const auto pick = [&](std::size_t count) { return random() % count; };
  Element& chosen = *all[pick(all.size())];
  switch (pick(7)) {
    case 0: chosen.tag = static_cast<std::uint8_t>(random()); break;
    case 1:
      if (!chosen.elements.empty()) {
        const Element copy = chosen.elements[pick(chosen.elements.size())];
        chosen.elements.insert(chosen.elements.begin() + static_cast<std::ptrdiff_t>(pick(chosen.elements.size() + 1)),
                               copy);
      }
      break;
    case 2:
      if (!chosen.elements.empty()) {
        chosen.elements.erase(chosen.elements.begin() + static_cast<std::ptrdiff_t>(pick(chosen.elements.size())));
      }
      break;
    case 3:
      if (chosen.elements.size() > 1) {
        std::swap(chosen.elements[pick(chosen.elements.size())], chosen.elements[pick(chosen.elements.size())]);
      }
      break;
    case 4: {
      // One of another message or certificate, with the same tag.
      const std::vector<ByteVector>& from = pick(2) == 0 ? fixtures().messages : fixtures().certificates;
      const ByteVector& other = from[pick(from.size())];
      const std::optional<Header> header = header_of(other);
      Element donor = read(header->tag, Bytes(other).subspan(header->size, header->length), 0);
      std::vector<Element*> candidates;
      donor.list(candidates);
      std::erase_if(candidates, [&](const Element* element) { return element->tag != chosen.tag; });
      if (!candidates.empty()) {
        chosen = Element(*candidates[pick(candidates.size())]);
      }
      break;
    }
    case 5: {
      // A certificate more among those of the message: [0] of its SignedData.
      constexpr std::uint8_t certificates_tag = 0xA0;
      std::erase_if(all, [](const Element* element) { return element->tag != certificates_tag; });
      if (!all.empty()) {
        const ByteVector& other = fixtures().certificates[pick(fixtures().certificates.size())];
        const std::optional<Header> header = header_of(other);
        all[pick(all.size())]->elements.push_back(
            read(header->tag, Bytes(other).subspan(header->size, header->length), 0));
      }
      break;
    }
    default:
      if (chosen.elements.empty()) {
        ByteVector contents = chosen.contents;
        const std::size_t size = contents.size();
        contents.resize(size + 16);
        contents.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(contents.data()), size, contents.size()));
        chosen.contents = contents;
      }
      break;
  }
}

bool is_inside(Bytes part, Bytes whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_parts(const SignedData& parsed, Bytes message) {
  for (const Bytes part :
       {parsed.issuer, parsed.serial_number, parsed.attributes, parsed.message_digest, parsed.signature}) {
    if (!is_inside(part, message)) {
      std::abort();
    }
  }
  for (std::size_t index = 0; index < parsed.certificates.size(); ++index) {
    if (!is_inside(parsed.certificates[index], message)) {
      std::abort();
    }
  }
}

void examine(Bytes message) {
  const Result<SignedData> parsed = parse_signed_data(message);
  if (parsed.has_value()) {
    check_parts(*parsed, message);
  }
  Signature signature;
  if (!signature.read(message).has_value()) {
    return;
  }
  static const ByteVector content = bytes("what is signed\n");
  const bool verified = signature.verify({{content}}).has_value();
  static_cast<void>(signature.signer_identity());
  bool trusted = false;
  for (const ByteVector& certificate : fixtures().certificates) {
    trusted = signature.leads_to(certificate) || trusted;
  }
  const bool genuine = std::ranges::any_of(fixtures().messages, [&](const ByteVector& known) {
    return !std::ranges::search(known, parsed->signature).empty();
  });
  if (verified && trusted && !genuine) {
    std::abort();
  }
  // Whatever the signer's certificate is, it leads to itself, if there is memory to find out.
  if (allocations_left > 1000 && !signature.leads_to(signature.signer_certificate())) {
    std::abort();
  }
}

}  // namespace

void* __wrap_calloc(std::size_t count, std::size_t size) {
  LibraryMemory* memory = uses_arena ? LibraryMemoryScope::current() : nullptr;
  if (allocations_left == 0) {
    return nullptr;
  }
  --allocations_left;
  return memory != nullptr ? memory->allocate_cleared(count, size) : __real_calloc(count, size);
}

void __wrap_free(void* memory) {
  if (uses_arena) {
    LibraryMemoryScope::current()->release(memory);
  } else {
    __real_free(memory);
  }
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(fixtures());
  const Bytes input = std::as_bytes(std::span(data, size));
  const std::optional<Header> header = header_of(input);
  const Bytes message = header.has_value() ? input.first(header->size + header->length) : input;
  const Bytes options = input.subspan(message.size());
  test::HeapAllocator allocator;
  const LibraryMemoryScope scope(allocator);
  if (!options.empty()) {
    examine(input);
  }
  uses_arena = !options.empty() && options[0] == std::byte{'A'};
  allocations_left = options.size() < 2 ? SIZE_MAX : std::to_integer<std::size_t>(options[1]);
  examine(message);
  static_cast<void>(is_acceptable_certificate(message));
  static_cast<void>(is_rsa_certificate(message));
  uses_arena = false;
  allocations_left = SIZE_MAX;
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t room, unsigned int seed) {
  std::mt19937 random(seed);
  const Bytes input = std::as_bytes(std::span(data, size));
  const std::optional<Header> header = header_of(input);
  if (!header.has_value() || random() % 4 == 0) {
    return LLVMFuzzerMutate(data, size, room);
  }
  Element root = read(header->tag, input.subspan(header->size, header->length), 0);
  for (std::size_t changes = 1 + random() % 3; changes > 0; --changes) {
    change(root, random);
  }
  ByteVector changed = root.write();
  switch (random() % 8) {
    case 0: changed.push_back(std::byte{'A'}); break;
    case 1:
      changed.push_back(random() % 2 == 0 ? std::byte{'A'} : std::byte{0});
      changed.push_back(static_cast<std::byte>(random()));
      break;
    default: append(changed, input.subspan(header->size + header->length)); break;
  }
  changed.resize(std::min(changed.size(), room));
  std::ranges::copy(std::as_bytes(std::span(changed)), reinterpret_cast<std::byte*>(data));
  return changed.size();
}
