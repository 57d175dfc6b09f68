import itertools, json, random, time
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect


class SettingsBus:
    """Commands and facts of Kytos Settings; one thread, one connection at a time."""

    def __init__(self, url, names, on_event, since=None, token=None, tls=None):
        self.url, self.names, self.on_event, self.cursor = url, names, on_event, since
        self.tls, self.headers = tls, {"Authorization": f"Bearer {token}"} if token else {}
        self.ids, self.line = itertools.count(1), None

    def _open(self):
        """Connects, with as many attempts as necessary, and subscribes from its cursor."""
        pause = 0.1
        while True:
            try:
                self.line = connect(self.url, additional_headers=self.headers, ssl=self.tls, max_size=None, ping_interval=15, ping_timeout=15)
                wanted = {"subscribe": self.names}
                if self.cursor is not None:
                    wanted["since"] = self.cursor
                self.line.send(json.dumps(wanted))
                while True:
                    frame = json.loads(self.line.recv())
                    if "subscribed" in frame:
                        self.cursor = frame["cursor"] or "0"
                        return
                    if "error" in frame:
                        raise ValueError(frame["error"]["message"])
            except InvalidStatus as refusal:
                if refusal.response.status_code < 500:
                    raise
            except (OSError, InvalidHandshake, ConnectionClosed):
                pass
            time.sleep(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, 5)

    def _next(self):
        """The next frame; events are passed to `on_event`."""
        frame = json.loads(self.line.recv())
        if "event" in frame:
            self.on_event(frame["event"])
        if frame.get("cursor"):
            self.cursor = frame["cursor"]
        return frame

    def ask(self, name, content, reads=False):
        """The answer to a command. When the connection is lost, a command that reads is repeated; the outcome of others is unknown."""
        while True:
            if self.line is None:
                self._open()
            id = next(self.ids)
            try:
                self.line.send(json.dumps({"id": id, "name": name, "content": content}))
                while True:
                    frame = self._next()
                    if frame.get("reply_to") == id:
                        if "error" in frame:
                            raise RuntimeError(f"{frame['error']['code']}: {frame['error']['message']}")
                        return frame["data"]
            except ConnectionClosed:
                self.line = None
                if not reads:
                    raise RuntimeError("OUTCOME_UNKNOWN: the connection was lost; retrieve before a retry")

    def listen(self, until):
        """Passes events to `on_event` until `until()` is true."""
        while not until():
            try:
                if self.line is None:
                    self._open()
                else:
                    self._next()
            except ConnectionClosed:
                self.line = None
