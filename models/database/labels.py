"""Store labels and find them by any part, with the SQL of each database.

A gram is two neighbouring characters of a label, or one that is not an ASCII letter or digit, as a
number. ``label_grams`` is an index of them on SQLite and PostgreSQL: it leads to the labels that
have all grams of the searched text. MariaDB and MySQL scan all labels of a kind, by byte, which is
faster than by character.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from models.database.many import delete, insert
from models.event import Label
from models.text import dump_json
from models.types import ExactText, OrderedText, begins_with
from models.vocabulary import Findable

CHARACTER_BITS = 21
# The kind is a gram as well; no label contains these characters.
KINDS = {Findable.CHANNEL: 1, Findable.GROUP: 2, Findable.USER: 3}

# Grams by label, as one JSON object.
INSERT = {
    "sqlite": sa.text("""
        INSERT INTO label_grams (rowid, grams)
        SELECT CAST(key AS INTEGER), value FROM json_each(:grams)
    """),
    "postgresql": sa.text("""
        INSERT INTO label_grams (label_id, grams)
        SELECT CAST(key AS bigint), CAST(value AS bigint[])
        FROM json_each_text(CAST(:grams AS json))
    """),
}
DELETE = {
    "sqlite": sa.text("""
        INSERT INTO label_grams (label_grams, rowid, grams)
        SELECT 'delete', CAST(key AS INTEGER), value FROM json_each(:grams)
    """),
    "postgresql": sa.text("""
        DELETE FROM label_grams
        WHERE label_id IN (SELECT CAST(json_object_keys(CAST(:grams AS json)) AS bigint))
    """),
}
# PostgreSQL would sort all labels that contain a frequent part; above a thousand, it takes any.
FIND = {
    "sqlite": """
        SELECT sdk_app_id, holder_id
        FROM label_grams JOIN labels ON labels.id = label_grams.rowid
        WHERE label_grams MATCH :grams AND instr(folded, :folded) > 0
        ORDER BY label_grams.rowid DESC LIMIT :limit
    """,
    "postgresql": """
        SELECT sdk_app_id, holder_id FROM (
            SELECT id, sdk_app_id, holder_id
            FROM label_grams JOIN labels ON labels.id = label_grams.label_id
            WHERE grams @> CAST(:grams AS bigint[]) AND strpos(folded, :folded) > 0
            LIMIT 1000
        ) AS found
        ORDER BY id DESC LIMIT :limit
    """,
    "mysql": """
        SELECT sdk_app_id, holder_id FROM (
            SELECT id FROM labels FORCE INDEX (ix_labels_kind_folded_id)
            WHERE kind = :kind AND instr(CAST(folded AS BINARY), CAST(:folded AS BINARY)) > 0
            ORDER BY id DESC LIMIT :limit
        ) AS found JOIN labels USING (id)
        ORDER BY id DESC
    """,
}
Row = Mapping[str, Any] | sa.RowMapping
Holder = tuple[str, str]  # an SDKAppID, empty for a user, and an ID
HOLDERS = {"sdk_app_id": ExactText(32), "holder_id": OrderedText()}


def insert_labels(connection: sa.Connection, labels: Sequence[Mapping[str, Any]]) -> None:
    """Store new labels, each with all columns, and their grams."""
    insert(connection, Label, labels)
    change_grams(connection, INSERT, labels)


def delete_labels(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> None:
    """Delete labels and their grams."""
    query = sa.select(Label.id, Label.kind, Label.folded).where(*where)
    labels = connection.execute(query).mappings().all()
    change_grams(connection, DELETE, labels)
    delete(connection, Label.id, [one["id"] for one in labels])


def change_grams(
    connection: sa.Connection,
    statements: Mapping[str, sa.TextClause],
    labels: Sequence[Row],
) -> None:
    """Run a statement with the grams of labels, if the database keeps any."""
    dialect = connection.dialect.name
    if labels and dialect in statements:
        grams = {one["id"]: write_grams(dialect, one["kind"], one["folded"]) for one in labels}
        connection.execute(statements[dialect], {"grams": dump_json(grams)})


def find_beginnings(
    connection: sa.Connection, kind: Findable, folded: str, limit: int
) -> list[Holder]:
    """Find the holders of labels that begin with a folded text, exact matches first."""
    is_it = begins_with(Label.folded, folded)
    query = sa.select(Label.sdk_app_id, Label.holder_id).where(Label.kind == kind, is_it)
    found = connection.execute(query.order_by(Label.folded, Label.id).limit(limit))
    return [(app, holder_id) for app, holder_id in found]


def find_parts(connection: sa.Connection, kind: Findable, folded: str, limit: int) -> list[Holder]:
    """Find the holders of labels that contain a folded text, newest labels first.

    The text may not be a single ASCII letter or digit, as no gram leads to one. Up to ``limit``
    labels are found; several may have the same holder.
    """
    dialect = connection.dialect.name
    wanted = {"kind": kind, "folded": folded, "limit": limit}
    wanted["grams"] = write_grams(dialect, kind, folded)
    found = connection.execute(sa.text(FIND[dialect]).columns(**HOLDERS), wanted)
    return [(app, holder_id) for app, holder_id in found]


def write_grams(dialect: str, kind: Findable, folded: str) -> str:
    """Write the kind and the grams of a folded text in the form that a database takes."""
    codes = [ord(character) for character in folded]
    pairs = [one << CHARACTER_BITS | other for one, other in pairwise(codes)]
    singles = [ord(one) for one in folded if not (one.isascii() and one.isalnum())]
    grams = dict.fromkeys((KINDS[kind], *pairs, *singles))
    if dialect == "postgresql":
        return f"{{{','.join(map(str, grams))}}}"
    return " ".join(f"{gram:x}" for gram in grams)
