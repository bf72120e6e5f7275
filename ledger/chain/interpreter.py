"""Undoes what py_ecc and py-evm do to the interpreter when they are imported.

Both raise the recursion limit of the whole process, py_ecc (which web3 brings along) to
100 000. A deeply nested JSON document in a request would then overflow the C stack and end
the server instead of raising `RecursionError`. Every module here that imports one of them
imports this one too.
"""

from __future__ import annotations

import sys
from typing import Final

import eth
import py_ecc

RAISED_BY: Final = (eth, py_ecc)
RECURSION_LIMIT: Final = 1_000

sys.setrecursionlimit(RECURSION_LIMIT)
