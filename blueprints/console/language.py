"""Labels in English and in Simplified Chinese."""

import json
from collections.abc import Mapping
from pathlib import Path

from flask import g, request

LANGUAGES = {"en": "English", "zh-CN": "简体中文"}
PARAMETER = COOKIE = "lang"
CHINESE: Mapping[str, str] = json.loads(
    (Path(__file__).parent / "zh-CN.json").read_text(encoding="utf-8")
)

# What happened, verdicts and reasons in plain words; a subject's kind may have words of its own.
WORDS = {
    "channel": "Channel",
    "group": "Group",
    "created": "created",
    "profile_changed": "profile changed",
    "owner_changed": "owner changed",
    "full": "reached its member limit",
    "destroyed": "destroyed",
    "group destroyed": "disbanded",
    "members_added": "members joined or were added",
    "channel members_added": "subscribers added",
    "members_removed": "members left or were removed",
    "channel members_removed": "subscribers removed",
    "member_changed": "member changed",
    "attributes_changed": "attributes changed",
    "topic_created": "topic created",
    "topic_changed": "topic changed",
    "topic_destroyed": "topic destroyed",
    "active": "active",
    "accepted": "accepted",
    "duplicate": "repeat",
    "unhandled": "no lifecycle event",
    "invalid": "invalid",
    "refused": "refused",
    "app_missing": "no SDKAppID",
    "app_unknown": "unknown SDKAppID",
    "sign_missing": "not signed",
    "sign_wrong": "wrong signature",
    "sign_expired": "signature out of time",
    "body_too_large": "body too large",
    "name": "Name",
    "owner": "Owner",
    "introduction": "Introduction",
    "notification": "Notification",
    "face_url": "Picture",
    "organization": "Organization",
    "group_type": "Group type",
    "missing": "missing",
}


def chosen_language() -> str:
    """Tell the language of this answer; it is asked for with every label."""
    if "language" not in g:
        g.language = choose_language()
    language: str = g.language
    return language


def choose_language() -> str:
    """Choose by ``lang`` in the address, by the cookie it left, or by ``Accept-Language``."""
    for asked in (request.args.get(PARAMETER), request.cookies.get(COOKIE)):
        if asked in LANGUAGES:
            return asked
    by_primary_tag = {code.partition("-")[0]: code for code in LANGUAGES}
    for code, quality in request.accept_languages:  # the most wanted first
        language = by_primary_tag.get(code.partition("-")[0].lower())
        if language is not None and quality > 0:
            return language
    return "en"


def translate(text: str) -> str:
    """Translate a label; one that has no translation stays as it is."""
    return CHINESE.get(text, text) if chosen_language() == "zh-CN" else text


def say(word: str, subject_type: str = "") -> str:
    """Put a word of the API into plain words, where they are known."""
    return translate(WORDS.get(f"{subject_type} {word}") or WORDS.get(word, word))
