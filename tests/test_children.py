# SPDX-License-Identifier: Apache-2.0
"""multiprocessing children: watched without a change to multiprocessing's classes, and never kept from their work."""

from pathlib import Path

import pyheapdump
import pytest
from support.subject import Subject, run_both

CHILD = """
    import multiprocessing, sys
    {before}
    def work(depth):
        if depth:
            return start(depth - 1)
        raise KeyError("of the innermost child")
    def start(depth):
        process = multiprocessing.get_context({method!r}).Process(target=work, args=(depth,), name="child")
        process.start()
        process.join()
        print("exit", process.exitcode, flush=True)
    if __name__ == "__main__":
        start({depth})
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_child_of_a_child(tmp_path: Path, method: str) -> None:
    ended = run_both(tmp_path, CHILD.format(method=method, depth=1, before=""))
    assert ended.stdout == b"exit 1\nexit 0\n"
    assert pyheapdump.load(ended.only_dump).reason == "exception in a child process"


def test_classes_stay_as_they_are(tmp_path: Path) -> None:
    """Imported before and after install(); what another library puts into the class since stays, too."""
    text = """
        import sys
        def seen():
            from multiprocessing.process import BaseProcess
            return sorted(vars(BaseProcess)), BaseProcess._bootstrap.__qualname__, BaseProcess.start.__qualname__
        ours = sys.modules.get("pyheapdump")
        print(seen())
        if ours:
            ours.install()
        print(seen())
        from multiprocessing.process import BaseProcess
        inner = BaseProcess._bootstrap
        def patched(self, *arguments, **keywords):
            return inner(self, *arguments, **keywords)
        BaseProcess._bootstrap = patched
        if ours:
            ours.uninstall()
        print(BaseProcess._bootstrap is patched)
    """
    ended = run_both(tmp_path, text, dumps=0)
    assert ended.stdout.endswith(b"True\n")


BROKEN = {
    "missing": "raise ImportError('no such package')",
    "broken": "raise RuntimeError('half an upgrade')",
    "another version": "",
}


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
@pytest.mark.parametrize("kind", BROKEN)
def test_child_that_has_another_pyheapdump(tmp_path: Path, method: str, kind: str) -> None:
    """The child works as without us."""
    package = tmp_path / "other" / "pyheapdump"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(BROKEN[kind] + "\n")
    before = f"""
    if __name__ == "__main__":
        if os.environ["SUBJECT_INSTALL"] == "1":
            import pyheapdump
            pyheapdump.install()
        sys.path.insert(0, {str(package.parent)!r})
    """
    ended = run_both(tmp_path, CHILD.format(method=method, depth=0, before=before), install=None, dumps=0)
    assert ended.stdout == b"exit 1\n" and ended.own_lines == []


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_install_that_fails_in_the_child(tmp_path: Path, method: str) -> None:
    text = """
        import multiprocessing
        def work():
            print("child works", flush=True)
        if __name__ == "__main__":
            import pyheapdump
            from pyheapdump import capture
            pyheapdump.install()
            capture._settings = capture._settings._replace(level="no level")
            process = multiprocessing.get_context(METHOD).Process(target=work)
            process.start()
            process.join()
            print("exit", process.exitcode)
    """.replace("METHOD", repr(method))
    ended = Subject(tmp_path, text, install=None).run()
    assert ended.stdout == b"child works\nexit 0\n", ended.stderr.decode()
    assert ended.other_stderr == b"" and [
        line.startswith(b"pyheapdump: not installed in process") for line in ended.own_lines
    ] == [True]


def test_uninstalled_parent(tmp_path: Path) -> None:
    before = "sys.modules.get('pyheapdump') and sys.modules['pyheapdump'].uninstall()"
    run_both(tmp_path, CHILD.format(method="spawn", depth=0, before=before), dumps=0)
