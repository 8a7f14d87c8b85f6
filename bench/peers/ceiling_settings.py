"""Serve the ceiling like our receiver, with its gunicorn settings but without its hooks."""

from pathlib import Path
from runpy import run_path

RECEIVER = run_path(str(Path(__file__).parents[2] / "serving" / "receiver.py"))

# gunicorn ignores names that it does not know.
globals().update({name: value for name, value in RECEIVER.items() if not callable(value)})
