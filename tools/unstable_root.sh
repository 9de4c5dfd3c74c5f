#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a root directory with Debian's unstable suite, for the CPython versions that this machine's release does not
# have yet; tools/enter runs commands in it. As root, or with sudo. Takes a minute and one GB, once.
#
# usage: tools/unstable_root.sh DIRECTORY VERSION...        (versions like 3.14)
#
# The archive is the one in the machine's own apt sources whose Release file says "Label: Debian", or the one named
# by PYHEAPDUMP_DEBIAN_ARCHIVE (a machine with Ubuntu has none). Exit status 1 and one line when there is none. A
# version that the suite lacks is named, and the others are installed all the same. A root that is there already gets
# what it lacks.
set -eu

[ $# -ge 2 ] || { echo "usage: $0 DIRECTORY VERSION..." >&2; exit 2; }
if [ "$(id -u)" -ne 0 ]; then
    exec sudo env PYHEAPDUMP_DEBIAN_ARCHIVE="${PYHEAPDUMP_DEBIAN_ARCHIVE-}" "$0" "$@"
fi
root=$1
shift
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# Said by tools/enter to know where it is; holds the path.
marker=$root/etc/pyheapdump-root
# What was asked for last time: a version that the suite lacks is not looked for again while the same is.
asked=$root/etc/pyheapdump-asked
common_packages="gcc gdb libc6-dev libzstd-dev libmsgpack-c-dev ca-certificates"
here=$(dirname "$(readlink -f "$0")")

archive() {
    if [ -n "${PYHEAPDUMP_DEBIAN_ARCHIVE-}" ]; then
        echo "$PYHEAPDUMP_DEBIAN_ARCHIVE"
    else
        apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' | head -n 1
    fi
}

# The base system is made beside its place and renamed, so that a root that exists is whole. The mounts that
# debootstrap makes vanish with its namespace, even when it is killed.
make_base() {
    uri=$(archive)
    if [ -z "$uri" ]; then
        apt-get update -qq || echo "unstable_root: going on with the package lists that could be had" >&2
        uri=$(archive)
    fi
    if [ -z "$uri" ]; then
        echo "unstable_root: no Debian archive among the apt sources; name one in PYHEAPDUMP_DEBIAN_ARCHIVE" >&2
        exit 1
    fi
    echo "making a Debian unstable root in $root (about a minute)"
    rm -rf --one-file-system "$root.partial"
    mkdir -p "$root.partial"
    unshare --mount --propagation private \
        debootstrap --variant=minbase --keyring="$keyring" unstable "$root.partial" "$uri" >"$root.log" 2>&1 ||
        { echo "unstable_root: debootstrap failed; its log is $root.log" >&2; tail -n 3 "$root.log" >&2; exit 1; }
    mv "$root.partial" "$root"
    rm "$root.log"
}

in_root() {
    "$here/enter" "$root" env DEBIAN_FRONTEND=noninteractive "$@"
}

install_in_root() {
    in_root apt-get install -y -qq --no-install-recommends "$@" >"$root.log" 2>&1 && rm "$root.log"
}

# Are they in the root? dpkg's list says more than what was asked for, by a script that was another one perhaps.
has() {
    for package in "$@"; do
        state=$(dpkg-query --admindir "$root/var/lib/dpkg" --show --showformat '${db:Status-Status}' "$package" 2>/dev/null)
        [ "$state" = installed ] || return 1
    done
}

[ -e "$root/usr/bin/apt-get" ] || make_base
echo "$root" >"$marker"
[ -e "$root/etc/pip.conf" ] || : >"$root/etc/pip.conf" # a place for the machine's own, see tools/enter
# shellcheck disable=SC2086 # a list of words
if [ "$(cat "$asked" 2>/dev/null)" = "$*" ] && has $common_packages; then exit 0; fi

# A mirror that lags behind is as good: its lists are signed, only their date is not looked at.
in_root apt-get update -qq -o Acquire::Check-Valid-Until=false
# shellcheck disable=SC2086 # a list of words
install_in_root $common_packages || { echo "unstable_root: cannot install: see $root.log" >&2; exit 1; }
for version in "$@"; do
    install_in_root "python$version-dev" "python$version-venv" ||
        echo "unstable_root: python$version cannot be installed: see $root.log" >&2
done
echo "$*" >"$asked"
