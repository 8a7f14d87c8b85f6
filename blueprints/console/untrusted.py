"""Show untrusted text so that it neither runs nor misleads."""

import re
import sys
from functools import cache
from itertools import groupby
from unicodedata import category

from markupsafe import Markup, escape

from models.text import BLANK

MOST_CHARACTERS = 160  # characters of a text among others
MOST_OF_A_BODY = 64 * 1024
MOST_MARKS = 1000

# Controls, formats (bidirectional marks too), surrogates, private and unassigned ones, separators.
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
ALL_UNSEEN = 0x40000  # from here on: tags, selectors, private and unassigned characters
SPACES = {" ", "\u3000"}  # spaces that are visible between words
# Characters that join several emoji into one, or colour a plain one, or surround a digit.
JOINER, COLOURED, KEYCAP = "\u200d", "\ufe0f", "\u20e3"
NOTHING = Markup('<span class="none">-</span>')


def show_text(text: str | None, *, lines: bool = False, most: int = MOST_CHARACTERS) -> Markup:
    """Show a text isolated from its surroundings, with a sign for each invisible character.

    Anything that could reorder, hide or fake other text is shown as its code point: names may hold
    bidirectional marks, terminal escape sequences, or spaces at either end.

    Args:
        text: any text, lone surrogates included; none is a dash.
        lines: allow line breaks and tabs.
        most: characters to show; the number of further ones is shown.
    """
    if text is None:
        return NOTHING
    if not text:
        return Markup('<span class="none">""</span>')
    cut, marks = text[:most], 0
    spaces = "".join(SPACES)
    inside = range(len(text) - len(text.lstrip(spaces)), len(text.rstrip(spaces)))
    parts: list[Markup] = []
    seen = 0
    for match in find_unseen().finditer(cut):
        seen_space = match[1] in SPACES and match.start() in inside
        if seen_space or (lines and match[1] in {"\n", "\t"}) or is_of_emoji(cut, match):
            continue
        if marks == MOST_MARKS:
            cut = cut[: match.start()]
            break
        parts += [escape(cut[seen : match.start()]), mark(match[0])]
        seen, marks = match.end(), marks + 1
    parts.append(escape(cut[seen:]))
    if len(cut) < len(text):
        parts.append(Markup('<span class="cut">… {}</span>').format(len(text) - len(cut)))
    return Markup("<bdi>{}</bdi>").format(Markup("").join(parts))


def keep_text(text: str) -> str:
    """Keep a text as it is, to be copied; half a surrogate pair, which no page can hold, is ?."""
    return text.encode(errors="replace").decode()


def is_of_emoji(text: str, match: re.Match[str]) -> bool:
    """Tell whether a character is part of an emoji."""
    before = text[max(match.start() - 2, 0) : match.start()].removesuffix(COLOURED)[-1:]
    after = text[match.end() : match.end() + 1]
    if match[0] == COLOURED:
        return is_symbol(before) or after == KEYCAP
    return match[0] == JOINER and is_symbol(before) and is_symbol(after)


def is_symbol(character: str) -> bool:
    """Tell whether it is a picture, or the colour of one, not a letter of any kind."""
    return bool(character) and category(character).startswith("S")


@cache
def find_unseen() -> re.Pattern[str]:
    """Make a pattern of runs of one character that is invisible, or may be: a space."""
    codes = (code for code in range(ALL_UNSEEN) if category(chr(code)) in UNSEEN)
    runs = groupby(enumerate(codes), lambda one: one[1] - one[0])
    ranges = ""
    for _, run in runs:
        first, *_, last = [code for _, code in run] * 2
        ranges += f"\\U{first:08x}-\\U{last:08x}"
    return re.compile(rf"([{ranges}{BLANK}\U{ALL_UNSEEN:08x}-\U{sys.maxunicode:08x}])\1*")


def mark(run: str) -> Markup:
    """Name a character by its code point, with how often it is repeated."""
    often = f" x {len(run)}" if len(run) > 1 else ""
    return Markup('<span class="code-point">U+{:04X}{}</span>').format(ord(run[0]), often)
