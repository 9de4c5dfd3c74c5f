# SPDX-License-Identifier: Apache-2.0
"""A Flask application whose view reads a form field that nobody sent."""

import flask
import pyheapdump

pyheapdump.install()
app = flask.Flask(__name__)


class Cart:
    def __init__(self, owner):
        self.owner = owner
        self.lines = [{"article": "nut", "count": 3}, {"article": "bolt", "count": "4"}]

    def pieces(self):
        total = 0
        for line in self.lines:
            total += line["count"]  # the second is a str
        return total


@app.route("/checkout/<customer>", methods=["POST"])
def checkout(customer):
    cart = Cart(customer)
    voucher = flask.request.form.get("voucher")
    return {"pieces": cart.pieces(), "voucher": voucher}


def main():
    app.testing = True
    app.test_client().post("/checkout/ada?page=2", data={"voucher": "SPRING"}, headers={"X-Trace": "trace-77"})


main()
