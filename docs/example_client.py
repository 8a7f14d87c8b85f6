"""Read all pages of an address, one JSON object a line.

    python docs/example_client.py http://127.0.0.1:8000/history?subject_type=group

The key is taken from ``API_KEY``. Only the standard library is used: copy what you need.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import Request, urlopen


def read_items(address: str, key: str) -> Iterator[dict[str, Any]]:
    """Give the items of all pages, in order.

    Every page names the next one in its ``Link`` header; the last one names none. To go on later
    with what is new, ask again with ``order=asc`` and ``since``, and pass over the IDs you have:
    an event may come in late.

    Raises:
        urllib.error.HTTPError: whose body says what is wrong, as RFC 9457 has it.
    """
    while address:
        request = Request(address, headers={"Authorization": f"Bearer {key}"})  # noqa: S310
        with urlopen(request, timeout=30) as answer:  # noqa: S310
            yield from json.load(answer)["items"]
            following = re.search('<([^>]+)>; *rel="next"', answer.headers.get("Link", ""))
        address = urljoin(address, following[1]) if following else ""


def main() -> None:
    """Print what was asked for."""
    try:
        for item in read_items(sys.argv[1], os.environ["API_KEY"]):
            print(json.dumps(item, ensure_ascii=False))
    except HTTPError as error:
        sys.exit(f"{error}: {error.read().decode()}")


if __name__ == "__main__":
    main()
