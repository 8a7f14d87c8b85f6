"""All tables, registered with one ``MetaData``."""

from models.base import Base
from models.counts import Difference, HourCount, LostCallback, MinuteCount, TotalCount
from models.delivery import Delivery
from models.event import EventMember, Label, LifecycleEvent
from models.ledger import JournalMark, Ledger, ServiceEvent
from models.quarantine import QuarantinedRequest

__all__ = [
    "Base",
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
    "QuarantinedRequest",
    "ServiceEvent",
    "TotalCount",
]
