"""A release works on the schema of the next one, as both run during a deployment."""

import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO

import pytest
import sqlalchemy as sa

from models.database.engine import open_writer
from models.tables import Base
from tests.engines import ROOT, set_revision
from tests.payloads import group_created, group_destroyed

# Tests of what recorder and reader do; they migrate their databases themselves.
WORK = ("tests/services/recording/test_retention.py", "tests/blueprints/api/test_history.py")


def test_later_schema_is_worked_on(database_url, deliver, read, recorder):
    """What a migration may add: columns that may be empty, tables, and its number."""
    engine = open_writer(database_url)
    with engine.begin() as connection:
        for table in Base.metadata.tables:
            connection.execute(sa.text(f"ALTER TABLE {table} ADD COLUMN later INTEGER"))
        connection.execute(sa.text("CREATE TABLE later (id INTEGER)"))
    engine.dispose()
    set_revision(database_url, "9999")

    deliver(group_created(GroupId="A"))
    deliver(group_destroyed(GroupId="A"))

    assert [event["action"] for event in read("/history")["items"]] == ["destroyed", "created"]
    assert read("/groups/A")["status"] == "destroyed"


def git(*arguments):
    done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True)
    return done.stdout if done.returncode == 0 else b""


def test_release_before_works_on_this_schema(tmp_path):
    tag = git("describe", "--tags", "--abbrev=0", "--match", "v*").decode().strip()
    if not tag:
        pytest.skip("there is no release before")
    if not git("diff", tag, "--", "migrations/versions"):
        pytest.skip(f"{tag} has the same migrations")
    with tarfile.open(fileobj=BytesIO(git("archive", tag))) as files:
        files.extractall(tmp_path, filter="data")
    shutil.copytree(
        ROOT / "migrations/versions", tmp_path / "migrations/versions", dirs_exist_ok=True
    )

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *WORK],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout
