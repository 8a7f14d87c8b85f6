"""The console: HTML pages for ops staff, from the same data as the API."""

from blueprints.console import (  # noqa: F401 (each adds to the blueprint; access asks first)
    access,
    arguments,
    pages,
    preferences,
    reasons,
    status,
)
from blueprints.console.shell import bp as bp
