"""An evaluation as text, against a table that was laid out by hand."""

import math
from dataclasses import replace

from eclipsed.evaluation.results import Evaluation, Strength
from eclipsed.images.metrics import Interval
from eclipsed.prompts.target import Target

SHARE, FIGURE, NOTHING = (
    Interval(0.5, 0.25, 0.75, 4),
    Interval(1.0, 0.5, 1.5, 4),
    Interval(math.nan, math.nan, math.nan, 0),
)
FULL = Strength(
    alpha=1.0,
    clip_gain=FIGURE,
    clip_rank=FIGURE,
    localization=FIGURE,
    inside=FIGURE,
    outside=NOTHING,
    psnr=FIGURE,
    ssim=FIGURE,
    lpips=None,
    identity=None,
    success=SHARE,
    kept=SHARE,
    flips={"hat": SHARE, "glasses": NOTHING},
)
FOUND = Evaluation(
    prompt="blond hair",
    seeds=(1, 2, 3, 4),
    target=Target("hair_colour", ("blond", "white")),
    strengths=(replace(FULL, alpha=-1.0), FULL),
    monotone=SHARE,
    seconds_per_edit=0.0125,
    peak_memory=3 * 2**20,
    notes=(),
)
TABLE = """\
blond hair · 4 faces · success is hair_colour = blond or white

                       -1           +1
 ──────────────────────────────────────
 success              50%          50%
                  25%…75%      25%…75%
 others kept          50%          50%
                  25%…75%      25%…75%
 CLIP gain           1.00         1.00
                0.50…1.50    0.50…1.50
 CLIP rank            1.0          1.0
                  0.5…1.5      0.5…1.5
 locality            1.00         1.00
                0.50…1.50    0.50…1.50
 inside             1.000        1.000
              0.500…1.500  0.500…1.500
 outside                –            –
 PSNR, dB             1.0          1.0
                  0.5…1.5      0.5…1.5
 SSIM               1.000        1.000
              0.500…1.500  0.500…1.500

flips most at +1: hat 50%
CLIP rises, or stays, with every strength for 50% of the faces
12.5 ms an edit, 3 MB at the most"""


def test_print_shows_the_table(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    print(FOUND)
    assert capsys.readouterr().out == TABLE + "\n"
