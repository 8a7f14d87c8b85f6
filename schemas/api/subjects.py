"""The queries and answers about channels and groups."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, post_load, validate

from models.vocabulary import Action, SubjectType
from schemas.api.answers import AnswerSchema
from schemas.api.cursor import BY_ID, BY_NAME, BY_TIME
from schemas.api.page import (
    Order,
    PagedQuerySchema,
    PageQuery,
    PageQuerySchema,
    QuerySchema,
    page_of,
)
from schemas.fields import (
    DecimalInteger,
    Instant,
    about,
    app_filter,
    text_filter,
    word_field,
)

STATUSES = validate.OneOf(["active", "destroyed"])
APP = "SDKAppID of the app; required if several apps have a subject with this ID."


class ChannelsQuerySchema(PagedQuerySchema):
    """Filters of ``/channels``; a channel has to pass all that are given."""

    status = fields.String(validate=STATUSES, metadata=about("Whether it still exists."))
    owner = text_filter("User ID of the owner.")
    name = text_filter("Start of the name, case-sensitive.")
    sdk_app_id = app_filter()
    sort = fields.String(
        validate=validate.OneOf(["changed", "created", "ended", "id", "name"]),
        metadata=about(
            "By ID, by name, or by the last change, the creation or the end, the newest first; "
            "those without one are left out. Default `id`, with `name` given `name`."
        ),
    )

    @post_load
    def to_query(self, data: dict[str, Any], **_: Any) -> PageQuery:
        """Choose an order, unless one is given."""
        data.setdefault("sort", self.choose_sort(data))
        query: PageQuery = super().to_query(data)
        return query

    def choose_sort(self, filters: Mapping[str, Any]) -> str:
        """Choose an order that an index supports."""
        return "name" if "name" in filters else "id"

    def choose_shape(self, filters: Mapping[str, Any]) -> fields.Tuple:
        """Continue from a subject, or in a list by time from an event."""
        return {"id": BY_ID, "name": BY_NAME}.get(filters["sort"], BY_TIME)


class GroupsQuerySchema(ChannelsQuerySchema):
    """Filters of ``/groups``: those of channels, and a type."""

    group_type = text_filter("Type of the group, such as `Public`.")


class SubjectListSchema(GroupsQuerySchema):
    """Which channels or groups the console shows, and in which order."""

    id = fields.String()

    def choose_sort(self, filters: Mapping[str, Any]) -> str:
        """Choose the order that an index of the filter has, or else newest first."""
        if "id" in filters or "name" in filters:
            return super().choose_sort(filters)
        return "ended" if filters.get("status") == "destroyed" else "changed"


class StateQuerySchema(QuerySchema):
    """Which state of a subject."""

    at = Instant(metadata=about("The state at this time; default now."))
    sdk_app_id = app_filter(APP)


class StoryQuerySchema(StateQuerySchema):
    """Which part of the story of a subject to show on its page.

    Attributes:
        version: the number of a version, whose instant stands for ``at``.
        show: what the timeline is narrowed to.
        event: the first event of the page of the timeline.
        member: a user whose membership is asked for.
        members: ``all``, or else only the first ones.
    """

    version = DecimalInteger(validate=validate.Range(min=1))
    show = fields.String(
        validate=validate.OneOf(["all", "names", "owner", "members"]), load_default="all"
    )
    event = DecimalInteger()
    member = text_filter("A user ID.")
    members = fields.String(validate=validate.OneOf(["all"]))


class MembersQuerySchema(QuerySchema):
    """Which life to list the members of, by default the last one."""

    life = DecimalInteger(validate=validate.Range(min=1))
    sdk_app_id = app_filter(APP)


class FieldValueSchema(AnswerSchema):
    """What a field is."""

    value = fields.Raw(metadata=about('As Tencent sent it; "" where it was cleared.'))
    since = Instant(brief=True)
    event_id = fields.Integer(metadata=about("The event that set it."))


class StateSchema(AnswerSchema):
    """A channel or group at an instant."""

    subject_type = word_field(SubjectType)
    subject_id = fields.String()
    sdk_app_id = fields.String()
    life = fields.Integer(metadata=about("Number of the life, from 1; a reused ID has several."))
    status = fields.String(validate=STATUSES)
    at = Instant(brief=True)
    created_at = Instant(
        brief=True, allow_none=True, metadata=about("Null if the creation was never seen.")
    )
    destroyed_at = Instant(brief=True, allow_none=True)
    last_event_id = fields.Integer()
    values = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(FieldValueSchema),
        attribute="fields",
        data_key="fields",
        metadata=about("By name; a field that was never reported is absent."),
    )


class VersionsQuerySchema(PageQuerySchema):
    """Which versions of a subject, and in which direction of time."""

    class Meta:
        exclude = ("since", "until")  # numbers and differences need all earlier events

    order = fields.Enum(
        Order,
        by_value=True,
        load_default=Order.ASC,
        metadata=about("Oldest first, or newest first."),
    )
    sdk_app_id = app_filter(APP)


class ChangeSchema(AnswerSchema):
    """The difference in one field."""

    field = fields.String()
    old = fields.Raw(allow_none=True, metadata=about("Null if it was unknown."))
    new = fields.Raw()


class VersionSchema(AnswerSchema):
    """A subject after one event, compared with the state before."""

    version = fields.Integer()
    life = fields.Integer()
    event_id = fields.Integer()
    action = word_field(Action)
    occurred_at = Instant(brief=True)
    operator = fields.String(allow_none=True)
    platform = fields.String(allow_none=True)
    changes = fields.List(fields.Nested(ChangeSchema))


SubjectPageSchema = page_of(StateSchema)
VersionPageSchema = page_of(VersionSchema)
