# SPDX-License-Identifier: Apache-2.0
"""The locals of a function as the writer put them into a dump: decoded records, nothing rebuilt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyheapdump
from pyheapdump import _pyheapdump as reader


class Written:
    """The values of one dump."""

    def __init__(self, path: Path) -> None:
        self.file = reader.DumpFile(str(path))

    def dict_of_local(self, function: str, name: str) -> dict[str, Any]:
        """The raw values of the dict with str keys that is local `name` of the innermost frame of `function`."""
        threads = self.file.blocks(2)[0]["threads"]
        for frame in threads[0]["frames"]:
            described = self.file.record(frame.id)[1]
            if self.value(self.file.record(described["code"].id)[2]["co_name"]) == function:
                items = self.file.record(described["locals"][name].id)[1:]
                return {self.value(key): raw for key, raw in zip(items[::2], items[1::2])}
        raise LookupError(function)

    def value(self, raw: Any) -> Any:
        """What a raw value stands for when that is a text, a number or a tuple of them; else the raw value."""
        if isinstance(raw, reader.Ref):
            record = self.file.record(raw.id)
            if record[0] in (2, 3, 4, 5, 6):
                return record[1]
            if record[0] == 8:
                return tuple(self.value(item) for item in record[1:])
            if record[0] == 9:
                return [self.value(item) for item in record[1:]]
        return raw

    def base(self, raw: reader.Ref) -> Any:
        """The base of an OBJECT record: a map for MAPPED, else the value it carries."""
        code, *values = self.file.record(raw.id)[2]
        if code == 17:
            found = {name: self.named_part(raw.id, name, value) for name, value in values[1].items()}
            return self.with_elements(raw, found) if "offset" in found else found
        return self.part(raw.id, [code, *values])

    def with_elements(self, raw: reader.Ref, base: dict[str, Any]) -> dict[str, Any]:
        """The base of an array whose content is its memory, with its elements in C order in place of that."""
        fields = self.fields(raw)
        size = fields["itemsize"] if "itemsize" in fields else self.fields(fields["dtype"])["itemsize"]
        places = [base["offset"]]
        for count, stride in zip(base["shape"], base["strides"]):
            written = count if stride or not count else 1
            places = [place + index * stride for place in places for index in range(written)]
        if "objects" in base:
            return {**base, "objects": [base["objects"][place // 8] for place in places]}
        return {**base, "content": b"".join(base["content"][place : place + size] for place in places)}

    def content(self, rid: int) -> Any:
        """The content, or the list of objects, of the object `rid`, as its record tells it."""
        record = self.file.record(rid)
        record = record[2] if record[0] == 1 else record
        if record[0] == 17:
            record = record[2].get("content", record[2].get("objects"))
        return self.part(rid, record)

    def shared(self, rid: int, record: list[Any]) -> Any:
        """What a SHARED record [18, code, n, reason, owner, offset, length, …] consists of."""
        parts = []
        for owner, offset, length in zip(record[4::3], record[5::3], record[6::3]):
            assert isinstance(owner, reader.Ref), f"left out: {record[3]}"
            of_own = owner.id == rid
            whole = self.file.content(rid) if of_own else self.content(owner.id)
            parts.append(whole[offset : offset + length])
            assert len(parts[-1]) == length
        made = parts[0] if len(parts) == 1 else b"".join(parts)
        assert len(made) == record[2]
        return made

    def named_part(self, rid: int, name: str, part: Any) -> Any:
        """What stands by `name` in a base: nested records are told by their names (docs/types.md)."""
        return self.part(rid, part) if name in ("content", "objects") else part

    def part(self, rid: int, part: Any) -> Any:
        """A nested record, or a value as it is."""
        if not isinstance(part, list) or not part:
            return self.value(part)
        if part[0] == 18:
            return self.shared(rid, part)
        if part[0] == 16 and part[1] in (5, 6, 7):
            content = self.file.content(rid)
            assert len(content) == part[2]
            return content.decode("utf-8", "surrogatepass") if part[1] == 5 else content
        if part[0] == 16:
            values = self.file.values(rid, 0, part[2])
            return self.collected(part[1], values)
        if part[0] in (8, 9, 10):
            return self.collected(part[0], part[1:])
        return part[1]

    def collected(self, code: int, values: list[Any]) -> Any:
        made = [self.value(value) for value in values]
        return list(zip(made[::2], made[1::2])) if code == 10 else made

    def fields(self, raw: reader.Ref) -> dict[str, Any]:
        """The fields of an OBJECT by name."""
        record = self.file.record(raw.id)
        names = self.file.record(record[1].id)[1].get("fields", [])
        return dict(zip(names, record[4] or []))


def dump_values(path: Path, values: dict[str, Any]) -> tuple[Written, dict[str, Any]]:
    """Dump the process; return what was written, and of each of `values` the raw value."""
    pyheapdump.dump(str(path))
    written = Written(path)
    return written, written.dict_of_local("dump_values", "values")
