# SPDX-License-Identifier: Apache-2.0
import asyncio

import pyheapdump


def dump_and_report(loop, context):
    if "exception" in context:
        pyheapdump.dump_once(context["exception"], label=context.get("message"))
    loop.default_exception_handler(context)


async def main():
    asyncio.get_running_loop().set_exception_handler(dump_and_report)
    await serve()


# --- a program that uses it

import gc  # noqa: E402


def bill(order):
    near = {"order": order}
    return near["price"]


async def forgotten(order):
    bill(order)


async def serve():
    asyncio.get_running_loop().call_soon(bill, 17)
    task = asyncio.ensure_future(forgotten(18))
    await asyncio.sleep(0.01)
    del task  # nobody asks for its result
    gc.collect()
    print("goes on")


asyncio.run(main())
