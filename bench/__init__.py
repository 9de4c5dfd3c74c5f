# SPDX-License-Identifier: Apache-2.0
"""The benchmark: what a dump costs, as ratios measured within one run, judged against targets.

    make bench                                  CPython 3.11 and 3.13, writes docs/benchmarks.md
    python -m bench --quick --output FILE EXECUTABLE...

`__main__` runs each measurement (measure_*.py) on each interpreter in processes of their own (processes.py); a
measurement prints its values as one line of JSON. targets.py says what is made of them and what it must be, report.py
writes the page. heap.py has the records that all of them dump, peers.py the other dumpers they are compared with.
"""
