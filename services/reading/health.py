"""The health of the service: its database, journal and recorder, and its service events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from models.clock import EPOCH
from models.counts import LATE_SECONDS
from models.database.revision import fetch_revision, is_enough, newest_revision
from models.ledger import Ledger, ServiceEvent
from schemas.api.page import Order, PageQuery
from services.journal.status import JournalStatus, read_status
from services.reading.deliveries import fetch_deliveries
from services.reading.history import fetch_history


@dataclass(frozen=True)
class DatabaseHealth:
    """What a database reports about itself.

    Attributes:
        revision: its current migration; none before the first one, or if it did not answer.
        expected_revision: the newest migration of this code.
    """

    engine: str
    reachable: bool
    revision: str | None
    expected_revision: str | None

    @property
    def is_ready(self) -> bool:
        """Whether history can be read."""
        return self.reachable and is_enough(self.revision)


@dataclass(frozen=True, kw_only=True)
class JournalHealth(JournalStatus):
    """The status of the journal at one instant.

    Attributes:
        waited_seconds: how long the oldest record has waited.
        recorder_at_work: whether the recorder was at work a moment ago.
    """

    waited_seconds: float
    recorder_at_work: bool

    @property
    def known_until(self) -> datetime:
        """The time up to which everything that arrived is in the tables, as far as is known."""
        reported_at = self.at if self.recorder_at_work else self.recorder_at or self.at
        return min(self.oldest_received_at or reported_at, reported_at)

    @property
    def is_late(self) -> bool:
        """Whether records have been waiting for longer than usual."""
        return self.waited_seconds > LATE_SECONDS

    @property
    def is_ready(self) -> bool:
        """Whether callbacks can be accepted and reach the tables."""
        return self.writable and self.recorder_at_work


@dataclass(frozen=True)
class Health:
    """Everything that the reader knows about the health of the service.

    Attributes:
        journal: none where its status cannot be read, as on another host.
    """

    database: DatabaseHealth
    journal: JournalHealth | None

    @property
    def is_ready(self) -> bool:
        """Whether, as far as is known, nothing keeps the service from its work."""
        return self.database.is_ready and (self.journal is None or self.journal.is_ready)


def check_journal(folders: Iterable[Path], *, now: datetime) -> JournalHealth | None:
    """Return the status of a journal; none where it cannot be read."""
    status = read_status(folders)
    if status is None:
        return None
    return JournalHealth(
        **vars(status),
        waited_seconds=status.age_seconds(now),
        recorder_at_work=status.is_recorder_at_work(now),
    )


def check_database(connection: sa.Connection) -> DatabaseHealth:
    """Ask a database for its revision."""
    revision = fetch_revision(connection)
    return DatabaseHealth(connection.dialect.name, True, revision, newest_revision())


def unreachable(engine: sa.Engine) -> DatabaseHealth:
    """Describe a database that does not answer."""
    return DatabaseHealth(engine.dialect.name, False, None, newest_revision())


def fetch_newest(connection: sa.Connection) -> None:
    """Fetch the newest event and the newest delivery, to make sure that they can be read."""
    newest = PageQuery({"order": Order.DESC}, 1)
    fetch_history(connection, newest)
    fetch_deliveries(connection, newest)


def fetch_kept(connection: sa.Connection) -> sa.RowMapping:
    """Fetch the times since which all deliveries, and the unhandled ones, are kept."""
    columns = (Ledger.kept_since, Ledger.unhandled_kept_since)
    return connection.execute(sa.select(*columns)).mappings().one()


def fetch_purged_until(connection: sa.Connection, at: datetime) -> datetime | None:
    """Fetch until when what happened is purged, if an instant is before; else none.

    Nothing happens before 1970, so where nothing is purged all is known of that, too.
    """
    kept_since: datetime = fetch_kept(connection)["kept_since"]
    return kept_since if max(at, EPOCH) < kept_since else None


def fetch_service_events(connection: sa.Connection, *, newest: int) -> Sequence[sa.RowMapping]:
    """Fetch the last service events, newest first."""
    columns = (ServiceEvent.at, ServiceEvent.kind, ServiceEvent.process, ServiceEvent.details)
    query = sa.select(*columns).order_by(ServiceEvent.at.desc()).limit(newest)
    return connection.execute(query).mappings().all()
