"""The page for people: what each address does, a command to paste, and its answer."""

import json
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from blueprints.console.language import LANGUAGES, Phrasebook, choose_language
from blueprints.console.pages.deliveries import write_curl
from blueprints.console.shell import CONTENT_SECURITY_POLICY
from blueprints.docs.guide import GUIDE, Chapter
from blueprints.docs.openapi import CALLBACK_ANSWERS, READ_ANSWERS, bp, find_openapi
from models.text import dump_json

PLAIN_TYPES = {"integer": "whole number", "string": "text"}
EXAMPLE_TIME = "2026-01-31T08:00:00Z"
PHRASES = Phrasebook(Path(__file__).with_suffix(".zh-CN.json"))
SHARED = ["sdk_app_id", "since", "until", "order", "limit", "cursor"]


@bp.get("/docs")
def show_docs() -> ResponseReturnValue:
    """Show the description of this API for people; it looks and behaves as the console does.

    Its address may choose the language, as the console's cookie is only for the console.
    """
    asked = request.args.get("lang")
    page = render_template(
        "docs.html",
        language=asked if asked in LANGUAGES else choose_language(),
        guide=GUIDE,
        spec=find_openapi(),
        read_answers=READ_ANSWERS,
        callback_answers=CALLBACK_ANSWERS,
    )
    return page, {"Content-Security-Policy": CONTENT_SECURITY_POLICY}


@bp.app_template_filter("prose")
@pass_context
def show_prose(context: Context, text: str) -> Markup:
    """Show a text in the language of the page."""
    return show_code(text if context["language"] == "en" else PHRASES.translate(text))


def show_code(text: str) -> Markup:
    """Show text between backticks as code."""
    code = Markup("<code>{}</code>")
    pieces = enumerate(text.split("`"))
    return Markup().join(code.format(piece) if place % 2 else piece for place, piece in pieces)


@bp.app_template_filter("values")
def describe_values(schema: Mapping[str, Any]) -> str:
    """Describe in plain words the values that a parameter takes, and its default."""
    words = describe_type(schema.get("items", schema))
    if "maximum" in schema:
        words += f", {schema['minimum']} to {schema['maximum']}"
    default = schema.get("default", [])
    return words if isinstance(default, list) else f"{words}; default `{default}`"


def describe_type(schema: Mapping[str, Any]) -> str:
    """Describe in plain words the type of a value."""
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if schema.get("format") == "date-time":
        return f"time, for example `{EXAMPLE_TIME}`"
    return "digits" if "pattern" in schema else PLAIN_TYPES[schema["type"]]


@bp.app_template_filter("ordered")
def put_in_order(parameters: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Put the parameters that most addresses share after those of one address."""
    return sorted(
        parameters, key=lambda one: SHARED.index(one["name"]) if one["name"] in SHARED else -1
    )


@bp.app_template_filter("laid_out")
def lay_out(answer: Any) -> str:
    """Lay out an answer for people; leave text as it is."""
    if isinstance(answer, str):
        return answer
    return json.dumps(answer, ensure_ascii=False, indent=2)


@bp.app_template_filter("command")
def write_command(chapter: Chapter, *, needs_key: bool) -> str:
    """Write the command that makes the request of an example."""
    if chapter.body:
        query = chapter.request.partition("?")[2]
        body = dump_json(chapter.body).encode()
        return write_curl({"id": 0, "query_string": query, "body": body})
    key = '-H "Authorization: Bearer $API_KEY" ' if needs_key else ""
    return f"curl {key}{shlex.quote(request.root_url.removesuffix('/') + chapter.request)}"
