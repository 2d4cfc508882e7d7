"""Margins of several judges, and of what cannot be seen."""

from types import MappingProxyType

import torch
from torch.testing import assert_close

from eclipsed.directions.margins import clip_margin, seen_margin
from eclipsed.prompts.target import Target


class Stub:
    """A classifier of hats and their colours, whose probabilities stand in the pictures' first pixels."""

    attributes = MappingProxyType({"hat": ("no", "yes"), "hat_colour": ("red", "blue"), "smile": ("no", "yes")})

    def probabilities(self, images):
        p = images[:, :, 0, 0]
        return {
            name: torch.stack([1 - p[:, k], p[:, k]] if name != "hat_colour" else [p[:, k], 1 - p[:, k]], dim=1)
            for k, name in enumerate(self.attributes)
        }

    def labels(self, images):
        return {name: values.argmax(dim=1) for name, values in self.probabilities(images).items()}

    def seen(self, labels):
        every = torch.ones_like(labels["hat"], dtype=torch.bool)
        return {"hat": every, "hat_colour": labels["hat"] == 1, "smile": every}


def pictures(*rows):
    return torch.tensor(rows)[:, :, None, None].expand(-1, -1, 2, 2)


def test_the_colour_of_a_hat_that_is_not_there_is_neither_right_nor_wrong():
    margin = seen_margin(Stub(), [Target("hat_colour", ("red",))])
    found = margin(pictures((0.9, 0.8, 0.5), (0.9, 0.2, 0.5), (0.1, 0.8, 0.5)))
    assert found.shape == (3, 1)
    assert found[0] > 0 > found[1]
    assert bool(found[2].isnan())


def test_several_targets_are_judged_apart_where_they_can_be_seen():
    margin = seen_margin(Stub(), [Target("hat_colour", ("red",)), Target("smile", ("yes",))])
    found = margin(pictures((0.9, 0.8, 0.6), (0.9, 0.2, 0.6), (0.1, 0.2, 0.6)))
    wanted = torch.logit(torch.tensor([[0.8, 0.6], [0.2, 0.6], [0.5, 0.6]]))
    wanted[2, 0] = torch.nan
    assert_close(found, wanted, equal_nan=True)


def test_of_several_statements_the_least_margin_counts(editor):
    faces = editor.sample(seeds=[1, 2, 3]).images
    texts = editor.clip.encode_text(("blond", "black", "glasses", "no glasses")).split(2)
    apart = torch.stack([clip_margin(editor.clip, one)(faces) for one in texts])
    assert_close(clip_margin(editor.clip, texts)(faces), apart.amin(dim=0))
    assert_close(clip_margin(editor.clip, texts[:1])(faces), apart[0])
