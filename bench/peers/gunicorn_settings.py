"""Serve a peer as our service is served: with the settings of its gunicorn, without its hooks."""

from pathlib import Path
from runpy import run_path

OURS = run_path(str(Path(__file__).parents[2] / "gunicorn.conf.py"))

# gunicorn passes over names that it does not know.
globals().update({name: value for name, value in OURS.items() if not callable(value)})
