"""The callbacks that Tencent documents, one JSON value a line, in the order of its pages.

``official_accounts``: https://trtc.io/document/60795 to 60805. ``groups``: the "Group Webhooks"
pages, with ``EventTime`` as a string.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Body = Mapping[str, Any]


def load_bodies(path: Path) -> Sequence[Body]:
    """Read a file of one JSON object a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


FOLDER = Path(__file__).parent
OFFICIAL_ACCOUNTS = load_bodies(FOLDER / "official_accounts.jsonl")
GROUPS = load_bodies(FOLDER / "groups.jsonl")
