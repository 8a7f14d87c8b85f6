"""The differences of a body from what Tencent documents for its command."""

from collections.abc import Mapping
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
    fields.Raw: frozenset(JSON_TYPES.values()),
}

Types = Mapping[str, frozenset[str]]  # JSON types by wire name


def find_differences(schema: LifecycleSchema, body: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Find fields that Tencent does not document for a command, and values of another type.

    An absent field is not a difference, as Tencent does not say which ones are required.

    Returns:
        Wire names with the JSON types of their values. Fields of the items in a list of users are
        named ``MemberList[].Role``; each counts once per list.
    """
    documented = list_documented(schema)
    sent = [(name, JSON_TYPES[type(value)]) for name, value in body.items()]
    for name, value in body.items():
        if isinstance(value, list) and f"{name}[]" in documented:
            sent += [(f"{name}[]", JSON_TYPES[type(item)]) for item in value]
            sent += [
                (f"{name}[].{key}", JSON_TYPES[type(one)])
                for item in value
                if isinstance(item, dict)
                for key, one in item.items()
            ]
    return {(name, kind) for name, kind in sent if kind not in documented.get(name, ())}


@cache
def list_documented(schema: LifecycleSchema) -> Types:
    """List the fields that Tencent documents for a command, with the JSON types that they take."""
    types = {"CallbackCommand": ACCEPTED[fields.String]}
    for name, field in schema.fields.items():
        if name in schema.undocumented:
            continue
        types[str(field.data_key)] = types_of(field)
        if isinstance(field, Accounts):
            types[f"{field.data_key}[]"] = frozenset({"object"})
            types[f"{field.data_key}[].{field.item_key}"] = ACCEPTED[fields.String]
    return types


def types_of(field: fields.Field[Any]) -> frozenset[str]:
    """Return the JSON types that a field takes."""
    types = next(types for cls, types in ACCEPTED.items() if isinstance(field, cls))
    return types | {"null"} if field.allow_none else types
