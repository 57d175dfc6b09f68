"""The NApp kytos/settings: connects the events of kytosd with the service."""

from typing import Any, Optional

from kytos.core import KytosEvent, KytosNApp, log

from kytos_settings.config import read_config
from kytos_settings.events import LISTENED, EventBridge


class Main(KytosNApp):  # type: ignore[misc]
    """Answers kytos.settings.* and kytos.storehouse.*, and announces settings.changed."""

    _bridge: Optional[EventBridge] = None

    def setup(self) -> None:
        """Registers the listener, or logs why there is none. Never raises."""
        try:
            config = read_config()
        except Exception as error:
            log.error("kytos/settings is off: %s", error)
            return
        if config is None:
            log.warning("kytos/settings is off: KYTOS_SETTINGS_URL is not set.")
            return
        self._bridge = EventBridge(self.controller, config, _make_event)
        # Not listen_to, which starts a thread for each event and loses their order.
        self._listeners[LISTENED] = [self._bridge.take]
        self._bridge.start()

    def execute(self) -> None:
        """Does nothing: the bridge has its own threads."""

    def shutdown(self) -> None:
        """Ends the threads."""
        if self._bridge is not None:
            self._bridge.stop()


def _make_event(name: str, content: Any) -> Any:
    return KytosEvent(name=name, content=content)
