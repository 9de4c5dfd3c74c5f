# SPDX-License-Identifier: Apache-2.0
"""The sources of the files on the stacks are in the dump, wherever the program had them from."""

import compileall
import os
import shutil
import time
import zipapp
import zipfile
from pathlib import Path

import pyheapdump
import pytest
from support.subject import INSTALL, Subject, dumps_in, run_python

SOURCE_BLOCK = 6
FAIL = "def fail(number):\n    wanted = number * 2  # \u00fcber\n    raise ValueError(wanted)\n"


def sources_of(dump_path: Path) -> dict:
    with pyheapdump.load(dump_path) as dump:
        return {block["filename"]: block for block in dump.file.blocks(SOURCE_BLOCK)}


def listing(dump_path: Path, folder: Path) -> str:
    """What pdb lists at the line that failed, in an empty folder."""
    folder.mkdir()
    arguments = ["-m", "pyheapdump.view", str(dump_path), "--pdb"]
    return run_python(arguments, directory=folder, stdin=b"ll\nq\n").stdout.decode()


def test_file_on_disk(tmp_path: Path) -> None:
    subject = Subject(tmp_path, FAIL + "fail(21)\n")
    dump = subject.run().only_dump
    block = sources_of(dump)[str(subject.path)]
    assert block["text"] == subject.path.read_bytes()
    assert (block["origin"], block["changed"]) == ("disk", False)
    subject.path.write_text("overwritten\n" * 9)
    assert "->\t    raise ValueError(wanted)" in listing(dump, tmp_path / "elsewhere")


def test_file_newer_than_the_process_is_marked(tmp_path: Path) -> None:
    subject = Subject(tmp_path, FAIL + "os.utime(__file__, (2**31, 2**31))\nfail(21)\n")
    assert sources_of(subject.run().only_dump)[str(subject.path)]["changed"] is True


def test_file_older_than_the_process_is_not(tmp_path: Path) -> None:
    subject = Subject(tmp_path, FAIL + "fail(21)\n")
    os.utime(subject.path, (time.time() - 3600,) * 2)
    assert sources_of(subject.run().only_dump)[str(subject.path)]["changed"] is False


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_member_of_an_archive(tmp_path: Path, method: int) -> None:
    archive = tmp_path / "shop.pyz"
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    with archive.open("wb") as stream:
        stream.write(b"#!/usr/bin/env python3\n")  # as zipapp puts it: the archive does not begin at byte 0
    with zipfile.ZipFile(archive, "a", method) as packed:
        packed.writestr("shop/__init__.py", "")
        packed.writestr("shop/cart.py", FAIL)
        packed.writestr("__main__.py", INSTALL.format("") + "import shop.cart\nshop.cart.fail(21)\n")
    variables = {"SUBJECT_INSTALL": "1", "PYHEAPDUMP_DIR": str(dumps)}
    ended = run_python([str(archive)], directory=tmp_path, environment=variables)
    (dump,) = dumps.iterdir()
    archive.unlink()
    assert sources_of(dump)[f"{archive}/shop/cart.py"]["origin"] == "zip", ended.stderr.decode()
    assert "->\t    raise ValueError(wanted)" in listing(dump, tmp_path / "elsewhere")


def test_text_that_only_linecache_has(tmp_path: Path) -> None:
    """As IPython does with its cells, and templates with what they generate."""
    program = f"""
        import linecache
        text = {FAIL!r}
        name = "<cell 1>"
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        space = {{}}
        exec(compile(text, name, "exec"), space)
        space["fail"](21)
    """
    dump = Subject(tmp_path, program).run().only_dump
    block = sources_of(dump)["<cell 1>"]
    assert (block["origin"], block["text"].decode()) == ("linecache", FAIL)
    assert "->\t    raise ValueError(wanted)" in listing(dump, tmp_path / "elsewhere")


def test_source_in_another_encoding(tmp_path: Path) -> None:
    subject = Subject(tmp_path, "")
    subject.path.write_bytes(
        b"# coding: latin-1\n" + INSTALL.format("").encode() + b"name = 'J\xfcrgen'\nname.nothing\n"
    )
    assert "name = 'J\u00fcrgen'" in listing(subject.run().only_dump, tmp_path / "elsewhere")


def test_no_source_at_all(tmp_path: Path) -> None:
    """A file that is gone costs nothing but its text."""
    subject = Subject(tmp_path, FAIL + "os.unlink(__file__)\nfail(21)\n")
    dump = subject.run().only_dump
    assert str(subject.path) not in sources_of(dump)
    with pyheapdump.load(dump) as opened:
        assert opened.exception.args == (42,)


def test_compiled_code_without_sources(tmp_path: Path) -> None:
    """The loader of the modules, which could be asked for their sources, is in the dump, too; its code is not."""
    place, archive = tmp_path / "shop", tmp_path / "shop.pyz"
    place.mkdir()
    (place / "cart.py").write_text(FAIL, encoding="utf-8")
    (place / "__main__.py").write_text(INSTALL.format("") + "import cart\ncart.fail(21)\n")
    assert compileall.compile_dir(str(place), stripdir=str(tmp_path), legacy=True, quiet=1)
    zipapp.create_archive(place, archive, filter=lambda path: path.suffix == ".pyc")
    shutil.rmtree(place)
    variables = {"SUBJECT_INSTALL": "1", "PYHEAPDUMP_DIR": str(tmp_path)}
    ended = run_python([str(archive)], directory=tmp_path, environment=variables)
    (dump,) = dumps_in(tmp_path)
    assert not [name for name in sources_of(dump) if name.startswith("shop")], ended.stderr.decode()
    shown = listing(dump, tmp_path / "elsewhere")
    assert "shop/cart.py(3)fail()" in shown and "wanted" not in shown, shown
    done = run_python(["-m", "pyheapdump.view", str(dump), "--summary"], directory=tmp_path)
    assert (done.status, done.stderr) == (0, b"") and b"  wanted = 42\n" in done.stdout


def test_sources_can_be_left_out(tmp_path: Path) -> None:
    assert sources_of(Subject(tmp_path, FAIL + "fail(21)\n", install="sources=False").run().only_dump) == {}
