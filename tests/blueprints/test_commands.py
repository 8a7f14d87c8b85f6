"""Commands for ops staff."""

import pytest
import sqlalchemy as sa

from models import Delivery
from services.spool import SEGMENT
from tests.services.test_spool import make_callback

pytestmark = pytest.mark.spooling


@pytest.fixture
def spool(app):
    """Three callbacks that a process left when it died."""
    keeper = app.extensions["runtime"].keeper
    for number in range(3):
        keeper.spool.append(make_callback(b"%d" % number))
    keeper.spool.close()
    return keeper.spool


def test_drain_stores_what_waits(app, spool, session):
    done = app.test_cli_runner().invoke(args=["drain"])

    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "Stored 3 callbacks.")
    assert [row.body for row in session.scalars(sa.select(Delivery))] == [b"0", b"1", b"2"]
    assert spool.list_segments(SEGMENT) == []


def test_drain_of_an_empty_spool_stores_nothing(app):
    done = app.test_cli_runner().invoke(args=["drain"])

    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "Stored 0 callbacks.")


def test_drain_says_how_many_wait_on_and_why(app, spool):
    with app.extensions["runtime"].database.writes.begin() as broken:
        broken.execute(sa.text("ALTER TABLE deliveries RENAME TO somewhere_else"))

    done = app.test_cli_runner().invoke(args=["drain"])

    assert done.exit_code == 1
    assert "Error: 3 callbacks wait: " in done.stderr
    assert "deliveries" in done.stderr
    assert len(spool.list_segments(SEGMENT)) == 1
