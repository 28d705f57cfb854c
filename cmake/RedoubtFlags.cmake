# Compiler and linker flags, spelled out once. The language subset of the freestanding targets is a
# build fact: no exceptions, no RTTI, no dynamic initialisers that need a runtime, general registers only.
get_filename_component(REDOUBT_ROOT "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)
# In somebody else's project (sdk/RedoubtSdkConfig.cmake) the settings of a directory are theirs: only our own targets
# are touched, in RedoubtTargets.cmake.
if(NOT REDOUBT_KIND STREQUAL "sdk")
  set(CMAKE_CXX_STANDARD 23)
  set(CMAKE_CXX_STANDARD_REQUIRED ON)
  set(CMAKE_CXX_EXTENSIONS OFF)
  set(CMAKE_C_STANDARD 17)
endif()

set(REDOUBT_WARNINGS
  -Wall -Wextra -Werror -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wcast-align
  -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference -Wimplicit-fallthrough
  -Wextra-semi -Wundef -Wvla -Wformat=2)

# No vector registers and no implicit use of x87: general registers only, as -mgeneral-regs-only would have it. That
# flag itself is out because libc++ headers below declare inline functions of long double (that nobody calls) which it
# refuses. Guest code has no floating point: a floating-point result already fails to compile on x64.
# libc++'s header-only parts serve the guest too; nothing of a C library is linked there.
set(REDOUBT_LIBCXX_HEADERS "/usr/lib/llvm-19/include/c++/v1")

set(REDOUBT_FREESTANDING
  -ffreestanding -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-use-cxa-atexit
  -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-stack-protector
  -mno-mmx -mno-sse -msoft-float -mno-implicit-float
  -ffunction-sections -fdata-sections -fvisibility=hidden -O2 -g -gdwarf-4 -fno-sanitize=all
  -U_FORTIFY_SOURCE "-ffile-prefix-map=${REDOUBT_ROOT}=.")
# In a build for the host, options for its own programs stand before these.
set(REDOUBT_FREESTANDING_CXX -nostdinc++ -isystem ${REDOUBT_LIBCXX_HEADERS} -Wno-unused-command-line-argument)

set(REDOUBT_FLAGS_x64 --target=x86_64-linux-gnu ${REDOUBT_FREESTANDING} -mno-red-zone -fpie -mcmodel=small)
# UEFI aligns 64-bit fields to 8 bytes on IA-32 as well (UEFI 2.10, 2.3.1); the i386 ABI of Linux doesn't.
set(REDOUBT_FLAGS_ia32 --target=i386-linux-gnu -march=i686 -malign-double ${REDOUBT_FREESTANDING} -fno-pic -fno-pie)

if(REDOUBT_KIND STREQUAL "host" OR REDOUBT_KIND STREQUAL "tool")
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-stdlib=libc++>)
  add_link_options(-stdlib=libc++ -fuse-ld=lld)
endif()
if(REDOUBT_KIND STREQUAL "host")
  set(REDOUBT_SANITIZERS -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # fuzzer-no-link: the coverage that steers libFuzzer, in all code that a fuzzer may link.
  add_compile_options(${REDOUBT_SANITIZERS} -fsanitize=fuzzer-no-link -g -O1)
  add_link_options(${REDOUBT_SANITIZERS})
  # For code that no fuzzer runs and that computes little: half the time to compile, with the same sanitizers.
  set(REDOUBT_QUICK_TO_COMPILE -O0 -fno-sanitize=fuzzer-no-link)
endif()
