"""Liveness for everyone, readiness for holders of a key."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, abort

from blueprints.access import require_api_key
from blueprints.errors import problem
from blueprints.operation import operation
from blueprints.runtime import runtime
from schemas.answers import LivenessSchema, ReadinessSchema
from services.health import check_database

public_bp = Blueprint("liveness", __name__)
bp = Blueprint("health", __name__)
bp.before_request(require_api_key)


@public_bp.get("/healthz")
@operation(LivenessSchema)
def show_liveness() -> dict[str, Any]:
    """Tell that the process answers; asks nothing else."""
    return {"status": "alive"}


@bp.get("/readyz")
@operation(ReadinessSchema)
def show_readiness() -> dict[str, Any]:
    """Tell whether the databases are reachable, and at which migration."""
    database = runtime().database
    health = {
        "database": check_database(database.write_engine),
        "read_database": check_database(database.read_engine),
    }
    found = {name: asdict(state) for name, state in health.items()}
    if not all(state.ready for state in health.values()):
        abort(problem(503, "Not ready", **found))
    return {"status": "ready", **found}
