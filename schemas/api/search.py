"""The query and the answer of ``/search``."""

from marshmallow import fields, validate

from models.vocabulary import Findable, Match
from schemas.api.answers import AnswerSchema
from schemas.api.page import QuerySchema
from schemas.api.subjects import STATUSES
from schemas.fields import MOST_CHARACTERS, Instant, about, word_field


class SearchQuerySchema(QuerySchema):
    """What to find."""

    q = fields.String(
        required=True,
        validate=validate.Length(min=1, max=MOST_CHARACTERS),
        metadata=about(
            "Any part of an ID or of a present or former name, in any case; the number or UUID of "
            "a delivery; the address of a page; a command, an action, an SDKAppID or a date."
        ),
    )
    kind = fields.List(
        fields.Enum(Findable, by_value=True),
        load_default=[*Findable],
        metadata=about("Kind of result; repeat it to allow several."),
    )


class HitSchema(AnswerSchema):
    """Something that was found, and what matched."""

    optional = ("sdk_app_id", "name", "status", "text", "since", "until")

    id = fields.String(metadata=about("Of the channel, group or user; number of the delivery."))
    sdk_app_id = fields.String(metadata=about("Not of users."))
    name = fields.String(allow_none=True, metadata=about("Present name of a channel or group."))
    status = fields.String(validate=STATUSES)
    match = word_field(Match)
    text = fields.String(metadata=about("The ID or name that matches."))
    since = Instant(brief=True, allow_none=True, metadata=about("When it got this name."))
    until = Instant(
        brief=True, allow_none=True, metadata=about("When it got another name; or null.")
    )


class FoundSchema(AnswerSchema):
    """What was found of one kind, the best first: the whole text, its beginning, another part."""

    kind = word_field(Findable)
    items = fields.List(fields.Nested(HitSchema))
    has_more = fields.Boolean(
        metadata=about("Whether there are more; then search for a longer text.")
    )


class SearchSchema(AnswerSchema):
    """What was found."""

    text = fields.String(metadata=about("The text that was searched for, extracted from `q`."))
    found = fields.List(fields.Nested(FoundSchema), metadata=about("Kinds with at least one."))
    lists = fields.List(fields.String(), metadata=about("Addresses of lists that it filters."))
    limit = fields.String(
        allow_none=True,
        validate=validate.OneOf(["too_long", "one_character", "ip_address"]),
        metadata=about("Why not everything is searched; else null."),
    )
