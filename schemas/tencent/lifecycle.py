"""The fields that all lifecycle callbacks share."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from marshmallow import EXCLUDE, Schema, fields, post_load, validate

from models.vocabulary import Action, SubjectType
from schemas.fields import DecimalInteger
from schemas.tencent.wire import Identifier

LAST_EVENT_TIME_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z


class LifecycleFact(NamedTuple):
    """The fact that one lifecycle callback states; it is a list in JSON.

    Attributes:
        event_time: ``EventTime`` in milliseconds since 1970 UTC; none if Tencent sends none.
        owner: the owner after it has happened.
        members: the users it names, in Tencent's order.
        details: all other fields of the body by their wire names, values untouched.
    """

    subject_type: SubjectType
    subject_id: str
    action: Action
    operator: str | None
    owner: str | None
    name: str | None
    event_time: int | None
    members: Sequence[str]
    details: Mapping[str, Any]


class LifecycleSchema(Schema):
    """Shared fields; a subclass declares the action, and the other documented fields.

    Only the ID of the subject is required: Tencent's pages and samples disagree about the rest. A
    documented field of another type is an error, an absent or null one is not. Fields that no
    schema names are kept like the others.

    A subclass declares ``subject_id`` and, where the command lists users, ``members``.

    Attributes:
        columns: the fields an event has outside its ``details``.
        undocumented: shared fields that Tencent does not document for this command; they are still
            read if it sends them.
    """

    class Meta:
        """Details are taken from the body itself, so an unknown field cannot shadow one of ours."""

        unknown = EXCLUDE

    subject_type: ClassVar[SubjectType]
    action: ClassVar[Action]
    columns: ClassVar[frozenset[str]] = frozenset(
        {"subject_id", "operator", "owner", "name", "event_time", "members"}
    )
    undocumented: ClassVar[frozenset[str]] = frozenset()

    operator = Identifier("Operator_Account")
    owner = Identifier("Owner_Account")
    name = fields.String(allow_none=True, data_key="Name")
    event_time = DecimalInteger(
        allow_none=True,
        data_key="EventTime",
        validate=validate.Range(max=LAST_EVENT_TIME_MS, error="Later than the year 9999."),
        metadata={
            "type": ["integer", "string"],
            "pattern": "^[0-9]{1,16}$",
            "description": "Milliseconds since 1970 UTC, also as a string of digits.",
        },
    )

    @cached_property
    def named(self) -> frozenset[str | None]:
        """The wire names of fields that an event has outside its ``details``."""
        columns = {self.fields[name].data_key for name in self.columns if name in self.fields}
        return frozenset(columns | {"CallbackCommand"})

    @cached_property
    def names_users(self) -> bool:
        """Whether an event may have members."""
        return "members" in self.fields or type(self).to_members is not LifecycleSchema.to_members

    @post_load(pass_original=True)
    def to_fact(self, data: dict[str, Any], original: Mapping[str, Any], **_: Any) -> LifecycleFact:
        """Separate the fields of every event from the details of this one."""
        return LifecycleFact(
            subject_type=self.subject_type,
            subject_id=data["subject_id"],
            action=self.action,
            operator=data.get("operator"),
            owner=self.to_owner(data),
            name=data.get("name"),
            event_time=data.get("event_time"),
            members=self.to_members(data),
            details={
                name: value
                for name, value in original.items()
                if name not in self.named or says_more_than_ids(value)
            },
        )

    def to_owner(self, data: Mapping[str, Any]) -> str | None:
        """Return the owner of the subject after this has happened."""
        return data.get("owner")

    def to_members(self, data: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the users that this is about."""
        return tuple(data.get("members") or ())


def says_more_than_ids(value: Any) -> bool:
    """Tell whether a list of users holds more fields than the IDs in ``members``."""
    return isinstance(value, list) and any(len(item) > 1 for item in value)
