# SPDX-License-Identifier: Apache-2.0
"""What the README shows is what the commands print."""

import sys

import pytest
from support import tour


@pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="the README shows the output of CPython 3.13")
def test_tour_shows_real_output() -> None:
    shown = tour.blocks(tour.README.read_text())
    real = tour.outputs()
    assert len(shown) == len(real) == 3
    for one, other in zip(shown, real):
        assert one == other, "run `python tests/support/tour.py` with CPython 3.13"


def test_example_names_the_public_face() -> None:
    import pyheapdump

    text = tour.README.read_text()
    for name in ("install", "uninstall", "dump", "load"):
        assert f"{name}(" in text and callable(getattr(pyheapdump, name))
