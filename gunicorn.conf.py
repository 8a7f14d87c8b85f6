"""How gunicorn serves the app; found by name in the working directory."""

import gc
import os
import shlex
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

import balance
import shared_numbers
from config import Settings
from environment import SettingsError, read_environment

try:
    settings = Settings.from_environment(read_environment())
except SettingsError as error:
    raise SystemExit(str(error)) from None

bind = f"127.0.0.1:{settings.port}"
worker_class = "rounds.RoundWorker"
workers = 2
threads = 16  # for what is asked; callbacks come in rounds
keepalive = 75  # seconds; Tencent keeps connections open, and a close races with its next callback
graceful_timeout = 30  # seconds for what has been accepted
worker_connections = 1000
limit_request_line = 4094  # bytes; Tencent's have some 400
limit_request_fields = 50
limit_request_field_size = 8190  # bytes
forwarded_allow_ips = "127.0.0.1,::1"  # a proxy on this machine may say that it speaks https
control_socket_disable = True
if Path("/dev/shm").is_dir():  # noqa: S108 (gunicorn makes its own file there)
    worker_tmp_dir = "/dev/shm"  # noqa: S108 (a heartbeat never waits for a disk)


def on_starting(arbiter: Arbiter) -> None:
    """Refuse what the worker does not speak."""
    if arbiter.cfg.is_ssl:
        raise SystemExit("TLS is for a proxy in front: worker.py reads plain HTTP")


def when_ready(_: Arbiter) -> None:
    """Say where to go, once it can be gone to; the log is no place for a key itself."""
    here = f"http://{bind}"
    env_file = shlex.quote(str(Path(".env").resolve()))
    api_keys = "printenv API_KEYS" if "API_KEYS" in os.environ else f"grep ^API_KEYS= {env_file}"
    key = f"$({api_keys} | sed 's/^[^:]*:\\([^,]*\\).*/\\1/')"
    curl = f'curl -H "Authorization: Bearer {key}" {here}/history'
    print(
        f"Listening on {here}",
        f"  webhook URL  https://YOUR.PUBLIC.HOST/callback, forwarded to {here}/callback",
        f"  console      {here}/console/",
        f"  history      {curl if settings.api_keys else 'nobody may read: set API_KEYS'}",
        f"  API          {here}/docs",
        sep="\n",
        flush=True,
    )


def post_fork(_: Arbiter, worker: Worker) -> None:
    """Have the worker count beside the others."""
    shared_numbers.take_place(worker.age)


def post_worker_init(worker: Worker) -> None:
    """Store what an earlier process left in the spool, whether or not a callback comes.

    What has been loaded by now stays: to search it for garbage, again and again under load, would
    stop everything for some 90 ms each time.
    """
    worker.wsgi.extensions["runtime"].keeper.start()
    gc.collect()
    gc.freeze()


def child_exit(_: Arbiter, worker: Worker) -> None:
    """Forget the connections of a worker that is gone, however it went."""
    balance.forget(worker.age)


def worker_exit(_: Arbiter, worker: Worker) -> None:
    """Finish what has been accepted."""
    if hasattr(worker, "wsgi"):  # it has loaded the app
        worker.wsgi.extensions["runtime"].close()
