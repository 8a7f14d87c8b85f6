"""Acts of reading: keep one for each request of a holder, and list them all."""

import logging
from functools import partial
from typing import Any

from flask import Response, g, request

from blueprints.api.access import Holder, bp
from blueprints.api.operation import answer_page, operation
from blueprints.api.runtime import runtime
from blueprints.request_id import find_request_id
from schemas.api.page import PageQuery
from schemas.api.readings import ReadingPageSchema, ReadingQuerySchema
from services.journal.records import Kind, Record, new_uuid
from services.reading.readings import fetch_readings

# Frequent requests of programs, and forms: they read nothing of the history.
NOT_KEPT = {
    "api.show_metrics",
    "api.show_readiness",
    "console.show_first",
    "console.keep_preferences",
    "console.sign_out",
}
USERS = ("member", "operator", "owner")  # filters

log = logging.getLogger(__name__)


@bp.get("/readings")
@operation(ReadingPageSchema, query=ReadingQuerySchema)
def list_readings(query: PageQuery) -> dict[str, Any]:
    """List who read what, newest first."""
    with runtime().connect() as connection:
        return answer_page(query, partial(fetch_readings, connection))


@bp.after_request
def keep_reading(response: Response) -> Response:
    """Keep an act of reading before the answer leaves, and log it."""
    holder: Holder | None = g.get("holder")
    if holder is None:
        return response
    address = request.full_path.removesuffix("?")
    is_kept = request.endpoint in NOT_KEPT or runtime().readings.keep(
        describe(holder, address, response.status_code)
    )
    if is_kept:
        log.info("%s reads %r", holder.name, address)
    else:
        log.error("%s reads %r, and no folder of READING_JOURNAL_DIR took it", holder.name, address)
    return response


def describe(holder: Holder, address: str, status: int) -> list[Record]:
    """Describe the reading: once, or for each user that the request names."""
    path, asked, at = request.view_args or {}, request.args, runtime().now()
    named = [path.get("user_id"), *(asked.get(name) for name in USERS), asked.get("user_id")]
    head = {
        "holder": holder.name,
        "sign_in": holder.sign_in,
        "address": address,
        "subject_id": path.get("subject_id") or asked.get("subject_id") or g.get("subject_id"),
        "status": status,
        "peer": request.remote_addr or "",
        "request_id": find_request_id(),
    }
    users = [*dict.fromkeys(filter(None, named))] or [None]
    return [Record(Kind.READING, new_uuid(at), at, {**head, "user_id": one}) for one in users]


def name_subject(subject_id: str | None) -> None:
    """Note which channel or group the answer is about, if the address does not tell."""
    g.subject_id = subject_id
