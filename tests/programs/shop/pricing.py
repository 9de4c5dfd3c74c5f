# SPDX-License-Identifier: Apache-2.0
"""The module of the zipped program that fails."""


class Invoice:
    def __init__(self):
        self.lines = []


def discount(total, pieces):
    share = total / pieces  # the failing line of the zip
    return share


def invoice(order):
    made = Invoice()
    for article, pieces in order.items():
        made.lines.append((article, discount(100, pieces)))
    return made
