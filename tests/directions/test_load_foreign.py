"""Foreign directions through the editor: sign and strength by a judge, the region by the parser."""

import numpy as np
import pytest
import torch

from eclipsed.directions.held_out import HeldOut
from eclipsed.directions.locating import locate
from eclipsed.editor import Editor
from eclipsed.errors import DirectionError, InputError
from eclipsed.latents.foreign import UNJUDGED
from eclipsed.latents.w_statistics import WStatistics


@pytest.fixture(scope="module")
def own(editor):
    return WStatistics.of_generator(editor.generator).basis[:, 0].clone()


@pytest.fixture
def path(own, tmp_path):
    np.save(tmp_path / "age.npy", own[None].numpy())
    return tmp_path / "age.npy"


def light(images):
    return 10 * images.mean(dim=(1, 2, 3))


def dark(images):
    return -light(images)


def test_a_judge_tells_the_sign_and_the_strength(editor, path):
    up = editor.load_foreign(path, margin=light, count=6)
    down = editor.load_foreign(path, margin=dark, count=6)
    assert torch.equal(up.deltas, -down.deltas)
    turned = [found for found in (up, down) if found.note.startswith("turned round")]
    assert len(turned) == 1
    kept = down if turned[0] is up else up
    assert torch.equal(kept.deltas[0], torch.from_numpy(np.load(path))[0])
    for found in (up, down):
        assert found.scores["margin_gain"] > 0
        assert found.scores["belongs"] is True
        assert UNJUDGED not in found.note
        assert found.method == "foreign file"


def test_without_a_judge_sign_and_strength_are_said_to_be_the_files(editor, path):
    found = editor.load_foreign(path)
    assert (found.note, found.prompt, found.name) == (UNJUDGED, None, "age")
    named = editor.load_foreign(path, prompt="a person with blond hair", name="fair", count=4)
    assert (named.prompt, named.name, named.clip) == ("a person with blond hair", "fair", editor.clip.name)
    with pytest.raises(InputError, match="the prompt is empty"):
        editor.load_foreign(path, prompt="  ")


def test_several_cannot_be_judged_together(editor, own, tmp_path):
    torch.save({"comp": own.expand(3, 1, -1).clone(), "mean": own[None], "std": own[:3]}, tmp_path / "c.pt")
    with pytest.raises(DirectionError, match=r"'c' holds 3 directions; choose one by its index \(--index\)"):
        editor.load_foreign(tmp_path / "c.pt", margin=light)
    assert len(editor.load_foreign(tmp_path / "c.pt")) == 3


def test_the_region_is_measured_where_there_is_a_parser(editor, path):
    found = editor.load_foreign(path)
    held_out = HeldOut(generator=editor.generator, parser=editor.parser, count=16, truncation_psi=0.8)
    assert found.region == locate(found, held_out)


def test_the_region_is_the_whole_picture_where_nobody_finds_parts(editor, path):
    bare = Editor(editor.generator, None, editor.clip)
    assert bare.load_foreign(path).region.whole_face
    given = editor.load_foreign(path, region=["hair"])
    assert given.region.parts == ("hair",)


def test_steps_are_told_and_what_that_raises_ends_them(editor, path):
    told = []
    editor.load_foreign(path, tell=lambda done, of: told.append((done, of)))
    assert told[-1] == (5, 5)
    editor.load_foreign(path, margin=light, count=6, tell=lambda done, of: told.append((done, of)))
    assert told[-1] == (15, 15)
    with pytest.raises(ZeroDivisionError):
        editor.load_foreign(path, tell=lambda done, of: 1 / 0)
