#!/bin/sh
# The two commands of the README on a machine that has nothing: a Debian or Ubuntu of the given name is bootstrapped into
# a folder, what is committed is cloned into it, and ./dra compare and ./dra test run there. Fails on a failed command, a
# failed test and a warning. Not part of the suite: it needs root, debootstrap, the archive, and an hour of two cores.
#   fresh_machine.sh bookworm | trixie | noble [FOLDER]
set -eu

suite=$1
folder=${2:-$(mktemp -d)}
tree=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
machine=$folder/$suite
log=$folder/$suite.log

case $suite in
noble) set -- --components=main,universe noble "$machine" http://archive.ubuntu.com/ubuntu gutsy ;;
*) set -- "$suite" "$machine" http://deb.debian.org/debian ;;
esac

echo "the log: $log"
mkdir -p "$folder"
debootstrap --variant=minbase "$@" >"$log" 2>&1
git clone -q "$tree" "$machine/dra"

# Nothing of this machine is seen there, no file and no variable, but the authorities that its owner trusts: behind a proxy
# that signs what it passes on, PyPI is not reached without them. Mounts end with the command.
mkdir -p "$machine/usr/local/share"
[ ! -d /usr/local/share/ca-certificates ] || cp -RL /usr/local/share/ca-certificates "$machine/usr/local/share/"
status=0
# shellcheck disable=SC2016  # a script of its own
unshare --mount sh -c 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" &&
    exec chroot "$0" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -ec "cd /dra; ./dra compare; ./dra test"' \
    "$machine" >>"$log" 2>&1 || status=$?

grep -E '^(The CXX compiler|-- The CXX|dra: |[0-9]+% tests|Total Test time)' "$log" || true
if grep -nE '(^|[^a-z])warning:|CMake (Deprecation )?Warning|[*]{3}(Failed|Exception|Timeout)' "$log"; then status=1; fi
[ "$status" = 0 ] || echo "$suite: failed, status $status" >&2
exit "$status"
