"""Overrides in NApps of a folder, each case in a Python process of its own, against a real service."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from tests.service import Service, free_port, poll

BRIDGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SETTINGS = '''"""A sample."""
from __future__ import absolute_import
BASE = "http://a"
URL = BASE + "/topology"
POLLING_TIME = 3
VLANS = ()
NAMES = {"a"}
RATIO = 2.0
COOKIE = 0xDD00000000000000
NESTED = {"a": [(1, 2)], "b": {3}}
NESTED["c"] = 1
GROWN = [1]
GROWN.append(2)
try:
    INNER = POLLING_TIME * 2
except NameError:
    INNER = 0
UNTOUCHED = [1]


def limit(value=POLLING_TIME):
    POLLING_TIME = value
    return POLLING_TIME
'''
MAIN = """from napps.kytos.sample import settings
from .settings import POLLING_TIME, URL, COOKIE


class Main:
    interval = settings.POLLING_TIME

    def run(self, every=POLLING_TIME):
        return every
"""
SCHEMA = {
    "type": "object",
    "properties": {
        "POLLING_TIME": {"type": "integer", "minimum": 1, "default": 3, "x-apply": "live"},
        "COOKIE": {"type": "integer", "default": 0xDD00000000000000},
        "NESTED": {
            "type": "object",
            "properties": {
                "a": {"type": "array", "items": {"type": "array", "x-python-type": "tuple"}},
                "b": {"type": "array", "x-python-type": "set"},
            },
        },
        "RATIO": {"type": "number", "default": 2, "x-python-type": "float"},
        "PASSWORD": {"type": "string", "x-sensitive": True},
    },
}


class HookTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service().start()
        cls.service.client.request("PUT", "/kytos/sample/schema", SCHEMA)

    @classmethod
    def tearDownClass(cls):
        cls.service.close()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="bridge-hook-")
        self.addCleanup(shutil.rmtree, self.folder)
        napp = os.path.join(self.folder, "napps", "kytos", "sample")
        os.makedirs(napp)
        for path in (napp, os.path.dirname(napp), os.path.dirname(os.path.dirname(napp))):
            open(os.path.join(path, "__init__.py"), "w").close()
        for name, text in (("settings", SETTINGS), ("main", MAIN)):
            with open(os.path.join(napp, name + ".py"), "w") as file:
                file.write(text)
        if self.service.process is None:
            self.service.start()
        self.set({name: None for name in self.service.client.get("kytos/sample")["data"]})

    def set(self, data):
        self.service.client.update("kytos/sample", data)

    def start(self, code, url=None, **env):
        """A controller in small: the hook first, then the code."""
        env = dict(
            os.environ,
            PYTHONPATH=BRIDGE + os.pathsep + self.folder,
            PYTHONDONTWRITEBYTECODE="1",
            KYTOS_SETTINGS_URL=self.service.url if url is None else url,
            KYTOS_SETTINGS_CACHE=os.path.join(self.folder, "cache"),
            **env
        )
        return subprocess.Popen(
            [sys.executable, "-c", "import kytos_settings.startup\n" + code],
            env=env, cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True,
        )  # fmt: skip

    def run_code(self, code, url=None):
        process = self.start(code, url)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        return out.strip(), err

    def test_overrides_reach_derived_values_defaults_and_importers_with_their_types(self):
        self.set({
            "BASE": "http://b", "POLLING_TIME": 9, "VLANS": [1, 2], "NAMES": ["x"], "RATIO": 5,
            "COOKIE": 2**64 - 1, "NESTED": {"a": [[5, 6]], "b": [7]}, "GROWN": [4], "UNKNOWN": 1,
        })  # fmt: skip
        out, err = self.run_code(
            "from napps.kytos.sample import main, settings as s\n"
            "print(repr((s.URL, main.URL, main.POLLING_TIME, main.Main.interval, main.Main().run(),"
            " s.limit(), s.VLANS, s.NAMES, s.RATIO, main.COOKIE, s.NESTED, s.GROWN, s.INNER, s.UNTOUCHED,"
            " hasattr(s, 'UNKNOWN'), [x for x in vars(s) if 'kytos_settings' in x])))"
        )
        expected = (
            "http://b/topology", "http://b/topology", 9, 9, 9, 9, (1, 2), {"x"}, 5.0, 2**64 - 1,
            {"a": [(5, 6)], "b": {7}}, [4], 18, [1], False, [],
        )  # fmt: skip
        self.assertEqual(out, repr(expected), err)

    def test_a_default_of_the_schema_never_replaces_a_value_of_the_file(self):
        self.service.client.request("PUT", "/kytos/other/schema", SCHEMA)
        napp = os.path.join(self.folder, "napps", "kytos")
        shutil.copytree(os.path.join(napp, "sample"), os.path.join(napp, "other"))
        with open(os.path.join(napp, "other", "settings.py"), "a") as file:
            file.write("POLLING_TIME = 77\n")
        out, _ = self.run_code("from napps.kytos.other import settings; print(settings.POLLING_TIME)")
        self.assertEqual(out, "77")

    def test_the_tag_of_a_secret_is_never_applied(self):
        with open(os.path.join(self.folder, "napps/kytos/sample/settings.py"), "a") as file:
            file.write("PASSWORD = 'of the file'\n")
        self.set({"PASSWORD": "hidden", "POLLING_TIME": 4})
        out, _ = self.run_code(
            "from napps.kytos.sample import settings as s; print(s.PASSWORD, s.POLLING_TIME)"
        )
        self.assertEqual(out, "of the file 4")
        self.assertNotIn("hidden", self.cache())

    def cache(self):
        folder = os.path.join(self.folder, "cache")
        (name,) = os.listdir(folder)
        with open(os.path.join(folder, name)) as file:
            return file.read()

    def test_without_the_service_the_cache_is_used_and_a_black_hole_ends_in_time(self):
        code = (
            "import time; t = time.monotonic()\nfrom napps.kytos.sample import settings\n"
            "print(settings.POLLING_TIME, round(time.monotonic() - t, 1))"
        )
        self.set({"POLLING_TIME": 6})
        self.assertEqual(self.run_code(code)[0].split()[0], "6")
        self.service.stop(signal.SIGKILL)
        self.assertEqual(self.run_code(code)[0].split()[0], "6")
        with socket.socket() as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            silent.bind(("127.0.0.1", self.service.port))
            silent.listen(5)
            value, seconds = self.run_code(code)[0].split()
        self.assertEqual(value, "6")
        self.assertGreaterEqual(float(seconds), 2.9)
        # The bound is 3 s of waiting; the rest is what a busy machine takes.
        self.assertLess(float(seconds), 10)
        for damage in ("", "{", '{"kytos/sample": {}}', "[]"):
            folder = os.path.join(self.folder, "cache")
            with open(os.path.join(folder, os.listdir(folder)[0]), "w") as file:
                file.write(damage)
            self.assertEqual(self.run_code(code)[0].split()[0], "3", damage)

    def test_nothing_happens_without_a_url_and_a_wrong_one_is_reported(self):
        code = (
            "import sys; from napps.kytos.sample import settings as s\n"
            "print(s.POLLING_TIME, len(sys.meta_path))"
        )
        self.set({"POLLING_TIME": 6})
        plain = subprocess.check_output([sys.executable, "-c", "import sys; print(len(sys.meta_path))"])
        self.assertEqual(self.run_code(code, "")[0], "3 " + plain.decode().strip())
        out, err = self.run_code(code, "ftp://x")
        self.assertEqual(out.split()[0], "3")
        self.assertIn("KYTOS_SETTINGS_URL must be", err)
        self.assertEqual(self.run_code(code, "http://127.0.0.1:{}".format(free_port()))[0].split()[0], "3")

    def test_an_error_of_the_file_is_raised_at_its_line(self):
        with open(os.path.join(self.folder, "napps/kytos/sample/settings.py"), "a") as file:
            file.write("raise RuntimeError('of the file')\n")
        self.set({"POLLING_TIME": 6})
        process = self.start("import napps.kytos.sample.settings")
        _, err = process.communicate(timeout=60)
        line = SETTINGS.count("\n") + 1
        where = "settings.py\", line {}, in <module>\n    raise RuntimeError(".format(line)
        self.assertIn(where, err)

    def test_a_live_setting_changes_in_place_and_others_are_pending(self):
        process = self.start(
            "import sys, kytos_settings as live\nfrom napps.kytos.sample import main, settings as s\n"
            "for line in sys.stdin:\n"
            "    print([s.POLLING_TIME, main.POLLING_TIME, s.URL, live.pending()], flush=True)\n"
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)

        def shown():
            process.stdin.write("\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        def reaches(*expected):
            self.assertTrue(poll(lambda: shown() == repr(list(expected))), shown())

        url = "http://a/topology"
        reaches(3, 3, url, {})
        self.set({"POLLING_TIME": 7})
        reaches(7, 7, url, {})
        self.set({"BASE": "http://c"})
        reaches(7, 7, url, {"kytos/sample": ["BASE"]})
        self.set({"BASE": None})
        reaches(7, 7, url, {})
        self.service.stop(signal.SIGKILL)
        self.service.start()
        self.set({"POLLING_TIME": 8})
        reaches(8, 8, url, {})
        self.set({"POLLING_TIME": None})
        reaches(3, 3, url, {})

    def test_the_last_of_many_changes_holds_and_none_goes_backwards(self):
        process = self.start(
            "import sys, time, threading\nfrom napps.kytos.sample import settings as s\n"
            "seen = []\nend = time.monotonic() + 90\n"
            "while s.POLLING_TIME != 1200 and time.monotonic() < end:\n"
            "    if not seen or seen[-1] != s.POLLING_TIME: seen.append(s.POLLING_TIME)\n"
            "    if len(seen) == 1: print('ready', flush=True)\n"
            "    time.sleep(0.001)\n"
            "import json; print(json.dumps(seen + [s.POLLING_TIME]))\n"
        )
        self.addCleanup(process.kill)
        process.stdout.readline()
        for number in range(1001, 1201):
            if number in (1070, 1140):
                self.service.stop(signal.SIGKILL)
                self.service.start()
            self.set({"POLLING_TIME": number})
        out, err = process.communicate(timeout=100)
        seen = json.loads(out.strip().splitlines()[-1])
        self.assertEqual(seen[-1], 1200, err)
        self.assertEqual(sorted(seen), seen)
        self.assertGreater(len(seen), 3)
