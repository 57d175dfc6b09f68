"""Lays out a folder of storehouse: namespaces and boxes as its own code pickled them, and some that are broken.

import-storehouse.py FOLDER COUNT [NAMESPACES]: so many boxes of flows, in one namespace or over so many.
With CHARACTERS in the environment only a box with a text of so many.
"""

import datetime
import os
import pickle
import sys
import types


class Box:
    """Stands where storehouse's own class stood."""


class Evil:
    """Runs a command where it is unpickled."""

    def __reduce__(self):
        return os.system, ('touch ' + os.path.join(sys.argv[1], 'ran'),)


for module in ('napps', 'napps.kytos', 'napps.kytos.storehouse', 'napps.kytos.storehouse.main'):
    sys.modules[module] = types.ModuleType(module)
sys.modules['napps.kytos.storehouse.main'].Box = Box
Box.__module__ = 'napps.kytos.storehouse.main'


def write(namespace, name, data, second, protocol=4, **members):
    """A box in its file."""
    box = Box()
    box.__dict__.update(data=data, namespace=namespace, box_id=name, created_at=str(datetime.datetime(2020, 1, 2, 3, 4, second, 678901)), owner=None)
    box.__dict__.update(members)
    os.makedirs(os.path.join(sys.argv[1], namespace), exist_ok=True)
    with open(os.path.join(sys.argv[1], namespace, name), 'wb') as file:
        pickle.dump(box, file, protocol)


if int(os.environ.get('CHARACTERS', '0')) > 0:
    write('large', 'box', 'x' * int(os.environ['CHARACTERS']), 1)
    sys.exit()
# The oldest is not the first by name: users take the first of the list.
write('kytos.mef_eline.circuits', 'zz', {'evc': {'queue_id': None, 'bandwidth': 2**63}}, 1)
write('kytos.mef_eline.circuits', 'aa', {}, 3, 2)
write('kytos.mef_eline.circuits', 'mm', [], 2, 0)
for i in range(int(sys.argv[2])):
    namespace = 'kytos.flow.persistence' if len(sys.argv) < 4 else 'kytos.napp_%d' % (i % int(sys.argv[3]))
    write(namespace, 'flow%05d' % (997 * i % 10007), {'n': i, 'switches': {'00:01': [{'cookie': 0xdd00000000000000 + i}]}}, i % 60, i % 6)
write('kytos.topology', 'tuple', {'t': (1, 2), 's': {3}, 'd': datetime.datetime(2020, 1, 1)}, 5)
write('kytos.topology', 'untimed', 1, 6, created_at='yesterday', box_id='other')
write('broken', 'evil', [Evil()], 1)
write('broken', 'good', 'stays', 2)
write('broken', 'bytes', b'x', 3)
root = sys.argv[1]
with open(os.path.join(root, 'broken', 'good'), 'rb') as file:
    whole = file.read()
for name, data in (('empty', b''), ('cut', whole[:-9]), ('text', b'hello\n')):
    with open(os.path.join(root, 'broken', name), 'wb') as file:
        file.write(data)
os.makedirs(os.path.join(root, 'broken', 'folder'))
os.symlink('/etc/passwd', os.path.join(root, 'broken', 'link'))
with open(os.path.join(root, 'stray'), 'wb') as file:
    file.write(whole)
