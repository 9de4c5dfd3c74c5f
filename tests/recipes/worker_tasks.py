# SPDX-License-Identifier: Apache-2.0
import pyheapdump


def run_task(task, task_id, *arguments):
    """What a worker calls for each task; the worker's own retries and reports follow as ever."""
    with pyheapdump.dump_on_exception(label=f"{task.__name__} {task_id}"):
        return task(*arguments)


def on_task_failure(sender=None, task_id=None, exception=None, **more):
    """With Celery nothing is wrapped: celery.signals.task_failure.connect(on_task_failure)."""
    pyheapdump.dump_once(exception, label=f"{sender.name} {task_id}")


# --- a program that uses it

import types  # noqa: E402


def bill(order):
    near = {"order": order}
    return near["price"] if order == 17 else order


for number in (16, 17, 18):
    try:
        print(number, run_task(bill, f"task-{number}", number))
    except KeyError as error:
        print(number, "failed")
        on_task_failure(sender=types.SimpleNamespace(name="bill"), task_id="task-17", exception=error)
