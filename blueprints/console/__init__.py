"""The console: HTML for ops staff who ask who did what, when; it reads what the API reads."""

from blueprints.console import access, deliveries, overview, subjects, system  # noqa: F401
from blueprints.console.shell import bp as bp
