"""Trace which of our files, functions and classes one callback, and one question, pass through.

``python -m bench.measures.traced`` traces in a separate process and prints JSON. The settings of
all processes are in its environment, and the tables are empty.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote

from flask import Flask
from werkzeug.test import TestResponse

from bench.client import APP, SIGN, SIGNED_AT
from bench.contenders import OURS, ROOT, python
from bench.databases import find_engine
from bench.report import Table
from bench.services import API_KEY, preparing
from bench.turns import Plan

ROOMS = ("blueprints", "services", "schemas", "models")
KINDS = ("files", "functions", "classes")
COMMAND = "Group.CallbackAfterCreateGroup"
GROUP = "@TGS#1"


def measure_traced(plan: Plan) -> Iterator[Table]:
    """Trace one callback from socket to table, and one question."""
    with preparing(OURS, find_engine("sqlite"), plan.folder) as service:
        done = subprocess.run(
            python(__name__),
            cwd=service.folder,
            env=service.environment,
            check=True,
            stdout=subprocess.PIPE,
        )
    found: dict[str, dict[str, list[str]]] = json.loads(done.stdout)
    rows = [[name, *(f"{len(seen[kind])}" for kind in KINDS)] for name, seen in found.items()]
    notes = [line for name, seen in found.items() for line in spell(name, seen)]
    yield Table(
        "Passed on the way (traced)", ["", *KINDS], rows, notes=notes if plan.verbose else ()
    )


def spell(name: str, seen: Mapping[str, list[str]]) -> Iterator[str]:
    """List what was passed through, a paragraph for each kind."""
    for kind in KINDS:
        yield f"- {name}, {kind}: {', '.join(f'`{one}`' for one in seen[kind])}"


@dataclass
class Trace:
    """What was passed through while ``is_on``.

    Attributes:
        files: of application code, relative to its root.
        functions: with their files, including one that was entered before and is waiting.
        classes: of ours, whose methods ran.
    """

    files: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)
    is_on: bool = False

    def start(self) -> None:
        """Trace this thread, and those that start from now on."""
        threading.setprofile(self.note)
        sys.setprofile(self.note)

    def note(self, frame: FrameType, event: str, _: Any) -> None:
        """Note a call and its callers."""
        if self.is_on and event == "call":
            caller: FrameType | None = frame
            while caller is not None:
                self.note_frame(caller)
                caller = caller.f_back

    def note_frame(self, frame: FrameType) -> None:
        """Note one function, unless it is only an expression or a module."""
        code = frame.f_code
        if code.co_varnames[:1] in (("self",), ("cls",), ("_cls",)):
            owner = frame.f_locals.get(code.co_varnames[0])
            self.note_class(owner if isinstance(owner, type) else type(owner))
        name = relative(code.co_filename)
        if name and not code.co_name.startswith("<"):
            self.files.add(name)
            self.functions.add(f"{name}:{code.co_qualname}")

    def note_class(self, owner: type) -> None:
        """Note a class of ours, even if its method is inherited from elsewhere."""
        module = sys.modules.get(owner.__module__)
        if name := relative(getattr(module, "__file__", None) or ""):
            self.classes.add(f"{name}:{owner.__qualname__}")

    @contextmanager
    def following(self) -> Iterator[None]:
        """Note what happens in the block."""
        self.is_on = True
        yield
        self.is_on = False

    def take(self) -> dict[str, list[str]]:
        """Return what was noted, and begin again."""
        seen = {kind: sorted(getattr(self, kind)) for kind in KINDS}
        for kind in KINDS:
            getattr(self, kind).clear()
        return seen


def relative(file: str) -> str:
    """Return the name of a file of the application within its root; empty for any other."""
    path = Path(file)
    if not path.is_relative_to(ROOT):
        return ""
    path = path.relative_to(ROOT)
    return path.as_posix() if path.parent == Path() or path.parts[0] in ROOMS else ""


def main() -> None:
    """Trace the second callback and the second question, as the first ones load modules."""
    trace = Trace()
    trace.start()
    found = trace_callback(trace)
    both = {kind: sorted({one for seen in found.values() for one in seen[kind]}) for kind in KINDS}
    found["callback, from socket to table"] = both
    found["question: GET /groups/<id>"] = trace_question(trace)
    json.dump(found, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # threads of the journal go with the process


def trace_callback(trace: Trace) -> dict[str, dict[str, list[str]]]:
    """Receive and record two callbacks; trace the second."""
    from app import create_receiver
    from config import ReceiverSettings, RecorderSettings
    from models.clock import utc_now
    from services.recording.loop import Loop
    from services.recording.recorder import Recorder

    receiver = create_receiver(ReceiverSettings.from_environment(os.environ))
    loop = Loop(Recorder(RecorderSettings.from_environment(os.environ), utc_now))
    post(receiver, "first")
    loop.work()
    loop.chores.clear()  # they do not belong to a callback
    with trace.following():
        post(receiver, GROUP)
    found = {"callback, receiver": trace.take()}
    with trace.following():
        loop.work()
    found["callback, recorder"] = trace.take()
    return found


def post(app: Flask, group_id: str) -> None:
    """Send the creation of a group."""
    members = [{"Member_Account": "bob"}, {"Member_Account": "peter"}]
    body = {
        "CallbackCommand": COMMAND,
        "GroupId": group_id,
        "Type": "Public",
        "Name": "MyGroup",
        "Owner_Account": "leckie",
        "MemberList": members,
        "EventTime": int(SIGNED_AT) * 1000,
    }
    query = f"SdkAppid={APP}&CallbackCommand={COMMAND}&Sign={SIGN}&RequestTime={SIGNED_AT}"
    answer = app.test_client().post(f"/callback?{query}", data=json.dumps(body))
    check(answer)


def check(answer: TestResponse) -> None:
    """Make sure that something was answered.

    Raises:
        RuntimeError: it was refused.
    """
    if answer.status_code != 200:
        raise RuntimeError(answer.text)


def trace_question(trace: Trace) -> dict[str, list[str]]:
    """Ask twice for the state of a group; trace the second time."""
    from app import create_reader
    from config import ReaderSettings

    client = create_reader(ReaderSettings.from_environment(os.environ)).test_client()
    headers = {"Authorization": f"Bearer {API_KEY}"}
    client.get(f"/groups/{quote(GROUP)}", headers=headers)
    with trace.following():
        answer = client.get(f"/groups/{quote(GROUP)}", headers=headers)
    check(answer)
    return trace.take()


if __name__ == "__main__":
    main()
