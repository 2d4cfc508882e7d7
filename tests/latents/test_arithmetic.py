"""What can be reckoned with directions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from directions_kit import make
from torch.testing import assert_close

from eclipsed.errors import DirectionError, InputError
from eclipsed.latents.direction import Direction
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.prompts.region import Region


def delta_of(direction):
    """The full edit as one tensor."""
    return direction.deltas[0] * direction.scale


def random(generator, space="W+", seed=0, **fields):
    made = make(generator, space, **fields)
    rng = torch.Generator().manual_seed(seed)
    deltas = torch.randn(made.deltas.shape, generator=rng)
    rows = torch.zeros(made.deltas.shape[1])
    rows[list(made.layers)] = 1.0
    return replace(made, deltas=deltas * rows[:, None] if space == "W+" else deltas)


@pytest.fixture(scope="module")
def generator(editor):
    return editor.generator


@pytest.fixture(scope="module")
def hair(generator):
    return random(generator, seed=1, name="hair", scale=2.0)


@pytest.fixture(scope="module")
def smile(generator):
    return random(generator, seed=2, name="smile", region=Region.from_parts(["mouth"]), scale=0.5, layers=[2, 3])


def test_a_sum_is_both_full_edits_together(editor, hair, smile):
    total = hair + smile
    assert_close(delta_of(total), 2.0 * hair.deltas[0] + 0.5 * smile.deltas[0])
    assert (total.method, total.prompt, total.name, total.clip) == ("arithmetic", None, "hair-plus-smile", "")
    assert set(total.region.parts) == {*hair.region.parts, *smile.region.parts}
    assert (total.layers, total.scores, total.scale) == (hair.layers, {}, 1.0)
    assert total.config["made_of"] == [
        {"name": "hair", "digest": hair.digest, "weight": 1.0},
        {"name": "smile", "digest": smile.digest, "weight": 1.0},
    ]
    faces = editor.sample(seeds=[5])
    assert_close(editor.edit(faces, total).ws, editor.edit(faces, [hair, smile]).ws)


def test_a_difference_turns_the_second_round(hair, smile):
    assert_close(delta_of(hair - smile), delta_of(hair) - delta_of(smile))
    assert (hair - smile).name == "hair-minus-smile"
    assert_close(delta_of(0.5 * hair + smile * 2 - hair), -0.5 * delta_of(hair) + 2 * delta_of(smile))


@pytest.mark.parametrize("weight", [0.5, 3, -2.0])
def test_a_multiple_is_the_edit_at_another_strength(editor, hair, weight):
    scaled = weight * hair
    faces = editor.sample(seeds=[5])
    again = editor.edit(faces, scaled, alpha=0.25)
    assert_close(again.ws, editor.edit(faces, hair, alpha=0.25 * weight).ws)
    assert sorted(end * weight for end in scaled.alpha_range) == pytest.approx(list(hair.alpha_range))
    assert scaled.prompt == (hair.prompt if weight > 0 else None)
    assert scaled.scale > 0


def test_what_changes_nothing_gives_the_same_bit_for_bit(hair):
    assert 1.0 * hair is hair
    turned = -hair
    assert torch.equal(turned.deltas, -hair.deltas)
    assert (-turned).digest == hair.digest
    assert (2 * (0.5 * hair)).digest == hair.digest


def test_one_w_for_all_rows_counts_as_a_row_of_its_own_for_each(generator, hair):
    flat = random(generator, "W", seed=3, name="flat", layers=[1, 2])
    expected = delta_of(hair).clone()
    expected[[1, 2]] += delta_of(flat)
    assert_close(delta_of(hair + flat), expected)
    assert_close(delta_of(flat + hair), expected)
    assert (flat + flat).space == "W"


def test_several_in_one_other_generators_and_other_spaces_are_refused(generator, hair):
    with pytest.raises(DirectionError) as error:
        hair + make(generator, count=2, name="two")
    assert str(error.value) == "'two' holds 2 directions; choose one, such as direction[0]"
    with pytest.raises(DirectionError) as error:
        hair + replace(hair, generator="0" * 64, generator_name="other")
    assert str(error.value) == (
        "the direction 'hair' belongs to the generator 'stub', 'hair' to 'other'; only directions of one generator can "
        "be put together"
    )
    with pytest.raises(DirectionError) as error:
        hair + make(generator, "S", name="styles")
    assert str(error.value).startswith(
        "the directions 'hair' (W+, deltas of shape (8, 16), rows 0 to 7) and 'styles' (S,"
    )
    with pytest.raises(DirectionError, match="lie in different spaces; make both in one space, with the same layers"):
        make(generator, "W", layers=[1]) + make(generator, "W", layers=[2])
    with pytest.raises(InputError) as error:
        hair + 3
    assert str(error.value) == "a direction is added to another direction; got int"
    for weight in (0, float("nan"), True, "2"):
        with pytest.raises(InputError, match="a direction is multiplied by a finite number other than 0; got "):
            hair * weight
    with pytest.raises(DirectionError) as error:
        hair - hair
    assert str(error.value) == "the directions 'hair' and 'hair' cancel out; nothing is left"


def by_hand(own, others):
    """n − Cᵀ(CCᵀ)⁻¹Cn in float64."""
    n, c = np.asarray(own, dtype=np.float64), np.asarray(others, dtype=np.float64)
    return n - c.T @ np.linalg.solve(c @ c.T, c @ n)


def test_without_others_is_the_conditional_projection_row_by_row(generator, hair, smile):
    third = random(generator, seed=4, name="third")
    left = hair.without(smile, third)
    for row in range(generator.num_ws):
        others = [one.deltas[0, row].numpy() for one in (smile, third) if float(one.deltas[0, row].norm())]
        expected = by_hand(delta_of(hair)[row], others)
        assert_close(delta_of(left)[row].double().numpy(), expected, rtol=1e-4, atol=1e-5)
        for other in others:
            assert abs(float(delta_of(left)[row] @ torch.from_numpy(other))) < 1e-4
    assert (left.name, left.method, left.prompt) == ("hair-without-smile-third", "arithmetic", hair.prompt)
    assert [one["weight"] for one in left.config["made_of"]] == [1.0, 0.0, 0.0]


def test_without_one_thing_said_twice_is_without_it_once(hair, smile):
    assert_close(delta_of(hair.without(smile, 2 * smile)), delta_of(hair.without(smile)), rtol=1e-4, atol=1e-5)


def eased_by_hand(own, others, statistics):
    """The least of |x − n|² + 3 Σ ⟨c, x⟩² in standard deviations of w, by gradient descent in float64."""
    basis = statistics.basis[:, : statistics.kept].double()
    deviation = statistics.variance[: statistics.kept].double().sqrt()
    start = own.double() @ basis / deviation
    spans = [one / one.norm() for one in others]
    x = start.clone().requires_grad_()
    for _ in range(4000):
        loss = (x - start).square().sum() + 3 * sum((one @ x).square() for one in spans)
        (slope,) = torch.autograd.grad(loss, x)
        with torch.no_grad():
            x -= 0.05 * slope
    return own.double() + basis @ ((x.detach() - start) * deviation)


def test_without_many_in_the_measure_of_the_data(generator, hair, smile):
    statistics = WStatistics.of_generator(generator)
    basis = statistics.basis[:, : statistics.kept].double()
    deviation = statistics.variance[: statistics.kept].double().sqrt()
    normal = replace(random(generator, "W", seed=6, name="normal"), config={"plane": {"offset": 0.0, "deviation": 1.0}})
    left = hair.without(smile, normal, generator=generator)
    for row in range(generator.num_ws):
        own = delta_of(hair)[row]
        others = [normal.deltas[0].double() @ basis * deviation] if row in hair.layers else []
        if row in smile.layers:
            others.append(smile.deltas[0, row].double() @ basis / deviation)
        if not float(own.norm()):
            continue
        expected = eased_by_hand(own, others, statistics)
        assert_close(delta_of(left)[row].double(), expected, rtol=1e-4, atol=1e-5)
    (part,) = hair.without(normal, generator=generator).deltas
    before, after = (
        (one.double() @ basis) @ (basis.T @ normal.deltas[0].double()) for one in (delta_of(hair)[2], part[2])
    )
    assert_close(after, before / 4, rtol=1e-3, atol=1e-5)  # of one alone a quarter stays


def test_without_in_the_measure_of_the_data_refuses_the_same(editor, hair):
    generator = editor.generator
    with pytest.raises(DirectionError) as error:
        hair.without(3 * hair, generator=generator)
    assert str(error.value) == "nothing is left of direction 'hair' without '3-hair'; they do the same"
    channels = [replace(make(generator, "S"), name=name) for name in "ab"]
    first = replace(channels[0], deltas=channels[0].deltas * torch.linspace(1, 2, channels[0].deltas.shape[-1]))
    plain, eased = (first.without(channels[1], **one) for one in ({}, {"generator": generator}))
    assert torch.equal(plain.deltas, eased.deltas)


def test_without_nothing_or_itself_is_refused(hair):
    with pytest.raises(InputError) as error:
        hair.without()
    assert str(error.value) == "expected at least one other direction to take out; got none"
    with pytest.raises(DirectionError) as error:
        hair.without(3 * hair)
    assert str(error.value) == "nothing is left of direction 'hair' without '3-hair'; they do the same"


def test_named_weights_mix_files(hair, smile, tmp_path):
    first, second = hair.save(tmp_path / "a.safetensors"), smile.save(tmp_path / "b.safetensors")
    mixed = Direction.combined({first: 0.5, str(second): -1.0})
    assert_close(delta_of(mixed), 0.5 * delta_of(hair) - delta_of(smile))
    again = Direction.load(mixed.save(tmp_path / "c.safetensors"))
    assert again.metadata() == mixed.metadata()
    with pytest.raises(InputError) as error:
        Direction.combined({})
    assert str(error.value) == "expected directions with their weights, such as {'smile': 1.0}; got none"


def test_the_published_age_without_gender_is_the_published_file(generator):
    folder = pytest.importorskip("pathlib").Path("/work/shared/fixtures/foreign")
    names = ("interfacegan-age", "interfacegan-gender", "interfacegan-age-given-gender")
    if not all((folder / f"{name}.npy").exists() for name in names):
        pytest.skip("the published files are not here")
    like = make(generator, "W", scale=1.0)
    age, gender, both = (
        replace(like, deltas=torch.from_numpy(np.load(folder / f"{name}.npy")).float(), name=name) for name in names
    )
    found = age.without(gender).deltas[0]
    assert float(torch.cosine_similarity(found, both.deltas[0], dim=0)) > 0.9999
