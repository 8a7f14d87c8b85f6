"""Texts other than labels, in Simplified Chinese."""

import json
import re
from collections.abc import Mapping
from pathlib import Path


class Phrasebook:
    """A file of translations.

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
