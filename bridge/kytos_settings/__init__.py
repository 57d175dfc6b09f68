"""Settings of a Kytos Settings service for the Python NApps of one controller.

    import kytos_settings
    kytos_settings.get("kytos/of_lldp")                       # effective settings
    kytos_settings.set("kytos/of_lldp", POLLING_TIME=5)       # an override
    kytos_settings.unset("kytos/of_lldp", "POLLING_TIME")
    kytos_settings.explain("kytos/of_lldp", "POLLING_TIME")   # layer, author, time
    kytos_settings.rollback("kytos/of_lldp", 3)               # to a version
    kytos_settings.watch()                                    # prints changes until Ctrl+C
    kytos_settings.status()                                   # service, connection, pending names

A refusal raises kytos_settings.client.SettingsError with the code of the service; a service that cannot be
reached raises OSError. Modules are imported at the first call, because the .pth file imports this package in
each Python process.
"""

from typing import Any, Dict, List, Optional

__version__ = "0.1.0"
__all__ = ["explain", "get", "pending", "rollback", "set", "status", "unset", "watch"]


def get(napp: str, name: Optional[str] = None) -> Any:
    """Effective settings of a NApp (`username/name`), or one of them, as JSON values."""
    from kytos_settings.console import read_values

    return read_values(napp, name)


def set(napp: str, comment: Optional[str] = None, **values: Any) -> Dict[str, Any]:
    """Sets overrides of a NApp; None removes one. Returns the effective settings."""
    from kytos_settings.console import open_client, plain

    data: Dict[str, Any] = open_client().update(napp, plain(values), comment)["data"]
    return data


def unset(napp: str, *names: str) -> Dict[str, Any]:
    """Removes overrides of a NApp, so that lower layers are in effect. Returns the effective settings."""
    from kytos_settings.console import open_client

    data: Dict[str, Any] = open_client().update(napp, {name: None for name in names})["data"]
    return data


def explain(napp: str, name: Optional[str] = None) -> Any:
    """Layer, author, time and hidden values by JSON Pointer, of a NApp or of one setting."""
    from kytos_settings.console import read_origins

    return read_origins(napp, name)


def rollback(napp: str, version: int, comment: Optional[str] = None) -> Dict[str, Any]:
    """Commits the overrides of a version again. Returns the effective settings."""
    from kytos_settings.console import open_client

    data: Dict[str, Any] = open_client().rollback(napp, version, comment)["data"]
    return data


def status() -> Dict[str, Any]:
    """`service` (state, revision), `source` of the first read, `connected`, and `pending` names by NApp."""
    from kytos_settings.console import read_status

    return read_status()


def pending() -> Dict[str, List[str]]:
    """Names by NApp whose stored value is not in use before the NApp is reloaded or kytosd restarts."""
    from kytos_settings.live import current

    live = current()
    return {} if live is None else live.pending()


def watch(napp: Optional[str] = None, seconds: Optional[float] = None) -> None:
    """Prints each change of one or all NApps until Ctrl+C, or for some seconds."""
    from kytos_settings.console import print_changes

    print_changes(napp, seconds)
