"""`kytos-settings bridge`: installed for a real kytosd, alone and in a tree shared with the service."""

import json
import os
import subprocess

from kytosd_tests.kytosd_case import KytosdCase, digests
from tests.service import ROOT, Service

SETTINGS = "POLLING_TIME = 3\n"
MAIN = """import json
from kytos.core import KytosNApp, rest
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
        return json.dumps({"attribute": settings.POLLING_TIME})
"""


def traces(folder):
    """Each file with its hash, each link with its target, and each folder."""
    found = dict(digests(folder))
    for path, folders, names in os.walk(folder):
        for name in folders + names:
            one = os.path.join(path, name)
            if os.path.islink(one):
                found[one] = os.readlink(one)
            elif name in folders:
                found[one] = "folder"
    return found


class InstallTest(KytosdCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_napp("sample", SETTINGS, MAIN)
        cls.service.client.update("kytos/sample", {"POLLING_TIME": 60})
        cls.conf = cls.write_config()

    @classmethod
    def install_package(cls):
        """Nothing: the command does it."""

    def variables(self):
        return {"HOME": os.path.join(self.folder, "home")}

    def bridge(self, *args, exit_code=0, config=None):
        command = ["node", os.path.join(ROOT, "dist/src/main.js")]
        if config:
            command += ["-c", config]
        env = dict(self.variables(), PATH=os.environ["PATH"], VIRTUAL_ENV=self.folder)
        ran = subprocess.run(
            command + ["bridge"] + list(args), cwd=self.folder, env=env, universal_newlines=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.assertEqual(ran.returncode, exit_code, ran.stdout + ran.stderr)
        return ran.stdout + ran.stderr

    def install(self, **more):
        return self.bridge("install", self.conf, "--python", self.python, "--url", self.service.url, **more)

    def status(self, **more):
        return json.loads(self.bridge("status", self.conf, "--json", **more))

    def test_1_install_and_uninstall_leave_no_trace(self):
        before = traces(self.folder)
        status = self.status(exit_code=1)
        self.assertEqual((status["package"], status["running"]), (None, {"kytosd": "stopped"}))
        refused = self.bridge("install", self.conf, "--python", self.python, exit_code=2)
        self.assertIn("is the address of kytosd itself", refused)
        self.assertEqual(traces(self.folder), before)
        self.assertIn("is installed", self.install())
        self.install()  # repeated
        self.start_kytosd()
        self.assertEqual(self.attribute(), 60)
        status = self.status()
        self.assertEqual(status["running"]["hook"], True)
        self.assertEqual((status["napp"], status["service"]), (True, self.service.url))
        self.assertIn("the import hook is in place", self.bridge("status", self.conf))
        self.stop_kytosd()
        self.bridge("uninstall", self.conf)
        after = traces(self.folder)
        own = [os.path.join(self.folder, name) for name in ("home", "kytosd.log", "var/run")]
        made = [path for path in after if path not in before and not path.startswith(tuple(own))]
        self.assertEqual(made, [])
        self.assertEqual({path: after.get(path) for path in before}, before)
        self.start_kytosd()
        self.assertEqual(self.attribute(), 3)
        self.assertIn("No bridge is installed", self.bridge("uninstall", self.conf))
        # The Python of kytosd was deleted since.
        with open(os.path.join(os.path.dirname(self.conf), "kytos-settings.json"), "w") as file:
            json.dump({"url": self.service.url, "python": "/no/python", "made": []}, file)
        self.assertIn("/no/python does not run", self.bridge("uninstall", self.conf))
        self.assertIn("No bridge is installed", self.bridge("uninstall", self.conf))

    def test_2_pip_knows_the_package(self):
        self.install()
        pip = [self.python, "-m", "pip", "--disable-pip-version-check"]
        shown = subprocess.check_output(pip + ["show", "-f", "kytos-settings"], universal_newlines=True)
        self.assertIn("kytos_settings.pth", shown)
        subprocess.check_call(pip + ["uninstall", "--quiet", "--yes", "kytos-settings"])
        self.bridge("uninstall", self.conf)
        self.assertEqual(digests(os.path.join(self.folder, "venv")), self.before)

    def test_3_the_service_runs_in_the_tree_before_the_bridge_is_installed(self):
        shared = Service(napps=self.napps).start()
        self.addCleanup(shared.close)
        before = traces(self.napps)
        self.install(config=shared.config)
        self.assertEqual(traces(self.napps), before)
        self.runs_with(shared)
        self.bridge("uninstall", self.conf)
        self.assertEqual(traces(self.napps), before)
        shared.stop()
        shared.start()

    def test_4_the_bridge_is_installed_before_the_service_runs_in_the_tree(self):
        before = self.without_links()
        self.install()
        shared = Service(napps=self.napps).start()
        self.addCleanup(shared.close)
        self.runs_with(shared)
        installed = traces(self.napps)
        self.assertIn("the service uses it too", self.bridge("uninstall", self.conf, config=shared.config))
        self.assertEqual(traces(self.napps), installed)
        # kytosd skips the NApp without the package, and runs.
        self.start_kytosd()
        self.assertEqual(self.attribute(), 3)
        self.assertIn("No module named 'kytos_settings'", self.log())
        self.assertEqual(before, {})

    def without_links(self):
        """Removes kytos/settings of the test before, as an operator does; what is left of it."""
        for path in ("kytos/settings", ".installed/kytos/settings"):
            if os.path.lexists(os.path.join(self.napps, path)):
                os.unlink(os.path.join(self.napps, path))
        return {path: kind for path, kind in traces(self.napps).items() if path.endswith("settings")}

    def runs_with(self, shared):
        """kytosd and the service run with one kytos/settings."""
        self.start_kytosd()
        self.assertEqual(self.attribute(), 60)
        self.assertEqual(self.status()["running"]["hook"], True)
        napps = shared.client.request("GET", "/status")["napps"]
        self.assertEqual([(one["napp"], one["state"]) for one in napps], [("kytos/settings", "running")])
        self.stop_kytosd()

    def attribute(self):
        text = self.ask("/api/kytos/sample/v1/show")
        return json.loads(text)["attribute"] if text else None
