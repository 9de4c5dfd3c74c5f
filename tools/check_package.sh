#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks the package as a user meets it: an sdist of the checkout, installed by pip in a clean environment, with
# clang and warnings as errors (the environments of the tests are built by gcc).
#
# usage: tools/check_package.sh PYTHON
set -eu
python=$1
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "check_package: $*" >&2
    exit 1
}

pip() {
    "$work/venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"
}

mkdir "$work/checkout" "$work/dist"
tar --create --exclude=./build --exclude=./.git --exclude='*.egg-info' . | tar --extract --directory "$work/checkout"
"$python" -m venv "$work/venv"
pip install "setuptools>=77"
(cd "$work/checkout" && "$work/venv/bin/python" -c \
    'from setuptools import build_meta; build_meta.build_sdist("../dist")' >"$work/sdist.log" 2>&1) ||
    { cat "$work/sdist.log"; fail "the sdist cannot be built"; }

# A missing header must end in one clear line.
if CC="gcc -nostdinc" pip install --no-build-isolation --no-deps "$work"/dist/*.tar.gz >"$work/missing.log" 2>&1; then
    fail "the build succeeds without headers"
fi
grep -q "pyheapdump: cannot build: .*<zstd.h>; install gcc and libzstd-dev" "$work/missing.log" ||
    { cat "$work/missing.log"; fail "the missing header is not named in one clear line"; }

CC=clang PYHEAPDUMP_WERROR=1 pip install "$work"/dist/*.tar.gz >"$work/install.log" 2>&1 ||
    { cat "$work/install.log"; fail "pip cannot install the sdist"; }
module=$(cd / && "$work/venv/bin/python" -c \
    'import pyheapdump, pyheapdump.view, pyheapdump._pyheapdump as module; print(module.__file__)')
exported=$(nm --dynamic --defined-only "$module" | awk '{ print $3 }')
[ "$(echo $exported)" = "PyInit__pyheapdump phd_mailbox" ] ||
    fail "$module exports other names than its init function and the mailbox of attach: $exported"
echo "package: the sdist installs; $(basename "$module") is $(stat --format=%s "$module") bytes"
