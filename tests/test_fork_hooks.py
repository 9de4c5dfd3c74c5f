# SPDX-License-Identifier: Apache-2.0
"""What is done around forks: locks of ours in the child, and our threads in the parent."""

import subprocess
import textwrap
from pathlib import Path

import pyheapdump
from support.embedding import embed, shared_library
from support.subject import Subject

PROGRAM = textwrap.dedent(
    """
    import os, sys, threading, time
    # Printing would import modules: a child forked while a thread does so cannot import them, with or without us.
    threading.excepthook = lambda arguments: None

    data = os.urandom(32 << 20)                  # hard to compress: so the thread's dump is being written
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    while not any(name.endswith(".part") for name in os.listdir(os.environ["PYHEAPDUMP_DIR"])):
        time.sleep(0.001)
    child = os.fork()
    if child == 0:
        del data
        raise ValueError("in the child")
    pid, status = os.waitpid(child, 0)
    thread.join()
    print(os.waitstatus_to_exitcode(status))
    """
)


def test_child_does_not_wait_for_a_dump_of_its_parent(tmp_path: Path) -> None:
    ended = Subject(tmp_path, PROGRAM, "level=12").run()
    assert ended.status == 0, ended.stderr.decode()
    assert ended.stdout.decode().strip() == "1"
    assert len(ended.dumps) == 2 and b"ValueError: in the child" in ended.stderr


# Of a program that embeds Python and forks where no Python code runs, as application servers do.
FORKING_IN_C = r"""
#include <Python.h>
#include <sys/wait.h>
#include <unistd.h>

static int python(const char *code)
{
    return PyRun_SimpleString(code);
}

int main(void)
{
    Py_Initialize();
    int failed = python("import common; common.install()");
    PyOS_BeforeFork();
    pid_t child = fork();
    if (child == 0) {
        PyOS_AfterFork_Child();
        _exit(python("common.check()"));
    }
    PyOS_AfterFork_Parent();
    int status = 1;
    waitpid(child, &status, 0);
    return failed || status || python("common.check()");
}
"""
COMMON = """
    import os, sys, time
    import pyheapdump

    def own_threads():
        names = [open(f"/proc/self/task/{task}/comm").read().strip() for task in os.listdir("/proc/self/task")]
        return names.count("pyheapdump")

    def install():
        pyheapdump.install(register="USR1")
        check()

    def check():
        deadline = time.monotonic() + 20
        while own_threads() < 3 and time.monotonic() < deadline:
            time.sleep(0.001)
        assert own_threads() == 3
"""


def test_c_code_that_forks_without_a_frame(tmp_path: Path) -> None:
    (tmp_path / "common.py").write_text(textwrap.dedent(COMMON))
    options = embed(tmp_path, *shared_library(), text=FORKING_IN_C)
    site_packages = Path(pyheapdump.__file__).parent.parent
    options["env"].update(PYTHONPATH=f"{tmp_path}:{site_packages}", PYHEAPDUMP_DIR=str(tmp_path))
    done = subprocess.run([options["executable"]], env=options["env"], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
