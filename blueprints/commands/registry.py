"""The one list of commands: a module registers its commands when it is imported."""

from blueprints.commands import bp as bp
from blueprints.commands import (  # noqa: F401
    demo,
    doctor,
    drift,
    export,
    journal,
    migrate,
    record,
    replay,
    reverify,
    simulate,
)
