"""Store labels, and find them by any part, in the words of each database.

A gram is two neighbouring characters of a label, or one that is no ASCII letter or digit, as a
number. ``label_grams`` is an index of them on SQLite and PostgreSQL: it leads to the labels that
have all grams of what is searched. MariaDB and MySQL look through all labels of a kind.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from models.database.many import insert
from models.event import Label
from models.text import FOLDED_LENGTH
from models.types import ExactText, OrderedText, begins_with
from models.vocabulary import Findable

CHARACTER_BITS = 21
SPECIAL = re.compile("[!%_]")  # in a pattern of LIKE
# The kind is a gram as well; no label has these characters.
KINDS = {Findable.CHANNEL: 1, Findable.GROUP: 2, Findable.USER: 3}

INSERT = {
    "sqlite": "INSERT INTO label_grams (rowid, grams) VALUES (:id, :grams)",
    "postgresql": """
        INSERT INTO label_grams (label_id, grams) VALUES (:id, CAST(:grams AS bigint[]))
    """,
}
# PostgreSQL would sort all labels that have a common part; of more than a thousand it takes any.
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
            WHERE kind = :kind AND folded LIKE :pattern ESCAPE '!'
            ORDER BY id DESC LIMIT :limit
        ) AS found JOIN labels USING (id)
        ORDER BY id DESC
    """,
}
Holder = tuple[str, str]  # an SDKAppID, empty for a user; and an ID
HOLDERS = {"sdk_app_id": ExactText(32), "holder_id": OrderedText()}


def insert_labels(connection: sa.Connection, labels: Sequence[Mapping[str, Any]]) -> None:
    """Store new labels, and what they have within them.

    Args:
        connection: in a transaction of the caller's.
        labels: each has all columns.
    """
    insert(connection, Label, labels)
    dialect = connection.dialect.name
    if labels and dialect in INSERT:
        rows = [
            {"id": one["id"], "grams": write_grams(dialect, one["kind"], one["folded"])}
            for one in labels
        ]
        connection.execute(sa.text(INSERT[dialect]), rows)


def find_beginnings(
    connection: sa.Connection, kind: Findable, folded: str, limit: int
) -> list[Holder]:
    """Find the holders of labels that begin with a folded text; of the text itself, first."""
    is_it = begins_with(Label.folded, folded, FOLDED_LENGTH)
    query = sa.select(Label.sdk_app_id, Label.holder_id).where(Label.kind == kind, is_it)
    found = connection.execute(query.order_by(Label.folded, Label.id).limit(limit))
    return [(app, holder_id) for app, holder_id in found]


def find_parts(connection: sa.Connection, kind: Findable, folded: str, limit: int) -> list[Holder]:
    """Find the holders of labels that have a folded text within them; of the newest labels first.

    Args:
        connection: to read.
        kind: of the holders.
        folded: not a single ASCII letter or digit: no gram leads to one.
        limit: of labels; several may have one holder.
    """
    dialect = connection.dialect.name
    pattern = SPECIAL.sub(r"!\g<0>", folded)
    wanted = {"kind": kind, "folded": folded, "pattern": f"%{pattern}%", "limit": limit}
    wanted["grams"] = write_grams(dialect, kind, folded)
    found = connection.execute(sa.text(FIND[dialect]).columns(**HOLDERS), wanted)
    return [(app, holder_id) for app, holder_id in found]


def write_grams(dialect: str, kind: Findable, folded: str) -> list[int] | str:
    """Write the kind and the grams of a folded text as a database takes them."""
    codes = [ord(character) for character in folded]
    pairs = [one << CHARACTER_BITS | other for one, other in pairwise(codes)]
    singles = [ord(one) for one in folded if not (one.isascii() and one.isalnum())]
    grams = [*dict.fromkeys((KINDS[kind], *pairs, *singles))]
    return grams if dialect == "postgresql" else " ".join(f"{gram:x}" for gram in grams)
