# SPDX-License-Identifier: Apache-2.0
"""Where a dump goes, under which name, how large it may get, and what happens when it cannot be written."""

import os
import resource
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import List

import pyheapdump
import pytest
from support.subject import DUMP_NAME, FAILING, Ended, Subject, frame_names, run_both, run_python

# --- where dumps go ---------------------------------------------------------------------------------------------


def test_directory_argument_wins(tmp_path: Path) -> None:
    wanted = tmp_path / "wanted"
    wanted.mkdir()
    ended = run_both(tmp_path, FAILING, install=repr(str(wanted)), dumps=0)
    (path,) = wanted.iterdir()
    assert str(path).encode() in ended.own_lines[0]


def test_disable(tmp_path: Path) -> None:
    ended = run_both(tmp_path, FAILING, dumps=0, environment={"PYHEAPDUMP_DIR": "disable"})
    assert ended.own_lines == []
    assert [p.name for p in tmp_path.iterdir() if DUMP_NAME.fullmatch(p.name)] == []


def test_current_directory_is_the_default(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    run_both(tmp_path, FAILING, dumps=0, environment={"PYHEAPDUMP_DIR": ""}, directory=here)
    assert len(list(here.iterdir())) == 1


def test_relative_directory_is_meant_where_install_was_called(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    run_both(tmp_path, "import os\nos.chdir('sub')\n1 / 0\n", install="'dumps'")
    assert list((tmp_path / "sub").iterdir()) == []


def test_missing_directory_is_made(tmp_path: Path) -> None:
    wanted = tmp_path / "not" / "yet"
    run_both(tmp_path, FAILING, dumps=0, environment={"PYHEAPDUMP_DIR": str(wanted)})
    assert len(list(wanted.iterdir())) == 1


PRIVATE_MOUNTS = ["unshare", "--mount", "--propagation", "private", "--"]


def without_root(command: List[str]) -> List[str]:
    return command if os.geteuid() == 0 else [command[0], "--user", "--map-root-user", *command[1:]]


def with_mount(directory: Path, options: str) -> List[str]:
    """A command that runs another one with a file system of these mount options on a directory."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare(1) is not there: no private mount")
    script = f'mount -t tmpfs -o {options} subject {directory} && exec "$@"'
    command = [*without_root(PRIVATE_MOUNTS), "sh", "-c", script, "sh"]
    probe = subprocess.run([*command, "true"], stderr=subprocess.PIPE, check=False)
    if probe.returncode != 0:
        pytest.skip(f"no private mount possible here: {probe.stderr.decode().strip()}")
    return command


def test_read_only_current_directory_falls_back_to_temp(tmp_path: Path) -> None:
    here, temp = tmp_path / "here", tmp_path / "temp"
    here.mkdir()
    temp.mkdir()
    text = f"import os\nos.chdir({str(here)!r})\n" + "m = __import__('sys').modules.get('pyheapdump')\n"
    text += "m and (m.uninstall(), m.install())\n1 / 0\n"
    variables = {"PYHEAPDUMP_DIR": "", "TMPDIR": str(temp)}
    command = with_mount(here, "ro")
    ended = run_both(tmp_path, text, dumps=0, environment=variables, before=command)
    assert len(list(temp.iterdir())) == 1
    assert str(temp).encode() in ended.own_lines[0]


def check_no_dump_with_reason(ended: Ended, *places: Path) -> None:
    """One line says why there is no dump and nothing is left behind."""
    assert len(ended.own_lines) == 1, ended.stderr.decode()
    assert b"pyheapdump.view" not in ended.own_lines[0]
    for place in places:
        assert list(place.iterdir()) == []


@pytest.mark.parametrize("place", ["a_file", "/proc", "/dev/null/x"])
def test_unusable_directory(tmp_path: Path, place: str) -> None:
    (tmp_path / "a_file").write_text("file")
    ended = run_both(tmp_path, FAILING, dumps=0, environment={"PYHEAPDUMP_DIR": str(tmp_path / place)})
    check_no_dump_with_reason(ended)
    assert str(tmp_path / place).encode() in ended.own_lines[0]


def test_read_only_directory(tmp_path: Path) -> None:
    """The dump goes where it would go without a directory, and the line says why."""
    dumps, here = tmp_path / "dumps", tmp_path / "here"
    dumps.mkdir()
    here.mkdir()
    ended = run_both(tmp_path, FAILING, dumps=0, before=with_mount(dumps, "ro"), directory=here)
    assert list(dumps.iterdir()) == []
    (path,) = here.iterdir()
    assert f"pyheapdump: wrote {path} (".encode() in ended.own_lines[0]
    assert f"; not in {dumps}: Read-only file system); open".encode() in ended.own_lines[0]


def test_no_directory_at_all_is_told_once(tmp_path: Path) -> None:
    """The end of the program, where an exception is looked for that no hook has seen, does not try it again."""
    variables = {"PYHEAPDUMP_DIR": "/proc/none", "TMPDIR": "/proc/none"}
    ended = run_both(tmp_path, FAILING, dumps=0, environment=variables, directory=Path("/proc"))
    (line,) = ended.own_lines
    assert line.startswith(b"pyheapdump: no dump: /proc/none: No such file or directory")


BIG_HEAP = """
    import os
    noise = [os.urandom(2000) for i in range(4000)]
    def fail():
        near = ["near the fault"]
        near[1]
    fail()
"""


def check_cut_or_absent(ended: Ended, place: Path) -> None:
    """One line, and what is there, if anything, is a dump that opens with its stacks."""
    assert len(ended.own_lines) == 1, ended.stderr.decode()
    for path in place.iterdir():
        assert DUMP_NAME.fullmatch(path.name), f"left behind: {path}"
        assert frame_names(pyheapdump.load(path).traceback) == ["<module>", "fail"]


def test_full_directory(tmp_path: Path) -> None:
    """A file system of 256 KiB for a dump of 8 MB."""
    dumps, kept = tmp_path / "dumps", tmp_path / "kept"
    dumps.mkdir()
    kept.mkdir()
    command = with_mount(dumps, "size=256k")
    keep = ["sh", "-c", f'"$@"; status=$?; cp -a {dumps}/. {kept}/; exit $status', "sh"]
    ended = run_both(tmp_path, BIG_HEAP, dumps=0, before=[*command, *keep])
    check_cut_or_absent(ended, kept)


def test_file_size_limit(tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    subject = Subject(tmp_path, BIG_HEAP)
    without, ended = subject.run(installed=False, preexec_fn=limit), subject.run(preexec_fn=limit)
    assert (ended.status, ended.other_stderr) == (without.status, without.stderr)
    check_cut_or_absent(ended, subject.dump_directory)


def test_no_descriptor_left(tmp_path: Path) -> None:
    """EMFILE at the time of the crash: a dump from a descriptor kept back, or one line."""
    text = """
        import os
        kept = []
        try:
            while True:
                kept.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            reason = "all used up"
        raise ValueError(reason)
    """
    subject = Subject(tmp_path, text)
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))  # noqa: E731
    ended = subject.run(preexec_fn=limit)
    assert ended.status == 1 and b"ValueError: all used up" in ended.stderr
    assert len(ended.own_lines) == 1


REFUSE_CLONE = """
    import ctypes, os, platform, struct, sys
    numbers = {"x86_64": (56, 435), "aarch64": (220, 435)}[platform.machine()]
    steps = [(0x20, 0, 0, 0)]  # load the number of the system call
    steps += [(0x15, len(numbers) - i, 0, number) for i, number in enumerate(numbers)]  # is it clone or clone3?
    steps += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050000 | 11)]  # allow, or fail with EAGAIN
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, program, 0, 0) == 0, ctypes.get_errno()  # PR_SET_SECCOMP, filter
    if "pyheapdump" in sys.modules:
        sys.modules["pyheapdump"].install()  # from here on the filter is older
    try:
        os.fork()
        raise SystemExit("fork still works")
    except BlockingIOError:
        local = ["no clone"]
    local[1]
"""


def test_clone_is_refused(tmp_path: Path) -> None:
    """No process can be made: the walk runs in place."""
    ended = run_both(tmp_path, REFUSE_CLONE)
    dump = pyheapdump.load(ended.only_dump)
    assert type(dump.exception) is IndexError
    assert dump.traceback.tb_frame.f_locals["local"] == ["no clone"]


def test_a_process_that_goes_on_is_not_held_for_long(tmp_path: Path) -> None:
    """Nobody waits for a child where there is none: what is written in place within a second must do."""
    text = textwrap.dedent(REFUSE_CLONE.partition("    try:")[0])
    text += "noise = os.urandom(48 << 20).translate(bytes(byte & 15 for byte in range(256)))\n"
    text += "sys.modules['pyheapdump'].install(level=19)\n"
    text += "sys.modules['pyheapdump'].dump('a.dump')\n"
    ended = run_python(["-c", "import pyheapdump\n" + text], directory=tmp_path)
    assert ended.status == 0, ended.stderr
    dump = pyheapdump.load(tmp_path / "a.dump")
    assert dump.facts["snapshot"] == "in place"
    assert dump.facts["limits"]["max_seconds"] == 1
    assert any("max_seconds reached" in line for line in dump.missing)


def test_never_overwrites(tmp_path: Path) -> None:
    """Files that have the names of the next dumps, among them a link that must not be followed."""
    text = """
        import os
        for directory in [os.environ["PYHEAPDUMP_DIR"]]:
            name = os.path.join(directory, "python_heap_%d_" % os.getpid())
            with open(name + "0.dump", "w") as stream:
                stream.write("precious")
            os.symlink(os.path.join(directory, "..", "elsewhere"), name + "1.dump")
        1 / 0
    """
    ended = Subject(tmp_path, text).run()
    assert ended.status == 1 and len(ended.dumps) == 3, ended.stderr.decode()
    assert ended.dumps[0].read_text() == "precious"
    assert ended.dumps[1].is_symlink() and not (tmp_path / "elsewhere").exists()
    assert type(pyheapdump.load(ended.dumps[2]).exception) is ZeroDivisionError


def test_named_path_is_not_overwritten(tmp_path: Path) -> None:
    taken = tmp_path / "taken.dump"
    taken.write_text("precious")
    ended = run_python(["-c", f"import pyheapdump; pyheapdump.dump({str(taken)!r})"])
    assert ended.status != 0 and b"taken.dump" in ended.stderr.splitlines()[-1]
    assert taken.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [taken]


# --- budgets ----------------------------------------------------------------------------------------------------


def test_max_bytes(tmp_path: Path) -> None:
    ended = run_both(tmp_path, BIG_HEAP, install="max_bytes=500_000")
    size = ended.only_dump.stat().st_size
    assert 100_000 < size <= 500_000
    dump = pyheapdump.load(ended.only_dump)
    step = dump.traceback.tb_next
    assert step.tb_frame.f_locals["near"] == ["near the fault"]
    noise = dump.traceback.tb_frame.f_locals["noise"]
    assert len(noise) == 4000
    summary = run_python(["-m", "pyheapdump.view", str(ended.only_dump), "--summary"]).stdout.decode()
    assert "max_bytes" in summary, "the summary says why the dump is cut"


def test_max_seconds(tmp_path: Path) -> None:
    text = """
        heap = [{"id": i, "text": str(i)} for i in range(2_000_000)]
        def fail():
            near = ["near the fault"]
            near[1]
        fail()
    """
    ended = run_both(tmp_path, text, install="max_seconds=0.3")
    dump = pyheapdump.load(ended.only_dump)
    assert dump.traceback.tb_next.tb_frame.f_locals["near"] == ["near the fault"]
    summary = run_python(["-m", "pyheapdump.view", str(ended.only_dump), "--summary"]).stdout.decode()
    assert "max_seconds" in summary, "the summary says why the dump is cut"


def test_max_dumps(tmp_path: Path) -> None:
    """The oldest of ours go, but for the first of its kind; other files stay."""
    subject = Subject(tmp_path, "1 / 0\n", install="max_dumps=2")
    others = [subject.dump_directory / name for name in ("notes.txt", "python_heap_x_0.dump", "other.dump")]
    for path in others:
        path.write_text("not ours")
    made = []
    for _ in range(4):
        made += [path for path in subject.run().dumps if path not in made]
    assert len(made) == 4
    assert sorted(p for p in subject.dump_directory.iterdir() if p not in others) == sorted([made[0], made[-1]])
    assert all(path.exists() for path in others)
