"""How large the campaigns are: a sample at every run, the whole with NNSPEC_SOAK=1."""

import os

SOAK = os.environ.get("NNSPEC_SOAK") == "1"
KILLS = 200 if SOAK else 6
INTERRUPTS = 20 if SOAK else 8
SAME = 10 if SOAK else 3
STEPS = 100_000 if SOAK else 4_000
CALLS = range(1, 101) if SOAK else (3, 20, 27, 30, 31, 60)
MOMENTS = 25 if SOAK else 1
"""For each of two signals."""
