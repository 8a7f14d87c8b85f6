"""Where a body differs from what the schema of its command knows."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from marshmallow import fields

from schemas.fields import DecimalInteger
from schemas.tencent.lifecycle import LifecycleSchema
from schemas.tencent.wire import Accounts, TextOrTexts

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
    types, item_keys = accepted_types(schema), find_item_keys(schema)
    for name in types.keys() - body.keys():
        yield name, MISSING
    for name, value in body.items():
        kind = JSON_TYPES[type(value)]
        if kind not in types.get(name, ()) and name != "CallbackCommand":
            yield name, kind
        elif name in item_keys and value is not None:
            yield from find_in_items(name, item_keys[name], value)


def find_in_items(name: str, item_key: str, items: list[Any]) -> set[tuple[str, str]]:
    """Compare the items of a list of users; each kind of difference counts once a list."""
    found: set[tuple[str, str]] = set()
    for item in items:
        if not isinstance(item, dict):
            found.add((f"{name}[]", JSON_TYPES[type(item)]))
            continue
        kinds = {key: JSON_TYPES[type(value)] for key, value in item.items()}
        if kinds.setdefault(item_key, MISSING) == "string":
            del kinds[item_key]
        found.update((f"{name}[].{key}", kind) for key, kind in kinds.items())
    return found


@cache
def accepted_types(schema: LifecycleSchema) -> Mapping[str, frozenset[str]]:
    """Tell which JSON types the fields of a schema take, by wire name."""
    return {str(field.data_key): types_of(field) for field in schema.fields.values()}


@cache
def find_item_keys(schema: LifecycleSchema) -> Mapping[str, str]:
    """Tell which lists of a schema name users, and by which key."""
    lists = (field for field in schema.fields.values() if isinstance(field, Accounts))
    return {str(field.data_key): field.item_key for field in lists}


def types_of(field: fields.Field[Any]) -> frozenset[str]:
    """Tell which JSON types a field takes."""
    types = next((types for cls, types in ACCEPTED.items() if isinstance(field, cls)), frozenset())
    return types | {"null"} if field.allow_none else types
