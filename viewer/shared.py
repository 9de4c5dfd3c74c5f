# SPDX-License-Identifier: Apache-2.0
"""Memory that objects of the dump share: loaded once, so that what was a view of an array is one in the viewer too.

The memory of a view is a part of the content of another object, its owner (content.py). A bytes or bytearray object
that is in the viewer is itself the memory; of others the content is loaded when it is first needed, as far as all of it
is in the dump and bounds allow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyheapdump._pyheapdump import Ref

from .content import Content, content_of, raw_content

if TYPE_CHECKING:
    from .heap import Heap

ONE_LIMIT = 64 << 20  # bytes of one content that is loaded as a whole
ALL_LIMIT = 128 << 20  # bytes of all of them: what comes then is a window on the dump (windows.py)


def owner_of(content: Content) -> int | None:
    """The one object whose content has all bytes of this one; None when there are several, or none."""
    return content.pieces[0].owner if len(content.pieces) == 1 else None


def memory_of(heap: Heap, rid: int, content: Content, writable: bool) -> tuple[Any, int]:
    """Memory that has the bytes of a content of object `rid`, and where in it they begin.

    Raises NotInDumpError when not all are in the dump, ValueError when they are too many.
    """
    owner = owner_of(content)
    if owner is not None:
        whole = content_of(heap.file, owner, raw_content(heap.file, owner))
        if whole.is_whole() and whole.size <= ONE_LIMIT:
            return loaded(heap, owner, whole, writable), content.pieces[0].offset
    return loaded(heap, rid, content, writable), 0  # of the owner not all is there


def loaded(heap: Heap, rid: int, content: Content, writable: bool) -> Any:
    """All bytes of a content of object `rid`: the object itself, if it is bytes that are not to be written to."""
    if rid not in heap.buffers:
        if not content.is_whole():
            content.read()  # says what is missing
        if content.size > ONE_LIMIT or content.size + heap.buffer_bytes > ALL_LIMIT:
            raise ValueError("too large to be loaded together with the others")
        record = heap.record(rid)
        made = heap.part(Ref(rid)) if record and record[0] in (6, 7, 16, 18) else None
        heap.buffers[rid] = made if type(made) in (bytes, bytearray) else bytearray(content.read())
        heap.buffer_bytes += content.size
    if writable and type(heap.buffers[rid]) is bytes:  # those of a BytesIO
        heap.buffers[rid] = bytearray(heap.buffers[rid])
    return heap.buffers[rid]
