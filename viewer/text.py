# SPDX-License-Identifier: Apache-2.0
"""Text of the dump made safe to show: control characters escaped, length bounded."""

from __future__ import annotations


def escape_controls(text: str, keep: str = "\n\t") -> str:
    """`text` with everything that could steer a terminal (controls, surrogates, bidi marks) written as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _escaped(c) for c in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def printable(text: str, limit: int) -> str:
    """`text` on one line, escaped, at most about `limit` characters with a mark where it was shortened."""
    shortened = text if len(text) <= limit else f"{text[: limit * 2 // 3]}...{text[-limit // 4 :]}"
    return escape_controls(shortened, keep="")


def size_text(size: float) -> str:
    """A number of bytes for people."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"


def counted(number: int, what: str) -> str:
    """`1 thread`, `2,000 threads`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def name_of(text: object, default: str = "?", limit: int = 200) -> str:
    """A name out of the dump, fit to be a `__name__`: a str without controls, of bounded length."""
    return printable(text, limit) if isinstance(text, str) and text else default


def file_name(text: object) -> str:
    """A file name out of the dump as frames and sources have it: the same for both, so that they find each other."""
    return printable(text, 4096) if isinstance(text, str) and text else "?"
