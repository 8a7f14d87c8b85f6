"""The pages of the console, by what they are about."""

from blueprints.console.pages import (  # noqa: F401 (each adds its views to the blueprint)
    deliveries,
    events,
    exports,
    first_run,
    overview,
    search,
    subjects,
    system,
    users,
)
