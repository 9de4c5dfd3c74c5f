# SPDX-License-Identifier: Apache-2.0
"""Real frames, code and tracebacks made without running anything: as debuggers and the traceback module see them.

The standard to meet is the interpreter itself: a program fails for real, the same things are made from what its frames
tell, and both must look the same.
"""

import gc
import inspect
import io
import linecache
import pdb
import sys
import traceback
import types
import weakref
from collections.abc import Iterator, MutableMapping
from typing import Any, Callable, Optional

import pytest
from pyheapdump._pyheapdump import make_frame, set_line_table
from pyheapdump.view.frames import Arguments, MeasuredCode, Position

FILE = "/nowhere/shop/app.py"
SOURCE = """\
import contextlib


class Shop:
    def order(self, number, /, name="pen", *rest, key=None, **more):
        total = {"äöü": 1, "pen": 2}
        result = [
            total[name] + (
                total["äöü"] /
                number
            )
        ]
        return result

    @staticmethod
    def again(depth):
        if depth == 0:
            raise LookupError("no such order")
        return Shop.again(
            depth - 1)


def generate(count):
    for i in range(count):
        yield 10 // (2 - i)


def chain():
    try:
        Shop().order(0, "pen", 1, 2, key=3, other=4)
    except ZeroDivisionError:
        Shop.again(3)


def main():
    list(generate(5))
"""
MODULE = compile(SOURCE, FILE, "exec")


class Locals(MutableMapping):  # type: ignore[type-arg]
    """Locals as the viewer has them: a mapping that is no dict and cannot lose a name."""

    def __init__(self, names: "dict[str, Any]") -> None:
        self.names = names

    def __getitem__(self, name: str) -> Any:
        return self.names[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.names[name] = value

    def __delitem__(self, name: str) -> None:
        raise KeyError(name)

    def __iter__(self) -> "Iterator[str]":
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@pytest.fixture(autouse=True)
def source_from_the_dump() -> "Iterator[None]":
    """The file does not exist; its text is where the viewer puts it."""
    linecache.cache[FILE] = (len(SOURCE), None, SOURCE.splitlines(True), FILE)
    yield
    linecache.cache.pop(FILE, None)


def fail(function: str) -> BaseException:
    """The real exception of a function of SOURCE, without the frames of this test."""
    space: "dict[str, Any]" = {"__name__": "shop.app"}
    exec(MODULE, space)
    try:
        space[function]()
    except Exception as error:
        without_test(error)
        return error
    raise AssertionError(f"{function} did not fail")


def without_test(error: BaseException) -> None:
    while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_filename == __file__:
        error.__traceback__ = error.__traceback__.tb_next
    if error.__context__ is not None:
        without_test(error.__context__)


def position_of(code: types.CodeType, lasti: int, line: int) -> Position:
    """What a dump says about an instruction. Columns are known from 3.11 on."""
    if sys.version_info >= (3, 11):
        return Position(*list(code.co_positions())[lasti // 2])
    return Position(line)


def arguments_of(code: types.CodeType) -> Arguments:
    return Arguments(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_varnames, code.co_flags)


def make_traceback(entries: "list[tuple[types.FrameType, int, int]]") -> Optional[types.TracebackType]:
    """The traceback with these entries (frame, lasti, line), the outermost first."""
    traceback: Optional[types.TracebackType] = None
    for frame, lasti, line in reversed(entries):
        traceback = types.TracebackType(traceback, frame, lasti, line)
    return traceback


class Copies:
    """Makes frames like real ones; one code object for all frames of a function."""

    def __init__(self) -> None:
        self.codes: "dict[types.CodeType, MeasuredCode]" = {}
        self.frames: "dict[types.FrameType, types.FrameType]" = {}

    def measured(self, code: types.CodeType) -> MeasuredCode:
        if code not in self.codes:
            qualname = getattr(code, "co_qualname", code.co_name)
            made = MeasuredCode(code.co_name, qualname, FILE, code.co_firstlineno, arguments_of(code))
            self.codes[code] = made
        return self.codes[code]

    def frame(self, real: types.FrameType) -> types.FrameType:
        if real not in self.frames:
            code = real.f_code
            back = real.f_back if real.f_back and real.f_back.f_code.co_filename == FILE else None
            made = self.measured(code)
            lasti = made.lasti(position_of(code, real.f_lasti, real.f_lineno))
            self.frames[real] = make_frame(
                made.code,
                {"__name__": "shop.app", "__builtins__": {}},
                Locals(dict(real.f_locals)),
                back and self.frame(back),
                real.f_lineno,
                lasti,
            )
        return self.frames[real]

    def traceback(self, tb: Optional[types.TracebackType]) -> Optional[types.TracebackType]:
        entries = []
        while tb is not None:
            code = tb.tb_frame.f_code
            position = position_of(code, tb.tb_lasti, tb.tb_lineno)
            entries.append((self.frame(tb.tb_frame), self.measured(code).lasti(position), tb.tb_lineno))
            tb = tb.tb_next
        return make_traceback(entries)

    def exception(self, real: BaseException) -> BaseException:
        copy = type(real)(*real.args)
        copy.__traceback__ = self.traceback(real.__traceback__)
        if real.__context__ is not None:
            copy.__context__ = self.exception(real.__context__)
        return copy


@pytest.mark.parametrize("function", ["main", "chain"])
def test_printed_like_the_real_one(function: str) -> None:
    """Lines, carets, and the chain of exceptions that pass through the same frame at two places."""
    real = fail(function)
    copy = Copies().exception(real)
    expected = traceback.format_exception(type(real), real, real.__traceback__)
    assert traceback.format_exception(type(copy), copy, copy.__traceback__) == expected
    assert "list(generate(5))" in "".join(expected) or "Shop.again(" in "".join(expected)
    if sys.version_info >= (3, 11):
        assert "^^" in "".join(expected)


def test_the_default_excepthook_prints_it_too(capsys: "pytest.CaptureFixture[str]") -> None:
    """sys.__excepthook__ is C code with a printer of its own."""
    real = fail("chain")
    copy = Copies().exception(real)
    sys.__excepthook__(type(real), real, real.__traceback__)
    expected = capsys.readouterr().err
    sys.__excepthook__(type(copy), copy, copy.__traceback__)
    printed = capsys.readouterr().err
    assert printed == expected and "line 32, in chain" in printed


def debug(tb: "Optional[types.TracebackType]", *commands: str) -> "list[str]":
    """What pdb answers to each command in a post-mortem session."""
    out = io.StringIO()
    session = pdb.Pdb(stdin=io.StringIO("\n".join([*commands, "q", ""])), stdout=out, nosigint=True, readrc=False)
    session.use_rawinput = False
    session.prompt = "(P)"
    session.reset()
    session.interaction(None, tb)
    return [answer.strip() for answer in out.getvalue().split("(P)")][1 : len(commands) + 1]


COMMANDS = [
    *("where", "args", "p name", "p total['pen'] * 2", "p len", "p nothing", "ll", "list", "up", "args", "p locals()"),
    *("ll", "down", "whatis total", "display number", "pp more", "new = 5", "p new", "name = 'ink'", "p name"),
    *("source Shop", "p [name for x in (1, 2)]", "!number + 1", "p __name__"),
]


def test_pdb_answers_as_with_the_real_traceback() -> None:
    real = fail("chain").__context__
    assert real is not None
    answers = debug(Copies().traceback(real.__traceback__), *COMMANDS)
    expected = debug(real.__traceback__, *COMMANDS)
    for command, answer, wanted in zip(COMMANDS, answers, expected):
        if command == "where":  # the frames of the test itself are above the real ones
            answer, wanted = (text.splitlines()[-4:] for text in (answer, wanted))
        # Builtins and the module's globals are not given to the copy; its locals are another type.
        if command not in ("p len", "source Shop", "p locals()"):
            assert answer == wanted, command
    by_command = dict(zip(reversed(COMMANDS), reversed(answers)))  # the first of each
    assert by_command["args"].splitlines()[1:] == [
        *("number = 0", "name = 'pen'", "key = 3", "rest = (1, 2)", "more = {'other': 4}")
    ]
    assert by_command["p total['pen'] * 2"] == "4" and "total[name] + (" in by_command["ll"]


@pytest.mark.skipif(sys.version_info < (3, 13), reason="pdb has the command `exceptions` since 3.13")
def test_pdb_exceptions() -> None:
    copy = Copies().exception(fail("chain"))
    out = io.StringIO()
    commands = "exceptions\nexceptions 0\nwhere\nargs\nexceptions 1\nwhere\nq\n"
    session = pdb.Pdb(stdin=io.StringIO(commands), stdout=out, nosigint=True, readrc=False)
    session.use_rawinput = False
    session.reset()
    session.interaction(None, copy)
    text = out.getvalue()
    assert "ZeroDivisionError('division by zero')" in text and "> " in text
    assert "key = 3" in text and "shop/app.py(19)again()" in text.replace("(18)", "(19)")


def test_frame_attributes() -> None:
    made = MeasuredCode("work", "Class.work", FILE, 5, Arguments(1, 0, 0, ("a", "b")))
    first, second = made.lasti(Position(7, 7, 4, 9)), made.lasti(Position(9))
    space = {"__name__": "shop.app"}
    names = Locals({"a": 1})
    outer = make_frame(made.code, space, names, None, 9, second)
    inner = make_frame(made.code, space, names, outer, 7, first)
    assert (inner.f_lineno, inner.f_lasti, inner.f_back) == (7, first, outer)
    assert (outer.f_lineno, outer.f_lasti, outer.f_back) == (9, second, None)
    assert inner.f_code is made.code and inner.f_globals is space and inner.f_trace is None
    assert type(inner) is types.FrameType and "app.py" in repr(inner)
    for _ in range(3):
        assert inner.f_locals is names and dict(names) == {"a": 1}
    if sys.version_info >= (3, 11):
        assert made.code.co_qualname == "Class.work"
        assert inspect.getframeinfo(inner).positions == (7, 7, 4, 9)  # type: ignore[attr-defined]
    else:
        assert inspect.getframeinfo(inner).lineno == 7


def test_module_frame_has_its_globals_for_locals() -> None:
    made = MeasuredCode("<module>", "<module>", FILE, 1)
    space = {"__name__": "__main__", "x": 1}
    frame = make_frame(made.code, space, space, None, 3, made.lasti(Position(3)))
    assert frame.f_locals is frame.f_globals is space and space["x"] == 1
    assert inspect.getsourcelines(frame)[0][0] == "import contextlib\n"


SIGNATURES: "list[Callable[..., Any]]" = [
    lambda: sys._getframe(),
    lambda a: sys._getframe(),
    lambda a, b=1, *c: sys._getframe(),
    lambda a, /, b, *, c=1, **d: sys._getframe(),
    lambda *args, **kwargs: sys._getframe(),
    lambda a=1, *, k=2: [a, k] and sys._getframe(),
]


@pytest.mark.parametrize("number", range(len(SIGNATURES)))
def test_arguments(number: int) -> None:
    function = SIGNATURES[number]
    needed = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty and p.kind < 2]
    real: types.FrameType = function(*range(len(needed)))
    made = MeasuredCode("f", "f", FILE, 1, arguments_of(real.f_code))
    frame = make_frame(made.code, {}, Locals(dict(real.f_locals)), None, 1)
    expected = inspect.getargvalues(real)
    found = inspect.getargvalues(frame)
    assert found[:3] == expected[:3] and dict(found.locals) == dict(expected.locals)
    # The debugger's `args` reads these.
    for field in ("co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_varnames", "co_nlocals"):
        assert getattr(made.code, field) == getattr(real.f_code, field)


@pytest.mark.parametrize("flag", ["GENERATOR", "COROUTINE", "ASYNC_GENERATOR", "NESTED", "OPTIMIZED", "NEWLOCALS"])
def test_flags(flag: str) -> None:
    bit = getattr(inspect, f"CO_{flag}")
    code = MeasuredCode("f", "f", FILE, 1, Arguments(flags=bit)).code
    assert bool(code.co_flags & bit) == (flag not in ("OPTIMIZED", "NEWLOCALS"))
    frame = make_frame(code, {}, Locals({}), None, 1)
    assert frame.f_code is code
    frame.clear()


STEPS = [1, 2, 2, 1, 127, 128, 129, 254, 255, 256, 1, 1000, 999_999, 3, 500_000, 130, 7, 7, 100, 228, 100, 227]


@pytest.mark.parametrize("first", [0, 1, 300, 999_990])
def test_line_tables(first: int) -> None:
    """Steps forward and backward over the sizes at which the formats of 3.9 to 3.11+ change their form."""
    made = MeasuredCode("f", "f", FILE, first)
    lasti = {line: made.lasti(Position(line)) for line in STEPS}
    for line, offset in lasti.items():
        frame = make_frame(made.code, {}, Locals({}), None, line, offset)
        assert frame.f_lineno == line
        # Without a line of its own, 3.10+ frames take it from the table.
        assert make_frame(made.code, {}, Locals({}), None, 0, offset).f_lineno == line
    assert made.code.co_firstlineno == first
    if sys.version_info >= (3, 10):
        ranges = list(made.code.co_lines())
        for line, offset in lasti.items():
            assert [found for start, end, found in ranges if start <= offset < end] == [line]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="code has columns since 3.11")
def test_columns() -> None:
    wanted = [
        Position(5, 5, 0, 0),
        Position(5, 9, 80, 2),
        Position(5, 5, 63, 64),
        Position(5, 5, 127, 5000),
        Position(2, 700, 1, 2),
        Position(3, 3),
        Position(4),
    ]
    made = MeasuredCode("f", "f", FILE, 3)
    offsets = [made.lasti(position) for position in wanted]
    found = list(made.code.co_positions())
    assert [tuple(found[offset // 2]) for offset in offsets] == [
        *wanted[:5],
        (3, 3, None, None),
        (4, 4, None, None),
    ]


def test_positions_are_added_late() -> None:
    """A position added later leaves those before it, and frames that stand there, as they were."""
    made = MeasuredCode("f", "f", FILE, 1)
    frames = []
    for line in range(1, 257):
        frames.append(make_frame(made.code, {}, Locals({}), None, line, made.lasti(Position(line, line, line, line))))
    assert [frame.f_lineno for frame in frames] == list(range(1, 257))
    assert made.lasti(Position(7, 7, 7, 7)) == frames[6].f_lasti
    assert made.lasti(Position(1000)) == -1, "no room for more"
    # -1 is "not known": the line is that of the traceback entry.
    (entry,) = traceback.extract_tb(make_traceback([(frames[0], -1, 1000)]))
    assert entry.lineno == 1000


def test_impossible_numbers_become_possible() -> None:
    huge = 2**80
    made = MeasuredCode("f", "f", FILE, huge, Arguments(huge, huge, huge, ("a",), 2**40 | 12))
    assert made.code.co_argcount == 1 and made.code.co_varnames == ("a",) and not made.code.co_flags & 12
    made = MeasuredCode("f\0", "\ud800", FILE, -5, Arguments(-1, -2, -3, ("a", "b"), -1))
    assert made.code.co_firstlineno == 0 and made.code.co_argcount == 0
    for position in (
        Position(huge, -1, huge, huge),
        Position(-huge),
        Position(None, None, -1, 5),
        Position(5, 2, 3, 1),
    ):
        lasti = made.lasti(position)
        frame = make_frame(made.code, {}, Locals({}), None, 0, lasti)
        tb = make_traceback([(frame, lasti, frame.f_lineno or 0)])
        assert frame.f_lineno is None or 0 <= frame.f_lineno <= 1_000_000
        assert len(traceback.format_tb(tb)) == 1


def test_a_made_code_does_nothing() -> None:
    made = MeasuredCode("f", "f", FILE, 1)
    for line in range(1, 50):
        made.lasti(Position(line))
    space: "dict[str, Any]" = {}
    assert eval(made.code, space) is None and list(space) == ["__builtins__"]


def test_wrong_arguments() -> None:
    code = MeasuredCode("f", "f", FILE, 1).code
    frame = make_frame(code, {}, {}, None, 1)
    for arguments in (
        (None, {}, {}, None, 1),
        (code, [], {}, None, 1),
        (code, {}, 5, None, 1),
        (code, {}, {}, 5, 1),
        (code, {"__builtins__": 5}, {}, None, 1),
        (code, {}, {}, None, "1"),
    ):
        with pytest.raises(TypeError):
            make_frame(*arguments)
    real = test_wrong_arguments.__code__
    for values in (
        (code, {}, {}, None, -1),
        (code, {}, {}, frame, 1, 3),
        (code, {}, {}, frame, 1, 10**6),
        (real, {}, {}, None, 1),
    ):
        with pytest.raises(ValueError):
            make_frame(*values)
    with pytest.raises(OverflowError):
        make_frame(code, {}, {}, None, 2**40)
    with pytest.raises(TypeError):
        set_line_table(code, "text")


class Marker:
    """Something that tells when it goes."""


def test_everything_is_freed() -> None:
    made = MeasuredCode("f", "f", FILE, 1, Arguments(1, 0, 0, ("a",)))
    marker = Marker()
    gone = weakref.ref(marker)
    back = None
    entries = []
    for _ in range(20):
        names = Locals({"a": marker})
        back = make_frame(made.code, {"x": marker}, names, back, 1, made.lasti(Position(1)))
        names["frame"] = back  # a cycle through the frame
        entries.append((back, back.f_lasti, 1))
    tb = make_traceback(entries)
    gc.collect()
    assert gone() is marker and tb is not None and tb.tb_frame.f_locals["a"] is marker
    del marker, back, entries, tb, names
    gc.collect()
    assert gone() is None


def test_references_are_counted_right() -> None:
    made = MeasuredCode("f", "f", FILE, 1, Arguments(1, 0, 0, ("a",)))
    lasti = made.lasti(Position(1))
    space: "dict[str, Any]" = {}
    names = Locals({})
    back = make_frame(made.code, space, names, None, 1, lasti)
    objects = (made.code, space, names, back, None, sys._getframe())

    def use() -> None:
        frame = make_frame(made.code, space, names, back, 1, lasti)
        make_frame(made.code, space, names, None, 1, lasti)
        assert frame.f_locals is names
        for wrong in ((made.code, space, names, back, 1, 3), (made.code, space, names, back, -1)):
            with pytest.raises(ValueError):
                make_frame(*wrong)

    use()
    gc.collect()
    before = [sys.getrefcount(one) for one in objects]
    for _ in range(200):
        use()
    gc.collect()
    after = [sys.getrefcount(one) for one in objects]
    assert all(abs(a - b) < 20 for a, b in zip(after, before)), (before, after)


def test_deep_stacks() -> None:
    """A recursion of 100,000 frames: made, walked and freed without recursion in C."""
    made = MeasuredCode("f", "f", FILE, 1)
    lasti = made.lasti(Position(3))
    space: "dict[str, Any]" = {}
    frames = []
    back = None
    for _ in range(100_000):
        back = make_frame(made.code, space, Locals({}), back, 3, lasti)
        frames.append((back, lasti, 3))
    tb = make_traceback(frames)
    count = 0
    frame = back
    while frame is not None:
        count += 1
        frame = frame.f_back
    assert count == 100_000
    printed = traceback.format_tb(tb)
    assert len(printed) < 20 or len(printed) == 100_000
    del frames, frame, back, printed, tb
    gc.collect()
