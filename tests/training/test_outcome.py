"""What an edit came out as, where that is not what was asked for."""

from types import SimpleNamespace

import pytest
import torch

from eclipsed.prompts.reading import read
from eclipsed.training.outcome import instead
from eclipsed.worlds.world import find_world

RED, PALE, EVEN, HAT, NO_HAT, LONG, SHORT = (
    "a person with a red forehead",
    "a person with a pale forehead",
    "a person with an even forehead",
    "a person wearing a hat",
    "a person without a hat",
    "a person with long hair",
    "a person with short hair",
)
ALL = (RED, PALE, EVEN, HAT, NO_HAT, LONG, SHORT)


class _Clip:
    """A CLIP whose pictures say how much they have of each caption."""

    def encode_text(self, texts):
        return torch.eye(len(ALL))[[ALL.index(text) for text in texts]]

    def encode_images(self, images):
        return images


def came_out(before, after):
    """What `instead` says of faces of which these captions are true, before and after."""

    def pictures(faces):
        return torch.stack([torch.tensor([float(text in face) for text in ALL]) for face in faces])

    latents = {"before": pictures(before), "after": pictures(after)}
    held_out = SimpleNamespace(
        latent=lambda: SimpleNamespace(ws=torch.zeros(1), name="before"),
        render=lambda faces: [(slice(0, 1), latents[faces.name][:1]), (slice(1, None), latents[faces.name][1:])],
    )
    moved = SimpleNamespace(ws=torch.zeros(1), name="after")
    direction = SimpleNamespace(
        deltas=torch.zeros(1, 1), scale=1.0, space_of=lambda _: SimpleNamespace(move=lambda *_: moved)
    )
    said = SimpleNamespace(bystanders=((NO_HAT, HAT), (LONG, SHORT)))
    task = SimpleNamespace(
        reference=None,
        reading=SimpleNamespace(statements=(said,)),
        caption_texts=lambda _: [RED, PALE, EVEN],
        clip=_Clip(),
        generator=None,
    )
    return instead(task, direction, held_out)


PLAIN = {PALE, NO_HAT, LONG}


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ([{RED, NO_HAT, LONG}] * 4, ""),
        ([{RED, HAT, LONG}] * 4, HAT),  # CLIP takes a hat for it
        ([{RED, HAT, LONG}] * 2 + [{RED, NO_HAT, LONG}] * 2, HAT),
        ([{RED, HAT, LONG}] + [{RED, NO_HAT, LONG}] * 3, ""),  # one of four
        ([{RED, HAT, SHORT}] * 2 + [{RED, NO_HAT, SHORT}] * 2, SHORT),  # what most come to have
        ([PLAIN] * 4, ""),
    ],
)
def test_what_nobody_asked_for_is_told_where_half_of_the_faces_have_it(after, said):
    assert came_out([PLAIN] * 4, after) == said


def test_a_contrast_goes_first():
    turned = [{EVEN, HAT, LONG}] * 4
    assert came_out([PLAIN] * 4, turned) == EVEN
    assert came_out([{RED, NO_HAT, LONG}] * 4, turned) == HAT  # faces that had the prompt's caption have no say


def test_no_class_of_a_classifier_means_the_colour_of_a_painted_part():
    attributes = {"blush": ("no", "yes"), "age": ("young", "old")}
    face = find_world("face")
    world = face.with_parts({"forehead": ("forehead",)})
    assert read(RED, world=face).target(attributes).attribute == "blush"
    assert read(RED, world=world).target(attributes) is None
    assert read("a person with wrinkles on the forehead", world=world).target(attributes).attribute == "age"
    assert read("a person with red cheeks", world=world).target(attributes).attribute == "blush"
