"""A client of a language server over stdio (the Language Server Protocol, as far as the tests need it)."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SERVER = Path(__file__).with_name("node_modules") / ".bin/yaml-language-server"


class Client:
    """Sends requests, and waits for their answers and for diagnostics."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._number = 0
        self.diagnostics: dict[str, list[dict[str, Any]]] = {}

    def ask(self, method: str, params: object) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while (message := self._read()).get("id") != self._number or "method" in message:
            self._take(message)
        return message["result"]

    def tell(self, method: str, params: object) -> None:
        self._send({"method": method, "params": params})

    def open(self, path: Path) -> list[dict[str, Any]]:
        """Open a document, and wait for its diagnostics."""
        uri = path.as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": path.read_text("utf-8")}
        self.tell("textDocument/didOpen", {"textDocument": document})
        while uri not in self.diagnostics:
            self._take(self._read())
        return self.diagnostics[uri]

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "id" in message and "method" in message:  # the server asks for settings, or registers what it can do
            items = message["params"].get("items", []) if isinstance(message.get("params"), dict) else []
            self._send({"id": message["id"], "result": [None for _ in items] or None})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the server ended"
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message


@contextmanager
def running(folder: Path) -> Iterator[Client]:
    """A language server for a folder, with its settings as an editor has them at first."""
    with subprocess.Popen([SERVER, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            client = Client(process)
            text = {"completion": {"completionItem": {"documentationFormat": ["markdown"]}}, "hover": {}}
            client.ask(
                "initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": {"textDocument": text}}
            )
            client.tell("initialized", {})
            settings = {"yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}}
            client.tell("workspace/didChangeConfiguration", {"settings": settings})
            yield client
        finally:
            process.kill()
