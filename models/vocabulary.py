"""The closed vocabularies of the log; their values are what is stored and shown.

Columns hold them as plain text: a new member needs no migration, and a release that does not know
it yet still reads the row.
"""

from enum import StrEnum, unique


@unique
class SubjectType(StrEnum):
    """What has a history: ``channel`` is Tencent's Official Channel (``OfficialAccount.*``)."""

    CHANNEL = "channel"
    GROUP = "group"


@unique
class Action(StrEnum):
    """What happened to a subject; a topic belongs to the history of its community group."""

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


@unique
class Verdict(StrEnum):
    """What became of an authentic delivery."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    UNHANDLED = "unhandled"
    INVALID = "invalid"


@unique
class Refusal(StrEnum):
    """Why a request was not taken for one of Tencent's."""

    APP_MISSING = "app_missing"
    APP_UNKNOWN = "app_unknown"
    SIGN_MISSING = "sign_missing"
    SIGN_WRONG = "sign_wrong"
    SIGN_EXPIRED = "sign_expired"
    BODY_TOO_LARGE = "body_too_large"
