// SPDX-License-Identifier: BSD-2-Clause-Patent
// Codes are decoded bit by bit against the number of codes of each length: slower than tables, and with nothing to
// size or to overrun.
//
//   header   compressed size (32 bits), original size (32 bits)
//   block    number of symbols (16) | lengths of the length code | lengths of the symbol code | lengths of the
//            position code | symbols, each perhaps with a position
//   symbol   0 to 255: a byte; 256 and more: copy symbol - 253 bytes from the position that follows
#include "image/efi_compression.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace redoubt::image {

namespace {

constexpr std::size_t header_bytes = 8;
constexpr unsigned longest_code = 16;
constexpr unsigned symbol_count = 510;
constexpr unsigned symbol_count_bits = 9;
constexpr unsigned first_copy_symbol = 256;
constexpr unsigned shortest_copy = 3;
constexpr unsigned length_count = 19;  // symbols of the length code
constexpr unsigned length_count_bits = 5;
constexpr unsigned length_gap = 3;  // after this many lengths of the length code stands a run of zeros
constexpr unsigned position_count = 31;

// Bits of a run of bytes, the highest of each byte first. Errors stay until they are asked for.
class BitReader {
 public:
  explicit BitReader(Bytes bytes) : bytes_(bytes) {}

  unsigned bit() {
    const std::size_t index = position_ / 8;
    if (index >= bytes_.size()) {
      exhausted_ = true;
      return 0;
    }
    const unsigned value = static_cast<unsigned>(bytes_[index]) >> (7 - position_ % 8) & 1U;
    ++position_;
    return value;
  }
  unsigned bits(unsigned count) {
    unsigned value = 0;
    for (unsigned i = 0; i < count; ++i) {
      value = value << 1 | bit();
    }
    return value;
  }
  bool exhausted() const { return exhausted_; }
  std::size_t byte_position() const { return position_ / 8; }

 private:
  Bytes bytes_;
  std::size_t position_ = 0;
  bool exhausted_ = false;
};

// A canonical Huffman code, or a single symbol that takes no bits.
class Code {
 public:
  static constexpr unsigned bad_symbol = 0xFFFF;

  void set_single(unsigned symbol) {
    single_ = true;
    symbols_[0] = static_cast<std::uint16_t>(symbol);
  }

  // False for lengths that leave a gap or overlap.
  bool set_lengths(std::span<const std::uint8_t> lengths) {
    single_ = false;
    counts_.fill(0);
    for (const std::uint8_t length : lengths) {
      ++counts_[length];
    }
    counts_[0] = 0;
    unsigned room = 1;  // codes of this length that aren't taken
    std::array<std::uint16_t, longest_code + 2> next{};
    for (unsigned length = 1; length <= longest_code; ++length) {
      room *= 2;
      if (counts_[length] > room) {
        return false;
      }
      room -= counts_[length];
      next[length + 1] = static_cast<std::uint16_t>(next[length] + counts_[length]);
    }
    if (room != 0) {
      return false;
    }
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
      if (lengths[symbol] != 0) {
        symbols_[next[lengths[symbol]]++] = static_cast<std::uint16_t>(symbol);
      }
    }
    return true;
  }

  unsigned read(BitReader& input) const {
    if (single_) {
      return symbols_[0];
    }
    unsigned code = 0;
    unsigned first = 0;  // code of this length
    unsigned index = 0;  // of its symbol
    for (unsigned length = 1; length <= longest_code; ++length) {
      code = code << 1 | input.bit();
      const unsigned count = counts_[length];
      if (code - first < count) {
        return symbols_[index + (code - first)];
      }
      index += count;
      first = (first + count) << 1;
    }
    return bad_symbol;
  }

 private:
  std::array<std::uint16_t, longest_code + 1> counts_{};
  std::array<std::uint16_t, symbol_count> symbols_{};
  bool single_ = true;
};

class Expander {
 public:
  Expander(Bytes data, std::uint64_t origin, EfiCompression compression)
      : input_(data), origin_(origin), position_bits_(compression == EfiCompression::tiano ? 5 : 4) {}

  ImageResult<std::vector<std::byte>> run(std::uint64_t size) {
    while (output_.size() < size) {
      if (block_left_ == 0) {
        TRY(read_codes());
      }
      --block_left_;
      const unsigned symbol = symbols_.read(input_);
      if (symbol < first_copy_symbol) {
        output_.push_back(static_cast<std::byte>(symbol));
      } else {
        TRY(copy(symbol, size));
      }
      if (input_.exhausted()) {
        return truncated(here(), "compressed data ends too early");
      }
    }
    return std::move(output_);
  }

 private:
  std::uint64_t here() const { return origin_ + input_.byte_position(); }

  ImageResult<void> copy(unsigned symbol, std::uint64_t size) {
    if (symbol == Code::bad_symbol) {
      return malformed(here(), "compressed data is damaged");
    }
    const unsigned length = symbol - first_copy_symbol + shortest_copy;
    const unsigned scale = positions_.read(input_);
    if (scale >= position_count) {
      return malformed(here(), "compressed data is damaged");
    }
    const std::uint64_t distance = 1 + (scale < 2 ? scale : (1U << (scale - 1)) + input_.bits(scale - 1));
    if (distance > output_.size()) {
      return malformed(here(), "compressed data copies from before its start");
    }
    // What is copied may be part of the copy.
    for (unsigned i = 0; i < length && output_.size() < size; ++i) {
      output_.push_back(output_[output_.size() - distance]);
    }
    return {};
  }

  ImageResult<void> read_codes() {
    block_left_ = input_.bits(16);
    const bool sound = block_left_ != 0 && read_plain_lengths(length_count, length_count_bits, length_gap, lengths_) &&
                       read_symbol_lengths() && read_plain_lengths(position_count, position_bits_, 0, positions_);
    if (input_.exhausted()) {
      return truncated(here(), "compressed data ends too early");
    }
    return sound ? ImageResult<void>() : malformed(here(), "compressed data is damaged");
  }

  // Lengths of three bits each; seven goes on in unary. `gap`, if not 0: how many lengths stand before the run of
  // zeros.
  bool read_plain_lengths(unsigned limit, unsigned count_bits, unsigned gap, Code& code) {
    const unsigned count = input_.bits(count_bits);
    if (count == 0) {
      const unsigned symbol = input_.bits(count_bits);
      code.set_single(symbol);
      return symbol < limit;
    }
    if (count > limit) {
      return false;
    }
    std::array<std::uint8_t, position_count> lengths{};
    for (unsigned i = 0; i < count;) {
      unsigned length = input_.bits(3);
      if (length == 7) {
        while (length <= longest_code && input_.bit() != 0) {
          ++length;
        }
      }
      if (length > longest_code) {
        return false;
      }
      lengths[i++] = static_cast<std::uint8_t>(length);
      if (gap != 0 && i == gap) {
        i = std::min(i + input_.bits(2), limit);
      }
    }
    return code.set_lengths(std::span(lengths).first(limit));
  }

  // Lengths as symbols of the length code: 0 to 2 are runs of zeros, the rest is a length plus two.
  bool read_symbol_lengths() {
    const unsigned count = input_.bits(symbol_count_bits);
    if (count == 0) {
      const unsigned symbol = input_.bits(symbol_count_bits);
      symbols_.set_single(symbol);
      return symbol < symbol_count;
    }
    if (count > symbol_count) {
      return false;
    }
    std::array<std::uint8_t, symbol_count> lengths{};
    for (unsigned i = 0; i < count;) {
      const unsigned symbol = lengths_.read(input_);
      if (symbol == Code::bad_symbol || input_.exhausted()) {
        return false;
      }
      switch (symbol) {
        case 0: i += 1; break;
        case 1: i += 3 + input_.bits(4); break;
        case 2: i += 20 + input_.bits(symbol_count_bits); break;
        default: lengths[i++] = static_cast<std::uint8_t>(symbol - 2);
      }
      if (i > symbol_count) {
        return false;
      }
    }
    return symbols_.set_lengths(lengths);
  }

  BitReader input_;
  std::uint64_t origin_;
  unsigned position_bits_;
  unsigned block_left_ = 0;
  Code lengths_;
  Code symbols_;
  Code positions_;
  std::vector<std::byte> output_;
};

}  // namespace

ImageResult<std::vector<std::byte>> efi_expand(Bytes payload, std::uint64_t origin, std::uint64_t limit,
                                               EfiCompression compression) {
  const char* const cut_off = "compressed data's header is cut off";
  const auto compressed = TRY(read_field<std::uint32_t>(payload, 0, origin, cut_off));
  const auto size = TRY(read_field<std::uint32_t>(payload, 4, origin, cut_off));
  if (size > limit) {
    return unsupported(origin + 4, "compressed data expands to more than the limit");
  }
  const Bytes data = TRY(read_run(payload, header_bytes, compressed, origin, "compressed data ends too early"));
  return Expander(data, origin + header_bytes, compression).run(size);
}

}  // namespace redoubt::image
