# SPDX-License-Identifier: Apache-2.0
"""A program in a zip file: its sources are nowhere on the disk."""

import pricing
import pyheapdump

pyheapdump.install()
pricing.invoice({"nut": 3, "bolt": 0})
