"""What servers send in place of weights, told by the first bytes: web pages, quota notices, pointers, errors."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode, urljoin

__all__ = ["HEAD_BYTES", "confirmed_address", "imposter"]

#: how much of a file is looked at
HEAD_BYTES = 65536

_QUOTA = ("quota exceeded", "too many users have viewed or downloaded", "download quota", "rate limit")
_LOGIN = ("accounts.google.com", "sign in", "sign-in", "signin", "log in", "login", 'type="password"')


def imposter(head: bytes, *, address: str = "") -> str | None:
    """Say what a file is when it cannot be weights.

    Args:
        head: its first bytes, up to `HEAD_BYTES`.
        address: where it came from in the end, redirects followed.
    Returns:
        What it is, such as ``"a page that says the quota is used up"``; None when it may be weights.
    """
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if not head:
        return "an empty file"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, which only names the real file"
    page = start.startswith(b"<")
    if b"\0" in head[:64] or (not page and start[:1] not in (b"{", b"[")):  # numbers may start like a text
        return None
    text = head.decode("utf-8", "replace").lower()
    if any(word in text for word in _QUOTA):
        return "a page that says the download quota is used up; try again tomorrow, or bring the file by hand"
    if page and ("accounts." in address or any(word in text for word in _LOGIN)):
        return "a login page"
    return "a web page" if page else "a message of the server in JSON"


def confirmed_address(head: bytes, address: str) -> str | None:
    """Where the form of Google Drive's virus scan page leads; None when this is no such page.

    Args:
        head: the start of the page.
        address: of the page.
    """
    text = head.decode("utf-8", "replace")
    form = re.search(r"<form\b[^>]*\bid=\"download-form\"[^>]*>", text)
    if form is None:
        return None
    action = re.search(r"\baction=\"([^\"]+)\"", form[0])
    fields = {}
    for field in re.findall(r"<input\b[^>]*\btype=\"hidden\"[^>]*>", text[form.end() :]):
        name, value = re.search(r"\bname=\"([^\"]*)\"", field), re.search(r"\bvalue=\"([^\"]*)\"", field)
        if name and value:
            fields[html.unescape(name[1])] = html.unescape(value[1])
    if action is None or not fields:
        return None
    return f"{urljoin(address, html.unescape(action[1]))}?{urlencode(fields)}"
