"""Faces of other projects: the latents of e4e, PTI, HyperStyle and projectors, and into files that these read."""

import io
import pickle

import numpy as np
import pytest
import torch

from eclipsed.errors import CheckpointError, EclipsedWarning, InputError
from eclipsed.latents.direction import Direction
from eclipsed.latents.foreign_faces import read_ws
from eclipsed.latents.latent import Latent
from eclipsed.prompts.region import Region

ROWS, DIM = 8, 16


@pytest.fixture(scope="module")
def generator(editor):
    return editor.generator


@pytest.fixture(scope="module")
def ws(generator):
    return Latent.of_seeds(generator, [1, 2, 3]).ws


def files(ws):
    """What projects write of three faces, or of the first."""
    rosinality = {"a.png": {"img": torch.zeros(1, 3, 4, 4), "latent": ws[0], "noise": [torch.zeros(1, 1, 4, 4)]}}
    hyperstyle = {"a.png": [ws[0].numpy(), ws[1].numpy()], "b.png": [ws[2].numpy()]}
    return {
        "e4e.pt": (lambda file: torch.save(ws, file), ws),
        "pti.pt": (lambda file: torch.save(ws[:1].clone().requires_grad_(), file), ws[:1]),
        "projected_w.npz": (lambda file: np.savez(file, w=ws[:1].numpy()), ws[:1]),
        "one-face.npy": (lambda file: np.save(file, ws[0].double().numpy()), ws[:1]),
        "w.npy": (lambda file: np.save(file, ws[:, 0].numpy()), ws),
        "single-w.npy": (lambda file: np.save(file, ws[1, 0].numpy()), ws[1:2]),
        "flat.npy": (lambda file: np.save(file, ws.flatten(1).numpy()), ws),
        "rosinality.pt": (lambda file: torch.save(rosinality, file), ws[:1]),
        "hyperstyle.npy": (lambda file: np.save(file, np.array(hyperstyle, dtype=object), allow_pickle=True), ws),
        "list.pkl": (lambda file: pickle.dump([one.numpy() for one in ws], file), ws),
        "named.pt": (lambda file: torch.save({"latents": ws, "mean": ws[0, 0]}, file), ws),
    }


@pytest.mark.parametrize("name", sorted(files(torch.zeros(3, ROWS, DIM))))
def test_every_layout_of_latents_is_read(name, editor, ws, tmp_path):
    write, expected = files(ws)[name]
    content = io.BytesIO()
    write(content)
    (tmp_path / name).write_bytes(content.getvalue())
    faces = editor.sample(ws=tmp_path / name)
    torch.testing.assert_close(faces.ws, expected, rtol=1e-6, atol=1e-7)
    assert faces.names[0] == "face 1"
    torch.testing.assert_close(editor.sample(ws=str(tmp_path / name)).images, faces.images)


def test_what_holds_no_faces_is_said(generator, ws, tmp_path):
    def refused(value, said):
        torch.save(value, tmp_path / "x.pt")
        with pytest.raises(InputError, match=said):
            read_ws(generator, tmp_path / "x.pt")

    refused(
        torch.zeros(1, 18, 512), r"holds no faces of the generator 'stub', whose ws have 8 rows of 16 numbers; it h"
    )
    refused({"a": torch.zeros(2, 3)}, r"it holds a \(2, 3\)")
    refused([1, 2], "it holds no array at all")
    refused({"mapper.fine_mapping.mapping.1.weight": torch.zeros(2, 2)}, "is a StyleCLIP mapper.*, and no faces")
    refused(torch.full((1, ROWS, DIM), torch.inf), "numbers that are not finite")
    (tmp_path / "x.npy").write_bytes(b"no numbers")
    with pytest.raises(CheckpointError, match=r"x.npy: no torch file, damaged"):
        read_ws(generator, tmp_path / "x.npy")


def test_faces_that_may_be_of_another_generator_are_told(generator, tmp_path):
    from eclipsed.latents.w_statistics import WStatistics

    statistics = WStatistics.of_generator(generator)
    far = statistics.mean + 5 * statistics.basis[:, -1]
    np.save(tmp_path / "far.npy", far.numpy())
    with pytest.warns(EclipsedWarning, match="far.npy may not belong to the generator 'stub': 0% of it lies in the fi"):
        read_ws(generator, tmp_path / "far.npy")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt"])
def test_exported_faces_come_back_bit_for_bit(suffix, editor, direction, tmp_path):
    faces = editor.edit(editor.sample(seeds=[1, 2]), direction, alpha=0.5)
    path = faces.export(tmp_path / f"faces{suffix}")
    again = editor.sample(ws=path)
    assert torch.equal(again.ws, faces.ws)
    assert torch.equal(again.images, faces.images)
    plain = torch.load(path, weights_only=True).numpy() if suffix == ".pt" else np.load(path)
    plain = plain["w"] if suffix == ".npz" else plain
    assert (plain.shape, plain.dtype) == ((2, ROWS, DIM), np.float32)


def test_what_ws_cannot_say_is_not_exported(editor, generator, tmp_path):
    width = sum(layer.channels for layer in generator.layers)
    styles = Direction.of(generator, torch.ones(width), method="m", space="S", region=Region.from_parts(["hair"]))
    faces = editor.edit(editor.sample(seeds=[1]), styles)
    with pytest.raises(InputError, match="these faces were edited in the space S, which ws cannot say"):
        faces.export(tmp_path / "x.npy")
    with pytest.raises(InputError, match=r"latents and directions are exported as .npy, .npz, .pt; got"):
        editor.sample(seeds=[1]).export(tmp_path / "x.txt")
