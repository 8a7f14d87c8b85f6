"""What the FastAPI peer expects: pydantic models of query string and body."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

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
    """What all bodies have; fields that are not named are kept as they are."""

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
