"""A client of the REST interface, with the standard library only."""

import http.client
import json
import ssl
import time
from typing import Any, Dict, List, Optional
from urllib.parse import quote, urlsplit

API = "/api/kytos/settings/v1"
ANSWER_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 65536


class SettingsError(Exception):
    """A refusal of the service: `code` is stable, `status` is the HTTP status, `details` the whole answer."""

    def __init__(self, status: int, problem: Dict[str, Any]) -> None:
        """Takes the status and the problem document (RFC 9457) of the answer."""
        self.status = status
        self.code = str(problem.get("code", "HTTP_{}".format(status)))
        self.details = problem
        super().__init__("{}: {}".format(self.code, problem.get("detail", "refused by the service")))


class Client:
    """Requests to one service. Thread safe: each request has its own connection.

    `timeout` limits each request, in seconds. Connection failures raise OSError or http.client.HTTPException;
    refusals raise SettingsError. Nothing is repeated: a write without an answer has an unknown outcome.
    """

    def __init__(
        self, url: str, token: Optional[str] = None, ca: Optional[str] = None, timeout: float = 3.0
    ) -> None:
        """Takes `http(s)://host[:port]`, a token, the PEM file of a CA, and a time in seconds."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("The URL must be http://HOST[:PORT] or https://HOST[:PORT], not " + repr(url))
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._context = ssl.create_default_context(cafile=ca) if parts.scheme == "https" else None
        self._token = token
        self._timeout = timeout

    def request(
        self, method: str, path: str, body: Any = None, headers: Optional[Dict[str, str]] = None
    ) -> Any:
        """The JSON answer to a request below the API's path; None for an answer without content."""
        deadline = time.monotonic() + self._timeout
        sent = dict(headers or {})
        if self._token:
            sent["Authorization"] = "Bearer " + self._token
        text = None
        if body is not None:
            text = json.dumps(body, allow_nan=False).encode("utf-8")
            sent.setdefault("Content-Type", "application/json")
        connection = self._connect()
        try:
            connection.request(method, API + path, body=text, headers=sent)
            response = connection.getresponse()
            content = self._read(connection, response, deadline)
        finally:
            connection.close()
        if response.status >= 400:
            raise SettingsError(response.status, _problem(content))
        return json.loads(content.decode("utf-8")) if content else None

    def list(self, include: str = "data") -> List[Dict[str, Any]]:
        """Summaries of all namespaces at one revision, with the effective settings."""
        answer: List[Dict[str, Any]] = self.request("GET", "/?include=" + quote(include))
        return answer

    def get(self, namespace: str, explain: bool = False) -> Dict[str, Any]:
        """Settings of a namespace (`data`, `revision`, `epoch`); on request `explain`, by JSON Pointer."""
        query = "?explain=true" if explain else ""
        answer: Dict[str, Any] = self.request("GET", _path(namespace) + query)
        return answer

    def schema(self, namespace: str) -> Dict[str, Any]:
        """The schema of a namespace and its apply modes (`apply`); SettingsError 404 where there is none."""
        answer: Dict[str, Any] = self.request("GET", _path(namespace) + "/schema")
        return answer

    def update(self, namespace: str, data: Dict[str, Any], comment: Optional[str] = None) -> Dict[str, Any]:
        """Merges overrides into a namespace; a value None removes an override."""
        answer: Dict[str, Any] = self.request("PATCH", _path(namespace), data, _comment(comment))
        return answer

    def rollback(self, namespace: str, version: int, comment: Optional[str] = None) -> Dict[str, Any]:
        """Commits the overrides of a version again."""
        path, body = _path(namespace) + "/rollback", {"version": version}
        answer: Dict[str, Any] = self.request("POST", path, body, _comment(comment))
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        if self._context is not None:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=self._context
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    @staticmethod
    def _read(
        connection: http.client.HTTPConnection, response: http.client.HTTPResponse, deadline: float
    ) -> bytes:
        """All of an answer, at most ANSWER_BYTES and not past the deadline."""
        content = bytearray()
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise OSError("The answer of the service was not complete in time.")
            if connection.sock is not None:
                connection.sock.settimeout(left)
            chunk = response.read(CHUNK_BYTES)
            if not chunk:
                return bytes(content)
            content += chunk
            if len(content) > ANSWER_BYTES:
                raise OSError("The answer of the service exceeds {} bytes.".format(ANSWER_BYTES))


def _path(namespace: str) -> str:
    username, slash, name = namespace.partition("/")
    if not (username and slash and name):
        raise ValueError("A namespace must be username/name, not " + repr(namespace))
    return "/{}/{}".format(quote(username, safe=""), quote(name, safe=""))


def _comment(comment: Optional[str]) -> Dict[str, str]:
    # http.client writes headers as Latin-1; the service reads their bytes as UTF-8.
    return {"X-Comment": comment.encode("utf-8").decode("latin-1")} if comment else {}


def _problem(content: bytes) -> Dict[str, Any]:
    try:
        problem = json.loads(content.decode("utf-8"))
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
