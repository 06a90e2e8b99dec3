"""The report of a run: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nnspec import __version__
from nnspec.data.rows import Dataset
from nnspec.ir.spec import Spec
from nnspec.report import charts, confusion, forecast, histogram, masks, scatter, tables
from nnspec.report.charts import Chart, Line
from nnspec.report.highlight import highlighted
from nnspec.report.markup import Html, join, tag
from nnspec.report.masks import Masks
from nnspec.report.names import known, title
from nnspec.report.numbers import duration, number, plural
from nnspec.report.predictions import Labels, Numbers
from nnspec.report.story import Story

STYLE = Path(__file__).with_name("style.css")
Picture = Labels | Numbers | Masks
SPLITS = {"train": "training", "validation": "validation"}


def page(
    story: Story, splits: Mapping[str, Dataset], pictures: Sequence[Picture], shown: str, notes: Sequence[str]
) -> str:
    """The whole file. `pictures` are predictions of the split `shown`, `notes` say what could not be drawn."""
    body = tag("main", _header(story), *_sections(story, splits, pictures, shown, notes), _footer())
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{story.spec.name} · training report"),
        tag("style", Html(STYLE.read_text("utf-8"))),
    )
    return "<!doctype html>\n" + tag("html", head, tag("body", body), lang="en") + "\n"


def _sections(
    story: Story, splits: Mapping[str, Dataset], pictures: Sequence[Picture], shown: str, notes: Sequence[str]
) -> Iterator[Html]:
    if story.records:
        drawn = (charts.draw(chart) for chart in curves(story))
        yield _section("Curves", tag("div", *drawn, class_="grid"))
    if pictures:
        said = f"the {SPLITS.get(shown, shown)} rows, with the weights of the best epoch"
        yield _section("Predictions", *_pictures(pictures), aside=said)
    if notes:
        yield tag("div", *(tag("p", note, class_="note") for note in notes), class_="panel notes")
    yield _section("Model", *tables.model(story.spec))
    yield _section("Data", *tables.data(story.spec, splits))
    yield _section("Run", tables.settings(story), *([_epochs(story)] if story.records else []))
    yield _section("Spec", *_texts(story.spec))


def curves(story: Story) -> Iterator[Chart]:
    """The charts of a run: the loss, every metric, the learning rate, the norm of the gradients."""
    best = float(story.best_epoch) if story.best_epoch is not None else None
    for name in story.measured:
        lines = [
            Line(word, split, points) for split, word in SPLITS.items() if (points := story.series(f"{split}.{name}"))
        ]
        yield Chart(title(name), lines, best, log=name in ("loss", "penalty"))
    rates = [Line("used", "rate", story.series("lr"))]
    planned = story.planned()
    yield Chart(
        "Learning rate", [*([Line("planned", "plan", planned)] if planned else []), *rates], best, log=story.geometric
    )
    yield from _norms_and_logged(story, best)


def _norms_and_logged(story: Story, best: float | None) -> Iterator[Chart]:
    """The norm of the gradients, and what callbacks have logged."""
    norms = [("mean", "norm", "gradient_norm"), ("greatest", "peaks", "gradient_norm_max")]
    lines = [Line(word, look, points) for word, look, name in norms if (points := story.series(name))]
    if lines:
        yield Chart("Gradient norm", lines, best, log=True)
    for name in story.logged:
        yield Chart(title(name), [Line(name, "rate", story.series(name))], best)


def _header(story: Story) -> Html:
    spec = story.spec
    chosen = ", ".join(f"{name} = {value}" for name, value in spec.settings.items())
    return tag(
        "header",
        tag("p", "nnspec training report", class_="over"),
        tag("h1", spec.name, tag("small", chosen) if chosen else None),
        tag("p", _lead(story), class_="lead"),
        tag("dl", *_cards(story), class_="cards"),
    )


def _lead(story: Story) -> Html:
    """The run in a sentence or two."""
    if not story.records:
        return join("No epoch is done yet.")
    count, length = len(story.records), story.length
    cut = length is not None and int(story.records[-1]["step"]) < length.steps
    done = f"{count:,} of {plural(length.epochs, 'epoch')}" if cut and length else plural(count, "epoch")
    seconds = f" in {duration(story.seconds)}" if story.seconds is not None else ""
    watched = story.history.monitor
    why = f"the best by {watched}" if story.history.series(watched) else "the last one"
    best = tag("b", f"epoch {story.best_epoch:,}")
    return join(
        "Trained for ",
        tag("b", done),
        f"{seconds}, seed {story.facts.get('seed', '')}. The weights are those of ",
        best,
        f", {why}.",
    )


def _cards(story: Story) -> Iterator[Html]:
    """The numbers that a reader looks for first."""
    best = story.history.best
    if best:
        last = story.records[-1]
        split = "validation" if any(name.startswith("validation.") for name in best) else "train"
        names = sorted(
            (n for n in best if n.startswith(f"{split}.")), key=lambda n: (n.endswith((".loss", ".penalty")), n)
        )
        for index, name in enumerate(names[:4]):
            what = f"{SPLITS[split]} {known(name.partition('.')[2])}"
            yield _card(what, number(best[name]), f"last epoch {number(last[name])}", first=index == 0)
        yield _card("best epoch", f"{story.best_epoch:,}", f"of {len(story.records):,}")
    yield _card("parameters", f"{story.spec.parameter_count:,}", "trainable numbers")
    if story.seconds is not None:
        rows = sum(record["rows"] for record in story.times) / max(story.seconds, 1e-9)
        yield _card("duration", duration(story.seconds), f"{rows:,.0f} rows/s")


def _card(name: str, value: str, below: str, *, first: bool = False) -> Html:
    return tag("div", tag("dt", name), tag("dd", value, tag("small", below)), class_="first" if first else None)


def _pictures(pictures: Sequence[Picture]) -> Iterator[Html]:
    labels = [item for item in pictures if isinstance(item, Labels)]
    yield from (masks.draw(item) for item in pictures if isinstance(item, Masks))
    regressions = [item for item in pictures if isinstance(item, Numbers)]
    yield from map(confusion.draw, labels)
    series = [item for item in regressions if item.over_time]
    yield from map(forecast.draw, series)
    if regressions:
        figures = (draw(item) for item in regressions for draw in (scatter.draw, histogram.draw))
        yield tag("div", *figures, class_="grid")


def _epochs(story: Story) -> Html:
    count = tag("small", plural(len(story.records), "epoch"))
    return tag("details", tag("summary", "All epochs", count), tables.epochs(story), style="margin-top:14px")


def _texts(spec: Spec) -> Iterator[Html]:
    """The file of the spec open, those that it uses closed."""
    for path, text in sorted(spec.files.items(), key=lambda item: item[0] != spec.path):
        summary = tag("summary", path, tag("small", plural(len(text.splitlines()), "line")))
        body = tag("pre", tag("code", highlighted(text.rstrip())))
        yield tag("details", summary, body, open="" if path == spec.path else None)


def _section(title: str, *children: str, aside: str = "") -> Html:
    return tag("section", tag("h2", title, tag("small", aside) if aside else None), *children)


def _footer() -> Html:
    return tag(
        "footer",
        f"Written by nnspec {__version__} from the files of the run. This page loads nothing and works offline.",
    )
