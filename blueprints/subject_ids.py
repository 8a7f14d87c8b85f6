"""IDs of channels and groups in the paths of addresses."""

from typing import Any
from urllib.parse import quote, unquote

from werkzeug.routing import BaseConverter, ValidationError

# Of paths that are not decoded before an ID is found.
PREFIXES = ("/channels/", "/groups/", "/console/channels/", "/console/groups/")


class SubjectIdConverter(BaseConverter):
    """An ID as Tencent allows it: it may hold, begin or end with slashes.

    A slash may be left as it is, unless the ID ends like another address: ``/versions``.
    """

    regex = ".+?"
    part_isolating = False

    def to_python(self, value: str) -> str:
        """Decode what is not decoded yet; half a surrogate pair is three bytes, as in WTF-8."""
        try:
            return unquote(value, errors="surrogatepass")
        except UnicodeDecodeError:
            raise ValidationError from None  # no ID is spelled so: 404

    def to_url(self, value: str) -> str:
        """Encode, slashes too."""
        return quote(value, safe="", errors="surrogatepass")


def keep_encoded(environ: dict[str, Any]) -> None:
    """Have an ID in a path still encoded when it is looked for.

    WSGI decodes paths, and makes a slash of an ID look like one between an ID and what follows.
    """
    path = environ.get("RAW_URI", "").partition("?")[0]
    if path.startswith(PREFIXES):
        environ["PATH_INFO"] = path
