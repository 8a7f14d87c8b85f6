"""How the rows of years look: SQL that makes the columns of row ``n`` from its number."""

from collections.abc import Mapping
from dataclasses import dataclass

SUBJECTS_OF_A_KIND = 100_000  # so many channels, and so many groups, of ten million rows
ROWS_OF_A_SUBJECT = 50

COMMAND = """CASE kind
    WHEN 0 THEN 'OfficialAccount.CallbackAfterCreateOfficialAccount'
    WHEN 1 THEN 'OfficialAccount.CallbackAfterOfficialAccountInfoChanged'
    WHEN 2 THEN 'OfficialAccount.CallbackAfterOfficialAccountDestroyed'
    ELSE 'Group.CallbackAfterGroupDestroyed' END"""
SUBJECT = "CASE kind WHEN 3 THEN '@TGS#' ELSE '@TOA#_' END || subject"
DETAILS = """CASE kind
    WHEN 1 THEN '{"Introduction":"NewNotification","Organization":"NewOrganization"}'
    WHEN 3 THEN '{"Type":"Public"}' ELSE '{}' END"""
BODY = """'{"CallbackCommand":"' || command || '","'
    || CASE kind WHEN 3 THEN 'GroupId' ELSE 'Official_Account' END || '":"' || subject_id
    || '","Operator_Account":"' || account || '","Owner_Account":"' || account
    || '","Name":"TestOfficialAccount","EventTime":' || occurred_ms || '}'"""
QUERY_STRING = """'SdkAppid=888888&CallbackCommand=' || command
    || '&contenttype=json&ClientIP=127.0.0.1&OptPlatform=RESTAPI&Sign=' || {digest}
    || '&RequestTime=' || (received_ms / 1000)"""
# Multiplied by 2**32 / golden ratio, neighbours fall far apart and no value is preferred.
SOURCE = f"""(
    SELECT *, {COMMAND} AS command, {SUBJECT} AS subject_id FROM (
    SELECT *, n % 4 AS kind, 1 + hash * {{subjects}} / 4294967296 AS subject,
        'user' || (hash % 9973) AS account, received_ms - hash % 2000 AS occurred_ms FROM (
    SELECT n, (n * 2654435761) % 4294967296 AS hash, {{start_ms}} + n * {{step_ms}} AS received_ms
    FROM {{numbers}}) AS numbers) AS kinds) AS facts"""
MEMBERS = """CROSS JOIN (SELECT 0 AS position UNION ALL SELECT 1 UNION ALL SELECT 2) AS places
    WHERE kind = 3"""


def subjects_of_a_kind(rows: int) -> int:
    """Tell how many channels, and how many groups, so many rows are about."""
    return max(1, min(SUBJECTS_OF_A_KIND, rows // ROWS_OF_A_SUBJECT // 2))


@dataclass(frozen=True)
class Dialect:
    """How one database spells it; each text but ``numbers`` is an expression of a row.

    Attributes:
        numbers: the numbers from ``{first}`` to ``{last}``, as column ``n``.
        digest: 64 hexadecimal digits that no other row has.
        hex: 14 hexadecimal digits of ``occurred_ms``.
        uuid: one that grows with the time, as version 7 does.
    """

    numbers: str
    digest: str
    hex: str
    uuid: str
    instant: str
    json: str
    bytes: str


POSTGRESQL = Dialect(
    numbers="generate_series({first}::bigint, {last}) AS n",
    digest="encode(sha256(int8send(n)), 'hex')",
    hex="lpad(to_hex(occurred_ms), 14, '0')",
    uuid="(lpad(to_hex(received_ms), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'"
    " || substr(md5(n::text), 4, 15))::uuid",
    instant="to_timestamp({ms} / 1000.0)",
    json="({text})::json",
    bytes="convert_to({text}, 'UTF8')",
)
SQLITE = Dialect(
    numbers="(WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL"
    " SELECT n + 1 FROM numbers WHERE n < {last}) SELECT n FROM numbers)",
    digest="lower(hex(randomblob(32)))",
    hex="printf('%014x', occurred_ms)",
    uuid="printf('%012x', received_ms) || '7' || substr(lower(hex(randomblob(2))), 2) || '8'"
    " || substr(lower(hex(randomblob(8))), 2)",
    instant="strftime('%Y-%m-%d %H:%M:%f', {ms} / 1000.0, 'unixepoch') || '000'",
    json="{text}",
    bytes="CAST({text} AS BLOB)",
)
DIALECTS = {"sqlite": SQLITE, "postgresql": POSTGRESQL}


def spell_columns(dialect: Dialect) -> Mapping[str, Mapping[str, str]]:
    """Give table → column → expression."""
    received = dialect.instant.format(ms="received_ms")
    occurred = dialect.instant.format(ms="occurred_ms")
    return {
        "deliveries": {
            "id": "n",
            "uuid": dialect.uuid,
            "received_at": received,
            "sdk_app_id": "'888888'",
            "command": "command",
            "verdict": "'accepted'",
            "peer": "'127.0.0.1'",
            "query_string": QUERY_STRING.format(digest=dialect.digest),
            "body": dialect.bytes.format(text=BODY),
        },
        "lifecycle_events": {
            "id": "n",
            "delivery_id": "n",
            "event_key": f"{dialect.hex} || substr({dialect.digest}, 1, 50)",
            "occurrence": "0",
            "subject_type": "CASE kind WHEN 3 THEN 'group' ELSE 'channel' END",
            "subject_id": "subject_id",
            "action": "CASE kind WHEN 0 THEN 'created' WHEN 1 THEN 'profile_changed'"
            " ELSE 'destroyed' END",
            "command": "command",
            "sdk_app_id": "'888888'",
            "operator": "account",
            "owner": "account",
            "name": "'TestOfficialAccount'",
            "occurred_at": occurred,
            "received_at": received,
            "event_time": "occurred_ms",
            "client_ip": "'127.0.0.1'",
            "platform": "'RESTAPI'",
            "details": dialect.json.format(text=DETAILS),
        },
        "event_members": {
            "event_id": "n",
            "user_id": "'user' || ((hash + position * 3331) % 9973)",
            "position": "position",
            "occurred_at": occurred,
            "subject_id": "subject_id",
        },
    }
