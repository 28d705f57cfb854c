# Sourced by the cases: where things are, a folder of one's own, and how to fail. The working directory is the root of
# the tree.
set -euo pipefail

redoubt=$PWD/build/redoubt
converted=$PWD/build/OVMF_CODE.redoubt.fd
stock=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd
stock_vars=/usr/share/OVMF/OVMF_VARS_4M.fd
images=$PWD/build/firmware/images
driver_files=$PWD/build/host/bin/driver_files
work=$(mktemp -d "${TMPDIR:-/tmp}/redoubt-boot.XXXXXX")

failed() {
  printf 'FAILED: %s\n' "$*" >&2
  for log in "$work"/*.log "$work"/*.txt; do
    [ -e "$log" ] || continue
    printf -- '---- end of %s\n' "$(basename "$log")" >&2
    tail -c 3000 "$log" | tr -d '\r' >&2
  done
  exit 1
}

# Ends QEMU processes of this case with it: one of its own, and the process group of what it does meanwhile.
clean_up() {
  local status=$?
  [ -z "${qemu_pid:-}" ] || kill "$qemu_pid" 2> /dev/null || true
  [ -z "${group_pid:-}" ] || kill -- "-$group_pid" 2> /dev/null || true
  ! mountpoint -q "$work/small" || umount "$work/small"
  rm -rf "$work"
  exit $status
}
trap clean_up EXIT

# boot ARGUMENT...: `redoubt boot`, which must reach its goal; the report is left in $work/report.json.
boot() {
  "$redoubt" boot "$@" --quiet --json --serial-log "$work/serial.log" --debug-log "$work/debug.log" \
    > "$work/report.json" 2> "$work/boot.txt" || {
    cat "$work/report.json" >> "$work/boot.txt"
    failed "redoubt boot $*"
  }
}

# expect FILTER: a jq expression that must hold for the last report.
expect() {
  jq -e "$1" "$work/report.json" > /dev/null || { cp "$work/report.json" "$work/report.txt"; failed "the report lacks: $1"; }
}
