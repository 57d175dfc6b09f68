"""The events of the controller's bus: commands go to the service, its facts come back."""

import logging
import queue
import threading
import time
from typing import Any, Callable, Dict, Optional, Tuple

from kytos_settings import storehouse
from kytos_settings.bus import Bus
from kytos_settings.client import SettingsError
from kytos_settings.commands import Commands
from kytos_settings.config import Config

LISTENED = r"kytos\.(settings|storehouse)\.[a-z_]+"
FACTS = ["settings.changed"]
STOREHOUSE = ("kytos", "storehouse")
QUEUE_EVENTS = 10000
CONNECT_S = 10.0
POLL_S = 0.5
CALLBACK_S = 0.2
LOG = logging.getLogger("kytos_settings.events")


class EventBridge:
    """Answers the commands on the controller's `app` buffer, and puts the facts of the service there.

    Invariants: each command is executed at most once, in the order of the buffer; its callback is called
    exactly once, with an error where there is no answer; `take` never blocks the controller. Callbacks run in
    their own threads, because some wait for the answer to another command. Where kytos/storehouse is loaded,
    it alone answers its events.
    """

    def __init__(self, controller: Any, config: Config, make_event: Callable[[str, Any], Any]) -> None:
        """Takes the controller, the configuration, and a function that makes a KytosEvent."""
        self._controller = controller
        self._make_event = make_event
        self._queue: "queue.Queue[Tuple[float, Any]]" = queue.Queue(QUEUE_EVENTS)
        self._commands = Commands(config.url, config.token, config.ca)
        self._bus = Bus(config.url, FACTS, self._publish, None, config.token, config.ca)
        self._stopped = threading.Event()
        self._said_storehouse = False

    def start(self) -> None:
        """Starts the thread of the commands and the one of the facts."""
        threading.Thread(target=self._run, name="kytos-settings-commands", daemon=True).start()
        self._bus.start()

    def stop(self) -> None:
        """Ends both threads; commands that still wait receive an error."""
        self._stopped.set()
        self._bus.stop()

    def take(self, event: Any) -> None:
        """A listener of the controller: queues a command."""
        is_box = event.name.startswith(storehouse.PREFIX)
        if is_box and (event.name[len(storehouse.PREFIX) :] not in storehouse.REQUIRED or self._has_other()):
            return
        try:
            self._queue.put_nowait((time.monotonic() + CONNECT_S, event))
        except queue.Full:
            self._reply(event, None, OSError("{} commands already wait.".format(QUEUE_EVENTS)))

    def _has_other(self) -> bool:
        """Whether kytos/storehouse is loaded now; reported once."""
        loaded = STOREHOUSE in self._controller.napps
        if loaded and not self._said_storehouse:
            LOG.warning("kytos/storehouse is loaded: it answers kytos.storehouse.*, the service does not.")
        self._said_storehouse = loaded
        return loaded

    def _publish(self, fact: Dict[str, Any]) -> None:
        self._controller.buffers.app.put(self._make_event(fact["name"], fact["content"]))

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                deadline, event = self._queue.get(timeout=POLL_S)
            except queue.Empty:
                self._commands.idle()
                continue
            data, error = self._execute(event, deadline)
            thread = self._reply(event, data, error)
            if thread is not None:
                # Callbacks are called in order, unless one takes long.
                thread.join(CALLBACK_S)
        self._commands.close()
        while not self._queue.empty():
            self._reply(self._queue.get_nowait()[1], None, OSError("The NApp kytos/settings was stopped."))

    def _execute(self, event: Any, deadline: float) -> Tuple[Any, Any]:
        content = event.content if isinstance(event.content, dict) else {}

        def ask(name: str, sent: Dict[str, Any]) -> Any:
            return self._commands.ask(name, sent, deadline)

        try:
            if event.name.startswith(storehouse.PREFIX):
                data, error = storehouse.answer(ask, event.name, content)
            else:
                sent = {name: value for name, value in content.items() if name != "callback"}
                data, error = ask(event.name, sent), None
        except Exception as raised:
            data, error = None, raised
        if isinstance(error, Exception) and not isinstance(error, (KeyError, SettingsError)):
            LOG.error("%s was not answered by the service: %s", event.name, error)
        return data, error

    def _reply(self, event: Any, data: Any, error: Any) -> Optional[threading.Thread]:
        """Starts the callback of an event, if it has one."""
        content = event.content if isinstance(event.content, dict) else {}
        callback = content.get("callback")
        if callback is None:
            if error:
                LOG.error("%s failed, and has no callback: %s", event.name, error)
            return None

        def call() -> None:
            try:
                callback(event, data, error)
            except Exception:
                LOG.exception("The callback of %s failed.", event.name)

        thread = threading.Thread(target=call, name="kytos-settings-callback", daemon=True)
        thread.start()
        return thread
