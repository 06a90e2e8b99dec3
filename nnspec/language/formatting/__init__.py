"""The formatter: text to tokens and comments, to statements, to lines. There is one layout and no option."""
