"""Numbers and times as a reader wants them."""

from __future__ import annotations

from math import isfinite

MINUS = "\u2212"


def number(value: float | int) -> str:
    """A measurement with four significant digits; whole numbers in full."""
    if isinstance(value, int):
        return f"{value:,}".replace("-", MINUS)
    if not isfinite(value):
        return "not finite"
    size = abs(value)
    if size and not 1e-4 <= size < 1e6:
        return scientific(value, 3)
    digits = 4 if size < 10 else 3 if size < 100 else 2 if size < 1000 else 1
    text = f"{value:,.{digits}f}" if size >= 0.1 or not size else f"{value:.4g}"
    return text.replace("-", MINUS)


def scientific(value: float, digits: int) -> str:
    """`1.25e-7`, without the zeros that say nothing."""
    mantissa, _, exponent = f"{value:.{max(digits, 0)}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}".replace("-", MINUS)


def percent(share: float) -> str:
    """A share with one digit where it is no whole percentage."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %" if isfinite(share) else "\u2013"


def duration(seconds: float) -> str:
    """`40 ms`, `7.3 s`, `3 min 20 s`, `2 h 5 min`."""
    if not isfinite(seconds):
        return "unknown"
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole // 60 % 60} min"


def plural(count: int, noun: str, many: str | None = None) -> str:
    """`1 row`, `2 rows`."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"
