"""Which pages are made, and what is in each."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill
from typing import Any

from nnspec.diagnostics.catalogue import CATALOGUE, Entry
from nnspec.diagnostics.envelope import SCHEMA
from nnspec.docs.examples import example_of
from nnspec.docs.frameworks import FRAMEWORKS, equivalents
from nnspec.docs.reference import anchor, entry, escaped
from nnspec.docs.source import first_sentence
from nnspec.ir.spec import Spec
from nnspec.library import registries

MADE = "<!-- Made by `make docs` from the code: change the docstrings there, not this page. -->"

KINDS = {
    "loss": ("Losses", "A mean over all elements. The prediction comes first, then the target, then the options."),
    "metric": ("Metrics", "Measured over a whole split. Written like a loss; `max` or `min` says which is better."),
    "optimizer": ("Optimizers", "The `optimizer` of the train section."),
    "schedule": ("Schedules", "In the place of a number for an optimizer's `lr`. Lengths are in epochs."),
    "regularizer": ("Regularizers", "The `regularize` of the train section, one or a list."),
    "stop": ("Early stopping", "The `early_stop` of the train section."),
    "average": ("Averages", "The `average` of the train section."),
    "initializer": ("Initializers", "The `init` of the layers that own weights: `dense(64, init = he_normal())`."),
    "source": ("Sources", "The `train`, `validation` and `test` of the data section."),
    "augmentation": ("Augmentations", "The `augment` of the data section, a list."),
    "weights": ("Starting weights", "The `init` of the train section."),
}
"""Title and first sentence of the chapters of training.md, in this order; kinds that are not here follow by name."""


def pages(folder: Path) -> dict[Path, str]:
    """The text of every made page by its path, and of the pages that have made tables."""
    schema = json.dumps(Spec.model_json_schema(), indent=2, sort_keys=True, ensure_ascii=False)
    check = json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"
    found = {
        "check.schema.json": check,
        "layers.md": layers(),
        "training.md": training(),
        "errors.md": errors(),
        "spec.schema.json": schema + "\n",
    }
    for page, framework in FRAMEWORKS.items():
        if (folder / page).exists():
            found[page] = filled((folder / page).read_text(encoding="utf-8"), framework)
    return {folder / name: text for name, text in found.items()}


def layers() -> str:
    """Every layer, by family."""
    registry = registries()["layer"]
    families: defaultdict[str, list[type[Any]]] = defaultdict(list)
    for name in registry:
        families[".".join(registry[name].__module__.split(".")[:3])].append(registry[name])
    return _page(_layer_lines(dict(sorted(families.items()))))


def _layer_lines(families: dict[str, list[type[Any]]]) -> Iterator[str]:
    yield from ("# Layers", "", MADE, "")
    yield _paragraph(
        "Each entry gives the signature as the language has it: options in order, with their defaults. Options go by "
        "position or by name. `*` before a name takes all positional arguments as one list. In shapes, `*` stands for "
        "any number of axes and `N` for the rows. How layers are applied is said in [language.md](language.md)."
    )
    yield ""
    for family, classes in families.items():
        links = ", ".join(f"[{cls.name}](#{anchor(cls.name)})" for cls in classes)
        yield f"- [{_title(family)}](#{anchor(_title(family))}): {links}"
    for family, classes in families.items():
        yield from ("", f"## {_title(family)}", "", escaped(first_sentence(family)), "")
        for cls in classes:
            yield from entry(cls, example_of(cls))


def training() -> str:
    """Everything else that a spec can name, by kind, and the settings of the sections."""
    return _page(_training_lines())


def _training_lines() -> Iterator[str]:
    library = registries()
    listed = ("layer", "operator", "section")
    kinds = [kind for kind in (*KINDS, *sorted(set(library) - set(KINDS))) if kind in library and kind not in listed]
    titles = {kind: KINDS.get(kind, (f"{kind.title()}s", "")) for kind in kinds if len(library[kind])}
    yield from ("# Data, training and export", "", MADE, "")
    yield "- [Settings of the sections](#settings-of-the-sections)"
    for kind, (title, _) in titles.items():
        yield f"- [{title}](#{anchor(title)}): {', '.join(library[kind])}"
    yield from ("", "## Settings of the sections", "", "Written `name = value`, each once, in any order.", "")
    for name in library["section"]:
        yield from entry(library["section"][name], None)
    for kind, (title, text) in titles.items():
        yield from (f"## {title}", "", text, "")
        for name in library[kind]:
            cls = library[kind][name]
            yield from entry(cls, example_of(cls))
            if kind == "metric":
                yield from (f"{'More' if cls.mode == 'max' else 'Less'} is better (`{cls.mode}`).", "")


def errors() -> str:
    """Every code with both examples."""
    return _page(_error_lines())


def _error_lines() -> Iterator[str]:
    yield from ("# Errors and warnings", "", MADE, "")
    yield _paragraph("`nnspec explain CODE` prints an entry of this page. A code keeps its meaning for ever.")
    yield ""
    codes = sorted(CATALOGUE)
    yield from ("| code | |", "|---|---|")
    yield from (f"| [{c}](#{c.lower()}) | {escaped(CATALOGUE[c].title)} |" for c in codes)
    for code in codes:
        yield from _error(CATALOGUE[code])


def _error(item: Entry) -> Iterator[str]:
    yield from ("", f"## {item.code}", "", f"**{escaped(item.title)}**", "")
    for paragraph in item.explanation.split("\n\n"):
        yield from (_paragraph(escaped(" ".join(paragraph.split()))), "")
    fails, works = ("text", "text") if item.shell else (f"nnspec fails {item.code}", "nnspec")
    yield from (
        "This is warned of:" if item.code.startswith("W") else "This fails:",
        "",
        f"```{fails}",
        item.failing.strip("\n"),
        "```",
        "",
    )
    yield from ("This works:", "", f"```{works}", item.mended.strip("\n"), "```")


def filled(text: str, framework: str) -> str:
    """A page with the tables between its marks `<!-- table: layer -->` and `<!-- end -->` made anew."""

    def table(found: re.Match[str]) -> str:
        rows = [f"| {_codes(theirs)} | `{own}` |" for own, theirs in equivalents(framework, found[1])]
        head = [f"<!-- table: {found[1]} -->", f"| {framework} | nnspec |", "|---|---|"]
        return "\n".join([*head, *rows, "<!-- end -->"])

    return re.sub(r"<!-- table: (\w+) -->.*?<!-- end -->", table, text, flags=re.DOTALL)


def _codes(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _title(family: str) -> str:
    return family.rsplit(".", 1)[-1].replace("_", " ").capitalize()


def _paragraph(text: str) -> str:
    return fill(text, 120, break_long_words=False, break_on_hyphens=False)


def _page(lines: Iterator[str]) -> str:
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    return text.rstrip("\n") + "\n"
