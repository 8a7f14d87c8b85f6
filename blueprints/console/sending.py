"""How pages and assets are sent: compressed, kept no longer than they are true."""

import gzip
from functools import cache
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
YEAR_SECONDS = 365 * 86400
LEAST_COMPRESSED_BYTES = 500


def address_asset(name: str) -> str:
    """Address a file by its content as well, so that a browser may keep it for good."""
    return url_for("console.static", filename=name, v=digest_asset(name))


@cache
def digest_asset(name: str) -> str:
    """Digest a file; it changes with a release only."""
    return sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def finish(response: Response) -> Response:
    """Say how long an answer may be kept and what it may run; keep the language that was chosen."""
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    asked = request.args.get(PARAMETER, "")
    if asked in LANGUAGES:
        response.set_cookie(COOKIE, asked, max_age=YEAR_SECONDS, httponly=True, samesite="Lax")
    if request.endpoint == "console.static":
        response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    else:
        response.headers["Cache-Control"] = "private, no-cache"
        response.vary.update(["Accept-Language", "Authorization", "Cookie"])
    return compress(response)


def compress(response: Response) -> Response:
    """Compress for who takes it; no page holds a secret that its size could give away."""
    response.vary.add("Accept-Encoding")
    packed = request.accept_encodings.quality("gzip") > 0
    if not packed or response.status_code != HTTPStatus.OK:
        return response
    response.direct_passthrough = False
    data = response.get_data()
    if len(data) >= LEAST_COMPRESSED_BYTES:
        response.set_data(gzip.compress(data, 6, mtime=0))
        response.content_encoding = "gzip"
    return response
