"""Liveness for everyone, readiness for holders of a key."""

from typing import Any

from flask import Blueprint, Response

from blueprints.api.access import bp
from blueprints.api.errors import problem
from blueprints.api.operation import operation
from blueprints.api.runtime import runtime
from schemas.api.answers import HealthSchema, LivenessSchema, ReadinessSchema
from services.reading.health import fetch_newest

public_bp = Blueprint("liveness", __name__)


@public_bp.get("/healthz")
@operation(LivenessSchema)
def show_liveness() -> dict[str, Any]:
    """Tell that the process answers; asks nothing else."""
    return {"status": "alive"}


@bp.get("/readyz")
@operation(ReadinessSchema)
def show_readiness() -> dict[str, Any] | Response:
    """Tell whether history can be read, and whether callbacks arrive in it."""
    health, _ = runtime().look(fetch_newest)
    if not health.is_ready:
        return problem(503, "Not ready", **HealthSchema().dump(health))
    return {"status": "ready", "database": health.database, "journal": health.journal}
