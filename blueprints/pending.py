"""Answers that wait for something, though only once the server asks for them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Response

StartResponse = Callable[..., Any]


class Work(Protocol):
    """Something that has begun, and must end before the answer.

    Attributes:
        patience_seconds: how long that may take.
    """

    @property
    def patience_seconds(self) -> float: ...  # noqa: D102

    def finish(self) -> None:
        """Wait for its end."""


class PendingResponse(Response):
    """A response to be sent once its work is done.

    Attributes:
        work: what has begun.
        on_failure: tells what to answer instead if that raises; the headers stay.
    """

    work: Work
    on_failure: Callable[[Exception], Response]

    def finish(self) -> None:
        """Wait for the work."""
        try:
            self.work.finish()
        except Exception as error:
            failure = self.on_failure(error)
            self.status_code = failure.status_code
            self.set_data(failure.get_data())

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer later."""
        return PendingAnswer(self, environ, start_response)


@dataclass(frozen=True)
class PendingAnswer:
    """What a WSGI server iterates over: before it does, nobody waits.

    So a server may begin several requests before it asks for the first answer, and their callbacks
    share a transaction. To one that knows nothing of this, it is an answer like any other.
    """

    response: PendingResponse
    environ: dict[str, Any]
    start_response: StartResponse

    @property
    def patience_seconds(self) -> float:
        """How long it may take; the server does well to ask for the shortest first."""
        return self.response.work.patience_seconds

    def __iter__(self) -> Iterator[bytes]:
        """Wait, then answer."""
        self.response.finish()
        yield from Response.__call__(self.response, self.environ, self.start_response)
