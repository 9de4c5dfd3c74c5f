# SPDX-License-Identifier: Apache-2.0
"""Secrets stay home: texts under telling names are nowhere in the file, and nothing else is lost for them.

The programs build their secrets at run time, so that no constant and no source holds them; the whole file is searched,
unpacked.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pyheapdump
import pytest
from support.subject import Subject
from support.unpacked import unpacked

# `mark("slot")` gives a text that no other place of the program has.
MARKS = """
import collections, dataclasses, sys
def mark(place):
    return "-".join(["LEAK", place, "7"])
"""

# How a secret is named in a program; each line makes one text that begins with "LEAK-".
PLACES = {
    "local": "password = mark('local')",
    "dict key": "kept = {'db_password': mark('dict_key')}",
    "bytes key": "kept = {b'Authorization': mark('bytes_key').encode()}",
    "bytearray": "kept = {'secret': bytearray(mark('bytearray').encode())}",
    "memoryview": "kept = {'secret': memoryview(mark('memoryview').encode())}",
    "str subclass": "kept = {'password': type('Text', (str,), {})(mark('subclass'))}",
    "long name": "kept = {'x' * 400 + '_password': mark('long_name')}",
    "name that is not ASCII": "kept = {'mot_de_pass\\u00e9_password': mark('not_ascii')}",
    "attribute": "kept = type('Config', (), {})(); kept.api_key = mark('attribute')",
    "slot": "kept = type('Config', (), {'__slots__': ('password',)})(); kept.password = mark('slot')",
    "slot of a base": """Base = type('Base', (), {'__slots__': ('_Base__secret',)})
    kept = type('Config', (Base,), {})(); kept._Base__secret = mark('base_slot')""",
    "class attribute": "kept = type('Config', (), {'SECRET_KEY': mark('class_attribute')})",
    "dataclass": """kept = dataclasses.make_dataclass('Config', ['api_key'])(mark('dataclass'))""",
    "named tuple": "kept = collections.namedtuple('Login', 'user password')('bob', mark('named_tuple'))",
    "named tuple subclass": """Login = collections.namedtuple('Login', 'user password')
    kept = type('Admin', (Login,), {})('bob', mark('named_tuple_subclass'))""",
    "struct sequence": "import pwd; kept = pwd.struct_passwd(('u', mark('struct'), 1, 1, 'g', 'd', 's'))",
    "default": "def kept(user, password=mark('default'), other=1): pass",
    "keyword default": "def kept(*, password=mark('keyword_default')): pass",
    "closure": """def outer(password):
        other = 1
        def inner(): return password, other
        return inner
    kept = outer(mark('closure'))""",
    "global": "globals()['GITHUB_TOKEN'] = mark('global')",
    "list": "kept = {'Authorization': ['Bearer', mark('list')]}",
    "tuple": "auth = ('bob', mark('tuple'))",
    "set": "tokens = 0; kept = {'credentials': {mark('set')}}",
    "dict": "kept = {'passwords': {'bob': mark('dict')}}",
    "ordered dict": "kept = collections.OrderedDict(a=1, password=mark('ordered')); kept.move_to_end('a')",
    "deque": "kept = {'secrets': collections.deque([mark('deque')])}",
    "URL": "kept = {'DATABASE_URL': 'postgres://bob:' + mark('url') + '@db/shop'}",
    "large dict": "kept = {str(i): i for i in range(5000)}; kept['password'] = mark('large_dict')",
    "large list": "kept = {'password': [mark(str(i)) for i in range(5000)]}",
}


def program(lines: list[str]) -> str:
    """A program whose threads of execution hold all of `lines`, each in a generator of its own."""
    made = [f"def place_{i}():\n    {line}\n    yield\n" for i, line in enumerate(lines)]
    names = ", ".join(f"place_{i}()" for i in range(len(lines)))
    return MARKS + "".join(made) + f"kept_alive = [{names}]\nfor one in kept_alive: next(one)\n1 / 0\n"


def places_found(path: Path) -> list[str]:
    return sorted({text.decode() for text in re.findall(rb"LEAK-(\w+)", unpacked(path))})


def test_no_named_secret_reaches_the_file(tmp_path: Path) -> None:
    ended = Subject(tmp_path, program(list(PLACES.values()))).run()
    assert places_found(ended.only_dump) == []
    with pyheapdump.load(ended.only_dump) as dump:
        assert dump.exception is not None


def test_without_redaction_every_one_of_them_is_there(tmp_path: Path) -> None:
    """So that the test above can fail."""
    lines = [line for place, line in PLACES.items() if place != "large list"]
    ended = Subject(tmp_path, program(lines), install="redact=False").run()
    assert len(places_found(ended.only_dump)) == len(lines)


@pytest.mark.parametrize("first", ["harmless = secret; password = secret", "password = secret; harmless = secret"])
def test_a_secret_by_a_harmless_name(tmp_path: Path, first: str) -> None:
    ended = Subject(
        tmp_path,
        f"{MARKS}def fail():\n    secret_free = 1\n    {{}}\n    1 / 0\n".replace(
            "{}", first.replace("= secret", "= shared")
        ).replace("secret_free = 1", "shared = mark('alias')")
        + "fail()\n",
    ).run()
    with pyheapdump.load(ended.only_dump) as dump:
        found = dump.traceback.tb_next.tb_frame.f_locals
        # It is as secret by its other names, as long as those come later in the frame.
        assert "LEAK" not in repr(found["password"])
        if first.startswith("password"):
            assert "LEAK" not in repr(found["harmless"])


POISON = """
class Config: pass
def fail():
    conf = {"password": "", "secret": "id", "api_key": "utf-8", "passwd": "name", "token": "username"}
    config = Config(); config.name = "Bob"; config.username = "bob"; config.secret = "name"
    rows = [{"id": 1, "name": ""}, {"id": 2, "username": "name"}]
    path = ""; encoding = "utf-8"; words = ["name", "host", "", "username"]
    conf.missing
fail()
"""


def test_common_texts_are_lost_in_their_places_alone(tmp_path: Path) -> None:
    ended = Subject(tmp_path, POISON).run()
    with pyheapdump.load(ended.only_dump) as dump:
        found = dump.traceback.tb_next.tb_frame.f_locals
        assert found["rows"] == [{"id": 1, "name": ""}, {"id": 2, "username": "name"}]
        assert (found["path"], found["encoding"]) == ("", "utf-8")
        assert found["words"] == ["name", "host", "", "username"]
        assert (found["config"].name, found["config"].username) == ("Bob", "bob")
        assert list(found["conf"]) == ["password", "secret", "api_key", "passwd", "token"]
        assert not {"", "id", "utf-8", "name", "username"} & {
            value for value in found["conf"].values() if isinstance(value, str)
        }


def test_a_key_is_a_name_also_when_it_is_a_secret_elsewhere(tmp_path: Path) -> None:
    text = (
        MARKS
        + "password = mark('key')\nkept = {password: 1}\nother = type('A', (), {})()\nsetattr(other, password, 2)\n1 / 0\n"
    )
    ended = Subject(tmp_path, text).run()
    with pyheapdump.load(ended.only_dump) as dump:
        found = dump.traceback.tb_frame.f_locals
        assert found["kept"] == {"LEAK-key-7": 1}
        assert vars(found["other"]) == {"LEAK-key-7": 2}


def test_environment_and_arguments(tmp_path: Path) -> None:
    environment = {
        "GITHUB_TOKEN": "LEAK-github_token", "DATABASE_URL": "postgres://bob:LEAK-url@db/shop", "MY_PWD": "LEAK-pwd",
        "OPTIONS": "--cache redis://:LEAK-cache@host/0 --mail smtp://a:LEAK-mail@host", "SHOP_NAME": "KEPT-name",
    }  # fmt: skip
    path = tmp_path / "env.dump"
    code = f"import pyheapdump; pyheapdump.dump({str(path)!r})"
    arguments = ["--token", "LEAK-argument", "--db-password=LEAK-option", "amqp://a:LEAK-broker@host", "KEPT-argument"]
    subprocess.run([sys.executable, "-c", code, *arguments], env={**os.environ, **environment}, check=True, timeout=60)
    with pyheapdump.load(path) as dump:
        texts = {name.rpartition("/")[2]: text for name, text in dump.system.items()}
    assert "LEAK" not in str(texts["environ"]) and "LEAK" not in str(texts["cmdline"])
    assert "KEPT-name" in str(texts["environ"]) and "KEPT-argument" in str(texts["cmdline"])
    assert "bob:<redacted>@db/shop" in str(texts["environ"])


HOLDER = """
import sys, time
names = sys.argv[1]
holder = {f"{names}_{i:03}_x": "-".join(["value", names, str(i)]) for i in range(400)}
print("ready", flush=True)
time.sleep(60)
"""


def test_verdicts_do_not_survive_a_dump(tmp_path: Path) -> None:
    """One process that attaches twice: the second program has secrets' names where the first one had harmless ones."""
    from pyheapdump import attach

    for number, names in enumerate(("harmless_12", "password_12")):
        program = [sys.executable, "-c", HOLDER, names]
        with subprocess.Popen(program, stdout=subprocess.PIPE, env={**os.environ, "PYTHONHASHSEED": "0"}) as running:
            try:
                assert running.stdout is not None and running.stdout.readline() == b"ready\n"
                path = tmp_path / f"{number}.dump"
                attach.attach(attach.Process(running.pid, True, False), path=str(path))
            finally:
                running.kill()
        found = len(set(re.findall(rb"value-\w+-\d+", unpacked(path))))
        assert found == (400 if number == 0 else 0)
