"""What every table shares: the declarative base and the names of constraints."""

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Root of all tables; constraint names follow one convention, so migrations can name them."""

    metadata = sa.MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )


def partial_index(condition: sa.TextClause, *columns: str) -> sa.Index:
    """Return an index of some rows; on MariaDB and MySQL it covers all rows."""
    return sa.Index(None, *columns, sqlite_where=condition, postgresql_where=condition)
