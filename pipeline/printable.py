"""Texts of others, such as ids and names of columns, as a terminal may get them."""

import unicodedata

_KEPT = frozenset("\n\t")
# Control characters, which hold the escapes of terminals; those that turn the direction of writing; halves of
# surrogate pairs, which no terminal can be sent.
_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def printable(text: str) -> str:
    r"""A text in which nothing acts on the terminal: what would is shown by its number.

    Example:
        printable("\x1b]0;hacked\x07")  # r"\x1b]0;hacked\x07"
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _ESCAPED and character not in _KEPT
        else character
        for character in text
    )
