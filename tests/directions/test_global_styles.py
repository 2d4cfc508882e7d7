"""StyleCLIP's global direction: the matrix of channels, where it is kept, and what a sentence makes of it."""

import pytest
import torch
from directions_kit import make
from torch.nn import functional as F

from eclipsed import Editor, VocabularyWarning
from eclipsed.directions import style_matrix_file
from eclipsed.directions.global_styles import GlobalStyles, text_change
from eclipsed.directions.style_matrix import BETAS, StyleMatrix, style_side
from eclipsed.errors import CheckpointError, EclipsedWarning, InputError, MissingModelError, OutputError
from eclipsed.files import header
from eclipsed.files.kinds import STYLES
from eclipsed.latents.latent import Latent
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.callable_clip import CallableClip
from eclipsed.pretrained.clip import Clip
from eclipsed.values.seeds import TRAINING_SEEDS

SIDE = 16  # the stub's generator draws 32 px, its CLIP looks at 32


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """Each test has its own cache."""
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def measured(editor, tmp_path_factory):
    """The matrix of the stub on eight faces, and its file."""
    patch = pytest.MonkeyPatch()
    home = tmp_path_factory.mktemp("home")
    patch.setenv("ECLIPSED_HOME", str(home))
    found = StyleMatrix.of(editor.generator, editor.clip, faces=8)
    patch.undo()
    (path,) = (home / "styles").iterdir()
    return found, path


def layers_of(generator):
    return [layer for layer in generator.layers if not layer.is_rgb and layer.resolution <= SIDE]


def looked(editor, styles):
    image = editor.generator.synthesis_from_styles(styles, SynthesisOptions(resolution=SIDE)).image
    return editor.clip.encode_images(image).double()


@torch.no_grad()
def by_hand(editor, faces, change):
    """Channel by channel and face by face: what CLIP sees less what it sees, unit, in the mean, unit."""
    generator, rows = editor.generator, []
    names = tuple(layer.name for layer in layers_of(generator))
    mean, deviation = WStatistics.of_generator(generator).styles(generator, names)
    first = 0
    for layer in layers_of(generator):
        for channel in range(layer.channels):
            ways = []
            for seed in range(TRAINING_SEEDS.start, TRAINING_SEEDS.start + faces):
                both = []
                for sign in (-1, 1):
                    styles = {k: v.clone() for k, v in Latent.of_seeds(generator, [seed]).styles(generator).items()}
                    value = styles[layer.name][0, channel]
                    at = first + channel
                    styles[layer.name][0, channel] = change(value, sign, float(mean[at]), float(deviation[at]))
                    both.append(looked(editor, styles)[0])
                ways.append(F.normalize(both[1] - both[0], dim=0))
            rows.append(F.normalize(torch.stack(ways).mean(dim=0), dim=0))
        first += layer.channels
    return torch.stack(rows)


def test_pictures_are_the_largest_that_clip_enlarges(editor):
    assert style_side(editor.generator, editor.clip) == SIDE
    for size, side in ((224, 32), (32, 16), (16, 8), (4, 4)):
        clip = CallableClip(lambda x: x.flatten(1), lambda t: torch.ones(len(t), 3), name="own", size=size)
        assert style_side(editor.generator, clip) == side


def test_a_row_is_the_mean_derivative(editor, measured):
    found, _ = measured
    assert found.layers == tuple(layer.name for layer in layers_of(editor.generator))
    assert found.faces == 8
    reference = by_hand(editor, 8, lambda value, sign, mean, deviation: value + 0.05 * sign * deviation)
    assert found.vectors.shape == reference.shape
    assert float(F.cosine_similarity(found.vectors.double(), reference, dim=1).min()) > 0.99
    torch.testing.assert_close(found.vectors.norm(dim=1), torch.ones(len(reference)))


def test_a_row_is_the_published_difference_when_a_step_is_named(editor):
    found = StyleMatrix.of(editor.generator, editor.clip, faces=4, step=5)
    reference = by_hand(editor, 4, lambda value, sign, mean, deviation: mean + 5 * sign * deviation)
    torch.testing.assert_close(found.vectors.double(), reference, rtol=1e-3, atol=1e-4)


def test_it_is_measured_once(editor, tmp_path):
    told = []
    first = StyleMatrix.of(editor.generator, editor.clip, faces=8, tell=lambda *both: told.append(both))
    assert told == [(4, 8), (8, 8)]
    again = StyleMatrix.of(editor.generator, editor.clip, faces=8, tell=pytest.fail)
    assert torch.equal(again.vectors, first.vectors)
    fewer = StyleMatrix.of(editor.generator, editor.clip, faces=3, tell=pytest.fail)
    assert (fewer.faces, len(list((tmp_path / "home" / "styles").iterdir()))) == (8, 1)
    assert torch.equal(fewer.vectors, first.vectors)
    more = StyleMatrix.of(editor.generator, editor.clip, faces=9, tell=lambda *both: told.append(both))
    assert (more.faces, told[2:]) == (12, [(12, 12)])


def test_one_that_was_killed_goes_on_where_it_was_and_ends_the_same(editor, measured):
    def kill(done, _):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        StyleMatrix.of(editor.generator, editor.clip, faces=8, tell=kill)
    told = []
    resumed = StyleMatrix.of(editor.generator, editor.clip, faces=8, tell=lambda *both: told.append(both))
    assert told == [(8, 8)]
    assert torch.equal(resumed.vectors, measured[0].vectors)


def test_a_damaged_cache_is_measured_again(editor, measured, tmp_path):
    place = tmp_path / "home" / "styles" / measured[1].name
    place.parent.mkdir(parents=True)
    good = measured[1].read_bytes()
    for damage in (good[:80], b"", b"no file of ours", measured[1].with_name("x").name.encode()):
        place.write_bytes(damage)
        assert torch.equal(StyleMatrix.of(editor.generator, editor.clip, faces=8).vectors, measured[0].vectors)
        assert place.read_bytes() == good


def test_a_full_disk_stops_nobody_but_is_said_once(editor, measured, monkeypatch):
    def full(*_, **__):
        raise OutputError("cannot write x: no space left on device; nothing was saved there")

    monkeypatch.setattr(style_matrix_file.header, "write", full)
    with pytest.warns(EclipsedWarning) as said:
        found = StyleMatrix.of(editor.generator, editor.clip, faces=8)
    assert [str(one.message) for one in said] == [
        "what style channels do is not kept for the next time: cannot write x: no space left on device; nothing was "
        "saved there"
    ]
    assert torch.equal(found.vectors, measured[0].vectors)


def test_of_a_clip_that_nobody_can_tell_nothing_is_kept(editor, tmp_path):
    clip = CallableClip(
        lambda images: images.mean(dim=3).flatten(1), lambda texts: torch.ones(len(texts), 96), name="own", size=32
    )
    assert StyleMatrix.of(editor.generator, clip, faces=4).vectors.shape[1] == 96
    assert not (tmp_path / "home").exists()


def others(model_set, tmp_path):
    from conftest import make_clip, make_generator

    generator = make_generator(tmp_path / "other.safetensors", seed=5)
    return Editor(generator, None, make_clip(tmp_path / "clip", seed=7), name="other", device="cpu")


def test_a_file_of_other_networks_is_refused(editor, model_set, measured, tmp_path):
    path, other = measured[1], others(model_set, tmp_path)
    found = StyleMatrix.load(path, editor.generator, editor.clip)
    assert torch.equal(found.vectors, measured[0].vectors)
    assert torch.equal(found.deviations, measured[0].deviations)
    said = f"{path} tells what the style channels of 'stub' do to the CLIP 'clip'; the "
    for networks, what in (
        ((other.generator, editor.clip), f"generator here, '{other.generator.name}', is another"),
        ((editor.generator, other.clip), f"CLIP here, '{other.clip.name}', is another"),
    ):
        with pytest.raises(CheckpointError) as refused:
            StyleMatrix.load(path, *networks)
        assert str(refused.value) == f"{said}{what}; leave the file out, and they are measured"


def test_a_file_that_is_none_is_one_sentence(editor, measured, tmp_path):
    own = (editor.generator, editor.clip)
    place = tmp_path / "matrix.safetensors"
    with pytest.raises(MissingModelError, match=f"^the matrix of style channels {place} does not exist$"):
        StyleMatrix.load(place, *own)
    place.write_bytes(measured[1].read_bytes()[:200])
    with pytest.raises(CheckpointError, match=f"^{place} is damaged or cut short: "):
        StyleMatrix.load(place, *own)
    make(editor.generator, name="first").save(place)
    with pytest.raises(CheckpointError, match="holds no matrix of style channels but 'direction'; leave it out"):
        StyleMatrix.load(place, *own)
    data, tensors = header.read(measured[1], STYLES)
    total = tensors["total"]
    for wrong in (
        (data, {"total": total[1:]}),
        (data, {}),
        (data, {"total": total * torch.nan}),
        ({**data, "faces": 0}, tensors),
        ({**data, "styles": 3}, tensors),
        ({**data, "styles": [["b4.conv1"]]}, tensors),
    ):
        header.write(place, STYLES, *wrong)
        with pytest.raises(CheckpointError, match=r"is damaged: its numbers are not those of \d+ style channels$"):
            StyleMatrix.load(place, *own)
    header.write(place, STYLES, {**data, "styles": [["b9.conv1", len(total)]]}, tensors)
    with pytest.raises(CheckpointError, match=r"is damaged: its layers are not those of 'stub'$"):
        StyleMatrix.load(place, *own)


def test_a_generator_without_style_channels_is_one_sentence(editor, monkeypatch):
    colours = tuple(layer for layer in editor.generator.layers if layer.is_rgb)
    monkeypatch.setattr(editor.generator, "layers", colours)
    with pytest.raises(InputError) as said:
        StyleMatrix.of(editor.generator, editor.clip)
    assert str(said.value) == "the generator 'stub' has no style channels but those of colours; edit w instead"


def rows(relevances):
    """A matrix whose channels have some relevances to (1, 0)."""
    r = torch.tensor(relevances)
    return StyleMatrix(("b4.conv1",), torch.stack([r, (1 - r**2).sqrt()], dim=1), torch.arange(1.0, len(r) + 1), 4)


ASKED = torch.tensor([1.0, 0.0])


def test_beta_is_chosen_as_published():
    some = [0.35] * 5 + [-0.145] * 16 + [0.12] * 10
    found = rows(some)
    assert found.threshold(found.relevance(ASKED)) == 0.14  # 21 are left, more than 20
    assert int((found.delta(ASKED) != 0).sum()) == 21
    few = rows([0.5, -0.3, 0.05])
    assert few.threshold(few.relevance(ASKED)) == BETAS[0] == 0.10
    many = rows([0.9] * 30)
    assert many.threshold(many.relevance(ASKED)) == BETAS[-1] == 0.29


def test_a_delta_is_relevance_over_the_greatest_times_deviation():
    found = rows([0.4, -0.2, 0.1, 0.05])
    torch.testing.assert_close(found.delta(ASKED, beta=0.15), torch.tensor([1.0, -1.0, 0.0, 0.0]))
    torch.testing.assert_close(found.delta(ASKED, count=3), torch.tensor([1.0, -1.0, 0.75, 0.0]))
    torch.testing.assert_close(found.delta(-ASKED, count=1), torch.tensor([-1.0, 0.0, 0.0, 0.0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": 0.5}, "no style channel has a relevance of 0.5 to this sentence; the most is 0.40"),
        ({"beta": 0.1, "count": 2}, "channels are chosen by beta or by their count; give one of them"),
        ({"beta": 1.5}, "beta must be"),
        ({"count": 0}, "count must be a whole number from 1 to 4; got 0"),
        ({"count": 5}, "count must be a whole number from 1 to 4; got 5"),
    ],
)
def test_channels_that_cannot_be_chosen_are_one_sentence(options, message):
    with pytest.raises(InputError, match=message):
        rows([0.4, -0.2, 0.1, 0.05]).delta(ASKED, **options)


def test_a_change_of_another_clip_is_refused():
    with pytest.raises(InputError, match=r"is of a CLIP with vectors of length 2; got \(3,\)"):
        rows([0.4]).relevance(torch.ones(3))


class Words(Clip):
    """A CLIP whose vectors are counts of words."""

    logit_scale = 1.0

    def __init__(self, words):
        super().__init__("words", 32, vocabulary=words)
        self.order = list(words)

    def encode_images(self, images, *, dtype=None):
        raise AssertionError("a sentence looks at no picture")

    def sentence_vectors(self, sentences):
        counts = [[one.split().count(word) for word in self.order] for one in sentences]
        return F.normalize(torch.tensor(counts).float() + 1e-3, dim=1)


def test_the_way_between_captions_is_that_of_their_means_over_templates():
    clip = Words(["a", "the", "photo", "of", "drawing", "clean", "person", "face", "with", "hat", "beard"])
    known = ["a photo of a {}", "a photo of the {}", "a drawing of a {}", "a drawing of the {}"]
    known += ["a photo of a clean {}", "a photo of the clean {}"]

    def mean(caption):
        total = torch.zeros(len(clip.order), dtype=torch.float64)
        for one in known:
            vector = torch.tensor([one.format(caption).split().count(word) + 1e-3 for word in clip.order]).double()
            total += vector / vector.norm()
        return total / total.norm()

    expected = mean("person with hat") - (mean("person") + mean("face with beard")) / 2
    found = text_change(clip, "a person with hat", ["the person", "a face with beard"])
    torch.testing.assert_close(found.double(), expected / expected.norm(), rtol=1e-4, atol=1e-5)


def test_where_no_template_is_known_the_caption_stands_alone():
    clip = Words(["hat", "beard"])
    expected = F.normalize(clip.sentence_vectors(["hat"])[0] - clip.sentence_vectors(["beard"])[0], dim=0)
    torch.testing.assert_close(text_change(clip, "hat", ["beard"]), expected)


def test_captions_that_say_the_same_are_refused():
    with pytest.raises(InputError, match="to the CLIP model 'words' 'hat' says the same as 'hat'"):
        text_change(Words(["hat", "beard"]), "hat", ["hat"])


def finder(editor, measured, prompt, **options):
    return GlobalStyles(generator=editor.generator, clip=editor.clip, prompt=prompt, matrix=measured[0], **options)


def test_texts_come_from_the_reading(editor, measured):
    assert finder(editor, measured, "make the hair blond").texts == (("a person with blond hair", ("a person",), 1.0),)
    assert finder(editor, measured, "remove the glasses").texts == (("a person with glasses", ("a person",), -1.0),)
    assert len(finder(editor, measured, "blond hair and glasses").texts) == 2
    given = finder(editor, measured, "a person with blond hair", target="blond hair", neutral="hair").texts
    assert given == (("blond hair", ("hair",), 1.0),)


def test_what_is_to_go_is_the_way_back(editor, measured):
    there, gone = (finder(editor, measured, one).find() for one in ("a person with glasses", "remove the glasses"))
    torch.testing.assert_close(gone.deltas, -there.deltas)


def test_a_sentence_without_a_known_word_is_one_sentence(editor, measured):
    with pytest.raises(InputError) as said:
        finder(editor, measured, "a person with zxcv").find()
    message = "the CLIP model 'clip' was never shown a word of 'a person with zxcv'; say it in other words"
    assert str(said.value) == message


def test_words_that_are_partly_unknown_are_warned_of(editor, measured):
    with pytest.warns(VocabularyWarning, match=r"was never shown 'zxcv'; the edit may have nothing to do with it"):
        found = finder(editor, measured, "a person with zxcv hair").find()
    assert found.scores["unknown"] == ["zxcv"]


def test_an_editor_finds_and_calibrates(editor, measured):
    found = editor.global_styles("a person with blond hair", matrix=measured[1], count=5)
    assert (found.space, found.method, found.clip) == ("S", "global style direction", "clip")
    assert (found.prompt, found.region.parts) == ("a person with blond hair", ("hair",))
    assert found.config["channels"] == int((found.deltas != 0).sum()) == 5
    assert found.config["faces"] == 8
    assert "clip_gain" in found.scores
    assert found.scale > 0
    faces = editor.sample(seeds=[1])
    assert torch.equal(editor.edit(faces, found, 0.0).images, faces.images)
    assert not torch.equal(editor.edit(faces, found, 1.0).images, faces.images)


def test_an_editor_measures_what_is_missing_but_not_for_what_cannot_be_said(editor):
    with pytest.raises(InputError, match="was never shown a word of"):
        editor.global_styles("a person with zxcv", tell=pytest.fail)
    told = []
    editor.global_styles("a person with glasses", faces=4, count=5, tell=lambda *both: told.append(both))
    assert told == [(4, 4)]
