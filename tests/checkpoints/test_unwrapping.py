"""A network is found in whatever it was saved in, and what was taken is said."""

from argparse import Namespace
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace

import pytest

from eclipsed.checkpoints.unwrapping import entries, keys_seen, tell_choice, unwrap
from eclipsed.errors import EclipsedWarning

STATE = {"stem.weight": 1, "stem.bias": 2, "head.weight": 3}
KEYS = tuple(STATE)
OTHER = {key: value + 10 for key, value in STATE.items()}


def behind(prefix, state=STATE):
    return {f"{prefix}{key}": value for key, value in state.items()}


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (STATE, ""),
        (OrderedDict(STATE), ""),
        (behind("module."), "module."),
        (behind("module.net."), "module.net."),
        (behind("any/"), "any/"),
        ({"state_dict": STATE}, "state_dict"),
        ({"state_dict": behind("decoder."), "opts": Namespace(size=3)}, "state_dict, decoder."),
        ({"a": {"b": {"c": behind("d.e.")}}}, "a, b, c, d.e."),
        ((None, None, STATE), "2"),
        ([{"x": 1}, {"net": STATE}], "1, net"),
        (SimpleNamespace(model=STATE), "model"),
        ({"g": OTHER, "g_ema": STATE, "d": OTHER}, "g_ema"),
        ({"G": OTHER, "G_ema": STATE, "D": OTHER}, "G_ema"),
        ({"params": OTHER, "params_ema": STATE}, "params_ema"),
        ({**behind("net.", OTHER), **behind("net_ema.")}, "net_ema."),
        ({**behind("generator_frozen.", OTHER), **behind("generator_trainable.")}, "generator_trainable."),
        ({"g_optim": OTHER, "generator": STATE}, "generator"),
        ({"g_ema": {"stem.weight": 1}, "g": OTHER, "epoch": 3}, "g"),  # a remnant is no network
    ],
)
def test_where_a_network_is_found(content, place):
    found = unwrap(content, KEYS)
    assert found.place == place
    assert found.state == (OTHER if place == "g" else STATE)


def test_what_lies_next_to_it_is_found_from_the_inside_out():
    found = unwrap({"mean": 1, "far": 2, "inner": {"mean": 3, **behind("net."), "other.x": 4}}, KEYS)
    assert found.state == STATE
    assert (found.beside("mean"), found.beside("far"), found.beside("nothing", "other.x")) == (3, 2, 4)
    assert found.beside("nothing") is None


@pytest.mark.parametrize("content", [None, 3, "text", {}, [], {"x": 1}, {"stem": {"weight": 1}}, {"xstem.weight": 1}])
def test_where_there_is_none(content):
    assert unwrap(content, KEYS) is None


def test_a_share_of_the_keys_can_be_asked_for():
    assert unwrap({"stem.weight": 1}, KEYS) is not None
    assert unwrap({"stem.weight": 1}, KEYS, least=0.5) is None


def test_contents_that_hold_themselves_end():
    content = {"x": 1}
    content["self"] = [content]
    assert unwrap(content, KEYS) is None
    assert len(list(entries(content))) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"g": STATE}, "f.pt: no g_ema; took g"),
        ({"G": STATE, "D": None}, "f.pt: no G_ema; took G"),
        ({"a": STATE, "b": OTHER}, "f.pt: took 'a', not 'b'"),
        ({"b": STATE, "model": OTHER}, "f.pt: took 'model', not 'b'"),
        ({"g": STATE, "generator": OTHER}, "f.pt: took 'generator', not 'g'"),
    ],
)
def test_a_choice_is_said(content, said):
    with pytest.warns(EclipsedWarning) as caught:
        tell_choice(Path("f.pt"), unwrap(content, KEYS))
    assert [str(one.message) for one in caught] == [said]


@pytest.mark.parametrize("content", [STATE, {"model": STATE}, {"g": OTHER, "g_ema": STATE}, {"params": STATE}])
def test_where_there_is_no_choice_nothing_is_said(content):
    tell_choice(Path("f.pt"), unwrap(content, KEYS))  # a warning would be an error here


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "it is empty"),
        (3, "it holds no dictionary but int"),
        ({"a": 1, 2: 3}, "keys seen: a, 2"),
        ({str(i): i for i in range(10)}, "keys seen: 0, 1, 2, 3, 4, 5, 6, 7 and 2 more"),
    ],
)
def test_the_keys_seen(content, words):
    assert keys_seen(content) == words
