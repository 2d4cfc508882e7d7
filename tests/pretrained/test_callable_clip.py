"""A CLIP made of two functions does all that one of open_clip's does, and says what is wrong with a function."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

import eclipsed
from eclipsed.editor import Editor
from eclipsed.errors import EclipsedWarning, InputError, VocabularyWarning
from eclipsed.images.conversion import to_pil
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.pretrained.clip import Clip, OpenClip
from eclipsed.pretrained.perception import Perception

PROMPT = "a person with blond hair"


class Colours(nn.Module):
    """The mean colour of a picture, with something to freeze."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, images):
        return self.norm(images).mean(dim=(2, 3))


def spelled(sentences):
    """Vectors that tell sentences apart by their letters."""
    return torch.tensor([[sentence.count(letter) + 0.5 for letter in "abl"] for sentence in sentences])


def make(images=None, texts=spelled, **how):
    return eclipsed.CallableClip(images or Colours(), texts, **{"name": "colours", "size": 16, "device": "cpu", **how})


def pictures(*shape):
    return torch.rand(*(shape or (2, 3, 24, 20)), generator=torch.Generator().manual_seed(0)) * 3 - 1.5


def test_pictures_become_unit_vectors_of_the_functions_making():
    seen = []
    clip = make(lambda images: (seen.append(images), images.mean(dim=(2, 3)) * 7)[1])
    given = pictures()
    vectors = clip.encode_images(given)
    assert seen[0].shape == (2, 3, 16, 16)
    assert seen[0].dtype == torch.float32
    assert float(seen[0].abs().max()) <= 1
    assert_close(vectors, F.normalize(seen[0].mean(dim=(2, 3)), dim=-1))
    assert torch.equal(clip.encode_images(given.double(), dtype=torch.bfloat16), vectors)
    assert_close(torch.cat([clip.encode_images(one[None]) for one in given]), vectors)


def test_a_picture_of_the_right_size_is_left_as_it_is():
    seen = []
    given = pictures(1, 3, 16, 16).clamp(-1, 1)
    make(lambda images: (seen.append(images), images.mean(dim=(2, 3)))[1]).encode_images(given)
    assert torch.equal(seen[0], given)


def test_sentences_are_asked_for_once():
    asked = []
    clip = make(texts=lambda sentences: (asked.append(sentences), spelled(sentences))[1])
    first = clip.encode_text(["a b", "all"])
    again = clip.encode_text(["all", "new", "a b", "new"])
    assert asked == [["a b", "all"], ["new"]]
    assert torch.equal(again[[2, 0]], first)
    assert_close(first, F.normalize(spelled(["a b", "all"]), dim=-1))
    with pytest.raises(InputError, match="the prompt is empty"):
        clip.encode_text(" ")


def test_gradients_reach_the_pictures_and_not_the_functions_weights():
    clip = make()
    given = pictures().requires_grad_()
    clip.encode_images(given)[:, 0].sum().backward()
    assert torch.isfinite(given.grad).all()
    assert given.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in clip.parameters())
    assert not clip.train().image_encoder.training


def test_what_it_is():
    clip = make(vocabulary=["Person", "hair"], logit_scale=7)
    assert isinstance(clip, Clip)
    assert (clip.name, clip.size, clip.logit_scale, clip.recordable, clip.tower) == ("colours", 16, 7.0, False, None)
    assert clip.unknown_words("a person's curly Hair") == ("a", "curly")
    assert make().unknown_words("anything") == ()
    assert clip.device == torch.device("cpu")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"images": 3}, "image_encoder must be callable; got int"),
        ({"texts": "x"}, "text_encoder must be callable; got str"),
        ({"name": ""}, "name must be a text; got ''"),
        ({"size": 0}, "size must be a whole number from 1; got 0"),
        ({"logit_scale": math.nan}, "logit_scale must be a number from 0; got nan"),
        ({"device": "abacus"}, "abacus"),
    ],
)
def test_what_is_no_clip(how, message):
    with pytest.raises(InputError, match=message):
        make(**how)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda images: None, r"image_encoder of CLIP 'colours' must give float vectors \(2, D\); got NoneType"),
        (lambda images: images, r"got torch.float32 \(2, 3, 16, 16\)"),
        (lambda images: images.mean(dim=(2, 3))[:1], r"got torch.float32 \(1, 3\)"),
        (lambda images: images.mean(dim=(2, 3)).long(), r"got torch.int64 \(2, 3\)"),
    ],
)
def test_a_function_that_gives_something_else(function, message):
    with pytest.raises(InputError, match=message):
        make(function).encode_images(pictures())


def test_both_functions_give_vectors_of_one_length():
    clip = make(texts=lambda sentences: torch.ones(len(sentences), 4))
    clip.encode_text("a")
    with pytest.raises(InputError, match=r"must give float vectors \(2, 4\); got torch.float32 \(2, 3\)"):
        clip.encode_images(pictures())


def test_a_function_without_a_gradient_is_said_before_anything_is_learned():
    clip = make(lambda images: images.detach().mean(dim=(2, 3)))
    clip.encode_images(pictures())
    with pytest.raises(InputError, match="must be differentiable"):
        clip.encode_images(pictures().requires_grad_())


def test_functions_of_a_clip_train_what_the_clip_trains(editor, model_set, quick):
    own = eclipsed.CallableClip(
        editor.clip.encode_images,
        editor.clip.encode_text,
        name="own",
        size=editor.clip.size,
        logit_scale=editor.clip.logit_scale,
        vocabulary=(model_set / "clip" / "vocabulary.txt").read_text().split(),
        device="cpu",
    )
    config = quick.replace(steps=2, precision="float32")
    one = Editor(editor.generator, editor.parser, own, truncation_psi=editor.truncation_psi)
    direction = one.train(PROMPT, config=config)
    wanted = editor.train(PROMPT, config=config)
    assert float(wanted.deltas.abs().max()) > 0
    assert_close(direction.deltas, wanted.deltas, rtol=1e-3, atol=1e-5)


def test_words_that_it_was_never_shown_are_named(editor, quick):
    own = Editor(editor.generator, editor.parser, make(vocabulary=["person", "with", "hair"]))
    with pytest.warns(VocabularyWarning, match="'colours' was never shown 'curly'"):
        own.train("person with curly hair", config=quick.replace(steps=1))


def test_perception_compares_its_vectors(editor):
    clip = make()
    maps = Perception(clip).maps(pictures())
    assert [tuple(one.shape) for one in maps] == [(2, 1, 3)]
    assert_close(maps[0][:, 0], clip.encode_images(pictures()))
    assert Perception(editor.clip).maps(pictures())[0].shape[1] > 1  # a place for each patch


def test_photos_are_inverted_with_it(editor):
    own = Editor(editor.generator, editor.parser, make())
    picture = to_pil(editor.sample(seeds=1).images)[0]
    with pytest.warns(EclipsedWarning, match="no encoder"):
        faces = own.invert(picture, aligned=True, config=InversionConfig(steps_from_mean=2, finish_steps=0))
    assert len(faces) == 1


def test_the_door_stays(model_set):
    clip = Clip.from_pretrained(model_set / "clip", device="cpu")
    assert type(clip) is OpenClip
    with pytest.raises(TypeError, match="abstract"):
        Clip("a", 3)
