"""The console: HTML for ops staff who ask who did what, when; it reads what the API reads."""

from blueprints.console import (  # noqa: F401 (each adds to the blueprint; access asks first)
    access,
    arguments,
    pages,
    preferences,
    reasons,
    status,
)
from blueprints.console.shell import bp as bp
