#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Does the installed library work? Installs a build to a folder of its own, and builds and runs a program with nothing
# but what pkg-config says, once with the shared and once with the static library; nothing but phd_* may be exported.
#
# usage: install.sh CMAKE BUILD_DIRECTORY COMPILER
set -eu
cmake=$1
build=$2
compiler=$3
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT

"$cmake" --install "$build" --prefix "$prefix" >/dev/null
pc=$(find "$prefix" -name pyheapdump.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
# The .pc file names the prefix of the configuration; the one of this installation is told to pkg-config.
flags() {
    pkg-config --define-variable=prefix="$prefix" "$@" pyheapdump
}

cat >"$prefix/program.c" <<'PROGRAM'
#include <pyheapdump.h>
#include <stdio.h>
int main(void) { return puts(phd_status_text(PHD_OK)) < 0; }
PROGRAM

sanitizers=
if grep -q '^SANITIZE:BOOL=ON' "$build/CMakeCache.txt"; then sanitizers=-fsanitize=address,undefined; fi

# shellcheck disable=SC2046,SC2086 # lists of words
"$compiler" $sanitizers -o "$prefix/with_shared" "$prefix/program.c" $(flags --cflags --libs)
LD_LIBRARY_PATH=$(dirname "$(dirname "$pc")") "$prefix/with_shared"
# shellcheck disable=SC2046,SC2086
"$compiler" $sanitizers -o "$prefix/with_static" "$prefix/program.c" $(flags --cflags) \
    "$(find "$prefix" -name libpyheapdump.a)" $(pkg-config --libs libzstd)
"$prefix/with_static"

shared=$(find "$prefix" -name 'libpyheapdump.so.*.*')
strangers=$(nm --dynamic --defined-only "$shared" | awk '$3 !~ /^phd_[a-z]/ { print $3 }')
if [ -z "$sanitizers" ] && [ -n "$strangers" ]; then
    echo "install: $shared exports more than the public functions: $strangers" >&2
    exit 1
fi
if ldd "$shared" | grep -q libpython; then
    echo "install: $shared needs libpython" >&2
    exit 1
fi
