"""How threads wait for one another, as the command line asks for it."""

import os
import subprocess
import sys

import pytest

from eclipsed.compute.threads import wait_asleep


def test_threads_sleep_unless_somebody_said_otherwise():
    nothing: dict[str, str] = {}
    assert wait_asleep(nothing)
    assert nothing == {"OMP_WAIT_POLICY": "passive"}


@pytest.mark.parametrize("said", [{"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "1000"}, {"KMP_BLOCKTIME": "5"}])
def test_what_somebody_said_stands(said):
    asked = dict(said)
    assert not wait_asleep(asked)
    assert asked == said


@pytest.mark.parametrize(("said", "wanted"), [({}, "passive"), ({"OMP_WAIT_POLICY": "active"}, "active")])
def test_the_command_line_asks_before_torch_is_there(said, wanted):
    code = (
        "import os, sys; from eclipsed.commands import cli\n"
        "cli.run = lambda words: print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules) or 0\n"
        "cli.main([])"
    )
    rest = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    given = {**rest, **said}
    done = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [wanted, "False"]


def test_the_library_asks_for_nothing():
    code = "import os, eclipsed; eclipsed.Editor; print(os.environ.get('OMP_WAIT_POLICY'))"
    rest = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run([sys.executable, "-c", code], env=rest, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"
