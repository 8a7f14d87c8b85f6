"""``lifecycle drift``: fields that differ from Tencent's documentation."""

import click

from blueprints.commands import bp
from config import ReaderSettings
from models.database.engine import connect_to_read
from schemas.api.deliveries import CommandDriftSchema
from services.operating.finding import count
from services.reading.deliveries import fetch_drift


@bp.cli.command("drift")
def show_drift() -> None:
    """Report fields and types that Tencent does not document for their command."""
    with connect_to_read(ReaderSettings.from_environment().database_read_url) as connection:
        found = fetch_drift(connection)
    for report in CommandDriftSchema(many=True).dump(found):
        click.echo(f"{report['command']}: {count(report['deliveries'], 'callback')} compared")
        for one in report["differences"]:
            kind = "a new field" if one["is_new"] else "another type"
            click.echo(
                f"  {one['field']}: {kind}, {one['seen']}, {count(one['count'], 'time')} from "
                f"{one['first_seen']} to {one['last_seen']}, "
                f"for example delivery {one['sample_delivery_id']}"
            )
