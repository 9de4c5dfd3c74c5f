# SPDX-License-Identifier: Apache-2.0
"""Names of files that are no UTF-8, and sources in other encodings: found, and shown as Python shows them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyheapdump
import pytest
from pyheapdump.view.sources import decoded
from support.subject import DUMP_NAME
from support.target import LET_TRACE, attach, clean_environment

NAME = b"caf\xe9 \xff.py"
SHOWN = r"caf\udce9 \udcff.py"
PROGRAM = """\
# -*- coding: latin-1-unix -*-
import sys, time, threading

def fail(name):
    word = "na\xefve"  # na\xefve
    if sys.argv[1:2] == ["wait"]:
        threading.current_thread().name = "Th\\udce9"
        print("ready", flush=True)
        time.sleep(1000)
    raise ValueError(name, word)

fail(__file__)
"""


def program_in(directory: Path, head: str) -> bytes:
    path = os.path.join(os.fsencode(directory), NAME)
    first, _, rest = PROGRAM.partition("\n")
    with open(path, "wb") as file:
        file.write(f"{first}\n{head.strip()}\n{rest}".encode("latin-1"))
    return path


def test_a_source_whose_name_is_no_utf8(tmp_path: Path) -> None:
    path = program_in(tmp_path, "import pyheapdump; pyheapdump.install()")
    environment = {**clean_environment(), "PYHEAPDUMP_DIR": str(tmp_path)}
    done = subprocess.run(
        [os.fsencode(sys.executable), path, b"\xfe"], capture_output=True, timeout=60, check=False, env=environment
    )
    found = [one for one in tmp_path.iterdir() if DUMP_NAME.fullmatch(one.name)]
    assert len(found) == 1, done.stderr
    with pyheapdump.load(found[0]) as dump:
        (name,) = [one for one in dump.sources if one.endswith(SHOWN)]
        source = dump.sources[name]
        assert source.content == Path(os.fsdecode(path)).read_bytes()
        assert '    word = "na\xefve"  # na\xefve\n' in source.lines
        failing: Any = dump.traceback
        assert failing.tb_next.tb_frame.f_code.co_filename == name
        assert dump.exception is not None and dump.exception.args == (os.fsdecode(path), "na\xefve")
        arguments = dump.modules["sys"].argv
        assert arguments == [os.fsdecode(path), "\udcfe"]
        assert f'{SHOWN}", line 11, in fail' in dump.text and '"cafe?' not in dump.text


def test_stacks_of_such_a_process(tmp_path: Path) -> None:
    path = program_in(tmp_path, LET_TRACE)
    with subprocess.Popen(
        [os.fsencode(sys.executable), path, b"wait"], stdout=subprocess.PIPE, env=clean_environment()
    ) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == b"ready\n"
            done = attach(process.pid, "--stacks", "--locals")
        finally:
            process.kill()
    assert done.returncode == 0, done.stderr
    assert f"{SHOWN}:12 in fail\n" in done.stdout and ">   12         time.sleep(1000)\n" in done.stdout
    assert "na\xefve" in done.stdout and r"thread Th\udce9," in done.stdout


@pytest.mark.parametrize(
    "encoding", ["latin-1", "iso-latin-1-unix", "cp1252", "euc_jp", "utf-8-unix", "koi8-r", "iso8859-15", "Latin1"]
)
def test_encodings_that_sources_declare(encoding: str) -> None:
    text = f"# coding: {encoding}\nword = 'caf\xe9'\n" if "jp" not in encoding and "koi" not in encoding else ""
    text = text or f"# vim: set fileencoding={encoding} :\nword = '\u043f'\n"
    real = {"iso-latin-1-unix": "latin-1", "utf-8-unix": "utf-8"}.get(encoding, encoding)
    assert decoded(text.encode(real)) == text


def test_broken_bytes_are_shown() -> None:
    assert decoded(b"word = 'caf\xe9'\n") == "word = 'caf\ufffd'\n"
