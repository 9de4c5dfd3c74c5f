# SPDX-License-Identifier: Apache-2.0
"""Bills for orders. Fails on an order with a negative quantity."""

from __future__ import annotations

from decimal import Decimal

from shop import Line, Order

TAX = {"DE": Decimal("0.19"), "FR": Decimal("0.20")}


def bill(orders: list[Order]) -> Decimal:
    """Bills all orders; returns the sum."""
    total = Decimal(0)
    for order in orders:
        total += bill_order(order)
        order.state = "billed"
    return total


def bill_order(order: Order) -> Decimal:
    tax = TAX[order.customer.country]
    net = sum((line_price(line) for line in order.lines), Decimal(0))
    net *= 1 - Decimal(str(order.customer.discount))
    return round(net * (1 + tax), 2)


def line_price(line: Line) -> Decimal:
    product, quantity = line.product, line.quantity
    if quantity <= 0:
        raise ValueError(f"{product.code}: cannot bill a quantity of {quantity}")
    return product.price * quantity
