"""Serve the ceiling as our receiver is served: with its settings of gunicorn, without its hooks."""

from pathlib import Path
from runpy import run_path

RECEIVER = run_path(str(Path(__file__).parents[2] / "serving" / "receiver.py"))

# gunicorn passes over names that it does not know.
globals().update({name: value for name, value in RECEIVER.items() if not callable(value)})
