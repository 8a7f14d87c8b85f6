"""Where what is sent differs from what is documented."""

from typing import Any

from flask import Blueprint

from blueprints.access import require_api_key
from blueprints.operation import operation
from blueprints.runtime import runtime
from schemas.drift import DriftSchema
from services.drift import find_drift

bp = Blueprint("drift", __name__)
bp.before_request(require_api_key)


@bp.get("/drift")
@operation(DriftSchema)
def show_drift() -> dict[str, Any]:
    """Show which fields and types were sent that the schemas don't know, and which are missing."""
    with runtime().database.reads() as session:
        return {"items": find_drift(session)}
