# SPDX-License-Identifier: Apache-2.0
"""The interpreters of the test-suite behave like interpreters started directly, whatever root they run in."""

import os
import signal
import subprocess
import sys

import interpreters
import pytest

AVAILABLE = interpreters.available()
SPAWN = """
import multiprocessing, sys
def where(_):
    return sys.executable, sys.version_info[:2]
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(where, [0]) == [(sys.executable, sys.version_info[:2])], pool.map(where, [0])
"""


@pytest.fixture(params=AVAILABLE, ids=str)
def executable(request):
    return request.param.executable


def run(executable, *arguments, **options):
    return subprocess.run([executable, *arguments], capture_output=True, text=True, timeout=60, **options)


def test_this_one_is_among_them():
    assert "%d.%d" % sys.version_info[:2] in [interpreter.version for interpreter in AVAILABLE]


def test_every_supported_version_is_accounted_for():
    known = [interpreter.version for interpreter in AVAILABLE] + [version for version, _ in interpreters.missing()]
    assert sorted(known) == sorted(set(known))
    assert all(why for _, why in interpreters.missing())


@pytest.mark.parametrize("interpreter", AVAILABLE, ids=str)
def test_version(interpreter):
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    assert run(interpreter.executable, "-c", code).stdout.strip() == interpreter.version


def test_exit_status(executable):
    assert run(executable, "-c", "raise SystemExit(7)").returncode == 7


def test_death_by_signal(executable):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert run(executable, "-c", code).returncode == -signal.SIGTERM


def test_process_id_is_the_interpreters_own(executable):
    with subprocess.Popen([executable, "-c", "import os; print(os.getpid())"], stdout=subprocess.PIPE) as process:
        assert int(process.stdout.read()) == process.pid


def test_streams(executable):
    code = "import sys; print(sys.stdin.read()[::-1]); print('problem', file=sys.stderr)"
    done = run(executable, "-c", code, input="abc")
    assert (done.stdout, done.stderr) == ("cba\n", "problem\n")


def test_directory_and_environment_are_kept(executable, tmp_path):
    environment = {**os.environ, "PYHEAPDUMP_TEST_VARIABLE": "kept"}
    code = "import os; print(os.getcwd(), os.environ['PYHEAPDUMP_TEST_VARIABLE'])"
    assert run(executable, "-c", code, cwd=tmp_path, env=environment).stdout == f"{tmp_path} kept\n"


def test_it_can_start_itself_again(executable, tmp_path):
    script = tmp_path / "spawn.py"
    script.write_text(SPAWN)
    done = run(executable, str(script))
    assert done.returncode == 0, done.stderr


def test_pyheapdump_is_installed(executable):
    done = run(executable, "-c", "import pyheapdump; print(pyheapdump.__file__)", cwd="/")
    assert "site-packages" in done.stdout, done.stderr
