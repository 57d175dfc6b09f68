"""Python values from JSON: `x-python-type` and `x-python-keys` of a schema state what JSON cannot."""

from typing import Any, Dict, List, Tuple

CONTAINERS = {"tuple": tuple, "set": set, "frozenset": frozenset}


def restore(schema: Any, value: Any) -> Any:
    """A new Python value from a JSON value, with the types that its schema states at every depth.

    Raises TypeError or ValueError where the value cannot have the stated type, such as a set of lists.
    """
    types: Dict[Tuple[str, ...], List[str]] = {}
    _state(schema, value, (), types)
    return _convert(value, (), types)


def like(original: Any, value: Any) -> Any:
    """The value with the type of the one in settings.py, where no schema states a type."""
    if isinstance(value, list) and type(original) in CONTAINERS.values():
        return type(original)(value)
    if type(value) is int and type(original) is float:
        return float(value)
    return value


def _state(schema: Any, value: Any, place: Tuple[str, ...], types: Dict[Tuple[str, ...], List[str]]) -> None:
    if not isinstance(schema, dict):
        return
    if schema.get("x-python-keys") == "int":
        types.setdefault(place, []).append("dict[int]")
    stated = schema.get("x-python-type")
    if isinstance(stated, str):
        types.setdefault(place, []).append(stated)
    if isinstance(value, list):
        for index, item in enumerate(value):
            _state(schema.get("items"), item, place + (str(index),), types)
    properties = schema.get("properties")
    if isinstance(value, dict) and isinstance(properties, dict):
        for key, item in value.items():
            if key in properties:
                _state(properties[key], item, place + (key,), types)
    if isinstance(stated, dict):
        for pointer, one in stated.items():
            tokens = tuple(x.replace("~1", "/").replace("~0", "~") for x in pointer.split("/")[1:])
            types[place + tokens] = [str(one)]


def _convert(value: Any, place: Tuple[str, ...], types: Dict[Tuple[str, ...], List[str]]) -> Any:
    if isinstance(value, list):
        value = [_convert(item, place + (str(index),), types) for index, item in enumerate(value)]
    elif isinstance(value, dict):
        value = {key: _convert(item, place + (key,), types) for key, item in value.items()}
    for name in types.get(place, []):
        value = _typed(name, value)
    return value


def _typed(name: str, value: Any) -> Any:
    if name in CONTAINERS and isinstance(value, list):
        return CONTAINERS[name](value)
    if name == "float" and type(value) is int:
        return float(value)
    if name == "float -0.0" and value == 0:
        return -0.0
    if name == "float -0.0" and type(value) is int:
        return float(value)
    if name == "bytes" and isinstance(value, str):
        return value.encode("latin-1")
    if name == "dict[int]" and isinstance(value, dict):
        return {int(key): item for key, item in value.items()}
    return value
