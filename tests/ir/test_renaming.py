"""Rename tables: patterns whose text is put back."""

from __future__ import annotations

from typing import Any

import pytest

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
    assert Table(BERT)(name) == (tuple(names), transpose)


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
    ],
)
def test_rules_that_are_none(rule: Any, said: str) -> None:
    with pytest.raises(ValueError, match="rule 2 of the rename table") as caught:
        Table([["a", "b"], rule])
    assert said in str(caught.value)
