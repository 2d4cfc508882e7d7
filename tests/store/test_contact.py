"""Without a network there is an answer in seconds, in one sentence."""

import socket
import threading
import time

import pytest
import requests

from eclipsed.errors import DownloadError
from eclipsed.store import clips, contact, download
from eclipsed.store.clips import fetch_clip
from eclipsed.store.contact import UNKNOWN_NAME

ADVICE = "check the address and the network, use a mirror, or bring the file by hand with --from"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def listening():
    """A port on which somebody listens, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def unknown(*_, **__):
    raise socket.gaierror(-2, "Name or service not known")


def test_somebody_answers(listening):
    assert contact.contact(f"http://127.0.0.1:{listening}/file") is None


def test_nobody_answers(monkeypatch):
    assert contact.contact("http://127.0.0.1:9/file") == "the server refuses connections"
    monkeypatch.setattr(socket, "create_connection", unknown)
    assert contact.contact("https://example.org/file") == UNKNOWN_NAME

    def nowhere(*_, **__):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", nowhere)
    assert contact.contact("https://example.org/file") == "no way leads to the server; is there a network?"


def test_a_lookup_that_hangs_is_not_waited_for(monkeypatch):
    hung = threading.Event()

    def hang(*_, **__):
        hung.wait(60)
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", hang)
    began = time.monotonic()
    assert contact.contact("https://example.org/file", seconds=0.05) == "the server does not answer within 0.05 s"
    assert time.monotonic() - began < 30
    hung.set()


def test_the_proxy_is_asked_where_there_is_one(monkeypatch, listening):
    monkeypatch.setenv("https_proxy", "127.0.0.1:9")
    assert contact.contact("https://example.org/file") == "the proxy cannot be reached"
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{listening}")
    assert contact.contact("https://example.org/file") is None


def test_one_that_answers_is_enough(listening):
    assert contact.contact("http://127.0.0.1:9/file", f"http://127.0.0.1:{listening}") is None
    assert contact.contact("http://127.0.0.1:9", "http://127.0.0.1:9/file") == "the server refuses connections"


def test_what_is_no_address_is_left_to_the_transfer():
    for address in ("https://", "ftp://example.org", "http://[broken"):
        assert contact.contact(address) is None


def test_a_transfer_without_a_network_is_not_tried_again(monkeypatch, tmp_path):
    monkeypatch.setattr(socket, "create_connection", unknown)
    monkeypatch.setattr(requests.Session, "get", lambda *_, **__: pytest.fail("it was tried"))
    told = []
    transfer = download.Transfer(
        "https://example.org/file.pt", tmp_path / "part", size=10, progress=lambda *how: told.append(how)
    )
    with pytest.raises(DownloadError) as caught:
        transfer.run()
    assert str(caught.value) == f"https://example.org/file.pt could not be fetched ({UNKNOWN_NAME}); {ADVICE}"
    assert told == [(0, 10)]  # the bar is there before anybody is asked
    (tmp_path / "part").write_bytes(b"12345")
    with pytest.raises(DownloadError, match="what came is kept, and the same command goes on from there"):
        transfer.run()


def test_a_clip_without_a_network_is_not_tried_either(monkeypatch):
    asked = []
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("open_clip.download_pretrained", lambda settings: pytest.fail("it was tried"))
    monkeypatch.setattr(clips, "contact", lambda *addresses: asked.append(addresses) or UNKNOWN_NAME)
    with pytest.raises(DownloadError) as caught:
        fetch_clip("ViT-B-32", "openai")
    assert str(caught.value) == (
        "the CLIP weights of ViT-B-32 (openai) could not be fetched; check the network and HF_ENDPOINT, or bring them"
        f" by hand with --from ({UNKNOWN_NAME})"
    )
    assert [len(addresses) for addresses in asked] == [2]  # the hub, and somebody else
    with pytest.raises(DownloadError):
        fetch_clip("hf-hub:someone/something", None)
    assert all(address.startswith("https://") for addresses in asked for address in addresses)


def test_a_clip_whose_own_server_is_gone(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("open_clip.download_pretrained", lambda settings: pytest.fail("it was tried"))
    monkeypatch.setattr(clips, "contact", lambda *addresses: None if len(addresses) > 1 else "it is gone")
    with pytest.raises(DownloadError, match=r"with --from \(it is gone\)"):
        fetch_clip("RN50", "yfcc15m")
