# SPDX-License-Identifier: Apache-2.0
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pyheapdump


# Dumped in the worker, where the frames are; what travels to the caller of result() is the exception as ever.
@pyheapdump.dump_on_exception()
def bill(order):
    near = {"order": order}
    return near["price"]


# --- a program that uses it

if __name__ == "__main__":
    for pool in (ThreadPoolExecutor(1), ProcessPoolExecutor(1)):
        with pool:
            print(type(pool.submit(bill, 17).exception()).__name__)
