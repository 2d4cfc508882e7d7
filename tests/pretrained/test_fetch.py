"""Fetching: whatever a server does, a file is right or absent, and a failure is one sentence."""

import hashlib
import json
import random
from pathlib import Path

import file_server
import pytest
import store_kit

from eclipsed.errors import CheckpointError, DownloadError, EclipsedError, InputError, MissingModelError, OutputError
from eclipsed.pretrained.fetch_network import Sources, fetch_network, is_offline
from eclipsed.store import files as store
from eclipsed.store import networks
from eclipsed.store.download import direct_address
from eclipsed.store.files import find_network, forget_network, networks_folder, remove_network, verify_network
from eclipsed.store.imposters import confirmed_address, imposter

QUICK = {"pause": 0.0, "timeout": 5.0}
NAMES = ("pinned-generator", "open-generator", "pinned-weights", "sized-weights", "open-weights")
TESTS = Path(__file__).parents[1]


def one_sentence(error):
    text = str(error)
    assert text.strip()
    assert "\n" not in text
    assert "Traceback" not in text
    assert len(text) < 700
    return text


GOOD = ("good", "drop", "drop without ranges", "redirect", "trickle", "503 once", "no length", "no tag")
BAD = ("404", "500", "quota", "page", "json", "login", "loop", "wrong", "always cut", "cut without length", "empty")


def test_fifty_downloads_from_a_bad_server(server, right):
    """Drops at random bytes, wrong bytes, quota and login pages, redirects, no ranges, trickle, 404, 500, cut files."""
    for name in NAMES:
        fetch_network(name, **QUICK)  # what nobody published a hash of is known from now on
    rng = random.Random(1)
    succeeded = failed = 0
    for index in range(50):
        name, how = rng.choice(NAMES), (GOOD + BAD)[index % len(GOOD + BAD)]
        remove_network(name)
        server.how, server.drops = how, rng.randrange(1, 5)
        try:
            path = fetch_network(name, **QUICK)
        except EclipsedError as error:
            outcome = error
        else:
            outcome = path
        if how in BAD:
            assert isinstance(outcome, DownloadError), how
            one_sentence(outcome)
            failed += 1
            with pytest.raises(MissingModelError):
                find_network(name)
        else:
            assert outcome == find_network(name), how
            succeeded += 1
        store_kit.check_store(right)
    assert min(succeeded, failed) >= 15


@pytest.mark.parametrize("name", ["pinned-weights", "open-weights"])
def test_a_broken_download_goes_on_where_it_stopped(server, files, name):
    server.how, server.drops = "drop", 3
    steps = []
    fetch_network(name, callback=steps.append, **QUICK)
    ranges = [asked for _, asked in server.seen]
    assert ranges[0] is None
    assert any(asked for asked in ranges[1:])
    done = [step.done for step in steps if step.phase == "transfer"]
    assert done == sorted(done)
    assert done[-1] == len(files[name.replace("-weights", ".pth")]) == steps[-2].total
    assert {step.phase for step in steps} == {"transfer", "verify"}


def test_a_later_call_goes_on_too(server, files):
    server.how = "always cut"
    with pytest.raises(DownloadError, match="what came is kept, and the same command goes on from there"):
        fetch_network("open-weights", **QUICK)
    have = (networks_folder() / ".partial" / "open.pth").stat().st_size
    assert have > 0
    server.how, server.seen = "good", []
    fetch_network("open-weights", **QUICK)
    assert server.seen == [("/weights/open.pth", f"bytes={have}-")]


def test_a_file_that_changed_in_between_is_fetched_anew(server, files, right):
    server.how = "always cut"
    with pytest.raises(DownloadError):
        fetch_network("open-weights", **QUICK)
    server.how, server.tag = "good", '"two"'
    fetch_network("open-weights", **QUICK)
    store_kit.check_store(right)


def test_pieces_of_another_file_are_found_out_and_fetched_anew(server, right):
    """With a published hash an unfinished file from anywhere may be gone on with; here it is of something else."""
    partial = networks_folder() / ".partial"
    partial.mkdir(parents=True)
    (partial / "pinned.pth").write_bytes(b"x" * 1000)
    offer = {"address": "elsewhere", "total": None, "validator": ""}
    (partial / "pinned.pth.offer.json").write_text(json.dumps(offer))
    server.how, server.seen = "good", []
    fetch_network("pinned-weights", **QUICK)
    assert [asked for _, asked in server.seen] == ["bytes=1000-", None]
    store_kit.check_store(right)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("quota", "a page that says the download quota is used up"),
        ("login", "a login page"),
        ("page", "a web page"),
        ("json", "a message of the server in JSON"),
        ("404", "answers 404 Not Found; the file may have moved, use a mirror or bring it by hand"),
        ("500", "answers 500 Internal Server Error"),
        ("loop", "redirects without end"),
        ("longer", "expected"),
        ("wrong", "expected the sha256"),
    ],
)
def test_what_is_said_of_a_failure(server, how, message):
    server.how = how
    with pytest.raises(DownloadError) as caught:
        fetch_network("pinned-weights", **QUICK)
    assert message in one_sentence(caught.value)
    assert not list((networks_folder() / ".partial").glob("*.pth"))


def test_drives_page_about_virus_scans_is_answered(server, files):
    server.files = {"pinned.pth": files["pinned.pth"]}
    server.how = "confirm"
    fetch_network("pinned-weights", **QUICK)
    assert server.seen[-1][0] == "/confirmed?id=abc&uuid=1-2%263"
    assert direct_address("drive:XY").startswith("https://drive.usercontent.google.com/download?id=XY&")
    assert confirmed_address(b"<form id='other'>", "https://x") is None


def test_a_hash_that_nobody_published_is_recorded_and_checked_ever_after(server):
    fetch_network("sized-weights", **QUICK)
    assert not verify_network("sized-weights").pinned
    remove_network("sized-weights")
    server.how = "wrong"
    with pytest.raises(DownloadError, match=r"not what was first fetched on 20.*sized-weights --forget"):
        fetch_network("sized-weights", **QUICK)
    forget_network("sized-weights")
    server.how = "good"
    assert verify_network(fetch_network("sized-weights", **QUICK) and "sized-weights").pinned is False


def test_a_stored_file_that_changes_is_not_handed_out(server, right):
    path = fetch_network("pinned-weights", **QUICK)
    path.write_bytes(path.read_bytes()[:-1])
    for call in (find_network, verify_network):
        with pytest.raises(CheckpointError, match=r"has changed since it was fetched.*models fetch pinned"):
            call("pinned-weights")
    fetch_network("pinned-weights", **QUICK)  # heals it
    store_kit.check_store(right)


def test_a_pickle_is_converted_and_never_run(server, files, right):
    path = fetch_network("pinned-generator", **QUICK)
    assert path.name == "pinned-generator.safetensors"
    record = verify_network("pinned-generator")
    assert record.source_sha256 == hashlib.sha256(files["pinned.pkl"]).hexdigest()
    assert record.sha256 == right[path.name]
    assert not list(networks_folder().rglob("*.pkl"))
    server.files["open.pkl"] = b"cos\nsystem\n(S'touch /tmp/eclipsed-was-run'\ntR."
    with pytest.raises(DownloadError, match="is not open-generator"):
        fetch_network("open-generator", **QUICK)
    server.files["open.pkl"] = b"\x80\x04cos\nsystem\n(S'touch /tmp/eclipsed-was-run'\ntR."
    with pytest.raises(DownloadError, match=r"refused, it asks for os\.system"):
        fetch_network("open-generator", **QUICK)
    assert not Path("/tmp/eclipsed-was-run").exists()


def test_terms_are_agreed_to_once(server, tmp_path):
    content = json.loads((tmp_path / "networks.json").read_text())
    for name in NAMES[:3]:
        content["networks"][name]["licence"] = "closed"
    (tmp_path / "networks.json").write_text(json.dumps(content))
    store_kit.use_catalogue(tmp_path / "networks.json")
    with pytest.raises(InputError, match=r"for non-commercial use only.*--accept-licence"):
        fetch_network(NAMES[0], **QUICK)
    asked = []
    with pytest.raises(InputError):
        fetch_network(NAMES[0], accept_licence=lambda licence: asked.append(licence.name), **QUICK)
    assert server.seen == []
    fetch_network(NAMES[0], accept_licence=lambda licence: asked.append(licence.name) or True, **QUICK)
    fetch_network(NAMES[1], accept_licence=lambda licence: asked.append("again") or True, **QUICK)
    fetch_network(NAMES[2], **QUICK)
    assert asked == ["closed", "closed"]


def test_a_mirror_and_a_folder_of_files(server, files, right, tmp_path):
    real = networks.network("pinned-weights")
    path = fetch_network("pinned-weights", sources=Sources(mirror=f"{server.address}/moved/"), **QUICK)
    assert server.seen == [("/moved/pinned.pth", None)]
    assert find_network(real.name) == path
    with pytest.raises(InputError, match=r"a mirror is an address .* got 'ftp://x'"):
        fetch_network("open-weights", sources=Sources(mirror="ftp://x"), **QUICK)
    brought = tmp_path / "brought"
    brought.mkdir()
    server.seen.clear()
    with pytest.raises(MissingModelError, match=r"has no open\.pth, the file of open-weights"):
        fetch_network("open-weights", sources=Sources(folder=brought), **QUICK)
    for name in ("open.pth", "open.pkl"):
        (brought / name).write_bytes(files[name])
    closed = Sources(folder=brought, offline=True)
    fetch_network("open-weights", sources=closed, **QUICK)
    fetch_network("open-generator", sources=Sources(folder=brought / "open.pkl"), **QUICK)
    (brought / "sized.pth").write_bytes(files["sized.pth"][:-1])
    with pytest.raises(DownloadError, match=r"expected .* bytes, found"):
        fetch_network("sized-weights", sources=closed, **QUICK)
    (brought / "sized.pth").write_bytes(file_server.LOGIN.ljust(len(files["sized.pth"])))
    with pytest.raises(DownloadError, match="no file of weights but a login page"):
        fetch_network("sized-weights", sources=closed, **QUICK)
    assert server.seen == []
    store_kit.check_store(right)


def test_offline_means_offline(server, monkeypatch):
    monkeypatch.setenv("ECLIPSED_OFFLINE", "1")
    assert is_offline()
    for sources in (Sources(), Sources(offline=True)):
        with pytest.raises(MissingModelError, match=r"must not be used \(offline\); bring open\.pth by hand"):
            fetch_network("open-weights", sources=sources, **QUICK)
    assert server.seen == []
    fetch_network("open-weights", sources=Sources(offline=False), **QUICK)
    seen = len(server.seen)
    fetch_network("open-weights", **QUICK)  # it is here
    assert len(server.seen) == seen
    monkeypatch.setenv("ECLIPSED_OFFLINE", "0")
    assert not is_offline()


def test_a_proxy_is_used(server, monkeypatch, tmp_path):
    """The server plays the proxy: it is asked for the whole address."""
    content = json.loads((tmp_path / "networks.json").read_text())
    content["networks"]["open-weights"]["addresses"] = ["http://weights.invalid/weights/open.pth"]
    (tmp_path / "networks.json").write_text(json.dumps(content))
    store_kit.use_catalogue(tmp_path / "networks.json")
    monkeypatch.setenv("HTTP_PROXY", server.address)
    monkeypatch.setenv("http_proxy", server.address)
    fetch_network("open-weights", **QUICK)
    assert server.seen[0][0] == "http://weights.invalid/weights/open.pth"


def test_the_disk_is_looked_at_first(server, monkeypatch):
    full = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("eclipsed.pretrained.fetch_network.shutil.disk_usage", lambda _: full)
    with pytest.raises(OutputError, match=r"MB free, open-weights needs .* MB; make room, or point ECLIPSED_HOME"):
        fetch_network("open-weights", **QUICK)
    assert not list((networks_folder() / ".partial").glob("*.pth"))


def test_a_home_that_cannot_be_written(server, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="cannot write"):
        fetch_network("open-weights", **QUICK)


def test_the_second_of_two_addresses(server, tmp_path):
    content = json.loads((tmp_path / "networks.json").read_text())
    content["networks"]["open-weights"]["addresses"].insert(0, f"{server.address}/weights/nowhere.pth")
    (tmp_path / "networks.json").write_text(json.dumps(content))
    store_kit.use_catalogue(tmp_path / "networks.json")
    fetch_network("open-weights", **QUICK)
    assert [path for path, _ in server.seen] == ["/weights/nowhere.pth", "/weights/open.pth"]


def test_a_server_that_is_not_there(server):
    sources = Sources(mirror="http://127.0.0.1:9")
    with pytest.raises(DownloadError, match="the server refuses connections"):
        fetch_network("open-weights", sources=sources, **QUICK)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"\xef\xbb\xbf  <!doctype html>", "a web page"),
        (b"<html>Download quota for this file", "quota"),
        (b"[]", "JSON"),
        (b"PK\x03\x04...", None),
        (b"\x80\x04\x95", None),
        ((0x3C20).to_bytes(8, "little") + b"{}", None),  # lengths of safetensors that start like a page, or like JSON
        ((0x027B).to_bytes(8, "little") + b"{}", None),
    ],
)
def test_what_is_no_file_of_weights(head, what):
    found = imposter(head)
    assert found is None if what is None else what in found


# ---- files that nobody fetched


def test_a_file_put_there_by_hand(server, files, monkeypatch):
    """It is checked as far as anything is published, recorded, and has to stay as it is."""
    networks_folder().mkdir(parents=True)
    (networks_folder() / "sized.pth").write_bytes(files["sized.pth"][:-1])
    with pytest.raises(CheckpointError, match=r"is not sized-weights: expected \d+ bytes, found \d+"):
        find_network("sized-weights")
    (networks_folder() / "sized.pth").write_bytes(files["sized.pth"])
    assert find_network("sized-weights").name == "sized.pth"
    assert verify_network("sized-weights").source_sha256 == hashlib.sha256(files["sized.pth"]).hexdigest()
    (networks_folder() / "pinned.pth").write_bytes(files["pinned.pth"][:-1] + b"x")
    with pytest.raises(CheckpointError, match=r"is not pinned-weights: expected the sha256"):
        find_network("pinned-weights")
    (networks_folder() / "pinned.pth").write_bytes(files["pinned.pth"])

    def read_only(*_):
        raise OutputError("read-only")

    monkeypatch.setattr(store, "write_record", read_only)
    assert find_network("pinned-weights").name == "pinned.pth"
    (networks_folder() / "open.pth").write_bytes(files["open.pth"])
    with pytest.raises(OutputError, match="read-only"):
        find_network("open-weights")
    (networks_folder() / "pinned.pkl").write_bytes(files["pinned.pkl"])
    assert find_network("pinned-generator").name == "pinned.pkl"  # read as it is, without running anything in it
    assert server.seen == []


def test_a_converted_file_without_its_record_is_not_trusted(server):
    path = fetch_network("open-generator", **QUICK)
    path.with_name(path.name + ".json").unlink()
    store._verified.clear()
    with pytest.raises(CheckpointError, match="has no record of what it was made from"):
        find_network("open-generator")
    assert fetch_network("open-generator", **QUICK) == path


def test_an_unknown_network():
    with pytest.raises(MissingModelError, match="there is no network 'bisnet'; did you mean bisenet"):
        find_network("bisnet")
    with pytest.raises(MissingModelError, match="there is no network 'xyz'; known: ffhq-generator, "):
        fetch_network("xyz")
