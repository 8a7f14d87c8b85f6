"""The guide to each address, in the order of the page, with an example."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Chapter:
    """The description of one address, or of several that answer alike.

    Attributes:
        paths: as OpenAPI writes them.
        request: path and query string of the example.
        body: what the example posts; none for a GET.
        answer: the answer of the service, JSON or text; a test writes and compares it.
    """

    paths: Sequence[str]
    summary: str
    request: str
    body: dict[str, Any] | None = None
    answer: Any = None

    @property
    def method(self) -> str:
        """Return the HTTP method, as OpenAPI writes it."""
        return "post" if self.body else "get"

    @property
    def anchor(self) -> str:
        """Return its anchor on the page."""
        return re.sub(r"\W+", "-", self.paths[0]).strip("-")


GUIDE = [Chapter(**chapter) for chapter in json.loads(FILE.read_text(encoding="utf-8"))]
CHAPTERS = {path: chapter for chapter in GUIDE for path in chapter.paths}
