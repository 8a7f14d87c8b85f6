"""The row with the present state of a subject: made from its last life, and read back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from models.text import MAX_ID_LENGTH, start_of
from services.subjects.lives import FIELDS, Field, Life

TYPE_LENGTH = MAX_ID_LENGTH // 5  # of a group; a character is stored as five at most


def make_row(kind: str, subject_id: str, life: Life) -> dict[str, Any]:
    """Make the row of a subject from its last life."""
    name, group_type = life.value("name"), life.value("group_type")
    return {
        "subject_type": kind,
        "subject_id": subject_id,
        "sdk_app_id": life.sdk_app_id,
        "life": life.number,
        "status": life.status,
        "name": name,
        "name_start": start_of(name or ""),
        "owner": life.value("owner"),
        "group_type": None if group_type is None else str(group_type)[:TYPE_LENGTH],
        "created_at": life.created_at,
        "created_event_id": life.created_by,
        "destroyed_at": life.destroyed_at,
        "destroyed_event_id": life.destroyed_by,
        "changed_at": life.last_at,
        "last_event_id": life.last_event_id,
        "last_received_at": life.last_received_at,
        "fields": {
            name: {
                "value": life.fields[name].value,
                "since": life.fields[name].since.isoformat(),
                "event_id": life.fields[name].event_id,
            }
            for name in FIELDS.values()
            if name in life.fields
        },
    }


def read_life(row: Mapping[str, Any]) -> Life:
    """Read the last life of a subject from its row; all times are in UTC."""
    return Life(
        number=row["life"],
        sdk_app_id=row["sdk_app_id"],
        last_at=row["changed_at"],
        last_received_at=row["last_received_at"],
        last_event_id=row["last_event_id"],
        created_by=row["created_event_id"],
        created_at=row["created_at"],
        destroyed_by=row["destroyed_event_id"],
        destroyed_at=row["destroyed_at"],
        fields={
            name: Field(one["value"], one["event_id"], datetime.fromisoformat(one["since"]))
            for name, one in row["fields"].items()
        },
    )


def read_state(row: Mapping[str, Any]) -> dict[str, Any]:
    """Read the state of a subject as the API shows it, without the instant; it has more members."""
    fields = {
        name: {**field, "since": datetime.fromisoformat(field["since"])}
        for name, field in row["fields"].items()
    }
    return {**row, "fields": fields}
