"""The form of text in columns, and of JSON as it is written."""

import json
import re
from typing import Any
from unicodedata import category, normalize

START_LENGTH = 64  # characters of a text that the index of a list covers
MAX_ID_LENGTH = 255
FOLDED_LENGTH = 255  # characters of a folded text that a search covers
ESCAPE = "\N{SYMBOL FOR ESCAPE}"
UNSTORABLE = re.compile(f"[\0{ESCAPE}\ud800-\udfff]")
ESCAPED = re.compile(f"{ESCAPE}([0-9a-f]{{4}})")
# Letters, marks and symbols that are invisible: fillers, selectors, the blank Braille pattern.
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef"
BLANKS = re.compile(f"[{BLANK}]")
# Controls, formats such as bidirectional marks, lone surrogates, and all kinds of space.
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}
# What UTF-8 cannot hold, and what some programs take for the end of a line.
ESCAPED_IN_JSON = re.compile("[\ud800-\udfff\x85\u2028\u2029]")
ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def escape_text(text: str) -> str:
    """Escape the characters that a text column cannot hold, so that none is lost.

    PostgreSQL refuses NUL and every encoding refuses a lone surrogate, yet JSON can carry both.
    They become ``␛`` and four hexadecimal digits, as does ``␛`` itself, so different texts stay
    different. All other text is stored as it is.
    """
    if text.isascii() and "\0" not in text:  # nearly always: a dozen texts for each callback
        return text
    return UNSTORABLE.sub(lambda match: f"{ESCAPE}{ord(match[0]):04x}", text)


def unescape_text(text: str) -> str:
    """Undo ``escape_text``."""
    if ESCAPE not in text:  # nearly always: millions of texts in an export
        return text
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def start_of(text: str) -> str:
    """Cut a text to the length that a column of type ``TextStart`` holds."""
    return escape_text(text)[:START_LENGTH]


def fold(text: str) -> str:
    """Reduce a text to what a search compares: no case, width, space or invisible characters."""
    if text.isascii() and text.isprintable():  # nearly always
        return text.casefold().replace(" ", "")
    plain = normalize("NFKC", normalize("NFKC", BLANKS.sub("", text)).casefold())
    return "".join(one for one in plain if category(one) not in UNSEEN)


def fits_id_column(text: str) -> bool:
    """Tell whether an ID, as stored, fits in its column."""
    return len(escape_text(text)) <= MAX_ID_LENGTH


def dump_json(value: Any) -> str:
    """Write JSON that is readable, valid in UTF-8, and a single line to every program."""
    text = ENCODER.encode(value)
    if text.isascii():
        return text
    return ESCAPED_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
