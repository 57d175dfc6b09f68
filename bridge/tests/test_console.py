"""The functions of the console against a real service that requires a token."""

import contextlib
import io
import os
import subprocess
import threading
import unittest
from unittest import mock

import kytos_settings
from kytos_settings.client import Client, SettingsError
from tests.service import ROOT, Service, poll


class ConsoleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service("authentication = required").start()
        main = ["node", os.path.join(ROOT, "dist/src/main.js"), "-c", cls.service.config]
        create = main + ["token", "create", "bridge", "--rights", "write"]
        cls.token = subprocess.check_output(create, universal_newlines=True).strip()
        cls.env = mock.patch.dict(
            os.environ, KYTOS_SETTINGS_URL=cls.service.url, KYTOS_SETTINGS_TOKEN=cls.token
        )
        cls.env.start()

    @classmethod
    def tearDownClass(cls):
        cls.env.stop()
        cls.service.close()

    def test_values_are_set_read_explained_unset_and_rolled_back(self):
        napp = "kytos/console"
        kytos_settings.set(napp, "zmena ž", POLLING_TIME=5, VLANS={3, 1}, PAIRS=((1, 2),))
        self.assertEqual(kytos_settings.get(napp), {"POLLING_TIME": 5, "VLANS": [1, 3], "PAIRS": [[1, 2]]})
        self.assertEqual(kytos_settings.get(napp, "POLLING_TIME"), 5)
        origin = kytos_settings.explain(napp, "POLLING_TIME")["/POLLING_TIME"]
        self.assertEqual((origin["layer"], origin["set_by"]["name"]), ("cluster", "bridge"))
        self.assertEqual(kytos_settings.unset(napp, "VLANS", "PAIRS"), {"POLLING_TIME": 5})
        self.assertEqual(kytos_settings.rollback(napp, 1)["VLANS"], [1, 3])
        with self.assertRaisesRegex(KeyError, "no setting POLLING; it has PAIRS, POLLING_TIME, VLANS"):
            kytos_settings.get(napp, "POLLING")
        self.assertEqual(kytos_settings.status()["service"]["state"], "READY")

    def test_watch_prints_changes_of_one_napp(self):
        printed = io.StringIO()
        stopped = threading.Event()

        def change():
            number = 0
            while not stopped.wait(0.1):
                number += 1
                kytos_settings.set("kytos/watched", N=number)
                kytos_settings.set("kytos/unwatched", N=number)

        thread = threading.Thread(target=change)
        thread.start()
        try:
            with contextlib.redirect_stdout(printed):
                watcher = threading.Thread(target=kytos_settings.watch, args=("kytos/watched", 3))
                watcher.start()
                watcher.join(30)
        finally:
            stopped.set()
            thread.join(30)
        lines = printed.getvalue().splitlines()
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, r"^\d+ kytos/watched /N (None|\d+) -> \d+$")

    def test_without_a_token_or_an_address_the_reason_is_raised(self):
        with self.assertRaises(SettingsError) as caught:
            Client(self.service.url).get("kytos/console")
        self.assertEqual(caught.exception.code, "TOKEN_REQUIRED")
        unset = mock.patch.dict(os.environ, KYTOS_SETTINGS_URL="")
        with unset, self.assertRaisesRegex(RuntimeError, "KYTOS_SETTINGS_URL is not set"):
            kytos_settings.get("kytos/console")

    def test_facts_arrive_with_the_token(self):
        from kytos_settings.bus import Bus

        seen = []
        bus = Bus(self.service.url, ["settings.changed"], seen.append, "0", self.token)
        bus.start()
        self.addCleanup(bus.stop)
        self.assertTrue(poll(lambda: bus.connected))
        kytos_settings.set("kytos/fact", N=1)
        self.assertTrue(poll(lambda: any(e["content"].get("namespace") == "kytos/fact" for e in seen)))
