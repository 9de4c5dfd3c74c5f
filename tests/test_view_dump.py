# SPDX-License-Identifier: Apache-2.0
"""`Dump`, the loader's Python face: what happened, threads, tasks, finding objects, closing. And other debuggers on it."""

import gc
import importlib.util
import io
import linecache
import sys
import threading
import types
import weakref
from pathlib import Path
from typing import Any, Iterator

import pyheapdump
import pytest
from pyheapdump.view import Dump, load
from support.dumped_program import DICT, LIST, DumpedProgram, failing_program
from support.format_writer import ref, run


@pytest.fixture
def dump(tmp_path: Path) -> Iterator[Dump]:
    program = failing_program()
    coroutine_frame = program.frame(program.code("answer", "server.py", 5), {"request": "GET /"}, 7)
    inner_frame = program.frame(program.code("read", "server.py", 20), {"size": 10}, 21)
    names = {"__name__": "answer"}
    inner = program.special("coroutine", names, base=[17, None, {"frame": ref(inner_frame)}])
    program.dump._records[coroutine_frame][0][1]["stack"] = [ref(inner)]
    coroutine = program.special("coroutine", names, base=[17, None, {"frame": ref(coroutine_frame)}])
    task = program.special("_asyncio.Task", {"_coro": ref(coroutine), "task_name": "Task-7"}, module="_asyncio")
    program.end["tasks"] = [ref(task)]
    program.dump.proc("/proc/self/limits", b"Max open files 1024\n")
    program.dump.headers["Subject"] = "=?utf-8?q?=5Bpyheapdump=5D_=CF=80?="
    with program.load(tmp_path / "python_heap_4711_0.dump") as opened:
        yield opened


def test_what_happened(dump: Dump) -> None:
    assert dump.reason == "exception"
    assert dump.headers["Subject"] == "[pyheapdump] \u03c0" and dump.headers["X-Python-Heapdump-Pid"] == "4711"
    assert dump.facts["python"] == [3, 11, 7] and dump.end["complete"] is True and dump.problems == []
    assert type(dump.exception) is ValueError and dump.exception is dump.exception
    assert dump.traceback is dump.exception.__traceback__ and isinstance(dump.traceback, types.TracebackType)
    assert dump.system == {"/proc/self/limits": b"Max open files 1024\n"}
    assert "ValueError: no such order" in dump.text and "python_heap_4711_0.dump" in repr(dump)
    assert pyheapdump.load is load


def test_threads(dump: Dump) -> None:
    main, worker = dump.threads
    assert (main.name, main.current, main.holds_gil, main.ident, main.native_id) == (
        *("MainThread", True, False),
        *(140_000, 4711),
    )
    assert (worker.name, worker.current, worker.holds_gil, worker.daemon) == ("worker", False, True, False)
    assert [type(frame) for frame in main.frames] == [types.FrameType] * 2
    assert [frame.f_code.co_name for frame in main.frames] == ["<module>", "load"]
    assert main.frames[-1] is dump.traceback.tb_next.tb_frame, "the stack and the traceback share frames"  # type: ignore[union-attr]
    assert worker.frames[0].f_lineno == 12 and worker.frames[0].f_back is None
    assert "holds the GIL" in repr(worker)


def test_tasks(dump: Dump) -> None:
    (task,) = dump.tasks
    assert task.name == "Task-7"
    assert [frame.f_code.co_name for frame in task.frames] == ["answer", "read"]
    assert task.frames[1].f_locals["size"] == 10


def test_finding_objects(dump: Dump) -> None:
    (order,) = dump.find("Order")
    assert order is dump.find("app.Order")[0] is dump.threads[0].frames[-1].f_locals["order"]
    rid = dump.heap.id_of(order)
    address = dump.heap.address_of(order)
    assert rid is not None and address is not None
    assert dump.object(rid) is order and dump.object(address) is order
    assert [type(found) for found in dump.find("list")] == [list]
    assert {type(found).__name__ for found in dump.objects("type")} == {"type"}
    assert sum(1 for _ in dump.objects()) == dump.file.object_count
    assert dump.find("app.Nothing") == [] and len(dump.find("frame")) == 5
    with pytest.raises(KeyError, match="no object with id or address"):
        dump.object(0xDEAD)


def test_locals_are_a_mapping_of_their_own(dump: Dump) -> None:
    frame = dump.threads[0].frames[-1]
    found = frame.f_locals
    assert list(found) == ["order", "rows"] and len(found) == 2 and "rows" in found and "total" not in found
    with pytest.raises(KeyError):
        found["total"]
    with pytest.raises(KeyError):
        del found["rows"]
    found["new"] = 1
    assert frame.f_locals["new"] == 1
    del found["new"]
    assert "new" not in frame.f_locals and dict(found)["rows"] == [1, 2, 3]


def test_cells_and_free_variables(tmp_path: Path) -> None:
    program = DumpedProgram()
    code = program.code("inner", "x.py", co_varnames=["a"], co_cellvars=["c"], co_freevars=["f"])
    frame = program.frame(code, {"a": 1, "c": "in a cell", "f": "free"}, 1)
    program.thread([frame])
    frame = program.load(tmp_path / "x.dump").threads[0].frames[0]
    for _ in range(2):
        assert dict(frame.f_locals) == {"a": 1, "c": "in a cell", "f": "free"}


def test_locals_of_a_module_are_its_globals(dump: Dump) -> None:
    frame = dump.threads[0].frames[0]
    assert frame.f_locals is frame.f_globals and frame.f_locals["RATE"] == 1.5


@pytest.mark.parametrize("own", [{}, {"__class__": "a cell", "step": 7}])
def test_variables_of_a_body_that_its_comprehensions_use(tmp_path: Path, own: "dict[str, Any]") -> None:
    """From 3.12 on the code of a module or class names the variables of its comprehensions like a function its own."""
    program = DumpedProgram()
    body = program.add(DICT, "step", "outer", "name", "id")
    code = program.code("Model", "x.py", co_flags=0, co_varnames=["step", "name"], co_cellvars=["__class__"])
    frame = program.frame(code, own, 1, namespace=ref(body))
    program.thread([frame])
    frame = program.load(tmp_path / "x.dump").threads[0].frames[0]
    for _ in range(2):  # reading f_locals must not change it
        assert dict(frame.f_locals) == {"step": "outer", "name": "id", **own}
        assert eval("step, name", frame.f_globals, frame.f_locals) == (own.get("step", "outer"), "id")
    exec("name = 'other'; new = 1", frame.f_globals, frame.f_locals)
    assert frame.f_locals["name"] == "other" and frame.f_locals["new"] == 1 and len(frame.f_locals) == 3 + bool(own)
    del frame.f_locals["new"]
    assert "new" not in frame.f_locals


def test_a_large_module(tmp_path: Path) -> None:
    """More globals than a lazy dict is filled with of itself: expressions find them all the same."""
    program = DumpedProgram()
    space = program.add(DICT, *(item for i in range(20_000) for item in (f"name{i}", i)))
    program.thread([program.frame(program.code("f", "x.py"), {"x": 1}, 1, space=space)])
    frame = program.load(tmp_path / "x.dump").threads[0].frames[0]
    assert eval("name19999 + x", frame.f_globals, frame.f_locals) == 20_000
    assert eval("[name5 for _ in range(x)]", frame.f_globals, frame.f_locals) == [5]


def test_close_and_collect(tmp_path: Path) -> None:
    linecache.clearcache()
    program = failing_program()
    dump = program.load(tmp_path / "x.dump")
    order = dump.find("Order")[0]
    assert order.id == 17
    dump.close()
    dump.close()
    assert not linecache.getline("app.py", 3)
    del dump
    gc.collect()
    assert order.state == "paid", "what was looked at stays"


def test_from_several_threads(tmp_path: Path) -> None:
    """Threads of the reader that look at one dump see one object."""
    program = DumpedProgram()
    first = program.dump.next_id
    for number in range(2000):
        program.add(LIST, number)
    rows = program.add(LIST, run(first, 2000))
    dump = program.load(tmp_path / "x.dump")
    seen: Any = []

    def look() -> None:
        seen.append([dump.object(rows)[i] for i in range(2000)])

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    assert all(one == [[i] for i in range(2000)] for one in seen)
    assert all(a is b for one in seen for a, b in zip(one, dump.object(rows)))


def test_ipython(dump: Dump) -> None:
    if importlib.util.find_spec("IPython") is None:
        pytest.skip("needs IPython")
    from IPython.core.debugger import Pdb

    commands = io.StringIO("p order.state\nll\nargs\nup\np RATE\nq\n")
    out, before = io.StringIO(), sys.stdout
    sys.stdout = out
    try:
        session = Pdb(stdin=commands, stdout=out)
        session.use_rawinput = False
        session.reset()
        session.interaction(None, dump.traceback)
    finally:
        sys.stdout = before
    assert "'paid'" in out.getvalue() and "1.5" in out.getvalue() and "rows = [1, 2, 3]" in out.getvalue()


def test_a_dump_that_is_closed_leaves_no_memory_behind(tmp_path: Path) -> None:
    """Everything is reachable from everything in a heap: one thing kept alive keeps all of it."""
    path = tmp_path / "whole.dump"
    pyheapdump.dump(path)

    def look() -> weakref.ref:
        with pyheapdump.load(path) as dump:
            for thread in dump.threads:
                for frame in thread.frames:
                    list(frame.f_locals.items())
            for _ in dump.objects():
                pass
            return weakref.ref(dump.heap)

    heap = look()
    gc.collect()
    gc.collect()
    assert heap() is None
