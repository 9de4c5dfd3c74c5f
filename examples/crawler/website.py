# SPDX-License-Identifier: Apache-2.0
"""The website that the crawler visits: a calendar without an end. It serves on this machine until its standard input
ends, and prints its address."""

from __future__ import annotations

import datetime
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PHOTO = "<!-- photo -->" + "0123456789abcdef" * 12_000  # 190 kB, as pages carry them in themselves
ARCHIVE_PHOTOS = 120


class Calendar(BaseHTTPRequestHandler):
    """A page for each day, which links to the next. That of the archive has the photos of them all."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/archive":
            content = PHOTO * ARCHIVE_PHOTOS
        else:
            day = datetime.date.fromisoformat(self.path.rpartition("/")[2])
            after = day + datetime.timedelta(days=1)
            content = f'<h1>{day}</h1>{PHOTO}<a href="/calendar/{after}">next day</a> <a href="/archive">archive</a>'
        body = content.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Visits are not worth a line."""


def main() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Calendar) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        sys.stdin.read()  # until the crawler is gone


if __name__ == "__main__":
    main()
