# SPDX-License-Identifier: Apache-2.0
"""The round-trip corpus: named values of every type and edge that a dump must carry.

    entry.py      what an entry is              compare.py    how what came back is compared
    numbers.py … arrays.py                      the entries, one file for each kind
    write.py      builds all entries in one frame and dumps it     (runs in the interpreter that writes)
    check.py      loads the dump and checks each entry             (runs in the interpreter that reads)

tests/test_roundtrip.py runs the last two, every writing version against every reading one.
"""
