"""What a training step enters is counted, and grows by nobody's oversight."""

import pytest

from benchmarks.step_modules import ROOT, entries


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "most"), [("default", 31), ("report", 30)])
def test_a_step_enters_no_more_modules_than_the_figures_say(preset, most):
    found = entries(ROOT, preset, 12)
    assert {"training/descent.py", "pretrained/clip.py", "networks/stylegan2.py"} <= set(found)
    assert len(found) <= most, sorted(found)
