# SPDX-License-Identifier: Apache-2.0
"""A pandas pipeline whose rule fails for one group."""

import pandas
import pyheapdump

pyheapdump.install()


class Rules:
    def __init__(self):
        self.rates = {"nut": 0.5, "bolt": 0.25}

    def apply(self, article, counts):
        rate = self.rates[article]
        return counts.sum() * rate


def load():
    return pandas.DataFrame({"article": ["nut", "bolt", "gear", "nut"], "count": [1, 2, 30, 4]})


def pipeline(rules):
    orders = load()
    orders["double"] = orders["count"] * 2
    result = {}
    for article, group in orders.groupby("article", sort=False):
        result[article] = rules.apply(article, group["count"])
    return result


pipeline(Rules())
