"""The ID of the request that a line of the log is about."""

import logging
from uuid import uuid4

from flask import has_request_context, request

from blueprints.proxies import REQUEST_ID


def add_request_id(record: logging.LogRecord) -> bool:
    """Add the ID of its request to a line of the log: that of a trusted proxy, or a new one."""
    if has_request_context():
        record.request_id = find_request_id()
    return True


def find_request_id() -> str:
    """Return the ID of the present request."""
    request_id: str = request.environ.setdefault(REQUEST_ID, uuid4().hex)
    return request_id
