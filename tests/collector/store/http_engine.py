"""A stand-in for a ClickHouse server: the embedded engine behind ClickHouse's HTTP interface.

    python -m tests.collector.store.http_engine DIRECTORY PORT

Prints the port that it listens on, a free one for 0. While there is a file DIRECTORY.answer, a proxy before the server
answers in its place: with the status on the first line of the file, perhaps with the ClickHouse error that follows
the status, and with the other lines. It knows what clickhouse-connect sends and no more: statements
with parameters in the URL, inserts in Native format behind their statement.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import parse_qs, urlsplit

import chdb


class Handler(BaseHTTPRequestHandler):
    """One statement per request."""

    engine: Any
    answer: Path
    database = ""

    def do_POST(self) -> None:  # the name is http.server's
        """Run the statement and answer in the format that it asks for."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or self._chunks()
        if self.answer.exists():
            first, _, text = self.answer.read_text().partition("\n")
            status, _, error = first.partition(" ")
            self._answer(int(status), text.encode(), error)
            return
        if asked.get("query"):
            body = asked["query"].encode() + b"\n" + body
        try:
            if asked.get("database", "") != type(self).database:
                type(self).database = asked.get("database", "default")
                self.engine.query(f"USE {self.database}")
            answer = self._run(body, {key[6:]: value for key, value in asked.items() if key.startswith("param_")})
        except RuntimeError as error:
            self._answer(500, str(error).encode())
        else:
            self._answer(200, answer)

    def _run(self, body: bytes, parameters: dict[str, str]) -> bytes:
        statement, form, rows = body.partition(b"FORMAT Native\n")
        if form:
            with NamedTemporaryFile(suffix=".native") as file:
                file.write(rows)
                file.flush()
                self.engine.query(f"{statement.decode()} FROM INFILE '{file.name}' FORMAT Native")
            return b""
        statement, _, form = body.partition(b"FORMAT ")
        answer = self.engine.query(statement.decode(), form.decode().strip() or "TabSeparated", params=parameters)
        return bytes(answer.bytes())

    def _chunks(self) -> bytes:
        """A body of unknown length."""
        content = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        return content

    def _answer(self, status: int, content: bytes, error: str = "") -> None:
        self.send_response(status)
        if error:
            self.send_header("X-ClickHouse-Exception-Code", error)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
        """Say nothing."""


if __name__ == "__main__":
    Handler.answer = Path(f"{sys.argv[1]}.answer")
    Handler.engine = chdb.connect(sys.argv[1])  # type: ignore[no-untyped-call,unused-ignore]  # typed or not by its release
    server = HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
