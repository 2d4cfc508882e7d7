"""Directions of other projects, in each of the layouts that they come in, and into files that these read."""

import io
import pickle
import resource
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from eclipsed.checkpoints.numbers import read_numbers
from eclipsed.errors import CheckpointError, DirectionError, EclipsedWarning, InputError, MissingModelError
from eclipsed.latents.direction import Direction
from eclipsed.latents.foreign import UNJUDGED
from eclipsed.latents.membership import Membership
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.stylegan2 import StyleGAN2
from eclipsed.pretrained.generator import Generator
from eclipsed.prompts.region import Region

ROWS, DIM = 8, 16
FOREIGN = Path(__file__).parents[2].parent / "shared" / "fixtures" / "foreign"
needs_fixtures = pytest.mark.skipif(not FOREIGN.is_dir(), reason="no foreign files on this machine")
doubtful = pytest.mark.filterwarnings("ignore:.*may not belong:eclipsed.errors.EclipsedWarning")


@pytest.fixture(scope="module")
def generator(editor):
    return editor.generator


@pytest.fixture(scope="module")
def own(generator):
    """A unit vector that belongs to the generator: its first component."""
    return WStatistics.of_generator(generator).basis[:, 0].clone()


def sparse(own, rows=(2, 3)):
    """A row for each of ws, of which some move."""
    delta = torch.zeros(1, ROWS, DIM)
    delta[0, list(rows)] = own
    return delta


def object_array(value):
    """What numpy writes of something that is no array."""
    file = io.BytesIO()
    np.save(file, np.array(value, dtype=object), allow_pickle=True)
    return file.getvalue()


def as_torch(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def as_on_cuda(content):
    """The same file as PyTorch writes it of a tensor on a GPU: the storage's place is another word in the pickle."""
    here, there = (b"X" + len(word).to_bytes(4, "little") + word for word in (b"cpu", b"cuda:0"))
    if not zipfile.is_zipfile(io.BytesIO(content)):
        assert content.count(here) == 1
        return content.replace(here, there)
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            part = old.read(name)
            if name.endswith("/data.pkl"):
                assert part.count(here) == 1
                part = part.replace(here, there)
            new.writestr(name, part)
    return file.getvalue()


def as_numpy(value):
    file = io.BytesIO()
    np.save(file, value)
    return file.getvalue()


def as_npz(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def layouts(own):
    """Name, content, and what is expected: space, rows, deltas."""
    w, plus = own[None], sparse(own)
    equal = own.expand(1, ROWS, DIM).clone()
    every = tuple(range(ROWS))
    boundary = {"boundary": plus.numpy(), "meta_data": {"manipulate_layers": [3]}}
    part = {"boundary": w.numpy().astype(np.float64), "meta_data": {"type": "w", "manipulate_layers": "2-3,5"}}
    ganspace = {"name": "Light direction", "lat_comp": w.numpy(), "act_comp": w.numpy(), "lat_stdev": 1.5,
                "edit_start": 4, "edit_end": 6}  # fmt: skip
    components = {"mean": torch.zeros(1, DIM), "std": torch.ones(3), "comp": own.expand(3, 1, DIM).clone()}
    return {
        "unit.pt": (as_torch(w), "W", every, w),
        "old.pt": (as_torch(w, _use_new_zipfile_serialization=False), "W", every, w),
        "cuda.pt": (as_on_cuda(as_torch(w)), "W", every, w),
        "old-cuda.pt": (as_on_cuda(as_torch(w, _use_new_zipfile_serialization=False)), "W", every, w),
        "gradient.pt": (as_torch(w.clone().requires_grad_()), "W", every, w),
        "parameter.pt": (as_torch(torch.nn.Parameter(w.clone())), "W", every, w),
        "flat-vector.npy": (as_numpy(own.numpy()), "W", every, w),
        "double.npy": (as_numpy((3 * w).double().numpy()), "W", every, 3 * w),
        "big-endian.npy": (as_numpy(w.numpy().astype(">f8")), "W", every, w),
        "equal-rows.pt": (as_torch(equal), "W+", every, equal),
        "flat-rows.npy": (as_numpy(plus.reshape(1, -1).double().numpy()), "W+", (2, 3), plus),
        "sparse.npy": (as_numpy(plus.numpy()), "W+", (2, 3), plus),
        "bare-rows.npy": (as_numpy(np.asfortranarray(plus[0].numpy())), "W+", (2, 3), plus),
        "object.npy": (object_array(boundary), "W+", (3,), sparse(own, (3,))),
        "higan.npy": (object_array(part), "W", (2, 3, 5), w),
        "ganspace.pkl": (pickle.dumps(ganspace, protocol=2), "W", (4, 5), w),
        "rows.pt": (as_torch({"direction": w, "rows": [1, 2]}), "W", (1, 2), w),
        "range.pt": (as_torch({"w": w, "start": 1, "end": 3}), "W", (1, 2), w),
        "components.pt": (as_torch(components), "W", every, own.expand(3, DIM)),
        "packed.npz": (as_npz(direction=w.numpy()), "W", every, w),
        "nested.pkl": (pickle.dumps({"a": {"b": w.numpy()}}), "W", every, w),
    }


@pytest.mark.parametrize("name", sorted(layouts(torch.zeros(DIM))))
def test_every_layout_is_read_with_its_rows_its_norm_and_its_sign(name, generator, own, tmp_path):
    content, space, rows, deltas = layouts(own)[name]
    (tmp_path / name).write_bytes(content)
    found = Direction.load_foreign(tmp_path / name, generator=generator)
    assert (found.space, found.layers) == (space, rows)
    torch.testing.assert_close(found.deltas, deltas, rtol=1e-6, atol=1e-7)
    assert found.scores["belongs"] is True
    assert found.method == "foreign file"
    assert found.note == UNJUDGED
    assert found.alpha_range == (-2.0, 2.0)
    assert found.region.whole_face
    assert found.config["file"]["name"] == name
    assert not found.trained_on(1_000_000_000)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU takes the file as it is")
@pytest.mark.parametrize("name", ["cuda.pt", "old-cuda.pt"])
def test_the_files_of_a_gpu_are_such_as_pytorch_refuses_without_one(name, own, tmp_path):
    (tmp_path / name).write_bytes(layouts(own)[name][0])
    with pytest.raises(RuntimeError, match="CUDA"):
        torch.load(tmp_path / name, weights_only=True)


def test_what_a_file_says_of_itself_is_kept(generator, own, tmp_path):
    content, *_ = layouts(own)["ganspace.pkl"]
    (tmp_path / "x.pkl").write_bytes(content)
    found = Direction.load_foreign(tmp_path / "x.pkl", generator=generator)
    assert found.name == "light-direction"
    facts = found.config["file"]["facts"]
    assert (facts["lat_stdev"], facts["edit_start"], facts["edit_end"]) == (1.5, 4, 6)
    again = Direction.load(found.save(tmp_path / "d.safetensors"))
    assert again.metadata() == found.metadata()


def test_the_full_edit_is_half_way_to_the_fence(generator, own, tmp_path):
    (tmp_path / "x.npy").write_bytes(as_numpy(own.numpy()))
    (tmp_path / "y.npy").write_bytes(as_numpy(4 * own.numpy()))
    one = Direction.load_foreign(tmp_path / "x.npy", generator=generator)
    four = Direction.load_foreign(tmp_path / "y.npy", generator=generator)
    assert one.scale == pytest.approx(4 * four.scale, rel=0.01)


def test_one_of_several_is_chosen_by_its_index(generator, own, tmp_path):
    several = torch.stack([own, -own, own])[:, None].repeat(1, ROWS, 1)
    (tmp_path / "x.pt").write_bytes(as_torch(several))
    found = Direction.load_foreign(tmp_path / "x.pt", generator=generator, index=1)
    torch.testing.assert_close(found.deltas, several[1:2])
    with pytest.raises(DirectionError, match=r"holds 3 vectors of shape \(8, 16\), which may be faces as well as"):
        Direction.load_foreign(tmp_path / "x.pt", generator=generator)
    with pytest.raises(DirectionError, match="holds 3 directions, from 0 to 2; got index 3"):
        Direction.load_foreign(tmp_path / "x.pt", generator=generator, index=3)


def test_rows_and_spaces_may_be_named(generator, own, tmp_path):
    (tmp_path / "x.pt").write_bytes(as_torch(own[None]))
    assert Direction.load_foreign(tmp_path / "x.pt", generator=generator, layers=[5, 1]).layers == (1, 5)
    plus = Direction.load_foreign(tmp_path / "x.pt", generator=generator, space="W+")
    assert plus.deltas.shape == (1, ROWS, DIM)
    (tmp_path / "y.pt").write_bytes(as_torch(sparse(own)))
    with pytest.raises(DirectionError, match=r"holds a direction of the space W\+; got space='W'"):
        Direction.load_foreign(tmp_path / "y.pt", generator=generator, space="W")
    with pytest.raises(DirectionError, match="moves none of the rows that were asked for"):
        Direction.load_foreign(tmp_path / "y.pt", generator=generator, layers=[0])
    with pytest.raises(InputError, match="the space of a foreign direction is one of W, W"):
        Direction.load_foreign(tmp_path / "y.pt", generator=generator, space="Q")
    (tmp_path / "z.npy").write_bytes(as_numpy(np.ones((1, 12))))
    with pytest.warns(EclipsedWarning, match="cannot be told in the space Z"):
        z = Direction.load_foreign(tmp_path / "z.npy", generator=generator, space="Z")
    assert (z.space, z.scores) == ("Z", {"belongs": None})


def test_directions_for_other_numbers_of_rows(generator, own, tmp_path):
    (tmp_path / "equal.pt").write_bytes(as_torch(own.expand(1, 18, DIM).clone()))
    with pytest.warns(EclipsedWarning, match=r"equal.pt: it has 18 equal rows, taken as one for all 8 of 'stub'"):
        found = Direction.load_foreign(tmp_path / "equal.pt", generator=generator)
    assert (found.space, found.layers) == ("W", tuple(range(ROWS)))
    fewer = torch.zeros(1, 6, DIM)
    fewer[0, 1] = own
    (tmp_path / "fewer.pt").write_bytes(as_torch(fewer))
    with pytest.warns(EclipsedWarning, match="it is for 6 rows of ws; the generator 'stub' has 8, counted from the"):
        assert Direction.load_foreign(tmp_path / "fewer.pt", generator=generator).layers == (1,)
    more = torch.randn(1, 14, DIM, generator=torch.Generator().manual_seed(0))
    (tmp_path / "more.pt").write_bytes(as_torch(more))
    with pytest.raises(DirectionError, match=r"more.pt is for 14 rows of ws; the generator 'stub' has 8"):
        Direction.load_foreign(tmp_path / "more.pt", generator=generator)


def test_style_vectors_of_stylemc(generator, tmp_path):
    widths = [layer.channels for layer in generator.layers]
    s = np.zeros((1, len(widths), max(widths) + 4), dtype=np.float32)
    s[0, 2, : widths[2]] = 1.5
    (tmp_path / "direction_red_hair.npz").write_bytes(as_npz(s=s))
    with pytest.warns(EclipsedWarning, match="cannot be told in the space S"):
        found = Direction.load_foreign(tmp_path / "direction_red_hair.npz", generator=generator)
    assert (found.space, found.styles) == ("S", ((generator.layers[2].name, widths[2]),))
    assert bool((found.deltas == 1.5).all())


def test_whether_a_direction_belongs_is_told_by_its_share(generator, tmp_path):
    statistics = WStatistics.of_generator(generator)
    last = statistics.basis[:, -1]
    (tmp_path / "x.pt").write_bytes(as_torch(last[None]))
    said = r"x.pt may not belong to the generator 'stub': 0% of it lies in the first 2 components of w, and of random"
    with pytest.warns(EclipsedWarning, match=said):
        found = Direction.load_foreign(tmp_path / "x.pt", generator=generator)
    assert found.scores["belongs"] is False
    assert "may not belong to the generator 'stub'" in found.note


def test_the_share_of_random_vectors_is_that_of_their_dimensions():
    sample = torch.randn(2000, 512, generator=torch.Generator().manual_seed(1)) * torch.linspace(3, 0.1, 512)
    statistics = WStatistics.of(sample)
    random = torch.randn(512, generator=torch.Generator().manual_seed(2))
    seen = Membership.of(random, statistics)
    assert (seen.chance, seen.spread) == pytest.approx((80 / 512, 0.0226), rel=0.05)
    assert seen.share == pytest.approx(80 / 512, abs=0.08)
    assert not seen.likely
    assert Membership.of(statistics.basis[:, :3].sum(dim=1), statistics).share == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"state_dict": {"mapper.course_mapping.mapping.1.weight": torch.ones(4, 4)}, "opts": {}}, None),
        ({"course_mapping.mapping.1.weight": torch.ones(4, 4)}, "is a StyleCLIP mapper: a network that computes anoth"),
        ({"fm_coarse.mapping.1.weight": torch.ones(4, 4)}, "is a DeltaEdit mapper: a network that computes the chang"),
        ([[torch.ones(4)] * 26, [torch.ones(4)] * 26], "is the mean and standard deviation of StyleCLIP's style chan"),
        ([["a", "b"], [torch.ones(9, 4)] * 26], "is style vectors of many faces"),
        (torch.ones(6048, 512), "is StyleCLIP's matrix of what each style channel does to CLIP's view"),
        ({f"conv{k}.weight": torch.ones(3, 3) for k in range(30)}, r"is a network \(keys seen: conv0.weight, conv1"),
        ({"deltas": torch.ones(1, 8, 16)}, "is a direction of eclipsed's own; load it with Direction.load"),
        ({}, "holds no direction that is known: no array at all"),
        ({"a": torch.ones(3), "b": torch.ones(4)}, r"holds no direction that is known: a \(3,\), b \(4,\)"),
        (
            torch.ones(1, 512),
            r"holds an array of the shape \(1, 512\), which is no direction of 'stub': its latents have",
        ),
        (torch.ones(1, 16, dtype=torch.bool), "numbers of the type torch.bool"),
        (torch.full((1, 16), torch.nan), "numbers that are not finite"),
        (torch.zeros(1, 16), "nothing but zeros, which move no face"),
        ({"w": torch.ones(1, 16), "start": 20, "end": 30}, "is for the rows 20 to 29; the generator 'stub' has 8"),
    ],
)
def test_what_is_no_direction_is_said_in_a_sentence(content, said, generator, tmp_path):
    (tmp_path / "x.pt").write_bytes(as_torch(content))
    with pytest.raises(DirectionError, match=said or "is a StyleCLIP mapper") as error:
        Direction.load_foreign(tmp_path / "x.pt", generator=generator)
    assert "\n" not in str(error.value)


class Hostile:
    """What writes a file when it is unpickled as pickles are."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (eval, (f"open({self.path!r}, 'w')",))


@pytest.mark.parametrize("form", ["pkl", "npy", "npz", "pt", "member"])
def test_nothing_in_a_file_is_run(form, generator, tmp_path):
    ran = tmp_path / "was-run"
    path = tmp_path / f"x.{form}"
    content = {
        "pkl": lambda: pickle.dumps({"boundary": Hostile(ran)}),
        "npy": lambda: object_array({"boundary": Hostile(ran)}),
        "pt": lambda: as_torch({"w": Hostile(ran)}),
    }.get(form)
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("s.npy", object_array(Hostile(ran)))
    else:
        path.write_bytes(content())
    with pytest.raises(CheckpointError, match=r"refused, it asks for (builtins|__builtin__).eval, which is neither"):
        Direction.load_foreign(path, generator=generator)
    assert not ran.exists()


def test_damaged_files_are_told_in_one_sentence(generator, own, tmp_path):
    whole = {name: content for name, (content, *_) in layouts(own).items()}
    damaged = {f"{share:.2f}-{n}": c[: int(len(c) * share)] for n, c in whole.items() for share in (0.02, 0.5, 0.95)}
    damaged |= {
        "text.npy": b"hello",
        "empty.pt": b"",
        "shape.npy": whole["unit.pt"][:0] + as_numpy(own.numpy()).replace(b"(16,)", b"(99,)"),
        "type.npy": as_numpy(np.array(["a", "b"])),
        "huge.npy": as_numpy(own.numpy()).replace(b"(16,), }        ", b"(99999999999,), }")[:4000],
        "code.npy": as_numpy(own.numpy()).replace(b"(16,), }", b"exit()}}"),
        "other.zip": as_npz(),
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises((CheckpointError, DirectionError)) as error:
            Direction.load_foreign(tmp_path / name, generator=generator)
        assert "\n" not in str(error.value), name
    with pytest.raises(MissingModelError, match=r"there is no file .*absent.npy; check the name"):
        Direction.load_foreign(tmp_path / "absent.npy", generator=generator)
    with pytest.raises(InputError, match="expected the name of a file; got 3"):
        Direction.load_foreign(3, generator=generator)


@pytest.mark.parametrize("content", [b"\x80\x02}r\xff\xff\xff\x7f.", b"\x80\x04\x96" + b"\0\0\0\0\1\0\0\0" + b"abc."])
def test_a_few_bytes_take_no_gigabytes(content, generator, tmp_path):
    (tmp_path / "x.pkl").write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CheckpointError, match=r"x.pkl: no torch file, damaged or cut short"):
        Direction.load_foreign(tmp_path / "x.pkl", generator=generator)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # kilobytes


def test_an_array_without_end_and_a_file_that_unpacks_too_large(generator, tmp_path, monkeypatch):
    endless = []
    endless.append(endless)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": endless}))
    with pytest.raises(CheckpointError, match="nested too deeply"):
        Direction.load_foreign(tmp_path / "x.pkl", generator=generator)
    monkeypatch.setattr("eclipsed.checkpoints.numbers._LARGEST", 10_000)
    (tmp_path / "x.npz").write_bytes(as_npz(w=np.zeros(100_000)))
    assert (tmp_path / "x.npz").stat().st_size < 10_000
    with pytest.raises(CheckpointError, match="are too many for latents or a direction; at most 1 GiB"):
        Direction.load_foreign(tmp_path / "x.npz", generator=generator)


@doubtful
@pytest.mark.parametrize("suffix", [".npy", ".pt", ".npz"])
@pytest.mark.parametrize(("space", "layers"), [("W", None), ("W", [2, 3]), ("W+", None), ("W+", [1, 6]), ("Z", None)])
def test_a_round_trip_gives_the_same_edit_bit_for_bit(suffix, space, layers, editor, tmp_path):
    generator = editor.generator
    shape = {"W": (DIM,), "W+": (ROWS, DIM), "Z": (12,)}[space]
    delta = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    region = Region.from_parts(["hair"])
    made = Direction.of(generator, delta, method="m", space=space, layers=layers, region=region)
    object.__setattr__(made, "scale", 0.7123)
    path = made.export(tmp_path / f"x{suffix}")
    if space == "Z":
        with pytest.warns(EclipsedWarning, match="cannot be told in the space Z"):
            again = Direction.load_foreign(path, generator=generator)
    else:
        again = Direction.load_foreign(path, generator=generator)
    assert (again.scale, UNJUDGED in again.note) == (1.0, False)
    faces = editor.sample(seeds=[1, 2])
    assert torch.equal(editor.edit(faces, made, 1.0).images, editor.edit(faces, again, 1.0).images)
    assert torch.equal(editor.edit(faces, made, -0.5).ws, editor.edit(faces, again, -0.5).ws)


def test_exported_files_have_the_form_that_others_read(generator, own, tmp_path):
    region = Region.from_parts(["hair"])
    w = Direction.of(generator, own, method="m", space="W", region=region)
    plus = Direction.of(generator, sparse(own)[0], method="m", layers=[2, 3], region=region)
    array = np.load(w.export(tmp_path / "w.npy"))
    assert (array.shape, array.dtype) == ((1, DIM), np.float32)
    tensor = torch.load(plus.export(tmp_path / "plus.pt"), weights_only=True)
    assert torch.equal(tensor, sparse(own))
    assert np.load(plus.export(tmp_path / "plus.npz"))["direction"].shape == (1, ROWS, DIM)
    with pytest.raises(InputError, match=r"exported as .npy, .npz, .pt; got .*x.bin"):
        w.export(tmp_path / "x.bin")
    with pytest.raises(DirectionError, match="holds 2 directions; export one, such as"):
        Direction.of(generator, torch.stack([own, own]), method="m", space="W", region=region).export("x.npy")
    width = sum(layer.channels for layer in generator.layers)
    styles = Direction.of(generator, torch.ones(width), method="m", space="S", region=region)
    with pytest.raises(DirectionError, match=r"lives in the space S; other projects read directions of W, W\+ and Z"):
        styles.export(tmp_path / "x.npy")


@pytest.fixture(scope="module")
def large():
    """Random generators with the latents of 1024 px and of 256 px."""

    def made(resolution):
        channels = tuple((2**k, 4) for k in range(2, resolution.bit_length()))
        config = GeneratorConfig(z_dim=512, w_dim=512, resolution=resolution, channels=channels, mapping_layers=2)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return Generator(config, StyleGAN2(config).state_dict(), device="cpu", name=f"random-{resolution}")

    return {18: made(1024), 14: made(256)}


@needs_fixtures
@doubtful
@pytest.mark.parametrize(
    ("name", "rows", "space", "layers", "norms"),
    [
        ("e4e-age.pt", 18, "W", range(18), 1.0),
        ("e4e-pose.pt", 18, "W+", range(18), 1.0),
        ("ganspace-light-direction.pkl", 18, "W", [8], 1.0),
        ("ganspace-ffhq-pca.pt", 18, "W", range(18), 1.0),
        ("interfacegan-age.npy", 18, "W", range(18), 1.0),
        ("interfacegan-gender.npy", 18, "W", range(18), 1.0),
        ("interfacegan-age-given-gender.npy", 18, "W", range(18), 1.0),
        ("idinvert-age.npy", 14, "W+", range(6), 1.0),
    ],
)
def test_published_files_load(name, rows, space, layers, norms, large):
    found = Direction.load_foreign(FOREIGN / name, generator=large[rows])
    assert (found.space, found.layers) == (space, tuple(layers))
    moved = found.deltas if space == "W" else found.deltas[:, list(layers)]
    torch.testing.assert_close(moved.norm(dim=-1), torch.full(moved.shape[:-1], norms), rtol=1e-5, atol=1e-5)


@needs_fixtures
@doubtful
def test_published_files_agree_with_one_another(large):
    def load(name, **options):
        return Direction.load_foreign(FOREIGN / name, generator=large[18], **options).deltas[0]

    light = load("ganspace-light-direction.pkl")
    assert float(light @ load("ganspace-ffhq-pca.pt", index=15)) == pytest.approx(0.9998, abs=2e-4)
    age, gender = load("interfacegan-age.npy"), load("interfacegan-gender.npy")
    assert float(age @ gender) == pytest.approx(0.332, abs=1e-3)
    given = age - (age @ gender) * gender
    assert float(given @ load("interfacegan-age-given-gender.npy")) == pytest.approx(float(given.norm()), abs=1e-5)
    pca = read_numbers(FOREIGN / "ganspace-ffhq-pca.pt").content
    assert float(pca["mean"].norm()) == pytest.approx(4.121, abs=1e-3)


@needs_fixtures
def test_published_statistics_are_no_direction(large):
    with pytest.raises(DirectionError, match="is the mean and standard deviation of StyleCLIP's style channels"):
        Direction.load_foreign(FOREIGN / "S_mean_std.pkl", generator=large[18])
