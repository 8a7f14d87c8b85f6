"""Labels and other texts in English and Simplified Chinese."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from flask import g, request

LANGUAGES = {"en": "English", "zh-CN": "简体中文"}
LANGUAGE_COOKIE = "lang"
CHINESE: Mapping[str, str] = json.loads(
    (Path(__file__).parent / "zh-CN.json").read_text(encoding="utf-8")
)

# Words of the API that have another label; a kind of subject may have its own.
WORDS = {
    "channel": "Channel",
    "group": "Group",
    "full": "member limit reached",
    "group destroyed": "disbanded",
    "channel members_added": "subscribers added",
    "channel members_removed": "subscribers removed",
    "duplicate": "repeat",
    "unhandled": "not a lifecycle event",
    "app_missing": "no SDKAppID",
    "app_unknown": "unknown SDKAppID",
    "sign_missing": "not signed",
    "sign_wrong": "wrong signature",
    "sign_expired": "signature expired",
    "noise": "refused, for none of your apps",
    "known_app yes": "one of yours",
    "known_app no": "none of yours",
    "name": "Name",
    "owner": "Owner",
    "introduction": "Introduction",
    "notification": "Notification",
    "face_url": "Picture",
    "organization": "Organization",
    "group_type": "Group type",
}


def choose_language() -> str:
    """Choose the language of a request, once for the hundreds of texts of a page."""
    if "language" not in g:
        g.language = find_language()
    language: str = g.language
    return language


def find_language() -> str:
    """Find the language that a cookie, or else ``Accept-Language``, requests."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    by_primary_tag = {code.partition("-")[0]: code for code in LANGUAGES}
    for code, quality in request.accept_languages:  # the most preferred first
        language = by_primary_tag.get(code.partition("-")[0].lower())
        if language is not None and quality > 0:
            return language
    return "en"


def translate(text: str) -> str:
    """Translate a label; one without a translation stays as it is."""
    return CHINESE.get(text, text) if choose_language() == "zh-CN" else text


def translate_count(one: str, many: str, number: int) -> str:
    """Translate a label with a number; Chinese has one form for all numbers."""
    return translate(one if number == 1 else many)


def say(word: str, subject_type: str = "") -> str:
    """Put a word of the API into plain words, translated."""
    return translate(put_plainly(word, subject_type))


def put_plainly(word: str, subject_type: str = "") -> str:
    """Put a word of the API into plain English."""
    return WORDS.get(f"{subject_type} {word}") or WORDS.get(word) or word.replace("_", " ")


class Phrasebook:
    """A file of translations of texts other than labels.

    A ``{}`` in an English text matches any text, which is inserted in the translation.
    """

    def __init__(self, file: Path) -> None:
        self.chinese: Mapping[str, str] = json.loads(file.read_text(encoding="utf-8"))
        self.patterns = {
            english: re.compile(re.escape(english).replace(r"\{\}", "(.+)"))
            for english in self.chinese
        }

    def translate(self, text: str) -> str:
        """Translate a text; one without a translation stays as it is."""
        for english, pattern in self.patterns.items():
            if match := pattern.fullmatch(text):
                return self.chinese[english].format(*match.groups())
        return text
