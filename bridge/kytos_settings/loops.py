"""Intervals of execute_as_loop, which a NApp passes once, in setup()."""

import ast
import logging
import sys
from typing import Any, Optional, Set

LOG = logging.getLogger("kytos_settings.loops")


def interval_name(source: str) -> Optional[str]:
    """The setting that main.py passes to execute_as_loop; None where another value or no setting is passed.

    Only a setting that is passed as it is counts: `settings.X`, or X imported from settings. With more than
    one call, the code does not show which one is in effect.
    """
    tree = ast.parse(source)
    modules: Set[str] = set()
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            from_settings = (node.module or "").rsplit(".", 1)[-1] == "settings"
            for alias in node.names:
                if from_settings:
                    names[alias.asname or alias.name] = alias.name
                elif alias.name == "settings":
                    modules.add(alias.asname or alias.name)
        elif isinstance(node, ast.Import):
            modules.update(a.asname for a in node.names if a.asname and a.name.endswith(".settings"))
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "execute_as_loop"
    ]
    if len(calls) != 1 or len(calls[0].args) != 1 or calls[0].keywords:
        return None
    passed = calls[0].args[0]
    if isinstance(passed, ast.Name):
        return names.get(passed.id)
    if isinstance(passed, ast.Attribute) and isinstance(passed.value, ast.Name):
        return passed.attr if passed.value.id in modules else None
    return None


def set_interval(controller: Any, namespace: str, name: str, value: Any) -> None:
    """Passes a changed setting to execute_as_loop of the running NApp, if it is its interval.

    The loop uses it after the wait in progress. Zero and less would end the loop for good, so they are in
    effect after a reload only.
    """
    username, _, napp_name = namespace.partition("/")
    napp = controller.napps.get((username, napp_name))
    module = sys.modules.get("napps.{}.{}.main".format(username, napp_name))
    if napp is None or module is None:
        return
    with open(str(module.__file__), encoding="utf-8") as file:
        if interval_name(file.read()) != name:
            return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        LOG.warning("%s: the interval %s = %r is in effect after a reload only.", namespace, name, value)
        return
    napp.execute_as_loop(value)
