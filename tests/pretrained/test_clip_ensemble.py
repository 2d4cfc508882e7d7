"""Several CLIPs as one: verdicts are averaged, gradients brought to one length, and nothing of one's units is left."""

import math
import pickle

import pytest
import torch
from conftest import make_clip
from torch.nn import functional as F
from torch.testing import assert_close

import eclipsed
from eclipsed.directions.margins import clip_margin
from eclipsed.editor import Editor
from eclipsed.errors import InputError
from eclipsed.pretrained.callable_clip import CallableClip
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.clip_ensemble import ClipEnsemble
from eclipsed.training.config import TrainConfig

PROMPT = "a person with blond hair"
TEXTS = (PROMPT, "a person with black hair", "a person with no hair")


class Narrow(Clip):
    """Another CLIP in narrower cosines and a larger scale, so that every softmax is the same.

    Args:
        clip: the other one.
        share: of its cosines that are left.
    """

    def __init__(self, clip, share=0.1):
        super().__init__(clip.name, clip.size)
        self.clip, self.share = clip, share

    @property
    def logit_scale(self):
        return self.clip.logit_scale / self.share

    def _narrowed(self, vectors):
        return torch.cat([vectors * self.share**0.5, vectors.new_full((len(vectors), 1), (1 - self.share) ** 0.5)], 1)

    def encode_images(self, images, *, dtype=None):
        return self._narrowed(self.clip.encode_images(images, dtype=dtype))

    def sentence_vectors(self, sentences):
        return self._narrowed(self.clip.encode_text(sentences))


def named(clip, name):
    """The same CLIP by another name."""
    other = Narrow(clip, 1.0)
    other.name = name
    return other


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """The folder of another CLIP than the editor's."""
    return make_clip(tmp_path_factory.mktemp("clips") / "second", seed=5)


@pytest.fixture(scope="module")
def clips(editor, second):
    return editor.clip, Narrow(Clip.from_pretrained(second, device="cpu"), 0.3)


@pytest.fixture(scope="module")
def both(clips):
    return ClipEnsemble(clips)


def pictures(count=3):
    return torch.rand(count, 3, 40, 40, generator=torch.Generator().manual_seed(0)) * 2 - 1


def with_clips(editor, clip, **how):
    return Editor(editor.generator, editor.parser, clip, name="both", truncation_psi=0.8, **how)


# --- what it is


def test_a_cosine_times_the_scale_is_the_mean_of_the_members_logits(both, clips):
    seen, texts = both.encode_images(pictures()), both.encode_text(TEXTS)
    each = [one.logit_scale * one.encode_images(pictures()) @ one.encode_text(TEXTS).T for one in clips]
    assert_close(both.logit_scale * seen @ texts.T, sum(each) / 2, rtol=1e-4, atol=1e-4)
    assert_close(seen.norm(dim=1), torch.ones(3))
    assert_close(texts.norm(dim=1), torch.ones(3))


def test_its_vectors_are_parted_again(both, clips):
    for whole, part in ((both.encode_images(pictures()), "images"), (both.encode_text(TEXTS), "text")):
        own = [one.encode_images(pictures()) if part == "images" else one.encode_text(TEXTS) for one in clips]
        for found, wanted in zip(both.split(whole), own, strict=True):
            assert_close(found, wanted)
        assert_close(both.split(whole[0])[1], own[1][0])


def test_one_clip_is_its_only_member(editor):
    clip = editor.clip
    vectors = clip.encode_text(TEXTS)
    assert clip.members == (clip,)
    assert clip.scales == (1.0,)
    assert clip.split(vectors)[0] is vectors


def test_what_it_says_of_itself(both, clips):
    assert isinstance(both, eclipsed.Clip)
    assert both.members == clips
    assert both.name == f"{clips[0].name} + {clips[1].name}"
    assert both.scales == pytest.approx([6 / 13, 20 / 13])  # 14.3 and 14.3 / 0.3
    assert (both.size, both.device, both.recordable) == (32, torch.device("cpu"), False)
    assert ClipEnsemble([clips[0], named(clips[0], "other")]).recordable is False


def test_its_fingerprint_is_that_of_all_members(editor, second, both):
    other = Clip.from_pretrained(second, device="cpu")
    found = ClipEnsemble([editor.clip, other]).fingerprint
    assert found == ClipEnsemble([editor.clip, other]).fingerprint
    assert found not in (None, ClipEnsemble([other, editor.clip]).fingerprint, editor.clip.fingerprint)
    assert both.fingerprint is None  # one of the members is of the test's own making


def test_a_word_is_known_when_all_know_it_whose_words_are_known():
    def clip(name, words):
        return CallableClip(lambda i: i.mean(dim=(2, 3)), lambda t: torch.ones(len(t), 3), name=name, vocabulary=words)

    both = ClipEnsemble([clip("a", ["red", "hair"]), clip("b", None), clip("c", ["hair", "hat"])])
    assert both.unknown_words("red hair hat") == ("red", "hat")
    assert ClipEnsemble([clip("a", None), clip("b", None)]).words is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda one: [one], "several CLIPs are at least two; got 1"),
        (lambda one: [one, one], r"several CLIPs must have different names; got '(.*)', '\1'"),
        (
            lambda one: [one, CallableClip(abs, abs, name="far", device="cpu").to("meta")],
            "several CLIPs must run on one device; got cpu and meta",
        ),
        (
            lambda one: [one, CallableClip(abs, abs, name="flat", logit_scale=0, device="cpu")],
            r"several CLIPs need scales above 0 to be averaged; got 14.\d+, 0.0",
        ),
    ],
)
def test_what_is_no_ensemble(editor, make, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        ClipEnsemble(make(editor.clip))


# --- gradients


def test_each_faces_gradients_are_brought_to_one_length_and_averaged(both, clips):
    def loss(clip, vectors, weight):
        return weight * -(vectors @ clip.encode_text(PROMPT)[0]).sum()

    weights = (1.0, 50.0)  # one CLIP speaks much louder
    own = []
    for clip, weight in zip(clips, weights, strict=True):
        images = pictures().requires_grad_()
        own += torch.autograd.grad(loss(clip, clip.encode_images(images), weight), images)
    lengths = torch.stack([one.flatten(1).norm(dim=1) for one in own])  # (CLIPs, N)
    units = [one / length.view(-1, 1, 1, 1) for one, length in zip(own, lengths, strict=True)]
    wanted = (units[0] + units[1]) / 2 * lengths.mean(dim=0).view(-1, 1, 1, 1)

    images = pictures().requires_grad_()
    parts = zip(clips, both.split(both.encode_images(images)), weights, strict=True)
    (found,) = torch.autograd.grad(sum(loss(*part) for part in parts) / 2, images)
    assert_close(found, wanted, rtol=1e-3, atol=1e-6)


def test_a_clip_that_says_nothing_of_a_face_has_no_say(both, clips):
    images = pictures().requires_grad_()
    seen = both.split(both.encode_images(images))[0]
    (found,) = torch.autograd.grad((seen @ clips[0].encode_text(PROMPT)[0]).sum(), images)
    alone = pictures().requires_grad_()
    (wanted,) = torch.autograd.grad((clips[0].encode_images(alone) @ clips[0].encode_text(PROMPT)[0]).sum(), alone)
    assert torch.isfinite(found).all()
    assert_close(found, wanted, rtol=1e-4, atol=1e-7)


# --- in an editor


def test_a_list_of_one_is_that_one(editor, quick, direction):
    assert with_clips(editor, [editor.clip]).clip is editor.clip
    again = with_clips(editor, (editor.clip,)).train(PROMPT, config=quick)
    assert torch.equal(again.deltas, direction.deltas)
    assert again.clip == direction.clip


def test_several_of_every_kind(editor, second):
    own = with_clips(editor, [lambda: editor.clip, second])
    assert own.clip is own.clip
    assert own.clip.members[0] is editor.clip
    assert own.clip.members[1].name.endswith("second")


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (
            [],
            "the CLIP model must be one, its file, or a function that loads it, or a list of these; got an empty list",
        ),
        ([3], "the CLIP model must be one, its file, or a function that loads it, or a list of these; got 3"),
        (["ViT-B-32/nobody"], "ViT-B-32 has no weights 'nobody'"),
    ],
)
def test_lists_that_hold_no_clips(editor, clip, message):
    with pytest.raises(InputError, match=message):
        with_clips(editor, clip)


def test_what_cannot_go_together_is_said_at_once(editor):
    with pytest.raises(InputError, match="several CLIPs must have different names"):
        with_clips(editor, [editor.clip, editor.clip])


def test_a_set_with_several_other_clips_trains_saves_and_goes_to_a_worker(model_set, second, quick, tmp_path):
    editor = Editor.from_pretrained(model_set, device="cpu", clip=[model_set / "clip", second])
    found = editor.train(PROMPT, config=quick, state=tmp_path / "state.safetensors")
    assert found.clip == " + ".join(one.name for one in editor.clip.members)
    loaded = eclipsed.Direction.load(found.save(tmp_path / "found.safetensors"))
    assert loaded.clip == found.clip
    again = pickle.loads(pickle.dumps(editor))
    assert again.clip.name == editor.clip.name
    alone = Editor.from_pretrained(model_set, device="cpu")
    with pytest.raises(InputError, match=r"the saved training has the CLIP model '.* \+ .*second'"):
        alone.train(PROMPT, config=quick, resume=tmp_path / "state.safetensors")


def test_an_editor_of_several_objects_goes_to_a_worker(editor, second):
    again = pickle.loads(pickle.dumps(with_clips(editor, [editor.clip, second])))
    assert [one.name for one in again.clip.members] == [editor.clip.name, Clip.from_pretrained(second).name]


@pytest.mark.parametrize("changes", [{}, {"clip_loss": "directional"}, {"clip_loss": "similarity"}, {"layers": "auto"}])
def test_every_loss_takes_several(editor, clips, quick, changes):
    steps = []
    own = with_clips(editor, clips)
    found = own.train(PROMPT, config=quick.replace(**changes), callback=steps.append)
    alone = editor.train(PROMPT, config=quick.replace(**changes))
    assert torch.isfinite(found.deltas).all()
    assert not torch.equal(found.deltas, alone.deltas)
    assert [math.isfinite(step.loss) for step in steps if step.phase == "train"] == [True] * 6


def test_the_batch_may_be_cut(editor, clips, quick):
    own = with_clips(editor, clips)
    whole = own.train(PROMPT, config=quick)
    cut = own.train(PROMPT, config=quick.replace(low_memory=True))
    assert_close(cut.deltas, whole.deltas, rtol=1e-3, atol=1e-5)


def test_the_loss_is_the_mean_of_the_members(editor, clips, quick):
    """Of a step that begins at the same place, with terms that look through CLIP alone."""

    def first(clip):
        steps = []
        config = quick.replace(start="small", start_scale=0.5, loss=("clip", "preservation"), steps=1)
        with_clips(editor, clip).train(PROMPT, config=config, callback=steps.append)
        return steps[0].loss

    plain = (clips[0], clips[1].clip)  # of one scale, so that the temperature is the config's
    assert first(plain) == pytest.approx(sum(map(first, plain)) / 2, rel=1e-4)


def test_the_units_of_a_clip_do_not_matter(editor, clips):
    """Two unit systems give one direction: a member in narrow cosines with a scale that makes up for them."""
    config = TrainConfig(steps=12, batch=2, start_faces=64, layers=None, calibrate=False, warmup=1)
    other = clips[1].clip
    found = []
    for shares in ((1.0, 1.0), (1.0, 0.1)):
        members = [Narrow(one, share) for one, share in zip((editor.clip, other), shares, strict=True)]
        found.append(with_clips(editor, members).train(PROMPT, config=config).deltas.flatten())
    assert float(F.cosine_similarity(*found, dim=0)) >= 0.99


def test_the_survey_and_the_margins_read_every_clip(editor, both, clips):
    from eclipsed.directions.survey import Survey
    from eclipsed.networks.layers import SynthesisOptions

    seen = Survey.of(editor.generator, both, options=SynthesisOptions(resolution=32), count=64)
    images = editor.sample(seeds=range(4), truncation_psi=1.0).images
    logits = sum(one.logit_scale * one.encode_images(images) @ one.encode_text(TEXTS).T for one in clips) / 2
    wanted = logits[:, 0] - logits[:, 1:].amax(dim=1)
    assert_close(clip_margin(both, both.encode_text(TEXTS))(images), wanted, rtol=1e-3, atol=1e-3)
    assert seen.embedding.shape[1] == sum(one.encode_text(PROMPT).shape[1] for one in clips)
    surveys = [Survey.of(editor.generator, one, options=SynthesisOptions(resolution=32), count=64) for one in clips]
    pairs = zip(surveys, clips, strict=True)
    logits = sum(clip.logit_scale * one.embedding @ clip.encode_text(TEXTS).T for one, clip in pairs) / 2
    wanted = logits[:, 0] - logits[:, 1:].amax(dim=1)
    assert_close(both.logit_scale * seen.margins(both.encode_text(TEXTS)), wanted, rtol=1e-3, atol=1e-3)


def test_photographs_are_compared_by_the_first(editor, clips):
    own = with_clips(editor, clips)
    assert own._eye is clips[0]
