"""The one list of commands: a module registers its commands when it is imported."""

from blueprints.commands import bp as bp
from blueprints.commands import doctor, drift, export, journal, migrate, record, replay, simulate  # noqa: F401
