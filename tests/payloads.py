"""Tencent's documented samples, and variants of them.

``variants.jsonl``: a disbanded group as in 2020 (no time) and in China (operator, integer time);
bodies shaped like real traffic, with changed identifiers.
"""

from pathlib import Path

from schemas.tencent.samples import GROUPS, OFFICIAL_ACCOUNTS, load_bodies

VARIANTS = load_bodies(Path(__file__).parent / "variants.jsonl")
SAMPLES = OFFICIAL_ACCOUNTS + GROUPS + VARIANTS


def sample(command, **changes):
    """The documented sample of a command, with some fields changed, or removed by None."""
    body = next(body for body in SAMPLES if body["CallbackCommand"].endswith(f".{command}"))
    return {name: value for name, value in (body | changes).items() if value is not None}


def channel_created(**changes):
    return sample("CallbackAfterCreateOfficialAccount", **changes)


def channel_changed(**changes):
    return sample("CallbackAfterOfficialAccountInfoChanged", **changes)


def channel_destroyed(**changes):
    return sample("CallbackAfterOfficialAccountDestroyed", **changes)


def group_created(**changes):
    return sample("CallbackAfterCreateGroup", **changes)


def group_changed(**changes):
    return sample("CallbackAfterGroupInfoChanged", **changes)


def group_destroyed(**changes):
    return sample("CallbackAfterGroupDestroyed", **changes)


def topic_changed(**changes):
    return sample("CallbackAfterTopicInfoChanged", **changes)
