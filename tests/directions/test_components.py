"""Components of w, SeFa, and the table that GANSpace published."""

import base64
import io
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

import eclipsed
from eclipsed.directions.component_sheet import component_page, component_sheet
from eclipsed.directions.components import (
    Components,
    components_of_features,
    components_of_w,
    published_edits,
    sefa,
)
from eclipsed.errors import CheckpointError, InputError
from eclipsed.images.conversion import to_pil
from eclipsed.latents.direction import Direction
from eclipsed.networks.layers import SynthesisOptions

FOREIGN = Path("/work/shared/fixtures/foreign")


@pytest.fixture(scope="module")
def mini():
    return eclipsed.Editor.from_pretrained("mini", "cpu").generator


def test_the_first_components_of_mini_are_those_of_an_svd_of_100_000_samples(mini):
    found = components_of_w(mini, count=10)
    z = np.random.RandomState(1).standard_normal((100_000, mini.z_dim)).astype(np.float32)
    with torch.no_grad():
        w = mini.mapping(torch.from_numpy(z))[:, 0].double().numpy()
    centred = w - w.mean(axis=0)
    _, sizes, vectors = np.linalg.svd(centred, full_matrices=False)
    cosines = np.abs((found.basis.numpy() * vectors[:10]).sum(axis=1))
    assert cosines.min() >= 0.999
    assert_close(found.deviation.numpy(), sizes[:10] / np.sqrt(99_999), rtol=1e-6, atol=0)
    assert_close(found.mean.numpy(), w.mean(axis=0), rtol=1e-6, atol=1e-9)
    assert_close(found.share.numpy(), sizes[:10] ** 2 / (sizes**2).sum(), rtol=1e-6, atol=0)


def test_signs_are_fixed_and_directions_unit(editor):
    for found in (components_of_w(editor.generator, count=16, samples=5000), sefa(editor.generator, count=16)):
        assert_close(found.basis @ found.basis.T, torch.eye(16, dtype=torch.float64))
        assert bool((found.basis.gather(1, found.basis.abs().argmax(dim=1, keepdim=True)) > 0).all())
        assert bool((found.share[:-1] >= found.share[1:]).all())
        assert float(found.share.sum()) == pytest.approx(1.0)


def test_sefa_is_the_brute_force_eigensolver_on_the_affine_weights(editor):
    generator = editor.generator
    rows = (2, 3)
    columns = []
    with torch.no_grad():
        for layer in generator.layers:
            if layer.is_rgb or layer.row not in rows:
                continue
            for channel in range(layer.channels):  # a channel's weights are its gradient
                ws = torch.zeros(1, generator.num_ws, generator.w_dim, requires_grad=True)
                with torch.enable_grad():
                    value = generator.styles(ws)[layer.name][0, channel]
                    (gradient,) = torch.autograd.grad(value, ws)
                columns.append(gradient[0, layer.row].double().numpy())
    weights = np.stack(columns, axis=1)
    weights /= np.linalg.norm(weights, axis=0)
    values, vectors = np.linalg.eig(weights @ weights.T)  # in no order
    order = np.argsort(-values.real)
    found = sefa(generator, rows=rows, count=6)
    for k in range(6):
        assert abs(found.basis[k].numpy() @ vectors[:, order[k]].real) == pytest.approx(1.0, abs=1e-5)
    assert found.rows == rows
    assert found.direction(0, generator=generator).layers == rows


def test_alpha_counts_standard_deviations_and_a_target_sets_the_coordinate(editor, tmp_path):
    generator = editor.generator
    found = components_of_w(generator, count=4, samples=5000)
    direction = found.direction(1, generator=generator, layers=[1, 2])
    faces = editor.sample(seeds=[1, 2, 3], truncation_psi=1.0)

    def coordinate(ws):
        return ((ws.double() - found.mean) @ found.basis[1]) / found.deviation[1]  # (N, num_ws)

    stepped = editor.edit(faces, direction, 2.0)
    assert_close(coordinate(stepped.ws)[:, [1, 2]], coordinate(faces.ws)[:, [1, 2]] + 2.0, rtol=1e-4, atol=1e-4)
    assert torch.equal(stepped.ws[:, [0, 3]], faces.ws[:, [0, 3]])
    again = Direction.load(direction.save(tmp_path / "d.safetensors"))
    set_to = editor.bring(faces, again, -1.5)
    expected = torch.full((3, 2), -1.5, dtype=torch.float64)
    assert_close(coordinate(set_to.ws)[:, [1, 2]], expected, rtol=0, atol=1e-4)
    assert (again.method, again.name, again.space) == ("components of w", "component-1", "W")
    assert again.scores["deviation"] == pytest.approx(float(found.deviation[1]))


def test_what_is_not_there_is_one_sentence(editor, tmp_path):
    found = components_of_w(editor.generator, count=2, samples=100)
    with pytest.raises(InputError, match="a component"):
        found.direction(2, generator=editor.generator)
    with pytest.raises(InputError):
        components_of_w(editor.generator, count=17)
    torch.save({"mean": torch.zeros(1, 4)}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError) as error:
        Components.from_file(tmp_path / "a.pt")
    assert str(error.value) == f"{tmp_path / 'a.pt'} holds no components; expected tensors mean, std and comp"
    torch.save({"mean": torch.zeros(1, 4), "std": torch.ones(3), "comp": torch.zeros(2, 1, 4)}, tmp_path / "b.pt")
    with pytest.raises(CheckpointError) as error:
        Components.from_file(tmp_path / "b.pt")
    assert str(error.value) == f"the components in {tmp_path / 'b.pt'} do not match in number, or are not finite"


def test_components_of_others_are_read(editor, tmp_path):
    own = components_of_w(editor.generator, count=5, samples=1000)
    parts = {"mean": own.mean[None].float(), "std": own.deviation.float(), "comp": own.basis[:, None].float()}
    torch.save(parts, tmp_path / "pca.pt")
    found = Components.from_file(tmp_path / "pca.pt")
    assert_close(found.basis, own.basis, rtol=1e-5, atol=1e-6)
    assert_close(found.deviation, own.deviation, rtol=1e-5, atol=1e-6)


def test_the_published_table():
    table = published_edits()
    assert len(table) == 42
    smile = table["smile"]
    assert (smile.component, smile.rows, smile.target) == (46, (4,), -20.0)
    assert (table["frizzy_hair"].component, table["frizzy_hair"].rows) == (31, (2, 3, 4, 5))
    assert table["show_front_teeth"].target == 40.0
    assert all(0 <= one.component < 80 and 0 <= min(one.rows) <= max(one.rows) < 18 for one in table.values())


class _Plain(pickle.Unpickler):
    """Arrays alone."""

    def find_class(self, module, name):
        if name in ("_reconstruct", "ndarray", "dtype", "scalar") and module.startswith("numpy"):
            return super().find_class(module, name)
        if (module, name) == ("_codecs", "encode"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(name)


@pytest.mark.skipif(not (FOREIGN / "ganspace-ffhq-pca.pt").exists(), reason="the published files are not here")
def test_the_published_components_are_those_of_the_saved_edit():
    found = Components.from_file(FOREIGN / "ganspace-ffhq-pca.pt")
    assert float(found.mean.norm()) == pytest.approx(4.121, abs=1e-3)
    assert found.deviation[:7].tolist() == pytest.approx([2.856, 2.627, 2.594, 2.417, 2.266, 2.245, 2.095], abs=1e-3)
    with (FOREIGN / "ganspace-light-direction.pkl").open("rb") as file:
        saved = _Plain(file).load()
    light = torch.from_numpy(np.asarray(saved["lat_comp"], dtype=np.float64)).flatten()
    cosine = torch.cosine_similarity(found.basis[15], light, dim=0)
    assert abs(float(cosine)) == pytest.approx(0.9998, abs=2e-4)


def test_a_page_has_the_frames_of_the_edits(editor):
    found = components_of_w(editor.generator, count=3, samples=500)
    page = component_page(
        editor.generator, found, count=2, seed=1, step=2.0, keep=lambda index, rows: f"{index} in {rows[0]}"
    )
    films = re.findall(
        r'data-name="([^"]+)" data-note="([^"]+)" style="background-image:url\(data:image/webp;base64,([^)]+)', page
    )
    assert [film[:2] for film in films[3:5]] == [
        ("component 0, all rows", "0 in 0"),
        ("component 1, coarse rows", "1 in 0"),
    ]
    assert len(films) == 8
    with Image.open(io.BytesIO(base64.b64decode(films[7][2]))) as picture:
        strip = np.asarray(picture.convert("RGB"), dtype=float)
    face = editor.sample(seeds=[1], truncation_psi=1.0)
    for at, alpha in ((0, -2.0), (5, 0.0), (8, 1.2), (10, 2.0)):
        expected = editor.edit(face, found.direction(1, generator=editor.generator), alpha)
        pixels = np.asarray(to_pil(expected.images)[0], dtype=float)
        others = [np.abs(strip[:, 32 * k : 32 * k + 32] - pixels).mean() for k in range(11)]
        assert int(np.argmin(others)) == at
    with pytest.raises(InputError) as error:
        component_page(editor.generator, found, step=0)
    assert str(error.value) == "the slider needs a step other than 0; got 0"


def test_a_sheet_has_a_row_for_each_component(editor):
    found = components_of_w(editor.generator, count=3, samples=500)
    two, three = (component_sheet(editor.generator, found, count=count, seed=1) for count in (2, 3))
    assert two.width == three.width
    assert two.height < three.height


@pytest.mark.parametrize(("layer", "samples"), [(None, 200), ("b8.conv0", 60)])  # more than features, fewer
def test_components_of_features_are_numpy_s_svd_and_its_regression(editor, layer, samples):
    generator = editor.generator
    found = components_of_features(generator, layer=layer, count=5, samples=samples, seed=3)
    name = layer or "b4.conv1"
    z = np.random.RandomState(3).standard_normal((samples, generator.z_dim)).astype(np.float32)
    with torch.no_grad():
        ws = generator.mapping(torch.from_numpy(z))
        seen = generator.synthesis(ws, SynthesisOptions(features=(name,))).features[name]
    seen, w = seen.flatten(1).double().numpy(), ws[:, 0].double().numpy()
    centred = seen - seen.mean(axis=0)
    _, sizes, vectors = np.linalg.svd(centred, full_matrices=False)
    coordinates = centred @ vectors[:5].T / (sizes[:5] / np.sqrt(samples - 1))
    change, *_ = np.linalg.lstsq(coordinates, w - w.mean(axis=0), rcond=None)
    change /= np.linalg.norm(change, axis=1, keepdims=True)
    cosines = np.abs((found.basis.numpy() * change).sum(axis=1))
    assert cosines.min() == pytest.approx(1.0, abs=1e-6)
    assert_close(found.share.numpy(), sizes[:5] ** 2 / (sizes**2).sum(), rtol=1e-5, atol=0)
    assert_close(found.deviation.numpy(), (w @ found.basis.numpy().T).std(axis=0, ddof=1), rtol=1e-6, atol=0)
    assert bool((found.basis.gather(1, found.basis.abs().argmax(dim=1, keepdim=True)) > 0).all())
    assert (found.method, found.layer, found.rows) == ("components of features", name, None)
    assert found.direction(0, generator=generator).config["layer"] == name


def test_features_that_are_not_there_are_one_sentence(editor):
    with pytest.raises(InputError) as error:
        components_of_features(editor.generator, layer="b4.torgb", samples=10)
    names = ", ".join(layer.name for layer in editor.generator.layers if not layer.is_rgb)
    assert str(error.value) == f"unknown layer 'b4.torgb'; those with features: {names}"
    with pytest.raises(InputError, match="count"):
        components_of_features(editor.generator, count=10, samples=10)
