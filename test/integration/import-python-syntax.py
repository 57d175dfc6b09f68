"""Reads paths of Python files from the input, one a line, and tells of each what `ast` says: whether Python compiles it,
the names that its top level assigns, and the literals of those that are assigned once. Executes none of them."""

import ast
import json
import sys
import warnings

warnings.simplefilter('ignore')


def show(value):
    """The value with its type."""
    kind = type(value).__name__
    if value is None:
        return ['none']
    if kind == 'bool':
        return ['bool', value]
    if kind == 'int':
        return ['int', hex(value)]
    if kind == 'float':
        return ['float', value.hex()]
    if kind == 'str':
        return ['str', value.encode('utf-16-be', 'surrogatepass').hex()]
    if kind == 'bytes':
        return ['bytes', value.hex()]
    if kind in ('list', 'tuple'):
        return [kind, [show(item) for item in value]]
    if kind in ('set', 'frozenset'):
        return [kind, sorted(json.dumps(show(item)) for item in value)]
    if kind == 'dict':
        return ['dict', [[show(key), show(item)] for key, item in value.items()]]
    return None


def read(path):
    with open(path, 'rb') as file:
        source = file.read()
    try:
        tree = ast.parse(source, path)
        compile(source, path, 'exec', dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {'refused': '%s: %s' % (type(error).__name__, error)}
    stored = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            stored[node.id] = stored.get(node.id, 0) + 1
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            for name in node.names:
                stored[name] = stored.get(name, 0) + 2
    names, literals = [], {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) and node.value else []
        for target in targets:
            if not isinstance(target, ast.Name):
                continue
            names.append(target.id)
            if stored[target.id] > 1:
                continue
            try:
                literals[target.id] = show(ast.literal_eval(node.value))
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                pass
    return {'names': sorted(set(names)), 'literals': literals}


for line in sys.stdin:
    print(json.dumps(read(line.rstrip('\n'))), flush=True)
