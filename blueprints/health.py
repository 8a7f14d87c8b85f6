"""Liveness for everyone, readiness for holders of a key."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, abort

from blueprints.access import require_api_key
from blueprints.errors import problem
from blueprints.operation import operation
from blueprints.runtime import runtime
from schemas.answers import LivenessSchema, ReadinessSchema, SpoolHealthSchema
from services.health import check_databases, check_spool

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
    """Tell whether callbacks are stored at once, and what waits in the spool."""
    here = runtime()
    databases = check_databases(here.database, here.keeper.breaker)
    spool = check_spool(here.keeper.spool, now=here.now())
    found = {name: asdict(state) for name, state in databases.items()}
    if not all(state.ready for state in databases.values()) or not spool.writable:
        abort(problem(503, "Not ready", **found, spool=SpoolHealthSchema().dump(spool)))
    return {"status": "ready", **found, "spool": spool}
