"""Store callbacks: the deliveries and the events they mean, many in one transaction."""

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from schemas.envelope import Arrival
from services.append import STORE_DELIVERIES, append, find_stored
from services.callback import Callback, to_callback
from services.rows import to_delivery

ATTEMPTS = 4
UNUSED_ID = -1  # so that a rehearsal leaves no gap
PG_DEADLOCK, MYSQL_DEADLOCK = "40P01", 1213


def store_callbacks(engine: sa.Engine, callbacks: Sequence[Callback]) -> None:
    """Store some callbacks, whatever could be read from them; durable once this returns.

    All are one transaction; with none at all it is only made sure that one would be taken. Where
    an event is stored already, or by another process at once, the unique key stops the second,
    which then looks and finds the first.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database did not take them; none was stored, or, if
            the connection was lost while committing, that is not known.
    """
    try:
        if callbacks:
            store_at_once(engine, callbacks)
        else:
            rehearse(engine)
    except SQLAlchemyError:
        # A connection remembers that its server was read-only, or a standby: try the next anew.
        engine.dispose()
        raise


def store_at_once(engine: sa.Engine, callbacks: Sequence[Callback]) -> None:
    """Store some callbacks in one transaction, begun again if somebody else's undoes it."""
    in_doubt = any(callback.in_doubt for callback in callbacks)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with engine.begin() as connection:
                new = leave_out_stored(connection, callbacks, in_doubt=in_doubt)
                append(connection, new, look_up_repeats=in_doubt)
        except DBAPIError as error:
            if attempt == ATTEMPTS or not is_conflict(error):
                raise
            in_doubt = True
        else:
            return


def is_conflict(error: DBAPIError) -> bool:
    """Tell whether somebody else's transaction undid this one: another try may succeed."""
    deadlock = getattr(error.orig, "sqlstate", None) == PG_DEADLOCK or (
        error.orig is not None and error.orig.args[:1] == (MYSQL_DEADLOCK,)
    )
    return isinstance(error, IntegrityError) or deadlock


def leave_out_stored(
    connection: sa.Connection, callbacks: Sequence[Callback], *, in_doubt: bool
) -> Sequence[Callback]:
    """Drop the callbacks that an earlier try has stored after all."""
    stored = find_stored(connection, callbacks) if in_doubt else set()
    return [callback for callback in callbacks if callback.uuid not in stored]


def rehearse(engine: sa.Engine) -> None:
    """Make sure that a delivery would be taken, without leaving one.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database is away, read-only, full or not migrated.
    """
    nobody = Arrival(datetime.now(UTC), peer="", query_string="")
    row = to_delivery(to_callback(nobody, sdk_app_id="", body=b""), place=None)
    with engine.connect() as connection:
        connection.execute(STORE_DELIVERIES, {**row, "id": UNUSED_ID})
        connection.rollback()
