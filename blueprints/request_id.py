"""Which request a line of the log is about."""

import logging
from uuid import uuid4

from flask import has_request_context, request

from blueprints.proxies import REQUEST_ID


def add_request_id(record: logging.LogRecord) -> bool:
    """Give a line of the log the ID of its request: the one of a trusted proxy, or one made now."""
    if has_request_context():
        record.request_id = find_request_id()
    return True


def find_request_id() -> str:
    """Return the ID of the present request."""
    request_id: str = request.environ.setdefault(REQUEST_ID, uuid4().hex)
    return request_id
