# SPDX-License-Identifier: Apache-2.0
"""What the shop knows: products, customers, orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


class Product:
    def __init__(self, code: str, name: str, price: str, tags: set[str]) -> None:
        self.code = code
        self.name = name
        self.price = Decimal(price)
        self.tags = tags


@dataclass
class Customer:
    name: str
    country: str
    discount: float = 0.0
    orders: list[Order] = field(default_factory=list, repr=False)


@dataclass
class Line:
    product: Product
    quantity: int


class Order:
    def __init__(self, number: int, customer: Customer, lines: list[Line], notes: str = "") -> None:
        self.number = number
        self.customer = customer
        self.lines = lines
        self.notes = notes
        self.state = "new"
        customer.orders.append(self)
