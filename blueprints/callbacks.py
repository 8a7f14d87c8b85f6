"""The receiving blueprint: Tencent posts every callback here, once."""

from flask import Blueprint, Response, request
from werkzeug.routing import BaseConverter

from blueprints.current import arrive, receiver
from blueprints.failures import explain, fail
from blueprints.request_body import check_declared_size, read_body
from models.vocabulary import Refusal
from schemas.tencent.envelope import read_envelope
from services.receiving.authentication import RefusedError, authenticate_sender

ACKNOWLEDGED = '{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}\n'

bp = Blueprint("callbacks", __name__)


@bp.post("/callback")
@bp.post("/")
def receive_callback() -> Response:
    """Receive one callback; 200 means that it is stored."""
    here, environ, arrival = receiver(), request.environ, arrive()
    declared = check_declared_size(environ, here.settings.max_body_bytes)
    envelope = read_envelope(arrival.query_string)
    app = authenticate_sender(envelope, here.settings, now=arrival.received_at)
    body = read_body(environ, declared, here.settings.max_body_bytes)
    reading = here.accept(arrival, app, envelope, body)
    if reading and reading.errors:
        return fail(400, reading.error_code, explain(reading.errors))
    return Response(ACKNOWLEDGED, mimetype="application/json")


@bp.post("/<any_path:path>")
def receive_elsewhere(path: str) -> Response:
    """Receive a callback by another spelling of the address; refuse it at any other."""
    if path.strip("/").lower() in ("callback", ""):
        return receive_callback()
    raise RefusedError(Refusal.WRONG_ADDRESS)


class AnyPath(BaseConverter):
    """A path in any spelling, with slashes and line breaks anywhere."""

    regex = r"[\s\S]*"
    part_isolating = False
