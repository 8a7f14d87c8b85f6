"""What has to be known of an event to place it among others and to read it."""

from typing import NamedTuple


class Event(NamedTuple):
    """An event of a subject; where it stands tells when it was.

    A subject may have many. So texts are as they are stored: they may hold escapes. And whoever
    follows them takes any row of these columns for one, and takes it apart once.

    Attributes:
        is_timed: Tencent said when it happened; otherwise it is placed by its arrival.
        details: JSON.
    """

    id: int
    action: str
    is_timed: bool
    name: str | None
    owner: str | None
    details: str
    sdk_app_id: str
