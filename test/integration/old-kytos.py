"""Lays out a folder of storehouse 1.3.2 as its own code pickled it: boxes of three NApps, one that runs a command when it is unpickled, one that was cut off."""

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


def write(namespace, name, data, second):
    """A box in its file."""
    box = Box()
    box.__dict__.update(data=data, namespace=namespace, box_id=name, owner=None)
    box.created_at = str(datetime.datetime(2020, 1, 2, 3, 4, second, 678901))
    os.makedirs(os.path.join(sys.argv[1], namespace), exist_ok=True)
    with open(os.path.join(sys.argv[1], namespace, name), 'wb') as file:
        pickle.dump(box, file, 4)


# The older one is not the first by name.
write('kytos.mef_eline.circuits', 'f3a9', {'evc': {'name': 'evpl', 'queue_id': None, 'bandwidth': 2**63}}, 1)
write('kytos.mef_eline.circuits', '0b71', {'evc': {'name': 'epl', 'queue_id': 3}}, 2)
write('kytos.topology.status', '5e20', {'links': {}, 'saved_at': datetime.datetime(2020, 1, 1)}, 3)
write('kytos.flow.persistence', '9c44', {'flows': [Evil()]}, 4)
with open(os.path.join(sys.argv[1], 'kytos.topology.status', 'c0de'), 'wb'):
    pass
