"""OpenAPI, made from the schemas of the views."""

import re
from collections.abc import Callable, Mapping
from inspect import getdoc, getmodule
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, Flask, Response, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from werkzeug.routing import Rule

from blueprints.api.access import bp as api
from blueprints.api.access import find_scope
from blueprints.api.operation import JSON, Operation, answer_json, read_arguments
from blueprints.docs.guide import CHAPTERS
from config.release import VERSION
from models.text import MAX_ID_LENGTH
from schemas.api.answers import CallbackReplySchema, ProblemSchema
from schemas.api.page import QuerySchema
from schemas.tencent.envelope import PARAMETERS
from schemas.tencent.registry import LIFECYCLE_SCHEMAS

TITLE = "Chat Lifecycle Log"
INFO = {
    "description": "The history of your channels and groups in Tencent Cloud Chat, read-only.",
    "contact": {"name": "The operator of this service"},
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}
SECURITY_SCHEMES = {
    "bearer": "One of your API keys.",
    "basic": "Any user name, with an API key as the password.",
}
PROBLEM = "application/problem+json"
READ_ANSWERS = {
    200: "As asked.",
    304: "Unchanged since the `ETag` you sent in `If-None-Match`.",
    400: "A parameter is wrong; `errors` says which, and why.",
    401: "The API key is missing or wrong.",
    403: "The scope of the address is missing; `scope` names it.",
    404: "There is nothing at this address; `detail` names a likely slip.",
    414: "The address is longer than 8,190 bytes.",
    429: "Too many wrong keys came from your address. `Retry-After` says how long to wait.",
    503: "The database does not answer, or not in time. Try again later, or narrow the filters.",
}
# Those of the receiver, which this process does not load.
CALLBACK_ADDRESSES = {"/callback": "receive_callback", "/": "receive_callback_at_root"}
CALLBACK_TAG = {"name": "callbacks", "description": "What Tencent sends to the receiver."}
RECEIVER = {
    "url": "https://{receiver}",
    "variables": {
        "receiver": {"default": "localhost:8000", "description": "Host of the webhook URL."}
    },
}
CALLBACK_ANSWERS = {
    200: "Stored.",
    400: "The callback is invalid; it is stored with its errors.",
    403: "Verification failed; the request is quarantined.",
    404: "Wrong address; the request is quarantined.",
    405: "Not a POST.",
    408: "The body did not arrive in time.",
    413: "The body is too large; the request is quarantined without it.",
    500: "Internal error.",
    503: "Not stored.",
}
ROW_ID_TYPE = {"type": "integer", "format": "int64", "minimum": 0}
TEXT = {"type": "string"}
IN_PATH = {
    "event_id": {"schema": ROW_ID_TYPE, "description": "`id` of the event."},
    "delivery_id": {"schema": ROW_ID_TYPE, "description": "`id` of the delivery."},
    "subject_id": {
        "schema": {**TEXT, "minLength": 1, "maxLength": MAX_ID_LENGTH},
        "description": "ID of the group or channel, percent-encoded.",
    },
}

bp = Blueprint("openapi", __name__, template_folder="templates")


@bp.get("/openapi.json")
def show_openapi() -> Response:
    """Show the description of this API for machines.

    Raises:
        ValidationError: there is a parameter.
    """
    QuerySchema().load(read_arguments())
    return answer_json({**find_openapi(), "servers": [{"url": request.script_root or "/"}]})


@bp.get("/")
def show_home() -> ResponseReturnValue:
    """Redirect a browser to the console."""
    return redirect(url_for("console.show_overview"))


def find_openapi() -> dict[str, Any]:
    """Return the description of the current app, which is built on first use."""
    made: dict[str, Any] | None = current_app.extensions.get("openapi")
    if made is None:
        made = current_app.extensions["openapi"] = build_openapi(current_app)
    return made


def build_openapi(app: Flask) -> dict[str, Any]:
    """Describe every address of an assembled app."""
    plugin = MarshmallowPlugin(schema_name_resolver=name_schema)
    spec = APISpec(TITLE, VERSION, "3.1.0", plugins=[plugin], info=INFO)
    plugin.converter.add_attribute_function(fill_gaps)  # type: ignore[union-attr]
    for scheme, meaning in SECURITY_SCHEMES.items():
        described = {"type": "http", "scheme": scheme, "description": meaning}
        spec.components.security_scheme(scheme, described)
    for command, schema in LIFECYCLE_SCHEMAS.items():
        spec.components.schema(command, schema=schema)
    for address in CALLBACK_ADDRESSES:
        spec.path(address, operations={"post": describe_callback(address)})
    rooms: dict[str, str | None] = {}
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if hasattr(view, "operation"):
            path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
            spec.path(path, operations={"get": describe_read(path, rule, view)})
            rooms[name_room(view)] = getdoc(getmodule(view))
    for room, text in rooms.items():
        spec.tag({"name": room, "description": text})
    return spec.tag(CALLBACK_TAG).to_dict()


def fill_gaps(_: Any, field: fields.Field[Any], *, ret: Mapping[str, Any], **__: Any) -> Any:
    """Add what a field does not declare: a word is text, and no number in an answer is negative.

    Such a number is an ID, a count or a size.
    """
    if isinstance(field, fields.Enum):
        return {"type": "string"}
    return {"format": "int64", "minimum": 0, **ret} if type(field) is fields.Integer else {}


def name_room(view: Callable[..., Any]) -> str:
    """Return the name of the module of a view, which groups related views."""
    return view.__module__.rpartition(".")[2]


def name_operation(rule: Rule, view: Callable[..., Any]) -> str:
    """Return the name of a view, with the kind of subject if it serves both."""
    verb, *rest = view.__name__.split("_")
    return "_".join([verb, *(rule.defaults or {}).values(), *rest])


def name_schema(schema: type[Schema] | Schema) -> str:
    """Name a component after its class."""
    cls = schema if isinstance(schema, type) else type(schema)
    return cls.__name__.removesuffix("Schema")


def describe_callback(address: str) -> dict[str, Any]:
    """Describe the receiver's endpoint; the body depends on the command."""
    bodies = [{"$ref": f"#/components/schemas/{command}"} for command in LIFECYCLE_SCHEMAS]
    return {
        "operationId": CALLBACK_ADDRESSES[address],
        "tags": [CALLBACK_TAG["name"]],
        "summary": CHAPTERS[address].summary,
        "description": "The body has the fields of its command, and any others.",
        "servers": [RECEIVER],
        "security": [],
        "parameters": [
            {
                "in": "query",
                "name": name,
                "required": name == "SdkAppid",
                "description": text,
                "schema": TEXT,
            }
            for name, (_, text) in PARAMETERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {
                    "schema": {"anyOf": [*bodies, {"type": "object"}]},
                    "example": CHAPTERS[address].body,
                }
            },
        },
        "responses": {
            status: answer(text, CallbackReplySchema, JSON)
            for status, text in CALLBACK_ANSWERS.items()
        },
    }


def describe_read(path: str, rule: Rule, view: Any) -> dict[str, Any]:
    """Describe a view by its schemas, its path and whether it needs a key."""
    operation: Operation = view.operation
    needs_key = rule.endpoint.startswith(f"{api.name}.")
    scope = find_scope(rule.endpoint)
    in_path = [
        {"in": "path", "name": name, "required": True, **IN_PATH[name]}
        for name in sorted(rule.arguments - (rule.defaults or {}).keys())
    ]
    asks_database = needs_key and operation.answer is not None
    statuses = [400] + [401, 403, 429] * needs_key + [404] * bool(in_path) + [503] * asks_database
    is_json = JSON in operation.content_types
    shape = operation.answer if is_json and operation.answer else TEXT
    responses = {200: answer(READ_ANSWERS[200], shape, *operation.content_types)}
    responses[200]["content"][operation.content_types[0]]["example"] = CHAPTERS[path].answer
    if is_json:
        responses[304] = {"description": READ_ANSWERS[304]}
    responses[414] = {"description": READ_ANSWERS[414]}  # by gunicorn, as HTML
    for status in statuses:
        responses[status] = answer(READ_ANSWERS[status], ProblemSchema, PROBLEM)
    return {
        "operationId": name_operation(rule, view),
        "tags": [name_room(view)],
        "summary": CHAPTERS[path].summary,
        "description": getdoc(view),
        "security": [{"bearer": [scope]}, {"basic": [scope]}] if needs_key else [],
        "parameters": [*in_path, {"in": "query", "schema": operation.query}],
        "responses": responses,
    }


def answer(description: str, schema: type[Schema] | dict[str, str], *content_types: str) -> Any:
    """Describe an answer with a body."""
    content = {one: {"schema": schema} for one in content_types}
    return {"description": description, "content": content}
