# SPDX-License-Identifier: Apache-2.0
"""A monitoring agent that knows nothing of pyheapdump. It reads its rules, then watches.

python -m zipapp agent -o agent.pyz && python agent.pyz
"""

from __future__ import annotations

import os

import rules

CONFIGURATION = """\
disk: used > 90; page the owner
load: average > 8; for 5 min; note it
backup: age > 26 h; page the owner"""


def main() -> None:
    print(f"agent: process {os.getpid()} reads {len(CONFIGURATION.splitlines())} rules", flush=True)
    watched = {}
    for line in CONFIGURATION.splitlines():
        name, _, text = line.partition(": ")
        watched[name] = rules.parse(text)
    print(f"agent: watches {', '.join(watched)}", flush=True)


main()
