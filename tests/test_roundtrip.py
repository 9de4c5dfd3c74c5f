# SPDX-License-Identifier: Apache-2.0
"""Every value of the corpus, written by the interpreter under test, comes back in every supported version.

As the suite runs in each version, this makes pairs of writer and reader: each with itself, the oldest and the newest, and
with PYHEAPDUMP_ALL_READERS=1 (make nightly) with all. tests/corpus/ holds the values and the
two programs that write and check; each runs in a process of its own.
"""

import json
import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Iterator, List

import interpreters
import pytest
from support.subject import Ended, run_python

TESTS = Path(__file__).parent
SEARCH_PATH = {"PYTHONPATH": str(TESTS), "PYTHONDONTWRITEBYTECODE": "1"}
OWN_VERSION = "{}.{}".format(*sys.version_info)
AVAILABLE = interpreters.available()
USED = {
    reader.version
    for reader in AVAILABLE
    if reader in (AVAILABLE[0], AVAILABLE[-1])
    or reader.version == OWN_VERSION
    or os.environ.get("PYHEAPDUMP_ALL_READERS")
}
READERS = [
    pytest.param(
        reader,
        id=f"read-by-{reader}",
        marks=[] if reader.version in USED else [pytest.mark.skip(reason="PYHEAPDUMP_ALL_READERS=1 reads with all")],
    )
    for reader in AVAILABLE
] + [
    pytest.param(None, id=f"read-by-{version}", marks=pytest.mark.skip(reason=f"Python {version}: {reason}"))
    for version, reason in interpreters.missing()
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the dump and the manifest of this interpreter."""
    directory = tmp_path_factory.mktemp("corpus")
    path = directory / "corpus.dump"
    ended = run_python(["-W", "ignore", "-m", "corpus.write", str(path)], environment=SEARCH_PATH, seconds=120)
    assert ended.status == 0, ended.stderr.decode()[-3000:]
    assert path.exists(), ended.stderr.decode()[-3000:]
    (directory / "manifest.json").write_bytes(ended.stdout)
    return directory


def manifest(directory: Path) -> Dict[str, Any]:
    content: Dict[str, Any] = json.loads((directory / "manifest.json").read_text())
    return content


def test_corpus_is_large(written: Path) -> None:
    content = manifest(written)
    for name, reason in content["skipped"].items():
        print(f"not in the corpus of Python {OWN_VERSION}: {name} ({reason})")
    assert len(content["types"]) >= 300


def read_by(written: Path, reader: interpreters.Interpreter) -> Ended:
    arguments = ["-W", "ignore", "-m", "corpus.check", str(written / "corpus.dump"), str(written / "manifest.json")]
    return run_python(arguments, environment=SEARCH_PATH, seconds=240, executable=reader.executable)


@pytest.fixture(scope="module")
def readings(written: Path) -> Iterator[Dict[str, "Future[Ended]"]]:
    """What each reader says; as many read at a time as there are processors."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {reader.version: pool.submit(read_by, written, reader) for reader in AVAILABLE if reader.version in USED}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("reader", READERS)
def test_every_value_comes_back(
    written: Path, readings: Dict[str, "Future[Ended]"], reader: interpreters.Interpreter
) -> None:
    ended = readings[reader.version].result()
    assert ended.status == 0, ended.stderr.decode()[-3000:]
    result = json.loads(ended.stdout)
    assert result["checked"] == len(manifest(written)["types"])
    failures: List[str] = [f"{name}: {problem}" for name, problem in result["failures"].items()]
    title = f"written by {OWN_VERSION}, read by {reader}: {len(failures)} of {result['checked']} values differ"
    assert not failures, "\n".join([title, *failures])
