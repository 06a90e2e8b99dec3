"""Makes the invented tables of this folder, all but diabetes.csv and iris.csv: `python specs/data/make_sequences.py`.

All of it is invented, and the same at every run.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from math import pi, sin
from pathlib import Path

HERE = Path(__file__).parent
TOP_LEVELS = ("com", "org", "net", "io", "de", "fr")
SYLLABLES = ("ba", "ko", "li", "mer", "no", "ra", "sen", "ti", "ul", "van", "wo", "zy")


def main() -> None:
    draw = random.Random(7)
    write("temperature.csv", ("day", "temperature"), temperatures(draw, 1500))
    rows = list(dict.fromkeys(kinds(draw, 3000)))
    write("kinds.csv", ("text", "kind"), rows[:2000])
    write("kinds_test.csv", ("text", "kind"), rows[2000:2500])
    write("reversal.csv", ("digits", "reversed"), reversals(draw, 24_000))
    write("sorting.csv", ("digits", "given", "sorted"), sortings(random.Random(8), 12_000))


def temperatures(draw: random.Random, days: int) -> Iterator[tuple[int, float]]:
    """A season, weather that lasts for some days and swings back, and noise."""
    weather = before = 0.0
    for day in range(days):
        weather, before = 1.5 * weather - 0.75 * before + draw.gauss(0, 0.9), weather
        yield day, round(11 - 9 * sin(2 * pi * (day + 80) / 365) + weather + draw.gauss(0, 0.3), 2)


def kinds(draw: random.Random, count: int) -> Iterator[tuple[str, str]]:
    """Short texts of ten kinds, some of which look alike."""
    makers = {
        "date": lambda: "-".join((f"{number(1900, 2099)}", f"{number(1, 12):02}", f"{number(1, 28):02}")),
        "time": lambda: ":".join(f"{number(0, 59):02}" for _ in range(number(2, 3))),
        "ip address": lambda: ".".join(str(number(0, 255)) for _ in range(4)),
        "version": lambda: "v" * number(0, 1) + ".".join(str(number(0, 30)) for _ in range(number(2, 3))),
        "phone": lambda: f"+{number(1, 99)} {number(100, 999)} {number(100_000, 9_999_999)}",
        "price": lambda: f"{draw.choice(('€', '$', ''))}{number(0, 999)}.{number(0, 99):02}{draw.choice(('', ' EUR'))}",
        "email": lambda: f"{word()}{draw.choice(('.', '_', ''))}{word()}@{word()}.{draw.choice(TOP_LEVELS)}",
        "web address": lambda: f"{draw.choice(('https://', 'http://', 'www.'))}{word()}.{draw.choice(TOP_LEVELS)}",
        "colour": lambda: "#" + "".join(draw.choice("0123456789abcdef") for _ in range(6)),
        "file": lambda: f"{'/'.join(word() for _ in range(number(1, 3)))}.{draw.choice(('txt', 'csv', 'py', 'nn'))}",
    }

    def number(low: int, high: int) -> int:
        return draw.randint(low, high)

    def word() -> str:
        return "".join(draw.choice(SYLLABLES) for _ in range(number(2, 3)))

    for _ in range(count):
        kind = draw.choice(list(makers))
        yield makers[kind](), kind


def reversals(draw: random.Random, count: int) -> Iterator[tuple[str, str]]:
    """Different strings of three to seven digits, each with itself from the end."""
    seen: set[str] = set()
    while len(seen) < count:
        digits = "".join(draw.choice("0123456789") for _ in range(draw.randint(3, 7)))
        if digits not in seen:
            seen.add(digits)
            yield digits, digits[::-1]


def sortings(draw: random.Random, count: int) -> Iterator[tuple[str, str, str]]:
    """Different strings of three to eight digits; the same in order, with `>` before it, and with `<` behind it."""
    seen: set[str] = set()
    while len(seen) < count:
        digits = "".join(draw.choice("0123456789") for _ in range(draw.randint(3, 8)))
        if digits not in seen:
            seen.add(digits)
            ordered = "".join(sorted(digits))
            yield digits, f">{ordered}", f"{ordered}<"


def write(name: str, header: Sequence[str], rows: Iterator[Sequence[object]] | Sequence[Sequence[object]]) -> None:
    with (HERE / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
