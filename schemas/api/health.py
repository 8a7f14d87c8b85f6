"""The parameters of the console's pages that tell whether the service works."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from schemas.api.page import QuerySchema
from schemas.fields import Instant, about, app_filter

RANGES = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}


class HealthQuerySchema(QuerySchema):
    """A period: the last hours or days, or from an instant until another."""

    range = fields.String(
        load_default="24h",
        validate=validate.OneOf(RANGES),
        metadata=about("The last hours or days, unless `since` or `until` is given."),
    )
    since = Instant(metadata=about("From this instant on."))
    until = Instant(metadata=about("Before this instant."))
    sdk_app_id = app_filter()

    @validates_schema
    def check_period(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a period that does not end after it begins.

        Raises:
            ValidationError: it does not.
        """
        if "since" in data and "until" in data and data["since"] >= data["until"]:
            raise ValidationError("Must be before until.", "since")
