"""Show what strangers wrote so that it neither runs nor misleads."""

import re
from unicodedata import category

from markupsafe import Markup, escape

MOST_CHARACTERS = 160  # of a text among others

BEYOND_ASCII = re.compile(r"[^ -~]|^ | $")
# Controls, formats (bidirectional marks too), surrogates, private and unassigned ones, separators.
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Letters, marks and symbols that show nothing: fillers, selectors, the blank pattern of Braille.
BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
SPACES = " \u3000"  # that are seen between words
# What makes one emoji of several characters, or a coloured one of a plain one.
JOINED = re.compile("(?<=[^\0-\u1fff])(\u200d(?=[^\0-\u1fff])|\ufe0f)|(?<=[0-9#*])\ufe0f\u20e3")
NOTHING = Markup('<span class="none">-</span>')


def show_text(text: str | None, *, lines: bool = False, whole: bool = False) -> Markup:
    """Show a text apart from what stands around it, with a sign for each unseen character.

    Whatever could reorder, hide or fake other text is told by its code point: names may hold
    bidirectional marks, escape sequences of terminals, spaces at either end.

    Args:
        text: any text, lone surrogates included; none is a dash.
        lines: let it have lines and tabs.
        whole: show all of it, however long.
    """
    if text is None:
        return NOTHING
    if not text:
        return Markup('<span class="none">""</span>')
    cut = text if whole else text[:MOST_CHARACTERS]
    kept = {"\n", "\t"} if lines else set()
    parts: list[Markup] = []
    seen = 0
    for match in BEYOND_ASCII.finditer(cut):
        if match[0] not in kept and is_unseen(cut, match):
            parts += [escape(cut[seen : match.start()]), mark(match[0])]
            seen = match.end()
    parts.append(escape(cut[seen:]))
    if len(cut) < len(text):
        parts.append(Markup('<span class="code-point">… {}</span>').format(len(text) - len(cut)))
    return Markup("<bdi>{}</bdi>").format(Markup("").join(parts))


def is_unseen(text: str, match: re.Match[str]) -> bool:
    """Tell whether a character shows nothing, or works on its neighbours."""
    character = match[0]
    if JOINED.match(text, match.start()):
        return False  # of an emoji
    kind = category(character)
    if kind == "Zs":
        at_an_end = match.start() == 0 or match.end() == len(text)
        return at_an_end or character not in SPACES
    return kind in UNSEEN or bool(BLANK.match(character))


def mark(character: str) -> Markup:
    """Name a character by its code point."""
    return Markup('<span class="code-point">U+{:04X}</span>').format(ord(character))
