# SPDX-License-Identifier: Apache-2.0
"""Options of install(): what is wrong is named at once, and what is allowed never costs a dump."""

from pathlib import Path
from typing import Any

import pyheapdump
import pytest
from support.subject import Subject, run_python


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("level", "3", "level must be a whole number, not '3'"),
        ("level", 3.5, "level must be a whole number, not 3.5"),
        ("level", None, "level must be a whole number, not None"),
        ("level", True, "level must be a whole number, not True"),
        ("max_dumps", "3", "max_dumps must be a whole number, not '3'"),
        ("max_bytes", 1.5, "max_bytes must be a whole number, not 1.5"),
        ("max_bytes", -1, "max_bytes must be at least 0 (no limit) and less than 2**63, not -1"),
        ("max_bytes", 1 << 64, "max_bytes must be at least 0 (no limit) and less than 2**63, not 18446744073709551616"),
        ("max_seconds", "5", "max_seconds must be a number, not '5'"),
        ("max_seconds", -1, "max_seconds must be at least 0 (no limit), not -1"),
        ("max_seconds", float("nan"), "max_seconds must be at least 0 (no limit), not nan"),
        ("crash_timeout", None, "crash_timeout must be a number, not None"),
        ("crash_timeout", float("nan"), "crash_timeout must be more than 0, not nan"),
        ("gil_wait", "1", "gil_wait must be a number, not '1'"),
        ("gil_wait", float("nan"), "gil_wait must be at least 0, not nan"),
    ],
)
def test_wrong_value(option: str, value: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        pyheapdump.install(**{option: value})
    assert str(caught.value) == words


@pytest.mark.parametrize("option", ["max_seconds", "crash_timeout", "gil_wait"])
@pytest.mark.parametrize("value", ["1e9", "1e10", "1e300", "float('inf')", "10**30"])
def test_any_length_of_time(tmp_path: Path, option: str, value: str) -> None:
    text = """
        import signal, os, threading
        pyheapdump.register(signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        1 / 0
    """
    text = f"import pyheapdump\npyheapdump.install({option}={value})\n" + "\n".join(x[8:] for x in text.splitlines())
    ended = Subject(tmp_path, text, install=None).run()
    assert ended.status == 1
    reasons = sorted(pyheapdump.load(path).reason for path in ended.dumps)
    assert len(reasons) == 3 and reasons[-1] == "request by SIGUSR1", f"{reasons}\n{ended.stderr.decode()}"


@pytest.mark.parametrize("name", ["SIGUSR1", "usr1", "10"])
def test_signal_by_name(tmp_path: Path, name: str) -> None:
    text = "import os; os.kill(os.getpid(), 10)"
    environment = {"PYHEAPDUMP": "1", "PYHEAPDUMP_OPTIONS": f"register={name}", "PYHEAPDUMP_DIR": str(tmp_path / "a")}
    ended = [
        run_python(["-c", text], environment=environment),
        run_python(
            ["-m", "pyheapdump", "run", "--directory", str(tmp_path / "b"), "--register", name, "-m", "timeit", "-n1",
             "-r1", text],
        ),
    ]  # fmt: skip
    assert [one.status for one in ended] == [0, 0], ended
    reasons = [pyheapdump.load(path).reason for path in tmp_path.glob("*/*.dump")]
    assert reasons == ["request by SIGUSR1"] * 2


def test_no_signal() -> None:
    with pytest.raises(ValueError, match="register must be a signal, SIGUSR1 or its number, not 'SIGNONE'"):
        pyheapdump.install(register="SIGNONE")


def test_no_limit_by_the_environment(tmp_path: Path) -> None:
    environment = {"PYHEAPDUMP": "1", "PYHEAPDUMP_OPTIONS": "max_seconds=inf", "PYHEAPDUMP_DIR": str(tmp_path)}
    ended = run_python(["-c", "1/0"], environment=environment)
    assert len(list(tmp_path.glob("*.dump"))) == 1, ended.stderr.decode()
