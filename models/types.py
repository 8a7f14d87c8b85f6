"""Column types that mean the same on SQLite, PostgreSQL and MariaDB/MySQL."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import TypeCompiler

from models.text import FOLDED_LENGTH, MAX_ID_LENGTH, START_LENGTH, escape_text, unescape_text

RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Bytes = sa.LargeBinary().with_variant(mysql.LONGBLOB, "mysql")
LongText = sa.Text().with_variant(mysql.LONGTEXT, "mysql")
# The start of an escaped text, in the order of code points.
TextStart = sa.String(START_LENGTH).with_variant(sa.Text(collation="C"), "postgresql")
# The start of a folded text, in the same order.
FoldedText = sa.String(FOLDED_LENGTH).with_variant(sa.Text(collation="C"), "postgresql")
# An ID, in the same order; MariaDB's table has it.
OrderedId = sa.String(MAX_ID_LENGTH).with_variant(
    sa.String(MAX_ID_LENGTH, collation="C"), "postgresql"
)
LAST_CHARACTER = "\U0010ffff"
SixteenBytes = (
    sa.Uuid().with_variant(sa.LargeBinary(), "sqlite").with_variant(mysql.BINARY(16), "mysql")
)
Microseconds = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
# How a database takes an instant in UTC; only PostgreSQL keeps the zone itself.
WRITE_INSTANT: Mapping[str, Callable[[datetime], Any]] = {
    "sqlite": lambda instant: instant.isoformat(" ", "microseconds").removesuffix("+00:00"),
    "postgresql": lambda instant: instant,
    "mysql": lambda instant: instant.replace(tzinfo=None),
}


class Word(sa.TypeDecorator[str]):
    """A member of a vocabulary, as plain text: psycopg has no list of several kinds of text."""

    impl = sa.String(32)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        """Make plain text of it."""
        return lambda value: None if value is None else str(value)


class ExactText(sa.TypeDecorator[str]):
    """Text that compares exactly and may hold any character that JSON may.

    The collation that makes MariaDB and MySQL compare by code point, trailing spaces included,
    is a property of the table: see the first migration.
    """

    impl = sa.String
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        """Escape on the way in, filters included."""
        return lambda value: None if value is None else escape_text(value)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[str | None], str | None]:
        """Unescape on the way out."""
        return lambda value: None if value is None else unescape_text(value)


class OrderedText(ExactText):
    """An ID in the order of code points, which on PostgreSQL not every language keeps."""

    impl = OrderedId  # type: ignore[assignment]
    cache_ok = True


class ExactLongText(ExactText):
    """``ExactText`` without a limit to its length; not to be indexed."""

    impl = LongText  # type: ignore[assignment]
    cache_ok = True


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware instant in UTC with microseconds; a naive one is refused."""

    impl = Microseconds
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """Turn any zone into UTC, and write it as each database does."""
        write = WRITE_INSTANT[dialect.name]

        def process(value: datetime | None) -> Any:
            if value is None:
                return None
            if value.tzinfo is None:
                raise ValueError("a naive datetime has no place in the log")
            return write(value.astimezone(UTC))

        return process

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None] | None:
        """Read the text that SQLite has at once: thousands of instants take a fifth of the time."""
        if dialect.name != "sqlite":
            return super().result_processor(dialect, coltype)
        return lambda text: None if text is None else datetime.fromisoformat(f"{text}+00:00")


class CompactUuid(sa.TypeDecorator[UUID]):
    """A UUID, or a digest of its length, in 16 bytes on every database."""

    impl = SixteenBytes
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[UUID | None], bytes | None] | None:
        """Give PostgreSQL the UUID, and the others its bytes."""
        if dialect.name == "postgresql":
            return None
        return lambda value: None if value is None else value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        """Make a UUID of bytes."""
        return UUID(bytes=value) if isinstance(value, bytes) else value


class Json(sa.JSON):
    """JSON kept as it was written, with its order of keys and its numbers.

    MySQL's own JSON type sorts keys and rounds large numbers, hence text there.
    """


@compiles(Json, "mysql")
def compile_json(type_: Json, compiler: TypeCompiler, **_: Any) -> str:
    """Spell the column type on MariaDB and MySQL."""
    return "LONGTEXT"


def begins_with(column: InstrumentedAttribute[Any], start: str) -> sa.ColumnElement[bool]:
    """Return the condition that texts, as stored, begin so: one range of an index.

    The index is in order of code points.
    """
    last = start.ljust(column.type.length, LAST_CHARACTER)
    return column.between(sa.literal(start, sa.String), sa.literal(last, sa.String))
