"""The memory of a reader depends on what is requested, not on what is stored."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import sqlalchemy as sa

from models.database.engine import open_writer
from models.tables import Command, Delivery, EventMember, LifecycleEvent, QuarantinedRequest
from services.recording.following.subjects import restore_subjects
from tests.conftest import KEY
from tests.engines import ROOT
from tests.processes import children
from tests.test_serving import free_port

GROUPS = int(os.environ.get("MEMORY_GROUPS") or 12)
EVENTS = 500
MEMBERS = 6000  # the largest group whose members Tencent names
MOST_BYTES = 50 * 2**20  # more than at the start
MOST_BYTES_AT_ONCE = 2 * MOST_BYTES  # with every thread at work
START = datetime(2026, 1, 1, tzinfo=UTC)
USERS = [f"user-{number:06}" for number in range(MEMBERS)]
BODY = json.dumps({"MemberList": [{"Member_Account": user} for user in USERS]}).encode()
COMMAND = "Group.CallbackAfterGroupDestroyed"


def fill(url):
    """Store the ends of groups with all members, and as many refused requests for our app."""
    engine = open_writer(url)
    with engine.begin() as connection:
        connection.execute(sa.insert(Command), {"id": 1, "name": COMMAND})
    for number in range(1, GROUPS + 1):
        at, subject_id = START + timedelta(seconds=number), f"@TGS#{number:04}"
        request = {"id": number, "received_at": at, "sdk_app_id": "1", "body": BODY}
        request |= {"peer": "127.0.0.1", "query_string": "SdkAppid=1"}
        event = {"id": number, "delivery_id": number, "event_key": UUID(int=number)}
        event |= {"subject_type": "group", "subject_id": subject_id}
        event |= {"action": "destroyed", "sdk_app_id": "1"}
        event |= {"occurred_at": at, "received_at": at, "details": {"Type": "Public"}}
        members = [
            {"event_id": number, "user_id": user, "position": position}
            | {"occurred_at": at, "subject_id": subject_id}
            for position, user in enumerate(USERS)
        ]
        accepted = {"uuid": uuid4(), "command_id": 1, "verdict": "accepted"}
        refused = {"uuid": uuid4(), "reason": "sign_wrong", "sender": "1", "body_bytes": len(BODY)}
        with engine.begin() as connection:
            connection.execute(sa.insert(Delivery), [request | accepted])
            connection.execute(sa.insert(LifecycleEvent), [event])
            connection.execute(sa.insert(EventMember), members)
            connection.execute(sa.insert(QuarantinedRequest), [request | refused])
    assert [*restore_subjects(engine)]
    engine.dispose()


@contextmanager
def reading(url, folder):
    """Start a reader of one process; yield its address and the ID of that process."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": url.render_as_string(hide_password=False),
        "API_KEYS": f"tests:{KEY}",
        "READ_PORT": str(port),
        "READ_TIMEOUT_SECONDS": "60",
        "WEB_CONCURRENCY": "1",
    }
    command = (
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        ROOT / "serving" / "reader.py",
        "wsgi:reader",
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=folder, env=environment, **pipes) as started:
        try:
            while b"/docs" not in started.stdout.readline():
                assert started.poll() is None
            read(f"127.0.0.1:{port}", "/readyz", 200)
            yield f"127.0.0.1:{port}", children(started.pid)[0]
        finally:
            started.send_signal(signal.SIGTERM)


def read(address, path, status=200):
    """Read an answer to its end, in parts; return its first megabyte."""
    with closing(http.client.HTTPConnection(address, timeout=120)) as connection:
        connection.request("GET", path, headers={"Authorization": f"Bearer {KEY}"})
        with connection.getresponse() as answer:
            assert answer.status == status, (path, answer.status)
            link = answer.headers.get("Link", "")
            size, last = 0, b""
            while piece := answer.read(2**16):
                size, last = size + len(piece), piece
    return link, size, last


def page_through(address, path):
    pages = 0
    while path:
        link, _, _ = read(address, path)
        path = re.sub("<(.*)>.*", r"\1", link)
        pages += 1
    return pages


def peak_bytes(pid):
    (found,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found) * 1024


PAGED = ("/history?limit=200", "/history?limit=500&member=user-000001&order=asc")
PAGED += ("/quarantine?limit=500", "/deliveries?limit=500", "/groups?limit=500")
EXPORTS = ("/export", "/export?format=csv", "/export?format=xlsx", "/export/members")
SHOWN = ("/console/", "/console/events?limit=500", "/console/quarantine?limit=500")
SHOWN += ("/console/groups?limit=500", "/console/groups/%40TGS%230001?members=all")
SHOWN += ("/console/deliveries/1", "/console/quarantine/1", "/history/1")


def fill_with_events(url):
    """Store many events of some groups, each with some text."""
    engine = open_writer(url)
    for number in range(GROUPS):
        first, subject_id = number * EVENTS, f"@TGS#{number:04}"
        event = {"subject_type": "group", "subject_id": subject_id}
        event |= {"action": "attributes_changed", "sdk_app_id": "1"}
        event |= {"details": {"Type": "Public", "Text": "x" * 2000}}
        events = [
            {"id": one, "delivery_id": one, "event_key": UUID(int=one), **event}
            | dict.fromkeys(("occurred_at", "received_at"), START + timedelta(seconds=one))
            for one in range(first + 1, first + 1 + EVENTS)
        ]
        with engine.begin() as connection:
            connection.execute(sa.insert(LifecycleEvent), events)
    assert [*restore_subjects(engine)]
    engine.dispose()


def test_memory_stays_as_it_is_while_groups_of_many_events_are_listed(database_url, tmp_path):
    fill_with_events(database_url)
    with reading(database_url, tmp_path) as (address, pid):
        before = peak_bytes(pid)
        for path in ("/groups?limit=500", "/groups/%40TGS%230001", "/console/groups?limit=500"):
            read(address, path)
        grown = peak_bytes(pid) - before

    assert grown < MOST_BYTES


def test_memory_stays_as_it_is_while_large_groups_are_paged_exported_and_shown(
    database_url, tmp_path
):
    fill(database_url)
    with reading(database_url, tmp_path) as (address, pid):
        before = peak_bytes(pid)
        grown = {}
        for path in PAGED:
            page_through(address, path)
            grown[path] = peak_bytes(pid) - before
        for path in (*EXPORTS, *SHOWN):
            read(address, path)
            grown[path] = peak_bytes(pid) - before
        with ThreadPoolExecutor(8) as readers:
            list(readers.map(lambda path: page_through(address, path), 2 * (*PAGED[:3], "/export")))
        at_once = peak_bytes(pid) - before

    assert max(grown.values()) < MOST_BYTES, grown
    assert at_once < MOST_BYTES_AT_ONCE
