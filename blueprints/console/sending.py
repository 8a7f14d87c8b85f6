"""How pages and assets are sent: compressed, kept no longer than they are true."""

import gzip
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

from flask import Response, request, url_for

from blueprints.console.language import COOKIE, LANGUAGES, PARAMETER

STATIC = Path(__file__).parent / "static"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
DIGESTS = {file.name: sha256(file.read_bytes()).hexdigest()[:12] for file in STATIC.iterdir()}
YEAR_SECONDS = 365 * 86400
LEAST_COMPRESSED_BYTES = 500
FOUND = {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}


def address_asset(name: str) -> str:
    """Address a file by its content as well, so that a browser may keep it for good."""
    return url_for("console.static", filename=name, v=DIGESTS[name])


def finish(response: Response) -> Response:
    """Say how long an answer may be kept and what it may run; keep the language that was chosen."""
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    if request.endpoint == "console.static" and response.status_code in FOUND:
        known = DIGESTS.get((request.view_args or {})["filename"], "")
        for_good = f"public, max-age={YEAR_SECONDS}, immutable"
        response.headers["Cache-Control"] = (
            for_good if request.args.get("v") == known else "no-cache"
        )
        return compress(response)
    response.headers["Cache-Control"] = "no-store"
    asked = request.args.get(PARAMETER, "")
    if asked in LANGUAGES:
        response.set_cookie(
            COOKIE,
            asked,
            max_age=YEAR_SECONDS,
            path="/console",
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )
    return compress(response)


def compress(response: Response) -> Response:
    """Compress for who takes it, assets and pages without arguments.

    A page with arguments may hold what another site has put into its address beside what is
    private; its size would tell if they are alike.
    """
    response.vary.add("Accept-Encoding")
    packed = request.accept_encodings.quality("gzip") > 0
    if request.args and request.endpoint != "console.static":
        packed = False
    if not packed or response.status_code != HTTPStatus.OK:
        return response
    response.direct_passthrough = False
    data = response.get_data()
    if len(data) >= LEAST_COMPRESSED_BYTES:
        response.set_data(gzip.compress(data, 6, mtime=0))
        response.content_encoding = "gzip"
        for name in ("ETag", "Accept-Ranges"):  # of the bytes that were
            response.headers.pop(name, None)
    return response
