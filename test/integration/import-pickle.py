"""Writes boxes as storehouse pickles them, in every protocol: a JSON list of {pickle, protocol, json, created_at} for a seed and a count, evil ones too."""

import base64
import datetime
import json
import os
import pickle
import random
import sys
import types


class Box:
    """Stands where storehouse's own class stood."""


class Evil:
    """Runs a command where it is unpickled."""

    def __reduce__(self):
        return os.system, ('touch ' + sys.argv[3],)


for module in ('napps', 'napps.kytos', 'napps.kytos.storehouse', 'napps.kytos.storehouse.main'):
    sys.modules[module] = types.ModuleType(module)
sys.modules['napps.kytos.storehouse.main'].Box = Box
Box.__module__ = 'napps.kytos.storehouse.main'

if hasattr(sys, 'set_int_max_str_digits'):
    sys.set_int_max_str_digits(0)

CHOOSE = random.Random(int(sys.argv[1]))
WORDS = ['a', 'dpid', '00:00:00:00:00:00:00:01', 'é', '日本', '\U0001f600', '', 'x' * 300, 'a\nb', 'back\\slash', '\\u0041', '\\\\u0041', '\x00', '\x1a', '\r', "'", '"']


def moment():
    """A time, with and without parts of seconds and zones."""
    zone = CHOOSE.choice([None, datetime.timezone.utc, datetime.timezone(datetime.timedelta(hours=-3, minutes=-30)), datetime.timezone(datetime.timedelta(seconds=3723))])
    return datetime.datetime(CHOOSE.randint(1970, 2099), CHOOSE.randint(1, 12), CHOOSE.randint(1, 28), CHOOSE.randint(0, 23), CHOOSE.randint(0, 59),
                             CHOOSE.randint(0, 59), CHOOSE.choice([0, 1, 123456]), zone, fold=CHOOSE.randint(0, 1))


def value(depth):
    """Any data of a box, and what it is as JSON."""
    kind = CHOOSE.randint(0, 15 if depth > 0 else 9)
    if kind == 0:
        return None, None
    if kind == 1:
        return CHOOSE.choice([(True, True), (False, False)])
    if kind in (2, 3):
        number = CHOOSE.choice([0, 1, -1, 255, 256, 65535, 65536, -2**31, 2**31, 2**63, -2**63 - 1, 2**64 - 1, 10**40, -10**600, CHOOSE.randint(-2**70, 2**70)])
        return number, number
    if kind == 4:
        number = CHOOSE.choice([0.5, -1.25, 1e300, 5e-324, CHOOSE.random()])
        return number, number
    if kind in (5, 6, 7):
        text = CHOOSE.choice(WORDS)
        return text, text
    if kind == 8:
        time = moment()
        return time, time.isoformat()
    if kind == 9:
        day = datetime.date(CHOOSE.randint(1, 9999), 1, 31)
        return day, day.isoformat()
    if kind == 10:
        items = CHOOSE.choice([[], [1], ['b', 'a', 1.5], list(range(CHOOSE.randint(2, 300)))])
        made = CHOOSE.choice([set, frozenset])(items)
        return made, list(made)
    if kind == 11:
        items = [value(depth - 1) for _ in range(CHOOSE.choice([0, 1, 2, 3, 4, 1100 if depth == 1 else 5]))]
        return tuple(one for one, _ in items), [shown for _, shown in items]
    if kind in (12, 13):
        items = [value(depth - 1) for _ in range(CHOOSE.choice([0, 1, 2, 5]))]
        if items and CHOOSE.random() < 0.3:
            items += [items[0]]  # the same object twice
        return [one for one, _ in items], [shown for _, shown in items]
    members = {CHOOSE.choice(WORDS) + str(i): value(depth - 1) for i in range(CHOOSE.choice([0, 1, 2, 5]))}
    if CHOOSE.random() < 0.2:
        members = {i: value(depth - 1) for i in range(3)}
    return {key: one for key, (one, _) in members.items()}, {str(key): shown for key, (_, shown) in members.items()}


def box(data):
    """A box with every member."""
    made = Box()
    made.data = data
    made.namespace = 'kytos.test'
    made.box_id = 'b'
    made.created_at = str(datetime.datetime(2020, 1, 2, 3, 4, 5, CHOOSE.choice([0, 678901])))
    made.owner = CHOOSE.choice([None, 'kytos/test'])
    return made


def dump(made, protocol):
    """By either implementation of pickle: their opcodes differ."""
    work = CHOOSE.choice([pickle.dumps, pickle._dumps])
    return base64.b64encode(work(made, protocol)).decode()


good = []
for i in range(int(sys.argv[2])):
    data, shown = value(4)
    made = box(data)
    good.append({'pickle': dump(made, i % 6), 'protocol': i % 6, 'json': json.dumps(shown), 'created_at': made.created_at, 'owner': made.owner})

circle = []
circle.append(circle)
bomb = ['lol'] * 10
for _ in range(40):
    bomb = [bomb] * 10
deep = []
for _ in range(200):
    deep = [deep]
evil = {'evil': Evil(), 'in a list': [1, Evil()], 'circle': circle, 'bomb': bomb, 'deep': deep, 'bytes': b'x', 'empty bytes': b'', 'bytearray': bytearray(b'x'),
        'nan': float('nan'), 'tuple key': {(1, 2): 3}, 'both keys': {1: 1, '1': 2}, 'complex': 1j, 'range': range(3), 'surrogate': '\ud800', 'function': print,
        'timedelta': datetime.timedelta(1), 'type': Box, 'box': box(1), 'huge': 10**5000}
bad = [{'pickle': dump(box(data), protocol), 'protocol': protocol, 'name': name} for name, data in evil.items() for protocol in range(6)]
bad += [{'pickle': dump(data, protocol), 'protocol': protocol, 'name': 'no box'} for data in ({'data': 1}, [], None, Evil()) for protocol in range(6)]
print(json.dumps({'good': good, 'bad': bad}))
