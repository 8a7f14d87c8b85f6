"""Files of everything in a list."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response, request, url_for

from blueprints.api.export import answer_file
from blueprints.console.arguments import read_arguments
from blueprints.console.shell import bp
from blueprints.console.zone import choose_zone
from schemas.api.deliveries import DeliveryQuerySchema, QuarantineQuerySchema
from schemas.api.export import FormatQuerySchema
from schemas.api.history import HistoryQuerySchema, UserQuerySchema
from schemas.api.page import PagedQuerySchema
from schemas.api.readings import ReadingQuerySchema
from schemas.api.subjects import SubjectListSchema
from services.exporting.tables import (
    CHANNELS,
    DELIVERIES,
    EVENTS,
    GROUPS,
    MEMBERS,
    QUARANTINE,
    READINGS,
    USER,
    Table,
)

# Each with the filters, and the order, of its list.
TABLES: Mapping[str, tuple[Table, type[PagedQuerySchema]]] = {
    "events": (EVENTS, HistoryQuerySchema),
    "members": (MEMBERS, HistoryQuerySchema),
    "channels": (CHANNELS, SubjectListSchema),
    "groups": (GROUPS, SubjectListSchema),
    "deliveries": (DELIVERIES, DeliveryQuerySchema),
    "quarantine": (QUARANTINE, QuarantineQuerySchema),
    "readings": (READINGS, ReadingQuerySchema),
}
TABLE = f"<any({','.join(TABLES)}):table>"
OF_A_PAGE = {"limit", "cursor"}


@bp.app_template_global()
def address_export(endpoint: str, chosen: str, **path: str) -> str:
    """Address the file of what this list shows."""
    given = request.args.to_dict(flat=False)
    filters: dict[str, Any] = {name: given[name] for name in given if name not in OF_A_PAGE}
    return url_for(f"console.{endpoint}", **filters | path | {"format": chosen})


@bp.get(f"/export/{TABLE}")
def export_list(table: str) -> Response:
    """Write all pages of a list."""
    what, schema = TABLES[table]
    return export(what, schema(exclude=("limit", "cursor")))


@bp.get("/export/users/<subject_id:user_id>")
def export_user(user_id: str) -> Response:
    """Write all events that name a user."""
    return export(USER, UserQuerySchema(exclude=("limit", "cursor")), user_id=user_id)


def export(table: Table, schema: PagedQuerySchema, **more: str) -> Response:
    """Write what passes the filters of the address, and ``more``, with times in the chosen zone."""
    arguments = read_arguments()
    given = {"format": arguments.pop("format")} if "format" in arguments else {}
    query = schema.load(arguments)
    query = replace(query, filters={**query.filters, **more})
    return answer_file(table, query, FormatQuerySchema().load(given)["format"], choose_zone())
