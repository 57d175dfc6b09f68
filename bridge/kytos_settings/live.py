"""Changes after the import: settings whose schema says `x-apply: live` change in the running NApp."""

import copy
import logging
import sys
import threading
from typing import Any, Callable, Dict, List, Optional, Set

from kytos_settings.bus import Bus
from kytos_settings.hook import Loaded
from kytos_settings.overrides import Overrides

EVENTS = ["settings.changed"]
RETRY_S = 1.0
LOG = logging.getLogger("kytos_settings.live")
_current: Optional["Live"] = None


def current() -> Optional["Live"]:
    """The one of this process, or None where the bridge is off."""
    return _current


class Live:
    """Applies the newest overrides to loaded settings modules, in one thread.

    Invariants: a fact only marks its namespace, and the newest state is read afterwards, so that changes
    fold and the last one wins; an older entry is never applied over a newer one (Overrides). Without
    `x-apply: live` nothing is touched, and the name is listed as pending until its value is in use again.
    """

    def __init__(self, overrides: Overrides) -> None:
        """Takes the overrides that the hook uses, too."""
        global _current
        self._overrides = overrides
        self._condition = threading.Condition()
        self._loaded: Dict[str, Loaded] = {}
        self._dirty: Set[str] = set()
        self._pending: Dict[str, Set[str]] = {}
        self._bus: Optional[Bus] = None
        self._stopped = False
        self.on_applied: Optional[Callable[[str, str, Any], None]] = None
        """Called with namespace, name and value after a live change; set by the NApp kytos/settings."""
        _current = self

    def add(self, loaded: Loaded) -> None:
        """Registers a settings module that has just run; the first one starts the threads."""
        with self._condition:
            self._loaded[loaded.namespace] = loaded
            self._pending.pop(loaded.namespace, None)
            if self._bus is not None:
                # The module may have run on an entry that is older than the last fact.
                self._mark({loaded.namespace})
                return
            config = self._overrides.config
            # "0" requests a snapshot first, so that no change between the first read and now is missed.
            self._bus = Bus(config.url, EVENTS, self._on_event, "0", config.token, config.ca)
        threading.Thread(target=self._run, name="kytos-settings-live", daemon=True).start()
        self._bus.start()

    def pending(self) -> Dict[str, List[str]]:
        """Sorted names by namespace whose stored value is not in use before a reload or a restart."""
        with self._condition:
            return {namespace: sorted(names) for namespace, names in self._pending.items() if names}

    @property
    def source(self) -> str:
        """Where the first read came from: `service`, `cache` or `none`."""
        return self._overrides.source

    @property
    def connected(self) -> bool:
        """Whether facts arrive at present."""
        return self._bus is not None and self._bus.connected

    def stop(self) -> None:
        """Ends both threads."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()
        if self._bus is not None:
            self._bus.stop()

    def _on_event(self, event: Dict[str, Any]) -> None:
        with self._condition:
            if event["name"] == "settings.snapshot":
                self._mark(set(self._loaded))
            else:
                self._mark({event["content"]["namespace"]} & set(self._loaded))

    def _mark(self, namespaces: Set[str]) -> None:
        self._dirty |= namespaces
        self._condition.notify_all()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._dirty and not self._stopped:
                    self._condition.wait()
                if self._stopped:
                    return
                namespace = self._dirty.pop()
                loaded = self._loaded[namespace]
            try:
                self._refresh(namespace, loaded)
            except Exception as error:
                LOG.warning("%s: a change is not applied yet; retrying. %s", namespace, error)
                with self._condition:
                    self._dirty.add(namespace)
                    if not self._stopped:
                        self._condition.wait(RETRY_S)

    def _refresh(self, namespace: str, loaded: Loaded) -> None:
        entry = self._overrides.refresh(namespace)
        self._overrides.save()
        waiting: Set[str] = set()
        for name in sorted(set(entry["values"]) | loaded.applied):
            if not hasattr(loaded.module, name):
                continue  # no setting of this file
            current = getattr(loaded.module, name)
            original = loaded.originals.get(name, current)
            wanted = loaded.value(name, original, entry) if name in entry["values"] else original
            if same(wanted, current):
                continue
            if entry["apply"].get(name) != "live":
                waiting.add(name)
                continue
            loaded.originals.setdefault(name, copy.deepcopy(current))
            loaded.applied.add(name)
            replace(loaded.module, name, copy.deepcopy(wanted))
            self._announce(namespace, name)
        with self._condition:
            if self._loaded[namespace] is loaded:
                self._pending[namespace] = waiting

    def _announce(self, namespace: str, name: str) -> None:
        if self.on_applied is None:
            return
        try:
            self.on_applied(namespace, name, getattr(self._loaded[namespace].module, name))
        except Exception:
            LOG.exception("%s: %s changed, but not where the NApp keeps it.", namespace, name)


def replace(module: Any, name: str, value: Any) -> None:
    """Sets an attribute, and the same name in the NApp's modules that imported this object."""
    old = getattr(module, name)
    prefix = module.__name__.rsplit(".", 1)[0]
    for other in [m for n, m in list(sys.modules.items()) if n == prefix or n.startswith(prefix + ".")]:
        names = getattr(other, "__dict__", {})
        if names.get(name) is old:
            setattr(other, name, value)
    setattr(module, name, value)


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal, with the same types at every depth (1 is neither 1.0 nor True)."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return len(a) == len(b) and all(key in b and same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return bool(a == b)
