"""The console: HTML for ops staff who ask who did what, when; it reads what the API reads."""

from blueprints.console import deliveries, events, overview, subjects, system
from blueprints.console.shell import bp

__all__ = ["bp", "deliveries", "events", "overview", "subjects", "system"]
