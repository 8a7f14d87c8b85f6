"""The closed vocabularies of the log; their values are stored and shown.

Columns hold them as plain text, so a new member needs no migration, and an older release can still
read the row.
"""

from enum import StrEnum, unique


@unique
class SubjectType(StrEnum):
    """The kinds of subjects: ``channel`` is Tencent's Official Channel (``OfficialAccount.*``)."""

    CHANNEL = "channel"
    GROUP = "group"


@unique
class Findable(StrEnum):
    """The kinds of things a search finds; all but deliveries have labels."""

    CHANNEL = "channel"
    GROUP = "group"
    USER = "user"
    DELIVERY = "delivery"


@unique
class Match(StrEnum):
    """What was matched: an ID, or a present or former name."""

    ID = "id"
    NAME = "name"
    FORMER_NAME = "former_name"


@unique
class Action(StrEnum):
    """The kinds of events; a topic belongs to the history of its community group."""

    CREATED = "created"
    PROFILE_CHANGED = "profile_changed"
    OWNER_CHANGED = "owner_changed"
    FULL = "full"
    DESTROYED = "destroyed"
    MEMBERS_ADDED = "members_added"
    MEMBERS_REMOVED = "members_removed"
    MEMBER_CHANGED = "member_changed"
    ATTRIBUTES_CHANGED = "attributes_changed"
    TOPIC_CREATED = "topic_created"
    TOPIC_CHANGED = "topic_changed"
    TOPIC_DESTROYED = "topic_destroyed"


# A topic has its own name and owner, unrelated to those of its community group.
OF_TOPICS = {Action.TOPIC_CREATED, Action.TOPIC_CHANGED, Action.TOPIC_DESTROYED}


@unique
class Verdict(StrEnum):
    """What became of an authentic delivery."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    UNHANDLED = "unhandled"
    INVALID = "invalid"


@unique
class Refusal(StrEnum):
    """Why a request was refused."""

    APP_MISSING = "app_missing"
    APP_UNKNOWN = "app_unknown"
    SIGN_MISSING = "sign_missing"
    SIGN_WRONG = "sign_wrong"
    SIGN_EXPIRED = "sign_expired"
    BODY_TOO_LARGE = "body_too_large"
    WRONG_ADDRESS = "wrong_address"


@unique
class SignIn(StrEnum):
    """How a holder was signed in: with an API key, a session of the console, or by a proxy."""

    KEY = "key"
    SESSION = "session"
    PROXY = "proxy"


@unique
class Measure(StrEnum):
    """What a count measures.

    ``received``: callbacks, ``name`` is the command. ``refused``: requests, ``name`` is the
    ``Refusal``. ``lost``: callbacks that were answered 503. ``answered``: callbacks, ``name`` is
    the first of ``ANSWER_BOUNDS_MS`` that the time to the answer does not exceed, or ``inf``.
    ``answer_microseconds``: the sum of these times.
    ``delay_microseconds``: the largest time from arrival to the tables.
    """

    RECEIVED = "received"
    REFUSED = "refused"
    LOST = "lost"
    ANSWERED = "answered"
    ANSWER_MICROSECONDS = "answer_microseconds"
    DELAY_MICROSECONDS = "delay_microseconds"


# Upper bounds of the time to an answer, in milliseconds. Tencent waits 2 s.
ANSWER_BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


@unique
class ServiceEventKind(StrEnum):
    """The kinds of service events."""

    RECEIVER_STARTED = "receiver_started"
    RECEIVER_STOPPED = "receiver_stopped"
    RECORDER_STARTED = "recorder_started"
    RECORDER_STOPPED = "recorder_stopped"
    CALLBACKS_LOST = "callbacks_lost"
