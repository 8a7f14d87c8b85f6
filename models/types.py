"""Column types that mean the same on SQLite, PostgreSQL and MariaDB/MySQL."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import TypeCompiler

from models.text import FOLDED_LENGTH, MAX_ID_LENGTH, START_LENGTH, escape_text, unescape_text

RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Bytes = sa.LargeBinary().with_variant(mysql.LONGBLOB, "mysql")
Word = sa.String(32)
LongText = sa.Text().with_variant(mysql.LONGTEXT, "mysql")
# The start of an escaped text, in the order of code points.
TextStart = sa.String(START_LENGTH).with_variant(sa.Text(collation="C"), "postgresql")
# The start of a folded text, in the same order.
FoldedText = sa.String(FOLDED_LENGTH).with_variant(sa.Text(collation="C"), "postgresql")
LAST_CHARACTER = "\U0010ffff"
Microseconds = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")


class ExactText(sa.TypeDecorator[str]):
    """Text that compares exactly and may hold any character that JSON may.

    The collation that makes MariaDB and MySQL compare by code point, trailing spaces included,
    is a property of the table: see the first migration.
    """

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape on the way in, filters included."""
        return None if value is None else escape_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Unescape on the way out."""
        return None if value is None else unescape_text(value)


class OrderedText(ExactText):
    """An ID in the order of code points, which on PostgreSQL not every language keeps."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__(MAX_ID_LENGTH)

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[str]:
        """Name the order where the database has others; MariaDB's table has it."""
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(sa.String(MAX_ID_LENGTH, collation=collation))


class ExactLongText(ExactText):
    """``ExactText`` without a limit to its length; not to be indexed."""

    impl = LongText  # type: ignore[assignment]
    cache_ok = True


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware instant in UTC with microseconds; a naive one is refused."""

    impl = Microseconds
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn any zone into UTC; only PostgreSQL keeps the zone itself."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the log")
        in_utc = value.astimezone(UTC)
        return in_utc if dialect.name == "postgresql" else in_utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Json(sa.JSON):
    """JSON kept as it was written, with its order of keys and its numbers.

    MySQL's own JSON type sorts keys and rounds large numbers, hence text there.
    """


@compiles(Json, "mysql")
def compile_json(type_: Json, compiler: TypeCompiler, **_: Any) -> str:
    """Spell the column type on MariaDB and MySQL."""
    return "LONGTEXT"


def begins_with(
    column: InstrumentedAttribute[Any], start: str, length: int
) -> sa.ColumnElement[bool]:
    """Return the condition that texts, as stored, begin so: one range of an index.

    The index is in order of code points; ``length`` is that of the column, in characters.
    """
    last = start.ljust(length, LAST_CHARACTER)
    return column.between(sa.literal(start, sa.String), sa.literal(last, sa.String))
