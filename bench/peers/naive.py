"""What a good engineer would write first: Flask, marshmallow, one ORM transaction a callback."""

import hmac
import json
import os
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response, jsonify, request
from marshmallow import INCLUDE, Schema, ValidationError, fields, validate
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import sessionmaker

from bench.peers.tables import CONNECTIONS, Delivery, Event, Member, prepare_sqlite

APP, TOKEN = os.environ["SDK_APPS"].split(":")
TOLERANCE_SECONDS = int(os.environ["SIGN_TOLERANCE_SECONDS"])
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
IDENTIFIER = validate.Length(min=1, max=255)


class CallbackSchema(Schema):
    """The fields of all bodies; other fields are kept as they are."""

    class Meta:
        """Tencent may add fields."""

        unknown = INCLUDE

    operator = fields.String(data_key="Operator_Account", allow_none=True, validate=IDENTIFIER)
    owner = fields.String(data_key="Owner_Account", allow_none=True, validate=IDENTIFIER)
    name = fields.String(data_key="Name", allow_none=True)
    event_time = fields.Integer(data_key="EventTime", required=True)


class ChannelSchema(CallbackSchema):
    """``OfficialAccount.*``."""

    subject_id = fields.String(data_key="Official_Account", required=True, validate=IDENTIFIER)
    Introduction = fields.String()
    FaceUrl = fields.String()
    Organization = fields.String()


class MemberSchema(Schema):
    """An item of ``MemberList``."""

    user_id = fields.String(data_key="Member_Account", required=True, validate=IDENTIFIER)


class GroupSchema(CallbackSchema):
    """``Group.*``."""

    subject_id = fields.String(data_key="GroupId", required=True, validate=IDENTIFIER)
    Type = fields.String()
    members = fields.List(fields.Nested(MemberSchema), data_key="MemberList", load_default=list)


COMMANDS: dict[str, tuple[Schema, str, str]] = {
    "OfficialAccount.CallbackAfterCreateOfficialAccount": (ChannelSchema(), "channel", "created"),
    "OfficialAccount.CallbackAfterOfficialAccountInfoChanged": (
        ChannelSchema(),
        "channel",
        "profile_changed",
    ),
    "OfficialAccount.CallbackAfterOfficialAccountDestroyed": (
        ChannelSchema(),
        "channel",
        "destroyed",
    ),
    "Group.CallbackAfterGroupDestroyed": (GroupSchema(), "group", "destroyed"),
}


app = Flask(__name__)
url = sa.make_url(os.environ["DATABASE_URL"])
engine = sa.create_engine(url, pool_size=CONNECTIONS[url.get_backend_name()], max_overflow=0)
prepare_sqlite(engine)
Session = sessionmaker(engine, expire_on_commit=False)


@app.post("/callback")
def receive_callback() -> tuple[Response, int]:
    """Check, store, answer."""
    if not is_signed():
        return reply(403, 40302, "not signed")
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        store(make_delivery(None, "invalid"))
        return reply(400, 40001, "body: not a JSON object")
    command = request.args["CallbackCommand"]
    known = COMMANDS.get(command)
    if known is None:
        store(make_delivery(command, "unhandled"))
        return reply(200)
    try:
        event = make_event(command, body, *known)
    except ValidationError as error:
        store(make_delivery(command, "invalid", errors=error.messages_dict))
        return reply(400, 40004, str(error))
    store_event(event)
    return reply(200)


def is_signed() -> bool:
    """Check app, signature and time."""
    signed_at = request.args.get("RequestTime", "")
    expected = sha256(f"{TOKEN}{signed_at}".encode()).hexdigest()
    return (
        request.args.get("SdkAppid") == APP
        and hmac.compare_digest(expected, request.args.get("Sign", ""))
        and abs(time.time() - int(signed_at)) <= TOLERANCE_SECONDS
    )


def make_delivery(command: str | None, verdict: str, **columns: Any) -> Delivery:
    """Keep the request as it arrived."""
    return Delivery(
        received_at=datetime.now(UTC),
        sdk_app_id=APP,
        command=command,
        verdict=verdict,
        peer=request.remote_addr or "",
        query_string=request.query_string.decode("latin-1"),
        body=request.get_data(),
        **columns,
    )


def make_event(
    command: str, body: dict[str, Any], schema: Schema, subject_type: str, action: str
) -> Event:
    """Make the event of a body."""
    data = schema.load(body)
    del data["CallbackCommand"]
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    occurred_at = EPOCH + timedelta(milliseconds=data["event_time"])
    delivery = make_delivery(command, "accepted")
    members = [
        Member(user_id=member["user_id"], position=position, occurred_at=occurred_at)
        for position, member in enumerate(data.pop("members", ()))
    ]
    columns = ("subject_id", "operator", "owner", "name", "event_time")
    return Event(
        delivery=delivery,
        members=members,
        event_key=sha256(f"{APP}\n{command}\n{canonical}".encode()).hexdigest(),
        subject_type=subject_type,
        action=action,
        command=command,
        sdk_app_id=APP,
        occurred_at=occurred_at,
        received_at=delivery.received_at,
        client_ip=request.args.get("ClientIP"),
        platform=request.args.get("OptPlatform"),
        **{name: data.pop(name, None) for name in columns},
        details=data,
    )


def store(delivery: Delivery) -> None:
    """Commit one delivery."""
    with Session.begin() as session:
        session.add(delivery)


def store_event(event: Event) -> None:
    """Commit a delivery and its event, or only the delivery if the event exists already."""
    try:
        with Session.begin() as session:
            session.add(event)
    except IntegrityError:
        with Session.begin() as session:
            first = session.scalar(
                sa.select(Event.delivery_id).where(Event.event_key == event.event_key)
            )
            session.add(make_delivery(event.command, "duplicate", duplicate_of=first))


def reply(status: int, error_code: int = 0, error_info: str = "") -> tuple[Response, int]:
    """Answer with Tencent's three fields."""
    outcome = "OK" if status == 200 else "FAIL"
    return jsonify(ActionStatus=outcome, ErrorInfo=error_info, ErrorCode=error_code), status
