#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs mypy (given as the only argument) over the packages, the benchmark, the tools and what the tests share. mypy
# needs packages in folders of their names: the links in build/mypy show pymodule/pyheapdump/ as pyheapdump, and
# viewer/ as pyheapdump.view.
set -eu
mypy=$1
cd "$(dirname "$0")/.."
rm -rf build/mypy
mkdir -p build/mypy/pyheapdump
for file in "$PWD"/pymodule/pyheapdump/*; do ln -s "$file" build/mypy/pyheapdump/; done
ln -s "$PWD/viewer" build/mypy/pyheapdump/view
"$mypy" -p pyheapdump -p bench
"$mypy" setup.py tools/*.py tests/interpreters.py tests/support/*.py
