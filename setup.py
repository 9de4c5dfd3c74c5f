# SPDX-License-Identifier: Apache-2.0
"""Build of the extension module `pyheapdump._pyheapdump` and of the packages around it.

The extension is the C library in libpyheapdump/ and the Python face in pymodule/, compiled together: every C file of
these folders is a part of it. It needs two C libraries: zstd, linked statically where a position independent
libzstd.a is found (so that the module works on machines without libzstd), and msgpack-c, of which only headers are
used. Everything else about the distribution stands in pyproject.toml.

Environment: PYHEAPDUMP_WERROR=1 makes every compiler warning an error.
"""

from __future__ import annotations

import os
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.errors import CCompilerError

ROOT = Path(__file__).resolve().parent

# Runs at the start of every interpreter of the environment; see pymodule/pyheapdump/start.py.
START_FILE = "pymodule/pyheapdump.pth"

# What the compiler must find, and the Debian packages that have it.
REQUIRED_HEADERS = {
    "zstd.h": "libzstd-dev",
    "msgpack/pack_template.h": "libmsgpack-dev (libmsgpack-c-dev on newer releases)",
    "msgpack/unpack_template.h": "libmsgpack-dev (libmsgpack-c-dev on newer releases)",
}

COMPILE_ARGS = ["-std=c11", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden", "-pthread", "-D_GNU_SOURCE="]
# All symbols are bound when the module is loaded: the dynamic linker must not run in a crashed process.
LINK_ARGS = ["-pthread", "-Wl,-z,now", "-Wl,--version-script=pymodule/exports.map"]

ZSTD_PROBE = """
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
void *probe(void *workspace, size_t size);
void *probe(void *workspace, size_t size) { return ZSTD_initStaticCCtx(workspace, size); }
"""


def files(pattern: str) -> list[str]:
    """The files below the root that match a glob pattern, sorted, as relative paths."""
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))


class BuildExtension(build_ext):
    """build_ext that looks for the C libraries first and says in one line what is missing."""

    def build_extensions(self) -> None:
        for header, package in REQUIRED_HEADERS.items():
            if not self._builds(f"#include <stddef.h>\n#if !__has_include(<{header}>)\n#error missing\n#endif\n"):
                raise SystemExit(
                    f"pyheapdump: cannot build: no working C compiler finds <{header}>; install gcc and {package}"
                )
        for extension in self.extensions:
            if self._builds(ZSTD_PROBE, ["-l:libzstd.a"]):
                extension.extra_link_args.append("-l:libzstd.a")
            else:
                extension.libraries.append("zstd")
        super().build_extensions()

    def _builds(self, text: str, link_args: list[str] | None = None) -> bool:
        """Does C source `text` compile, and link to a shared object when `link_args` are given?"""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(text)
            try:
                objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=["-std=c11"])
                if link_args is not None:
                    arguments = [*LINK_ARGS, *link_args]
                    self.compiler.link_shared_object(objects, f"{folder}/probe.so", extra_postargs=arguments)
            except CCompilerError:
                return False
        return True


class BuildPython(build_py):
    """build_py that puts the file read at the interpreter's start into the root of site-packages, whatever the install.

    An editable wheel takes what lies in the folder that its `install` command points to.
    """

    def run(self) -> None:
        super().run()
        editable = getattr(self, "editable_mode", False)
        root = str(self.distribution.get_command_obj("install").install_lib if editable else self.build_lib)
        self.mkpath(root)
        self.copy_file(START_FILE, root)


def python_headers_as_system() -> list[str]:
    """Flags that keep warnings about CPython's own headers, internal ones above all, out of the build."""
    folders = dict.fromkeys(sysconfig.get_path(name) for name in ("include", "platinclude"))
    return [f"-isystem{folder}" for folder in folders]


def extension() -> Extension:
    arguments = COMPILE_ARGS + python_headers_as_system()
    if os.environ.get("PYHEAPDUMP_WERROR") == "1":
        arguments.append("-Werror")
    return Extension(
        "pyheapdump._pyheapdump",
        sources=files("libpyheapdump/**/*.c") + files("pymodule/*.c"),
        depends=[*files("libpyheapdump/**/*.h"), *files("pymodule/*.h"), "pymodule/exports.map"],
        include_dirs=["libpyheapdump", "."],
        extra_compile_args=arguments,
        extra_link_args=list(LINK_ARGS),
    )


setup(
    packages=[
        "pyheapdump",
        "pyheapdump.commands",
        "pyheapdump.view",
        *(f"pyheapdump.view.{name}" for name in find_packages("viewer")),
    ],
    package_dir={"pyheapdump": "pymodule/pyheapdump", "pyheapdump.view": "viewer"},
    package_data={"pyheapdump": ["py.typed", "*.pyi"]},
    ext_modules=[extension()],
    cmdclass={"build_ext": BuildExtension, "build_py": BuildPython},
)
