"""Untrusted text is shown as text, and every character of it is visible."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprints.console.untrusted import MOST_CHARACTERS, show_text

POINT = re.compile(r'<span class="code-point">U\+([0-9A-F]{4,6})(?: x (\d+))?</span>')


def points(shown):
    """Return the code points that are named."""
    return [code for code, _ in POINT.findall(shown)]


def inside(shown):
    """Take away the one element around a text."""
    match = re.fullmatch("<bdi>(.*)</bdi>", shown, re.DOTALL)
    assert match, shown
    return match[1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("<b>&\"'", "&lt;b&gt;&amp;&#34;&#39;"),
        ("设计讨论组　三", "设计讨论组　三"),
        ("😀👨‍👩‍👧☎️1️⃣", "😀👨‍👩‍👧☎️1️⃣"),
        ("e\u0301", "e\u0301"),
        ("a b", "a b"),
    ],
)
def test_text_that_can_be_seen_stays_as_it_is(text, shown):
    assert inside(show_text(text)) == shown


@pytest.mark.parametrize(
    "character",
    [
        "\u202e",  # the rest from right to left
        "\u2066",
        "\u200f",
        "\x1b",  # a control sequence for terminals
        "\0",
        "\n",
        "\u2028",
        "\u200b",  # no width
        "\u200d",
        "\ufeff",
        "\u3164",  # an invisible letter
        "\u2800",
        "\ufe0f",
        "\U000e0041",  # a tag
        "\U000e0101",
        "\u00a0",
        "\u00ad",
        "\ud800",  # half a surrogate pair
        "\ue000",  # private
    ],
)
def test_what_can_not_be_seen_is_named(character):
    shown = inside(show_text(f"a{character}b"))

    assert points(shown) == [f"{ord(character):04X}"]
    assert POINT.sub("", shown) == "ab"


def test_joiners_are_kept_between_emoji_only():
    assert points(show_text("测\u200d试 群\ufe0f")) == ["200D", "FE0F"]
    assert points(show_text("😀\u200d\u200d😀 😀\u200da")) == ["200D", "200D"]


def test_spaces_at_the_ends_are_named():
    assert points(show_text(" a b\u3000")) == ["0020", "3000"]
    assert points(show_text("\u3000 a")) == ["3000", "0020"]
    assert points(show_text(" ")) == ["0020"]


def test_run_of_one_character_is_named_once():
    assert inside(show_text("a" + "\x01" * 70 + "b")) == (
        'a<span class="code-point">U+0001 x 70</span>b'
    )


def test_lines_are_kept_where_they_are_wanted():
    assert inside(show_text("a\n\tb", lines=True)) == "a\n\tb"


def test_nothing_is_told_from_an_empty_text():
    assert {show_text(None), show_text("")}.isdisjoint({show_text("-"), show_text('""')})


def test_long_text_is_cut_and_says_so():
    assert inside(show_text("x" * (MOST_CHARACTERS + 7))).endswith("… 7</span>")
    assert inside(show_text("x" * 5000, most=5000)) == "x" * 5000


def test_space_where_a_text_was_cut_is_not_at_its_end():
    assert points(show_text("word " * 100 + "end", most=5)) == []
    assert points(show_text("a" * 10 + " ", most=5)) == []


@given(st.text(st.characters(codec=None), min_size=1, max_size=MOST_CHARACTERS))
def test_every_text_can_be_read_back(text):
    shown = inside(show_text(text))

    assert unescape_all(shown) == text
    assert not re.search('<(?!span class="code-point">U|/span>)', shown)


def unescape_all(shown):
    named = POINT.sub(lambda match: f"\0{match[1]}\0{match[2] or 1}\0", shown)
    parts = named.split("\0")  # which is itself named when it is part of the text
    texts = [unescape_exactly(part) for part in parts[::3]]
    named = zip(parts[1::3], parts[2::3], strict=True)
    runs = [chr(int(code, 16)) * int(times) for code, times in named]
    return "".join(map("".join, zip(texts, [*runs, ""], strict=True)))


def unescape_exactly(part):
    """Unescape only what was escaped; ``html.unescape`` reads more."""
    return re.sub("&(lt|gt|amp|#34|#39);", lambda match: unescape(match[0]), part)
