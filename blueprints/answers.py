"""The answers of the receiver other than 200, always in Tencent's format."""

import json
from collections.abc import Iterator
from typing import Any

from flask import Response

MAX_ERROR_INFO = 500  # characters; the delivery has the full text


def fail(status: int, error_code: int, error_info: str) -> Response:
    """Answer with exactly the three fields that Tencent expects, in its order; cut a long text."""
    fields = {
        "ActionStatus": "FAIL",
        "ErrorInfo": error_info[:MAX_ERROR_INFO],
        "ErrorCode": error_code,
    }
    text = json.dumps(fields, separators=(",", ":"))
    return Response(f"{text}\n", status, mimetype="application/json")


def explain(errors: Any) -> str:
    """Write nested reasons in one line."""
    return "; ".join(find_reasons(errors))


def find_reasons(errors: Any, place: str = "") -> Iterator[str]:
    """Write each of nested reasons as ``field.index: reason``."""
    if isinstance(errors, dict):
        for name, reasons in errors.items():
            yield from find_reasons(reasons, f"{place}.{name}" if place else str(name))
    else:
        for reason in errors:
            yield f"{place}: {reason}"
