"""A server on 127.0.0.1 that behaves as badly as real ones do."""

import contextlib
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

QUOTA = b"<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title><p>Too many users have viewed or downloaded"
LOGIN = b'<html><form action="/signin"><input type="password" name="p"></form>Sign in to continue</html>'
MISTAKE = b'{"error": "no such file"}'
CONFIRM = (
    b'<html><title>Virus scan warning</title><form id="download-form" action="/confirmed" method="get">'
    b'<input type="hidden" name="id" value="abc"><input type="hidden" name="uuid" value="1-2&amp;3"></form></html>'
)
PLACE = "/weights/"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server, path = self.server, self.path.partition("?")[0]
        name = path.rsplit("/", 1)[-1]
        server.seen.append((self.path, self.headers.get("Range")))
        how = server.how
        if path == "/signin":
            return self.page(LOGIN)
        if path == "/moved/" + name:
            return self.content(server.files[name], "good")
        if path == "/confirmed":
            return self.content(next(iter(server.files.values())), "good")
        data = server.files.get(name)
        if data is None or how == "404":
            return self.error(404)
        simple = {"quota": QUOTA, "page": b"<html>Welcome</html>", "confirm": CONFIRM, "json": MISTAKE}
        if how in simple:
            return self.page(simple[how])
        if how in ("500", "503 once"):
            server.how = "good" if how == "503 once" else how
            return self.error(500 if how == "500" else 503)
        if how in ("login", "redirect", "loop"):
            return self.redirect({"login": "/signin", "redirect": f"/moved/{name}", "loop": self.path}[how])
        return self.content(data, how)

    def error(self, code):
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def redirect(self, target):
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def page(self, text):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def content(self, data, how):
        server = self.server
        if how == "wrong":
            data = data[:-200] + bytes(byte ^ 1 for byte in data[-200:-199]) + data[-199:]
        elif how == "longer":
            data = data + b"more"
        elif how == "empty":
            data = b""
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        ranges = how in ("good", "drop", "trickle", "always cut") and self.headers.get("If-Range") in (None, server.tag)
        if asked and ranges:
            start = int(asked[1])
            if start >= len(data):
                self.error(416)
                return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if how not in ("no length", "cut without length"):
            self.send_header("Content-Length", str(len(data) - start))
        if how not in ("drop without ranges", "no tag"):
            self.send_header("ETag", server.tag)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        end = len(data)
        if how in ("drop", "drop without ranges") and server.drops:
            server.drops -= 1
            end = server.rng.randrange(start, len(data))
        elif how in ("always cut", "cut without length"):
            end = start if start else server.rng.randrange(1, len(data))
        with contextlib.suppress(OSError):  # the other side may be gone
            self.send(data[start:end], how)
            if end < len(data) and how != "cut without length":
                self.connection.shutdown(2)

    def send(self, data, how):
        if how != "trickle":
            self.wfile.write(data)
            return
        for start in range(0, len(data), 4096):
            self.wfile.write(data[start : start + 4096])
            time.sleep(0.0005)  # the point of it


class FileServer(ThreadingHTTPServer):
    """Serves `files` by name as `how` says: see `Handler`."""

    daemon_threads = True

    def __init__(self, rng):
        super().__init__(("127.0.0.1", 0), Handler)
        self.rng, self.files, self.how, self.drops, self.tag, self.seen = rng, {}, "good", 0, '"one"', []
        self.address = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_):
        pass


@contextlib.contextmanager
def serving(rng):
    with FileServer(rng) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
