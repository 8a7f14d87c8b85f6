"""Settings: allowed values, and one line about each wrong one."""

import logging
import os
from datetime import timedelta
from pathlib import Path

import pytest

from config import (
    ApiKey,
    JournalSettings,
    ReaderSettings,
    ReceiverSettings,
    RecorderSettings,
    SettingsError,
    read_environment,
)
from config.environment import warn_of_misspelling

APPS = {"SDK_APPS": "888888:token"}
KEY, OTHER_KEY = "k:1-with-16-char", "another-16-chars"


def receiver(**environ):
    return ReceiverSettings.from_environment(APPS | environ)


def recorder(**environ):
    return RecorderSettings.from_environment(environ)


def reader(**environ):
    return ReaderSettings.from_environment(environ)


def test_receiver_needs_nothing_but_the_apps():
    settings = receiver()

    assert settings.sdk_apps == {"888888": ("token",)}
    assert settings.sign_tolerance == timedelta(seconds=60)
    assert (settings.max_body_bytes, settings.port) == (4194304, 8000)
    assert settings.journal == JournalSettings()
    assert settings.journal.folders == (Path("var/journal"),)
    assert settings.journal.keep == timedelta(hours=24)
    assert settings.journal.keep_bytes == 2**30


def test_recorder_and_reader_need_nothing_at_all():
    assert str(recorder().database_url) == "sqlite:///var/audit.db"
    assert recorder().journal == JournalSettings()
    settings = reader()
    assert str(settings.database_read_url) == "sqlite:///var/audit.db"
    assert (settings.api_keys, settings.port) == ((), 8001)
    assert settings.read_timeout == timedelta(seconds=10)
    assert settings.journal_folders == (Path("var/journal"),)


def test_several_apps_may_have_several_tokens_or_none():
    settings = receiver(SDK_APPS=" 1:a:b , 2 ,3 : c")

    assert settings.sdk_apps == {"1": ("a", "b"), "2": (), "3": ("c",)}


def test_keys_have_names_and_may_hold_colons():
    keys = reader(API_KEYS=f"ops:{KEY}, dev:{OTHER_KEY} ").api_keys

    assert keys == (ApiKey("ops", KEY), ApiKey("dev", OTHER_KEY))


def test_reads_go_where_they_are_sent():
    urls = {
        "DATABASE_URL": "postgresql+psycopg://a@b/c",
        "DATABASE_READ_URL": "mysql+pymysql://d/e",
    }

    assert recorder(**urls).database_url.host == "b"
    assert reader(**urls).database_read_url.host == "d"
    assert reader(DATABASE_URL=urls["DATABASE_URL"]).database_read_url.host == "b"


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ({}, (8000, 8001)),
        ({"PORT": "9000"}, (9000, 9001)),
        ({"READ_PORT": "80"}, (8000, 80)),
        ({"PORT": "9000", "READ_PORT": "80"}, (9000, 80)),
        ({"PORT": "9000", "READ_PORT": ""}, (9000, 9001)),
    ],
)
def test_reader_listens_beside_the_receiver(ports, expected):
    assert (receiver(**ports).port, reader(**ports).port) == expected


def test_no_port_is_beyond_the_last_one():
    with pytest.raises(SettingsError, match="READ_PORT='65536' is not allowed; set it to 1 to "):
        reader(PORT="65535")

    assert receiver(PORT="65535").port == reader(PORT="65535", READ_PORT="65535").port == 65535


def test_journal_may_have_several_folders():
    journal = {
        "JOURNAL_DIR": " /a:b/c : d",
        "JOURNAL_KEEP_HOURS": "0",
        "JOURNAL_KEEP_BYTES": "5",
    }
    expected = JournalSettings((Path("/a"), Path("b/c"), Path("d")), timedelta(0), 5)

    assert receiver(**journal).journal == recorder(**journal).journal == expected
    assert reader(**journal).journal_folders == expected.folders


def test_proxies_are_named_by_network_or_address():
    networks = "127.0.0.1, 10.0.0.0/8,2001:db8::/32 ,::1"
    found = (
        receiver(TRUSTED_PROXIES=networks).trusted_proxies,
        reader(TRUSTED_PROXIES=networks).trusted_proxies,
    )

    assert found[0] == found[1]
    assert [str(one) for one in found[0]] == [
        *("127.0.0.1/32", "10.0.0.0/8", "2001:db8::/32", "::1/128")
    ]
    assert receiver().trusted_proxies == reader().trusted_proxies == ()


WRONG = {
    receiver: [
        ("SDK_APPS", "abc"),
        ("SDK_APPS", "1:"),
        ("SDK_APPS", "1::b"),
        ("SDK_APPS", "1:a:b:c"),
        ("SDK_APPS", "1,1"),
        ("SDK_APPS", "1,,2"),
        ("SDK_APPS", "\u0661"),
        ("SDK_APPS", "1:two words"),
        ("SDK_APPS", "1:top,secret"),
        ("SDK_APPS", "1=secret"),
        ("SDK_APPS", "secret"),
        ("SDK_APPS", "0888888"),
        ("SDK_APPS", '888888:"secret"'),
        ("SDK_APPS", "888888:'secret'"),
        ("SDK_APPS", '888888:"secret'),
        ("SDK_APPS", "888888:one:'secret',1:two"),
        ("SDK_APPS", '"888888:secret"'),
        ("SDK_APPS", "888888:${secret}"),
        ("SDK_APPS", "888888:x${secret:-}y"),
        ("SDK_APPS", "888888:sécret"),
        ("SDK_APPS", "888888:secret\u200b"),
        ("SDK_APPS", "888888:se\tcret"),
        ("SIGN_TOLERANCE_SECONDS", "0"),
        ("SIGN_TOLERANCE_SECONDS", "1.5"),
        ("SIGN_TOLERANCE_SECONDS", "a minute"),
        ("MAX_BODY_BYTES", "-1"),
        ("MAX_BODY_BYTES", "4MB"),
        ("UNHANDLED_BODIES", "false"),
        ("HOST", "localhost"),
        ("PORT", "65536"),
        ("PORT", "\u0661"),
        ("WEB_CONCURRENCY", "0"),
        ("JOURNAL_DIR", "a:a"),
        ("JOURNAL_DIR", "a:./a/"),
        ("JOURNAL_DIR", "a:b/../a"),
        ("JOURNAL_DIR", "a:"),
        ("JOURNAL_DIR", '"var/journal"'),
        ("PORT", "'8000'"),
        ("JOURNAL_DIR", "a::b"),
        ("JOURNAL_KEEP_HOURS", "-1"),
        ("JOURNAL_KEEP_HOURS", "8785"),
        ("JOURNAL_KEEP_BYTES", "1G"),
    ],
    recorder: [
        ("DATABASE_URL", "oracle://h/d?password=secret"),
        ("DATABASE_URL", "audit.db"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "sqlite://var/audit.db"),
        ("DATABASE_URL", "sqlite:///file:audit.db?uri=true"),
        ("DATABASE_URL", "'sqlite:///audit.db'"),
        ("DATABASE_URL", "postgresql://u:secret@h/d"),
        ("DATABASE_URL", "postgresql+psycopg:/u:secret@h/d"),
        ("JOURNAL_KEEP_HOURS", "a day"),
        ("RETENTION_DAYS", "0"),
        ("RETENTION_UNHANDLED_DAYS", "1 month"),
        ("PARTITION_BY_MONTH", "true"),
    ],
    reader: [
        ("DATABASE_READ_URL", "oracle://u:secret@h/d"),
        ("API_KEYS", "key-without-a-name"),
        ("API_KEYS", ":secret-of-16-chars"),
        ("API_KEYS", "ops:"),
        ("API_KEYS", "ops:secret-of-15-ch"[:19]),
        ("API_KEYS", "ops:se cret of 16 chars"),
        ("API_KEYS", '"ops:secret-of-16-chars"'),
        ("API_KEYS", "ops:'secret-of-16-chars'"),
        ("API_KEYS", "'ops:secret-of-16-chars"),
        ("API_KEYS", 'ops:secret-of-16-chars"'),
        ("API_KEYS", "ops:secret-of-16-chärs"),
        ("API_KEYS", "ops[]:secret-of-16-chars"),
        ("API_KEYS", f"{'x' * 51}:secret-of-16-chars"),
        ("API_KEYS", "ops[write]:secret-of-16-chars"),
        ("API_KEYS", "ops[read,raw]:secret-of-16-chars"),
        ("API_KEYS", "ops[read:secret-of-16-chars"),
        ("API_KEYS", "ops:sha256=secret-is-no-hash"),
        ("API_KEYS", ",".join(["ops:secret-of-16-chars"] * 3)),
        ("API_KEYS", "ops:secret-of-16-chars,ops[read]:secret-of-16-chars"),
        ("SIGN_IN_HEADER", "X_Forwarded_User"),
        ("SIGN_IN_HEADER", "Authorization"),
        ("SIGN_IN_HEADER", "x-forwarded-for"),
        ("SIGN_IN_SCOPES", "all"),
        ("READ_PORT", "0"),
        ("WEB_CONCURRENCY", "two"),
        ("READ_TIMEOUT_SECONDS", "0"),
        ("READ_TIMEOUT_SECONDS", "3601"),
        ("JOURNAL_DIR", ":"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,"),
        ("TRUSTED_PROXIES", "nginx"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "127.0.0.1 ::1"),
    ],
}
SHOWN = (
    "TRUSTED_PROXIES",
    "SIGN_TOLERANCE_SECONDS",
    "MAX_BODY_BYTES",
    "PORT",
    "JOURNAL_DIR",
    "READ_PORT",
)


@pytest.mark.parametrize(
    ("read", "name", "value"),
    [(read, name, value) for read, wrong in WRONG.items() for name, value in wrong],
)
def test_wrong_value_is_told_in_one_line_without_secrets(read, name, value):
    with pytest.raises(SettingsError) as error:
        read(**{name: value})

    message = str(error.value)
    assert message.startswith(f"{name}=")
    assert "is not allowed; set it to " in message
    assert "\n" not in message
    assert "secret" not in message
    assert "key-without" not in message
    if name in SHOWN:
        assert repr(value) in message


def test_key_may_have_scopes_and_a_hash_and_a_successor():
    hashed = f"sha256={'0' * 64}"
    text = f"a[read+raw]:{KEY},a[raw+read]:{hashed},b:{OTHER_KEY}"
    first, second, other = reader(API_KEYS=text).api_keys

    assert first.scopes == second.scopes == {"read", "raw"}
    assert (second.key, second.is_hash, first.is_hash) == (hashed, True, False)
    assert other.scopes == {"read", "raw", "metrics", "ops"}


@pytest.mark.parametrize(
    "others", [{}, {"DATABASE_URL": "postgresql+psycopg://h/d"}, {"RETENTION_DAYS": "90"}]
)
def test_months_want_retention_and_postgresql(others):
    with pytest.raises(SettingsError, match="PARTITION_BY_MONTH needs PostgreSQL and "):
        recorder(PARTITION_BY_MONTH="yes", **others)

    settings = {"DATABASE_URL": "postgresql+psycopg://h/d", "RETENTION_DAYS": "90"}
    assert recorder(PARTITION_BY_MONTH="yes", **settings).by_month
    assert not recorder(**settings).by_month


def test_sign_in_by_a_header_wants_proxies_to_believe():
    with pytest.raises(SettingsError, match="SIGN_IN_HEADER is believed from TRUSTED_PROXIES only"):
        reader(SIGN_IN_HEADER="X-Forwarded-User")

    settings = reader(SIGN_IN_HEADER="X-Forwarded-User", TRUSTED_PROXIES="127.0.0.1")
    assert settings.sign_in_scopes == {"read"}


@pytest.mark.parametrize("read", [reader, recorder])
def test_readings_share_no_folder_with_callbacks(read):
    with pytest.raises(SettingsError, match="JOURNAL_DIR and READING_JOURNAL_DIR share /"):
        read(JOURNAL_DIR="b:a", READING_JOURNAL_DIR="./a/")


@pytest.mark.parametrize("read", [reader, recorder])
def test_folder_that_leads_nowhere_keeps_no_process_from_starting(tmp_path, read):
    (tmp_path / "circle").symlink_to("circle")

    assert read(JOURNAL_DIR=f"{tmp_path}/circle:{tmp_path}/other")


def test_key_has_sixteen_characters_or_more():
    assert reader(API_KEYS=f"ops:{'k' * 16}").api_keys
    with pytest.raises(SettingsError, match="keys of 16 or more visible ASCII characters"):
        reader(API_KEYS=f"ops:{'k' * 15}")


@pytest.mark.parametrize("apps", ["", "  "])
def test_receiver_does_not_start_without_apps(apps):
    with pytest.raises(SettingsError, match="SDK_APPS is not set; set it to sdkappid"):
        receiver(SDK_APPS=apps)


def test_empty_value_counts_as_absent():
    empty = dict.fromkeys(("MAX_BODY_BYTES", "PORT", "JOURNAL_DIR", "JOURNAL_KEEP_HOURS"), "")

    assert receiver(**empty) == receiver()
    assert recorder(DATABASE_URL=" ", JOURNAL_KEEP_BYTES="") == recorder()
    assert reader(DATABASE_READ_URL="", API_KEYS=" ", READ_PORT="") == reader()


def test_secrets_are_not_printed_with_the_settings():
    assert "token" not in repr(receiver())
    assert KEY not in repr(reader(API_KEYS=f"ops:{KEY}"))
    url = "postgresql+psycopg://u:hidden@h/d"
    assert "hidden" not in repr(recorder(DATABASE_URL=url)) + repr(reader(DATABASE_URL=url))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory of a test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_environment_wins_over_the_file_unless_it_is_empty(folder, monkeypatch):
    (folder / ".env").write_text("PORT=1\nMAX_BODY_BYTES=2\nREAD_PORT=4\nAPI_KEYS=\n")
    monkeypatch.setenv("PORT", "3")
    monkeypatch.setenv("READ_PORT", "")

    environment = read_environment()

    assert (environment["PORT"], environment["MAX_BODY_BYTES"]) == ("3", "2")
    assert environment["READ_PORT"] == "4"
    assert "API_KEYS" not in environment


@pytest.mark.parametrize("name", ["SDK_APPS", "API_KEYS", "DATABASE_URL"])
def test_secret_may_be_in_a_file_of_its_own(folder, monkeypatch, name):
    (folder / "secret").write_text("1:a\n")
    (folder / ".env").write_text(f"{name}=of the file .env\n")
    monkeypatch.setenv(f"{name}_FILE", str(folder / "secret"))

    assert read_environment()[name] == "1:a"


def test_file_of_a_secret_and_the_secret_itself_stop_the_start(folder, monkeypatch):
    monkeypatch.setenv("SDK_APPS", "1:a")
    monkeypatch.setenv("SDK_APPS_FILE", str(folder / "secret"))

    with pytest.raises(SettingsError, match="SDK_APPS and SDK_APPS_FILE are both set; set one"):
        read_environment()


def test_file_of_a_secret_has_to_be_there(folder, monkeypatch):
    monkeypatch.setenv("SDK_APPS_FILE", "nowhere")

    with pytest.raises(SettingsError) as error:
        read_environment()

    reason = f"{folder}/nowhere can't be read: No such file or directory"
    assert str(error.value) == f"SDK_APPS_FILE: {reason}"


@pytest.mark.parametrize(
    ("text", "host"), [("0.0.0.0", "0.0.0.0"), ("::1", "[::1]"), ("[::]", "[::]")]
)
def test_services_listen_where_they_are_told(text, host):
    assert receiver(HOST=text).host == reader(HOST=text).host == host
    assert receiver().host == reader().host == "127.0.0.1"


def test_workers_are_as_many_as_are_asked_for():
    assert receiver(WEB_CONCURRENCY="3").workers == reader(WEB_CONCURRENCY="3").workers == 3
    assert receiver().workers is reader().workers is None


def test_token_may_be_of_any_visible_characters():
    token = "".join(map(chr, range(0x21, 0x7F))).translate({ord(","): None, ord(":"): None})

    assert receiver(SDK_APPS=f"1:{token}:$x{{y}}").sdk_apps == {"1": (token, "$x{y}")}


def test_apps_that_share_a_token_are_warned_about_without_it(caplog):
    receiver(SDK_APPS="1:secret:old,2:other:other,3:secret")

    (message,) = caplog.messages
    assert message == "SDK_APPS: 1 and 3 share a token: a signature for one is valid for all"


@pytest.mark.parametrize(
    "text",
    [
        "# 回调\nSDK_APPS=1:a\n",
        "\ufeffSDK_APPS=1:a\n",
        "export SDK_APPS='1:a'\r\n",
        'SDK_APPS="1:a" # token\n',
    ],
    ids=repr,
)
def test_file_may_be_written_in_many_ways(folder, text):
    (folder / ".env").write_text(text, encoding="utf-8", newline="")

    assert read_environment()["SDK_APPS"] == "1:a"


def test_variable_in_the_file_stays_as_it_is(folder, monkeypatch):
    monkeypatch.setenv("OTHER", "value")
    (folder / ".env").write_text("SDK_APPS=1:${OTHER}\nJOURNAL_DIR=${OTHER}/$OTHER\n")

    assert read_environment()["SDK_APPS"] == "1:${OTHER}"
    assert read_environment()["JOURNAL_DIR"] == "${OTHER}/$OTHER"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("PORT=1\n# 回调\n".encode("gbk"), "line 2 is not UTF-8"),
        ("PORT=1\n".encode("utf-16"), "line 1 is not UTF-8"),
        ("PORT=1\n".encode("utf-16-le"), "line 1 is not NAME=VALUE"),
        (b'PORT=1\nSDK_APPS="1:secret\n', "line 2 is not NAME=VALUE"),
    ],
    ids=["GBK", "UTF-16", "UTF-16 without a mark", "quotation mark"],
)
def test_file_that_cannot_be_read_is_told_in_one_line(folder, data, reason):
    (folder / ".env").write_bytes(data)

    with pytest.raises(SettingsError) as error:
        read_environment()

    assert str(error.value) == f"{folder}/.env can't be read: {reason}"


def make_folder(path):
    path.mkdir()


def make_circle(path):
    path.symlink_to(path)


def make_private(path):
    path.touch(0o000)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_folder, "Is a directory"),
        (make_circle, "Too many levels of symbolic links"),
        (make_private, "Permission denied"),
    ],
)
def test_file_that_cannot_be_opened_is_told_in_one_line(folder, make, reason):
    if make is make_private and os.geteuid() == 0:
        pytest.skip("root may read everything")
    make(folder / ".env")

    with pytest.raises(SettingsError) as error:
        read_environment()

    assert str(error.value) == f"{folder}/.env can't be read: {reason}"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("API_KEY", "API_KEYS"),
        ("SDK_APP", "SDK_APPS"),
        ("sdk_apps", "SDK_APPS"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("JOURNAL_DIRS", "JOURNAL_DIR"),
        ("API_KEY_FILE", "API_KEYS_FILE"),
    ],
)
def test_misspelt_setting_is_warned_about_without_its_value(folder, caplog, name, meant):
    (folder / ".env").write_text(f"{name}=secret\n")
    warn_of_misspelling.cache_clear()

    read_environment()
    read_environment()  # as a command does for the settings of each process

    messages = [message for message in caplog.messages if message.startswith(f"{name} ")]
    assert messages == [f"{name} is not a setting and has no effect; did you mean {meant}?"]
    assert "secret" not in caplog.text


def test_setting_that_is_spelled_well_is_not_warned_about(folder, caplog):
    (folder / ".env").write_text("API_KEYS=x\nPORT=1\nSUPPORT=1\nREPORT=2\nHOME=3\nPATHS=4\n")

    with caplog.at_level(logging.WARNING):
        read_environment()

    assert [message for message in caplog.messages if "is not a setting" in message] == []
