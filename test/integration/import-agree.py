"""Lays out boxes of storehouse whose names or members no store takes, beside good ones: import-agree.py FOLDER."""

import os
import pickle
import sys
import types


class Box:
    """Stands where storehouse's own class stood."""


for module in ('napps', 'napps.kytos', 'napps.kytos.storehouse', 'napps.kytos.storehouse.main'):
    sys.modules[module] = types.ModuleType(module)
sys.modules['napps.kytos.storehouse.main'].Box = Box
Box.__module__ = 'napps.kytos.storehouse.main'


def nested(levels):
    return [nested(levels - 1)] if levels > 0 else 1


for namespace in ('boxes', 'back\\slash', 'n' * 200):
    for name, data in (
        ('good', {'x': 1}),
        ('back\\slash', 1),
        ('control\x07', 1),
        ('l' * 181, 1),
        ('percent%', 1),
        ('proto', {'__proto__': {'x': 1}, 'a': [{'__proto__': 2}]}),
        ('__proto__', 1),
        ('deep', nested(100)),
        ('deeper', nested(127)),
        ('long', 'x' * 2_000_000),
        ('date', {'constructor': 1, '': 2}),
    ):
        box = Box()
        box.__dict__.update(data=data, namespace=namespace, box_id=name, owner=None, created_at='2020-02-31 03:04:05' if name == 'date' else '2020-01-02 03:04:05')
        os.makedirs(os.path.join(sys.argv[1], namespace), exist_ok=True)
        with open(os.path.join(sys.argv[1], namespace, name), 'wb') as file:
            pickle.dump(box, file, 4)
