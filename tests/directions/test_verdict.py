"""One sentence about a direction, from its scores."""

import pytest

from eclipsed.directions.verdict import reached, verdict


@pytest.mark.parametrize(
    ("scores", "share", "said"),
    [
        ({}, None, ""),
        ({"clip_success": None}, None, ""),
        ({"clip_success": 0.9}, 0.9, "reaches 90% of the faces that lacked it: good"),
        ({"clip_success": 1.0, "judge_success": 0.27}, 0.27, "reaches 27% of the faces that lacked it: poor"),
        ({"clip_success": 0.6, "judge_success": None}, 0.6, "reaches 60% of the faces that lacked it: fair"),
        (
            {"clip_success": 1.0, "judge_success": 0.9, "witness_success": 0.27, "witness": "ViT-B-16"},
            0.27,
            "reaches 27% of the faces that lacked it, says the witness 'ViT-B-16': poor",
        ),
        (
            {"judge_success": 0.9, "witness_success": None, "witness": "ViT-B-16"},
            0.9,
            "reaches 90% of the faces that lacked it: good",
        ),
        (
            {"margin_success": 0.1, "instead": "a person with pink hair"},
            0.1,
            "reaches 10% of the faces that lacked it: poor; it looks more like 'a person with pink hair'",
        ),
        (
            {"judge_success": 0.08, "trust": 0.54},
            0.08,
            "reaches 8% of the faces that lacked it: poor; CLIP hardly tells it in the faces of this generator",
        ),
        ({"judge_success": 0.3, "trust": 0.9}, 0.3, "reaches 30% of the faces that lacked it: poor"),
        (
            {"clip_success": 1.0, "unknown": ["zorp"]},
            None,
            "nobody can tell what it reaches: CLIP was never shown 'zorp'",
        ),
    ],
)
def test_what_is_said(scores, share, said):
    assert reached(scores) == share
    assert verdict(scores) == said
