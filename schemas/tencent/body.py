"""Read the body of a callback: its command, and the fact it states or the errors in it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from marshmallow import ValidationError

from models.text import fits_id_column
from schemas.tencent.envelope import Envelope
from schemas.tencent.lifecycle import LifecycleFact
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from schemas.tencent.strict_json import UnreadableError, parse_json


class Reading(NamedTuple):
    """The content of one callback; it is a list in JSON.

    Attributes:
        command: none only if ``errors`` say why.
        client_ip: of the client whose action caused it.
        platform: of that client.
        fact: the fact of a lifecycle command; none for any other command.
        errors: reasons by wire name, if the callback breaks its contract.
        error_code: Tencent's ``ErrorCode`` for these errors.
    """

    command: str | None
    client_ip: str | None = None
    platform: str | None = None
    fact: LifecycleFact | None = None
    errors: Mapping[str, Any] | None = None
    error_code: int = 0

    @property
    def is_unhandled(self) -> bool:
        """Whether its command makes no event."""
        return self.fact is None and not self.errors

    @classmethod
    def of(cls, members: Sequence[Any]) -> Self:
        """Make a reading from its list in JSON."""
        command, client_ip, platform, fact, *errors = members
        return cls(command, client_ip, platform, LifecycleFact(*fact) if fact else None, *errors)


def read_callback(envelope: Envelope, raw: bytes) -> Reading:
    """Read one callback; never raise, whatever the bytes are."""
    commands = set(filter(None, envelope.commands))  # an empty one counts as absent
    command, sender = only(commands), (envelope.client_ip, envelope.platform)
    try:
        body = parse_json(raw)
    except UnreadableError as error:
        return Reading(command, *sender, errors={"body": [str(error)]}, error_code=40001)
    if not isinstance(body, dict):
        return Reading(command, *sender, errors={"body": ["Not a JSON object."]}, error_code=40002)
    try:
        command = agree_on_command(commands, body.get("CallbackCommand"))
    except ValidationError as error:
        errors = {"CallbackCommand": error.messages}
        return Reading(command, *sender, errors=errors, error_code=40003)
    if command not in LIFECYCLE_SCHEMAS:
        return Reading(command, *sender)
    try:
        return Reading(command, *sender, LIFECYCLE_SCHEMAS[command].load(body))
    except ValidationError as error:
        return Reading(command, *sender, errors=error.messages_dict, error_code=40004)


def agree_on_command(commands: set[str], in_body: Any) -> str:
    """Find the one command that query string and body name; either may name none.

    Raises:
        ValidationError: there is none, or more than one, or it does not fit in its column.
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
    """Return the command if there is exactly one and it fits in its column."""
    fitting = [command for command in commands if fits_id_column(command)]
    return fitting[0] if len(commands) == len(fitting) == 1 else None
