# SPDX-License-Identifier: Apache-2.0
"""The sleeping script: a nightly report that is asleep in a C call, somewhere between two lines of Python.

    python report.py [SECONDS]

It asks a server for exchange rates. The server takes the connection and never answers, as machines behind a broken
firewall do; here it is a socket of the program's own. After SECONDS (default 60) without an end there is a dump.
"""

from __future__ import annotations

import os
import socket
import sys

import pyheapdump

SALES = {"EUR": 1200.0, "CHF": 310.5, "SEK": 9940.0}


def silent_server() -> socket.socket:
    """A socket on which the kernel takes connections, and nobody reads."""
    return socket.create_server(("127.0.0.1", 0))


def fetch_rate(server: tuple[str, int], currency: str) -> float:
    request = f"GET /rates/{currency}\r\n".encode()
    with socket.create_connection(server) as connection:
        connection.sendall(request)
        return float(connection.recv(100))


def report(server: tuple[str, int], sales: dict[str, float]) -> float:
    total = 0.0
    for currency, amount in sales.items():
        total += amount * fetch_rate(server, currency)
    return total


def main(patience: float) -> None:
    pyheapdump.dump_later(patience)
    with silent_server() as rates:
        print(f"report: process {os.getpid()} adds up {len(SALES)} currencies", flush=True)
        total = report(rates.getsockname(), SALES)
    pyheapdump.cancel_dump_later()
    print(f"report: {total:.2f} USD")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60)
