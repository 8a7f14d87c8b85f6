"""The receiving blueprint: Tencent posts each callback here, once."""

from flask import Blueprint, Response, request

from blueprints.answers import explain, fail
from blueprints.door import ADMITTED, receiver
from blueprints.request_body import read_body

ACKNOWLEDGED = '{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}\n'

bp = Blueprint("callbacks", __name__)


@bp.post("/callback")
def receive_callback() -> Response:
    """Receive a callback that the door has let in; 200 means that it is stored."""
    here, environ = receiver(), request.environ
    arrival, app, envelope = environ[ADMITTED]
    body = read_body(environ, here.settings.max_body_bytes)
    reading = here.accept(arrival, app, envelope, body)
    if reading and reading.errors:
        return fail(400, reading.error_code, explain(reading.errors))
    return Response(ACKNOWLEDGED, mimetype="application/json")
