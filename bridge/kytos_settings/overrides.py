"""The overrides of all namespaces: read at start-up, and cached for a start without the service."""

import hashlib
import json
import logging
import os
import tempfile
import threading
import time
from typing import Any, Dict, List, Optional, Tuple

from kytos_settings.client import Client, SettingsError
from kytos_settings.config import Config

BOUND_S = 3.0
LAYERS = ("cluster", "controller", "environment")
LOG = logging.getLogger("kytos_settings.overrides")

Entry = Dict[str, Any]
"""One namespace: `values` (JSON by name), `schemas` (of these names), `apply` (modes by name), `revision`
(an integer), `epoch`, `secret` (names that are in no cache)."""


def read_entry(client: Client, namespace: str) -> Entry:
    """The overrides of one namespace: only names that an operator set, at any depth.

    A default or a seed is not among them, so that a value which settings.py derives from another one follows.
    """
    return _entry(client, client.get(namespace, explain=True))


def read_all(client: Client, deadline: float) -> Optional[Dict[str, Entry]]:
    """The entries of all namespaces, or None at the deadline (monotonic). Raises as Client does.

    A service whose lists contain `explain` needs one request, and one for each schema; an older one needs
    one more for each namespace with settings.
    """
    try:
        summaries = client.list("data,explain")
    except SettingsError as error:
        if error.status != 400:
            raise
        summaries = client.list()
    epoch = client.request("GET", "/status")["epoch"]
    found = {}
    for summary in summaries:
        # The environment of the service overrides without a stored document, so that flag is not enough.
        if not summary["data"]:
            continue
        if time.monotonic() > deadline:
            return None
        namespace = summary["namespace"]
        if "explain" in summary:
            found[namespace] = _entry(client, dict(summary, epoch=epoch))
        else:
            found[namespace] = read_entry(client, namespace)
    return found


def _entry(client: Client, settings: Dict[str, Any]) -> Entry:
    """The entry of settings with `explain`; reads the schema if there are overrides."""
    namespace = settings["namespace"]
    names = {
        pointer.split("/")[1].replace("~1", "/").replace("~0", "~")
        for pointer, one in settings["explain"].items()
        if one["layer"] in LAYERS and pointer
    }
    values = {name: settings["data"][name] for name in names if name in settings["data"]}
    properties: Dict[str, Any] = {}
    apply: Dict[str, str] = {}
    if settings.get("schema"):
        try:
            described = client.schema(namespace)
        except SettingsError as error:
            if error.status != 404:
                raise
        else:
            found = described["schema"].get("properties") if isinstance(described["schema"], dict) else None
            properties = found if isinstance(found, dict) else {}
            apply = {
                pointer[1:].replace("~1", "/").replace("~0", "~"): mode
                for pointer, mode in described["apply"].items()
                if pointer.count("/") == 1
            }
    return {
        "values": {name: value for name, value in values.items() if not _has_tag(value)},
        "schemas": {name: properties[name] for name in values if name in properties},
        "apply": apply,
        "revision": int(settings["revision"]),
        "epoch": int(settings["epoch"]),
        "secret": sorted(name for name in values if _is_sensitive(properties.get(name))),
    }


def _has_tag(value: Any) -> bool:
    """Whether a value contains the tag of a secret, which must never be applied in the secret's place."""
    if isinstance(value, list):
        return any(_has_tag(item) for item in value)
    if isinstance(value, dict):
        return "$sealed" in value or any(_has_tag(item) for item in value.values())
    return False


def _is_sensitive(schema: Any) -> bool:
    """Whether a schema may mark a part of its value as secret; a reference is not followed and counts."""
    if isinstance(schema, list):
        return any(_is_sensitive(one) for one in schema)
    if isinstance(schema, dict):
        marked = bool(schema.get("x-sensitive")) or "$ref" in schema or "$dynamicRef" in schema
        return marked or any(_is_sensitive(one) for one in schema.values())
    return False


class Overrides:
    """The newest known entry of each namespace. Thread safe.

    Invariants: an entry is never replaced by an older one (epoch, then revision). `get` never raises, and
    the first call waits at most BOUND_S seconds in all: one thread reads everything, whatever a server does
    with its connections. After that the cache is used. No secret is in the cache.
    """

    def __init__(self, config: Config, bound_s: float = BOUND_S) -> None:
        """Takes the configuration and the total time of the first read, in seconds."""
        self.config = config
        self.client = Client(config.url, config.token, config.ca, timeout=bound_s)
        self._bound_s = bound_s
        self._lock = threading.Lock()
        self._load_lock = threading.Lock()
        self._entries: Dict[str, Entry] = {}
        self._loaded = False
        self.source = "none"
        """Where the first read came from: `service`, `cache` or `none`."""

    def get(self, namespace: str) -> Optional[Entry]:
        """The entry of a namespace, or None where nothing is overridden."""
        with self._load_lock:
            if not self._loaded:
                self._loaded = True
                self._load()
        with self._lock:
            return self._entries.get(namespace)

    def put(self, namespace: str, entry: Entry) -> bool:
        """Keeps an entry unless a newer one is known; whether it was kept."""
        with self._lock:
            known = self._entries.get(namespace)
            if known is not None and _order(entry) < _order(known):
                return False
            self._entries[namespace] = entry
            return True

    def refresh(self, namespace: str) -> Entry:
        """Reads one namespace from the service and returns the newest known entry. Raises as Client does."""
        self.put(namespace, read_entry(self.client, namespace))
        with self._lock:
            return self._entries[namespace]

    def save(self) -> None:
        """Replaces the cache by the known entries. Never raises; two writers leave one whole file."""
        with self._lock:
            entries = {
                namespace: dict(
                    entry, values={k: v for k, v in entry["values"].items() if k not in entry["secret"]}
                )
                for namespace, entry in self._entries.items()
            }
        temporary = None
        try:
            os.makedirs(self.config.cache, mode=0o700, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=".new-", dir=self.config.cache)
            with os.fdopen(handle, "w") as file:
                json.dump(entries, file)
            os.replace(temporary, self._file())
            temporary = None
        except OSError as error:
            LOG.warning("The cache of settings was not written: %s", error)
        finally:
            if temporary is not None:
                try:
                    os.unlink(temporary)
                except OSError:
                    pass

    def _load(self) -> None:
        found: List[Dict[str, Entry]] = []
        done = threading.Event()

        def read() -> None:
            try:
                entries = read_all(self.client, time.monotonic() + self._bound_s)
                if entries is not None:
                    found.append(entries)
            except Exception as error:
                LOG.warning("The settings service at %s did not answer: %s", self.config.url, error)
            finally:
                done.set()

        threading.Thread(target=read, name="kytos-settings-load", daemon=True).start()
        done.wait(self._bound_s)
        if found:
            self.source = "service"
            self._merge(found[0])
            self.save()
            return
        cached = self._read_cache()
        if cached is not None:
            self.source = "cache"
            self._merge(cached)
        LOG.warning("Settings were loaded from %s.", "the cache" if cached is not None else "the files alone")

    def _merge(self, entries: Dict[str, Entry]) -> None:
        for namespace, entry in entries.items():
            self.put(namespace, entry)

    def _read_cache(self) -> Optional[Dict[str, Entry]]:
        try:
            with open(self._file()) as file:
                cached = json.load(file)
            for entry in cached.values():
                _order(entry), entry["values"].items(), entry["schemas"].items(), entry["apply"].items()
            return dict(cached)
        except FileNotFoundError:
            return None
        except Exception as error:
            LOG.warning("The cache of settings cannot be read and is ignored: %s", error)
            return None

    def _file(self) -> str:
        name = hashlib.sha256(self.config.url.encode("utf-8")).hexdigest()[:16]
        return os.path.join(self.config.cache, name + ".json")


def _order(entry: Entry) -> Tuple[int, int]:
    return (int(entry["epoch"]), int(entry["revision"]))
