"""``flask --app wsgi drift``: fields that differ from Tencent's documentation."""

import click

from blueprints.commands import bp, connect_to_read
from schemas.api.deliveries import CommandDriftSchema
from services.reading.deliveries import fetch_drift


@bp.cli.command("drift")
def show_drift() -> None:
    """Report fields that differ from Tencent's documentation."""
    with connect_to_read() as connection:
        found = fetch_drift(connection)
    for report in CommandDriftSchema(many=True).dump(found):
        click.echo(f"{report['command']}: {report['deliveries']} deliveries compared")
        for one in report["differences"]:
            click.echo(
                f"  {one['field']}: {one['seen']}, {one['count']} times from {one['first_seen']} "
                f"to {one['last_seen']}, for example delivery {one['sample_delivery_id']}"
            )
