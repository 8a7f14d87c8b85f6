"""The pages of the console, by subject matter."""

from blueprints.console.pages import (  # noqa: F401 (each adds its views to the blueprint)
    deliveries,
    dossier,
    events,
    exports,
    first_run,
    health,
    members,
    overview,
    search,
    subjects,
    system,
    users,
)
