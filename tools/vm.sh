#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a command under Debian's kernel in a virtual machine (QEMU), for what the machine's own kernel does not offer:
# control groups of version 2 with memory, and Yama. The command sees this machine's files under their own names; what
# it writes goes to memory and is lost. What it prints is shown, and its exit status is this script's. Emulated it is
# some ten times slower. What the command uses must not be built or installed anew meanwhile: it would see a mix.
#
# usage: tools/vm.sh COMMAND [ARGUMENT...]
#
# Kernel and busybox are unpacked into build/vm/, nothing but QEMU is installed. Environment:
#   PYHEAPDUMP_VM_MEMORY    MiB that the virtual machine has (6144; its files are in memory, and tests make many dumps)
#   PYHEAPDUMP_VM_SECONDS   when it is ended (3600)
#   PYHEAPDUMP_VM_ACCEL     "kvm" or "tcg", emulation (tcg, as KVM inside of another virtual machine may hang)
# Other variables that begin with PYHEAPDUMP, and PATH, HOME and LANG, are the command's, too.
# Exit status 125 and one line when the virtual machine cannot be had, or ends without the command's exit status.
set -eu

[ $# -ge 1 ] || { echo "usage: $0 COMMAND [ARGUMENT...]" >&2; exit 2; }
here=$(dirname "$(readlink -f "$0")")
vm=$here/../build/vm
mkdir -p "$vm"
vm=$(readlink -f "$vm")
# What the root file system needs; busybox's modprobe finds what these depend on.
modules="drivers/virtio net/9p fs/9p fs/netfs fs/fscache fs/overlayfs"

fail() {
    echo "vm: $1" >&2
    exit 125
}

# Downloads a package and unpacks it to $2.
unpack() {
    rm -rf "$vm/download" "$2.partial"
    mkdir "$vm/download"
    (cd "$vm/download" && apt-get download -qq -o APT::Sandbox::User=root "$1" >"$vm/apt.txt" 2>&1) ||
        fail "the archive does not give $1, try apt-get update: $(tail -n 1 "$vm/apt.txt")"
    dpkg-deb -x "$vm"/download/*.deb "$2.partial"
    rm -rf "$2" "$vm/download"
    mv "$2.partial" "$2"
}

# The kernel package that Debian's linux-image-amd64 stands for now.
newest_kernel() {
    apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^  Depends: \(linux-image-.*-amd64\).*/\1/p' | head -n 1
}

get_kernel() {
    [ "$(uname -m)" = x86_64 ] || fail "made for x86_64, this machine is $(uname -m)"
    [ -e "$vm/busybox/bin/busybox" ] || unpack busybox-static "$vm/busybox"
    if [ ! -e "$vm/kernel/boot" ]; then
        package=$(newest_kernel)
        [ -n "$package" ] || fail "apt knows no linux-image-amd64: it takes Debian's sources, and apt-get update"
        unpack "$package" "$vm/kernel"
    fi
}

# The first file system, in $1: busybox, modules, and vm_init.sh, which goes on from there.
make_initramfs() {
    version=$(basename "$vm"/kernel/lib/modules/*)
    busybox=$vm/busybox/bin/busybox
    mkdir -p "$1/first/bin"
    cp "$busybox" "$1/first/bin/"
    cp "$here/vm_init.sh" "$1/first/init"
    for name in $modules; do
        mkdir -p "$1/first/lib/modules/$version/$name"
        cp -r "$vm/kernel/lib/modules/$version/kernel/$name/." "$1/first/lib/modules/$version/$name/"
    done
    "$busybox" depmod -b "$1/first" "$version"
    (cd "$1/first" && find . | "$busybox" cpio -o -H newc 2>/dev/null) >"$1/initramfs"
}

quote() {
    for word in "$@"; do printf "'%s' " "$(printf %s "$word" | sed "s/'/'\\\\''/g")"; done
}

write_command() {
    printf '%s\n' "cd $(quote "$PWD")"
    env -0 | tr '\n\0' ' \n' | grep -E '^(PYHEAPDUMP[A-Z_]*|PATH|HOME|LANG)=' |
        while IFS= read -r variable; do printf '%s\n' "export ${variable%%=*}=$(quote "${variable#*=}")"; done
    printf '%s\n' "exec $(quote "$@")"
}

"$here/install_packages.sh" vm
get_kernel
run=$(mktemp -d "$vm/run-XXXXXX")
trap 'rm -rf "$run"' EXIT
make_initramfs "$run"
mkdir "$run/shared"
write_command "$@" >"$run/shared/command"
accelerator=${PYHEAPDUMP_VM_ACCEL:-tcg}
timeout --foreground "${PYHEAPDUMP_VM_SECONDS:-3600}" qemu-system-x86_64 \
    -accel "$accelerator" -cpu max,arch-capabilities=off -smp 2 -m "${PYHEAPDUMP_VM_MEMORY:-6144}" \
    -nodefaults -no-user-config -no-reboot -display none -serial stdio \
    -kernel "$vm"/kernel/boot/vmlinuz-* -initrd "$run/initramfs" \
    -append "console=ttyS0 quiet loglevel=1 panic=-1 -- $here/vm_init.sh" \
    -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
    -virtfs "local,path=$run/shared,mount_tag=shared,security_model=none" </dev/null ||
    fail "QEMU ended with exit status $? (124: after ${PYHEAPDUMP_VM_SECONDS:-3600} s)"
[ -s "$run/shared/status" ] || fail "it ended before the command did"
exit "$(cat "$run/shared/status")"
