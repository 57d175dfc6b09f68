"""Commands of the service, sent over a WebSocket."""

import json
import time
from typing import Any, Dict, Optional

from kytos_settings.client import SettingsError
from kytos_settings.websocket import HandshakeRefused, WebSocket

PATH = "/api/kytos/settings/v1/bus"
RETRY_S = 0.2
ANSWER_S = 31.0
"""The service itself answers each command within 30 s."""
READS = {"retrieve", "list", "describe", "history", "audit", "as_of", "status", "controllers"}


class Commands:
    """Sends commands of one thread, one after the other, over one connection that is opened again when lost.

    Invariant: a command that writes is executed at most once. If its connection is lost before the answer,
    the outcome is unknown, and the caller receives that as an error. A command that reads is repeated then,
    and one that the service surely did not execute (status 503) is repeated in any case.
    """

    def __init__(self, url: str, token: Optional[str] = None, ca: Optional[str] = None) -> None:
        """Takes `http(s)://host[:port]`, a token, and the PEM file of a CA; connects at the first command."""
        self._url = "ws" + url.rstrip("/")[len("http") :] + PATH
        self._token = token
        self._ca = ca
        self._connection: Optional[WebSocket] = None
        self._last_id = 0

    def ask(self, name: str, content: Dict[str, Any], deadline: float) -> Any:
        """The data of the answer; waits for the service until the deadline (monotonic).

        Raises SettingsError for a refusal, OSError where the service cannot be reached, and TypeError or
        ValueError for content that is not JSON.
        """
        self._last_id += 1
        message = {"id": self._last_id, "name": name, "content": content}
        text = json.dumps(message, allow_nan=False)
        while True:
            connection = self._connect(deadline)
            try:
                connection.send(text)
                return self._answer(connection)
            except SettingsError as error:
                # 503: not executed, such as while the service starts.
                if error.status != 503 or time.monotonic() + RETRY_S > deadline:
                    raise
                time.sleep(RETRY_S)
            except OSError as error:
                self.close()
                if name.rsplit(".", 1)[-1] not in READS:
                    detail = "The connection was lost before the answer: {}".format(error)
                    raise SettingsError(504, {"code": "OUTCOME_UNKNOWN", "detail": detail}) from error
                if time.monotonic() + RETRY_S > deadline:
                    raise
                time.sleep(RETRY_S)

    def idle(self) -> None:
        """Answers pings of the service and notices the end of the connection; called between commands."""
        if self._connection is None:
            return
        try:
            while self._connection.receive(0.001) is not None:
                pass  # the answer to a command that was given up
        except OSError:
            self.close()

    def close(self) -> None:
        """Ends the connection; the next command opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self, deadline: float) -> WebSocket:
        self.idle()
        while self._connection is None:
            try:
                self._connection = WebSocket(self._url, self._token, self._ca)
            except HandshakeRefused as error:
                if error.status in (400, 401, 403) or time.monotonic() + RETRY_S > deadline:
                    raise
                time.sleep(RETRY_S)
            except OSError:
                if time.monotonic() + RETRY_S > deadline:
                    raise
                time.sleep(RETRY_S)
        return self._connection

    def _answer(self, connection: WebSocket) -> Any:
        end = time.monotonic() + ANSWER_S
        while True:
            left = end - time.monotonic()
            text = connection.receive(left) if left > 0 else None
            if text is None:
                raise OSError("The service did not answer within {} s.".format(ANSWER_S))
            message = json.loads(text)
            if message.get("reply_to", self._last_id) != self._last_id:
                continue
            if "error" in message:
                error = message["error"]
                problem = dict(error.get("details") or {}, code=error["code"], detail=error["message"])
                raise SettingsError(int(error.get("status", 500)), problem)
            if "data" in message:
                return message["data"]
