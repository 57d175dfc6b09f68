"""The setting that a main.py passes to execute_as_loop."""

import unittest

from kytos_settings.loops import interval_name

CALL = "class Main:\n    def setup(self):\n        self.execute_as_loop({})\n"
FOUND = [
    ("from napps.kytos.of_lldp import settings\n", "settings.POLLING_TIME"),
    ("from napps.kytos.of_lldp import settings as s\n", "s.POLLING_TIME"),
    ("from . import settings\n", "settings.POLLING_TIME"),
    ("import napps.kytos.of_lldp.settings as s\n", "s.POLLING_TIME"),
    ("from napps.kytos.of_lldp.settings import POLLING_TIME\n", "POLLING_TIME"),
    ("from .settings import POLLING_TIME as every\n", "every"),
]
NOT_FOUND = [
    ("from . import settings\n", "self.time"),
    ("from . import settings\n", "settings.POLLING_TIME * 2"),
    ("from . import settings\n", "other.POLLING_TIME"),
    ("POLLING_TIME = 3\n", "POLLING_TIME"),
    ("from . import settings\n", "settings.POLLING_TIME, 1"),
]


class IntervalNameTest(unittest.TestCase):
    def test_a_setting_that_is_passed_as_it_is(self):
        for head, passed in FOUND:
            self.assertEqual(interval_name(head + CALL.format(passed)), "POLLING_TIME", passed)

    def test_any_other_value(self):
        for head, passed in NOT_FOUND:
            self.assertIsNone(interval_name(head + CALL.format(passed)), passed)

    def test_two_calls(self):
        head, passed = FOUND[0]
        self.assertIsNone(interval_name(head + CALL.format(passed) + CALL.format(passed)))
