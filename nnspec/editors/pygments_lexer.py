"""A lexer for Pygments, which colours .nn files in Sphinx, in MkDocs and on terminals: `pygmentize -l nnspec`."""

from __future__ import annotations

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text, Whitespace

DECLARATIONS = ("nnspec", "use", "model", "block", "data", "train", "export", "require")
STATEMENTS = ("input", "output", "target", "layer", "let", "if", "else", "repeat", "for", "in", "as")
CONSTANTS = ("true", "false", "none")
DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "uint8", "bool", "string", "label")


class NnspecLexer(RegexLexer):  # type: ignore[misc]  # Pygments has no types
    """The nnspec language."""

    name = "nnspec"
    aliases = ("nnspec",)
    filenames = ("*.nn",)
    mimetypes = ("text/x-nnspec",)
    url = "https://nnspec.dev"

    tokens = {  # noqa: RUF012  as Pygments wants it
        "root": [
            (
                r"^([ \t]*)([A-Za-z_]\w*)(?=[ \t]*(?:#[^\n]*)?\r?$)",
                bygroups(Whitespace, Name.Function),
            ),  # a layer alone
            (r"\n", Whitespace),
            (r"[^\S\n]+", Whitespace),
            (r"#[^\n]*", Comment.Single),
            (r'"(\\.|[^"\\\n])*"', String.Double),
            (r"'(\\.|[^'\\\n])*'", String.Single),
            (r"[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][+-]?[0-9]+)?", Number),
            (r"(model|block)(\s+)([A-Za-z_]\w*)", bygroups(Keyword.Declaration, Whitespace, Name.Class)),
            (r"([A-Za-z_]\w*)(\s*)(=)(?!=)", bygroups(Name.Attribute, Whitespace, Operator)),
            (words(DTYPES, suffix=r"\b(?=\s*\[)"), Keyword.Type),
            (r"(?<![\w.])(data|train|export|require)\b(?=\s*\{)", Keyword.Declaration),
            (r"(?<![\w.])(nnspec(?=\s+\d)|use(?=\s+[\"'A-Za-z]))", Keyword.Declaration),
            (r"target\b(?=\s+[A-Za-z_]\w*\s*:)", Keyword),  # a name like any other elsewhere
            (words([word for word in STATEMENTS if word != "target"], suffix=r"\b"), Keyword),
            (words(("and", "or", "not"), suffix=r"\b"), Operator.Word),
            (words(CONSTANTS, suffix=r"\b"), Keyword.Constant),
            (r"(->)(\s*)([A-Za-z_]\w*)", bygroups(Operator, Whitespace, Name.Function)),
            (r"[A-Za-z_]\w*(?=\()", Name.Function),
            (r"[A-Za-z_]\w*", Name),
            (r"->|//|[=!<>]=|[-+*/%@<>=]", Operator),
            (r"[()\[\]{},:.]", Punctuation),
            (r".", Text),
        ]
    }
