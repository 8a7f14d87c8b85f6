"""All tables, registered with one ``MetaData``."""

from models.base import Base
from models.counts import Difference, HourCount, LostCallback, MinuteCount, TotalCount
from models.delivery import Command, Delivery
from models.event import EventMember, Label, LifecycleEvent, PresentState
from models.ledger import ActOfReading, JournalMark, Ledger, ServiceEvent
from models.quarantine import QuarantinedRequest

__all__ = [
    "ActOfReading",
    "Base",
    "Command",
    "Delivery",
    "Difference",
    "EventMember",
    "HourCount",
    "JournalMark",
    "Label",
    "Ledger",
    "LifecycleEvent",
    "LostCallback",
    "MinuteCount",
    "PresentState",
    "QuarantinedRequest",
    "ServiceEvent",
    "TotalCount",
]
