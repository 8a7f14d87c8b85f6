"""OpenAPI, made from the schemas of the views."""

import re
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, Flask, Response, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema
from werkzeug.routing import Rule

from blueprints import VERSION
from blueprints.api.access import bp as api
from blueprints.api.operation import JSON, Operation, answer_json
from blueprints.docs.guide import CHAPTERS
from schemas.api.answers import CallbackReplySchema, ProblemSchema
from schemas.tencent.envelope import PARAMETERS
from schemas.tencent.registry import LIFECYCLE_SCHEMAS

TITLE = "Chat Lifecycle Log"
KEYS: list[dict[str, list[str]]] = [{"bearer": []}, {"basic": []}]
READ_ANSWERS = {
    200: "As asked.",
    304: "Unchanged since the `ETag` you sent in `If-None-Match`.",
    400: "A parameter is wrong; `errors` says which, and why.",
    401: "The API key is missing or wrong.",
    404: "There is nothing at this address; `detail` names a likely slip.",
    429: "Too many wrong keys came from your address. `Retry-After` says how long to wait.",
    503: "The database does not answer, or not in time. Try again later, or narrow the filters.",
}
CALLBACK_ADDRESSES = ("/callback", "/")  # of the receiver, which this process knows nothing of
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
ROW_ID_TYPE = {"type": "integer", "minimum": 0}
TEXT = {"type": "string"}
IN_PATH = {
    "event_id": {"schema": ROW_ID_TYPE, "description": "`id` of the event."},
    "delivery_id": {"schema": ROW_ID_TYPE, "description": "`id` of the delivery."},
    "subject_id": {"schema": TEXT, "description": "ID of the group or channel, percent-encoded."},
}

bp = Blueprint("openapi", __name__, template_folder="templates")


@bp.get("/openapi.json")
def show_openapi() -> Response:
    """Show the description of this API for machines."""
    return answer_json({**find_openapi(), "servers": [{"url": request.script_root or "/"}]})


@bp.get("/")
def show_home() -> ResponseReturnValue:
    """Redirect a browser to the console."""
    return redirect(url_for("console.show_overview"))


def find_openapi() -> dict[str, Any]:
    """Return the description of the current app, which is made on first use."""
    made: dict[str, Any] | None = current_app.extensions.get("openapi")
    if made is None:
        made = current_app.extensions["openapi"] = build_openapi(current_app)
    return made


def build_openapi(app: Flask) -> dict[str, Any]:
    """Describe every address of an assembled app."""
    plugin = MarshmallowPlugin(schema_name_resolver=name_schema)
    spec = APISpec(TITLE, VERSION, "3.1.0", plugins=[plugin])
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.components.security_scheme("basic", {"type": "http", "scheme": "basic"})
    for command, schema in LIFECYCLE_SCHEMAS.items():
        spec.components.schema(command, schema=schema)
    for address in CALLBACK_ADDRESSES:
        spec.path(address, operations={"post": describe_callback(address)})
    for rule in app.url_map.iter_rules():
        operation = getattr(app.view_functions[rule.endpoint], "operation", None)
        if operation is not None:
            path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
            spec.path(path, operations={"get": describe_read(path, rule, operation)})
    return spec.to_dict()


def name_schema(schema: type[Schema] | Schema) -> str:
    """Name a component after its class."""
    cls = schema if isinstance(schema, type) else type(schema)
    return cls.__name__.removesuffix("Schema")


def describe_callback(address: str) -> dict[str, Any]:
    """Describe the receiver's endpoint; the body depends on the command."""
    bodies = [{"$ref": f"#/components/schemas/{command}"} for command in LIFECYCLE_SCHEMAS]
    return {
        "summary": CHAPTERS[address].summary,
        "security": [],
        "parameters": [
            {"in": "query", "name": name, "description": text, "schema": {"type": "string"}}
            for name, (_, text) in PARAMETERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": {"anyOf": [*bodies, {"type": "object"}]}}},
        },
        "responses": {
            status: answer(text, CallbackReplySchema, JSON)
            for status, text in CALLBACK_ANSWERS.items()
        },
    }


def describe_read(path: str, rule: Rule, operation: Operation) -> dict[str, Any]:
    """Describe a view by its schemas, its path and whether it needs a key."""
    needs_key = rule.endpoint.startswith(f"{api.name}.")
    in_path = [
        {"in": "path", "name": name, "required": True, **IN_PATH[name]}
        for name in sorted(rule.arguments - (rule.defaults or {}).keys())
    ]
    asks_database = needs_key and operation.answer is not None
    statuses = [400] + [401, 429] * needs_key + [404] * bool(in_path) + [503] * asks_database
    responses = {
        status: answer(READ_ANSWERS[status], ProblemSchema, "application/problem+json")
        for status in statuses
    }
    responses[200] = answer(READ_ANSWERS[200], operation.answer or TEXT, *operation.content_types)
    if JSON in operation.content_types:
        responses[200]["content"][JSON]["example"] = CHAPTERS[path].answer
        responses[304] = {"description": READ_ANSWERS[304]}
    return {
        "summary": CHAPTERS[path].summary,
        "security": KEYS if needs_key else [],
        "parameters": [*in_path, {"in": "query", "schema": operation.query}],
        "responses": responses,
    }


def answer(description: str, schema: type[Schema] | dict[str, str], *content_types: str) -> Any:
    """Describe an answer with a body."""
    content = {one: {"schema": schema} for one in content_types}
    return {"description": description, "content": content}
