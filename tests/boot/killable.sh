# Sourced after case.sh: a QEMU of the case's own, which it may kill at any moment.

variable_store=$PWD/build/host/bin/variable_store
qemu_more=()  # further arguments of QEMU

# start_writer CODE WRITES: boots CODE with the store $work/vars.fd into a program that makes the updates in $work/updates,
# if there are any, reads the sequence of variables and makes WRITES further writes. Its lines go to $work/serial.log, its process to $qemu_pid.
start_writer() {
  mkdir -p "$work/application/EFI/BOOT"
  cp "${writer:-$images/variable_writer.efi}" "$work/application/EFI/BOOT/BOOTX64.EFI"
  local updates=()
  [ ! -s "$work/updates" ] || updates=(-fw_cfg "name=opt/org.redoubt/updates,file=$work/updates")
  : > "$work/serial.log"
  qemu-system-x86_64 -machine q35,smm=on -accel tcg -cpu qemu64,+smep,+smap,+umip,-svm -m 512 -nodefaults -display none \
    -no-user-config -global driver=cfi.pflash01,property=secure,value=on -global ICH9-LPC.disable_s3=1 \
    -drive "if=pflash,format=raw,unit=0,readonly=on,file=$1" -drive "if=pflash,format=raw,unit=1,file=$work/vars.fd" \
    -drive "if=none,id=application,format=raw,readonly=on,file=fat:$work/application" \
    -device virtio-blk-pci,drive=application,bootindex=0 -fw_cfg "name=opt/org.redoubt/writes,string=$2" \
    "${updates[@]}" "${qemu_more[@]}" -serial "file:$work/serial.log" -debugcon "file:$work/debug.log" -global isa-debugcon.iobase=0x402 \
    > "$work/qemu.txt" 2>&1 &
  qemu_pid=$!
}

# await_line PATTERN: until the program has printed such a line.
await_line() {
  for _ in $(seq 3000); do
    ! grep -aq "$1" "$work/serial.log" || return 0
    ! grep -aq 'writer failed' "$work/serial.log" || failed "$(grep -a 'writer failed' "$work/serial.log")"
    # Its last line may have come since.
    kill -0 "$qemu_pid" 2> /dev/null || grep -aq "$1" "$work/serial.log" || failed "QEMU ended before '$1'"
    sleep 0.1
  done
  failed "no '$1'"
}

# Power fails. A program whose write was refused has ended QEMU itself.
kill_writer() {
  kill -KILL "$qemu_pid" 2> /dev/null || true
  wait "$qemu_pid" 2> /dev/null || true
  qemu_pid=
}

# number_of NAME: the last NAME=NUMBER that the program printed, or nothing.
number_of() { tr -d '\r' < "$work/serial.log" | sed -n "s/^writer .*\b$1=\([0-9]*\)$/\1/p" | tail -n 1; }

# check_store: how many writes the store in the file has, by the driver's own code on the host, in $found; what it was
# interrupted in is in $state.
check_store() {
  local line
  line=$("$variable_store" check "$work/vars.fd" 2> "$work/check.txt") || failed "the store on the host: $line"
  found=${line##*found=}
  state=$(sed -n 's/^state=\([a-z-]*\) .*/\1/p' <<< "$line")
}

# run_writer CODE WRITES FOUND: boots it, has it find FOUND writes and make WRITES more, and ends.
run_writer() {
  start_writer "$1" "$2"
  await_line 'done variable_writer'
  wait "$qemu_pid" 2> /dev/null || true
  qemu_pid=
  grep -aq 'done variable_writer status=ok' "$work/serial.log" || failed "the program isn't content"
  local first
  first=$(tr -d '\r' < "$work/serial.log" | sed -n 's/^writer found=//p' | head -n 1)
  [ "$first" = "$3" ] || failed "found $first writes instead of $3"
  check_store
  [ "$found" = $(($3 + $2)) ] || failed "after $(($3 + $2)) writes the host finds $found"
}
