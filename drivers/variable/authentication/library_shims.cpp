// SPDX-License-Identifier: BSD-2-Clause-Patent
// The C library of the archives of Mbed TLS, for images only: what they call and a compiler's own calls don't include.
// Memory, strings and locks work; there is one thread, so that a lock is nothing. Console, files and clock answer with
// the failure that the C standard and POSIX give them, as there is none: what needs them is never called, but stands in
// the same object files. Without a clock no certificate is ever too old or too new (signature.hpp). No header of the
// C library is included here: its declarations would be of that library's types.
#include <cstddef>
#include <cstdint>

#include "drivers/variable/authentication/library_memory.hpp"
#include "drivers/variable/authentication/library_routines.hpp"

namespace library = redoubt::variable::library;
using redoubt::variable::LibraryMemory;
using redoubt::variable::LibraryMemoryScope;

namespace {
constexpr int failure = -1;
constexpr int end_of_file = -1;
}  // namespace

extern "C" {

// Memory and strings. The library is called only while there is memory for it.

void* calloc(std::size_t count, std::size_t size) {
  LibraryMemory* memory = LibraryMemoryScope::current();
  return memory == nullptr ? nullptr : memory->allocate_cleared(count, size);
}

void free(void* memory) {
  if (LibraryMemory* current = LibraryMemoryScope::current(); current != nullptr) {
    current->release(memory);
  }
}

void* __memcpy_chk(void* destination, const void* source, std::size_t size, std::size_t room) {
  library::check_room(size, room);
  return __builtin_memcpy(destination, source, size);
}

void* __memset_chk(void* destination, int value, std::size_t size, std::size_t room) {
  library::check_room(size, room);
  return __builtin_memset(destination, value, size);
}

int strcmp(const char* left, const char* right) { return library::compare_strings(left, right); }
char* strchr(const char* text, int character) { return const_cast<char*>(library::find_character(text, character)); }
char* strstr(const char* text, const char* part) { return const_cast<char*>(library::find_string(text, part)); }

// Locks.

int pthread_mutex_init(void* /*mutex*/, const void* /*attributes*/) { return 0; }
int pthread_mutex_destroy(void* /*mutex*/) { return 0; }
int pthread_mutex_lock(void* /*mutex*/) { return 0; }
int pthread_mutex_unlock(void* /*mutex*/) { return 0; }

// Console, files, clock. The library's self-tests, which aren't called, are the only users of rand().

int putchar(int /*character*/) { return end_of_file; }
int puts(const char* /*text*/) { return end_of_file; }
int __printf_chk(int /*flag*/, const char* /*format*/, ...) { return failure; }
int snprintf(char* /*text*/, std::size_t /*size*/, const char* /*format*/, ...) { return failure; }
int __snprintf_chk(char* /*text*/, std::size_t /*size*/, int /*flag*/, std::size_t /*room*/, const char* /*format*/,
                   ...) {
  return failure;
}
void* fopen(const char* /*path*/, const char* /*mode*/) { return nullptr; }
int fclose(void* /*file*/) { return end_of_file; }
int ferror(void* /*file*/) { return 1; }
char* fgets(char* /*text*/, int /*size*/, void* /*file*/) { return nullptr; }
std::size_t fread(void* /*data*/, std::size_t /*size*/, std::size_t /*count*/, void* /*file*/) { return 0; }
std::size_t fwrite(const void* /*data*/, std::size_t /*size*/, std::size_t /*count*/, void* /*file*/) { return 0; }
int fseek(void* /*file*/, long /*offset*/, int /*origin*/) { return failure; }
long ftell(void* /*file*/) { return failure; }
void* opendir(const char* /*path*/) { return nullptr; }
void* readdir(void* /*directory*/) { return nullptr; }
int closedir(void* /*directory*/) { return failure; }
int stat(const char* /*path*/, void* /*information*/) { return failure; }
int* __errno_location() {
  static constinit int error = 0;
  return &error;
}
std::int64_t time(std::int64_t* /*seconds*/) { return failure; }
void* gmtime_r(const std::int64_t* /*seconds*/, void* /*broken_down*/) { return nullptr; }
int rand() { return 0; }

}  // extern "C"
