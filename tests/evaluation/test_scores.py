"""How often a judge is right: by hand, and as scikit-learn has it; and the table of counts as a picture."""

import math

import numpy as np
import pytest
import torch
from sklearn import metrics

from eclipsed.errors import InputError
from eclipsed.evaluation.scores import Scores
from eclipsed.images.counts import count_table

NAMES = ("a", "b", "c", "d")


def test_two_classes_by_hand():
    scores = Scores.of("hat", ("no", "yes"), torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 0, 1, 1, 0]))
    assert scores.confusion == ((2, 1), (1, 1))
    assert (scores.count, scores.accuracy) == (5, 0.6)
    yes = scores.by_class["yes"]
    assert (yes.precision, yes.recall, yes.f1, yes.count) == (0.5, 0.5, 0.5, 2)
    assert scores.macro.recall == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert str(scores).splitlines()[0] == "hat: 60.0% of 5 pictures right"
    assert str(scores).splitlines()[-1].split() == ["macro", "mean", "0.583", "0.583", "0.583", "5"]


@pytest.mark.parametrize("seed", range(4))
def test_they_are_those_of_scikit_learn(seed):
    """Also of a class that nobody is of, and of one that is never said."""
    rng = np.random.default_rng(seed)
    true, judged = rng.integers(0, 4 - seed % 2, 60), rng.integers(seed // 2, 4, 60)
    scores = Scores.of("letter", NAMES, torch.from_numpy(true), torch.from_numpy(judged))
    labels = list(range(4))
    assert np.array_equal(scores.confusion, metrics.confusion_matrix(true, judged, labels=labels))
    assert scores.accuracy == pytest.approx(metrics.accuracy_score(true, judged))
    expected = metrics.precision_recall_fscore_support(true, judged, labels=labels, zero_division=0)
    found = [(one.precision, one.recall, one.f1, one.count) for one in scores.by_class.values()]
    assert np.allclose(np.array(found).T, np.array(expected))
    mean = metrics.precision_recall_fscore_support(true, judged, labels=labels, zero_division=0, average="macro")
    assert (scores.macro.precision, scores.macro.recall, scores.macro.f1) == pytest.approx(mean[:3])
    told = scores.to_json()
    assert told["by_class"]["c"]["f1"] == scores.by_class["c"].f1
    assert told["macro"]["count"] == 60


def test_the_picture_is_dark_where_the_counts_are():
    page = np.asarray(Scores("hat", ("no", "yes"), ((9, 1), (0, 10))).picture().convert("L")).astype(float)
    cells = page[-200:, -206:]  # the last two rows and columns, whose cells are 96 pixels wide
    corner = [cells[5:25, 115:180], cells[110:125, 115:180]]
    assert corner[1].mean() < corner[0].mean() - 80
    assert not math.isclose(cells[:90, :90].mean(), cells[:90, 110:].mean(), abs_tol=20)


def test_a_table_that_is_not_square_is_refused():
    with pytest.raises(InputError, match="a table of counts is square, with a name for each row; got 1 names"):
        count_table([[1, 2]], ["a"])
