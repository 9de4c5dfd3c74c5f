# SPDX-License-Identifier: Apache-2.0
"""The crawler that never stops downloading: its memory grows until a limit, and something has to give.

    python crawler.py

It starts a small website on this machine and follows every link, keeping each page it has seen.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import urllib.request
from collections import deque
from pathlib import Path

import pyheapdump

MEMORY = 512 << 20  # bytes
LINK = re.compile(r'href="([^"]+)"')


class Crawler:
    def __init__(self, site: str) -> None:
        self.site = site
        self.pages: dict[str, str] = {}
        self.queue = deque([f"{site}/calendar/2026-01-01"])

    def run(self) -> None:
        while self.queue:
            url = self.queue.popleft()
            if url not in self.pages:
                self.pages[url] = self.fetch(url)
                for path in LINK.findall(self.pages[url]):
                    self.queue.append(self.site + path)

    def fetch(self, url: str) -> str:
        with urllib.request.urlopen(url, timeout=30) as page:
            return page.read().decode()


def start_website() -> subprocess.Popen[str]:
    """The website, a process of its own, which ends when this one does."""
    program = Path(__file__).with_name("website.py")
    return subprocess.Popen([sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def main() -> None:
    website = start_website()
    assert website.stdout is not None
    # In production the container has a limit, and the kernel kills who passes it; here it is the process's own.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    pyheapdump.install(memory_limit="70%", exceptions=False)
    print(f"crawler: process {os.getpid()} may use {MEMORY >> 20} MiB", flush=True)
    crawler = Crawler(website.stdout.readline().strip())
    try:
        crawler.run()
    except MemoryError:
        crawler.pages.clear()
        sys.exit("crawler: out of memory")


if __name__ == "__main__":
    main()
