"""``eclipsed models fetch | list | info | verify | remove | path`` from a terminal, and sets by name."""

import io
import json

import file_server
import pytest
import store_kit
from rich.console import Console

from eclipsed.commands import cli, models
from eclipsed.commands.progress import ProgressBar
from eclipsed.commands.store import FetchLog
from eclipsed.editor import Editor
from eclipsed.errors import DownloadError, InputError, MissingModelError
from eclipsed.pretrained.fetch import fetch
from eclipsed.pretrained.fetch_network import FetchStep
from eclipsed.store import clip_files
from eclipsed.store.networks import known_networks, known_sets
from eclipsed.store.segmentation import VOC_CLASSES
from eclipsed.store.sets import find_set, list_sets


@pytest.fixture
def run(capsys):
    def run(*words):
        code = cli.run([str(word) for word in words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


def test_a_network_from_the_first_to_the_last_command(server, run):
    code, out, err = run("models", "path", "pinned-weights")
    assert (code, out) == (1, "")
    assert "is not on this machine; get it: eclipsed models fetch pinned-weights" in err
    code, out, err = run("models", "fetch", "pinned-weights", "pinned-generator")
    assert code == 0
    assert "licence of pinned-weights: MIT (https://example.org/mit)" in err
    assert "MB/s" in err
    first, second = out.split()
    assert run("models", "path", "pinned-weights") == (0, f"{first}\n", "")
    assert second.endswith("pinned-generator.safetensors")
    found = json.loads(run("models", "info", "pinned-weights", "--json")[1])
    assert (found["present"], found["file"], found["checked"]) == (True, first, "against the published sha256")
    code, out, _ = run("models", "verify")
    assert code == 0
    assert out.count("right") == 2
    with open(first, "ab") as file:
        file.write(b"x")
    code, out, err = run("models", "verify", "own", "--json")
    assert code == 1
    assert {row["name"]: row["ok"] for row in json.loads(out)} == {"pinned-generator": True, "pinned-weights": False}
    assert "1 of 2 networks are not right" in err
    assert run("models", "remove", "own")[1].splitlines() == ["removed pinned-generator", "removed pinned-weights"]
    assert run("models", "remove", "own")[0] == 1
    assert run("models", "verify")[1].startswith("there are no networks in")


def test_a_set_by_its_name(server, run, monkeypatch):
    """All at once: two networks, and CLIP by open_clip's own loader."""
    with pytest.raises(MissingModelError, match=r"'own' lacks pinned-generator .* and pinned-weights .*fetch own"):
        find_set("own")
    asked = []
    monkeypatch.setattr("open_clip.download_pretrained", lambda settings: asked.append(settings["hf_hub"]))
    assert run("models", "fetch", "own", "--no-photos")[0] == 0
    assert len(server.seen) == 2
    assert run("models", "verify", "own")[1].count("right") == 2
    assert run("models", "fetch", "own")[1].split()[2].endswith("sized.pth")
    assert len(server.seen) == 4
    assert run("models", "verify", "own")[1].count("right") == 4
    assert asked[:1] == ["timm/vit_base_patch32_clip_224.openai/"]
    found = find_set("own")
    assert found.generator.name == "pinned-generator.safetensors"
    assert found.parser.name == "pinned.pth"
    assert {s.name: s.present for s in list_sets()}["own"]
    assert run("models", "list")[1].count("own: present") == 1
    assert "get it: eclipsed models fetch bare" in run("models", "list")[1]
    assert "open-generator: absent" in run("models", "list", "--networks")[1]
    code, out, _ = run("models", "info", "own", "--json")
    assert (code, json.loads(out)["resolution"]) == (0, 16)
    assert run("models", "path", "own")[1].split() == [str(found.generator), str(found.parser)]


def test_a_set_without_a_parser(server, run, monkeypatch):
    monkeypatch.setattr("open_clip.download_pretrained", lambda settings: None)
    assert json.loads(run("models", "info", "bare", "--json")[1])["parser"] is None
    assert run("models", "fetch", "bare")[0] == 0
    found = find_set("bare")
    assert (found.parser, found.truncation_psi) == (None, 0.5)
    assert json.loads(run("models", "info", "bare", "--json")[1])["parser"] is None


def test_every_set_without_a_parser_says_how_it_gets_regions(run):
    bare = [name for name, entry in known_sets().items() if entry.get("parser") is None]
    shown = {"car": "car", "cat": "cat", "horse": "horse", "afhqcat": "cat", "afhqdog": "dog"}
    assert set(shown.values()) < set(VOC_CLASSES)
    assert {"afhqcat", "afhqdog", "afhqwild", "afhqv2", "car", "cat", "church", "horse"} <= set(bare)
    for name in bare:
        assert "paint a mask to hold edits to a part" in known_sets()[name]["description"]
        said = json.loads(run("models", "info", name, "--json")[1])["regions"]
        segmented, _, by_hand = said.rpartition("paint a mask")
        assert by_hand == (
            " (--mask FILE, in Python region=eclipsed.read_mask(FILE)), paint its parts on a few faces "
            "(eclipsed parts learn NAME), or bring a parser of your own (eclipsed.CallableParser)"
        )
        assert segmented == (
            f"take a segmentation network, which finds the {shown[name]} (eclipsed models fetch deeplabv3-resnet50; in "
            f'Python eclipsed.Segmenter.from_store("deeplabv3-resnet50", {{"{shown[name]}": PART}}, world=FOLDER)), '
            if name in shown
            else ""
        )
    assert "regions: paint a mask (--mask FILE" in run("models", "info", "church")[1]
    for name in ("mini", "ffhq", "metfaces"):
        assert "regions" not in json.loads(run("models", "info", name, "--json")[1])


def test_clip_that_cannot_be_fetched_is_one_sentence(server, run, monkeypatch):
    def broken(settings):
        raise OSError("no route\nto host")

    monkeypatch.setattr("open_clip.download_pretrained", broken)
    code, _, err = run("models", "fetch", "clip:ViT-B-32-quickgelu/openai")
    assert code == 1
    assert "weights of ViT-B-32-quickgelu (openai) could not be fetched; check the network and HF_ENDPOINT" in err
    assert err.splitlines()[-1].startswith("error: ")
    assert len(err.splitlines()) == 2
    for name, message in (
        ("clip:ViT-B-32", "a CLIP model is called clip:MODEL/TAG"),
        ("clip:ViT-B-32/nobody", "has no weights 'nobody'; it has: openai"),
        ("clip:Nobody/openai", "open_clip has no weights of a CLIP 'Nobody'"),
        ("nobody", "nothing to fetch is called 'nobody'; sets: own, bare"),
    ):
        code, _, err = run("models", "fetch", name)
        assert code == 1
        assert message in err
    with pytest.raises(MissingModelError, match=r"must not be used \(offline\); bring it by hand"):
        fetch("clip:ViT-B-16/dfn2b", offline=True)


@pytest.mark.slow
def test_clip_brought_by_hand(server, run, tmp_path):
    """The file lies in the store under the model's name and tag, and is loaded with what open_clip knows of it."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    from eclipsed.pretrained.clip import Clip

    with torch.random.fork_rng(devices=[]):
        network = open_clip.create_model("RN50-quickgelu", load_weights=False)
    brought = tmp_path / "brought"
    brought.mkdir()
    with pytest.raises(MissingModelError, match=r"no weights of CLIP RN50 \(openai\); put them there as RN50"):
        fetch("clip:RN50/openai", folder=brought)
    (brought / "RN50.openai.safetensors").write_bytes(file_server.LOGIN)
    with pytest.raises(DownloadError, match="but a login page"):
        fetch("clip:RN50/openai", folder=brought)
    state = {key: value.half().contiguous() for key, value in network.state_dict().items()}
    save_file(state, brought / "RN50.openai.safetensors")
    (file,) = fetch("clip:RN50/openai", folder=brought)
    assert clip_files.brought_clip("RN50", "openai") == file
    assert clip_files.clip_file("RN50", "openai")
    loaded = Clip.from_pretrained("RN50", "openai", device="cpu")
    assert torch.equal(loaded.network.state_dict()["text_projection"], state["text_projection"].float())
    assert loaded.mean.flatten().tolist() == pytest.approx(open_clip.OPENAI_DATASET_MEAN)
    assert Editor.from_pretrained("mini", device="cpu", clip="RN50/openai").clip.size == 224
    assert run("models", "remove", "clip:RN50/openai")[1] == "removed clip:RN50/openai\n"
    assert not clip_files.clip_file("RN50", "openai")
    code, _, err = run("models", "remove", "clip:RN50/openai")
    assert (code, err) == (1, "error: nothing of clip:RN50/openai is on this machine\n")


def test_options_that_make_no_sense(run):
    assert "there is no folder nowhere" in run("models", "fetch", "bisenet", "--from", "nowhere")[2]
    assert "the store knows no 'nobody'" in run("models", "verify", "nobody")[2]
    assert "the store knows no 'nobody'" in run("models", "remove", "nobody")[2]


def test_what_ships_needs_no_fetching(run):
    code, out, _ = run("models", "fetch", "mini")
    assert code == 0
    assert "generator.safetensors" in out


def test_networks_of_another_set_stay(server, run, tmp_path, monkeypatch):
    monkeypatch.setattr("open_clip.download_pretrained", lambda settings: None)
    content = json.loads((tmp_path / "networks.json").read_text())
    content["sets"]["bare"]["parser"] = "pinned-weights"
    (tmp_path / "networks.json").write_text(json.dumps(content))
    store_kit.use_catalogue(tmp_path / "networks.json")
    assert run("models", "fetch", "own", "bare")[0] == 0
    gone = ["removed pinned-generator", "removed sized-weights", "removed open-weights"]
    assert run("models", "remove", "own")[1].splitlines() == gone
    assert run("models", "remove", "bare")[1].splitlines() == ["removed open-generator", "removed pinned-weights"]


def test_the_bar_on_a_terminal_shows_speed_and_time_left():
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with ProgressBar(in_bytes=True, console=console) as bar:
        log = FetchLog(bar)
        log(FetchStep("bisenet", "waiting"))
        for done in range(0, 10_000_001, 1_000_000):
            log(FetchStep("bisenet", "transfer", done, 10_000_000))
        with bar.paused():
            console.print("a question")
        log(FetchStep("bisenet", "verify"))
    text = console.file.getvalue()
    for word in ("waiting for another process", "10.0/10.0 MB", "MB/s", "0 s left", "verifying", "a question"):
        assert word in text


def test_the_catalogue_itself():
    """Every name, size, hash and address is of the right form, and every set is of known networks."""
    wanted = {"ffhq", "ffhq-512", "ffhq-256", "metfaces", "afhqcat", "afhqdog", "afhqwild"}
    wanted |= {"ffhq-u", "ffhq-u-r", "ffhq-u-256", "ffhq-t", "metfaces-u", "metfaces-t", "afhqv2", "afhqv2-r"}
    assert wanted <= set(known_sets())
    wanted = {"ffhq-generator", "bisenet", "e4e-ffhq", "arcface", "face-detector", "face-landmarks"}
    assert wanted <= set(known_networks())
    for name, each in known_networks().items():
        assert each.addresses, name
        assert all(address.startswith(("https://", "drive:")) for address in each.addresses)
        assert each.sha256 is None or (len(each.sha256) == 64 and int(each.sha256, 16))
        assert each.size is None or each.size > 10**6
        assert each.licence.text
        assert each.licence.address.startswith("https://")
        assert each.file
        assert "/" not in each.file
        assert ("nvidia" in each.licence.name) == (each.kind == "generator")
        assert each.kind != "generator" or each.licence.non_commercial
    assert len({each.file for each in known_networks().values()}) == len(known_networks())
    for entry in known_sets().values():
        assert known_networks()[entry["generator"]].kind == "generator"
        assert entry.get("parser") in (None, "bisenet")
        assert {*entry.get("photos", []), entry.get("encoder", "bisenet")} <= set(known_networks())
        assert ("photos" in entry) == ("parser" in entry)
    sizes = {name: known_networks()[name].size for name in ("ffhq-generator", "bisenet", "e4e-ffhq", "arcface")}
    assert list(sizes.values()) == [381624121, 53289463, 1201649680, 175367323]
    with pytest.raises(InputError, match="clip:MODEL/TAG"):
        fetch("clip:ViT-B-32")


def test_sizes_are_told(run):
    rows = {row["name"]: row for row in json.loads(run("models", "list", "--json")[1])}
    mini = find_set("mini")
    assert rows["mini"]["bytes"] == sum(path.stat().st_size for path in mini.folder.rglob("*") if path.is_file())
    assert (rows["mini"]["bytes_to_fetch"], rows["mini"]["unpublished"]) == (0, [])
    lines = run("models", "list")[1].splitlines()
    assert f"  {rows['mini']['bytes'] / 1e6:.1f} MB on this disk" in lines
    assert json.loads(run("models", "info", "mini", "--json")[1])["set_bytes"] == rows["mini"]["bytes"]


def test_sizes_of_what_is_not_here(monkeypatch, tmp_path):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path))

    ffhq = next(row for row in models.describe_sets() if row["name"] == "ffhq")
    known = ("ffhq-generator", "bisenet", "e4e-ffhq", "arcface")
    assert ffhq["bytes_to_fetch"] == sum(known_networks()[name].size for name in known)
    assert ffhq["unpublished"] == ["face-detector", "face-landmarks"]
    assert models._sizes(ffhq) == (
        "1811.9 MB to fetch, and its CLIP; the size of face-detector, face-landmarks is not published"
    )
    assert models._sizes(models.describe_network("bisenet")) == "53.3 MB to fetch"
    assert models._sizes(models.describe_network("car-tf-generator")) == (
        "the size of car-tf-generator is not published"
    )
