"""The functions of `import kytos_settings` in the console of kytosd."""

import time
from typing import Any, Dict, List, Optional

from kytos_settings.bus import Bus
from kytos_settings.client import Client
from kytos_settings.config import Config, read_config
from kytos_settings.live import current


def open_config() -> Config:
    """The configuration; raises RuntimeError where KYTOS_SETTINGS_URL is unset."""
    config = read_config()
    if config is None:
        raise RuntimeError("KYTOS_SETTINGS_URL is not set: start kytosd with the URL of the service.")
    return config


def open_client() -> Client:
    """A client of the configured service, with a limit of 10 s for each request."""
    config = open_config()
    return Client(config.url, config.token, config.ca, timeout=10.0)


def plain(value: Any) -> Any:
    """A Python value as JSON: sets are sorted lists, and integers as keys are text."""
    if isinstance(value, (frozenset, set)):
        return [plain(item) for item in sorted(value, key=lambda item: (str(type(item)), item))]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value


def read_values(napp: str, name: Optional[str]) -> Any:
    """Effective settings, or one of them; raises KeyError with the existing names."""
    data = open_client().get(napp)["data"]
    return data if name is None else _member(napp, data, name)


def read_origins(napp: str, name: Optional[str]) -> Any:
    """The origin by JSON Pointer, of all settings or of those at and below a name."""
    found = open_client().get(napp, explain=True)["explain"]
    if name is None:
        return found
    at = "/" + name.replace("~", "~0").replace("/", "~1")
    matched = {pointer: one for pointer, one in found.items() if (pointer + "/").startswith(at + "/")}
    return matched or _member(napp, {pointer.split("/")[1]: None for pointer in found}, name)


def _member(napp: str, data: Dict[str, Any], name: str) -> Any:
    if name not in data:
        names: List[str] = sorted(data)
        raise KeyError("{} has no setting {}; it has {}.".format(napp, name, ", ".join(names) or "none"))
    return data[name]


def read_status() -> Dict[str, Any]:
    """State of the service, and of this process: source of the first read, connection, pending names."""
    live = current()
    try:
        service: Dict[str, Any] = open_client().request("GET", "/status")
    except OSError as error:
        service = {"state": "UNREACHABLE", "reason": str(error)}
    return {
        "service": {name: service.get(name) for name in ("controller", "state", "revision", "reason")},
        "source": None if live is None else live.source,
        "connected": live is not None and live.connected,
        "pending": {} if live is None else live.pending(),
    }


def print_changes(napp: Optional[str], seconds: Optional[float]) -> None:
    """Prints each change until Ctrl+C, or for some seconds."""
    config = open_config()

    def show(event: Dict[str, Any]) -> None:
        content = event["content"]
        if event["name"] != "settings.changed" or napp not in (None, content["namespace"]):
            return
        for change in content["changes"]:
            values = "{!r} -> {!r}".format(change.get("old"), change.get("new"))
            print(content["revision"], content["namespace"], change["path"], values, flush=True)

    bus = Bus(config.url, ["settings.changed"], show, None, config.token, config.ca)
    bus.start()
    end = None if seconds is None else time.monotonic() + seconds
    try:
        while end is None or time.monotonic() < end:
            time.sleep(0.1)
    except KeyboardInterrupt:
        pass
    finally:
        bus.stop()
