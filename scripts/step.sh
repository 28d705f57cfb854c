# Sourced by the scripts that a user starts: runs a step with its output in a log and one line of progress, and
# ends with one line when something fails. Expects the working directory to be the root of the tree.

step_log="build/logs/latest.log"

say() { printf '%s\n' "$*"; }

# fail MESSAGE: the one-line error that ends a script.
fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

prepare_logs() {
  local problem
  problem=$(mkdir -p build/logs 2>&1 && { : > build/logs/.writable; } 2>&1) || fail "can't write to build/: ${problem##*: }"
}

# The lines that say best why a step failed, best first.
step_patterns=('No space left on device' 'Read-only file system' '^E: ' '(^|[ :])error: ' 'CMake Error' 'FAILED: ' '.')
step_reason=

# The line of the last step's output that says best why it failed.
reason_of_failure() { say "${step_reason:-no output, see $step_log}"; }

# is_configured PRESET [--port]: whether cmake has run for a preset, and if its programs are wanted, with the porting
# tool's packages in place.
is_configured() {
  [ -e "build/$1/build.ninja" ] || return 1
  [ "${2:-}" != --port ] || [ "$1" = firmware ] || grep -q redoubt-source-facts "build/$1/build.ninja"
}

# step TITLE COMMAND...: runs COMMAND. Its lines go to the log; on a terminal the latest one is shown and then
# taken away, elsewhere a line every 30 seconds. A title line is left behind. Returns COMMAND's exit status.
step() {
  local title=$1 status=1 start=$SECONDS shown=$SECONDS line best=${#step_patterns[@]} i
  shift
  prepare_logs
  step_log="build/logs/$(tr -cs 'a-zA-Z0-9.\n' - <<< "${title,,}").log"
  step_reason=
  [ -t 1 ] && printf '%s ...\r' "$title"
  # The status of COMMAND is the last line of its output, so that a pipe can be read while it runs.
  while IFS= read -r line; do
    if [[ $line == step-status:* ]]; then
      status=${line#step-status:}
      break
    fi
    for ((i = 0; i < best; i++)); do
      if [[ $line =~ ${step_patterns[i]} ]]; then
        step_reason=$line best=$i
      fi
    done
    if [ -t 1 ]; then
      printf '\r\033[K%s: %.*s' "$title" 70 "${line//[^[:print:]]/ }"
    elif [ $((SECONDS - shown)) -ge 30 ]; then
      shown=$SECONDS
      printf '  %.*s\n' 100 "$line"
    fi
  done < <({ set +e; "$@" < /dev/null; printf '\nstep-status:%s\n' $?; } 2>&1 | tee "$step_log" 2> /dev/null || true)
  [ -t 1 ] && printf '\r\033[K'
  if [ "$status" -eq 0 ]; then
    printf '%s: done in %d s\n' "$title" $((SECONDS - start))
  fi
  return "$status"
}

# must TITLE COMMAND...: a step that ends the script when it fails.
must() {
  step "$@" || fail "$1 failed: $(reason_of_failure) (all of it: $step_log)"
}
