import subprocess
import sys
import textwrap
import time

import pytest

from pipeline.bench.processes import CpuWatch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

BUSY = "import time; end = time.process_time() + 0.6\nwhile time.process_time() < end: pass"


def test_grandchildren_count_also_after_their_parent_is_gone() -> None:
    parent = f"""
        import subprocess, sys
        subprocess.Popen([sys.executable, "-c", {BUSY!r}])
        import time; time.sleep(0.6)
    """
    begin_s = time.time()
    with CpuWatch() as watch:
        subprocess.run([sys.executable, "-c", textwrap.dedent(parent)], check=True)
        deadline = time.monotonic() + 30
        while watch.between(begin_s, time.time()).get("others", 0) < 0.6 and time.monotonic() < deadline:
            time.sleep(0.1)
    assert watch.between(begin_s, time.time())["others"] >= 0.6


def test_only_what_was_spent_between_two_times_counts() -> None:
    with CpuWatch() as watch:
        begin_s = time.time()
        end = time.process_time() + 0.5
        while time.process_time() < end:
            pass
        middle_s = time.time()
        time.sleep(0.6)
    assert watch.between(begin_s, middle_s)["driver"] == pytest.approx(0.5, abs=0.2)
    assert watch.between(middle_s + 0.3, middle_s + 0.6).get("driver", 0.0) < 0.25
