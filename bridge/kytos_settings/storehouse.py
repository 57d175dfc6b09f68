"""The events of kytos/storehouse 1.3.2, as its users know them."""

import json
from typing import Any, Callable, Dict, Optional, Tuple

from kytos_settings.client import SettingsError

PREFIX = "kytos.storehouse."
REQUIRED = {
    "create": ("data", "namespace"),
    "retrieve": ("namespace", "box_id"),
    "update": ("namespace", "box_id"),
    "delete": ("namespace", "box_id"),
    "list": ("namespace",),
}
USED = ("namespace", "box_id", "data", "method", "revision")
Ask = Callable[[str, Dict[str, Any]], Any]


class Box:
    """A stored value with its metadata: the class of storehouse 1.3.2, and `revision` of the service."""

    def __init__(self, data: Any, namespace: str, box_id: str) -> None:
        """Takes the data, the namespace and the id."""
        self.data = data
        self.namespace = namespace
        self.box_id = box_id
        self.created_at = ""
        self.owner: Optional[str] = None
        self.revision = ""

    def __str__(self) -> str:
        """The namespace and the id."""
        return "{}.{}".format(self.namespace, self.box_id)

    def to_dict(self) -> Dict[str, Any]:
        """The box as a dictionary, with the key `id` for its id."""
        return {
            "data": self.data,
            "namespace": self.namespace,
            "owner": self.owner,
            "created_at": self.created_at,
            "id": self.box_id,
        }

    def to_json(self) -> str:
        """The box as JSON text."""
        return json.dumps(self.to_dict(), indent=4)


def answer(ask: Ask, name: str, content: Dict[str, Any]) -> Tuple[Any, Any]:
    """`data` and `error` for the callback of an event. Never raises.

    As in 1.3.2: a missing box is False for retrieve and a KeyError for update, an existing one is a KeyError
    for create; without an error, `error` is None, and False for update. Unlike 1.3.2, a failure of the store
    is an error for the callback, so that each caller has an answer.
    """
    command = name[len(PREFIX) :]
    try:
        for member in REQUIRED[command]:
            if member not in content:
                raise KeyError(member)
        sent = {member: content[member] for member in USED if content.get(member) is not None}
        if "data" in content:
            sent["data"] = content["data"]
        elif command == "update":
            sent["data"] = {}
        data = ask(name, sent)
    except SettingsError as error:
        return None, _known(error)
    except Exception as error:
        return None, error
    return (_box(data) if isinstance(data, dict) else data), (False if command == "update" else None)


def _known(error: SettingsError) -> Exception:
    if error.code == "BOX_NOT_FOUND":
        return KeyError("Box id does not exist.")
    if error.code == "DOCUMENT_EXISTS":
        return KeyError("Box id already exists.")
    return error


def _box(answer: Dict[str, Any]) -> Box:
    box = Box(answer["data"], answer["namespace"], answer["box_id"])
    box.created_at = answer["created_at"].replace("T", " ").rstrip("Z")
    box.owner = answer["owner"]
    box.revision = answer["revision"]
    return box
