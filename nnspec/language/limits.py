"""How large a spec may be: far above what a person writes, too low to hurt the machine that checks it."""

from __future__ import annotations

FILE_BYTES = 16 * 2**20
TOKENS = 2_000_000
ENTRIES = 200_000
"""Entries of all lists of a file together; data belongs into data files."""
NAME_LENGTH = 256
STRING_LENGTH = 64 * 1024
INTEGER_DIGITS = 18
"""18 digits always fit a 64-bit integer."""
NESTING = 64
"""Open brackets and braces at one place."""
EXPRESSION_DEPTH = 128
"""Operators and calls within each other, such as the terms of one long sum."""
ERRORS = 100
"""Findings in one file, after which reading it on helps nobody."""
LAYOUT_ERRORS = 10_000
"""Brackets without a partner, of which most are never reported: one is enough for a statement."""
