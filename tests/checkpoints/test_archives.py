"""Weights that are packed in something else: said in one sentence, with what to do."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest
import torch

from eclipsed.checkpoints.encoding import read_encoder
from eclipsed.checkpoints.generators import read_generator
from eclipsed.checkpoints.parsing import read_parser
from eclipsed.errors import CheckpointError


def weights():
    file = io.BytesIO()
    torch.save({"g_ema": {"input.input": torch.zeros(1, 2, 4, 4)}}, file)
    return file.getvalue()


def tar_of(names):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
    return file.getvalue()


def zip_of(name, data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, data)
    return file.getvalue()


PACKED = {
    "gzip": (gzip.compress(weights()), "is compressed with gzip; unpack it, and give the file inside"),
    "bzip2": (bz2.compress(weights()), "is compressed with bzip2; unpack it, and give the file inside"),
    "xz": (lzma.compress(weights()), "is compressed with xz; unpack it, and give the file inside"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(99), "is a 7z archive; unpack it, and give the file inside"),
    "rar": (b"Rar!\x1a\x07" + bytes(99), "is a RAR archive; unpack it, and give the file inside"),
    "tar": (tar_of(["a.pt"]), "is a tar archive; unpack it, and give the file inside"),
    "tar.gz": (gzip.compress(tar_of(["a.pt"])), "is compressed with gzip; unpack it, and give the file inside"),
    "zip": (
        zip_of("folder/g.pt", weights()),
        "is a zip archive without weights of PyTorch at its top; unpack it, and give the file inside",
    ),
    "torch of before 2017": (
        tar_of(["sys_info", "pickle", "storages", "tensors"]),
        "is a tar archive as PyTorch wrote it before 2017; load it with PyTorch, save it again, and give that",
    ),
}


@pytest.mark.parametrize("read", [read_generator, read_encoder, read_parser])
@pytest.mark.parametrize("packed", PACKED)
def test_packed_weights_are_told_by_what_they_are_packed_in(packed, read, tmp_path):
    data, said = PACKED[packed]
    (tmp_path / "g.pt").write_bytes(data)
    with pytest.raises(CheckpointError) as caught:
        read(tmp_path / "g.pt")
    assert str(caught.value) == f"{tmp_path / 'g.pt'} {said}"
