"""The status of the service: one sentence, and a dot on every page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask import g
from sqlalchemy.exc import SQLAlchemyError

from blueprints.api.runtime import read_again_if_cut, runtime
from blueprints.console.shell import bp
from services.reading.health import DatabaseHealth, JournalHealth, check_journal
from services.watching.problems import Arrivals, Problem, fetch_arrivals, find_problems


@dataclass(frozen=True)
class Status:
    """The status of the service.

    Attributes:
        journal: none if its status cannot be read.
        arrivals: none if the database does not answer.
        problems: gravest first.
    """

    journal: JournalHealth | None
    arrivals: Arrivals | None
    problems: Sequence[Problem]

    @property
    def level(self) -> str:
        """The CSS class that shows it."""
        if self.problems:
            return "bad" if self.problems[0].is_grave else "odd"
        return "good" if self.arrivals and self.arrivals.last else "calm"


@bp.app_template_global()
def read_status() -> Status:
    """Read the status, once for a page."""
    if "status" not in g:
        keep_status(None, find_arrivals())
    status: Status = g.status
    return status


def keep_status(database: DatabaseHealth | None, arrivals: Arrivals | None) -> Status:
    """Derive the status from what a page has read, and keep it for the rest of the page."""
    journal = look_at_journal()
    g.status = Status(journal, arrivals, find_problems(database, journal, arrivals))
    return read_status()


def find_arrivals() -> Arrivals | None:
    """Fetch what arrived; none if the database does not answer, or has just failed."""
    here = runtime()

    def read() -> Arrivals:
        with here.connect() as connection:
            return fetch_present_arrivals(connection)

    if here.is_without_database:
        return None
    try:
        return read_again_if_cut(read)
    except SQLAlchemyError as error:
        here.note_outage(error)
        return None


def fetch_present_arrivals(connection: sa.Connection) -> Arrivals:
    """Fetch what arrived until now."""
    return fetch_arrivals(connection, now=runtime().now(), known_until=know_until())


def look_at_journal() -> JournalHealth | None:
    """Read the status of the journal; none if it cannot be read."""
    here = runtime()
    return check_journal(here.settings.journal_folders, now=here.now())


def know_until() -> datetime:
    """Return the time up to which everything that arrived is in the tables."""
    journal, now = look_at_journal(), runtime().now()
    return min(journal.known_until, now) if journal else now
