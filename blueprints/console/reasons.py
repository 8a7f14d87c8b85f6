"""The reasons that schemas give, in Simplified Chinese if the page is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blueprints.console.language import Phrasebook, choose_language
from blueprints.console.shell import bp

REASONS = Phrasebook(Path(__file__).with_suffix(".zh-CN.json"))


@bp.app_template_filter()
def explain(reasons: Any) -> Any:
    """Translate reasons, however they are nested."""
    if choose_language() == "en":
        return reasons
    if isinstance(reasons, str):
        return REASONS.translate(reasons)
    if isinstance(reasons, Mapping):
        return {name: explain(nested) for name, nested in reasons.items()}
    return [explain(nested) for nested in reasons]
