"""OpenAPI, made from the schemas the views use, and a page that shows it."""

import inspect
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, Flask, Response, current_app, redirect, render_template
from flask.typing import ResponseReturnValue
from marshmallow import Schema
from werkzeug.routing import Rule

from blueprints.access import require_api_key
from blueprints.callbacks import ADDRESSES, receive_callback
from blueprints.operation import Operation, answer_json
from schemas.answers import CallbackReplySchema, ProblemSchema
from schemas.envelope import EnvelopeSchema
from schemas.registry import LIFECYCLE_SCHEMAS

TITLE = "Chat Lifecycle Log"
VERSION = "0.1.0"
KEYS: list[dict[str, list[str]]] = [{"bearer": []}, {"basic": []}]
REFUSALS = {
    400: "Invalid: kept as a delivery, with its errors.",
    403: "Not from Tencent for one of our apps: kept in quarantine.",
    405: "Not a POST.",
    413: "Body too large: kept in quarantine, without body.",
    500: "A fault of the service.",
    503: "Not stored.",
}
ROW_ID_TYPE = {"type": "integer", "minimum": 0}
PATH_TYPES = {"subject_id": {"type": "string"}}

bp = Blueprint("openapi", __name__, template_folder="templates", static_folder="static")


@bp.get("/openapi.json")
def show_openapi() -> Response:
    """Show the description of this API for machines."""
    return answer_json(find_openapi())


@bp.get("/docs")
def show_docs() -> ResponseReturnValue:
    """Show the description of this API for people."""
    return render_template("docs.html", spec=find_openapi())


@bp.get("/")
def show_home() -> ResponseReturnValue:
    """Lead a browser to a page."""
    return redirect("/console/")


def find_openapi() -> dict[str, Any]:
    """Return the description of the current app, which is made when somebody first asks."""
    if "openapi" not in current_app.extensions:
        current_app.extensions["openapi"] = build_openapi(current_app)
    made: dict[str, Any] = current_app.extensions["openapi"]
    return made


def build_openapi(app: Flask) -> dict[str, Any]:
    """Describe every address of an assembled app."""
    plugin = MarshmallowPlugin(schema_name_resolver=name_schema)
    spec = APISpec(TITLE, VERSION, "3.1.0", plugins=[plugin])
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.components.security_scheme("basic", {"type": "http", "scheme": "basic"})
    for command, schema in LIFECYCLE_SCHEMAS.items():
        spec.components.schema(command, schema=schema)
    for address in ADDRESSES:
        spec.path(address, operations={"post": describe_callback()})
    for rule, operation in find_operations(app):
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        spec.path(path, operations={"get": describe_read(app, rule, operation)})
    return spec.to_dict()


def name_schema(schema: Any) -> str:
    """Name a component after its class."""
    cls = schema if isinstance(schema, type) else type(schema)
    return cls.__name__.removesuffix("Schema")


def find_operations(app: Flask) -> Iterator[tuple[Rule, Operation]]:
    """Find the read views that were bound to schemas."""
    for rule in app.url_map.iter_rules():
        operation = getattr(app.view_functions[rule.endpoint], "operation", None)
        if operation is not None:
            yield rule, operation


def describe_callback() -> dict[str, Any]:
    """Describe what Tencent posts; the body depends on the command."""
    bodies = [{"$ref": f"#/components/schemas/{command}"} for command in LIFECYCLE_SCHEMAS]
    return {
        "summary": summary_of(receive_callback),
        "security": [],
        "parameters": [{"in": "query", "schema": EnvelopeSchema}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"anyOf": [*bodies, {"type": "object"}]}}},
        },
        "responses": {
            200: answer("Durably stored.", CallbackReplySchema),
            **{status: answer(text, CallbackReplySchema) for status, text in REFUSALS.items()},
        },
    }


def describe_read(app: Flask, rule: Rule, operation: Operation) -> dict[str, Any]:
    """Describe a read view by its schemas, its path and whether it wants a key."""
    blueprint = rule.endpoint.rpartition(".")[0]
    needs_key = require_api_key in app.before_request_funcs.get(blueprint, ())
    in_path = [
        {"in": "path", "name": name, "required": True, "schema": PATH_TYPES.get(name, ROW_ID_TYPE)}
        for name in sorted(rule.arguments)
    ]
    asks_database = needs_key and operation.answer is not None
    statuses = [400] + [401] * needs_key + [404] * bool(in_path) + [503] * asks_database
    unchanged = {"description": "Unchanged since the ETag in `If-None-Match`."}
    return {
        "summary": summary_of(app.view_functions[rule.endpoint]),
        "security": KEYS if needs_key else [],
        "parameters": [*in_path, {"in": "query", "schema": type(operation.query)}],
        "responses": {
            200: answer("As asked.", operation.shape, *operation.content_types),
            **({304: unchanged} if "application/json" in operation.content_types else {}),
            **{status: problem_answer(status) for status in statuses},
        },
    }


def answer(description: str, schema: type[Schema] | dict[str, str], *content_types: str) -> Any:
    """Describe an answer with a body, JSON if not told otherwise."""
    content = {one: {"schema": schema} for one in content_types or ["application/json"]}
    return {"description": description, "content": content}


def problem_answer(status: int) -> Any:
    """Describe a failure; its meaning is that of the status."""
    return answer(HTTPStatus(status).phrase, ProblemSchema, "application/problem+json")


def summary_of(view: Any) -> str:
    """Take the first line of a docstring."""
    return (inspect.getdoc(view) or "").partition("\n")[0].removesuffix(".")
