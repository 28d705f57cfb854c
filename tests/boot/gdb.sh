# Sourced by the cases that let GDB look at the machine through QEMU's gdbstub: an independent witness.

# start_stopped IMAGE OPTION...: QEMU as `redoubt boot` starts it, but waiting for GDB at $work/gdb.
start_stopped() {
  local image=$1
  shift
  cp "$stock_vars" "$work/vars.fd"
  qemu-system-x86_64 -machine q35,smm=on,accel=tcg -cpu qemu64,+smep,+smap,+umip,-svm -m 512 -smp 1 -nodefaults -display none \
    -no-reboot -global driver=cfi.pflash01,property=secure,value=on -global ICH9-LPC.disable_s3=1 \
    -drive if=pflash,format=raw,unit=0,readonly=on,file="$image" -drive if=pflash,format=raw,unit=1,file="$work/vars.fd" \
    -serial file:"$work/serial.log" -debugcon file:"$work/debug.log" -global isa-debugcon.iobase=0x402 \
    -gdb unix:path="$work/gdb",server=on,wait=off -S -monitor none "$@" > "$work/qemu.txt" 2>&1 &
  qemu_pid=$!
  for _ in $(seq 600); do
    [ ! -S "$work/gdb" ] || return 0
    kill -0 $qemu_pid 2> /dev/null || failed "QEMU didn't start"
    sleep 0.1
  done
  failed "QEMU opened no gdbstub"
}

# gdb_script FILE: runs it against the machine and ends the machine; its output goes to $work/gdb.txt.
gdb_script() {
  printf 'echo script done\\n\nkill\n' >> "$1"
  # QEMU may be gone before GDB has its answer to the last command: what counts is that all before it was done.
  timeout 600 gdb -nx -batch -iex 'set auto-load no' -ex 'set pagination off' -ex 'set confirm off' \
    -ex 'set architecture i386:x86-64' -ex "target remote $work/gdb" -x "$1" > "$work/gdb.txt" 2>&1 || true
  sed -i 's/\r//g' "$work/gdb.txt"  # the monitor ends its lines for a terminal
  grep -q '^script done' "$work/gdb.txt" || failed "GDB: $(tail -n 1 "$work/gdb.txt")"
  kill "$qemu_pid" 2> /dev/null || true
  wait "$qemu_pid" 2> /dev/null || true
  qemu_pid=
  rm -f "$work/gdb"
}
