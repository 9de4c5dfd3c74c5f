# SPDX-License-Identifier: Apache-2.0
import logging

import pyheapdump


class DumpHandler(logging.Handler):
    """Dumps the exception that logger.exception(), or exc_info=True, tells of."""

    def emit(self, record):
        if record.exc_info and record.exc_info[1] is not None:
            pyheapdump.dump_once(record.exc_info[1], label=f"{record.name}, line {record.lineno}")


logging.getLogger().addHandler(DumpHandler(level=logging.ERROR))


# --- a program that uses it

logging.getLogger().addHandler(logging.StreamHandler())
logger = logging.getLogger("shop")


def bill(order):
    near = {"order": order}
    return near["price"]


try:
    bill(17)
except KeyError:
    logger.exception("no bill")
    logger.error("said again: %s", "the same", exc_info=True)
    logger.info("too little to dump", exc_info=True)
logger.error("without an exception", exc_info=True)
print("goes on")
