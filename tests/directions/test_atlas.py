"""The atlas: planted moves are found and held apart, what is looked at is kept, and a sentence is answered at once."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from eclipsed import Editor
from eclipsed.directions import atlas as atlas_module
from eclipsed.directions.atlas import Atlas
from eclipsed.directions.atlas_catalogue import local_moves
from eclipsed.directions.atlas_file import AtlasFile, Seen
from eclipsed.directions.moves import Moves
from eclipsed.directions.sketch import Sketch, atlas_step
from eclipsed.directions.survey import SURVEY_CHUNK
from eclipsed.errors import CheckpointError, InputError, VocabularyWarning
from eclipsed.latents.latent import Latent
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.photos.painted import read_mask
from eclipsed.pretrained.callable_clip import CallableClip
from eclipsed.pretrained.callable_parser import CallableParser
from eclipsed.prompts.region import Region
from eclipsed.training.config import TrainConfig
from eclipsed.worlds.world import find_world

FEW = 64
CELLS, DIM = 3, 6


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


# planted


def planted(*, wide=0.0, noise=0.05):
    """An atlas whose move 7 (cell 1) CLIP sees, whose move 8 is a bystander, and whose move 9 changes hair.

    Args:
        wide: how far move 7 itself goes together, in what CLIP is shown, with move 9, which changes hair.
        noise: what CLIP sees of a face beside.
    """
    along = torch.randn(2000, CELLS * DIM, generator=rng())
    seen = torch.zeros(2000, 4)
    seen[:, 0] = along[:, 7] + wide * along[:, 9]
    seen[:, 2] = along[:, 8]
    seen[:, 1], seen[:, 3] = -seen[:, 0], -seen[:, 2]
    embedding = F.normalize(seen + noise * torch.randn(2000, 4, generator=rng(1)), dim=1)
    parts = find_world().parts
    slopes = torch.zeros(len(parts), 8, CELLS * DIM)
    slopes[parts.index("hair"), :, 9] = 3.0
    slopes[parts.index("upper_lip"), :, 7] = 3.0
    areas = torch.full((2000, len(parts)), 1 / len(parts))
    eye = torch.eye(DIM)
    moves = Moves(torch.zeros(DIM), eye, torch.ones(DIM), ((0, 1), (2,), (3, 4)), 5)
    return Atlas(moves, parts, along, Seen(embedding, areas, slopes), 32)


ASKED, BYSTANDER = torch.eye(4)[:2], torch.eye(4)[2:]
LIPS = Region.from_parts(["lips"])


def step_of(atlas, region=LIPS):
    return atlas_step(atlas, ASKED, [BYSTANDER], region, background="background")


def test_a_planted_move_is_found_in_its_rows():
    step = step_of(planted())
    assert int(step.abs().argmax()) == 7
    assert float(step[7] / step.norm()) > 0.99
    assert not bool(step[:DIM].any())
    assert not bool(step[2 * DIM :].any())
    assert float(step[7]) == pytest.approx(1.6, abs=0.2)  # of a normal number, the mean above 0 less that below


def test_what_changes_the_picture_elsewhere_costs():
    atlas = planted(wide=0.8)
    step, free = step_of(atlas), step_of(atlas, Region.from_parts(["lips", "hair"]))
    assert float(free[9] / free[7]) == pytest.approx(0.8, abs=0.1)
    assert float(step[9] / step[7]) < 0.45


def test_a_step_is_made_of_rows():
    delta = planted().moves.delta(step_of(planted()))
    assert delta.shape == (5, DIM)
    assert delta.any(dim=1).tolist() == [False, False, True, False, False]


def test_the_most_local_moves_of_a_part_come_first(editor):
    atlas = planted()
    found = local_moves(atlas, _eye(), world=editor.world, parts=["hair", "upper_lip"], count=1)
    assert list(found) == ["upper_lip", "hair"] or list(found) == ["hair", "upper_lip"]
    (hair,), (lip,) = found["hair"], found["upper_lip"]
    assert int(hair.steps.abs().argmax()) == 9
    assert int(lip.steps.abs().argmax()) == 7
    assert hair.inside > 0.8
    deviation = atlas.along.double().std(dim=0)
    assert float((hair.steps / deviation).norm()) == pytest.approx(2.0)


def _eye():
    """A CLIP to which every caption is a vector of its own."""

    def read(texts):
        return torch.stack([F.normalize(torch.randn(4, generator=rng(len(text))), dim=0) for text in texts])

    return CallableClip(lambda images: images.mean(dim=(2, 3)), read, size=32, name="eye")


# measured


def test_moves_are_steps_of_components_in_rows(editor):
    moves = Moves.of(editor.generator, 32)
    assert sum(moves.cells, ()) == tuple(range(editor.generator.num_ws))
    w = Latent.of_seeds(editor.generator, range(len(moves.cells) * 2)).ws[:, 0].view(2, len(moves.cells), -1)
    steps = torch.randn(len(moves), generator=rng())
    moved = moves.faces(w) + moves.delta(steps)
    back = torch.stack([moved[:, cell[0]] for cell in moves.cells], dim=1)
    assert torch.allclose(moves.coordinates(back) - moves.coordinates(w), steps.expand(2, -1), atol=1e-4)
    component, rows = moves.name(moves.basis.shape[1] + 2)
    assert (component, rows) == (2, moves.cells[1])


@pytest.fixture
def fresh(editor, monkeypatch, tmp_path):
    """A machine that has seen nothing, in a process that keeps nothing but files."""
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    atlas_module._made.clear()
    yield editor
    atlas_module._made.clear()


def file_of(editor):
    return AtlasFile(editor.generator, editor.clip, editor.parser, side=32)


def test_an_atlas_is_measured_once(fresh):
    told = []
    first = fresh.atlas(faces=FEW, tell=lambda *both: told.append(both))
    assert told == [(16, 64), (32, 64), (48, 64), (64, 64)]
    assert first.along.shape == (FEW, len(first.moves))
    assert first.seen.areas.sum(dim=1).sub(1).abs().max() < 1e-2
    assert first.seen.slopes.shape == (len(fresh.parser.parts), FEW // 4, len(first.moves))
    assert fresh.atlas(faces=FEW) is first
    atlas_module._made.clear()
    again = fresh.atlas(faces=FEW, tell=pytest.fail)
    assert all(map(torch.equal, again.seen, first.seen))
    assert torch.equal(again.along, first.along)


@pytest.mark.parametrize("after", [1, 3])
def test_one_that_was_cut_short_ends_as_it_would_have_without_that(fresh, monkeypatch, after):
    monkeypatch.setattr(atlas_module, "_KEPT_EVERY", 1)
    whole = fresh.atlas(faces=FEW)
    atlas_module._made.clear()
    file_of(fresh).path.unlink()

    def stop(done, _):
        if done == (after + 1) * SURVEY_CHUNK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fresh.atlas(faces=FEW, tell=stop)
    assert len(file_of(fresh).read().embedding) == after * SURVEY_CHUNK
    resumed = fresh.atlas(faces=FEW)
    assert all(map(torch.equal, resumed.seen, whole.seen))


def test_more_faces_refine_it(fresh):
    few = fresh.atlas(faces=FEW)
    more = fresh.atlas(faces=2 * FEW)
    assert len(more.along) == 2 * FEW
    assert torch.equal(more.seen.embedding[:FEW], few.seen.embedding)
    assert fresh.atlas(faces=FEW) is more


def test_of_more_faces_a_step_is_nearer_to_the_truth():
    """Of what CLIP sees of a face a large part is chance."""
    whole = planted(noise=2.0)

    def aside(faces):
        some = Seen(whole.seen.embedding[:faces], whole.seen.areas[:faces], whole.seen.slopes)
        step = step_of(replace(whole, along=whole.along[:faces], seen=some))
        return 1 - float(step[7] / step.norm())

    assert aside(64) > 4 * aside(512) > 0
    assert aside(512) > 2 * aside(2000) > 0


def test_an_atlas_of_other_networks_is_refused(fresh, tmp_path):
    place = tmp_path / "atlas.safetensors"
    fresh.atlas(faces=FEW).save(place, fresh.generator, fresh.clip, fresh.parser)
    assert len(fresh.atlas(place).along) == FEW
    halves = CallableParser(lambda images: torch.zeros(len(images), 2, 8, 8), ["skin", "hair"], size=32)
    others = {
        "clip; here it is 'eye'": (fresh.generator, _eye(), fresh.parser),
        "parser; here it is 'CallableParser'": (fresh.generator, fresh.clip, halves),
        "generator; here it is 'mini'": (Editor.from_pretrained("mini").generator, fresh.clip, fresh.parser),
    }
    for said, networks in others.items():
        with pytest.raises(CheckpointError) as caught:
            Atlas.load(place, *networks)
        assert str(caught.value) == f"{place}: an atlas of another {said}; build one with `eclipsed atlas build`"
    place.write_bytes(place.read_bytes()[:-20])
    with pytest.raises(CheckpointError, match="damaged"):
        fresh.atlas(place)


def test_what_is_damaged_in_the_cache_is_as_if_it_were_not_there(fresh):
    first = fresh.atlas(faces=FEW)
    file_of(fresh).path.write_bytes(b"no file of ours")
    atlas_module._made.clear()
    assert torch.equal(fresh.atlas(faces=FEW).seen.embedding, first.seen.embedding)


def test_nothing_is_kept_of_networks_that_nobody_can_tell(fresh):
    parser = CallableParser(lambda images: torch.zeros(len(images), 2, 8, 8), ["skin", "hair"], size=32)
    assert AtlasFile(fresh.generator, fresh.clip, parser, side=32).path is None


def test_slopes_are_those_of_the_pixels(fresh):
    """The number of one mixture grows with a move as the pixels of the part do."""
    left = torch.where(torch.arange(32) < 16, 1.0, -1.0)  # skin is on the left, hair on the right
    halves = CallableParser(
        lambda images: torch.stack([left, -left])[:, None].expand(len(images), 2, 32, 32), ["skin", "hair"]
    )
    looking = atlas_module._Looking(fresh.generator, fresh.clip, halves, 32)
    found = looking.chunk(0)
    moves, options = looking.moves, SynthesisOptions(resolution=32)
    ws = moves.faces(atlas_module._w(fresh.generator, moves, 0))
    labels = halves.labels(fresh.generator.synthesis(ws, options).image)
    part = halves.parts.index("skin")
    mix = torch.Generator().manual_seed(atlas_module._MIX_SEED)
    for _ in range(part + 1):
        signs = torch.randint(0, 2, (16, 3, 32, 32), generator=mix, dtype=torch.int8).float() * 2 - 1
    move = 1
    step = 0.003 * float(moves.deviations[move])
    steps = torch.zeros(len(moves))
    steps[move] = step
    ends = [fresh.generator.synthesis(ws + sign * moves.delta(steps), options).image for sign in (-1, 1)]
    mixed = ((ends[1] - ends[0]) * signs * (labels == part)[:, None])[:4].sum() / (2 * step) / math.sqrt(3 * 32 * 32)
    assert float(found.slopes[part, 0, move]) == pytest.approx(float(mixed), rel=0.03, abs=2e-4)


# asked


@pytest.fixture(scope="module")
def known(editor):
    return editor.atlas(faces=FEW)


def test_a_sentence_is_answered(editor, known):
    found = editor.sketch("a person with blond hair", atlas=known)
    assert (found.method, found.space, found.prompt) == ("atlas", "W+", "a person with blond hair")
    assert found.region.parts == ("hair",)
    assert 0 <= found.scores["clip_success"] <= 1
    assert found.scores["tried_faces"] == 8
    again = editor.sketch("a person with blond hair", atlas=known)
    assert torch.equal(again.deltas, found.deltas)
    quick = editor.sketch("a person with blond hair", atlas=known, try_strengths=False)
    assert "clip_success" not in quick.scores
    assert float(F.cosine_similarity(quick.deltas.flatten(), found.deltas.flatten(), dim=0)) == pytest.approx(1.0)


def test_what_is_to_go_is_turned_round(editor, known):
    there = editor.sketch("a person with glasses", atlas=known, try_strengths=False)
    gone = editor.sketch("remove the glasses", atlas=known, try_strengths=False)
    assert torch.equal(gone.deltas, -there.deltas)
    assert gone.note == 'learned as "a person with glasses" and turned round'


def test_of_two_statements_the_steps_add_up(editor, known):
    def delta(prompt):
        region = ["hair", "glasses"]
        return editor.sketch(prompt, region=region, atlas=known, try_strengths=False).deltas

    both = delta("a person with blond hair and glasses")
    assert both.shape == delta("a person with glasses").shape
    assert float(both.norm()) > 0


def test_what_nobody_can_tell_is_not_expected(known, editor, monkeypatch):
    monkeypatch.setattr(type(editor.clip), "unknown_words", lambda self, text: ("alien",) if "alien" in text else ())
    alien = editor.prospect("an alien", atlas=known)
    assert alien.unknown == ("alien",)
    assert alien.why == "CLIP was never shown 'alien'"
    other = editor.prospect("a person with blond hair", atlas=known)
    assert 0 <= other.reach <= 1
    assert alien.reach <= 0.5 * max(other.reach, 1.0)


@pytest.mark.parametrize("prompt", ["", "   "])
def test_an_empty_sentence_is_refused(editor, known, prompt):
    with pytest.raises(InputError):
        editor.sketch(prompt, atlas=known)
    with pytest.raises(InputError):
        editor.prospect(prompt, atlas=known)


def test_a_training_begins_there(editor, known, quick):
    told = []
    config = quick.replace(start="atlas", layers="auto")
    found = editor.train("a person with blond hair", config=config, callback=lambda step: told.append(step.phase))
    sketch = Sketch(
        generator=editor.generator,
        clip=editor.clip,
        atlas=known,
        prompt="a person with blond hair",
        try_strengths=False,
    ).find()
    assert set(told) <= {"survey", "train"}  # no trial of rows
    assert set(found.layers) == set(sketch.layers)
    assert float(F.cosine_similarity(found.deltas.flatten(), sketch.deltas.flatten(), dim=0)) > 0.9


def test_the_setting_of_a_training_that_begins_there():
    config = TrainConfig.from_atlas(seed=3)
    assert (config.start, config.seed) == ("atlas", 3)
    assert config.steps < TrainConfig().steps / 2
    assert config.replace(start="faces", steps=60, reuse=2, seed=0) == TrainConfig()


def test_an_atlas_is_of_w_plus():
    with pytest.raises(InputError, match=r'the start "atlas" is a delta in W\+; the space is \'W\''):
        TrainConfig(start="atlas", space="W")


def test_mini_brings_its_own(monkeypatch, tmp_path):
    """It ships, so that the first sketch needs no measuring."""
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    editor = Editor.from_pretrained("mini")
    found = editor.atlas(tell=pytest.fail)
    assert len(found.along) == 4096
    assert editor.prospect("a person with glasses", atlas=found).reach > 0.7
    assert editor.prospect("an alien", atlas=found).reach < 0.2


@pytest.mark.parametrize("prompt", ["a person", "no", "\U0001f600"])
def test_what_says_nothing_is_no_sketch(editor, known, prompt):
    with pytest.raises(InputError) as caught:
        editor.sketch(prompt, atlas=known)
    assert "says nothing that could be seen; say what is to be, such as" in str(caught.value)
    found = editor.prospect(prompt, atlas=known)
    assert (found.reach, found.why) == (0.0, "it says nothing that could be seen")


def test_a_sketch_is_not_held_to_what_was_painted(editor, known):
    mask = read_mask(torch.ones(32, 32).tril())
    with pytest.raises(InputError, match="a sketch is held to parts of the picture, and not to a painted mask"):
        editor.sketch("a person with blond hair", region=mask, atlas=known)


def test_a_file_will_do(editor, known, tmp_path):
    known.save(tmp_path / "a.safetensors", editor.generator, editor.clip, editor.parser)
    found = editor.sketch("a person with blond hair", atlas=tmp_path / "a.safetensors", try_strengths=False)
    assert torch.equal(found.deltas, editor.sketch("a person with blond hair", atlas=known, try_strengths=False).deltas)
    assert editor.prospect("blond hair", atlas=tmp_path / "a.safetensors") == editor.prospect("blond hair", atlas=known)


def test_a_word_that_clip_never_saw_is_told(editor, known):
    with pytest.warns(VocabularyWarning, match="was never shown 'blorb'"):
        assert editor.sketch("a person with blorb hair", atlas=known).weak
