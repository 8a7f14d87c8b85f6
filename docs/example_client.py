"""Print the items of all pages of an address, one JSON object per line.

    API_KEY=… python docs/example_client.py 'http://127.0.0.1:8001/history?subject_type=group'

Only the standard library is used: copy what you need.
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
    """Yield the items of all pages, in order.

    Every page has the address of the next one in its ``Link`` header; the last page has none. To
    fetch new items later, ask with ``order=asc`` and ``since``, and skip the IDs you already have:
    an event can arrive late, so let ``since`` overlap.

    Raises:
        urllib.error.HTTPError: the request failed; the body says why, as RFC 9457 describes it.
    """
    while address:
        request = Request(address, headers={"Authorization": f"Bearer {key}"})  # noqa: S310
        with urlopen(request, timeout=30) as answer:  # noqa: S310
            yield from json.load(answer)["items"]
            following = re.search('<([^>]+)>; *rel="next"', answer.headers.get("Link", ""))
        address = urljoin(address, following[1]) if following else ""


def main() -> None:
    """Print the items of the address on the command line."""
    try:
        for item in read_items(sys.argv[1], os.environ["API_KEY"]):
            print(json.dumps(item, ensure_ascii=False))
    except HTTPError as error:
        sys.exit(f"{error}: {error.read().decode()}")


if __name__ == "__main__":
    main()
