"""A stand-in for the hub on the loopback address: one model, and a record of what was asked for."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "a" * 40


@contextmanager
def serve_hub(name: str, files: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve a model of that name with these files.

    Yields:
        The address, and the names of the files that were sent so far.
    """
    sent: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def _answer(self, *, with_body: bool) -> None:
            path = self.path.split("?")[0]
            if path.startswith(f"/api/models/{name}/tree/"):
                tree = [
                    {"type": "file", "path": file, "size": len(data), "oid": _hash(data)}
                    for file, data in files.items()
                ]
                self._send(json.dumps(tree).encode(), with_body=with_body)
            elif path.startswith(f"/api/models/{name}"):
                about = {
                    "id": name,
                    "sha": COMMIT,
                    "siblings": [{"rfilename": file} for file in files],
                }
                self._send(json.dumps(about).encode(), with_body=with_body)
            elif path.startswith(f"/{name}/resolve/") and path.split("/")[-1] in files:
                file = path.split("/")[-1]
                if with_body:
                    sent.append(file)
                self._send(files[file], with_body=with_body)
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _send(self, data: bytes, *, with_body: bool) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{_hash(data)}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if with_body:
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", sent
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _hash(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()
