// SPDX-License-Identifier: BSD-2-Clause-Patent
// The functions of the C library that a compiler may call on its own, for guest images only: on the host they would
// replace the C library's. Compiled with -fno-builtin, so that no loop in here becomes a call of itself.
#include "base/freestanding/memory_routines.hpp"

namespace routines = redoubt::base::freestanding;

extern "C" {

void* memcpy(void* destination, const void* source, std::size_t size);
void* memmove(void* destination, const void* source, std::size_t size);
void* memset(void* destination, int value, std::size_t size);
int memcmp(const void* left, const void* right, std::size_t size);
int bcmp(const void* left, const void* right, std::size_t size);
std::size_t strlen(const char* text);

void* memcpy(void* destination, const void* source, std::size_t size) {
  routines::move_ascending(static_cast<std::byte*>(destination), static_cast<const std::byte*>(source), size);
  return destination;
}

void* memmove(void* destination, const void* source, std::size_t size) {
  routines::move_bytes(static_cast<std::byte*>(destination), static_cast<const std::byte*>(source), size);
  return destination;
}

void* memset(void* destination, int value, std::size_t size) {
  routines::fill(static_cast<std::byte*>(destination), static_cast<std::uint8_t>(value), size);
  return destination;
}

int memcmp(const void* left, const void* right, std::size_t size) {
  return routines::compare(static_cast<const std::byte*>(left), static_cast<const std::byte*>(right), size);
}

int bcmp(const void* left, const void* right, std::size_t size) { return memcmp(left, right, size); }

std::size_t strlen(const char* text) { return routines::length(text); }

}  // extern "C"
