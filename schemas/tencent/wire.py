"""Field types for what Tencent sends."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from models.text import MAX_ID_LENGTH, fits_id_column

MAX_FAULTS = 20


def check_id_length(value: str) -> None:
    """Refuse an ID that its column can't hold; Tencent's own limit is 96 bytes."""
    if not fits_id_column(value):
        raise ValidationError(f"Longer than {MAX_ID_LENGTH} characters.")


def id_field(**kwargs: Any) -> fields.String:
    """Make a field for the ID of a user, group, topic or channel."""
    return fields.String(validate=[validate.Length(min=1), check_id_length], **kwargs)


def account_field(**kwargs: Any) -> fields.String:
    """Make a field for a user ID that Tencent may leave out, empty or null."""
    return fields.String(allow_none=True, validate=check_id_length, **kwargs)


def text_field(data_key: str) -> fields.String:
    """Make a field for a documented text; its length is Tencent's business."""
    return fields.String(allow_none=True, data_key=data_key)


class BriefList(fields.List[Any]):
    """A list that names its first faults only: a body has room for a million."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        loaded, faults = [], {}
        for index, item in enumerate(value):
            try:
                loaded.append(self.inner.deserialize(item, **kwargs))
            except ValidationError as error:
                faults[index] = error.messages
                if len(faults) == MAX_FAULTS:
                    break
        if faults:
            raise ValidationError(faults)
        return loaded


class WrappedAccount(fields.String):
    """A user ID inside an object, as Tencent lists users: ``{"Member_Account": "bob"}``."""

    default_error_messages = {"wrapping": "Not an object with {item_key}."}  # noqa: RUF012

    def __init__(self, item_key: str) -> None:
        properties = {item_key: {"type": "string"}}
        described = {"type": "object", "properties": properties, "required": [item_key]}
        super().__init__(validate=check_id_length, metadata=described)
        self.item_key = item_key

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        if not isinstance(value, Mapping) or self.item_key not in value:
            raise self.make_error("wrapping", item_key=self.item_key)
        return super()._deserialize(value[self.item_key], attr, data, **kwargs)


def accounts_field(data_key: str, *, item_key: str) -> BriefList:
    """Make a field for one of Tencent's lists of users; loads as their IDs."""
    return BriefList(WrappedAccount(item_key), allow_none=True, data_key=data_key)


def list_field(data_key: str) -> BriefList:
    """Make a field for a documented list whose items are not documented for every case."""
    return BriefList(fields.Raw(allow_none=True), allow_none=True, data_key=data_key)


class TextOrTexts(fields.Field[Any]):
    """A string or a list of strings, where Tencent's table and sample disagree."""

    default_error_messages = {"invalid": "Not a string or a list of strings."}  # noqa: RUF012

    def __init__(self, data_key: str) -> None:
        described = {"type": ["string", "array"], "items": {"type": "string"}}
        super().__init__(allow_none=True, data_key=data_key, metadata=described)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in texts):
            raise self.make_error("invalid")
        return value
