"""Search by any part of an ID or name."""

from typing import Any

from flask import url_for

from blueprints.api.access import bp
from blueprints.api.operation import operation
from blueprints.api.runtime import runtime
from schemas.api.search import SearchQuerySchema, SearchSchema
from services.searching.asked import understand
from services.searching.search import find_all
from services.searching.suggestions import suggest_lists

LISTS = {"events": "api.show_history", "deliveries": "api.show_deliveries"}


@bp.get("/search")
@operation(SearchSchema, query=SearchQuerySchema)
def search(query: dict[str, Any]) -> dict[str, Any]:
    """Find channels, groups, users and deliveries by any part of an ID or name, also a former one.

    At most 20 of each kind, the best first.
    """
    asked = understand(query["q"])
    with runtime().connect() as connection:
        found = find_all(connection, asked, query["kind"])
        suggested = suggest_lists(connection, asked)
        lists = [url_for(LISTS[one.list], **one.filters) for one in suggested]
    return {"text": asked.text, "found": found, "lists": lists, "limit": asked.limit}
