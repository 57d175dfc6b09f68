"""An environment with kytosd 2021.1 and the package, a folder of NApps, and a real service."""

import hashlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import unittest

from tests.service import Service, free_port, poll

BRIDGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGGING = """[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = simple
[logger_root]
level = INFO
handlers = console
[handler_console]
class = StreamHandler
formatter = simple
args = (sys.stdout,)
[formatter_simple]
format = %(levelname)s [%(name)s] %(message)s
"""


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


class KytosdCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = cls.make_service().start()
        cls.folder = tempfile.mkdtemp(prefix="bridge-kytosd-")
        cls.python = os.path.join(cls.folder, "venv", "bin", "python")
        cls.napps = os.path.join(cls.folder, "var", "lib", "kytos", "napps")
        cls.make_environment()
        cls.install_package()
        cls.port = free_port()
        cls.switch_port = free_port()
        cls.kytosd = None

    @classmethod
    def make_service(cls):
        return Service()

    @classmethod
    def tearDownClass(cls):
        cls.service.close()
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def make_environment(cls):
        """An environment of its own that finds kytosd in the one that runs this test."""
        subprocess.check_call([sys.executable, "-m", "venv", os.path.join(cls.folder, "venv")])
        packages = sysconfig.get_paths()["purelib"]
        # With this folder kytosd downloads no user interface.
        os.makedirs(os.path.join(packages, "kytos", "web-ui"), exist_ok=True)
        command = [cls.python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"]
        cls.packages = subprocess.check_output(command, universal_newlines=True).strip()
        with open(os.path.join(cls.packages, "zz-kytosd.pth"), "w") as file:
            file.write(packages + "\n")
        cls.before = digests(os.path.join(cls.folder, "venv"))

    @classmethod
    def install_package(cls):
        source = os.path.join(cls.folder, "source")
        shutil.copytree(BRIDGE, source)
        pip = [cls.python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        subprocess.check_call(pip + ["--no-build-isolation", "--no-index", source])
        shutil.rmtree(source)

    @classmethod
    def make_napp(cls, name, settings, main):
        napp = os.path.join(cls.napps, "kytos", name)
        os.makedirs(os.path.join(cls.napps, ".installed"), exist_ok=True)
        os.makedirs(napp)
        for path in (cls.napps, os.path.dirname(napp), napp):
            open(os.path.join(path, "__init__.py"), "w").close()
        manifest = {"username": "kytos", "name": name, "version": "1.0", "napp_dependencies": []}
        for file_name, text in (
            ("settings.py", settings), ("main.py", main), ("kytos.json", json.dumps(manifest)),
        ):  # fmt: skip
            with open(os.path.join(napp, file_name), "w") as file:
                file.write(text)
        return napp

    @classmethod
    def link_settings_napp(cls):
        """Enables kytos/settings, as installed by pip."""
        link = os.path.join(cls.napps, "kytos", "settings")
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink(os.path.join(cls.packages, "kytos_settings", "napp"), link)

    def setUp(self):
        self.addCleanup(self.stop_kytosd)
        if self.service.process is None:
            self.service.start()

    def variables(self):
        """The variables of kytosd that configure the bridge."""
        cache = os.path.join(self.folder, "cache")
        return {"KYTOS_SETTINGS_URL": self.service.url, "KYTOS_SETTINGS_CACHE": cache}

    @classmethod
    def write_config(cls):
        etc = os.path.join(cls.folder, "etc", "kytos")
        var = os.path.join(cls.folder, "var")
        os.makedirs(etc, exist_ok=True)
        with open(os.path.join(etc, "kytos.conf"), "w") as file:
            file.write(
                "[daemon]\ndaemon = False\nlisten = 127.0.0.1\nport = {}\napi_port = {}\nworkdir = {}\n"
                "pidfile = {}/kytosd.pid\nlogging = {}/logging.ini\nnapps = {}/lib/kytos/napps\n"
                "napps_repositories = []\nnapps_pre_installed = []\njwt_secret = none\n"
                "installed_napps = {}/lib/kytos/napps/.installed\nauthenticate_urls = []\n"
                "vlan_pool = {{}}\ntoken_expiration_minutes = 180\ndebug = False\n".format(
                    cls.switch_port, cls.port, var, var, etc, var, var
                )
            )
        with open(os.path.join(etc, "logging.ini"), "w") as file:
            file.write(LOGGING)
        return os.path.join(etc, "kytos.conf")

    def start_kytosd(self, **more):
        self.write_config()
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        env.update(
            VIRTUAL_ENV=self.folder,
            https_proxy="http://127.0.0.1:9",
            PYTHONUNBUFFERED="1",
            PYTHONDONTWRITEBYTECODE="1",
            **dict(self.variables(), **more)
        )
        script = os.path.join(BRIDGE, "kytosd_tests", "kytosd.py")
        with open(os.path.join(self.folder, "kytosd.log"), "wb") as log:
            type(self).kytosd = subprocess.Popen(
                [self.python, "-W", "ignore", script],
                cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        if not poll(self.is_started, 60):
            self.fail("kytosd did not start:\n" + self.log()[-4000:])

    def log(self):
        with open(os.path.join(self.folder, "kytosd.log")) as log:
            return log.read()

    def stop_kytosd(self):
        if self.kytosd is not None:
            self.kytosd.send_signal(signal.SIGTERM)
            try:
                self.kytosd.wait(30)
            except subprocess.TimeoutExpired:
                self.kytosd.kill()
                self.kytosd.wait()
            type(self).kytosd = None

    def is_started(self):
        return self.ask("/api/kytos/core/status/") is not None

    def ask(self, path):
        try:
            status, text = self.request("GET", path)
        except (OSError, http.client.HTTPException):
            return None
        return text if status == 200 else None

    def request(self, method, path, body=None, headers=None):
        """Status and text of an answer of kytosd."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = dict(headers or {}, **{"Content-Type": "application/json"})
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()
