# SPDX-License-Identifier: Apache-2.0
import flask
import pyheapdump


def dump_request(sender, exception, **more):
    pyheapdump.dump_once(exception, label=f"{flask.request.method} {flask.request.path}")


flask.got_request_exception.connect(dump_request)  # what no error handler takes; 404 and abort() are none


# --- a program that uses it

app = flask.Flask(__name__)


@app.route("/bill/<int:order>")
def bill(order):
    near = {"order": order}
    return near["price"]


@app.route("/gone")
def gone():
    flask.abort(410)


client = app.test_client()
print(client.get("/bill/17").status_code, client.get("/gone").status_code, client.get("/none").status_code)
