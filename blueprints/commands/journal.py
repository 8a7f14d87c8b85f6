"""``lifecycle journal``: show the content of the journal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import click

from blueprints.commands import bp
from config import JournalSettings
from models.clock import write_instant
from schemas.redaction import redact
from services.journal.folder import DAMAGED, list_kept, list_stuck, list_waiting, size_of
from services.journal.records import Record, read_records
from services.journal.status import Progress, read_status
from services.operating.finding import count

LINE = "  {:8} {:>9} {:>9} {:>12}  {:20}  {}"


@bp.cli.command("journal")
@click.argument("uuid", type=click.UUID, required=False)
@click.option("--records", is_flag=True, help="List the records of each file too.")
@click.option("--body", is_flag=True, help="Write only the body of the record, byte for byte.")
def show_journal(*, uuid: UUID | None, records: bool, body: bool) -> None:
    """List the files of the journal, or show one record.

    A file is waiting (not all of it is in the database yet), kept (all of it is), stuck (a record
    that the database rejects) or damaged (bytes that are not a record).
    """
    folders = JournalSettings.from_environment().folders
    if uuid is not None:
        show_record(find_record(folders, uuid), body=body)
    elif body:
        raise click.UsageError("--body needs the UUID of a record")
    else:
        show_folders(folders, with_records=records)


class File(NamedTuple):
    """A file of the journal; a column that does not apply is empty."""

    path: Path
    state: str
    records: int | str = ""
    waiting: int | str = ""
    begun: str = ""


def list_files(folder: Path, recorded: Mapping[str, Progress]) -> list[File]:
    """List the files of a folder by state, each oldest first."""
    files = [
        File(file.path, "kept", file.records, 0, show_instant(file.begun_at))
        for file in list_kept(folder)
    ]
    for file in list_waiting(folder):
        left = max(file.records - recorded.get(file.segment, Progress()).records, 0)
        files.append(File(file.path, "waiting", file.records, left, show_instant(file.begun_at)))
    files += [File(path, "stuck", 1, 1) for path in list_stuck(folder)]
    return files + [File(path, "damaged") for path in sorted(folder.glob(f"*{DAMAGED}"))]


def show_folders(folders: Sequence[Path], *, with_records: bool) -> None:
    """Print a line for each file, and one for each record."""
    status = read_status(folders)
    for folder in folders:
        files = list_files(folder, status.recorded if status else {})
        click.echo(f"{folder}:" if files else f"{folder}: empty")
        if files:
            click.echo(LINE.format("state", "records", "waiting", "bytes", "begun", "file"))
        for path, *columns, begun in files:
            click.echo(LINE.format(*columns, size_of(path), begun, path.relative_to(folder)))
            for record in read_file(path) if with_records else ():
                received, size = show_instant(record.received_at), count(len(record.body), "byte")
                click.echo(f"    {record.uuid}  {received}  {record.kind.value:8}  {size}")
    if status:
        click.echo(f"{count(status.waiting, 'record')} waiting, {status.stuck} of them stuck.")


def show_instant(at: datetime) -> str:
    """Write an instant to the second, in UTC."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def read_file(path: Path) -> Iterator[Record]:
    """Read the records of a file; one that has just disappeared has none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    yield from (record for record, _ in read_records(data, complete=True) if record is not None)


def find_record(folders: Sequence[Path], uuid: UUID) -> Record:
    """Find a record in any file.

    Raises:
        click.ClickException: there is none.
    """
    for folder in folders:
        for file in list_files(folder, {}):
            for record in read_file(file.path):
                if record.uuid == uuid:
                    return record
    raise click.ClickException(f"the journal has no record {uuid}")


def show_record(record: Record, *, body: bool) -> None:
    """Show the content of a record, or only the exact bytes of its body."""
    if body:
        click.echo(record.body, nl=False)
        return
    head = {
        name: redact(value) if name == "query_string" else value
        for name, value in record.head.items()
    }
    shown = {
        "uuid": record.uuid,
        "kind": record.kind.value,
        "received_at": write_instant(record.received_at),
        **head,
        "body": count(len(record.body), "byte"),
    }
    for name, value in shown.items():
        click.echo(f"{name:12}  {value}")
    if record.body:
        click.echo(f"\n{ascii_unless_text(record.body)}")


def ascii_unless_text(body: bytes) -> str:
    """Return a body for a terminal, without control characters that the terminal would obey."""
    text = body.decode(errors="backslashreplace")
    return "".join(one if one.isprintable() or one in "\n\t" else ascii(one)[1:-1] for one in text)
