"""CLIP weights as people have them: OpenAI's archive, trainings, files beside a name; opened before they are said to be
ready, and read without running anything in them."""

import hashlib
import os
import pickle
import re
import shutil
import subprocess
import sys
import warnings

import clip_kit
import open_clip
import pytest
import torch
from clip_kit import NAME, TAG
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from eclipsed.errors import CheckpointError, DownloadError, InputError, MissingModelError
from eclipsed.pretrained.bring_clip import check_clip
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.fetch import fetch
from eclipsed.store.clip_files import brought_clip, surely_not_cached, verify_clip
from eclipsed.store.clips import known_clip_models, parse_clip_name, split_clip

FULL = f"clip:{NAME}/{TAG}"

pytestmark = pytest.mark.usefixtures("tiny_clip")


@pytest.fixture
def archive(tmp_path):
    return clip_kit.write_archive(tmp_path / "ViT-T-16.pt")


def one_line(error):
    text = str(error)
    assert "\n" not in text
    assert "\x1b" not in text
    for words in (
        "weights_only",
        "WeightsUnpickler",
        "torch.load",
        "Error(s) in loading",
        "TorchScript archives passed",
    ):
        assert words not in text
    return text


def same_pictures(clip, model):
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    vectors = model.encode_image(clip.preprocess(images))
    assert_close(clip.encode_images(images), vectors / vectors.norm(dim=-1, keepdim=True), rtol=1e-5, atol=1e-6)


# ---- OpenAI's archive


def test_openais_archive_is_converted_once(archive, only_ours):
    (file,) = fetch(FULL, folder=archive)
    assert file.name == f"{NAME}.{TAG}.safetensors"
    loaded = Clip.from_pretrained(NAME, TAG, device="cpu")
    assert loaded.mean.flatten().tolist() == pytest.approx(open_clip.OPENAI_DATASET_MEAN)
    archive.unlink()
    assert fetch(FULL) == (file,)


def test_what_has_changed_since_is_not_loaded(archive):
    (file,) = fetch(FULL, folder=archive)
    Clip.from_pretrained(NAME, TAG, device="cpu")
    right, _ = verify_clip(NAME, TAG)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1  # one bit of one weight
    file.write_bytes(content)
    wrong = hashlib.sha256(content).hexdigest()
    with pytest.raises(CheckpointError) as caught:
        Clip.from_pretrained(NAME, TAG, device="cpu")
    assert one_line(caught.value) == (
        f"{file} has changed since it was fetched: expected the sha256 {right}, found {wrong};"
        f" remove it and get it again: eclipsed models fetch {FULL}"
    )


@pytest.mark.parametrize("mask_is_a_buffer", [False, True])
def test_it_equals_what_open_clip_makes_of_it(archive, tmp_path, mask_is_a_buffer):
    path = clip_kit.write_archive(tmp_path / "some.pt", mask_is_a_buffer=mask_is_a_buffer)
    (file,) = fetch(FULL, folder=path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = torch.jit.load(str(archive)).state_dict()
        theirs = open_clip.load_openai_model(str(archive), precision="fp32", device="cpu").eval()
    for size in clip_kit.SIZES:  # as open_clip leaves them out
        del expected[size]
    found = load_file(file)
    assert {key: value.dtype for key, value in found.items()} == {key: value.dtype for key, value in expected.items()}
    assert all(torch.equal(found[key], value) for key, value in expected.items())
    clip = Clip.from_pretrained(NAME, TAG, device="cpu")
    state = clip.network.state_dict()
    assert set(state) == set(theirs.state_dict())
    assert all(torch.equal(state[key], value) for key, value in theirs.state_dict().items())
    same_pictures(clip, theirs)


def test_its_own_name_in_a_folder(archive, monkeypatch, tmp_path):
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED[NAME][TAG], "url", "https://example.org/a/ViT-T-16.pt")
    (file,) = fetch(FULL, folder=archive.parent)
    assert verify_clip(NAME, TAG)[1] == "recorded at first use"
    empty = tmp_path / "empty"
    empty.mkdir()
    file.unlink()
    with pytest.raises(MissingModelError) as caught:
        fetch(FULL, folder=empty)
    assert str(caught.value) == (
        f"{empty} has no weights of CLIP {NAME} ({TAG}); put them there as {NAME}.{TAG}.safetensors or ViT-T-16.pt or"
        " open_clip_model.safetensors"
    )


def test_a_published_hash_is_known(archive, monkeypatch):
    import hashlib

    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED[NAME][TAG], "url", f"https://x.org/{sha256}/ViT-T-16.pt")
    fetch(FULL, folder=archive)
    assert verify_clip(NAME, TAG)[1] == "published"


@pytest.mark.parametrize("name", ["ViT-T-16", "ViT-T/16"])
def test_a_file_beside_a_name_computes_as_openais_do(archive, name, only_ours):
    """Nothing says QuickGELU but the archive itself."""
    clip = Clip.from_pretrained(name, str(archive), device="cpu")
    same_pictures(clip, clip_kit.network().requires_grad_(False).half().float())
    state = clip_kit.half(clip_kit.network().state_dict())
    assert torch.equal(clip.network.text_projection, state["text_projection"].float())


# ---- other layouts


def wrappings():
    def saved(content):
        return lambda path, state: torch.save(content(state), path)

    def behind(prefix, state):
        return {f"{prefix}{key}": value for key, value in state.items()}

    return {
        "plain.pt": saved(lambda state: state),
        "plain.bin": saved(lambda state: state),
        "plain.pth": saved(lambda state: state),
        "no-suffix": saved(lambda state: state),
        "training.pt": saved(lambda s: {"epoch": 3, "name": "x", "state_dict": s, "optimizer": {"state": {}}}),
        "parallel.pt": saved(lambda s: {"state_dict": behind("module.", s)}),
        "compiled.pt": saved(lambda s: behind("_orig_mod.", s)),
        "both.pt": saved(lambda s: {"model": behind("module._orig_mod.", s)}),
        "deep.pt": saved(lambda s: {"a": {"b": {"c": behind("net.clip.", s)}}}),
        "sizes.pt": saved(lambda s: {**s, **{k: torch.tensor(v) for k, v in clip_kit.SIZES.items()}}),
        "vector.pt": saved(lambda s: {**s, "logit_scale": s["logit_scale"].reshape(1)}),
        "some.safetensors": lambda path, s: save_file({k: v.contiguous() for k, v in s.items()}, path),
        "wrong-name.pt": lambda path, s: save_file({k: v.contiguous() for k, v in s.items()}, path),
        "old.pt": lambda path, s: torch.save(s, path, _use_new_zipfile_serialization=False),
    }


@pytest.mark.parametrize("name", wrappings())
def test_every_wrapping_is_opened(tmp_path, name):
    state = clip_kit.half(clip_kit.network().state_dict())
    path = tmp_path / name
    wrappings()[name](path, state)
    (file,) = fetch(FULL, folder=path)
    found = load_file(file)
    assert set(found) == set(state)
    assert all(torch.equal(found[key], value) and found[key].dtype == value.dtype for key, value in state.items())
    clip = Clip.from_pretrained(NAME, str(path), device="cpu")
    assert torch.equal(clip.network.visual.proj, state["visual.proj"].float())
    assert check_clip(NAME, path) == len(state)


def test_weights_for_a_text_tower_of_its_own(tmp_path, monkeypatch):
    """open_clip renames old files; so do we."""
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "custom-T-16", {**clip_kit.MODEL, "custom_text": True})
    state = clip_kit.network().state_dict()
    torch.save(state, tmp_path / "old.pt")
    clip = Clip.from_pretrained("custom-T-16", str(tmp_path / "old.pt"), device="cpu")
    assert torch.equal(clip.network.text.text_projection, state["text_projection"])
    assert torch.equal(clip.network.visual.proj, state["visual.proj"])


def test_weights_of_another_picture_size_are_resized_as_open_clip_does(tmp_path, monkeypatch):
    large = {**clip_kit.MODEL, "vision_cfg": {**clip_kit.MODEL["vision_cfg"], "image_size": 64}}
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "ViT-T-16-64", large)
    torch.save(clip_kit.network().state_dict(), tmp_path / "small.pt")
    clip = Clip.from_pretrained("ViT-T-16-64", str(tmp_path / "small.pt"), device="cpu")
    theirs = open_clip.create_model("ViT-T-16-64", pretrained=str(tmp_path / "small.pt"))
    assert torch.equal(clip.network.visual.positional_embedding, theirs.visual.positional_embedding)


# ---- what is not it


def hostile(path):
    class Call:
        def __reduce__(self):
            return os.system, ("touch /tmp/eclipsed-clip-was-run",)

    torch.save({"state_dict": {"visual.proj": Call()}}, path)


def other_network(path):
    torch.save({"generator": {"conv.weight": torch.ones(2), "conv.bias": torch.ones(2)}}, path)


def narrower(path):
    config = {**clip_kit.MODEL, "embed_dim": 8}
    torch.save(open_clip.CLIP(**config).state_dict(), path)


def without(path):
    state = clip_kit.network().state_dict()
    del state["visual.proj"]
    torch.save(state, path)


def with_more(path):
    torch.save({**clip_kit.network().state_dict(), "head.weight": torch.ones(3)}, path)


def not_finite(path):
    state = clip_kit.network().state_dict()
    state["ln_final.bias"][0] = float("nan")
    torch.save(state, path)


def of_text(path):
    torch.save({**clip_kit.network().state_dict(), "visual.proj": "a text"}, path)


def cut(path):
    whole = clip_kit.write_archive(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def cut_safetensors(path):
    save_file(clip_kit.network().state_dict(), path)
    path.write_bytes(path.read_bytes()[:5000])


REFUSED = {
    "hostile": (hostile, r"refused, it asks for \w+\.system"),
    "another": (other_network, r"holds no weights of CLIP ViT-T-16; keys seen: generator"),
    "narrower": (narrower, r"text_projection has the shape \(64, 8\); expected \(64, 24\)"),
    "without": (without, r"lacks visual\.proj; expected the 38 keys of CLIP ViT-T-16"),
    "with more": (with_more, r"has keys that CLIP ViT-T-16 does not have: head\.weight"),
    "not finite": (not_finite, r"ln_final\.bias holds values that are not finite; the file is damaged"),
    "text": (of_text, r"visual\.proj is no tensor but str; expected the weights of CLIP ViT-T-16"),
    "cut": (cut, r"fetch it again"),
    "cut safetensors": (cut_safetensors, r"damaged or cut short safetensors file \(.*\); fetch it again"),
    "empty": (lambda path: path.write_bytes(b""), r"is no file of weights but an empty file"),
    "page": (lambda path: path.write_bytes(b"<!doctype html><p>hello"), r"is no file of weights but a web page"),
    "pointer": (
        lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        r"is no file of weights but a Git LFS pointer, which only names the real file",
    ),
    "random": (lambda path: path.write_bytes(bytes(range(7, 250)) * 9), r"fetch it again|is no file"),
    "a number": (
        lambda path: torch.save(torch.ones(3), path),
        r"holds no CLIP weights but Tensor; expected a state dict",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_it_is_refused_before_ready_is_said(case, tmp_path):
    make, message = REFUSED[case]
    path = tmp_path / "brought.pt"
    make(path)
    with pytest.raises(DownloadError) as caught:
        fetch(FULL, folder=path)
    text = one_line(caught.value)
    assert re.search(message, text)
    assert text.startswith(str(path))
    assert text.endswith("; nothing was kept")
    assert brought_clip(NAME, TAG) is None
    for ask in (lambda: Clip.from_pretrained(NAME, str(path), device="cpu"), lambda: check_clip(NAME, path)):
        with pytest.raises(CheckpointError) as caught:
            ask()
        assert re.search(message, one_line(caught.value))
    assert not os.path.exists("/tmp/eclipsed-clip-was-run")


@pytest.mark.parametrize("case", ["hostile", "narrower", "cut", "without"])
def test_the_same_file_in_a_folder_or_in_the_store(case, tmp_path):
    import json

    from eclipsed.store.files import networks_folder

    make, message = REFUSED[case]
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": clip_kit.MODEL, "preprocess_cfg": {}}))
    make(folder / "open_clip_pytorch_model.bin")
    (networks_folder() / "clip").mkdir(parents=True)
    shutil.copy(folder / "open_clip_pytorch_model.bin", networks_folder() / "clip" / f"{NAME}.{TAG}.pt")
    for model, tag in ((folder, None), (NAME, TAG)):
        with pytest.raises(CheckpointError) as caught:
            Clip.from_pretrained(model, tag, device="cpu")
        assert re.search(message.replace("CLIP ViT-T-16", "CLIP [-\\w]+"), one_line(caught.value))
    with pytest.raises(DownloadError, match="; nothing was kept"):
        fetch(FULL)
    assert not os.path.exists("/tmp/eclipsed-clip-was-run")


def test_damage_in_open_clips_own_cache_is_told_in_our_words(tmp_path, monkeypatch):
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED[NAME][TAG], "hf_hub", "")
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED[NAME][TAG], "url", "https://example.org/weights.pt")
    cache = tmp_path / ".cache" / "clip"
    cache.mkdir(parents=True)
    for make, message in (REFUSED["hostile"], REFUSED["narrower"], REFUSED["without"]):
        make(cache / "weights.pt")
        with pytest.raises(CheckpointError, match=message) as caught:
            Clip.from_pretrained(NAME, TAG, device="cpu")
        one_line(caught.value)
    assert not os.path.exists("/tmp/eclipsed-clip-was-run")
    clip_kit.write_archive(cache / "weights.pt")  # which open_clip's own loader refuses
    assert Clip.from_pretrained(NAME, TAG, device="cpu").name == f"{NAME}/{TAG}"


def test_what_an_earlier_version_kept_is_opened_and_converted(archive):
    from eclipsed.store.files import networks_folder

    kept = networks_folder() / "clip" / f"{NAME}.{TAG}.pt"
    kept.parent.mkdir(parents=True)
    shutil.copy(archive, kept)
    assert Clip.from_pretrained(NAME, TAG, device="cpu").name == f"{NAME}/{TAG}"
    (file,) = fetch(FULL)
    assert file.suffix == ".safetensors"
    assert verify_clip(NAME, TAG)[1] == "recorded at first use"


def test_a_file_that_is_brought_again_replaces_the_first(archive, tmp_path):
    (file,) = fetch(FULL, folder=archive)
    before = load_file(file)
    (again,) = fetch(FULL, folder=clip_kit.write_archive(tmp_path / "other.pt", seed=12))
    assert again == file
    assert not torch.equal(load_file(file)["visual.proj"], before["visual.proj"])
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(
        CheckpointError, match=r"has changed since it was fetched: expected the sha256 [0-9a-f]{64}, found"
    ):
        fetch(FULL)


# ---- names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ViT-T-16/openai", ("ViT-T-16", "openai")),
        ("ViT-T/16/openai", ("ViT-T-16", "openai")),
        ("ViT-B/32/laion2b_s34b_b79k", ("ViT-B-32", "laion2b_s34b_b79k")),
        ("ViT-L/14@336px/openai", ("ViT-L-14-336", "openai")),
        ("ViT-B-32//data/ViT-B-32.pt", ("ViT-B-32", "/data/ViT-B-32.pt")),
        ("ViT-B/32//data/ViT-B/32/x.pt", ("ViT-B-32", "/data/ViT-B/32/x.pt")),
        ("ViT-B-32/data/x.pt", ("ViT-B-32", "data/x.pt")),
        ("ViT-B/32", ("ViT-B-32", None)),
        ("RN50x4/openai", ("RN50x4", "openai")),
        ("nobody/openai", None),
        ("/models/ViT-B-32/openai", None),
        ("./ViT-B-32/openai", None),
        ("", None),
    ],
)
def test_names_are_taken_apart(text, found):
    assert split_clip(text) == found
    if found is not None and found[1]:
        assert parse_clip_name(f"clip:{text}") == found


def test_names_are_known_without_importing_open_clip(monkeypatch):
    from_open_clip = known_clip_models()
    assert from_open_clip == frozenset(open_clip.list_models())
    monkeypatch.delitem(sys.modules, "open_clip")
    assert known_clip_models() == from_open_clip - {NAME}


def test_without_a_network_nothing_heavy_is_imported(tmp_path):
    code = (
        "import sys\n"
        "from eclipsed.errors import DownloadError, MissingModelError\n"
        "from eclipsed.pretrained.fetch import fetch\n"
        "from eclipsed.store import clips\n"
        "clips.contact = lambda *addresses: 'nobody answers'\n"
        "for offline in (True, False):\n"
        "    try:\n"
        "        fetch('clip:ViT-B-16/dfn2b', offline=offline)\n"
        "    except (DownloadError, MissingModelError) as error:\n"
        "        print(error)\n"
        "print([name for name in ('torch', 'open_clip') if name in sys.modules])\n"
    )
    places = {"ECLIPSED_HOME": tmp_path / "home", "HOME": tmp_path, "HF_HOME": tmp_path / "hf", "HF_HUB_OFFLINE": "0"}
    environment = {**os.environ, **{name: str(value) for name, value in places.items()}}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "clip:ViT-B-16/dfn2b is not on this machine and the network must not be used (offline); bring it by hand:"
        " eclipsed models fetch clip:ViT-B-16/dfn2b --from FOLDER",
        "the CLIP weights of ViT-B-16 (dfn2b) could not be fetched; check the network and HF_ENDPOINT, or bring them by"
        " hand with --from (nobody answers)",
        "[]",
    ]


def test_where_only_open_clip_can_tell_it_is_asked(tmp_path, monkeypatch):
    assert not surely_not_cached("ViT-B-16", "dfn2b")  # it is loaded, so asking takes no time
    monkeypatch.delitem(sys.modules, "open_clip")
    assert surely_not_cached("ViT-B-16", "dfn2b")
    assert not surely_not_cached("ViT-B-16", "dfn2")
    assert not surely_not_cached("ViT-B-17", "dfn2b")
    (tmp_path / "hub" / "models--google--some-other").mkdir(parents=True)
    assert surely_not_cached("ViT-B-16", "dfn2b")
    (tmp_path / "hub" / "models--apple--DFN2B-CLIP-ViT-B-16").mkdir()
    assert not surely_not_cached("ViT-B-16", "dfn2b")
    (tmp_path / "hub" / "models--apple--DFN2B-CLIP-ViT-B-16").rmdir()
    (tmp_path / ".cache" / "clip").mkdir(parents=True)
    (tmp_path / ".cache" / "clip" / "ViT-B-16.pt").touch()
    assert surely_not_cached("ViT-B-16", "dfn2b")  # it is OpenAI's
    assert not surely_not_cached("ViT-B-16", "openai")


def test_whatever_is_cached_is_never_surely_missing(tmp_path, monkeypatch):
    names = {}
    for model, tag in open_clip.list_pretrained():
        settings = open_clip.get_pretrained_cfg(model, tag)
        repository = str(settings.get("hf_hub", "")).rpartition("/")[0]
        names[model, tag] = (repository, str(settings.get("url") or "").rpartition("/")[2])
    monkeypatch.delitem(sys.modules, "open_clip")
    hub, urls = tmp_path / "hub", tmp_path / ".cache" / "clip"
    urls.mkdir(parents=True)
    known = known_clip_models()  # without those that tests have added
    for (model, tag), (repository, file) in names.items():
        places = [hub / f"models--{repository.replace('/', '--')}"] if repository else []
        places += [urls / file] if file else []
        assert model not in known or surely_not_cached(model, tag)
        for place in places:
            place.mkdir(parents=True)
            assert not surely_not_cached(model, tag), (model, tag, place.name)
            place.rmdir()
    assert len(names) > 100


@pytest.mark.parametrize("name", ["clip:ViT-B/32", "clip:ViT-B-32", "clip:ViT-B-32/", "clip:ViT-L/14@336px"])
def test_a_name_without_a_tag(name):
    with pytest.raises(InputError) as caught:
        fetch(name)
    assert str(caught.value) == f"a CLIP model is called clip:MODEL/TAG, such as clip:ViT-B-32/openai; got {name!r}"


def test_a_tag_is_missing_or_unknown():
    for name in (NAME, "ViT-T/16"):
        with pytest.raises(InputError, match=f"^CLIP {NAME} needs the tag of its weights as well; it has: {TAG}$"):
            Clip.from_pretrained(name, device="cpu")
    with pytest.raises(InputError, match=f"^CLIP {NAME} has no weights 'none'; it has: {TAG}$"):
        Clip.from_pretrained("ViT-T/16/none", device="cpu")
    with pytest.raises(MissingModelError) as caught:
        Clip.from_pretrained(f"{NAME}//nowhere/x.pt", device="cpu")
    assert str(caught.value) == (
        f"the CLIP weights /nowhere/x.pt do not exist; give a file of weights, or a tag: {TAG}"
    )


@pytest.mark.parametrize("name", ["vit-t-16", "vit-t/16", "VIT-T/16"])
def test_a_name_in_another_case_is_told(name):
    for ask in (
        lambda: Clip.from_pretrained(name, TAG, device="cpu"),
        lambda: Clip.from_pretrained(name, device="cpu"),
    ):
        with pytest.raises(InputError) as caught:
            ask()
        assert str(caught.value) == (
            f"no CLIP model is called {name!r}, and there is no such folder; did you mean {NAME}?"
        )
    with pytest.raises(InputError, match=rf"^open_clip has no weights of a CLIP '.*'; did you mean {NAME}\?$"):
        fetch(f"clip:{name}/{TAG}")
    with pytest.raises(MissingModelError, match="the CLIP folder models/mine does not exist"):
        Clip.from_pretrained("models/mine", device="cpu")


def test_the_hash_of_a_file_in_the_hubs_cache(monkeypatch, tmp_path):
    import hashlib

    save_file(clip_kit.network().state_dict(), tmp_path / "weights")
    sha256 = hashlib.sha256((tmp_path / "weights").read_bytes()).hexdigest()
    root = tmp_path / "hub" / "models--nobody--tiny"
    snapshot = root / "snapshots" / "a"
    for folder in (root / "blobs", root / "refs", snapshot):
        folder.mkdir(parents=True)
    (root / "refs" / "main").write_text("a")
    shutil.copy(tmp_path / "weights", root / "blobs" / sha256)
    (snapshot / "open_clip_model.safetensors").symlink_to(root / "blobs" / sha256)
    assert verify_clip(NAME, TAG) == (sha256, "published")
    (root / "blobs" / sha256).write_bytes(b"else")
    with pytest.raises(CheckpointError, match=r"has changed since it was fetched: expected the sha256"):
        verify_clip(NAME, TAG)


def test_pickles_of_python_are_no_weights(tmp_path):
    (tmp_path / "x.pt").write_bytes(pickle.dumps({"visual.proj": 3}))
    with pytest.raises(CheckpointError) as caught:
        check_clip(NAME, tmp_path / "x.pt")
    one_line(caught.value)
