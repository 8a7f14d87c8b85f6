"""The probes of the receiver, as used by a load balancer."""

from tests.payloads import channel_created


def test_receiver_is_ready_once_its_journal_takes_records(receiver, post):
    client = receiver.test_client()
    assert client.get("/healthz").get_json() == {"status": "alive"}

    post(channel_created())
    answer = client.get("/readyz")

    assert (answer.status_code, answer.get_json()["status"]) == (200, "ready")
    assert answer.get_json()["journal"]["writable"] is True
    assert answer.get_json()["journal"]["room_bytes"] > 0


def test_receiver_is_ready_while_its_folder_is_still_to_be_made(receiver, journal):
    assert not journal.folders[0].exists()

    answer = receiver.test_client().get("/readyz")

    assert (answer.status_code, answer.get_json()["status"]) == (200, "ready")


def test_receiver_is_not_ready_while_no_folder_takes_records(receiver, post, journal):
    journal.folders[0].write_bytes(b"in place of the folder")
    client = receiver.test_client()
    post(channel_created())

    answer = client.get("/readyz")

    assert (answer.status_code, answer.get_json()["status"]) == (503, "not ready")
    assert answer.get_json()["journal"]["writable"] is False
    assert client.get("/healthz").status_code == 200


def test_receiver_answers_no_question(receiver):
    for address in ("/history", "/console/", "/metrics", "/openapi.json", "/nothing"):
        answer = receiver.test_client().get(address)

        assert (answer.status_code, answer.get_json()["ErrorCode"]) == (404, 40401)
