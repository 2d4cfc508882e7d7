"""Ray as it is started here: it listens on 127.0.0.1 alone, shows no dashboard, and tells nobody."""

import json
import os
import subprocess
import sys

import crew_kit
import pytest

pytest.importorskip("ray")
pytest.importorskip("psutil")

#: in a process of its own, that has started Ray: what its processes are called, and where they listen
LISTENING = """
import functools, json, sys
import psutil
import crew_kit
from eclipsed.compute.crew import Crew, run_many

def look():
    names, places, told = [], [], set()
    for one in psutil.Process().children(recursive=True):
        try:
            names.append(" ".join(one.cmdline()))
            if "gcs_server" in names[-1] or "raylet" in names[-1]:
                told.add(one.environ()["RAY_USAGE_STATS_ENABLED"])
            places += [link.laddr.ip for link in one.net_connections() if link.status == psutil.CONN_LISTEN]
        except psutil.Error:  # it ended meanwhile
            continue
    return names, places, sorted(told)

if __name__ == "__main__":
    make = functools.partial(crew_kit.squares, sys.argv[1])
    answers = run_many(make, [3, 4], crew=Crew(1, ray="local"))
    found = [next(answers).value, look(), next(answers).value]
    answers.close()
    print(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sees the sockets of processes as Linux tells them")
def test_it_listens_on_this_machine_alone_and_tells_nobody(tmp_path):
    script = tmp_path / "driver.py"
    script.write_text(LISTENING)
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    env["PYTHONPATH"] = os.pathsep.join([os.path.dirname(crew_kit.__file__), env.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    nine, (names, places, told), sixteen = json.loads(done.stdout.splitlines()[-1])
    assert (nine, sixteen, told) == (9, 16, ["0"])
    assert any("gcs_server" in name for name in names)
    assert len(places) >= 3  # of the head, the node and the worker
    assert set(places) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    heads = [name for name in names if "dashboard.py" in name]  # it loads what counts usage alone, which is off
    assert all("--disable-frontend" in name and "--modules-to-load=UsageStatsHead" in name for name in heads)
    assert crew_kit.seen(tmp_path, "begun") == 1  # networks would be loaded once in the worker
