# SPDX-License-Identifier: Apache-2.0
"""Another dumper on the same failing frame.

usage: python -m bench.measure_peer dump PEER RECORDS FILE SECONDS
       python -m bench.measure_peer check PEER RECORDS FILE

Each peer is asked for everything: limits of its own that would cut the records are taken off. The time is compared
with that of pickle.dumps in the same process. `check` opens the file with the peer's own loader and looks at the last
record. peers.py runs both, within limits of memory and time.
"""

from __future__ import annotations

import os
import pickle
import resource
import sys
from importlib import import_module
from typing import Any

from bench.heap import PlantedError, Record, failed, innermost, make_records
from bench.timing import hand_over, resident_bytes, seconds, settle

FAR = 100  # levels of nesting; the records are at about 5


class Coredumpy:
    """The frames of all threads and their locals, as JSON with gzip."""

    @staticmethod
    def dump(error: PlantedError, records: list[Record], path: str, limit: int) -> None:
        coredumpy = import_module("coredumpy")
        coredumpy.config.dump_timeout = limit
        coredumpy.dump(innermost(error.__traceback__).tb_frame, path=path, depth=FAR)

    @staticmethod
    def load(path: str) -> Any:
        loader = import_module("coredumpy.coredumpy").Coredumpy
        return loader.load_data_from_path(path)["frame"].f_locals["records"]


class Debuglater:
    """The traceback's frames, by dill with gzip."""

    @staticmethod
    def dump(error: PlantedError, records: list[Record], path: str, limit: int) -> None:
        debuglater = import_module("debuglater")
        debuglater.run(path, echo=False, tb=error.__traceback__)

    @staticmethod
    def load(path: str) -> Any:
        pydump = import_module("debuglater.pydump")
        return innermost(pydump.load_dump(path)["traceback"]).tb_frame.f_locals["records"]


class Pydumpling:
    """The traceback's frames, by dill with gzip."""

    @staticmethod
    def dump(error: PlantedError, records: list[Record], path: str, limit: int) -> None:
        pydumpling = import_module("pydumpling")
        everything = pydumpling.DumpOptions.unlimited()
        pydumpling.save_dumping(path, (type(error), error, error.__traceback__), options=everything, strict=True)

    @staticmethod
    def load(path: str) -> Any:
        pydumpling = import_module("pydumpling")
        return innermost(pydumpling.load_dumpling(path)["traceback"]).tb_frame.f_locals["records"]


class Dill:
    """The list alone."""

    @staticmethod
    def dump(error: PlantedError, records: list[Record], path: str, limit: int) -> None:
        dill = import_module("dill")
        with open(path, "wb") as stream:
            dill.dump(records, stream)

    @staticmethod
    def load(path: str) -> Any:
        dill = import_module("dill")
        with open(path, "rb") as stream:
            return dill.load(stream)


class Cloudpickle:
    """The list alone."""

    @staticmethod
    def dump(error: PlantedError, records: list[Record], path: str, limit: int) -> None:
        cloudpickle = import_module("cloudpickle")
        with open(path, "wb") as stream:
            cloudpickle.dump(records, stream)

    @staticmethod
    def load(path: str) -> Any:
        with open(path, "rb") as stream:
            return pickle.load(stream)  # noqa: S301 -- written by dump() above


PEERS: dict[str, Any] = {
    "coredumpy": Coredumpy,
    "debuglater": Debuglater,
    "pydumpling": Pydumpling,
    "dill": Dill,
    "cloudpickle": Cloudpickle,
}


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def dump(peer: str, count: int, path: str, limit: int) -> None:
    records = make_records(count)
    error = failed(records)
    pickled_bytes = len(pickle.dumps(records, protocol=5))
    settle()
    pickled = seconds(lambda: pickle.dumps(records, protocol=5))
    settle()
    resident, before = resident_bytes(), peak_bytes()
    taken = seconds(lambda: PEERS[peer].dump(error, records, path, limit))
    hand_over({
        "pickle": pickled,
        "pickle_bytes": pickled_bytes,
        "seconds": taken,
        "bytes": os.path.getsize(path),
        "more_memory": max(0, peak_bytes() - before),
        "resident": resident,
    })  # fmt: skip


def check(peer: str, count: int, path: str) -> None:
    records = PEERS[peer].load(path)
    last = make_records(count)[-1]
    try:
        found = {name: records[count - 1][name] for name in last}
    except (KeyError, IndexError, TypeError, AttributeError) as problem:
        raise SystemExit(f"the records are not in its file ({type(problem).__name__}: {problem})") from None
    if any(list(found[name]) != value if name == "tags" else found[name] != value for name, value in last.items()):
        raise SystemExit(f"the last record came back as {found!r:.100}")
    hand_over({"intact": True})


if __name__ == "__main__":
    if sys.argv[1] == "dump":
        dump(sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
    else:
        check(sys.argv[2], int(sys.argv[3]), sys.argv[4])
