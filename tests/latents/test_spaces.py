"""The latent spaces: shapes, moves, restrictions, starts."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from eclipsed.errors import DirectionError, InputError
from eclipsed.latents.direction import Direction
from eclipsed.latents.latent import Latent
from eclipsed.latents.rows import row_groups, rows_of
from eclipsed.latents.space import Space
from eclipsed.latents.space_registry import SPACES
from eclipsed.latents.spaces import make_space, register_space
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.prompts.region import Region

NAMES = tuple(SPACES)


@pytest.fixture(scope="module")
def generator(editor):
    return editor.generator


@pytest.fixture(scope="module")
def statistics(generator):
    return WStatistics.measure(generator, count=200)


@pytest.fixture
def latent(generator):
    return Latent.of_seeds(generator, [1, 2, 3], truncation_psi=0.7)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def a_delta(space, seed=0):
    return 0.5 * torch.randn(space.shape, generator=rng(seed))


def picture(generator, latent):
    with torch.no_grad():
        return latent.render(generator).image


def test_the_spaces_have_their_names_and_shapes(generator):
    assert NAMES == ("Z", "W", "W+", "S")
    shapes = {name: make_space(name, generator).shape for name in NAMES}
    assert shapes["Z"] == (generator.z_dim,)
    assert shapes["W"] == (generator.w_dim,)
    assert shapes["W+"] == (generator.num_ws, generator.w_dim)
    vectors = generator.styles(torch.zeros(1, generator.num_ws, generator.w_dim))
    assert shapes["S"] == (sum(vector.shape[1] for vector in vectors.values()),)
    for name in NAMES:
        assert SPACES[name].dims == len(shapes[name])


@pytest.mark.parametrize("name", NAMES)
def test_moving_by_nothing_changes_no_pixel(generator, latent, name):
    space = make_space(name, generator)
    still = space.move(latent, a_delta(space), 0.0)
    assert torch.equal(still.ws, latent.ws)
    assert_close(picture(generator, still), picture(generator, latent), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_move_shows_and_differs_with_the_strength(generator, latent, name):
    space = make_space(name, generator)
    delta = a_delta(space)
    before, half, full = (picture(generator, space.move(latent, delta, alpha)) for alpha in (0.0, 0.5, 1.0))
    assert float((half - before).abs().mean()) > 1e-4
    assert float((full - half).abs().mean()) > 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_each_face_has_its_own_strength_whatever_the_batch(generator, latent, name):
    space = make_space(name, generator)
    delta = a_delta(space)
    together = picture(generator, space.move(latent, delta, torch.tensor([0.0, 0.5, -1.0])))
    for index, alpha in enumerate((0.0, 0.5, -1.0)):
        alone = picture(generator, space.move(latent[index : index + 1], delta, alpha))
        assert_close(together[index : index + 1], alone, rtol=1e-4, atol=1e-4)


def test_w_plus_adds_the_delta_to_its_rows(generator, latent):
    delta = a_delta(make_space("W+", generator))
    moved = make_space("W+", generator, layers=[1, 3]).move(latent, delta, -2.0)
    wanted = latent.ws.numpy().copy()
    for row in (1, 3):
        wanted[:, row] -= 2 * delta[row].numpy()
    assert_close(moved.ws.numpy(), wanted)


def test_w_adds_one_delta_to_every_chosen_row(generator, latent):
    delta = a_delta(make_space("W", generator))
    moved = make_space("W", generator, layers=[0, 2]).move(latent, delta, 1.5)
    wanted = latent.ws.numpy().copy()
    for row in (0, 2):
        wanted[:, row] += 1.5 * delta.numpy()
    assert_close(moved.ws.numpy(), wanted)


def test_z_is_mapped_after_the_move_with_the_same_truncation(generator, latent):
    delta = a_delta(make_space("Z", generator))
    moved = make_space("Z", generator).move(latent, delta, 0.8)
    wanted = generator.mapping(latent.z + 0.8 * delta, truncation_psi=0.7)
    assert_close(moved.ws, wanted, rtol=1e-4, atol=1e-5)
    assert_close(moved.z, latent.z + 0.8 * delta)
    rows = make_space("Z", generator, layers=[2]).move(latent, delta, 0.8)
    assert torch.equal(rows.ws[:, :2], latent.ws[:, :2])
    assert_close(rows.ws[:, 2], wanted[:, 2], rtol=1e-4, atol=1e-5)


def test_z_needs_faces_with_z(generator, latent):
    space = make_space("Z", generator)
    with pytest.raises(InputError, match='space "Z" needs faces made from seeds or z'):
        space.move(Latent(latent.ws), a_delta(space), 1.0)


def test_s_adds_to_the_style_vectors(generator, latent):
    space = make_space("S", generator, styles=("b8.conv0", "b4.torgb"))
    assert space.styles == ("b4.torgb", "b8.conv0")  # in the generator's order
    delta = a_delta(space)
    moved = space.move(latent, delta, 0.5)
    assert torch.equal(moved.ws, latent.ws)
    styles = dict(generator.styles(latent.ws))
    first = space.widths[0]
    styles["b4.torgb"] = styles["b4.torgb"] + 0.5 * delta[:first]
    styles["b8.conv0"] = styles["b8.conv0"] + 0.5 * delta[first:]
    assert_close(picture(generator, moved), generator.synthesis_from_styles(styles).image, rtol=1e-4, atol=1e-5)


def test_s_without_an_offset_is_the_picture_of_ws(generator, latent):
    space = make_space("S", generator)
    still = space.move(latent, torch.zeros(space.shape), 1.0)
    assert_close(picture(generator, still), picture(generator, latent), rtol=1e-4, atol=1e-5)


def test_s_of_convolutions_only(generator):
    space = make_space("S", generator, styles="conv")
    assert space.styles == tuple(layer.name for layer in generator.layers if not layer.is_rgb)


def test_s_of_some_rows(generator):
    space = make_space("S", generator, layers=[0, 1])
    assert space.styles == tuple(layer.name for layer in generator.layers if layer.row in (0, 1))
    assert [name for name, _ in space.columns] == list(space.styles)


def test_offsets_in_s_and_moves_in_w_add_up_in_either_order(generator, latent):
    style, plus = make_space("S", generator), make_space("W+", generator)
    a, b = a_delta(style), a_delta(plus, 1)
    one = plus.move(style.move(latent, a, 0.7), b, -0.4)
    other = style.move(plus.move(latent, b, -0.4), a, 0.7)
    assert_close(picture(generator, one), picture(generator, other), rtol=1e-4, atol=1e-4)
    twice = style.move(style.move(latent, a, 0.3), a, 0.4)
    assert_close(picture(generator, twice), picture(generator, style.move(latent, a, 0.7)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_the_delta_and_only_the_chosen_rows(generator, latent, name):
    space = make_space(name, generator, layers=[1, 2])
    delta = a_delta(space).requires_grad_()
    options = SynthesisOptions(resolution=16, features=["b8.conv1"])
    drawn = space.move(latent, delta, 0.5).render(generator, options)
    assert drawn.image.shape[-1] == 16
    (drawn.image.square().mean() + drawn.features["b8.conv1"].square().mean()).backward()
    assert torch.isfinite(delta.grad).all()
    assert float(delta.grad.abs().sum()) > 0
    if name == "W+":
        assert float(delta.grad[[0, 3, 4, 5, 6, 7]].abs().sum()) == 0


@pytest.mark.parametrize("name", NAMES)
def test_starts(generator, name):
    space = make_space(name, generator, layers=[1, 2])
    assert float(space.start(2, kind="zero", scale=1, rng=rng()).abs().sum()) == 0
    unit = space.start(2, kind="unit", scale=1, rng=rng())
    assert unit.shape == (2, *space.shape)
    assert_close(unit.flatten(1).norm(dim=1), torch.ones(2))
    small = space.start(2, kind="small", scale=0.01, rng=rng())
    assert 0 < float(small.abs().max()) < 0.06
    assert torch.equal(small, space.start(2, kind="small", scale=0.01, rng=rng()))
    assert not torch.equal(small[0], small[1])
    assert_close(space.keep(unit), unit)
    with pytest.raises(InputError, match="start must be one of zero, small, unit, faces, atlas; got 'big'"):
        space.start(1, kind="big", scale=1, rng=rng())


def test_restricting_an_edit_to_fewer_layers(generator, latent):
    plus = make_space("W+", generator, layers=[1, 2, 3])
    delta = a_delta(plus)
    fewer = plus.restricted([2, 5])
    assert fewer.rows == (2,)
    assert plus.rows == (1, 2, 3)
    changed = (fewer.move(latent, delta, 1.0).ws != latent.ws).any(dim=2).any(dim=0)
    assert changed.nonzero().flatten().tolist() == [2]
    with pytest.raises(InputError, match=r"edits the rows 1, 2, 3; got layers 0"):
        plus.restricted([0])


def test_restricting_s_by_row_and_by_name(generator, latent):
    space = make_space("S", generator)
    delta = a_delta(space)
    by_name = space.restricted(["b8.conv1"])
    assert by_name.shape == space.shape
    assert set(by_name.move(latent, delta, 1.0).offsets) == {"b8.conv1"}
    by_row = space.restricted([0])
    row_0 = {layer.name for layer in generator.layers if layer.row == 0}
    assert set(by_row.move(latent, delta, 1.0).offsets) == row_0
    kept = by_name.keep(delta)
    assert int((kept != 0).sum()) == dict(space.columns)["b8.conv1"]
    with pytest.raises(InputError, match=r"edits the style layers .*; got 7"):
        space.restricted(["b8.conv1"]).restricted([7])


@pytest.mark.parametrize("name", NAMES)
def test_constraining_caps_what_is_too_long_and_leaves_the_rest(generator, statistics, name):
    space = make_space(name, generator)
    small, huge = torch.full((1, *space.shape), 1e-6), torch.full((1, *space.shape), 1e6)
    assert_close(space.constrain(small, statistics, project=False, row_cap=0.5), small)
    constrained = space.constrain(huge, statistics, project=False, row_cap=0.5)
    assert 0 < float(constrained.norm()) < float(huge.norm()) / 1e3
    assert torch.equal(space.constrain(huge, statistics, project=False, row_cap=None), huge)


def test_constraining_in_w_plus_projects_each_row(generator, statistics):
    space = make_space("W+", generator, layers=[0, 1])
    deltas = torch.randn(1, *space.shape, generator=rng())
    constrained = space.constrain(deltas, statistics, project=True, row_cap=0.35)
    assert_close(statistics.project(constrained), constrained, rtol=1e-3, atol=1e-5)
    assert float(constrained[0].norm(dim=1).max()) <= 0.35 * statistics.radius * 1.001
    assert float(constrained[0, 2:].abs().sum()) == 0


@pytest.mark.parametrize("name", NAMES)
def test_ordinary_faces_are_at_distance_one_and_moved_ones_farther(generator, statistics, name):
    space = make_space(name, generator, layers=[0, 1, 2])
    z = torch.from_numpy(np.random.RandomState(5).randn(200, generator.z_dim).astype(np.float32))
    latent = Latent.of_z(generator, z)
    near = float(space.distance(latent, statistics).mean())
    assert near == pytest.approx(1, abs=0.15)
    if name != "Z":  # the mapping network leads every z to data
        scale = 40 * float(statistics.radius)
        far = space.move(latent, scale * torch.ones(space.shape) / space.shape[-1] ** 0.5, 1.0)
        assert float(space.distance(far, statistics).mean()) > 3 * near


def test_rows_by_number_and_by_name(generator):
    assert rows_of(generator, None) == tuple(range(8))
    assert rows_of(generator, [3, "b4.conv1", 3]) == (0, 3)
    assert rows_of(generator, np.array([5, 4])) == (4, 5)
    for bad in ([8], [-1], [True], [1.5], [], 3, "b4.conv1"):
        with pytest.raises(InputError, match=r"rows (from )?0 to 7"):
            rows_of(generator, bad)
    with pytest.raises(InputError, match=r"unknown layer 'b5\.conv1'"):
        rows_of(generator, ["b5.conv1"])


def test_groups_of_rows():
    assert row_groups(12) == {
        "coarse": (0, 1, 2, 3, 4, 5),
        "middle": (4, 5, 6, 7),
        "fine": (6, 7, 8, 9, 10, 11),
        "all": tuple(range(12)),
    }
    assert row_groups(18)["middle"] == (4, 5, 6, 7)
    for num_ws in range(4, 22, 2):
        groups = row_groups(num_ws)
        assert groups["coarse"] + groups["fine"] == groups["all"] == tuple(range(num_ws))
        assert set(groups["middle"]) < set(groups["all"])
        assert all(groups.values())


def test_slices_of_latents_keep_everything(generator, latent):
    space = make_space("S", generator)
    moved = space.move(latent, a_delta(space), 1.0)
    part = moved[1:]
    assert len(part) == 2
    assert torch.equal(part.z, latent.z[1:])
    assert part.truncation_psi == 0.7
    assert torch.equal(moved[[2, 0]].ws, latent.ws[[2, 0]])
    assert all(offset.shape[0] == 2 for offset in part.offsets.values())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: make_space("Q", g), "unknown latent space 'Q'; known: Z, W, W\\+, S"),
        (lambda g: make_space("S", g, styles="some"), '"all", "conv" or names'),
        (lambda g: make_space("S", g, styles=("b9.conv0",)), "unknown layer 'b9.conv0'"),
        (lambda g: make_space("S", g, styles=("b4.conv1",), layers=[5]), "no style layer is left"),
    ],
)
def test_bad_input_is_one_sentence(generator, call, message):
    with pytest.raises(InputError, match=message):
        call(generator)


def test_shared_rows_go_together(generator):
    gradient = torch.randn(2, *make_space("W+", generator).shape, generator=torch.Generator().manual_seed(0))
    space = make_space("W+", generator, layers=[1, 3, 4])
    chosen = gradient[:, [1, 3, 4]]
    assert_close(space.share_rows(gradient, 1.0), space.keep(gradient))
    assert_close(space.share_rows(gradient, 0.0)[:, [1, 3, 4]], chosen.mean(1, keepdim=True).expand_as(chosen))
    half = space.share_rows(gradient, 0.5)
    assert_close(half[:, [1, 3, 4]], (chosen + chosen.mean(1, keepdim=True)) / 2)
    assert not half[:, [0, 2]].any()
    one_row = make_space("W", generator)
    flat = gradient[:, 0]
    assert one_row.share_rows(flat, 0.0) is flat  # W has no rows to share


# --- a space of one's own


class Shade(Space):
    """A share of each of the first components of w, in all chosen rows."""

    name = "shade"

    def __init__(self, generator, **chosen):
        super().__init__(generator, **chosen)
        self.basis = WStatistics.of_generator(generator).basis[:, :3]

    @property
    def shape(self):
        return (3,)

    def move(self, latent, delta, alpha):
        return self.add_to_ws(latent, self.basis @ delta, alpha)


@pytest.fixture
def registered():
    register_space(Shade)
    yield
    del SPACES["shade"]


def test_a_space_of_ones_own_needs_a_name_a_shape_and_a_move(generator, latent, statistics):
    space = make_space(Shade, generator, layers=[1, 3])
    delta = torch.tensor([0.5, -1.0, 2.0])
    moved = space.move(latent, delta, torch.tensor([1.0, 0.0, -2.0]))
    step = WStatistics.of_generator(generator).basis[:, :3] @ delta
    for row in range(generator.num_ws):
        chosen = row in (1, 3)
        assert_close(moved.ws[0, row], latent.ws[0, row] + step * chosen, rtol=1e-5, atol=1e-5)
        assert torch.equal(moved.ws[1, row], latent.ws[1, row])
        assert_close(moved.ws[2, row], latent.ws[2, row] - 2 * step * chosen, rtol=1e-5, atol=1e-5)
    # What it does not say is that all deltas are allowed.
    assert space.start(2, kind="unit", scale=1.0, rng=rng()).shape == (2, 3)
    far = 1e6 * torch.ones(1, 3)
    assert torch.equal(space.constrain(far, statistics, project=True, row_cap=0.1), far)
    assert space.share_rows(far, 0.0) is far
    assert space.distance(moved, statistics).shape == (3, 2)
    assert space.restricted([3]).rows == (3,)
    assert space.columns == ()


def test_a_space_is_found_by_its_name_once_it_is_known(generator):
    with pytest.raises(InputError, match="unknown latent space 'shade'; known: Z, W, W"):
        make_space("shade", generator)
    assert make_space(Shade, generator).name == "shade"
    assert "shade" not in SPACES  # given itself, it need not be known


def test_a_direction_of_a_known_space_is_saved_loaded_and_applied(editor, registered, tmp_path):
    direction = Direction(
        deltas=torch.tensor([[0.5, -1.0, 2.0]]),
        prompt="a person with a shade",
        region=Region.from_parts(["hair"]),
        space="shade",
        layers=(1, 3),
        generator=editor.generator.fingerprint,
    )
    again = Direction.load(direction.save(tmp_path / "shade.safetensors"))
    faces = editor.sample(seeds=[1, 2])
    edited = editor.edit(faces, again, 0.5)
    wanted = make_space(Shade, editor.generator, layers=[1, 3]).move(faces.latent, direction.deltas[0], 0.5)
    assert torch.equal(edited.ws, wanted.ws)
    assert not torch.equal(edited.images, faces.images)
    del SPACES["shade"]
    try:
        with pytest.raises(DirectionError, match="space must be one of Z, W, W\\+, S; got 'shade'"):
            Direction.load(tmp_path / "shade.safetensors")
    finally:
        register_space(Shade)


def test_a_class_can_be_made_known_anew_but_not_take_the_name_of_another(registered):
    assert register_space(Shade) is Shade  # a notebook runs its cells again
    other = type("Other", (Shade,), {})
    with pytest.raises(InputError, match="the latent space 'shade' is there already; give yours another name"):
        register_space(other)
    mine = type("Mine", (Shade,), {"name": "W+"})
    with pytest.raises(InputError, match=r"the latent space 'W\+' is there already"):
        register_space(mine)
    assert SPACES["shade"] is Shade


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (3, r"a latent space is a name \(Z, W, W\+, S\) or a subclass of Space; got 3"),
        (dict, "or a subclass of Space; got <class 'dict'>"),
        (Space, "the latent space Space lacks name, move, shape; see eclipsed.Space"),
        (type("Nameless", (Shade,), {"name": ""}), "the latent space Nameless lacks name"),
        (type("Shapeless", (Space,), {"name": "x", "move": lambda *_: None}), "Shapeless lacks shape"),
    ],
)
def test_what_is_no_whole_space_is_refused(generator, space, message):
    for call in (register_space, lambda space: make_space(space, generator)):
        with pytest.raises(InputError, match=message):
            call(space)
    assert tuple(SPACES) == NAMES


def test_dims_that_are_not_those_of_the_shape_are_named(generator):
    flat = type("Flat", (Shade,), {"name": "flat", "dims": 2})
    with pytest.raises(InputError, match=r"'flat' has deltas of shape \(3,\); its dims say 2"):
        make_space(flat, generator)
