# SPDX-License-Identifier: Apache-2.0
"""Values of C types that keep their truth beside the builtin value that they carry, and words of C memory that nobody
vouches for: what is shown is true, or said to be not known."""

import datetime
import importlib.util
import json
from pathlib import Path
from typing import Any, Dict

import pyheapdump
import pytest
from support.dumped_program import DumpedProgram
from support.format_writer import ref
from support.subject import Subject

PANDAS = """
    import json
    import numpy as np
    import pandas as pd

    def work():
        values = {
            "nanoseconds": pd.Timestamp("2024-05-06 07:08:09.123456789"),
            "microseconds": pd.Timestamp("2024-05-06 07:08:09.123456"),
            "days": pd.Timestamp("2024-02-29"),
            "zone": pd.Timestamp("2024-07-01 12:00", tz="Europe/Berlin"),
            "utc": pd.Timestamp("1969-12-31 23:59:59.000000001", tz="UTC"),
            "least": pd.Timestamp.min,
            "most": pd.Timestamp.max,
            "delta": pd.Timedelta(123456789123, "ns"),
            "negative": pd.Timedelta(-1, "ns"),
            "exact": pd.Timedelta(days=3, hours=4, microseconds=5),
            "none": pd.NaT,
        }
        if int(pd.__version__.partition(".")[0]) >= 2:
            values["far"] = pd.Timestamp(np.datetime64("20000-06-05", "s"))
            values["before"] = pd.Timestamp(np.datetime64("-0500-06-05", "s"))
            values["millis"] = pd.Timestamp(np.datetime64("12345-06-05 01:02:03.004", "ms"))
            values["long"] = pd.Timedelta(np.timedelta64(10**14, "s"))
        in_series = list(pd.Series(pd.to_datetime(["2024-01-01", None])))
        print(json.dumps({name: [str(value), getattr(value, "unit", "ns")] for name, value in values.items()}))
        raise ValueError("done")

    work()
"""


@pytest.mark.skipif(importlib.util.find_spec("pandas") is None, reason="pandas is not installed")
def test_pandas_scalars(tmp_path: Path) -> None:
    ended = Subject(tmp_path, PANDAS).run()
    told: Dict[str, Any] = json.loads(ended.stdout)
    with pyheapdump.load(ended.only_dump) as dump:
        names = dump.exception.__traceback__.tb_next.tb_frame.f_locals
        for name, (text, unit) in told.items():
            found = names["values"][name]
            plain = text[: text.rindex("+")] if name in ("zone", "utc") else text
            assert repr(found).partition(" ")[2].startswith(f"{plain} "), (repr(found), text)
            if name != "none":
                assert found.unit == unit
        assert names["values"]["exact"] == datetime.timedelta(days=3, hours=4, microseconds=5)
        assert names["values"]["microseconds"] == datetime.datetime(2024, 5, 6, 7, 8, 9, 123456)
        for name in {"nanoseconds", "least", "most", "delta", "negative", "none", "far", "before", "millis"} & set(
            told
        ):
            assert not isinstance(names["values"][name], (datetime.date, datetime.timedelta)), name
        first, second = names["in_series"]
        assert first == datetime.datetime(2024, 1, 1) and " NaT " in repr(second)


SUBCLASSES = """
    import ctypes, datetime, decimal, sys

    class Slot(ctypes.Structure):
        _fields_ = [("slot", ctypes.c_int), ("function", ctypes.c_void_p)]

    class Spec(ctypes.Structure):
        _fields_ = [("name", ctypes.c_char_p), ("size", ctypes.c_int), ("item", ctypes.c_int),
                    ("flags", ctypes.c_uint), ("slots", ctypes.POINTER(Slot))]

    make = ctypes.pythonapi.PyType_FromSpecWithBases
    make.restype, make.argtypes = ctypes.py_object, [ctypes.POINTER(Spec), ctypes.py_object]
    kept = []

    def subclass(name, base, more):
        spec = Spec(b"driver." + name, base.__basicsize__ + more, 0, 1 << 18 | 1 << 10, (Slot * 1)())
        kept.append(spec)
        return make(ctypes.byref(spec), (base,))

    def set_word(value, offset, word):
        ctypes.c_size_t.from_address(id(value) + offset).value = word

    Price = subclass(b"Price", float, 16)
    Moment = subclass(b"Moment", datetime.datetime, 8)
    Span = subclass(b"Span", datetime.timedelta, 8)
    Number = subclass(b"Number", decimal.Decimal, 8)
    Rows = subclass(b"Rows", list, 8)
    Table = subclass(b"Table", dict, 8)
    Same = subclass(b"Same", float, 0)
    Opaque = subclass(b"Opaque", object, 24)

    class OwnPrice(Price):
        pass

    def work():
        price, own, same, moment = Price(1.5), OwnPrice(2.5), Same(3.5), Moment(2024, 5, 6)
        span, number, rows, table = Span(days=2), Number("4.5"), Rows([1, 2]), Table(a=1)
        opaque, stale = Opaque(), ["left over"]
        set_word(opaque, object.__basicsize__ + 8, id(stale))
        raise ValueError("done")

    work()
"""


def test_subclasses_made_by_c_code(tmp_path: Path) -> None:
    """What a C subclass keeps beside the builtin value may be its truth; without such the value is what it was."""
    with pyheapdump.load(Subject(tmp_path, SUBCLASSES).run().only_dump) as dump:
        found = dict(dump.exception.__traceback__.tb_next.tb_frame.f_locals)
        for name, size in {"price": 16, "own": 16, "moment": 8, "span": 8, "number": 8, "rows": 8, "table": 8}.items():
            told = f"value not known: its C code keeps {size} bytes beside the builtin value"
            assert told in repr(found[name]), repr(found[name])
            assert not isinstance(found[name], (float, datetime.date, datetime.timedelta, list, dict))
        assert [found[name].content for name in ("price", "own")] == [1.5, 2.5]
        assert list(found["rows"].content) == [1, 2] and dict(found["table"].content) == {"a": 1}
        assert found["same"] == 3.5 and isinstance(found["same"], float)


def test_words_of_c_memory_are_no_fields(tmp_path: Path) -> None:
    """A word that looks like a pointer may be left over: it is counted, and given to who asks for it."""
    with pyheapdump.load(Subject(tmp_path, SUBCLASSES).run().only_dump) as dump:
        found = dict(dump.exception.__traceback__.tb_next.tb_frame.f_locals)
        opaque = found["opaque"]
        assert "(1 pointer not vouched for)" in repr(opaque) and "left over" not in repr(opaque)
        assert [name for name in dir(opaque) if not name.startswith("__")] == []
        assert list(dump.unvouched(opaque).values()) == [["left over"]]
        assert dump.unvouched(opaque).popitem()[1] is found["stale"]
        assert dump.unvouched(found["stale"]) == {}


def test_a_value_that_contradicts_itself_is_not_known(tmp_path: Path) -> None:
    """Fields of a Timestamp that cannot belong together, as of a pandas to come."""
    program = DumpedProgram()
    day = bytes([7, 232, 5, 6, 0, 0, 0, 0, 0, 0])
    fields = {"data": day, "fold": 0, "tzinfo": None, "value": 5, "nanosecond": 0, "year": 2024, "unit": 7}
    wrong = program.special("pandas._libs.tslibs.timestamps._Timestamp", fields, module="pandas")
    odd = program.special("pandas._libs.tslibs.timestamps._Timestamp", {**fields, "unit": 99}, module="pandas")
    short = program.special("pandas._libs.tslibs.timedeltas._Timedelta", {"value": 5}, module="pandas")
    holder = program.add(9, ref(wrong), ref(odd), ref(short))
    with program.load(tmp_path / "one.dump") as dump:
        for one in dump.object(holder):
            assert "value not known" in repr(one) and not isinstance(one, datetime.datetime)
