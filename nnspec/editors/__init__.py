"""What editors need: the language server, and a lexer for Pygments."""
