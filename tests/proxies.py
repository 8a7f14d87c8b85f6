"""The proxies of deploy/ as they are, except TLS, names and the paths of their files."""

import os
import shutil
import socket
import subprocess
from contextlib import closing, contextmanager
from time import monotonic, sleep

import pytest

from tests.engines import ROOT
from tests.test_serving import free_port

INTERNAL_HOST = "internal.test"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
START_SECONDS = 20
NOBODY_SIGNED_IN = 'proxy_set_header X-Forwarded-Email "";'


def find_program(name):
    """Return where a proxy is installed; skip the test if it is not."""
    return shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin") or pytest.skip(
        f"no {name} here"
    )


@contextmanager
def nginx(folder, *, receiver, reader, apps=("888888",), sign_in=""):
    """Serve a service through nginx; yield the addresses of the public and the internal host.

    Its logs are in the folder. ``sign_in`` is the configuration that signs users in.
    """
    program, ports = find_program("nginx"), (free_port(), free_port())
    hosts = (ROOT / "deploy" / "nginx" / "chat-lifecycle-log.conf").read_text()
    hosts = "".join(line for line in hosts.splitlines(True) if "ssl_certificate" not in line)
    hosts = hosts.replace("127.0.0.1:8000", receiver).replace("127.0.0.1:8001", reader)
    hosts = hosts.replace("/var/log/nginx", str(folder))
    if sign_in:
        assert hosts.count(NOBODY_SIGNED_IN) == 1
        hosts = hosts.replace(NOBODY_SIGNED_IN, sign_in)
    hosts = hosts.replace('888888  "";', "".join(f'{app} "";' for app in apps))
    for port in ports:
        hosts = hosts.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};", 1)
    user = "user root;" if os.geteuid() == 0 else ""
    places = "".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY)
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; pid {folder}/nginx.pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {places}\n{hosts} }}"
    )
    command = [program, "-e", "stderr", "-c", folder / "nginx.conf"]
    with running(command, ports):
        yield tuple(f"127.0.0.1:{port}" for port in ports)


@contextmanager
def haproxy(folder, *, receiver, reader, apps=("888888",)):
    """Serve a service through HAProxy; yield the address that serves both hosts, twice.

    Its log is in the folder.
    """
    program, port = find_program("haproxy"), free_port()
    text = (ROOT / "deploy" / "haproxy" / "haproxy.cfg").read_text()
    text = text.replace("127.0.0.1:8000", receiver).replace("127.0.0.1:8001", reader)
    text = text.replace("url_param(SdkAppid) 888888", f"url_param(SdkAppid) {' '.join(apps)}")
    text = text.replace("YOUR.INTERNAL.HOST", INTERNAL_HOST)
    text = text.replace(":443 ssl crt /etc/haproxy/certificates/", f"127.0.0.1:{port}")
    (folder / "haproxy.cfg").write_text(text)
    with (folder / "haproxy.log").open("wb") as log:
        command = [program, "-db", "-f", folder / "haproxy.cfg"]
        with running(command, [port], stdout=log):
            yield f"127.0.0.1:{port}", f"127.0.0.1:{port}"


@contextmanager
def running(command, ports, **options):
    """Run a proxy, and wait until it listens."""
    with subprocess.Popen(command, **options) as started:
        try:
            deadline = monotonic() + START_SECONDS
            while not all(map(is_open, ports)):
                assert started.poll() is None, "it did not start"
                assert monotonic() < deadline, "it does not listen"
                sleep(0.01)
            yield
        finally:
            started.terminate()


def is_open(port):
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
