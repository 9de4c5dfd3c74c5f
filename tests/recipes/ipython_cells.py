# SPDX-License-Identifier: Apache-2.0
import pyheapdump


def dump_cell(shell, kind, exception, traceback, tb_offset=None):
    pyheapdump.dump_once(exception, label=shell.user_ns["In"][-1])
    shell.showtraceback((kind, exception, traceback), tb_offset=tb_offset)


def dump_cells(shell):
    """In a notebook, or in a file of ~/.ipython/profile_default/startup: dump_cells(get_ipython())."""
    shell.set_custom_exc((Exception,), dump_cell)


# --- a program that uses it

from IPython.core.interactiveshell import InteractiveShell  # noqa: E402

shell = InteractiveShell.instance(colors="nocolor")
dump_cells(shell)
shell.run_cell("def bill(order):\n    near = {'order': order}\n    return near['price']", store_history=True)
shell.run_cell("bill(17)", store_history=True)
shell.run_cell("print('goes on')", store_history=True)
