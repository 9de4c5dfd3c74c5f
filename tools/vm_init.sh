#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# The first program in the virtual machine of tools/vm.sh. It begins in the initial file system, where busybox is all
# there is; makes the root that commands run in, this machine's files with memory above them to write to; and begins
# again in there, with --inside, to run the command and turn the machine off.
#
# usage: vm_init.sh PATH        (PATH: of this script on the machine's own file system)

say_and_end() {
    echo "vm: $1" >&2
    poweroff -f
}

make_root() {
    mkdir -p /proc /sys /host /above /root
    mount -t proc proc /proc
    for module in virtio_pci 9pnet_virtio 9p overlay; do modprobe "$module" || say_and_end "no module $module"; done
    mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=512000 host /host || say_and_end "no files"
    mount -t tmpfs -o size=75% above /above
    mkdir /above/files /above/work
    mount -t overlay -o lowerdir=/host,upperdir=/above/files,workdir=/above/work root /root || say_and_end "no root"
    mount -t tmpfs run /root/run
    cp /bin/busybox /root/run/ # for the end, when no file of the machine need be had any more
}

mount_system() {
    mount -t proc proc /proc
    mount -t sysfs sys /sys
    mount -t devtmpfs dev /dev
    mkdir -p /dev/pts /dev/shm
    mount -t devpts devpts /dev/pts
    mount -t tmpfs -o mode=1777 shm /dev/shm
    mount -t tmpfs -o mode=1777 tmp /tmp
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    echo +memory >/sys/fs/cgroup/cgroup.subtree_control
    mkdir /run/shared
    mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 shared /run/shared
}

if [ "$1" != --inside ]; then
    /bin/busybox --install -s /bin
    make_root
    exec switch_root /root /bin/sh "$1" --inside
fi
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount_system
stty -onlcr </dev/console
{ sh /run/shared/command </dev/null; echo $? >/run/shared/status; } 2>&1 | cat # nobody is at the console's other end
sync
exec /run/busybox poweroff -f
