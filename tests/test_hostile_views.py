# SPDX-License-Identifier: Apache-2.0
"""Files made to harm who opens them: every view ends soon, in little memory, and shows nothing that steers a terminal.

Each file is a program that does not exist, made by the reference writer; a reader cannot know that. What one view may
take is limited from outside, by the kernel.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any, Callable

import pytest
from support.dumped_program import EXCEPTION_FIELDS, DumpedProgram
from support.format_writer import ref

MEMORY = 700 << 20  # of addresses; the resident part of it is 300 MiB at most, which is looked at, too
RESIDENT = 300 << 10  # KiB
SECONDS = 10  # of processor time
OUTPUT = 8_000_000
# Controls of C0 and C1, and marks that turn the direction of text.
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")
ESCAPES = "\x1b]0;title\x07\x1b[31m\x9b32m\u202e\u2066\r\x08\u200b"
PDB = b"w\nargs\np locals()\npp locals()\nup\nthreads\ntasks\nlocks\nwhatis x\np unknown_name\nl\nll\nq\n"
VIEWS = {"summary": b"", "json": b"", "threads": b"", "locks": b"", "largest": b"", "native": b"", "pdb": PDB}

# One program reads on every version; two of them keep the time of a whole run short.
pytestmark = pytest.mark.skipif(
    sys.version_info[:2] not in ((3, 9), (3, 14)), reason="hostile views are read with 3.9 and 3.14"
)

Make = Callable[[DumpedProgram], Any]
FILES: dict[str, Make] = {}


def file(make: Make) -> Make:
    FILES[make.__name__] = make
    return make


def failed(program: DumpedProgram, names: dict[str, Any], error: Any = None, line: int = 5, **options: Any) -> None:
    """The program failed in a function with these locals."""
    frame = program.frame(program.code("load", "/srv/app.py", 1), names, line=line, **options)
    program.failed_with(
        program.exception("ValueError", ["x"], [(frame, line)]) if error is None else error(frame), [frame]
    )


def doubling(program: DumpedProgram, code: int = 9, levels: int = 34) -> Any:
    """A list of twice the same list of twice the same …: 2**34 of them to who follows each reference."""
    found = program.add(code)
    for _ in range(levels):
        found = program.add(code, ref(found), ref(found))
    return ref(found)


def chain(program: DumpedProgram, layout: str, fields: list[str], rest: list[Any], count: int) -> Any:
    """Objects that are made of one another, one within the other."""
    kind = program.builtin(layout.rpartition(".")[2], layout.rpartition(".")[0] or "builtins", layout, fields=fields)
    found = ref(program.builtin("int"))
    for _ in range(count):
        found = ref(program.add(1, ref(kind), None, None, [found, *rest]))
    return found


@file
def argument_that_doubles(p: DumpedProgram) -> None:
    failed(p, {}, lambda frame: p.exception("ValueError", [doubling(p)], [(frame, 5)]))


@file
def notes_that_double(p: DumpedProgram) -> None:
    notes = {"__notes__": ref(p.add(9, doubling(p), *["note"] * 5000))}
    failed(p, {}, lambda frame: p.exception("ValueError", ["x"], [(frame, 5)], attributes=notes))


@file
def values_that_double(p: DumpedProgram) -> None:
    partial = {"func": ref(p.builtin("int")), "args": ref(p.add(8, doubling(p))), "keywords": ref(p.add(10))}
    space = p.instance(p.builtin("SimpleNamespace", "types", "types.SimpleNamespace"), {"a": doubling(p)})
    bounds = {"start": doubling(p, 8), "stop": doubling(p, 8), "step": None}
    names = {
        "x": ref(p.special("functools.partial", partial, module="functools")),
        "y": ref(space),
        "z": ref(p.special("slice", bounds)),
        "t": doubling(p, 8),
    }
    failed(p, names)


@file
def text_shared_often(p: DumpedProgram) -> None:
    text = p.add(16, 5, 4_000_000)
    p.dump.content(text, b"A" * 4_000_000)
    failed(p, {}, lambda frame: p.exception("ValueError", [ref(p.add(9, *[ref(text)] * 2000))], [(frame, 5)]))


@file
def sizes_that_are_claimed(p: DumpedProgram) -> None:
    """A number where bytes should be is how many zeros bytes() makes."""
    names = {
        "a": ref(p.special("_io.BytesIO", {"_buf": 6 << 30, "_pos": 0, "_string_size": 5 << 30}, module="_io")),
        "b": ref(p.special("array.array", {"typecode": 3 << 30}, base=[6, b"abcd"], module="array")),
        "c": ref(p.add(16, 5, 3_000_000_000)),
        "d": ref(p.add(16, 9, 1 << 60)),
    }
    failed(p, names)


@file
def members_that_c_code_believes(p: DumpedProgram) -> None:
    members = [*EXCEPTION_FIELDS, "encoding", "object", "start", "end", "reason"]
    kind = p.builtin("UnicodeDecodeError", layout="UnicodeDecodeError", fields=members)
    far = -(1 << 45)

    def error(frame: int) -> int:
        arguments = ref(p.add(8, "utf-8", b"abc", 0, 1, "bad"))
        trace = ref(p.traceback([(frame, 5)]))
        own = ["utf-8", b"abc", far, far + 1, "bad"]
        return p.add(1, ref(kind), None, None, [arguments, trace, None, None, False, *own])

    failed(p, {}, error)


@file
def members_of_wrong_types(p: DumpedProgram) -> None:
    members = [*EXCEPTION_FIELDS, "encoding", "object", "start", "end", "reason"]
    kind = p.builtin("UnicodeEncodeError", layout="UnicodeEncodeError", fields=members)

    def error(frame: int) -> int:
        arguments = ref(p.add(8, "utf-8", "abc", 0, 1, "bad"))
        trace = ref(p.traceback([(frame, 5)]))
        return p.add(1, ref(kind), None, None, [arguments, trace, None, None, False, "utf-8", 5, 0, 1, "bad"])

    failed(p, {}, error)


@file
def keys_with_one_hash(p: DumpedProgram) -> None:
    prime = (1 << 61) - 1
    space = p.add(16, 10, 2 * 60_000)
    p.dump.items(space, [value for i in range(1, 60_001) for value in (i * prime, 0)])
    pairs = [value for i in range(1, 4_900) for value in (i * prime, 0)]
    failed(p, {f"v{i}": ref(p.add(10, *pairs)) for i in range(20)}, space=space)


@file
def chains_of_real_objects(p: DumpedProgram) -> None:
    """C code recurses into each of them: to hash, to compare, to free."""
    one = ref(p.add(8, 1))
    alias = chain(p, "types.GenericAlias", ["__origin__", "__args__"], [one], 60_000)
    method = chain(p, "method", ["__func__", "__self__"], [1], 60_000)
    cell = chain(p, "cell", ["cell_contents"], [], 60_000)
    names = {"a": alias, "b": ref(p.add(10, alias, 1)), "c": ref(p.add(11, method)), "d": method, "e": cell}
    failed(p, names)


@file
def tasks_by_the_million(p: DumpedProgram) -> None:
    failed(p, {})
    p.end["tasks"] = [ref(5)] * 900_000


@file
def many_threads(p: DumpedProgram) -> None:
    frames = [p.frame(p.code(f"f{i}", "/srv/app.py", 1), {"x": 1}, line=5) for i in range(100)]
    for _ in range(12_000):
        p.thread(frames)


@file
def group_of_groups(p: DumpedProgram) -> None:
    members = [*EXCEPTION_FIELDS, "message", "exceptions"]
    kind = p.builtin("ExceptionGroup", layout="BaseExceptionGroup", fields=members, heap=True)

    def error(frame: int) -> int:
        found = p.exception("ValueError", ["x"], [(frame, 5)])
        for _ in range(12):
            inner = ref(p.add(8, *[ref(found)] * 40))
            trace = ref(p.traceback([(frame, 5)]))
            found = p.add(1, ref(kind), None, None, [ref(p.add(8, "g", inner)), trace, None, None, False, "g", inner])
        return found

    failed(p, {}, error)


@file
def dtype_of_dtypes(p: DumpedProgram) -> None:
    fields = ["kind", "byteorder", "itemsize", "subdtype", "names", "fields", "flags"]
    kind = p.builtin("dtype", "numpy", "numpy.dtype", fields=fields)
    found = p.instance(kind, None, ["i", "<", 4, None, None, None, 0])
    names = [f"a{i}" for i in range(4)]
    for _ in range(15):
        parts = p.add(10, *[value for name in names for value in (name, ref(p.add(8, ref(found), 0)))])
        found = p.instance(kind, None, ["V", "|", 64, None, ref(p.add(8, *names)), ref(parts), 0])
    failed(p, {"x": ref(found)})


def deflated(content: bytes, times: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join(packer.compress(content) for _ in range(times)) + packer.flush()


@file
def sources_that_grow(p: DumpedProgram) -> None:
    packed = deflated(b"\n" * (1 << 20), 48)
    for i in range(20):
        p.dump.source(f"/srv/app{i}.py", packed, compression="deflate")
    p.dump.source("/srv/app.py", b"a" * 15_000_000 + b"\n" * 9)
    failed(p, {"x": 1}, line=1)


@file
def texts_that_steer(p: DumpedProgram) -> None:
    fields = EXCEPTION_FIELDS
    name = f"/srv/{ESCAPES}app.py"
    thing = p.instance(p.cls(f"Thing{ESCAPES}", module=f"m{ESCAPES}"), {f"at{ESCAPES}": f"v{ESCAPES}"})
    p.dump.source(name, ("line " + ESCAPES.replace("\r", "") + "\n") * 9)
    p.dump.headers["Subject"] = "S" + ESCAPES.replace("\r", "")
    p.dump.text = f"T{ESCAPES}"
    p.dump.proc(f"/proc/1/{ESCAPES}", ESCAPES.encode())
    frame = p.frame(
        p.code(f"fn{ESCAPES}", name, 1), {f"n{ESCAPES}": ref(thing), "s": ESCAPES, "b": ESCAPES.encode()}, line=5
    )
    p.facts.update(
        label=ESCAPES, reason=ESCAPES, writer=ESCAPES, executable=ESCAPES, python=[ESCAPES, ESCAPES, ESCAPES],
        core={"path": ESCAPES, "time": 1.0, "problems": [ESCAPES]},
        memory_limit={"kind": ESCAPES, "where": ESCAPES, "bytes": 1, "used": 1, "threshold": 1},
    )  # fmt: skip
    p.end.update(reason=ESCAPES, omitted=[{"what": ESCAPES, "count": 1, "reason": ESCAPES}])
    base = p.builtin("ValueError", layout="BaseException", fields=fields)
    kind = p.cls(f"Err{ESCAPES}", [base], base_code=None, layout="BaseException", fields=fields)
    notes = {"__notes__": ref(p.add(9, f"note{ESCAPES}", 5))}
    p.failed_with(p.exception(kind, [f"msg{ESCAPES}"], [(frame, 5)], attributes=notes), [frame])
    p.roots["threads"][0].update(name=ESCAPES, problem=ESCAPES)


@file
def factories_that_are_real(p: DumpedProgram) -> None:
    huge = {"func": ref(p.builtin("bytes")), "args": ref(p.add(8, 2 << 30)), "keywords": ref(p.add(10))}
    factory = ref(p.special("functools.partial", huge, module="functools"))
    made = p.special("collections.defaultdict", {"default_factory": factory}, base=[10, "a", 1], module="collections")
    method = p.special("method", {"__func__": ref(p.builtin("bytes")), "__self__": 2 << 30})
    failed(p, {"d": ref(made), "m": ref(method)})


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (4 * SECONDS, 4 * SECONDS))


@pytest.fixture(scope="module", params=list(FILES))
def hostile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / f"{request.param}.dump"
    program = DumpedProgram(records_per_block=2000)
    FILES[request.param](program)
    program.write(path)
    return path


def shown(path: Path, view: str) -> tuple[subprocess.CompletedProcess[bytes], float, int]:
    """What a view shows, with its seconds of processor time and the KiB that it had resident at most.

    These are of its address space: ru_maxrss begins with what the process had that started it.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = (
        "import re, sys; from pyheapdump.view.cli import main; status = 1\n"
        "try: status = main(sys.argv[1:])\n"
        "finally: print(re.search(r'VmHWM:\\s*(\\d+) kB', open('/proc/self/status').read())[1], file=sys.stderr)\n"
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), f"--{view}"],
        input=VIEWS[view], capture_output=True, timeout=120, preexec_fn=limit, check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    numbers = re.findall(rb"^(\d+)$", done.stderr, re.MULTILINE)
    assert numbers, f"it did not end by itself: {done.returncode} {done.stderr[-2000:]!r}"
    return done, spent, int(numbers[-1])


@pytest.mark.parametrize("view", list(VIEWS))
def test_views(hostile: Path, view: str) -> None:
    done, seconds, resident = shown(hostile, view)
    assert done.returncode in (0, 1), done.stderr[-2000:]
    assert b"Traceback (most recent call last)" not in done.stderr
    assert len(done.stdout) < OUTPUT
    for text in (done.stdout, done.stderr):
        found = STEERING.search(text.decode("utf-8"))
        assert found is None, f"{found!r} at {text.decode()[max(found.start() - 60, 0) : found.end() + 20]!r}"
    assert resident < RESIDENT
    assert seconds < SECONDS
