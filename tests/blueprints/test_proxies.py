"""The sender of a request: trusted proxies are believed, and nobody else."""

from ipaddress import ip_network
from time import thread_time
from timeit import timeit

import pytest

from blueprints.proxies import REQUEST_ID, TrustedProxies

TRUSTED = [ip_network(one) for one in ("127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48")]
PROXY, STRANGER = "10.0.0.1", "192.0.2.9"


def see(peer=PROXY, path="/", raw=None, **headers):
    """Return what an app sees of a request."""
    environ = {"REMOTE_ADDR": peer, "PATH_INFO": path, "RAW_URI": raw or path, "SCRIPT_NAME": ""}
    environ |= {"wsgi.url_scheme": "http", "HTTP_HOST": "inside"}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    seen = []
    TrustedProxies(lambda environ, _: seen.append(environ) or [], TRUSTED)(environ, None)
    return seen[0]


def sender(header, peer=PROXY):
    return see(peer, x_forwarded_for=header)["REMOTE_ADDR"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("6.6.6.6, 10.9.9.9, 1.2.3.4, 10.0.0.2,127.0.0.1", "1.2.3.4"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("2001:DB8::1", "2001:db8::1"),
        ("1.2.3.4, 2001:db8:1::5", "1.2.3.4"),
        ("1.2.3.4:5678", "1.2.3.4"),
        ("[2001:db8::1]:5678", "2001:db8::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("1.2.3.4, ::ffff:10.0.0.2", "1.2.3.4"),
        ("1.2.3.4, unknown", PROXY),
        ("1.2.3.4, unknown, 10.0.0.2", "10.0.0.2"),
        ("1.2.3.4, ", "1.2.3.4"),
        ("fe80::1%<b>", PROXY),
        ("1.2.3", PROXY),
        ("010.0.0.1", PROXY),
        ("\xff", PROXY),
        ("", PROXY),
    ],
)
def test_sender_is_read_from_the_right_through_trusted_proxies(header, expected):
    assert sender(header) == expected


@pytest.mark.parametrize(
    ("peer", "text", "expected"),
    [
        (PROXY, "8c1f-0e6f.3a/1b=", "8c1f-0e6f.3a/1b="),
        (PROXY, "two words", None),
        (PROXY, "x" * 129, None),
        (PROXY, "\xe9", None),
        (STRANGER, "8c1f", None),
    ],
)
def test_id_of_a_request_is_the_one_of_a_trusted_proxy(peer, text, expected):
    seen = see(peer, x_request_id=text)

    assert seen.get(REQUEST_ID) == expected
    assert "HTTP_X_REQUEST_ID" not in seen


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("for=1.2.3.4", "1.2.3.4"),
        ("For=1.2.3.4;proto=https;by=10.0.0.1", "1.2.3.4"),
        ('proto=https; for="[2001:db8::1]:4711"', "2001:db8::1"),
        ("for=6.6.6.6, for=1.2.3.4, for=10.0.0.2", "1.2.3.4"),
        ('for="6.6.6.6, for=1.2.3.4', "1.2.3.4"),  # a quotation mark that a client did not close
        ('for="6.6.6.6, for="[2001:db8::1]"', "2001:db8::1"),
        ('for="6.6.6.6, for=10.0.0.2;a="', PROXY),
        ("for=1.2.3.4, for=_hidden", PROXY),
        ("for=1.2.3.4, proto=https", PROXY),
        ("1.2.3.4", PROXY),
    ],
)
def test_sender_is_read_from_the_standard_header_too(header, expected):
    assert see(forwarded=header)["REMOTE_ADDR"] == expected


def test_headers_that_disagree_are_not_believed():
    """A proxy appends to one of them; the other comes from the client."""
    both = {"x_forwarded_for": "6.6.6.6", "forwarded": "for=1.2.3.4"}

    assert see(**both)["REMOTE_ADDR"] == PROXY
    assert see(**both | {"x_forwarded_for": "1.2.3.4"})["REMOTE_ADDR"] == "1.2.3.4"


@pytest.mark.parametrize("peer", [STRANGER, "2001:db8::1", "11.0.0.1", "x"])
def test_nobody_else_is_believed(peer):
    seen = see(
        peer,
        "/x/history",
        x_forwarded_for="1.2.3.4",
        forwarded="for=1.2.3.4;proto=https;host=evil",
        x_forwarded_proto="https",
        x_forwarded_host="evil",
        x_forwarded_prefix="/x",
    )

    assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"]) == (peer, "http")
    assert (seen["HTTP_HOST"], seen["SCRIPT_NAME"]) == ("inside", "")
    assert seen["PATH_INFO"] == "/x/history"
    assert not [name for name in seen if "FORWARDED" in name]


def test_unix_socket_is_of_this_machine():
    assert sender("1.2.3.4", peer="") == "1.2.3.4"
    assert see("")["REMOTE_ADDR"] == ""


def test_scheme_and_host_are_those_of_the_outside():
    seen = see(x_forwarded_proto="https", x_forwarded_host="evil, outside:8443")
    assert (seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("https", "outside:8443")
    chain = "for=6.6.6.6;proto=http;host=evil, for=1.2.3.4;proto=https;host=outside, for=10.0.0.2"
    seen = see(forwarded=chain)
    assert (seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("https", "outside")
    assert see(x_forwarded_proto="javascript")["wsgi.url_scheme"] == "http"


@pytest.mark.parametrize("prefix", ["/log", "/log/", "/x, /log"])
@pytest.mark.parametrize("path", ["/groups/%40TGS%23a%2F%2Fb", "/", ""])
def test_prefix_is_taken_off_unless_the_proxy_did(prefix, path):
    for sent in (path, f"/log{path}"):
        seen = see(path=sent, raw=f"{sent}?a=/log/", x_forwarded_prefix=prefix)

        assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("/log", path)
        if path:
            assert seen["RAW_URI"] == f"{path}?a=/log/"


@pytest.mark.parametrize(
    "prefix", ["//evil", "/a//b", "evil", "/<b>", "/a b", "/%2f", "/\xff", "/"]
)
def test_odd_prefix_is_none(prefix):
    assert see(x_forwarded_prefix=prefix)["SCRIPT_NAME"] == ""


def seconds(header):
    """Return the shortest of several CPU times of a request with a header."""

    def ask():
        see(forwarded=header, x_forwarded_prefix=header)

    return min(timeit(ask, timer=thread_time, number=1) for _ in range(9))


@pytest.mark.parametrize("part", ["a", "a=", 'a="', "for=10.0.0.2,", "/a", " "])
def test_header_of_four_times_the_length_costs_four_times_as_much(part):
    """Sixteen times would be quadratic: in the choice of the sender."""
    assert seconds(f'{part * 40_000}"') < 10 * seconds(f'{part * 10_000}"')
