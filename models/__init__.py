"""Tables: what was sent, what it means, and what was refused."""

from models.base import Base
from models.delivery import Delivery
from models.event import EventMember, LifecycleEvent
from models.quarantine import QuarantinedRequest

__all__ = ["Base", "Delivery", "EventMember", "LifecycleEvent", "QuarantinedRequest"]
