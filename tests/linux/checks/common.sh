# Sourced by the checks that are scripts; each prints lines "linux-test NAME ok|FAILED ...", as linux_test does.
efivars=/sys/firmware/efi/efivars
global=8be4df61-93ca-11d2-aa0d-00e098032b8c
passed=yes

# check NAME COMMAND...: whether COMMAND succeeds; what it prints to standard error is shown if it doesn't.
check() {
  name=$1
  shift
  if "$@" 2> /tmp/error; then
    echo "linux-test $name ok"
  else
    echo "linux-test $name FAILED ($1): $(tr '\n' ' ' < /tmp/error | cut -c 1-400)"
    passed=no
  fi
}

# is A B: whether two texts are the same.
is() {
  [ "$1" = "$2" ] || {
    echo "'$(echo "$1" | cut -c 1-150)' is not '$(echo "$2" | cut -c 1-150)'" >&2
    return 1
  }
}

# data_of NAME-GUID: a variable's attributes and data in hexadecimal, nothing if there is none.
data_of() { od -An -v -tx1 "$efivars/$1" 2> /dev/null | tr -d ' \n'; }

result() { [ $passed = yes ] && echo "linux-test result ok" || echo "linux-test result FAILED"; }
