"""The folder in which ``prometheus_client`` adds up what the workers of one gunicorn count.

To count never keeps a worker from its work: whatever became of the folder, the next one forked has
one that it can write to.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

from gunicorn.arbiter import Arbiter

SETTING = "PROMETHEUS_MULTIPROC_DIR"  # read when prometheus_client is imported, by the worker
NAME = "metrics-{pid}-"


def ensure_folder(arbiter: Arbiter) -> None:
    """Give the next worker the folder of this master, or a new one if there is none.

    There is none at first, after USR2, after HUP of a release that had none, and where somebody
    has deleted it: systemd does so in /dev/shm when a user logs out.
    """
    folder = Path(os.environ.get(SETTING, ""))
    prefix = NAME.format(pid=os.getpid())
    if not folder.name.startswith(prefix) or not folder.is_dir():
        parent = arbiter.cfg.worker_tmp_dir or tempfile.gettempdir()
        remove_orphans(Path(parent))
        os.environ[SETTING] = tempfile.mkdtemp(prefix=prefix, dir=parent)
        os.chown(os.environ[SETTING], arbiter.cfg.uid, arbiter.cfg.gid)


def remove_folder() -> None:
    """Take the folder of this master away."""
    folder = Path(os.environ.get(SETTING, ""))
    if folder.name.startswith(NAME.format(pid=os.getpid())):
        shutil.rmtree(folder, ignore_errors=True)


def remove_orphans(parent: Path) -> None:
    """Take away what masters left behind that were killed."""
    for folder in parent.glob(NAME.format(pid="*") + "*"):
        pid = re.match(NAME.format(pid=r"(\d+)"), folder.name)
        if pid and not is_running(int(pid[1])):
            shutil.rmtree(folder, ignore_errors=True)


def is_running(pid: int) -> bool:
    """Tell whether there is such a process, whoever's it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
