"""Show what strangers wrote so that it neither runs nor misleads."""

import re
import sys
from functools import cache
from itertools import groupby
from unicodedata import category

from markupsafe import Markup, escape

MOST_CHARACTERS = 160  # of a text among others
MOST_OF_A_BODY = 64 * 1024
MOST_MARKS = 1000

# Controls, formats (bidirectional marks too), surrogates, private and unassigned ones, separators.
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
SPACES = {" ", "\u3000"}  # that are seen between words
# Letters, marks and symbols that show nothing: fillers, selectors, the blank pattern of Braille.
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef"
# What makes one emoji of several characters, or a coloured one of a plain one.
JOINED = re.compile("(?<=[^\0-\u1fff])(\u200d(?=[^\0-\u1fff])|\ufe0f)|(?<=[0-9#*])\ufe0f\u20e3")
NOTHING = Markup('<span class="none">-</span>')


def show_text(text: str | None, *, lines: bool = False, most: int = MOST_CHARACTERS) -> Markup:
    """Show a text apart from what stands around it, with a sign for each unseen character.

    Whatever could reorder, hide or fake other text is told by its code point: names may hold
    bidirectional marks, escape sequences of terminals, spaces at either end.

    Args:
        text: any text, lone surrogates included; none is a dash.
        lines: let it have lines and tabs.
        most: characters to show; how many more there are is told.
    """
    if text is None:
        return NOTHING
    if not text:
        return Markup('<span class="none">""</span>')
    cut, marks = text[:most], 0
    parts: list[Markup] = []
    seen = 0
    for match in find_unseen().finditer(cut):
        if (lines and match[1] in {"\n", "\t"}) or JOINED.match(cut, match.start()):
            continue
        if marks == MOST_MARKS:
            cut = cut[: match.start()]
            break
        parts += [escape(cut[seen : match.start()]), mark(match[0])]
        seen, marks = match.end(), marks + 1
    parts.append(escape(cut[seen:]))
    if len(cut) < len(text):
        parts.append(Markup('<span class="code-point">… {}</span>').format(len(text) - len(cut)))
    return Markup("<bdi>{}</bdi>").format(Markup("").join(parts))


@cache
def find_unseen() -> re.Pattern[str]:
    """Make a pattern of runs of one unseen character; of a space at either end, too."""
    codes = range(sys.maxunicode + 1)
    unseen = (code for code in codes if category(chr(code)) in UNSEEN and chr(code) not in SPACES)
    runs = [
        [code for _, code in run]
        for _, run in groupby(enumerate(unseen), lambda one: one[1] - one[0])
    ]
    ranges = "".join(f"\\U{run[0]:08x}-\\U{run[-1]:08x}" for run in runs)
    spaces = "".join(SPACES)
    return re.compile(rf"([{ranges}{BLANK}])\1*|^([{spaces}])\2*|([{spaces}])\3*$")


def mark(run: str) -> Markup:
    """Name a character by its code point, and say how often it stands there."""
    often = f" x {len(run)}" if len(run) > 1 else ""
    return Markup('<span class="code-point">U+{:04X}{}</span>').format(ord(run[0]), often)
