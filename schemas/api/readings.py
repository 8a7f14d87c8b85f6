"""The query and the answer of ``/readings``."""

from marshmallow import fields

from models.vocabulary import SignIn
from schemas.api.answers import AnswerSchema
from schemas.api.page import PageQuerySchema, page_of
from schemas.fields import Instant, about, text_filter, word_field


class ReadingQuerySchema(PageQuerySchema):
    """Filters of ``/readings``; a reading has to pass all that are given."""

    holder = text_filter("Name of the key, or of the user that a proxy has signed in.")
    subject_id = text_filter("ID of the channel or group.")
    user_id = text_filter("ID of the user that it is about.")


class ReadingSchema(AnswerSchema):
    """One act of reading."""

    id = fields.Integer()
    received_at = Instant()
    holder = fields.String()
    sign_in = word_field(SignIn)
    address = fields.String(metadata=about("The requested address, with its query string."))
    subject_id = fields.String(
        allow_none=True, metadata=about("The channel or group that it is about, if any.")
    )
    user_id = fields.String(
        allow_none=True, metadata=about("The user that it is about, if any; one row for each.")
    )
    status = fields.Integer(metadata=about("The HTTP status of the answer."))
    peer = fields.String(metadata=about("Address of the sender, as a trusted proxy names it."))
    request_id = fields.String(metadata=about("The same ID as in the log."))


ReadingPageSchema = page_of(ReadingSchema)
