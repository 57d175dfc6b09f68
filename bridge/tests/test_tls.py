"""REST and the bus over TLS, with the certificate of an own authority."""

import os
import ssl
import subprocess
import tempfile
import unittest

from kytos_settings.bus import Bus
from kytos_settings.client import Client
from kytos_settings.websocket import WebSocket
from tests.service import Service, poll


class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keys = tempfile.TemporaryDirectory(prefix="bridge-tls-")
        cls.cert, key = (os.path.join(cls.keys.name, name) for name in ("cert.pem", "key.pem"))
        subprocess.check_call(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
            + ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
            + ["-keyout", key, "-out", cls.cert],
            stderr=subprocess.DEVNULL,
        )
        cls.service = Service("tls_cert = {}\ntls_key = {}".format(cls.cert, key), cls.cert).start()

    @classmethod
    def tearDownClass(cls):
        cls.service.close()
        cls.keys.cleanup()

    def test_settings_and_facts_pass_through_tls(self):
        seen = []
        bus = Bus(self.service.url, ["settings.changed"], seen.append, "0", ca=self.cert)
        bus.start()
        self.addCleanup(bus.stop)
        self.assertTrue(poll(lambda: bus.connected))
        self.service.client.update("kytos/tls", {"TEXT": "x" * 100000})
        self.assertTrue(poll(lambda: any(e["content"].get("namespace") == "kytos/tls" for e in seen)))

    def test_an_unknown_authority_is_refused(self):
        with self.assertRaises(ssl.SSLError):
            Client(self.service.url).get("kytos/tls")
        with self.assertRaises(ssl.SSLError):
            WebSocket(self.service.url.replace("https", "wss") + "/api/kytos/settings/v1/bus")
