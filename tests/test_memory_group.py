# SPDX-License-Identifier: Apache-2.0
"""install(memory_limit=...): a dump before the kernel kills.

In real control groups, of version 1 or 2 as the machine has them: the kernel really kills, or slows down. `make
nightly` runs this file in a virtual machine, too, whose kernel has version 2.
"""

from pathlib import Path
from typing import Any, Iterator, Sequence

import pytest
from support.cgroup import VERSION_1, Group, limited_group, why_not
from support.crawler import CRAWLER, MIB, PAGES, RUNS, check_limit, largest, memory_dumps, run, size_of

SIZE = 200 * MIB  # of a group
PATIENCE = 240  # seconds; an emulated machine needs one minute to fill a group and to look at the dump


@pytest.fixture
def group() -> Iterator[Group]:
    problem = why_not()
    if problem:
        pytest.skip(problem)
    with limited_group(SIZE) as made:
        yield made


@pytest.fixture
def group_2(group: Group) -> Group:
    if group.version is VERSION_1:
        pytest.skip("this machine has control groups of version 1; make nightly has version 2 in a virtual machine")
    return group


def run_in(before: Sequence[str], directory: Path, text: str) -> Any:
    return run(directory, text, before=before, seconds=PATIENCE)


def check_limit_of_a_group(dump: Any, where: str) -> None:
    """The dump was made near it, and below."""
    check_limit(dump, "cgroup", where, SIZE, int(SIZE * 0.9))
    assert dump.facts["memory_limit"]["used"] <= SIZE


def check_crawler(dump: Any, page: str) -> None:
    assert (dump.threads[0].name, dump.threads[0].current) == ("MainThread", True)
    url = dump.threads[0].frames[1].f_locals["url"]
    assert dump.threads[0].frames[1].f_code.co_name == "crawl"
    assert url.startswith("https://example.org/")
    cache = largest(dump, "dict")
    assert abs(len(cache) - int(url.rpartition("/")[2])) <= 1, "the cache is the largest"
    if page == "one text that grows":
        assert size_of(largest(dump, "bytearray")) > SIZE // 2


def check_killed_crawler(ended: Any, group: Group, source: Path, page: str = "texts") -> None:
    assert ended.status == -9 and group.kills() >= 1, ended.stderr.decode()
    (dump,) = memory_dumps(ended)
    with dump:
        check_limit_of_a_group(dump, f"{group.version.limit} of cgroup {source}")
        check_crawler(dump, page)


@pytest.mark.parametrize("number", range(RUNS))
@pytest.mark.parametrize("page", PAGES)
def test_crawler(tmp_path: Path, group: Group, page: str, number: int) -> None:
    """The crawler never stops: the kernel ends it, after the dump was written."""
    ended = run_in(group.before, tmp_path, CRAWLER.format(page=PAGES[page]))
    check_killed_crawler(ended, group, group.path, page)


@pytest.mark.parametrize("counted", [True, False])
def test_limit_of_an_ancestor(tmp_path: Path, group: Group, counted: bool) -> None:
    if group.version is VERSION_1 and not counted:
        pytest.skip("every group of version 1 is counted")
    with group.child(counted) as below:
        ended = run_in(below.before, tmp_path, CRAWLER.format(page=PAGES["texts"]))
        check_killed_crawler(ended, below, group.path)


def test_container(tmp_path: Path, group: Group) -> None:
    """In a namespace of its own the group is the root of all."""
    ended = run_in(group.container, tmp_path, CRAWLER.format(page=PAGES["texts"]))
    check_killed_crawler(ended, group, group.place)


def test_group_that_is_killed_as_one(tmp_path: Path, group_2: Group) -> None:
    (group_2.path / "memory.oom.group").write_text("1")
    ended = run_in(group_2.before, tmp_path, CRAWLER.format(page=PAGES["texts"]))
    check_killed_crawler(ended, group_2, group_2.path)


def test_slowed_down(tmp_path: Path, group_2: Group) -> None:
    """Above memory.high nobody is killed, and nobody gets on: the dump is made before."""
    (group_2.path / "memory.max").write_text("max")
    (group_2.path / "memory.high").write_text(str(SIZE))
    ended = run_in(
        group_2.before,
        tmp_path,
        f"""
        def is_slowed_down():
            with open("{group_2.path}/memory.events") as events:
                return "\\nhigh 0\\n" not in events.read()

        def crawl():
            while not is_slowed_down():
                url = "https://example.org/" + str(len(cache))
                cache[url] = url * 10_000

        cache = {{}}
        pyheapdump.install(memory_limit="90%")
        crawl()
        """,
    )
    assert (ended.status, group_2.kills()) == (0, 0) and group_2.slowed_down() >= 1, ended.stderr.decode()
    (dump,) = memory_dumps(ended)
    with dump:
        check_limit_of_a_group(dump, f"memory.high of cgroup {group_2.path}")
        assert dump.threads[0].frames[1].f_locals["url"].startswith("https://example.org/")
        assert len(largest(dump, "dict")) > 100


def test_the_largest_of_a_group(tmp_path: Path, group: Group) -> None:
    """The kernel kills the largest process: that one makes the dump, its small parent does not."""
    ended = run_in(
        group.before,
        tmp_path,
        """
        pyheapdump.install(memory_limit="80%")
        pid = os.fork()
        if pid == 0:
            pages = []
            while True:
                pages.append(zlib.decompress(zlib.compress(bytes(100_000))))
        print(pid, os.WTERMSIG(os.waitpid(pid, 0)[1]))
        """,
    )
    pid, ended_by = ended.stdout.split()
    assert (ended.status, ended_by) == (0, b"9"), ended.stderr.decode()
    assert [path.name.split("_")[2] for path in ended.dumps] == [pid.decode()]


def test_what_the_kernel_gives_back(tmp_path: Path, group_2: Group) -> None:
    """What it knows of names that were looked up fills the group, and goes before anybody is killed: there is no dump.
    Version 1 does not tell how much that is."""
    (group_2.path / "memory.max").write_text(str(64 * MIB))
    ended = run_in(
        group_2.before,
        tmp_path,
        f"""
        def is_full():
            with open("{group_2.path}/memory.events") as events:
                return "\\nmax 0\\n" not in events.read()

        pyheapdump.install(memory_limit="80%")
        number = 0
        while not is_full() and number < 1_000_000:
            for number in range(number, number + 1000):
                os.path.lexists("/sys/kernel/" + str(number) + "-" * 230)
        time.sleep(1.5)
        assert is_full()
        """,
    )
    assert (ended.status, ended.other_stderr) == (0, b""), ended.stderr.decode()
    assert (ended.dumps, group_2.kills()) == ([], 0), ended.stderr.decode()
