"""How many examples the random tests take: a few at every run, twenty times as many with NNSPEC_SOAK=1."""

import os

FACTOR = 20 if os.environ.get("NNSPEC_SOAK") == "1" else 1
