"""The configuration of the bridge: environment variables of the controller's process, else a file."""

import json
import os
from typing import Any, Dict, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit


class Config(NamedTuple):
    """Where the service is. `url` has no path; `token` and `ca` (a PEM file) are optional."""

    url: str
    token: Optional[str]
    ca: Optional[str]
    cache: str
    """Folder of the cache, outside of the NApps, because Kytos watches their folders."""


def config_file(env: Mapping[str, str]) -> str:
    """The file that `kytos-settings bridge install` writes beside kytos.conf, where kytosd looks for that."""
    base = env.get("VIRTUAL_ENV") or "/"
    return env.get("KYTOS_SETTINGS_CONFIG") or os.path.join(base, "etc", "kytos", "kytos-settings.json")


def is_configured(env: Mapping[str, str]) -> bool:
    """Whether there is a configuration, valid or not; a URL that is set and empty switches the bridge off."""
    url = env.get("KYTOS_SETTINGS_URL")
    return os.path.exists(config_file(env)) if url is None else bool(url)


def read_config(env: Optional[Mapping[str, str]] = None) -> Optional[Config]:
    """The configuration, or None where the bridge is off. Each variable precedes the key of the file.

    Raises ValueError for a URL that is not `http(s)://host[:port]` or a file that is not JSON, and OSError
    for a file of the configuration or of the token that cannot be read.
    """
    env = os.environ if env is None else env
    if not is_configured(env):
        return None
    stored = _stored(config_file(env))
    url = (env.get("KYTOS_SETTINGS_URL") or str(stored.get("url", ""))).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise ValueError("KYTOS_SETTINGS_URL must be http://HOST[:PORT] or https://HOST[:PORT].")
    token = env.get("KYTOS_SETTINGS_TOKEN") or None
    token_file = env.get("KYTOS_SETTINGS_TOKEN_FILE") or stored.get("token_file")
    if token is None and token_file:
        with open(token_file) as file:
            token = file.read().strip()
    home = env.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    cache = env.get("KYTOS_SETTINGS_CACHE") or os.path.join(home, "kytos-settings", "bridge-cache")
    return Config(url, token, env.get("KYTOS_SETTINGS_CA") or stored.get("ca") or None, cache)


def _stored(path: str) -> Dict[str, Any]:
    if not os.path.exists(path):
        return {}
    with open(path) as file:
        stored = json.load(file)
    if not isinstance(stored, dict):
        raise ValueError("{} must contain a JSON object.".format(path))
    return stored
