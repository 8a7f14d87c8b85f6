"""The pages of the console, by subject matter."""

from blueprints.console.pages import (  # noqa: F401 (each adds its views to the blueprint)
    deliveries,
    dossier,
    exports,
    health,
    lists,
    overview,
    search,
    system,
    users,
)
