"""A real kytosd 2021.1 with the package installed by pip, and a NApp, against a real service."""

import json
import os
import signal
import socket
import subprocess

from kytosd_tests.kytosd_case import KytosdCase, digests
from tests.service import poll

SETTINGS = """POLLING_TIME = 3
BASE = "http://a"
URL = BASE + "/topology"
VLANS = ()
COOKIE = 0xDD00000000000000
"""
MAIN = """import json
from kytos.core import KytosNApp, rest
from napps.kytos.sample import settings
from napps.kytos.sample.settings import POLLING_TIME


class Main(KytosNApp):
    default = settings.VLANS

    def setup(self):
        self.captured = settings.POLLING_TIME
        self.execute_as_loop(settings.POLLING_TIME)

    def execute(self):
        pass

    def shutdown(self):
        pass

    @rest("v1/show")
    def show(self, interval=settings.POLLING_TIME):
        from kytos_settings import pending
        return json.dumps({
            "attribute": settings.POLLING_TIME, "imported": POLLING_TIME, "captured": self.captured,
            "argument": interval, "loop": self._KytosNApp__interval, "url": settings.URL,
            "vlans": repr(self.default), "cookie": str(settings.COOKIE), "pending": pending(),
        })
"""
SCHEMA = {
    "type": "object",
    "properties": {
        "POLLING_TIME": {"type": "integer", "minimum": 1, "x-apply": "live"},
        "VLANS": {"type": "array", "x-python-type": "tuple"},
    },
}


class KytosdTest(KytosdCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.client.request("PUT", "/kytos/sample/schema", SCHEMA)
        cls.napp = cls.make_napp("sample", SETTINGS, MAIN)
        cls.link_settings_napp()

    def setUp(self):
        super().setUp()
        self.set({name: None for name in self.service.client.get("kytos/sample")["data"]})

    def set(self, data):
        self.service.client.update("kytos/sample", data)

    def is_started(self):
        return self.show()

    def show(self):
        text = self.ask("/api/kytos/sample/v1/show")
        return json.loads(text) if text else None

    def reaches(self, **expected):
        def reached():
            shown = self.show() or {}
            return all(shown.get(name) == value for name, value in expected.items())

        self.assertTrue(poll(reached), (expected, self.show()))

    def test_1_settings_at_import_live_change_unset_and_pending_until_the_restart(self):
        files = digests(self.napp)
        self.set({"POLLING_TIME": 60, "BASE": "http://b", "VLANS": [1, 2], "COOKIE": 2**64 - 1})
        self.start_kytosd()
        self.reaches(
            attribute=60, imported=60, captured=60, argument=60, loop=60, url="http://b/topology",
            vlans="(1, 2)", cookie=str(2**64 - 1), pending={},
        )  # fmt: skip
        self.set({"POLLING_TIME": 61})
        self.reaches(attribute=61, imported=61, captured=60, loop=61)
        self.set({"BASE": "http://c"})
        self.reaches(url="http://b/topology", pending={"kytos/sample": ["BASE"]})
        with self.assertRaises(Exception) as caught:
            self.set({"POLLING_TIME": 0})
        self.assertEqual(caught.exception.code, "SETTINGS_INVALID")
        self.set({"POLLING_TIME": None})
        self.reaches(attribute=3, imported=3, loop=3)
        self.set({"POLLING_TIME": 62})
        self.stop_kytosd()
        self.start_kytosd()
        self.reaches(attribute=62, captured=62, url="http://c/topology", pending={})
        self.assertEqual(digests(self.napp), files)

    def test_2_reload_applies_what_was_pending(self):
        self.start_kytosd()
        self.reaches(url="http://a/topology", pending={})
        self.set({"BASE": "http://d"})
        self.reaches(url="http://a/topology", pending={"kytos/sample": ["BASE"]})
        self.assertIsNotNone(self.ask("/api/kytos/core/reload/kytos/sample"))
        self.reaches(url="http://d/topology", pending={})

    def test_3_the_service_is_away_at_the_start_and_returns(self):
        self.set({"POLLING_TIME": 63})
        self.start_kytosd()
        self.reaches(attribute=63)
        self.stop_kytosd()
        self.service.stop(signal.SIGKILL)
        self.start_kytosd()
        self.reaches(attribute=63, captured=63)
        self.service.start()
        self.set({"POLLING_TIME": 64})
        self.reaches(attribute=64)

    def test_4_a_black_hole_delays_the_start_by_the_bound_only(self):
        self.set({"POLLING_TIME": 65})
        self.start_kytosd()
        self.reaches(attribute=65)
        self.stop_kytosd()
        self.service.stop(signal.SIGKILL)
        with socket.socket() as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            silent.bind(("127.0.0.1", self.service.port))
            silent.listen(5)
            self.start_kytosd()
            self.reaches(attribute=65, captured=65)

    def test_5_the_last_of_1000_changes_holds_with_two_kills_of_the_service(self):
        self.start_kytosd()
        seen = []
        client = self.service.client
        for number in range(1001, 2001):
            if number in (1334, 1667):
                self.service.stop(signal.SIGKILL)
                self.service.start()
            client.update("kytos/sample", {"POLLING_TIME": number})
            if number % 50 == 0:
                seen.append((self.show() or {}).get("attribute", 0))
        self.reaches(attribute=2000, imported=2000)
        seen.append(self.show()["attribute"])
        self.assertEqual(sorted(seen), seen)

    def test_6_pip_removes_it_without_a_trace(self):
        pip = [self.python, "-m", "pip", "--disable-pip-version-check", "uninstall", "--quiet", "--yes"]
        subprocess.check_call(pip + ["kytos-settings"])
        self.assertEqual(digests(os.path.join(self.folder, "venv")), self.before)
