"""Liveness and readiness of the receiver; open to all, as they reveal nothing about callbacks."""

from flask import Blueprint, Response, jsonify

from blueprints.door import receiver
from services.journal.folder import LEAST_ROOM_BYTES, room_bytes

bp = Blueprint("probes", __name__)


@bp.get("/healthz")
def show_liveness() -> Response:
    """Tell that the process answers."""
    return jsonify(status="alive")


@bp.get("/readyz")
def show_readiness() -> tuple[Response, int]:
    """Tell whether the journal takes callbacks, and has room for more."""
    here = receiver()
    room = max(map(room_bytes, here.settings.journal.folders))
    ready = room > LEAST_ROOM_BYTES and not here.journal.is_refusing
    journal = {"writable": not here.journal.is_refusing, "room_bytes": room}
    return jsonify(status="ready" if ready else "not ready", journal=journal), 200 if ready else 503
