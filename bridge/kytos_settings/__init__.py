"""Settings of a Kytos Settings service for the Python NApps of one controller.

Names are loaded on first use, because the .pth file imports this package in each Python process.
"""

from typing import Any

__version__ = "0.1.0"
_NAMES = {
    "Bus": "bus",
    "Client": "client",
    "SettingsError": "client",
    "WebSocket": "websocket",
    "WebSocketClosed": "websocket",
    "pending": "live",
    "restore": "python_types",
}
__all__ = sorted(_NAMES)


def __getattr__(name: str) -> Any:
    """The public name, from its module (PEP 562; Python 3.6 imports the modules directly)."""
    if name not in _NAMES:
        raise AttributeError("module 'kytos_settings' has no attribute " + repr(name))
    import importlib

    return getattr(importlib.import_module("kytos_settings." + _NAMES[name]), name)
