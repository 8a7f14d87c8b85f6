"""The reasons that schemas give, in Simplified Chinese where the page is."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask.blueprints import BlueprintSetupState

from blueprints.console.language import choose_language
from blueprints.console.shell import bp

CHINESE: Mapping[str, str] = json.loads(
    (Path(__file__).parent / "reasons.zh-CN.json").read_text(encoding="utf-8")
)
# A reason may name a value: where its translation has {}, it is any text.
PATTERNS = {re.escape(reason).replace(r"\{\}", "(.+)"): reason for reason in CHINESE}


@bp.record_once
def set_up_templates(state: BlueprintSetupState) -> None:
    """Let templates show reasons."""
    state.app.jinja_env.filters.update(explain=explain)


def explain(reasons: Any) -> Any:
    """Translate reasons, however they are nested; one without a translation stays as it is."""
    if choose_language() == "en":
        return reasons
    if isinstance(reasons, str):
        return translate_reason(reasons)
    if isinstance(reasons, Mapping):
        return {name: explain(nested) for name, nested in reasons.items()}
    return [explain(nested) for nested in reasons]


def translate_reason(text: str) -> str:
    """Translate one reason."""
    for pattern, reason in PATTERNS.items():
        if match := re.fullmatch(pattern, text):
            return CHINESE[reason].format(*match.groups())
    return text
