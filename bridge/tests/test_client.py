"""The clients of REST and of the bus against a real service."""

import signal
import unittest

from kytos_settings.bus import Bus
from kytos_settings.client import SettingsError
from kytos_settings.websocket import WebSocket
from tests.service import Service, poll


class ClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service().start()

    @classmethod
    def tearDownClass(cls):
        cls.service.close()

    def test_integers_of_any_size_return_unchanged(self):
        client = self.service.client
        sent = {"COOKIE": 2**64 - 1, "NEGATIVE": -(2**70), "RATIO": 0.1, "TEXT": "ž %s {dpid}"}
        client.update("kytos/exact", sent, comment="exact — values")
        self.assertEqual(client.get("kytos/exact")["data"], sent)
        listed = {one["namespace"]: one["data"] for one in client.list()}
        self.assertEqual(listed["kytos/exact"], sent)

    def test_a_refusal_has_the_code_of_the_service(self):
        with self.assertRaises(SettingsError) as caught:
            self.service.client.request("GET", "/?nonsense=1")
        self.assertEqual((caught.exception.status, caught.exception.code), (400, "CONTENT_MALFORMED"))

    def test_a_large_message_is_answered_on_the_bus(self):
        bus = WebSocket("ws://127.0.0.1:{}/api/kytos/settings/v1/bus".format(self.service.port))
        self.addCleanup(bus.close)
        for size in (1, 125, 126, 65535, 65536, 200000):
            bus.send('{"id":1,"name":"kytos.settings.update","content":{"namespace":"kytos/large",'
                     '"data":{"TEXT":"' + "x" * size + '"}}}')  # fmt: skip
            answer = bus.receive(20)
            self.assertIn('"reply_to":1,"data"', answer)
            self.assertIn("x" * size + '"', answer)

    def test_facts_continue_after_the_service_was_killed(self):
        seen = []
        bus = Bus(self.service.url, ["settings.changed"], seen.append, "0")
        bus.start()
        self.addCleanup(bus.stop)
        self.assertTrue(poll(lambda: bus.connected))
        for number in range(20):
            if number in (7, 14):
                self.service.stop(signal.SIGKILL)
                self.service.start()
            self.service.client.update("kytos/counter", {"N": number})
        self.assertTrue(poll(lambda: numbers(seen) and numbers(seen)[-1] == 19))
        self.assertEqual(sorted(numbers(seen)), numbers(seen))


def numbers(events):
    """The values of N in the order of arrival, from facts and snapshots."""
    found = []
    for event in list(events):
        content = event["content"]
        if event["name"] == "settings.snapshot":
            data = content["namespaces"].get("kytos/counter", {}).get("data", {})
        else:
            data = content["data"] if content["namespace"] == "kytos/counter" else {}
        found += [data["N"]] if "N" in data else []
    return found
