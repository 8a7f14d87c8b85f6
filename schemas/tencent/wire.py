"""Field types for what Tencent sends."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields

from models.text import MAX_ID_LENGTH, fits_id_column

MAX_FAULTS = 20


class Identifier(fields.String):
    """The ID of a user, group, topic or channel.

    The ID of a user may be absent, empty or null; a required one may not.
    """

    def __init__(self, data_key: str, *, required: bool = False) -> None:
        limits = {"minLength": 1} if required else {}
        super().__init__(
            data_key=data_key, required=required, allow_none=not required, metadata=limits
        )

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        if self.required and value == "":
            raise ValidationError("Must not be empty.")
        return check_id(value)


class Accounts(fields.List[Any]):
    """Users as Tencent lists them, ``[{"Member_Account": "bob"}]``; loads as their IDs.

    It reports only its first faults, as a body has room for a million.
    """

    def __init__(self, data_key: str, *, item_key: str) -> None:
        properties = {item_key: {"type": "string"}}
        described = {"type": "object", "properties": properties, "required": [item_key]}
        super().__init__(fields.Raw(metadata=described), allow_none=True, data_key=data_key)
        self.item_key = item_key

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        users, faults = [], {}
        for index, item in enumerate(value):
            try:
                users.append(self.load_item(item))
            except ValidationError as error:
                faults[index] = error.messages
                if len(faults) == MAX_FAULTS:
                    break
        if faults:
            raise ValidationError(faults)
        return users

    def load_item(self, item: Any) -> str:
        """Return the ID of one user.

        Raises:
            ValidationError: there is none.
        """
        if not isinstance(item, dict) or self.item_key not in item:
            raise ValidationError(f"Not an object with {self.item_key}.")
        return check_id(item[self.item_key])


def check_id(value: Any) -> str:
    """Return an ID that its column can hold; Tencent's own limit is 96 bytes.

    Raises:
        ValidationError: it has another type, or is longer.
    """
    if not isinstance(value, str):
        raise ValidationError("Not a valid string.")
    if not fits_id_column(value):
        raise ValidationError(f"Longer than {MAX_ID_LENGTH} characters.")
    return value


def text_field(data_key: str) -> fields.String:
    """Make a field for a documented text, of any length."""
    return fields.String(allow_none=True, data_key=data_key)


def list_field(data_key: str) -> fields.List[Any]:
    """Make a field for a documented list whose items are not documented for every case."""
    return fields.List(fields.Raw(allow_none=True), allow_none=True, data_key=data_key)


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
