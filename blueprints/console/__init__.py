"""The console: HTML for ops staff who ask who did what, when; it reads what the API reads."""

from blueprints.console import access, pages  # noqa: F401 (each adds its views to the blueprint)
from blueprints.console.shell import bp as bp
