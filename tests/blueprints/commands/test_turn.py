"""A writing command waits for its turn longer than a recorder."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event

from app import create_commands
from models.database.engine import LOCK_WAIT
from services.recording.database import RecorderDatabase
from services.recording.ledger import Numbers

SLACK_SECONDS = 1.5  # until all commands wait, on a busy machine


def test_commands_wait_for_a_turn_that_comes_late(run_command, database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("RETENTION_DAYS", "30")
    (tmp_path / "file").write_text("")
    commands = (
        ("doctor",),
        ("import", "--incomplete", str(tmp_path / "file")),
        ("purge",),
        ("record", "--once"),
        ("record", "--since", "2026-11-21T00:00:00Z"),
        ("replay",),
        ("reverify", "--since", "2026-11-21T00:00:00Z"),
    )
    begun = Event()

    def keep_turn():
        with closing(RecorderDatabase(database_url)) as database, database.begin() as connection:
            Numbers.lock(connection)
            begun.set()
            Event().wait(LOCK_WAIT.total_seconds() + SLACK_SECONDS)

    def run(arguments):
        begun.wait()
        app = create_commands()
        with app.app_context():
            return app.cli.main(arguments, standalone_mode=False)

    with ThreadPoolExecutor(len(commands) + 1) as pool:
        pool.submit(keep_turn)
        running = {" ".join(arguments[:2]): pool.submit(run, arguments) for arguments in commands}

    assert {name: done.exception() for name, done in running.items()} == dict.fromkeys(running)
