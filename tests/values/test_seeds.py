"""Lists of seeds as people write them."""

import numpy as np
import pytest

from eclipsed.errors import InputError
from eclipsed.values.seeds import CALIBRATION_SEEDS, LARGEST_SEED, TRAINING_SEEDS, check_seed, check_seeds, parse_seeds


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("7", (7,)),
        ("1,2,5-10", (1, 2, 5, 6, 7, 8, 9, 10)),
        (" 3 , 1 - 2 ", (3, 1, 2)),
        ("5,5,4-6", (5, 4, 6)),
        ("0", (0,)),
        ("0012", (12,)),
        ("4294967295", (4294967295,)),
        ("4-4", (4,)),
    ],
)
def test_lists_are_read_in_order_and_each_seed_once(text, seeds):
    assert parse_seeds(text) == seeds


def test_ten_thousand_seeds_are_the_most():
    assert len(parse_seeds("1-10000")) == 10_000
    for text in ("1-10001", "0,1-10000", "0-4294967295"):
        with pytest.raises(InputError, match="names more than 10000 seeds"):
            parse_seeds(text)


@pytest.mark.parametrize(
    "text", ["", " ", "a-b", "1,,2", "1,", "-1", "1-", "1.5", "1;2", "1-2-3", "٣", "²", "1e3", "0x10", "+1", "9" * 5000]
)
def test_anything_else_is_one_sentence(text):
    with pytest.raises(InputError, match="whole numbers and ranges such as 1,2,5-10; got") as caught:
        parse_seeds(text)
    assert len(str(caught.value)) < 200


def test_backwards_and_out_of_range():
    with pytest.raises(InputError, match="the range of seeds 5-1 runs backwards; write 1-5"):
        parse_seeds("2,5-1")
    with pytest.raises(InputError, match="seed must be a whole number from 0 to 4294967295; got 4294967296"):
        parse_seeds("4294967296")


def test_check_seed_takes_integers_only():
    assert check_seed(np.int64(3)) == 3
    assert type(check_seed(np.uint8(3))) is int
    for bad in (True, 1.0, "1", None, -1, 2**32):
        with pytest.raises(InputError, match="seed must be a whole number"):
            check_seed(bad)


def test_check_seeds_takes_one_or_many():
    assert check_seeds(4) == (4,)
    assert check_seeds(np.arange(3)) == (0, 1, 2)
    with pytest.raises(InputError, match="not the text"):
        check_seeds("12")
    with pytest.raises(InputError, match="at least one face"):
        check_seeds([])


def test_training_and_calibration_seeds_never_meet_each_other():
    assert 0 <= CALIBRATION_SEEDS.start < CALIBRATION_SEEDS.stop <= TRAINING_SEEDS.start
    assert TRAINING_SEEDS.stop <= LARGEST_SEED + 1
