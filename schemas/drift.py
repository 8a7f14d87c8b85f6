"""Where what Tencent sends differs from what our schemas know; and the answer of ``/drift``."""

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import Schema, fields

from schemas.fields import DecimalInteger, Instant
from schemas.lifecycle import LifecycleSchema
from schemas.wire import TextOrTexts, WrappedAccount

JSON_TYPES = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}
ACCEPTED: Mapping[type, frozenset[str]] = {
    DecimalInteger: frozenset({"integer", "string"}),
    TextOrTexts: frozenset({"string", "array"}),
    fields.List: frozenset({"array"}),
    fields.String: frozenset({"string"}),
}
MISSING = "missing"


def find_differences(schema: LifecycleSchema, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Compare the fields of a body, and of the users it lists, with those that a schema names.

    Yields:
        A wire name and ``missing``, where the schema names a field that the body lacks; or a wire
        name and the JSON type of its value, where the schema does not know the one or the other.
        What a list has in its items is named ``MemberList[].Role``.
    """
    known = {str(field.data_key): field for field in schema.fields.values()}
    for name in known.keys() - body.keys():
        yield name, MISSING
    for name, value in body.items():
        kind = JSON_TYPES[type(value)]
        if name != "CallbackCommand" and kind not in accepted_types(known.get(name)):
            yield name, kind
        elif isinstance(field := known.get(name), fields.List) and isinstance(value, list):
            yield from find_in_items(name, field.inner, value)


def find_in_items(name: str, inner: fields.Field[Any], items: list[Any]) -> set[tuple[str, str]]:
    """Compare the items of a list of users; each kind of difference counts once a list."""
    found: set[tuple[str, str]] = set()
    if not isinstance(inner, WrappedAccount):
        return found  # whose items nobody documents
    for item in items:
        if not isinstance(item, dict):
            found.add((f"{name}[]", JSON_TYPES[type(item)]))
            continue
        kinds = {key: JSON_TYPES[type(value)] for key, value in item.items()}
        if kinds.setdefault(inner.item_key, MISSING) == "string":
            del kinds[inner.item_key]
        found.update((f"{name}[].{key}", kind) for key, kind in kinds.items())
    return found


def accepted_types(field: fields.Field[Any] | None) -> frozenset[str]:
    """Tell which JSON types a field takes; none at all where there is no such field."""
    if field is None:
        return frozenset()
    types = next((types for cls, types in ACCEPTED.items() if isinstance(field, cls)), frozenset())
    return types | {"null"} if field.allow_none else types


class DifferenceSchema(Schema):
    """One way in which deliveries of a command differ from its schema."""

    field = fields.String(
        required=True,
        metadata={"description": "Its wire name; `MemberList[].Role` in the items of a list."},
    )
    seen = fields.String(
        required=True,
        metadata={
            "enum": [*JSON_TYPES.values(), MISSING],
            "description": "JSON type of a value that the schema does not know, or `missing`.",
        },
    )
    count = fields.Integer(required=True)
    first_seen = Instant(required=True)
    last_seen = Instant(required=True)
    sample_delivery_id = fields.Integer(
        required=True, metadata={"description": "The newest delivery of this kind."}
    )


class CommandDriftSchema(Schema):
    """What was found for one command."""

    command = fields.String(required=True)
    deliveries = fields.Integer(
        required=True, metadata={"description": "How many were compared: the newest."}
    )
    differences = fields.List(fields.Nested(DifferenceSchema), required=True)


class DriftSchema(Schema):
    """What was found for all commands that the schemas know and that were sent."""

    items = fields.List(fields.Nested(CommandDriftSchema), required=True)
