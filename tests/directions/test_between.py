"""Directions from examples, where they work, and several faces as one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from eclipsed.directions import locating
from eclipsed.directions.between import Between
from eclipsed.directions.calibration import LADDER
from eclipsed.directions.held_out import HeldOut
from eclipsed.directions.locating import changes_by_part, locate, usual_changes
from eclipsed.directions.margins import examples_margin
from eclipsed.errors import DirectionError, InputError
from eclipsed.latents.direction import Direction
from eclipsed.latents.fence import fence_strength
from eclipsed.latents.latent import Latent
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.prompts.region import Region


@pytest.fixture(scope="module")
def groups(editor):
    return editor.sample(seeds=range(6)), editor.sample(seeds=range(6, 10))


def light(images):
    return 10 * images.mean(dim=(1, 2, 3))


def test_the_difference_of_means_is_that_of_numpy(editor, groups):
    with_, without = groups
    found = Direction.between(with_, without, generator=editor.generator)
    a, b = (one.ws.double().numpy() for one in groups)
    assert_close(found.deltas[0].double().numpy(), a.mean(axis=0) - b.mean(axis=0), rtol=1e-5, atol=1e-6)
    assert (found.method, found.space, found.region.whole_face, found.scale) == ("difference of means", "W+", True, 1)
    held = Direction.between(with_, without, generator=editor.generator, layers=[2])
    assert held.layers == (2,)
    assert float(held.deltas[0, 3].abs().max()) == 0.0


def test_pairs_give_what_they_share(editor):
    faces = editor.sample(seeds=range(12))
    rng = torch.Generator().manual_seed(0)
    shared = torch.randn(faces.ws.shape[1:], generator=rng)
    noise = 0.3 * torch.randn(faces.ws.shape, generator=rng)
    noise[0] += 8 * torch.randn(faces.ws.shape[1:], generator=rng)  # one pair is no pair
    edited = Latent(faces.ws + shared * torch.linspace(0.5, 1.5, 12)[:, None, None] + noise)
    edited.ws[1:6] += 20 * shared  # most say it loudly
    paired = Direction.between(edited, faces, generator=editor.generator, paired=True).deltas[0].flatten()
    plain = Direction.between(edited, faces, generator=editor.generator).deltas[0].flatten()
    cosines = [float(torch.cosine_similarity(one, shared.flatten(), dim=0)) for one in (paired, plain)]
    assert cosines[0] > 0.995
    assert cosines[0] > cosines[1]
    assert float(paired @ plain) > 0


def test_groups_that_are_none_or_alike_are_refused(editor, groups):
    with_, without = groups
    generator = editor.generator
    with pytest.raises(InputError) as error:
        Direction.between(with_, without, generator=generator, paired=True)
    assert str(error.value) == "pairs need as many faces with as without; got 6 and 4"
    with pytest.raises(InputError) as error:
        Direction.between([1, 2], without, generator=generator)
    assert str(error.value) == "faces_with must be Faces, which sample, invert and edit give; got list"
    with pytest.raises(DirectionError) as error:
        Direction.between(with_, with_, generator=generator)
    assert str(error.value) == ("the faces with and without it are alike, so that nothing leads from one to the other")
    with pytest.raises(InputError) as error:
        Between(generator=generator, faces_with=with_, faces_without=with_[:0])
    assert str(error.value) == "faces_without must be at least one face; got none"


def test_the_editor_locates_calibrates_and_notes_it(editor, groups, tmp_path):
    with_, without = groups
    found = editor.between(with_, without, margin=light, name="lighter")
    assert (found.method, found.name, found.prompt) == ("difference of means", "lighter", None)
    assert (found.scores["with"], found.scores["without"]) == (6, 4)
    assert found.config["seeds"] == list(range(10))
    assert found.trained_on(3)
    assert not found.trained_on(11)
    assert {"margin_gain", "localization", "weak"} < set(found.scores)
    held_out = HeldOut(generator=editor.generator, parser=editor.parser, count=16, truncation_psi=0.8)
    assert found.region.parts == locate(replace(found, scale=1.0), held_out).parts
    assert Direction.load(found.save(tmp_path / "d.safetensors")).metadata() == found.metadata()
    named = editor.between(with_, without, margin=light, region=["hair"])
    assert named.region.parts == ("hair",)


def test_without_words_clip_compares_with_both_groups(editor, groups):
    with_, without = groups
    clip = editor.clip
    margin = examples_margin(clip, with_.images, without.images)
    centres = [clip.encode_images(one.images).double().mean(dim=0).numpy() for one in groups]
    a, b = (one / np.linalg.norm(one) for one in centres)
    seen = clip.encode_images(with_.images).double().numpy()
    expected = clip.logit_scale * (seen @ (a - b))  # both have norm 1, so that half-way is 0
    assert_close(margin(with_.images).double().numpy(), expected, rtol=1e-3, atol=1e-3)
    assert margin(with_.images).mean() > 0 > margin(without.images).mean()
    assert "margin_gain" in editor.between(with_, without, region=["hair"]).scores


def test_the_region_is_where_most_changes(editor):
    generator, parser = editor.generator, editor.parser
    delta = torch.zeros(generator.num_ws, generator.w_dim)
    delta[-2:, 0] = 1.0
    direction = Direction.of(generator, delta, method="by hand", region=Region(parser.world.whole, True))
    held_out = HeldOut(generator=generator, parser=parser, count=3)
    changes = changes_by_part(direction, held_out)
    latent = held_out.latent()
    strength = fence_strength(direction.space_of(generator), latent, delta, held_out.statistics) / LADDER[-1]
    before = editor.sample(ws=latent.ws).images.clamp(-1, 1)
    after = editor.sample(ws=latent.ws + strength * delta).images.clamp(-1, 1)
    change, labels = (after - before).abs().sum(dim=1), [parser.labels(one).flatten() for one in (before, after)]
    for label, part in enumerate(parser.parts):  # pixel by pixel, as far as there are many
        pixels = zip(change.flatten().tolist(), *(one.tolist() for one in labels), strict=True)
        there = [value for value, *both in pixels if label in both]
        if part in changes:
            assert changes[part] == pytest.approx(sum(there) / len(there), rel=1e-4)
        else:
            assert part == parser.world.background or len(there) <= 0.001 * change.numel()
    usual = usual_changes(held_out)
    over = {part: change / usual[part] for part, change in changes.items() if part in usual}
    expected = {part for part, value in over.items() if value >= 0.7 * max(over.values())}
    region = locate(direction, held_out)
    assert set(region.parts) == (set(parser.world.whole) if set(parser.world.whole) <= expected else expected)


def test_what_is_usual_is_the_mean_of_random_directions(editor):
    generator, parser = editor.generator, editor.parser
    held_out = HeldOut(generator=generator, parser=parser, count=3)
    sample, whole = WStatistics.of_generator(generator).sample, Region(parser.world.whole, True)
    steps = (sample[0] - sample[1], sample[2] - sample[3], sample[4] - sample[5], sample[6] - sample[7])
    others = [Direction.of(generator, step, method="random", space="W", region=whole) for step in steps]
    each = [changes_by_part(other, held_out) for other in others]
    for part, change in usual_changes(held_out).items():
        seen = [one[part] for one in each if part in one]
        assert change == pytest.approx(sum(seen) / len(seen))


def test_the_fence_is_where_distances_say(editor):
    generator = editor.generator
    direction = Direction.of(generator, torch.ones(8, 16), method="by hand", region=Region.from_parts(["hair"]))
    space, statistics = direction.space_of(generator), WStatistics.of_generator(generator)
    latent = Latent.of_seeds(generator, [1, 2, 3])
    strength = fence_strength(space, latent, direction.deltas[0], statistics)
    far = statistics.distance(latent.ws + strength * direction.deltas[0]).mean()
    assert float(far) == pytest.approx(1.2, rel=0.02)


def test_a_mixture_is_the_weighted_sum_and_stays_on_the_shell(editor):
    faces = editor.sample(seeds=[1, 2, 3])
    statistics = WStatistics.of_generator(editor.generator)
    flat = editor.mix(faces, [0.5, 0.25, 0.25], shell=False)
    assert_close(flat.ws[0], 0.5 * faces.ws[0] + 0.25 * faces.ws[1] + 0.25 * faces.ws[2])
    whole = editor.mix(faces, [0.5, 0.25, 0.25])
    wanted = statistics.distance(faces.ws)
    assert_close(statistics.distance(whole.ws)[0], 0.5 * wanted[0] + 0.25 * wanted[1] + 0.25 * wanted[2])
    assert float(statistics.distance(flat.ws).mean()) < float(statistics.distance(whole.ws).mean())
    assert_close(  # the same way from the mean, only farther
        torch.cosine_similarity(whole.ws[0] - statistics.mean, flat.ws[0] - statistics.mean, dim=1),
        torch.ones(editor.generator.num_ws),
    )


def test_one_face_alone_is_itself_and_rows_are_styles(editor):
    faces = editor.sample(seeds=[1, 2])
    alone = editor.mix(faces, [0, 1])
    assert torch.equal(alone.ws, faces.ws[1:])
    assert_close(alone.images, faces.images[1:], rtol=1e-4, atol=1e-4)
    crossed = editor.mix(faces, [0, 1], rows=[4, 5])
    assert torch.equal(crossed.ws[0, [0, 1, 2, 3, 6, 7]], faces.ws[0, [0, 1, 2, 3, 6, 7]])
    assert torch.equal(crossed.ws[0, 4:6], faces.ws[1, 4:6])


def test_three_groups_of_faces_are_reckoned_with(editor):
    a, b, c = (editor.sample(seeds=range(k, k + 3)) for k in (0, 3, 6))
    found = editor.mix([a, b, c], [1, -1, 1], shell=False)
    assert_close(found.ws[0], a.ws.mean(dim=0) - b.ws.mean(dim=0) + c.ws.mean(dim=0))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1], "expected one weight for each of 2 faces or groups; got 1"),
        ([0, 0], "weights must be finite numbers, not all of them 0; got [0, 0]"),
        ([1, float("inf")], "weights must be finite numbers, not all of them 0; got [1, inf]"),
    ],
)
def test_weights_that_are_none_are_refused(editor, weights, message):
    with pytest.raises(InputError) as error:
        editor.mix(editor.sample(seeds=[1, 2]), weights)
    assert str(error.value) == message


def test_what_is_usual_is_measured_once_for_the_same_faces_and_weights(editor, monkeypatch):
    generator, parser = editor.generator, editor.parser
    measured = []
    real = locating.changes_by_part
    monkeypatch.setattr(locating, "changes_by_part", lambda *args: measured.append(args) or real(*args))
    faces = {"generator": generator, "parser": parser, "count": 2, "seed": 7}
    first = usual_changes(HeldOut(**faces))
    assert usual_changes(HeldOut(**faces)) == first
    assert len(measured) == 4
    assert usual_changes(HeldOut(**{**faces, "seed": 8})) != first
    assert len(measured) == 8
    bias = next(iter(generator.network.synthesis.parameters()))
    with torch.no_grad():
        bias.add_(0.0)  # touched, so that it may have changed
    usual_changes(HeldOut(**{**faces, "seed": 8}))
    assert len(measured) == 12


def test_steps_are_told_and_what_that_raises_ends_them(editor, groups):
    with_, without = groups
    told = []
    editor.between(with_, without, margin=light, tell=lambda done, of: told.append((done, of)))
    assert told[-1] == (15, 15)
    assert [done for done, _ in told] == sorted({done for done, _ in told})

    class Enough(Exception):
        pass

    def stop(done, of):
        raise Enough

    with pytest.raises(Enough):
        editor.between(with_, without, margin=light, tell=stop)
