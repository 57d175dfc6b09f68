"""The bridge with a service on etcd that requires TLS and tokens, and refuses a change by a hook."""

import json
import os
import shutil
import signal
import subprocess
import tempfile

from kytos_settings.client import Client, SettingsError
from kytosd_tests.kytosd_case import KytosdCase
from tests.service import ROOT, Service, free_port, poll

SETTINGS = "POLLING_TIME = 3\nVLANS = ()\n"
MAIN = """import json
import threading
from kytos.core import KytosEvent, KytosNApp, rest
from napps.kytos.sample import settings


class Main(KytosNApp):
    def setup(self):
        pass

    def execute(self):
        pass

    def shutdown(self):
        pass

    @rest("v1/show")
    def show(self):
        done, found = threading.Event(), []

        def callback(event, data, error):
            found.extend([data, repr(error)])
            done.set()

        content = {"namespace": "sample", "callback": callback}
        self.controller.buffers.app.put(KytosEvent(name="kytos.storehouse.list", content=content))
        done.wait(20)
        return json.dumps({"time": settings.POLLING_TIME, "vlans": repr(settings.VLANS), "boxes": found})
"""
SCHEMA = {
    "type": "object",
    "properties": {
        "POLLING_TIME": {"type": "integer", "minimum": 1, "x-apply": "live"},
        "VLANS": {"type": "array", "x-python-type": "tuple"},
    },
}
HOOK = """export default ({ openSettings }) => ({
  async setup() {
    const settings = await openSettings()
    settings.changing(next => (next.POLLING_TIME === 13 ? 'a poll takes 14 s' : undefined))
  },
})
"""


class Etcd:
    """A real etcd on free ports."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="bridge-etcd-")
        self.url = "http://127.0.0.1:{}".format(free_port())
        peer = "http://127.0.0.1:{}".format(free_port())
        self.process = subprocess.Popen(
            ["etcd", "--name", "one", "--data-dir", self.folder, "--log-level", "error"]
            + ["--listen-client-urls", self.url, "--advertise-client-urls", self.url]
            + ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
            + ["--initial-cluster", "one=" + peer],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class SecureTest(KytosdCase):
    @classmethod
    def make_service(cls):
        cls.etcd = Etcd()
        cls.keys = tempfile.mkdtemp(prefix="bridge-tls-")
        cls.cert, key = (os.path.join(cls.keys, name) for name in ("cert.pem", "key.pem"))
        subprocess.check_call(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
            + ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
            + ["-keyout", key, "-out", cls.cert],
            stderr=subprocess.DEVNULL,
        )
        more = (
            "backend = etcd\nauthentication = required\ntls_cert = {}\ntls_key = {}\n"
            '[settings.etcd]\nendpoints = ["{}"]\n'.format(cls.cert, key, cls.etcd.url)
        )
        service = Service(more, cls.cert)
        napp = os.path.join(service.folder, "napps", "kytos", "sample")
        os.makedirs(napp)
        manifest = {"username": "kytos", "name": "sample", "main": "main.mjs", "settings": "schema.json"}
        for name, text in (
            ("main.mjs", HOOK), ("schema.json", json.dumps(SCHEMA)), ("napp.json", json.dumps(manifest)),
        ):  # fmt: skip
            with open(os.path.join(napp, name), "w") as file:
                file.write(text)
        return service

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_napp("sample", SETTINGS, MAIN)
        cls.link_settings_napp()
        main = os.path.join(ROOT, "dist/src/main.js")
        command = ["node", main, "-c", cls.service.config, "token", "create"]
        ask = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "universal_newlines": True}
        tokens = []
        for name in ("read", "write"):
            made = subprocess.run(command + [name, "--rights", name], check=True, **ask)
            tokens.append(made.stdout.strip())
        cls.read_token, cls.write_token = tokens
        cls.client = Client(cls.service.url, cls.write_token, cls.cert, timeout=20)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.etcd.close()
        shutil.rmtree(cls.keys)

    def variables(self):
        token_file = os.path.join(self.folder, "token")
        with open(token_file, "w") as file:
            file.write(self.read_token + "\n")
        return dict(super().variables(), KYTOS_SETTINGS_CA=self.cert, KYTOS_SETTINGS_TOKEN_FILE=token_file)

    def reaches(self, **expected):
        def reached():
            text = self.ask("/api/kytos/sample/v1/show")
            shown = json.loads(text) if text else {}
            return all(shown.get(name) == value for name, value in expected.items())

        self.assertTrue(poll(reached), (expected, self.ask("/api/kytos/sample/v1/show"), self.log()[-2000:]))

    def test_settings_changes_and_boxes_with_etcd_tls_and_a_token(self):
        with self.assertRaises(SettingsError) as caught:
            Client(self.service.url, None, self.cert).list()
        self.assertEqual(caught.exception.code, "TOKEN_REQUIRED")
        self.client.update("kytos/sample", {"POLLING_TIME": 60, "VLANS": [1, 2]})
        self.start_kytosd()
        self.reaches(time=60, vlans="(1, 2)", boxes=[[], "None"])
        self.client.update("kytos/sample", {"POLLING_TIME": 61})
        self.reaches(time=61)
        with self.assertRaises(SettingsError) as caught:
            self.client.update("kytos/sample", {"POLLING_TIME": 13})
        self.assertEqual((caught.exception.code, caught.exception.status), ("CHANGE_VETOED", 423))
        self.service.stop(signal.SIGKILL)
        self.service.start()
        self.client.update("kytos/sample", {"POLLING_TIME": 62})
        self.reaches(time=62, vlans="(1, 2)", boxes=[[], "None"])
        self.client.update("kytos/sample", {"POLLING_TIME": None})
        self.reaches(time=3)
        self.assertNotIn(self.read_token, self.log())
