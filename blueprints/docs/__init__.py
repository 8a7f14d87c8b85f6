"""The description of the API: OpenAPI for machines, and a page for people."""

from blueprints.docs import page  # noqa: F401 (adds its view to the blueprint)
from blueprints.docs.openapi import bp as bp
