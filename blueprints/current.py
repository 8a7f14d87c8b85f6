"""What a view of the receiver needs of its app and its request."""

from time import perf_counter

from flask import current_app, request

from schemas.tencent.envelope import Arrival
from services.receiving.receiver import Receiver


def receiver() -> Receiver:
    """Return the receiver of the current app."""
    here: Receiver = current_app.extensions["receiver"]
    return here


def arrive() -> Arrival:
    """Note when and from where the current request came."""
    environ = request.environ
    peer, query_string = environ.get("REMOTE_ADDR", ""), environ["QUERY_STRING"]
    return Arrival(receiver().now(), peer, query_string, perf_counter())
