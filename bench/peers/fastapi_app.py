"""The same with FastAPI, pydantic and SQLAlchemy's asyncio, one transaction a callback."""

import hmac
import json
import os
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from bench.peers.tables import CONNECTIONS, Delivery, Event, Member, prepare_sqlite

APP, TOKEN = os.environ["SDK_APPS"].split(":")
TOLERANCE_SECONDS = int(os.environ["SIGN_TOLERANCE_SECONDS"])
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}

Identifier = Annotated[str, Field(min_length=1, max_length=255)]


class Envelope(BaseModel):
    """The query string."""

    app: str = Field(alias="SdkAppid")
    command: str = Field(alias="CallbackCommand")
    sign: str = Field(alias="Sign")
    request_time: int = Field(alias="RequestTime")
    client_ip: str | None = Field(None, alias="ClientIP")
    platform: str | None = Field(None, alias="OptPlatform")


class Callback(BaseModel):
    """The fields of all bodies; other fields are kept as they are."""

    model_config = ConfigDict(extra="allow")

    operator: Identifier | None = Field(None, alias="Operator_Account")
    owner: Identifier | None = Field(None, alias="Owner_Account")
    name: str | None = Field(None, alias="Name")
    event_time: int = Field(alias="EventTime")


class Channel(Callback):
    """``OfficialAccount.*``."""

    command: Literal[
        "OfficialAccount.CallbackAfterCreateOfficialAccount",
        "OfficialAccount.CallbackAfterOfficialAccountInfoChanged",
        "OfficialAccount.CallbackAfterOfficialAccountDestroyed",
    ] = Field(alias="CallbackCommand")
    subject_id: Identifier = Field(alias="Official_Account")
    Introduction: str = ""
    FaceUrl: str = ""
    Organization: str = ""


class NamedMember(BaseModel):
    """An item of ``MemberList``."""

    user_id: Identifier = Field(alias="Member_Account")


class Group(Callback):
    """``Group.*``."""

    command: Literal["Group.CallbackAfterGroupDestroyed"] = Field(alias="CallbackCommand")
    subject_id: Identifier = Field(alias="GroupId")
    Type: str = ""
    members: list[NamedMember] = Field([], alias="MemberList")


BODY: TypeAdapter[Channel | Group] = TypeAdapter(
    Annotated[Channel | Group, Field(discriminator="command")]
)
ACTIONS = {
    "OfficialAccount.CallbackAfterCreateOfficialAccount": "created",
    "OfficialAccount.CallbackAfterOfficialAccountInfoChanged": "profile_changed",
    "OfficialAccount.CallbackAfterOfficialAccountDestroyed": "destroyed",
    "Group.CallbackAfterGroupDestroyed": "destroyed",
}

app = FastAPI()
url = sa.make_url(os.environ["DATABASE_URL"])
engine = create_async_engine(
    url.set(drivername=DRIVERS[url.get_backend_name()]),
    pool_size=CONNECTIONS[url.get_backend_name()],
    max_overflow=0,
)
prepare_sqlite(engine.sync_engine)
Session = async_sessionmaker(engine, expire_on_commit=False)


@app.post("/callback")
async def receive_callback(
    request: Request, envelope: Annotated[Envelope, Query()]
) -> JSONResponse:
    """Check, store, answer."""
    if not is_signed(envelope):
        return reply(403, 40302, "not signed")
    raw = await request.body()
    if envelope.command not in ACTIONS:
        await store(make_delivery(request, raw, envelope.command, "unhandled"))
        return reply(200)
    try:
        fact = BODY.validate_json(raw)
    except ValidationError as error:
        errors = {"body": error.errors(include_url=False)}
        await store(make_delivery(request, raw, envelope.command, "invalid", errors=errors))
        return reply(400, 40004, str(error))
    await store_event(make_event(request, raw, envelope, fact), request)
    return reply(200)


def is_signed(envelope: Envelope) -> bool:
    """Check app, signature and time."""
    expected = sha256(f"{TOKEN}{envelope.request_time}".encode()).hexdigest()
    return (
        envelope.app == APP
        and hmac.compare_digest(expected, envelope.sign)
        and abs(time.time() - envelope.request_time) <= TOLERANCE_SECONDS
    )


def make_delivery(
    request: Request, raw: bytes, command: str, verdict: str, **columns: Any
) -> Delivery:
    """Keep the request as it arrived."""
    return Delivery(
        received_at=datetime.now(UTC),
        sdk_app_id=APP,
        command=command,
        verdict=verdict,
        peer=request.client.host if request.client else "",
        query_string=request.url.query,
        body=raw,
        **columns,
    )


def make_event(request: Request, raw: bytes, envelope: Envelope, fact: Channel | Group) -> Event:
    """Make the event of a body."""
    canonical = json.dumps(json.loads(raw), sort_keys=True, separators=(",", ":"))
    occurred_at = EPOCH + timedelta(milliseconds=fact.event_time)
    delivery = make_delivery(request, raw, fact.command, "accepted")
    named = fact.members if isinstance(fact, Group) else ()
    columns = fact.model_dump(include={"subject_id", "operator", "owner", "name", "event_time"})
    return Event(
        delivery=delivery,
        members=[
            Member(user_id=member.user_id, position=position, occurred_at=occurred_at)
            for position, member in enumerate(named)
        ],
        event_key=sha256(f"{APP}\n{fact.command}\n{canonical}".encode()).hexdigest(),
        subject_type="group" if isinstance(fact, Group) else "channel",
        action=ACTIONS[fact.command],
        command=fact.command,
        sdk_app_id=APP,
        occurred_at=occurred_at,
        received_at=delivery.received_at,
        client_ip=envelope.client_ip,
        platform=envelope.platform,
        **columns,
        details=fact.model_dump(exclude={"command", "members", *columns}, exclude_unset=True),
    )


async def store(delivery: Delivery) -> None:
    """Commit one delivery."""
    async with Session.begin() as session:
        session.add(delivery)


async def store_event(event: Event, request: Request) -> None:
    """Commit a delivery and its event, or only the delivery if the event exists already."""
    raw = event.delivery.body
    try:
        async with Session.begin() as session:
            session.add(event)
    except IntegrityError:
        async with Session.begin() as session:
            first = await session.scalar(
                sa.select(Event.delivery_id).where(Event.event_key == event.event_key)
            )
            repeat = make_delivery(request, raw, event.command, "duplicate", duplicate_of=first)
            session.add(repeat)


def reply(status: int, error_code: int = 0, error_info: str = "") -> JSONResponse:
    """Answer with Tencent's three fields."""
    outcome = "OK" if status == 200 else "FAIL"
    return JSONResponse(
        {"ActionStatus": outcome, "ErrorInfo": error_info, "ErrorCode": error_code}, status
    )
