"""The suite of sentences by which methods are compared: its data, resuming, equal success, and the command."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from test_evaluation_table import FIGURE, FULL, NOTHING, SHARE

from eclipsed.commands import cli
from eclipsed.editor import Editor
from eclipsed.errors import InputError, TrainingError
from eclipsed.evaluation.equal_success import strength_at, success_of
from eclipsed.evaluation.evaluate import evaluate
from eclipsed.evaluation.sentences import kinds, suite
from eclipsed.evaluation.suite import evaluate_suite
from eclipsed.evaluation.suite_results import SuiteEvaluation, SuiteRow
from eclipsed.latents.direction import Direction, short_name
from eclipsed.prompts.target import Target
from eclipsed.store.sets import shipped_directions

SEEDS = (2000, 2001, 2002, 2003)


@pytest.fixture(scope="module")
def mini():
    return Editor.from_pretrained("mini", device="cpu")


@pytest.fixture
def trained(editor, direction, monkeypatch):
    """Trainings that are counted and are over at once."""
    calls = []

    def train(prompt, **_):
        calls.append(prompt)
        return replace(direction, prompt=prompt)

    monkeypatch.setattr(editor, "train", train)
    return calls


# the data


def test_the_standard_suite_has_46_local_sentences_and_4_about_the_whole_face():
    every = suite("standard", world="face")
    assert len(every) == 50
    assert len({one.prompt for one in every}) == 50
    assert len({short_name(one.prompt) for one in every}) == 50
    counts = {kind: sum(one.kind == kind for one in every) for kind in kinds("standard")}
    assert counts == {
        "hair style": 16,
        "hair colour": 8,
        "face": 11,
        "expression": 7,
        "accessories and clothes": 4,
        "whole face": 4,
    }
    curly = next(one for one in every if one.prompt == "a person with curly hair")
    assert curly.sources == ("StyleCLIP", "StyleMC", "DeltaEdit", "StyleRes", "eCLIPsed")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"name": "best"}, "the suite must be one of standard; got 'best'"),
        ({"world": "flower"}, "the suite 'standard' is about the world 'face'; the model set's is 'flower'"),
        (
            {"only": ["hair"]},
            "the kind of a sentence must be one of hair style, hair colour, face, expression,"
            " accessories and clothes, whole face; got 'hair'",
        ),
    ],
)
def test_what_is_no_suite_is_refused(words, message):
    with pytest.raises(InputError) as error:
        suite(**{"name": "standard", "world": "face", **words})
    assert str(error.value) == message


# equal success


def test_equal_success_is_found_by_bisection():
    asked = []

    def rising(alpha):
        asked.append(alpha)
        return min(alpha / 2, 1.0)

    assert strength_at(rising, 0.8) == pytest.approx(1.6, abs=0.04)
    assert rising(strength_at(rising, 0.8)) >= 0.8
    assert max(asked) == 2.0  # no stronger than it has to be
    assert strength_at(lambda _: 0.3, 0.8) is None


def test_success_that_falls_again_is_found_where_it_first_is_enough():
    assert strength_at(lambda alpha: 0.9 if 1.4 <= alpha <= 2 else 0.0, 0.8) == pytest.approx(1.4, abs=0.04)


def test_success_is_that_of_an_evaluation(mini):
    blond = Direction.load(shipped_directions() / "blond-hair.safetensors")
    target = Target("hair_colour", ("blond",))
    success = success_of(mini, blond, mini.sample(seeds=SEEDS), target)
    found = evaluate(mini, blond, seeds=SEEDS, alphas=(0.5, 1.0), target=target, extras=())
    assert [success(0.5), success(1.0)] == [one.success.mean for one in found.strengths]


def test_no_judge_no_success(editor, direction):
    with pytest.raises(InputError, match="has no classifier, so nothing says what succeeds"):
        success_of(editor, direction, editor.sample(seeds=SEEDS), Target("hair_colour", ("blond",)))
    with pytest.raises(InputError, match="the wanted success must be above 0; got 0"):
        strength_at(lambda _: 1.0, 0)


# a run


@pytest.mark.slow
def test_directions_of_the_folder_are_judged_where_the_judge_knows_the_target(mini, tmp_path):
    glasses, hat = (Direction.load(shipped_directions() / f"{name}.safetensors") for name in ("glasses", "hat"))
    for name in ("a-person-in-a-blue-suit", "a-person-in-black-clothes"):
        replace(glasses, prompt=None, name="taken").save(tmp_path / f"{name}.safetensors")
    replace(glasses, prompt="a person with eyeglasses").save(tmp_path / "eyeglasses.safetensors")
    replace(hat, prompt="a person wearing a hat").save(tmp_path / "hat.safetensors")
    told = []
    found = evaluate_suite(
        mini,
        folder=tmp_path,
        only=["accessories and clothes"],
        seeds=SEEDS,
        tell=lambda done, total, one: told.append((done, total, one.prompt)),
    )
    assert told[1:3] == [(1, 4, "a person in a blue suit"), (2, 4, "a person in black clothes")]
    worn, suit, _, covered = found.rows
    assert worn.target == Target("glasses", ("clear", "sunglasses"))
    assert covered.target == Target("hat", ("yes",))
    for row in (worn, covered):
        assert row.full.success.mean == 1.0
        assert row.equal.success.mean >= 0.8
        assert row.equal.alpha <= 1.0
        assert row.full.inside.mean > 3 * row.full.outside.mean
        assert row.says.startswith("reaches")
    assert suit.full.success.mean == 0  # glasses make no suit blue
    assert suit.equal is None
    assert found.at_equal == (worn, covered)
    means = found.means("full")
    assert means["sentences"] == 4
    assert means["success"] == pytest.approx(sum(row.full.success.mean for row in found.rows) / 4)
    assert str(found).count("never") == 2


def test_what_was_done_is_not_done_again(editor, trained, tmp_path, monkeypatch):
    words = {"folder": tmp_path, "only": ["whole face"], "seeds": SEEDS[:1]}
    with pytest.raises(KeyboardInterrupt):
        evaluate_suite(editor, **words, tell=_stop_at(2))
    assert trained == ["an old person", "a young person"]
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "a-young-person.json",
        "a-young-person.safetensors",
        "an-old-person.json",
        "an-old-person.safetensors",
    ]
    (tmp_path / "a-young-person.json").write_text("{")  # cut off
    found = evaluate_suite(editor, **words)
    assert trained == ["an old person", "a young person", "a man", "a woman"]
    assert [row.full.success for row in found.rows] == [None] * 4
    assert [row.target for row in found.rows] == [None] * 4
    monkeypatch.setattr("eclipsed.evaluation.suite.evaluate", None)  # nothing is judged again
    assert repr(evaluate_suite(editor, **words).to_json()) == repr(found.to_json())
    with pytest.raises(TypeError):
        evaluate_suite(editor, **{**words, "seeds": SEEDS[:2]})  # other faces are


def _stop_at(number):
    def tell(done, *_):
        if done == number:
            raise KeyboardInterrupt

    return tell


def test_half_a_training_is_not_kept(editor, direction, tmp_path, monkeypatch):
    half = replace(direction, prompt="an old person", scores={"stopped_at": 3})
    monkeypatch.setattr(editor, "train", lambda *_, **__: half)
    with pytest.raises(KeyboardInterrupt):
        evaluate_suite(editor, folder=tmp_path / "new", only=["whole face"], seeds=SEEDS[:1])
    assert not (tmp_path / "new").exists()


def test_a_training_that_fails_is_a_row_that_says_why(editor, tmp_path, monkeypatch):
    def train(*_, **__):
        raise TrainingError("the loss became nan")

    monkeypatch.setattr(editor, "train", train)
    found = evaluate_suite(editor, folder=tmp_path, only=["whole face"], seeds=SEEDS[:1])
    assert [row.says for row in found.rows] == ["the loss became nan"] * 4
    assert found.judged == ()
    assert SuiteRow.from_json(found.rows[0].to_json()) == found.rows[0]
    assert str(found).count("the loss became nan") == 4


def test_other_directions_of_the_folder_are_refused(editor, direction, quick, tmp_path):
    file = direction.save(tmp_path / "an-old-person.safetensors")
    words = {"folder": tmp_path, "only": ["whole face"], "seeds": SEEDS[:1]}
    with pytest.raises(InputError) as error:
        evaluate_suite(editor, **words)
    assert str(error.value) == (f"{file} is of 'a person with blond hair', not of 'an old person'; name another folder")
    replace(direction, prompt="an old person").save(file)
    with pytest.raises(InputError) as error:
        evaluate_suite(editor, **words, config=quick.replace(steps=7))
    assert str(error.value) == f"{file} was learned with steps 6, not 7; name another folder, or leave the options out"
    with pytest.raises(InputError, match="equal_success must be a number"):
        evaluate_suite(editor, **words, equal_success=1.5)


# what is shown


ROW = SuiteRow(
    prompt="blond hair",
    kind="hair colour",
    sources=("StyleCLIP",),
    target=Target("hair_colour", ("blond",)),
    says="reaches 50 % of the faces that lacked it: fair",
    reached=0.5,
    weak=False,
    file="blond-hair.safetensors",
    digest="ab",
    seconds=30.0,
    full=replace(FULL, outside=replace(FIGURE, mean=0.1)),
    equal=None,
)
FOUND = SuiteEvaluation(
    suite="standard",
    models="stub",
    seeds=SEEDS,
    equal_success=0.8,
    rows=(ROW, replace(ROW, prompt="afro", kind="hair style", says="", weak=True, full=replace(FULL, success=None))),
)


def test_the_table_has_a_row_for_each_sentence_and_the_means(monkeypatch):
    monkeypatch.setenv("COLUMNS", "130")
    lines = [" ".join(line.split()) for line in str(FOUND).splitlines()]
    assert "blond hair reaches 50 % of the faces that lacked it: fair 50% 0.100 50.0% never – –" in lines
    assert "afro – – – 50.0% – – –" in lines  # nobody judges it, and its change outside is nowhere
    assert lines[-3:] == [
        "mean of 1 judged, at alpha = 1: success 50%, outside / inside 0.100, leakage 50.0%",
        "not judged: 1; of these stands what the program says",
        "called weak: 1 of 2",
    ]


def test_a_row_is_read_as_it_was_written():
    whole = replace(
        ROW,
        equal=replace(FULL, alpha=1.5, outside=FIGURE, flips={"hat": SHARE}),
        full=replace(FULL, outside=FIGURE, flips={}),
    )
    again = SuiteRow.from_json(json.loads(json.dumps(whole.to_json())))
    assert again == whole
    assert NOTHING.to_json()["mean"] is None


# the command


def test_the_command_shows_what_was_found(editor, model_set, direction, tmp_path, capsys):
    for one in suite("standard", world="face", only=["whole face"]):
        replace(direction, prompt=one.prompt).save(tmp_path / f"{short_name(one.prompt)}.safetensors")
    words = ["evaluate", "--suite", "standard", "--kind", "whole face", "--seeds", "2000", "--out", str(tmp_path)]
    assert cli.run([*words, "--models", str(model_set)]) == 0
    shown = capsys.readouterr()
    assert "standard suite on stub · 4 sentences · 1 faces" in shown.out
    assert "4/4 'a woman'" in shown.err
    assert cli.run([*words, "--models", str(model_set), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    schema = Path(cli.__file__).parent / "schemas" / "evaluate.json"
    Draft202012Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(found)
    assert [row["prompt"] for row in found["rows"]] == ["an old person", "a young person", "a man", "a woman"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected a direction to measure, or --suite standard; got neither"),
        (["--suite", "best"], "the suite must be one of standard; got 'best'"),
        (["--suite", "standard", "blond-hair"], "DIRECTION has no meaning with --suite standard; leave it out"),
        (["--suite", "standard", "--equal", "0"], "equal_success must be above 0; got 0"),
        (["blond-hair", "--kind", "face"], "--kind has no meaning without --suite; leave it out"),
    ],
)
def test_a_command_that_means_nothing_is_one_sentence(words, message, model_set, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["evaluate", *words, "--models", str(model_set)]) != 0
    assert message in capsys.readouterr().err.replace("\n", " ")
