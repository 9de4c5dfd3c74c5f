#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what the build and the tests need from the Debian or Ubuntu archive; as root, or with sudo.
#
# usage: tools/install_packages.sh GROUP...
#   build   compiler, headers and Python: enough for `pip install .`
#   test    CMake, cmocka, the other compiler, sanitizers, linters, and debootstrap for tools/unstable_root.sh
#   vm      QEMU for tools/vm.sh
# Nothing is done, and the archive is not asked, when all packages are there.
set -eu

build_packages="gcc libc6-dev make pkg-config libzstd-dev python3 python3-dev python3-venv"
test_packages="cmake ninja-build clang clang-format cppcheck libcmocka-dev binutils gdb debootstrap debian-archive-keyring
    ca-certificates util-linux"

vm_packages="qemu-system-x86"

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

installed() {
    [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

known() {
    apt-cache show "$1" >/dev/null 2>&1
}

# The first of some names that is installed, or that the archive has: releases differ in names.
first_of() {
    for name in "$@"; do if installed "$name"; then echo "$name"; return; fi; done
    update_lists
    for name in "$@"; do if known "$name"; then echo "$name"; return; fi; done
    echo "install_packages: the archive has none of: $*" >&2
    return 1
}

install() {
    missing=
    for package in "$@"; do
        installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    update_lists
    echo "installing:$missing"
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# Fetched only when something has to be installed. A source that is out of reach need not matter; if it does, the
# installation says so.
update_lists() {
    as_root apt-get update -qq || echo "install_packages: going on with the package lists that could be had" >&2
}

[ $# -gt 0 ] || { echo "usage: $0 build|test|vm ..." >&2; exit 2; }
command -v apt-get >/dev/null || { echo "install_packages: this machine has no apt-get; see CONTRIBUTING.md" >&2; exit 1; }

packages=
for group in "$@"; do
    case $group in
        build) packages="$packages $build_packages" ;;
        test) packages="$packages $test_packages" ;;
        vm) packages="$packages $vm_packages" ;;
        *) echo "install_packages: no such group: $group" >&2; exit 2 ;;
    esac
done

msgpack=$(first_of libmsgpack-c-dev libmsgpack-dev)
# shellcheck disable=SC2086 # lists of words
install $packages "$msgpack"
if command -v clang >/dev/null; then
    # The sanitizers' runtime is a package of its own in Debian 12 and later, a part of clang's before.
    runtime=libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev
    if installed "$runtime" || known "$runtime"; then install "$runtime"; fi
fi
