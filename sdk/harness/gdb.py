# SPDX-License-Identifier: BSD-2-Clause-Patent
# For gdb: adds the symbols of each driver image as the harness loads it, so that breakpoints in drivers work by name.
#
#   gdb -x sdk/harness/gdb.py --args build/my_driver_test
#   (gdb) break my_driver.cpp:42
#   (gdb) run
#
# "Make breakpoint pending on future shared library load?" is answered with yes by itself here: images aren't there before
# the program runs. An exception in a driver stops the debugger at the instruction; `continue` lets the harness contain it.
import gdb


class DriverLoaded(gdb.Breakpoint):
    """Stands at redoubt_driver_loaded(symbols, offset); never stops for the user."""

    def __init__(self):
        super().__init__("*redoubt_driver_loaded", internal=True)
        self.silent = True

    def stop(self):
        symbols = gdb.parse_and_eval("(const char *)$rdi").string()
        offset = int(gdb.parse_and_eval("(unsigned long)$rsi"))
        gdb.execute(f'add-symbol-file "{symbols}" -o {offset:#x}', to_string=True)
        return False


gdb.execute("set breakpoint pending on")
# The leak checker of the address sanitizer can't work in a program that is traced.
gdb.execute("set environment ASAN_OPTIONS=detect_leaks=0")
DriverLoaded()
