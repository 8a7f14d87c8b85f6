"""Read the body of a callback: its command, and the fact it states or what is wrong with it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import ValidationError

from models.text import fits_id_column
from schemas.tencent.lifecycle import LifecycleFact
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from schemas.tencent.strict_json import UnreadableError, parse_json

Errors = Mapping[str, Any]

BEFORE_COMMAND = re.compile(r"\.Callback(Before|Prev)[A-Z]")


@dataclass(frozen=True)
class Reading:
    """What could be read from one callback; exactly one of three kinds.

    Attributes:
        command: none only where ``errors`` say why.
        body: the JSON object, empty where there is none.
        fact: what a lifecycle command says.
        errors: reasons by wire name, of a callback that breaks its contract.
        error_code: Tencent's ``ErrorCode`` for those.

    With neither fact nor errors, the command is one this service does not handle.
    """

    command: str | None
    body: Mapping[str, Any] = field(default_factory=dict)
    fact: LifecycleFact | None = None
    errors: Errors | None = None
    error_code: int = 0

    @property
    def is_before(self) -> bool:
        """Whether Tencent asks before it acts, and holds up a user until it is answered.

        Source: Tencent Cloud Chat, "Webhook Overview", https://trtc.io/document/34354.
        """
        return self.command is not None and BEFORE_COMMAND.search(self.command) is not None


def read_callback(query_commands: Iterable[str], raw: bytes) -> Reading:
    """Read one callback; whatever the bytes are, this does not raise.

    Args:
        query_commands: every ``CallbackCommand`` of the query string.
        raw: the body as received.
    """
    commands = set(filter(None, query_commands))  # an empty one says nothing
    try:
        body = parse_json(raw)
    except UnreadableError as error:
        return Reading(only(commands), errors={"body": [str(error)]}, error_code=40001)
    if not isinstance(body, dict):
        return Reading(only(commands), errors={"body": ["Not a JSON object."]}, error_code=40002)
    try:
        command = agree_on_command(commands, body.get("CallbackCommand"))
    except ValidationError as error:
        errors = {"CallbackCommand": error.messages}
        return Reading(only(commands), body, errors=errors, error_code=40003)
    schema = LIFECYCLE_SCHEMAS.get(command)
    if schema is None:
        return Reading(command, body)
    try:
        return Reading(command, body, fact=schema.load(body))
    except ValidationError as error:
        return Reading(command, body, errors=error.messages_dict, error_code=40004)


def agree_on_command(commands: set[str], in_body: Any) -> str:
    """Find the one command that query string and body name; either of them may be silent.

    Raises:
        ValidationError: there is none, or more than one, or it is not a text a column can hold.
    """
    if in_body is not None and not isinstance(in_body, str):
        raise ValidationError("Not a valid string.")
    commands = commands | {in_body} if in_body else commands
    if not commands:
        raise ValidationError("Missing in both query string and body.")
    if len(commands) > 1:
        raise ValidationError("Query string and body do not agree.")
    command = only(commands)
    if command is None:
        raise ValidationError("Too long.")
    return command


def only(commands: set[str]) -> str | None:
    """Give the command if there is exactly one and a column can hold it."""
    fitting = [command for command in commands if fits_id_column(command)]
    return fitting[0] if len(commands) == len(fitting) == 1 else None
