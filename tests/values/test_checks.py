"""What people give is checked once, with one form of message."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from eclipsed.errors import InputError
from eclipsed.values.checks import boolean, checked_fields, is_real, is_whole, one_of, option, real, shown, whole


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_a_whole_number_comes_back_as_an_int(value):
    assert whole("n", value, 3, 3) == 3
    assert type(whole("n", value)) is int


@pytest.mark.parametrize("value", [True, np.bool_(True), 3.0, "3", None, 2, 5, math.nan, np.float64(3), [3]])
def test_what_is_no_whole_number_in_range(value):
    assert not is_whole(value, 3, 4)
    with pytest.raises(InputError, match=r"^n must be a whole number from 3 to 4; got .+$"):
        whole("n", value, 3, 4)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int8(2), Fraction(2)])
def test_a_number_comes_back_as_a_float(value):
    assert real("x", value, 2, 2) == 2.0
    assert type(real("x", value)) is float


@pytest.mark.parametrize("value", [True, np.bool_(True), "2", None, math.nan, math.inf, -math.inf, 2j, 3.0, [2.0]])
def test_what_is_no_number_in_range(value):
    assert not is_real(value, 0.5, 2.5)
    with pytest.raises(InputError, match=r"^x must be a number from 0.5 to 2.5; got .+$"):
        real("x", value, 0.5, 2.5)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_bounds_do_not_mean_anything_goes(value):
    with pytest.raises(InputError, match=f"^x must be a number; got {value}$"):
        real("x", value)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ((1, 1_000_000), "from 1 to 1000000"),
        ((1,), "from 1"),
        ((-math.inf, 0), "to 0"),
    ],
)
def test_bounds_in_words(bounds, words):
    with pytest.raises(InputError, match=f"^n must be a whole number {words}; got 'a'$"):
        whole("n", "a", *bounds)


def test_huge_integers_are_compared_exactly():
    assert whole("n", 2**70, 0) == 2**70
    assert not is_whole(2**53 + 1, 0, 2**53)
    with pytest.raises(InputError, match=r"x must be a number; got 1000.*\.\.\.$"):
        real("x", 10**400)
    with pytest.raises(InputError, match="n must be a whole number to 9; got a huge int"):
        whole("n", 10**5000, high=9)


def test_one_of_a_few():
    assert one_of("kind", "b", ("a", "b")) == "b"
    with pytest.raises(InputError, match=r"^kind must be one of a, b; got 'c'$"):
        one_of("kind", "c", ("a", "b"))
    with pytest.raises(InputError, match=r"got \['a'\]"):
        one_of("kind", ["a"], {"a": 1})


def test_true_or_false():
    assert boolean("on", False) is False
    for value in (0, 1, "yes", None):
        with pytest.raises(InputError, match=r"^on must be true or false; got"):
            boolean("on", value)


def test_long_values_are_cut_short():
    assert shown("a" * 100) == "'" + "a" * 56 + "..."
    assert shown([1, 2]) == "[1, 2]"


@dataclass(frozen=True)
class Options:
    steps: int = option(3, whole, 1, 10)
    share: float = option(0.5, real, 0, 1)
    cap: float | None = option(None, real, 0, 1, optional=True)
    kind: str = option("a", one_of, ("a", "b"))
    on: bool = option(True, boolean)
    free: object = None

    def __post_init__(self) -> None:
        checked_fields(self)


def test_a_dataclass_checks_its_fields_and_keeps_what_the_checks_return():
    assert Options() == Options(3, 0.5, None, "a", True, None)
    kept = Options(steps=np.int64(4), share=1, cap=0, free=[1])
    assert (kept.steps, kept.share, kept.cap, kept.free) == (4, 1.0, 0.0, [1])
    assert [type(value) for value in (kept.steps, kept.share, kept.cap)] == [int, float, float]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be a whole number from 1 to 10; got 0"),
        ({"steps": None}, "steps must be a whole number from 1 to 10; got None"),
        ({"share": "much"}, "share must be a number from 0 to 1; got 'much'"),
        ({"cap": 2}, "cap must be a number from 0 to 1; got 2"),
        ({"kind": "c"}, "kind must be one of a, b; got 'c'"),
        ({"on": 1}, "on must be true or false; got 1"),
    ],
)
def test_the_message_names_the_field(changes, message):
    with pytest.raises(InputError) as caught:
        Options(**changes)
    assert str(caught.value) == message
