"""A Superset as a client sees it: its REST API with a bearer token, nothing but the standard library."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any


class ApiError(Exception):
    """Superset refused; the message is its own."""


class Api:
    def __init__(self, address: str, user: str, password: str) -> None:
        self.address = address
        self._token: str | None = None
        login = {"username": user, "password": password, "provider": "db", "refresh": False}
        self._token = self.post("/api/v1/security/login", login)["access_token"]

    def _send(self, path: str, body: bytes | None, kind: str) -> Any:
        headers = {"Content-Type": kind}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self.address + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ApiError(f"{path}: {error.code} {error.read().decode(errors='replace')[:1000]}") from None

    def get(self, path: str) -> Any:
        return self._send(path, None, "application/json")

    def post(self, path: str, body: Any) -> Any:
        return self._send(path, json.dumps(body).encode(), "application/json")

    def upload(self, path: str, field: str, name: str, content: bytes, **texts: str) -> Any:
        """A file and some texts, as a browser's form sends them."""
        border = uuid.uuid4().hex
        parts = [
            f'--{border}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{text}\r\n'.encode()
            for key, text in texts.items()
        ]
        head = (
            f'--{border}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
            "Content-Type: application/zip\r\n\r\n"
        )
        body = b"".join([*parts, head.encode(), content, f"\r\n--{border}--\r\n".encode()])
        return self._send(path, body, f"multipart/form-data; boundary={border}")

    def all(self, kind: str, *columns: str) -> Iterator[dict[str, Any]]:
        """Every chart, dataset or dashboard; `columns` as its list knows them."""
        page = 0
        while True:
            wanted = f"(columns:!({','.join(columns)}),page:{page},page_size:100)"
            rows = self.get(f"/api/v1/{kind}/?q={urllib.parse.quote(wanted)}")["result"]
            yield from rows
            if len(rows) < 100:
                return
            page += 1
