"""All tables, registered with one ``MetaData``."""

# ruff: noqa: F401
from models.base import Base as Base
from models.counts import Difference, HourCount, LostCallback, MinuteCount, TotalCount
from models.delivery import Command, Delivery
from models.event import EventMember, Label, LifecycleEvent, PresentState
from models.ledger import ActOfReading, JournalMark, Ledger, ServiceEvent
from models.quarantine import QuarantinedRequest
