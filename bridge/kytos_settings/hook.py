"""The import hook: overrides are in place while a NApp's settings.py runs."""

import ast
import copy
import importlib.abc
import importlib.machinery
import logging
import re
import sys
import types
from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Union

from kytos_settings.overrides import Entry, Overrides
from kytos_settings.python_types import like, restore

MODULE = re.compile(r"napps\.([^.]+)\.([^.]+)\.settings\Z")
CALL = "__kytos_settings_override__"
LOG = logging.getLogger("kytos_settings.hook")


class Loaded:
    """One execution of a settings module: what the file says, and what the overrides made of it."""

    def __init__(self, namespace: str, module: types.ModuleType, entry: Optional[Entry]) -> None:
        """Takes the namespace, the module and the entry that is applied, if any."""
        self.namespace = namespace
        self.module = module
        self.entry = entry
        self.originals: Dict[str, Any] = {}
        self.applied: Set[str] = set()

    def value(self, name: str, original: Any, entry: Entry) -> Any:
        """A new Python value of an override; the original where the value cannot have its type."""
        try:
            value = restore(entry["schemas"].get(name), copy.deepcopy(entry["values"][name]))
            return like(original, value)
        except Exception as error:
            LOG.error("%s: the override of %s is not applied: %s", self.namespace, name, error)
            return original

    def override(self, name: str, original: Any) -> Any:
        """The value of a name after a statement of settings.py assigned it."""
        if self.entry is None or name not in self.entry["values"]:
            return original
        if name not in self.originals:
            self.originals[name] = _copy(original)
        self.applied.add(name)
        return self.value(name, self.originals[name], self.entry)


class Hook(importlib.abc.MetaPathFinder):
    """Finds `napps.<username>.<name>.settings` as the other finders do, and wraps its loader.

    Invariant: an import never fails, and never waits longer than Overrides allows, because of this hook.
    """

    def __init__(self, overrides: Overrides, on_loaded: Optional[Callable[[Loaded], None]] = None) -> None:
        """Takes the overrides, and a function that is called after each execution of a settings module."""
        self._overrides = overrides
        self._on_loaded = on_loaded

    def find_spec(
        self,
        fullname: str,
        path: Optional[Sequence[Union[bytes, str]]],
        target: Optional[types.ModuleType] = None,
    ) -> Optional[importlib.machinery.ModuleSpec]:
        """The spec of a settings module with a loader that applies overrides; None for all other modules."""
        match = MODULE.match(fullname)
        if match is None:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if isinstance(finder, Hook) or find is None:
                continue
            spec: Optional[importlib.machinery.ModuleSpec] = find(fullname, path, target)
            if spec is None:
                continue
            if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                namespace = "{}/{}".format(match.group(1), match.group(2))
                spec.loader = _Loader(spec.loader, namespace, self._overrides, self._on_loaded)
            return spec
        return None


class _Loader(importlib.abc.Loader):
    """The loader of a settings module around the one that was found."""

    def __init__(
        self,
        inner: Any,
        namespace: str,
        overrides: Overrides,
        on_loaded: Optional[Callable[[Loaded], None]],
    ) -> None:
        self._inner = inner
        self._namespace = namespace
        self._overrides = overrides
        self._on_loaded = on_loaded

    def __getattr__(self, name: str) -> Any:
        """Attributes of the found loader, such as get_source, which tracebacks use."""
        return getattr(self._inner, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Optional[types.ModuleType]:
        """The module that the found loader creates."""
        module: Optional[types.ModuleType] = self._inner.create_module(spec)
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Runs settings.py; what the file itself raises is raised as without the hook."""
        entry: Optional[Entry] = None
        code = None
        try:
            entry = self._overrides.get(self._namespace)
            if entry is not None and entry["values"]:
                code = self._code(module, set(entry["values"]))
        except Exception as error:
            LOG.error("%s: settings.py runs without early overrides: %s", self._namespace, error)
        loaded = Loaded(self._namespace, module, entry)
        if code is None:
            self._inner.exec_module(module)
        else:
            setattr(module, CALL, loaded.override)
            try:
                exec(code, module.__dict__)
            finally:
                module.__dict__.pop(CALL, None)
        try:
            self._finish(loaded)
        except Exception as error:
            LOG.error("%s: the overrides were not applied: %s", self._namespace, error)

    def _finish(self, loaded: Loaded) -> None:
        """Applies what no statement of the file assigned, and registers the module."""
        entry = loaded.entry
        names: List[str] = [] if entry is None else sorted(set(entry["values"]) - loaded.applied)
        for name in names:
            if name.isidentifier() and not name.startswith("__") and hasattr(loaded.module, name):
                setattr(loaded.module, name, loaded.override(name, getattr(loaded.module, name)))
        if self._on_loaded is not None:
            self._on_loaded(loaded)

    def _code(self, module: types.ModuleType, names: Set[str]) -> Any:
        """The code of the file with a call after each statement that binds or changes an overridden name."""
        get_source = getattr(self._inner, "get_source", None)
        source = get_source(module.__name__) if get_source is not None else None
        if source is None:
            return None
        file = getattr(module, "__file__", None) or "<settings>"
        tree = _Injector(names).visit(ast.parse(source, file))
        return compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True)


class _Injector(ast.NodeTransformer):
    """Adds `NAME = override("NAME", NAME)` behind statements; functions and classes have their own names."""

    def __init__(self, names: Set[str]) -> None:
        self._names = names

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field, old in ast.iter_fields(node):
            if isinstance(old, list) and old and isinstance(old[0], (ast.stmt, ast.excepthandler)):
                setattr(node, field, [new for one in old for new in self._with_calls(one)])
        return node

    def _with_calls(self, node: ast.AST) -> List[ast.AST]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return [node]
        self.generic_visit(node)
        return [node] + [_call(name, node) for name in sorted(self._bound(node) & self._names)]

    @staticmethod
    def _bound(node: ast.AST) -> Set[str]:
        """The names that a simple statement binds, or whose value it changes in place."""
        if isinstance(node, ast.Assign):
            targets: List[ast.expr] = list(node.targets)
        elif isinstance(node, ast.AugAssign) or (isinstance(node, ast.AnnAssign) and node.value is not None):
            targets = [node.target]
        elif isinstance(node, ast.ImportFrom) and node.module == "__future__":
            return set()
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            targets = [node.value.func]  # X.append(...), X.update(...)
        else:
            return set()
        found: Set[str] = set()
        while targets:
            target = targets.pop()
            if isinstance(target, (ast.Tuple, ast.List)):
                targets += target.elts
            elif isinstance(target, (ast.Subscript, ast.Attribute, ast.Starred)):
                targets.append(target.value)
            elif isinstance(target, ast.Name):
                found.add(target.id)
        return found


def _call(name: str, after: ast.AST) -> ast.stmt:
    statement = ast.parse("{0} = {1}({2!r}, {0})".format(name, CALL, name)).body[0]
    for node in ast.walk(statement):
        ast.copy_location(node, after)
    return statement


def _copy(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:
        return value
