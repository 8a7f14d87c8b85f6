"""Where a body differs from what the schema of its command knows."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from marshmallow import fields

from schemas.fields import DecimalInteger
from schemas.tencent.lifecycle import LifecycleSchema
from schemas.tencent.wire import TextOrTexts, WrappedAccount

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


@cache  # of a field that a schema declares once
def accepted_types(field: fields.Field[Any] | None) -> frozenset[str]:
    """Tell which JSON types a field takes; none at all where there is no such field."""
    if field is None:
        return frozenset()
    types = next((types for cls, types in ACCEPTED.items() if isinstance(field, cls)), frozenset())
    return types | {"null"} if field.allow_none else types
