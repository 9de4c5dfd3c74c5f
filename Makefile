# SPDX-License-Identifier: Apache-2.0
# Every target does all the set-up it needs, on a bare Debian or Ubuntu machine too (as root, or with sudo).
#
#   make demo      crash an example program, open its dump, show the failing frame's locals
#   make test      everything below; VERSIONS="3.11 3.13" limits the Pythons, PYTEST_ARGS goes to pytest
#   make lint      clang-format, cppcheck, ruff, mypy
#   make c         the C library and its tests, with gcc, with clang, and with sanitizers
#   make layouts   write the layout tables anew from the headers of each Python
#   make package   the sdist, its installation in a clean environment, the module with clang
#   make venvs     one environment for each supported Python (tools/venvs.py)
#   make pytest    the Python tests on each of them
#   make nightly   what takes long: 20,000 damaged crashes, large heaps, killed readers, 20 runs of each memory story,
#                  hours of fuzzing, CPython's own tests, and what `make vm` does
#   make cpython-suite  CPython's own tests of threads, forks and signals, with pyheapdump active and without
#   make vm        what takes another kernel, Debian's in a virtual machine: control groups of version 2, Yama
#   make format    let clang-format and ruff rewrite the sources
#   make clean     remove build/
#
# Everything that is made goes to build/.

PYTHON ?= python3
VERSIONS ?=
PYTEST_ARGS ?=

C_BUILDS := gcc clang sanitize
CMAKE_OPTIONS_gcc := -DCMAKE_C_COMPILER=gcc
CMAKE_OPTIONS_clang := -DCMAKE_C_COMPILER=clang
CMAKE_OPTIONS_sanitize := -DCMAKE_C_COMPILER=clang -DSANITIZE=ON

# The generated tables are formatted by their generator.
C_FILES = $(shell find libpyheapdump pymodule tests -name '*.[ch]' -not -path '*/layout/tables/*')
PYTHON_FILES := setup.py tools tests bench examples viewer pymodule

.PHONY: test demo packages lint clang-format cppcheck ruff mypy c $(C_BUILDS:%=c-%) \
    crash-symbols check-layouts layouts package venvs pytest format clean

test: lint c crash-symbols check-layouts package pytest

packages:
	tools/install_packages.sh build test

# --- the demonstration

demo:
	tools/install_packages.sh build
	rm -rf build/lib.* build/temp.* build/bdist.* # setuptools would mix what it left there into the package
	test -x build/demo/venv/bin/pip || $(PYTHON) -m venv build/demo/venv
	build/demo/venv/bin/pip install --quiet --disable-pip-version-check --force-reinstall .
	examples/demo build/demo/venv/bin/python

# --- linters

build/lint/ready: tools/requirements.txt | packages
	rm -rf build/lint
	$(PYTHON) -m venv build/lint
	build/lint/bin/pip install --quiet --disable-pip-version-check -r tools/requirements.txt
	touch $@

lint: clang-format cppcheck ruff mypy

clang-format: packages
	clang-format --dry-run --Werror $(C_FILES)

# Version 2.10 does not know the keyword _Noreturn, and takes sizeof(((type *)0)->field) for a use of the field.
cppcheck: packages
	cppcheck --quiet --error-exitcode=1 --std=c11 --language=c --library=python \
	    --enable=warning,performance,portability --inline-suppr --suppress=missingIncludeSystem \
	    --suppress='nullPointer:libpyheapdump/layout/types/*' -j 2 -I libpyheapdump -I . \
	    '-D_Noreturn=__attribute__((noreturn))' libpyheapdump pymodule

ruff: build/lint/ready
	build/lint/bin/ruff check $(PYTHON_FILES)
	build/lint/bin/ruff format --check $(PYTHON_FILES)

mypy: build/lint/ready
	tools/mypy.sh build/lint/bin/mypy

# --- the C library

c: $(C_BUILDS:%=c-%)

$(C_BUILDS:%=c-%): c-%: packages
	cmake -S . -B build/$* -G Ninja $(CMAKE_OPTIONS_$*) -DPYHEAPDUMP_WERROR=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo
	cmake --build build/$*
	ctest --test-dir build/$* --output-on-failure

# What may run in a crashed process says so, and calls nothing that is not on the list.
crash-symbols: c-gcc
	$(PYTHON) tools/check_crash_symbols.py build/gcc libpyheapdump/crash_symbols.txt libpyheapdump

# The layout tables are what each Python's own headers say.
check-layouts: packages
	tools/generate_layouts.py --check $$($(PYTHON) tools/venvs.py --headers)

layouts: packages
	tools/generate_layouts.py $$($(PYTHON) tools/venvs.py --headers)

# --- the Python package

package: packages
	tools/check_package.sh $(PYTHON)

venvs: packages
	$(PYTHON) tools/venvs.py $(VERSIONS)

# A version that cannot be set up fails the run, but not before the others had theirs.
pytest: packages
	-$(PYTHON) tools/venvs.py $(VERSIONS)
	$(PYTHON) tools/run_pytest.py $(VERSIONS) -- $(PYTEST_ARGS)

# As many crashes of damaged processes as take an hour or so; CI has 2,030 of them.
NIGHTLY_RUNS ?= 2860
.PHONY: nightly vm
nightly: packages
	-$(PYTHON) tools/venvs.py $(VERSIONS)
	PYHEAPDUMP_CORRUPTION_RUNS=$(NIGHTLY_RUNS) \
	    $(PYTHON) tools/run_pytest.py $(VERSIONS) -- -rP -o timeout=7200 tests/test_corruption.py
	PYHEAPDUMP_ATTACH_OBJECTS=5000000 PYHEAPDUMP_ATTACHES=100 \
	    $(PYTHON) tools/run_pytest.py $(VERSIONS) -- -rP -o timeout=7200 \
	    tests/test_attach_same.py tests/test_attach_robust.py
	PYHEAPDUMP_CORE_RUNS=2000 $(PYTHON) tools/run_pytest.py $(VERSIONS) -- -rP -o timeout=14400 \
	    tests/test_core.py -k damaged
	PYHEAPDUMP_RUNS=20 $(PYTHON) tools/run_pytest.py $(VERSIONS) -- -rs \
	    tests/test_memory_errors.py tests/test_memory_limit.py tests/test_memory_group.py
	PYHEAPDUMP_FUZZ_SECONDS=3600 $(PYTHON) tools/run_pytest.py 3.9 3.14 -- -rP -o timeout=7200 tests/test_fuzz_views.py
	$(MAKE) c-sanitize
	mkdir -p build/fuzz && cd build/fuzz && ../sanitize/fuzz_read -max_total_time=3600 -max_len=65536 -timeout=10 .
	$(MAKE) cpython-suite
	PYHEAPDUMP_ALL_READERS=1 $(PYTHON) tools/run_pytest.py $(VERSIONS) -- tests/test_roundtrip.py
	$(MAKE) vm

# An hour for each version. What they print is in build/log/cpython_suite/.
SUITE_VERSIONS ?= 3.11 3.13
.PHONY: cpython-suite
cpython-suite: packages
	$(PYTHON) tools/venvs.py $(SUITE_VERSIONS)
	$(PYTHON) tools/cpython_suite.py $(SUITE_VERSIONS)

# Emulated: a story takes a minute. One version of Python, as the kernel is what differs. All it prints is in
# build/log/vm.txt.
VM_VERSION ?= 3.13
VM_RUNS ?= 20
vm: c-gcc
	$(PYTHON) tools/venvs.py $(VM_VERSION)
	mkdir -p build/log
	PYHEAPDUMP_RUNS=$(VM_RUNS) PYHEAPDUMP_VM_SECONDS=10800 tools/vm.sh sh -ec ' \
	    build/gcc/test_limits; build/gcc/test_wake; \
	    echo 1 >/proc/sys/kernel/yama/ptrace_scope; \
	    build/python/$(VM_VERSION) -m pytest -o timeout=1000 -rsx \
	        tests/test_memory_group.py tests/test_attach_errors.py::test_yama' >build/log/vm.txt 2>&1; \
	    status=$$?; tail -n 40 build/log/vm.txt; exit $$status

# What a dump costs, against its targets; on a machine without other work. Writes docs/benchmarks.md.
.PHONY: bench
bench: packages
	$(PYTHON) tools/venvs.py 3.11 3.13
	$(PYTHON) -m bench --output docs/benchmarks.md

format: build/lint/ready
	clang-format -i $(C_FILES)
	build/lint/bin/ruff check --fix $(PYTHON_FILES)
	build/lint/bin/ruff format $(PYTHON_FILES)

clean:
	rm -rf build
