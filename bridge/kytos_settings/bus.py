"""The facts of a service, received for as long as the process runs."""

import json
import logging
import random
import threading
import time
from typing import Any, Callable, Dict, List, Optional

from kytos_settings.websocket import HandshakeRefused, WebSocket

PATH = "/api/kytos/settings/v1/bus"
PING_EVERY_S = 15.0
SILENCE_S = 35.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
POLL_S = 0.5
LOG = logging.getLogger("kytos_settings.bus")


class Bus:
    """Passes events to `on_event`, in order, in one daemon thread that reconnects.

    Invariant: `cursor` moves past a fact only after `on_event` has returned for it, so that no fact is lost
    between connections; after a lost connection, the fact in progress may come twice. No event waits here:
    while `on_event` runs, the connection is not read, and the service limits what waits for a slow reader.
    """

    def __init__(
        self,
        url: str,
        names: List[str],
        on_event: Callable[[Dict[str, Any]], None],
        since: Optional[str] = None,
        token: Optional[str] = None,
        ca: Optional[str] = None,
    ) -> None:
        """Takes `http(s)://host[:port]`, the names of events, and a cursor ("0" requests a snapshot)."""
        self._url = "ws" + url.rstrip("/")[len("http") :] + PATH
        self._names = names
        self._on_event = on_event
        self._token = token
        self._ca = ca
        self._stopped = threading.Event()
        self._last_failure = ""
        self.cursor = since
        self.connected = False
        self._thread = threading.Thread(target=self._run, name="kytos-settings-bus", daemon=True)

    def start(self) -> None:
        """Starts the thread; connects in the background."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Ends the connection and waits for the thread."""
        self._stopped.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _run(self) -> None:
        pause = FIRST_PAUSE_S
        while not self._stopped.is_set():
            try:
                self._serve()
            except Exception as error:
                self._report(error)
            if self.connected:
                pause = FIRST_PAUSE_S
                self.connected = False
            self._stopped.wait(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def _report(self, error: Exception) -> None:
        """Logs a failure once, until another one follows."""
        text = "{}: {}".format(type(error).__name__, error)
        if text != self._last_failure and not self._stopped.is_set():
            self._last_failure = text
            level = logging.ERROR if isinstance(error, HandshakeRefused) else logging.WARNING
            LOG.log(level, "No connection to the settings service; retrying. %s", text)

    def _serve(self) -> None:
        """One connection, until it ends."""
        connection = WebSocket(self._url, self._token, self._ca)
        try:
            wanted: Dict[str, Any] = {"subscribe": self._names}
            if self.cursor is not None:
                wanted["since"] = self.cursor
            connection.send(json.dumps(wanted))
            pinged = time.monotonic()
            while not self._stopped.is_set():
                text = connection.receive(POLL_S)
                now = time.monotonic()
                if text is not None:
                    self._take(json.loads(text))
                elif now - connection.last_received > SILENCE_S:
                    raise OSError("The service was silent for {} s.".format(SILENCE_S))
                if now - pinged >= PING_EVERY_S:
                    connection.ping()
                    pinged = now
        finally:
            connection.close()

    def _take(self, message: Dict[str, Any]) -> None:
        if "error" in message:
            error = message["error"]
            if error.get("code") == "CURSOR_MALFORMED":
                self.cursor = "0"
            raise OSError("{}: {}".format(error.get("code"), error.get("message")))
        if "subscribed" in message:
            self.connected = True
            self._last_failure = ""
        if "event" in message:
            try:
                self._on_event(message["event"])
            except Exception:
                LOG.exception("The handler of %s failed.", message["event"].get("name"))
        if message.get("cursor"):
            self.cursor = message["cursor"]
        elif "subscribed" in message and self.cursor is None:
            self.cursor = "0"
