"""Rename tables: patterns whose text is put back."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import nnspec
from nnspec.ir.renaming import Table

BERT = [
    ["embeddings.word_embeddings.weight", "embed.weight"],
    ["encoder.layer.*.attention.self.*", "layers.*.attention_1.*"],
    ["encoder.layer.*.output.LayerNorm.gamma", "layers.*.layer_norm_2.weight"],
    ["encoder.layer.*", "layers.*"],
    ["h.*.attn.c_attn.*", ["h.*.query.*", "h.*.key.*", "h.*.value.*"], "transpose"],
    ["*.position_ids", ""],
]


@pytest.mark.parametrize(
    ("name", "names", "transpose"),
    [
        ("embeddings.word_embeddings.weight", ["embed.weight"], False),
        ("encoder.layer.11.attention.self.query.weight", ["layers.11.attention_1.query.weight"], False),
        ("encoder.layer.0.output.LayerNorm.gamma", ["layers.0.layer_norm_2.weight"], False),
        ("encoder.layer.0.other.weight", ["layers.0.other.weight"], False),  # the first that covers it decides
        ("h.3.attn.c_attn.bias", ["h.3.query.bias", "h.3.key.bias", "h.3.value.bias"], True),
        ("bert.embeddings.position_ids", [], False),
        ("pooler.weight", ["pooler.weight"], False),
        ("Xembeddings.word_embeddings.weight", ["Xembeddings.word_embeddings.weight"], False),
        ("embeddings_word_embeddings_weight", ["embeddings_word_embeddings_weight"], False),  # a dot is a dot
    ],
)
def test_what_becomes_of_a_name(name: str, names: list[str], transpose: bool) -> None:
    found = Table(BERT)(name)
    assert (found.names, found.mark) == (tuple(names), "transpose" if transpose else "")


@pytest.mark.parametrize(
    ("rule", "name", "wanted"),
    [
        (["*.*.weight", "*/*"], "a.b.c.weight", "a/b.c"),  # each takes as little as it can
        (["*_*", "*.*"], "a_b_c", "a.b_c"),
        (["a*b*", "*-*"], "ab", "-"),
        (["a.*.b.*", "c.*"], "a.1.b.2", "c.1"),
        (["*", "backbone.*"], "x.y", "backbone.x.y"),
        (["encoder.*", "*"], "encoder.x", "x"),
        (["x", "y.z"], "x", "y.z"),
        (["[bert.]pooler.*", "pooled.*"], "bert.pooler.weight", "pooled.weight"),
        (["[bert.]pooler.*", "pooled.*"], "pooler.weight", "pooled.weight"),
        (["[a.]*[.w]", "*"], "a.b.w", "b"),
        (["[a.]x", "y"], "b.x", "b.x"),
    ],
)
def test_stars(rule: list[str], name: str, wanted: str) -> None:
    assert Table([rule])(name).names == (wanted,)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("a", "is not [from, to]"),
        (["a"], "is not [from, to]"),
        (["a", "b", "transpose", "c"], "is not [from, to]"),
        (["", "b"], "has no name or pattern to begin with"),
        ([1, "b"], "has no name or pattern to begin with"),
        (["a", "b", "turn"], "ends with 'turn'"),
        (["a", 3], "leads to 3; that is a name"),
        (["a", ["b", 3]], "leads to ['b', 3]"),
        (["a", []], "leads to an empty name"),
        (["a", ["b", ""]], "leads to an empty name"),
        (["a.*", "b.*.*"], '"b.*.*" has more * than "a.*"'),
        (["[a.b", "c"], 'a [ of "[a.b" begins a text that may be missing'),
        (["a]b", "c"], 'a [ of "a]b" begins'),
        (["[*.]a", "c"], 'a [ of "[*.]a" begins'),
        (["[]a", "c"], 'a [ of "[]a" begins'),
        (["a", "", "tied"], '"tied" goes with the one name'),
        (["a", ["b", "c"], "tied"], '"tied" goes with the one name'),
    ],
)
def test_rules_that_are_none(rule: Any, said: str) -> None:
    with pytest.raises(ValueError, match="rule 2 of the rename table") as caught:
        Table([["a", "b"], rule])
    assert said in str(caught.value)


GPT = [
    ["[transformer.]wte.weight", "embed.weight"],
    ["[transformer.]h.*.attn.c_attn.*", ["h.*.query.*", "h.*.key.*", "h.*.value.*"], "transpose"],
    ["[transformer.]h.*.attn.c_proj.*", "h.*.output.*", "transpose"],
    ["cls_token", "class.weight", "squeeze"],
    ["old.gamma", "norm.weight"],
    ["new.weight", "norm.weight"],
    ["lm_head.weight", "embed.weight", "tied"],
    ["*.dropped", ""],
    ["a.*.*", "b.*"],
    ["shadow.*", "c.*"],
    ["shadow.x", "d.x"],
]


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("embed.weight", ("transformer.wte.weight", 0, 1, "")),  # what may be missing is written; a copy is not
        ("h.3.key.bias", ("transformer.h.3.attn.c_attn.bias", 1, 3, "transpose")),
        ("h.12.output.weight", ("transformer.h.12.attn.c_proj.weight", 0, 1, "transpose")),
        ("class.weight", ("cls_token", 0, 1, "squeeze")),
        ("norm.weight", ("old.gamma", 0, 1, "")),  # the first rule that leads there
        ("head.weight", ("head.weight", 0, 1, "")),  # a name that no rule covers stays
        ("c.y", ("shadow.y", 0, 1, "")),
    ],
)
def test_the_way_back(path: str, origin: tuple[Any, ...]) -> None:
    table = Table(GPT)
    assert table.back(path) == origin
    there = table(origin[0])
    assert there.names[origin[1]] == path and (len(there.names), there.mark) == origin[2:]


@pytest.mark.parametrize("path", ["x.dropped", "b.1", "d.x", "lm_head.weight", "wte.weight"])
def test_no_way_back(path: str) -> None:
    """What the table leaves aside, what lost text on the way, what a rule before covers, and a name of the source."""
    assert Table(GPT).back(path) is None


def test_the_shipped_tables_lead_back_from_every_parameter() -> None:
    """Every path of the spec has an origin, no two the same part of one, and the table leads each back to the path."""
    specs = Path(__file__).parents[2] / "specs"
    for name, spec in (("gpt2", "gpt2"), ("bert", "bert_base"), ("llama", "llama"), ("vit", "vit")):
        table = Table(tomllib.loads((specs / "huggingface" / f"{name}.toml").read_text("utf-8"))["rename"])
        paths = [item.path for item in nnspec.load(specs / f"{spec}.nn", set={"layers": 12}).parameters]
        origins = [table.back(path) for path in paths]
        assert len(set(origins)) == len(paths)
        for path, origin in zip(paths, origins, strict=True):
            assert origin and origin.name != path and table(origin.name).names[origin.part] == path
