"""The TextMate grammar in the engine of Visual Studio Code, over all specs, held against the lexer for Pygments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Whitespace

from nnspec.editors.pygments_lexer import NnspecLexer
from tests.vscode.node import SPECS, node

pytestmark = pytest.mark.vscode

TRICKY = """nnspec 1
use "a.nn": b   # use model data
model m(data = 1, rate = 0.1) {
  input x: float32[N, 4]

  relu
  dropout(rate)   # not "text"
  h = x -> dense(3, bias = false) -> tanh
  if not (data == 1) and true { repeat 2 as i { dense(i) } }
  else { identity }
  output y = h * 2 // 1
}
data { train = csv('it\\'s "x".csv') }
train {
  target t: label[N]
  loss = mse(y, t)
  lr = 1e-3
}
require { params <= 1_000 }
"""

CLASSES = {
    "comment": (Comment,),
    "string": (String,),
    "constant.character.escape": (String,),
    "constant.numeric": (Number,),
    "constant.language": (Keyword.Constant,),
    "keyword.declaration": (Keyword.Declaration,),
    "keyword.other": (Keyword,),
    "keyword.control": (Keyword,),
    "keyword.operator": (Operator,),
    "support.type": (Keyword.Type,),
    "entity.name.type": (Name.Class,),
    "entity.name.function": (Name.Function,),
    "variable.parameter": (Name.Attribute,),
    "variable.other": (Name, Name.Attribute),
    "punctuation": (Punctuation,),
}
"""What a scope is for Pygments. A name that gets a value is an attribute there, wherever it stands."""


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    tricky = tmp_path_factory.mktemp("tricky") / "tricky.nn"
    tricky.write_text(TRICKY)
    found = node("tokens.mjs", *SPECS, tricky)
    assert len(found) == len(SPECS) + 1 > 20
    return dict(found)


def test_every_sign_has_a_scope(coloured: dict[str, Any]) -> None:
    bare = []
    for path, lines in coloured.items():
        for text, tokens in zip(Path(path).read_text().split("\n"), lines, strict=True):
            bare += [(path, text[start:end]) for start, end, scopes in tokens if text[start:end].strip() and not scopes]
    assert not bare


def test_both_see_the_same(coloured: dict[str, Any]) -> None:
    """Sign by sign, over every spec of the repository."""
    different = []
    for path, lines in coloured.items():
        text = Path(path).read_text()
        theirs = [kind for kind, piece in NnspecLexer(ensurenl=False, stripnl=False).get_tokens(text) for _ in piece]
        start = 0
        for line, tokens in zip(text.split("\n"), lines, strict=True):
            for first, last, scopes in tokens:
                for at in range(first, min(last, len(line))):
                    kind = theirs[start + at]
                    if line[at].isspace() or kind is Whitespace:
                        continue
                    if not _agree(scopes[-1], kind):
                        different.append((Path(path).name, line, line[first:last], scopes[-1], str(kind)))
                        break
            start += len(line) + 1
    assert not different, different[:20]


def _agree(scope: str, kind: Any) -> bool:
    name = next((name for name in sorted(CLASSES, key=len, reverse=True) if scope.startswith(name)), None)
    return name is not None and any(
        kind is wanted or (kind in wanted and wanted is not Name) for wanted in CLASSES[name]
    )
