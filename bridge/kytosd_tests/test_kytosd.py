"""A real kytosd 2021.1 with the package installed by pip, and a NApp, against a real service."""

import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import unittest

from tests.service import Service, free_port, poll

BRIDGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
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


def digests(folder):
    """The SHA-256 of each file below a folder, by path; compiled files are Python's own."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            file = os.path.join(path, name)
            if not name.endswith(".pyc") and not os.path.islink(file):
                with open(file, "rb") as content:
                    found[file] = hashlib.sha256(content.read()).hexdigest()
    return found


class KytosdTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service().start()
        cls.service.client.request("PUT", "/kytos/sample/schema", SCHEMA)
        cls.folder = tempfile.mkdtemp(prefix="bridge-kytosd-")
        cls.python = os.path.join(cls.folder, "venv", "bin", "python")
        cls.make_installation()
        cls.napp = cls.make_napp()
        cls.port = free_port()
        cls.kytosd = None

    @classmethod
    def tearDownClass(cls):
        cls.service.close()
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def make_installation(cls):
        """An environment of its own that finds kytosd in the one that runs this test."""
        subprocess.check_call([sys.executable, "-m", "venv", os.path.join(cls.folder, "venv")])
        packages = sysconfig.get_paths()["purelib"]
        # With this folder kytosd downloads no user interface.
        os.makedirs(os.path.join(packages, "kytos", "web-ui"), exist_ok=True)
        command = [cls.python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"]
        own = subprocess.check_output(command, universal_newlines=True).strip()
        with open(os.path.join(own, "zz-kytosd.pth"), "w") as file:
            file.write(packages + "\n")
        cls.before = digests(os.path.join(cls.folder, "venv"))
        source = os.path.join(cls.folder, "source")
        shutil.copytree(BRIDGE, source)
        pip = [cls.python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        subprocess.check_call(pip + ["--no-build-isolation", "--no-index", source])
        shutil.rmtree(source)

    @classmethod
    def make_napp(cls):
        napps = os.path.join(cls.folder, "var", "lib", "kytos", "napps")
        napp = os.path.join(napps, "kytos", "sample")
        os.makedirs(os.path.join(napps, ".installed"))
        os.makedirs(napp)
        for path in (napps, os.path.dirname(napp), napp):
            open(os.path.join(path, "__init__.py"), "w").close()
        manifest = {"username": "kytos", "name": "sample", "version": "1.0", "napp_dependencies": []}
        for name, text in (
            ("settings.py", SETTINGS), ("main.py", MAIN), ("kytos.json", json.dumps(manifest)),
        ):  # fmt: skip
            with open(os.path.join(napp, name), "w") as file:
                file.write(text)
        return napp

    def setUp(self):
        self.addCleanup(self.stop_kytosd)
        if self.service.process is None:
            self.service.start()
        self.set({name: None for name in self.service.client.get("kytos/sample")["data"]})

    def set(self, data):
        self.service.client.update("kytos/sample", data)

    def start_kytosd(self, **more):
        etc = os.path.join(self.folder, "etc", "kytos")
        var = os.path.join(self.folder, "var")
        os.makedirs(etc, exist_ok=True)
        with open(os.path.join(etc, "kytos.conf"), "w") as file:
            file.write(
                "[daemon]\ndaemon = False\nlisten = 127.0.0.1\nport = {}\napi_port = {}\nworkdir = {}\n"
                "pidfile = {}/kytosd.pid\nlogging = {}/logging.ini\nnapps = {}/lib/kytos/napps\n"
                "napps_repositories = []\nnapps_pre_installed = []\njwt_secret = none\n"
                "installed_napps = {}/lib/kytos/napps/.installed\nauthenticate_urls = []\n"
                "vlan_pool = {{}}\ntoken_expiration_minutes = 180\ndebug = False\n".format(
                    free_port(), self.port, var, var, etc, var, var
                )
            )
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        env.update(
            VIRTUAL_ENV=self.folder,
            https_proxy="http://127.0.0.1:9",
            PYTHONUNBUFFERED="1",
            PYTHONDONTWRITEBYTECODE="1",
            KYTOS_SETTINGS_URL=self.service.url,
            KYTOS_SETTINGS_CACHE=os.path.join(self.folder, "cache"),
            **more
        )
        script = os.path.join(BRIDGE, "kytosd_tests", "kytosd.py")
        with open(os.path.join(self.folder, "kytosd.log"), "wb") as log:
            type(self).kytosd = subprocess.Popen(
                [self.python, "-W", "ignore", script],
                cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        if not poll(self.show, 60):
            with open(os.path.join(self.folder, "kytosd.log")) as log:
                self.fail("kytosd did not start:\n" + log.read()[-4000:])

    def stop_kytosd(self):
        if self.kytosd is not None:
            self.kytosd.send_signal(signal.SIGTERM)
            try:
                self.kytosd.wait(30)
            except subprocess.TimeoutExpired:
                self.kytosd.kill()
                self.kytosd.wait()
            type(self).kytosd = None

    def ask(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.read().decode() if response.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

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
        self.reaches(attribute=61, imported=61, captured=60)
        self.set({"BASE": "http://c"})
        self.reaches(url="http://b/topology", pending={"kytos/sample": ["BASE"]})
        with self.assertRaises(Exception) as caught:
            self.set({"POLLING_TIME": 0})
        self.assertEqual(caught.exception.code, "SETTINGS_INVALID")
        self.set({"POLLING_TIME": None})
        self.reaches(attribute=3, imported=3)
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
