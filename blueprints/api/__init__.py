"""The API of the reader: JSON, read-only, the same for programs and for the console."""

import re
from typing import Any
from urllib.parse import quote, unquote

from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue
from werkzeug.routing import BaseConverter, IntegerConverter, Map, ValidationError

from models.text import dump_json

# Paths that contain an ID of a channel, group or user.
PREFIXES = (
    "/channels/",
    "/groups/",
    "/console/channels/",
    "/console/groups/",
    "/console/users/",
    "/console/export/users/",
)
MAX_ROW_ID = 2**63 - 1
ORIGIN = re.compile(r"\w+://[^/?]*")  # the beginning of an absolute address
# Browsers run no script and guess no type; a response may have its own policy.
HEADERS = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class ReadableJSONProvider(DefaultJSONProvider):
    """Writes text as it is, and members in the order of the schemas."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Write JSON."""
        return dump_json(obj)


class ReaderApp(Flask):
    """Flask, with readable JSON and with any ID of a channel or group in a path."""

    json_provider_class = ReadableJSONProvider

    def wsgi_app(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request; a path that may hold an ID is left encoded.

        A WSGI server decodes the path, after which a slash of an ID looks like any other.
        """
        path = ORIGIN.sub("", environ.get("RAW_URI", "")).partition("?")[0]
        if path.startswith(PREFIXES):
            environ["PATH_INFO"] = path
        environ["PATH_INFO"] = environ["PATH_INFO"] or "/"  # avoids a redirect to the Host header
        return super().wsgi_app(environ, start_response)

    def dispatch_request(self) -> ResponseReturnValue:
        """Call the view, and again if a connection to the database was cut, as it only reads."""
        from blueprints.api.runtime import read_again_if_cut

        return read_again_if_cut(super().dispatch_request)


class SubjectIdConverter(BaseConverter):
    """An ID as Tencent allows it: it may hold, begin or end with slashes.

    A slash need not be encoded, unless the ID ends like another address: ``/versions``.
    """

    regex = ".+?"
    part_isolating = False

    def to_python(self, value: str) -> str:
        """Decode an ID; a lone surrogate is three bytes, as in WTF-8.

        Raises:
            ValidationError: it is not an ID, which means 404.
        """
        try:
            return unquote(value, errors="surrogatepass")
        except UnicodeDecodeError:
            raise ValidationError from None  # not an ID: 404

    def to_url(self, value: str) -> str:
        """Encode an ID, slashes included; clients leave out a segment of one or two plain dots."""
        encoded = quote(value, safe="", errors="surrogatepass")
        return encoded if encoded.strip(".") else "%2E" * len(encoded)


class RowIdConverter(IntegerConverter):
    """The ID of a row as answers write it, so that each row has one address."""

    regex = "0|[1-9][0-9]*"

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=MAX_ROW_ID)


def register(app: Flask) -> None:
    """Add to an app the addresses of the API, and the headers and failures of all addresses."""
    # Imported here, so that a command that needs one of these modules does not load them all.
    from blueprints.api import (  # noqa: F401 (each module adds its views to a blueprint)
        access,
        deliveries,
        errors,
        export,
        health,
        history,
        metrics,
        readings,
        search,
        subjects,
    )

    app.url_map.converters.update(row_id=RowIdConverter, subject_id=SubjectIdConverter)
    app.register_blueprint(access.bp)
    app.register_blueprint(health.public_bp)
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    """Add default headers to a response."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
