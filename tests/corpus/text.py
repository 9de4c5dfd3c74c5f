# SPDX-License-Identifier: Apache-2.0
"""str: every storage kind (ASCII, 1, 2, 4 bytes), lone surrogates, NULs, terminal escapes, long ones, subclasses."""

from .entry import Group

TEXT = Group("text")

TEXT.values(
    empty="",
    one_ascii="a",
    one_latin="\xe9",
    one_greek="\u03c0",
    one_astral="\U0001f40d",
    ascii="plain text",
    latin="caf\xe9 \xff",
    two_bytes="\u0436\u5b57 \u20ac",
    four_bytes="snake \U0001f40d and \u20ac and \xe9",
    last_character="\U0010ffff",
    nul="before\0after",
    only_nul="\0",
    newlines="one\ntwo\r\nthree\u2028four",
    escapes="\x1b[31mred\x1b[0m\x07",
    quotes="both ' and \" and \\",
    control="\x7f\x80\x9f",
    combining="e\u0301",
    right_to_left="\u202eabc\u05d0",
    byte_order_mark="\ufefftext",
    identifier="an_identifier",
    zero_length_join="".join([]),
    surrogate_lone_high="\ud800",
    surrogate_lone_low="\udfff",
    surrogate_reversed="\udc00\ud800",
    surrogate_pair_unjoined="\ud83d" + "\udc0d",
    surrogate_inside="name\udcff.txt",
    surrogate_with_astral="\U0001f40d\ud800",
    length_31="x" * 31,
    length_32="x" * 32,
    length_255="y" * 255,
    length_256="y" * 256,
    length_65535="z" * 65535,
    length_65536="z" * 65536,
    mebibyte_ascii="0123456789abcdef" * (1 << 16),
    mebibyte_ascii_plus_1="0123456789abcdef" * (1 << 16) + "!",
    three_mebibytes_latin="caf\xe9" * (3 << 18),
    three_mebibytes_greek="\u03c0\u03c1" * (3 << 17),
    astral_megabyte="\U0001f40d" * (1 << 18),
    megabyte_with_surrogates=("0123456789" * 1000 + "\udc80") * 150,
)


class Slug(str):
    pass


class SlottedText(str):
    __slots__ = ()


def slug(text: str) -> Slug:
    value = Slug(text)
    value.language = "en"  # type: ignore[attr-defined]
    return value


def shared_text() -> list:
    """One long str in two places; a str's identity need not be kept, its value must."""
    text = "long " * 100
    return [text, text, {text: text}]


TEXT.add("subclass", lambda: slug("a-title"))
TEXT.add("subclass_empty", lambda: slug(""))
TEXT.add("subclass_latin", lambda: slug("\xe9t\xe9"))
TEXT.add("subclass_surrogate", lambda: slug("\ud800"))
TEXT.add("subclass_mebibyte", lambda: slug("s" * (1 << 20)))
TEXT.add("subclass_slots", lambda: SlottedText("slotted"))
TEXT.add("shared", shared_text)
TEXT.add("interned_and_not", lambda: ["name", "".join(["na", "me"])])
