# SPDX-License-Identifier: Apache-2.0
"""The largest objects of real dumps: they are found, their sizes are right, and the ways to them lead there."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pyheapdump
import pytest
from pyheapdump.view.largest import Large, largest, largest_text
from pyheapdump.view.summary import summary
from support.dumped_program import DICT, LIST, DumpedProgram
from support.format_writer import OBJECTS, Block, encode, missing, ref, run
from support.subject import Subject, run_python

PROGRAM = """
import collections, sys, threading
import pyheapdump

class Page:
    __slots__ = ("text", "links")
    def __init__(self, number):
        self.text, self.links = f"page {number} " * 2_000, ()

class Crawler:
    def __init__(self):
        self.pages = {f"/{number}": Page(number) for number in range(100)}
        self.archive = {"photo": bytes(3_000_000), 17: bytearray(2_900_000)}
        self.numbers = [10_000 + n for n in range(20_000)]
        self.queue = collections.deque(["deque " * 200_000])

class Node:
    def __init__(self, following):
        self.following = following

LOGS = {(1, "log"): ["x" * 2_800_000]}
SEEN = frozenset(["seen " * 540_000])
RANGES = [["é" * 1_000_000], ["shared " * 60_000] * 1_000]

def chain():
    first = Node(bytes(2_600_000))
    for _ in range(3_000):
        first = Node(first)
    return first

def closure():
    found = "closure " * 300_000
    return lambda: found

def dump():
    pyheapdump.dump(sys.argv[1])

def main():
    crawler, link, function = Crawler(), chain(), closure()
    dump()

main()
"""


@pytest.fixture(scope="module")
def dumped(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("largest")
    program, path = folder / "crawler.py", folder / "crawler.dump"
    program.write_text(PROGRAM, encoding="utf-8")
    ended = run_python([str(program), str(path)])
    assert ended.status == 0, ended.stderr
    with pyheapdump.load(path) as dump:
        yield dump


def by_expression(found: list[Large]) -> dict[str, Large]:
    return {one.way.expression: one for one in found}


# In the order of their sizes; the bytes of their contents.
LARGEST = [
    ("crawler.archive['photo']", "bytes", 3_000_000),
    ("crawler.archive[17]", "bytearray", 2_900_000),
    ("LOGS[(1, 'log')][0]", "str", 2_800_000),
    ("list(SEEN)[0]", "str", 2_700_000),
    ("function.__closure__[0].cell_contents", "str", 2_400_000),
    ("RANGES[0][0]", "str", 2_000_000),
    ("crawler.queue[0]", "str", 1_200_000),
    ("RANGES[1][0]", "str", 420_000),
    ("crawler.numbers", "list", 160_000),
]


def test_the_largest_objects_and_the_ways_to_them(dumped: Any) -> None:
    found = by_expression(largest(dumped, 12).by_own)
    for expression, kind, size in LARGEST:
        assert expression in found, list(found)
        one = found[expression]
        assert (one.type, one.way.thread) == (kind, "MainThread")
        assert size <= one.own <= size + 300
    sizes = [one.own for one in largest(dumped, 12).by_own]
    assert sizes == sorted(sizes, reverse=True)


def test_an_expression_leads_to_its_object(dumped: Any) -> None:
    found = largest(dumped, 30)
    evaluated = 0
    for one in [*found.by_own, *found.by_held]:
        frame = one.way.frame
        if frame is None or any(part in one.way.expression for part in ("...", "__builtins__", "co_consts")):
            continue  # too long; names that are the viewer's own here; a tuple that the viewer makes anew
        value = eval(one.way.expression, dict(frame.f_globals), dict(frame.f_locals))  # noqa: S307 - our own program
        assert value is dumped.object(one.id), one.way.expression
        evaluated += 1
    assert evaluated >= 20


def test_what_holds_most(dumped: Any) -> None:
    found = by_expression(largest(dumped, 30).by_held)
    archive = found["crawler.archive"]
    assert (archive.type, archive.elements) == ("dict", 2)
    assert 5_900_000 <= archive.held <= 5_900_300
    numbers = found["crawler.numbers"]
    assert (numbers.type, numbers.elements, numbers.held) == ("list", 20_000, 28 * 20_000)
    shared = found["RANGES[1]"]
    assert shared.elements == 1_000 and 420_000 <= shared.held <= 420_200, "a shared object counts once"
    assert found["crawler.queue"].type == "collections.deque" and found["crawler.queue"].elements == 1
    assert list(found).index("crawler.archive") == 0


def test_instances_with_slots_hold_their_values(dumped: Any) -> None:
    found = {one.way.expression: one for one in largest(dumped, 1000).by_held}
    page = found["crawler.pages['/42']"]
    assert page.type == "Page" and 16_000 <= page.held <= 16_000 + 2_000 + 300
    pages = found["crawler.pages"]
    assert pages.elements == 100 and pages.held < 100 * 500, "what the pages hold is not counted with the dict"


def test_the_way_along_a_linked_list_is_cut(dumped: Any) -> None:
    (one,) = (one for one in largest(dumped, 12).by_own if 2_600_000 <= one.own <= 2_600_100)
    assert one.way.expression == "..." + ".following" * 20
    assert one.way.frame is None and one.way.steps_left_out > 0


def test_sums(dumped: Any) -> None:
    found = largest(dumped, 1)
    assert len(found.by_own) == len(found.by_held) == 1
    assert found.objects == dumped.file.object_count
    assert 20_000_000 < found.bytes < 60_000_000


def test_numbers_that_are_refused(dumped: Any) -> None:
    for wrong in (0, -1, 1001):
        with pytest.raises(ValueError, match="takes a number from 1 to 1000"):
            dumped.file.largest(wrong)
    with pytest.raises(TypeError):
        dumped.file.largest("3")


# --- the command --------------------------------------------------------------------------------------------------


def view(dumped: Any, *options: str, stdin: str = "") -> Any:
    return run_python(["-m", "pyheapdump.view", dumped.path, *options], stdin=stdin.encode())


def test_the_view(dumped: Any) -> None:
    ended = view(dumped, "--largest", "3")
    assert (ended.status, ended.stderr) == (0, b"")
    text = ended.stdout.decode()
    own, held = text.split("\n\n")[1:]
    assert own.splitlines()[0] == "largest objects, each by itself:"
    assert "     2.9 MiB  bytes: b'\\x00" in own and own.count(" MiB  ") == 3
    assert "crawler.archive['photo'] in " in own and "crawler.py:40 in main, thread MainThread" in own
    assert "     5.6 MiB  in dict of 2 elements: {'photo': b'\\x00" in held


def test_ten_when_no_number_is_given(dumped: Any) -> None:
    text = view(dumped, "--largest").stdout.decode()
    assert text == largest_text(dumped, 10) + "\n"


def test_as_json(dumped: Any) -> None:
    report = json.loads(view(dumped, "--largest", "3", "--json").stdout)
    assert report["schema"] == 1 and report["threads"]
    first = report["largest"]["by_own"][0]
    assert (first["type"], first["expression"], first["thread"]) == ("bytes", "crawler.archive['photo']", "MainThread")
    assert first["frame"]["function"] == "main" and first["frame"]["line"] == 40
    assert first["elements"] == 0 and first["held"] == 0 and dumped.object(first["address"]) == bytes(3_000_000)
    assert report["largest"]["objects"] == dumped.file.object_count
    documented = Path(__file__).parent.parent.joinpath("docs", "json.md").read_text()
    for keys in (report["largest"], first):
        assert all(f"`{key}`" in documented for key in keys), keys


def test_in_pdb(dumped: Any) -> None:
    ended = view(dumped, "--pdb", stdin="largest 1\nlargest 0\nlargest x\nlargest\nhelp largest\nq\n")
    text = ended.stdout.decode()
    assert ended.status == 0 and text.count("largest objects, each by itself:") == 2
    assert text.count("*** largest takes a number from 1 to 1000") == 2
    assert "by which variable" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--largest", "0"], "takes a number from 1 to 1000, not '0'"),
        (["--largest", "many"], "takes a number from 1 to 1000, not 'many' (FILE comes before it)"),
        (["--largest", "--threads"], "--largest is a view of its own; it goes with --json only"),
        (["--largest", "--pdb"], "--largest is a view of its own; it goes with --json only"),
    ],
)
def test_wrong_usage(dumped: Any, options: list[str], message: str) -> None:
    ended = view(dumped, *options)
    assert ended.status == 2 and message in ended.stderr.decode()


def test_a_dump_about_memory_names_the_view(tmp_path: Path) -> None:
    ended = Subject(tmp_path, "bytearray(10**18)").run()
    with pyheapdump.load(ended.only_dump) as dump:
        assert "\n  memory   --largest (in the debugger: largest) lists what takes it" in summary(dump)
    with pyheapdump.load(Subject(tmp_path, "import pyheapdump; pyheapdump.dump()").run().dumps[-1]) as dump:
        assert "--largest" not in summary(dump)


# --- dumps made by hand -------------------------------------------------------------------------------------------


def load(program: DumpedProgram, tmp_path: Path) -> Any:
    return program.load(tmp_path / "made.dump")


def test_modules_tasks_and_what_nobody_refers_to(tmp_path: Path) -> None:
    program = DumpedProgram()
    modules = program.add(DICT)
    module = program.instance(program.builtin("module"))
    names = program.add(DICT)
    text = program.add(5, "text " * 100)
    alone = program.add(5, "alone " * 200)
    task = program.add(LIST)
    inside = program.add(5, "inside " * 300)
    program.dump.set(modules, [DICT, "app", ref(module)])
    program.dump.set(module, [1, ref(program.builtin("module")), None, ref(names)])
    program.dump.set(names, [DICT, "TEXT", ref(text)])
    program.dump.set(task, [LIST, 1, ref(inside)])
    program.roots["modules"] = ref(modules)
    program.end["tasks"] = [ref(task)]
    with load(program, tmp_path) as dump:
        found = {one.id: one.way.text for one in largest(dump).by_own}
        assert found[inside] == "<task 0>[1]"
        assert found[text] == "sys.modules['app'].TEXT"
        assert found[alone] == "..."


def test_cycles_lies_and_missing_objects(tmp_path: Path) -> None:
    program = DumpedProgram()
    first, second = program.add(LIST), program.add(LIST)
    program.dump.set(first, [LIST, ref(second), ref(first), ref(10**9), missing("gone")])
    program.dump.set(second, [LIST, ref(first), run(0, 2**60), run(2**61, 5), [1, 2], {"a": 1}])
    huge = program.add(16, 5, 2**40)
    program.add(16, 9, 2**63, "left out")
    program.add(16, 99, 5)
    program.add(1, ref(first), [1, None, [1, None, [9]]], {"\x1b[31m": "\x1b"}, 5, "no list")
    program.instance(program.cls("\x07evil\n", fields=["a"], basicsize=2**63), [("k", 1)], ["x" * 50])
    with load(program, tmp_path) as dump:
        text = largest_text(dump, 50)
        assert text.isascii() or text.replace("\n", "").isprintable()
        assert not set(text) & set("\x1b\x07")
        assert largest(dump, 1).by_own[0].id == huge


def test_runs_cost_no_more_than_they_may(tmp_path: Path) -> None:
    """A run of 18 bytes may stand for all objects, and a container may have any number of runs."""
    program = DumpedProgram()
    for _ in range(20_000):
        program.add(LIST)
    for _ in range(2_000):
        program.add(LIST, *[run(0, 10**6)] * 100)
    with load(program, tmp_path) as dump:
        start = time.process_time()
        dump.file.largest(10)
        assert time.process_time() - start < 3


def test_ids_that_are_not_there(tmp_path: Path) -> None:
    program = DumpedProgram()
    for _ in range(2):  # the first is not believed, and makes a gap
        program.dump.raw_block(Block(OBJECTS, 2**31, 1, encode([LIST]) + encode({"a": [64]})))
    with load(program, tmp_path) as dump:
        with pytest.raises(pyheapdump.view.DumpError, match="has too few of its objects to tell which are the largest"):
            largest(dump)


def test_a_closed_file(tmp_path: Path) -> None:
    dump = load(DumpedProgram(), tmp_path)
    dump.close()
    with pytest.raises(ValueError, match="closed"):
        dump.file.largest(1)


def test_memory_while_a_dict_of_long_texts_is_described(tmp_path: Path) -> None:
    """The report of the largest objects makes none of them."""
    program = DumpedProgram()
    texts = [program.add(5, f"{number} " * 2_000) for number in range(500)]
    program.add(LIST, *map(ref, texts))
    with load(program, tmp_path) as dump:
        largest_text(dump, 200)
        assert not any(rid in dump.heap._memo for rid in texts)
