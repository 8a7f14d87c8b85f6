"""Files of everything in a list."""

import csv
import io
import json
import re
from html import unescape
from urllib.parse import quote

import openpyxl
import pytest

from blueprints.api.export import TURNS
from blueprints.api.runtime import EXPORT_CONNECTIONS
from tests.blueprints.console.conftest import ON_EVERY_ENGINE
from tests.blueprints.console.html import plain
from tests.conftest import KEY
from tests.payloads import SAMPLES, channel_created, group_created, group_destroyed

AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
LISTS = ("channels", "groups", "deliveries", "quarantine", "events", "readings")


@pytest.fixture
def download(client):
    def get(address, **headers):
        return client.get(f"/console/{address}", headers={**AUTHORIZED, **headers})

    return get


def read_csv(answer):
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def links(page):
    return [unescape(one) for one in re.findall('href="/console/(export/[^"]+)"', page)]


@ON_EVERY_ENGINE
def test_every_list_can_be_had_as_a_file_of_each_format(deliver, record_readings, look, download):
    for body in SAMPLES:
        deliver(body)
    deliver(SAMPLES[0], query={"SdkAppid": "1"})

    for name in LISTS:
        kinds = []
        for link in links(look(name)):
            record_readings()
            answer = download(link)
            assert answer.status_code == 200, (link, answer.text)
            kind = answer.headers["Content-Disposition"].rpartition(".")[2]
            kinds.append(kind)
            if kind == "xlsx":
                counts = [
                    sheet.max_row - 1 for sheet in openpyxl.load_workbook(answer_file(answer))
                ]
            elif kind == "csv":
                counts = [len(read_csv(answer))]
            else:
                counts = [json.loads(answer.text.splitlines()[-1])["count"]]
            assert min(counts) > 0, link
        assert kinds[:3] == ["xlsx", "csv", "ndjson"]


def answer_file(answer):
    return io.BytesIO(answer.data)


def test_file_has_what_passes_the_filters_of_the_list_on_all_its_pages(deliver, look, download):
    for number in range(5):
        deliver(group_created(GroupId=f"group {number}", Owner_Account="a&b"))
    deliver(group_created(GroupId="other"))
    deliver(channel_created())

    page = look("events?owner=a%26b&subject_type=group&limit=2")
    again = look(re.search('href="/console/([^"]+)" rel="next"', page)[1].replace("&amp;", "&"))
    for link in (*links(page)[1:2], *links(again)[1:2]):
        answer = download(link)
        assert [row["subject_id"] for row in read_csv(answer)] == [
            f"group {number}" for number in range(4, -1, -1)
        ]
        assert answer.headers["Content-Disposition"].endswith("_group_owner-a-b.csv")


@ON_EVERY_ENGINE
@pytest.mark.parametrize(
    ("query", "expected"), [("", "bca"), ("?sort=ended", "b"), ("?sort=id", "abc")]
)
def test_file_of_groups_has_the_rows_of_the_list_in_its_order(
    deliver, look, download, query, expected
):
    for minute, group_id in enumerate("abc"):
        deliver(group_created(GroupId=group_id, EventTime=1670574414123 + minute))
    deliver(group_destroyed(GroupId="b", EventTime=1670574494123))

    answer = download(links(look(f"groups{query}"))[1])

    assert "".join(row["subject_id"] for row in read_csv(answer)) == expected
    assert "sort" not in answer.headers["Content-Disposition"]


def test_state_of_a_subject_is_a_row_with_a_column_for_each_field(deliver, download):
    deliver(group_created(GroupId="@TGS#A", Name="=1", Owner_Account="ann"))
    deliver(group_destroyed(GroupId="@TGS#B"))

    first, second = read_csv(download("export/groups?sort=id&format=csv"))
    assert (first["subject_id"], first["name"], first["owner"]) == ("@TGS#A", "'=1", "ann")
    assert (first["status"], second["status"]) == ("active", "destroyed")
    assert second["changed_at"] == second["destroyed_at"] != ""
    assert (first["introduction"], second["created_at"], first["destroyed_at"]) == ("", "", "")
    line = json.loads(download("export/groups?sort=id").text.splitlines()[0])
    assert (line["introduction"], line["name"]) == (None, "=1")


def test_times_are_in_the_zone_that_was_chosen_and_the_heading_says_so(deliver, client, download):
    deliver(group_destroyed(EventTime=1670574414123))
    client.set_cookie("zone", "Asia/Shanghai", path="/console/")

    (row,) = read_csv(download("export/events?format=csv"))
    assert row["occurred_at"] == "2022-12-09T08:26:54.123Z"
    assert row["occurred_at (Asia/Shanghai)"] == "2022-12-09 16:26:54"
    book = openpyxl.load_workbook(answer_file(download("export/events?format=xlsx")))
    (names, cells) = book["events"].values
    assert str(dict(zip(names, cells, strict=True))["occurred_at (Asia/Shanghai)"]) == (
        "2022-12-09 16:26:54.123000"
    )


def test_file_until_the_end_of_time_is_named_in_any_zone(deliver, client, download):
    deliver(group_destroyed())
    client.set_cookie("zone", "Asia/Shanghai", path="/console/")

    answer = download("export/events?until=9999-12-31T23:59:59Z&format=csv")

    assert answer.headers["Content-Disposition"].endswith("_until-9999-12-31T2359.csv")


@ON_EVERY_ENGINE
def test_file_of_a_user_has_all_that_names_the_user(deliver, look, download):
    deliver(group_created(Operator_Account="ann", Owner_Account="ann", MemberList=[]))
    deliver(group_destroyed(Owner_Account="bob", MemberList=[{"Member_Account": "ann"}]))
    deliver(group_destroyed(GroupId="other"))

    link = links(look("users/ann"))[1]
    assert [row["roles"] for row in read_csv(download(link))] == ["member", "operator, owner"]
    answer = download(links(look("users/ann?role=owner"))[1])
    assert [row["action"] for row in read_csv(answer)] == ["created"]
    assert answer.headers["Content-Disposition"].endswith(
        "=user_2026-11-21_role-owner_user_id-ann.csv"
    )


@pytest.mark.parametrize("user", ["\ud800", "a/b", "a/", "export", "%41"])
def test_file_is_of_any_user(deliver, look, download, user):
    deliver(group_created(Operator_Account=user))

    link = links(look(f"users/{quote(user, safe='', errors='surrogatepass')}"))[2]
    assert json.loads(download(link).text.splitlines()[0])["operator"] == user


def test_value_of_sign_is_in_no_file(deliver, post, record, download):
    sign = 64 * "a"
    deliver(SAMPLES[0])
    post(SAMPLES[1], query={"Sign": sign})
    record()

    for name in ("deliveries", "quarantine"):
        for chosen in ("csv", "ndjson"):
            text = download(f"export/{name}?format={chosen}").text
            assert "Sign=REDACTED" in text
            assert not re.search("[0-9a-f]{64}", text)


def test_body_is_in_no_file(deliver, download):
    deliver(SAMPLES[0], query={"SdkAppid": "1"})

    (row,) = read_csv(download("export/quarantine?format=csv"))
    assert "body" not in row
    assert (row["reason"], row["sdk_app_id"]) == ("app_unknown", "")


def test_group_may_be_called_export(deliver, look):
    deliver(group_created(GroupId="export", Name="A group"))

    assert "A group" in look("groups/export")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("export/events?format=pdf", 400),
        ("export/events?limit=5", 400),
        ("export/groups?action=created", 400),
        ("export/nothing", 404),
    ],
)
def test_wrong_address_is_a_page_that_says_so(download, address, status):
    answer = download(address)

    assert (answer.status_code, answer.mimetype) == (status, "text/html")


def test_file_is_for_holders_of_a_key_alone(client):
    assert client.get("/console/export/events").status_code == 401


def test_too_many_exports_are_told_apart_from_a_database_that_is_away(download):
    for _ in range(EXPORT_CONNECTIONS):
        TURNS.acquire()
    try:
        answer = download("export/events")
    finally:
        TURNS.release(EXPORT_CONNECTIONS)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "Too many exports are running." in plain(answer.text)
