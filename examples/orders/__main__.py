# SPDX-License-Identifier: Apache-2.0
"""A small shop that fails on one of its orders, as the example of a program with pyheapdump.

usage: python examples/orders [DIRECTORY]        (where dumps go; default: as pyheapdump chooses)
"""

import sys

import pyheapdump
from billing import bill
from shop import Customer, Line, Order, Product


def orders() -> list:
    """Three orders; the data of the last one came from an import that got a unit wrong."""
    tea = Product("TEA-250", "Black tea, 250 g", "4.20", tags={"fair trade", "loose"})
    pot = Product("POT-1", "Teapot", "24.00", tags={"ceramic"})
    cup = Product("CUP-4", "Cups, set of 4", "18.50", tags={"ceramic", "gift"})
    ada, bob = Customer("Ada", "DE"), Customer("Bob", "FR", discount=0.1)
    return [
        Order(15, ada, [Line(tea, 2), Line(pot, 1)]),
        Order(16, bob, [Line(cup, 1)], notes="gift wrap"),
        Order(17, bob, [Line(tea, 1), Line(cup, -4), Line(pot, 1)]),
    ]


def main() -> None:
    pyheapdump.install(directory=sys.argv[1] if len(sys.argv) > 1 else None)
    total = bill(orders())
    print(f"billed {total}")


if __name__ == "__main__":
    main()
