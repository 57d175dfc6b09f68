"""The NApp kytos/settings: connects the events of kytosd with the service."""

import json
import sys
from typing import Any, Optional

from kytos.core import KytosEvent, KytosNApp, log, rest

from kytos_settings.config import read_config
from kytos_settings.events import LISTENED, EventBridge
from kytos_settings.hook import Hook
from kytos_settings.live import current
from kytos_settings.loops import set_interval


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
            log.warning("kytos/settings is off: the bridge is not configured.")
            return
        self._bridge = EventBridge(self.controller, config, _make_event)
        # Not listen_to, which starts a thread for each event and loses their order.
        self._listeners[LISTENED] = [self._bridge.take]
        self._bridge.start()
        live = current()
        if live is not None:
            live.on_applied = self._on_applied

    def execute(self) -> None:
        """Does nothing: the bridge has its own threads."""

    def shutdown(self) -> None:
        """Ends the threads."""
        if self._bridge is not None:
            self._bridge.stop()

    def _on_applied(self, namespace: str, name: str, value: Any) -> None:
        set_interval(self.controller, namespace, name, value)

    @rest("v1/bridge")  # type: ignore[misc]
    def show_bridge(self) -> str:
        """Whether the bridge works in this process; no setting is shown, because this needs no login."""
        live = current()
        return json.dumps(
            {
                "hook": any(isinstance(finder, Hook) for finder in sys.meta_path),
                "source": "none" if live is None else live.source,
                "connected": live is not None and live.connected,
            }
        )


def _make_event(name: str, content: Any) -> Any:
    return KytosEvent(name=name, content=content)
