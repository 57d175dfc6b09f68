"""The configuration of the bridge: environment variables of the controller's process."""

import os
from typing import Mapping, NamedTuple, Optional
from urllib.parse import urlsplit


class Config(NamedTuple):
    """Where the service is. `url` has no path; `token` and `ca` (a PEM file) are optional."""

    url: str
    token: Optional[str]
    ca: Optional[str]
    cache: str
    """Folder of the cache, outside of the NApps, because Kytos watches their folders."""


def read_config(env: Optional[Mapping[str, str]] = None) -> Optional[Config]:
    """The configuration, or None where KYTOS_SETTINGS_URL is unset or empty: the bridge is off.

    Raises ValueError for a URL that is not `http(s)://host[:port]`, and OSError for a token file that cannot
    be read.
    """
    env = os.environ if env is None else env
    url = env.get("KYTOS_SETTINGS_URL", "").rstrip("/")
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise ValueError("KYTOS_SETTINGS_URL must be http://HOST[:PORT] or https://HOST[:PORT].")
    token = env.get("KYTOS_SETTINGS_TOKEN") or None
    token_file = env.get("KYTOS_SETTINGS_TOKEN_FILE")
    if token is None and token_file:
        with open(token_file) as file:
            token = file.read().strip()
    home = env.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    cache = env.get("KYTOS_SETTINGS_CACHE") or os.path.join(home, "kytos-settings", "bridge-cache")
    return Config(url, token, env.get("KYTOS_SETTINGS_CA") or None, cache)
