"""The units of deploy/systemd; .ci/deploy-systemd boots them."""

import shutil
import subprocess

import pytest

from tests.engines import ROOT

UNITS = ROOT / "deploy" / "systemd"
MOST_EXPOSURE = 20  # tenths, of 100


@pytest.mark.parametrize("unit", [path.name.replace("@", "@1") for path in UNITS.glob("*.service")])
def test_service_is_exposed_little(unit):
    program = shutil.which("systemd-analyze") or pytest.skip("no systemd-analyze here")
    options = ("--offline=true", f"--threshold={MOST_EXPOSURE}", "--no-pager")
    done = subprocess.run(
        [program, "security", *options, unit],
        env={"SYSTEMD_UNIT_PATH": str(UNITS)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
