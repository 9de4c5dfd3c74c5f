# SPDX-License-Identifier: Apache-2.0
"""The locked-up pool: three workers move money between accounts, and one morning nothing moves any more.

    python pool.py

Each transfer locks the account that pays, asks the bank, and locks the account that is paid. The bank confirms in
batches, so the three workers come back from it at the same time.
"""

from __future__ import annotations

import os
import signal
import threading

import pyheapdump


class Account:
    def __init__(self, owner: str, balance: int) -> None:
        self.owner = owner
        self.balance = balance
        self.lock = threading.Lock()


class Bank:
    """Confirms transfers when it has one of each worker."""

    def __init__(self, workers: int) -> None:
        self._batch = threading.Barrier(workers)

    def confirm(self, amount: int) -> None:
        self._batch.wait()


class Pool:
    def __init__(self, orders: dict[str, list[tuple[str, str, int]]]) -> None:
        self.accounts = {owner: Account(owner, 100) for owner in ("alice", "bob", "carol")}
        self.bank = Bank(len(orders))
        self.done = 0
        self.workers = [
            threading.Thread(target=self.work, args=(mine,), name=name, daemon=True) for name, mine in orders.items()
        ]

    def run(self) -> None:
        for worker in self.workers:
            worker.start()
        for worker in self.workers:
            worker.join()

    def work(self, orders: list[tuple[str, str, int]]) -> None:
        for source, target, amount in orders:
            self.transfer(self.accounts[source], self.accounts[target], amount)
            self.done += 1

    def transfer(self, source: Account, target: Account, amount: int) -> None:
        with source.lock:
            self.bank.confirm(amount)
            with target.lock:
                source.balance -= amount
                target.balance += amount


def main() -> None:
    pyheapdump.install(register=signal.SIGUSR1)
    pool = Pool(
        {
            "worker-1": [("alice", "bob", 50), ("bob", "carol", 20)],
            "worker-2": [("bob", "alice", 70), ("carol", "bob", 10)],
            "worker-3": [("carol", "alice", 30), ("alice", "bob", 40)],
        }
    )
    print(f"pool: process {os.getpid()} starts 6 transfers", flush=True)
    pool.run()
    print(f"pool: {pool.done} transfers done")


if __name__ == "__main__":
    main()
