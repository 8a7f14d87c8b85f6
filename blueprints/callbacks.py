"""The receiving blueprint: Tencent posts every callback here, once."""

from time import perf_counter

from flask import Blueprint, Response, g, request
from werkzeug.routing import BaseConverter

from blueprints.current import receiver
from blueprints.failures import explain, fail
from blueprints.request_body import check_declared_size, read_body
from models.vocabulary import Refusal
from schemas.tencent.body import read_callback
from schemas.tencent.envelope import Arrival, read_envelope
from services.receiving.authentication import RefusedError, authenticate_sender

ACKNOWLEDGED = '{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}\n'

bp = Blueprint("callbacks", __name__)


@bp.post("/callback")
@bp.post("/")
def receive_callback() -> Response:
    """Receive one callback; 200 means that it is stored."""
    here = receiver()
    check_declared_size(request.environ, here.settings.max_body_bytes)
    envelope = read_envelope(g.arrival.query_string)
    g.sdk_app_id = authenticate_sender(envelope, here.settings, now=g.arrival.received_at)
    body = read_body(request.environ, here.settings.max_body_bytes)
    here.accept(g.arrival, g.sdk_app_id, body)  # before anything else can fail
    reading = read_callback(envelope.commands, body)
    if reading.errors:
        return fail(400, reading.error_code, explain(reading.errors))
    return Response(ACKNOWLEDGED, mimetype="application/json")


@bp.post("/<any_path:path>")
def receive_elsewhere(path: str) -> Response:
    """Receive a callback by another spelling of the address; refuse it at any other."""
    if path.strip("/").lower() in ("callback", ""):
        return receive_callback()
    raise RefusedError(Refusal.WRONG_ADDRESS)


@bp.before_request
def note_arrival() -> None:
    """Note when and from where the request came."""
    g.began = perf_counter()
    environ = request.environ
    g.arrival = Arrival(receiver().now(), environ.get("REMOTE_ADDR", ""), environ["QUERY_STRING"])


@bp.after_request
def count_answer(response: Response) -> Response:
    """Count how long the answer to an authentic callback took."""
    if "sdk_app_id" in g:
        seconds = perf_counter() - g.began
        receiver().tally.add_answer(g.arrival.received_at, g.sdk_app_id, seconds)
    return response


class AnyPath(BaseConverter):
    """A path in any spelling, with slashes anywhere."""

    regex = ".*"
    part_isolating = False
