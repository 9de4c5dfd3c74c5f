# SPDX-License-Identifier: Apache-2.0
import pyheapdump


def post_worker_init(worker):
    # A worker that takes longer than `timeout` is sent SIGABRT: that is dumped, in C code and in deadlocks, too; then
    # gunicorn's own handler runs. The dump is written by a process of its own, which outlives the worker.
    pyheapdump.install()


# --- a program that uses it

timeout = 1
workers = 1


def application(environ, start_response):
    import time

    near = {"path": environ["PATH_INFO"]}
    time.sleep(600)
    return [repr(near).encode()]
