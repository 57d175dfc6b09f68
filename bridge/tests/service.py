"""A real service of the built checkout, on a free port and in a folder of its own."""

import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from kytos_settings.client import Client

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
READY_S = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def poll(condition, seconds=30.0):
    """Waits until the condition is true; its last value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(0.05)


class Service:
    def __init__(self, more="", ca=None, napps=None):
        self.folder = tempfile.mkdtemp(prefix="bridge-test-")
        self.port = free_port()
        self.ca = ca
        self.url = "{}://127.0.0.1:{}".format("https" if ca else "http", self.port)
        self.process = None
        self.config = os.path.join(self.folder, "kytos.ini")
        with open(self.config, "w") as file:
            file.write(
                "[daemon]\nlisten = 127.0.0.1\napi_port = {0}\nnapps = {3}\n"
                'napps_pre_installed = ["kytos/settings"]\n[settings]\nstate_dir = {1}/state\n{2}\n'
                "[settings.filesystem]\npath = {1}/store\n".format(
                    self.port, self.folder, more, napps or os.path.join(self.folder, "napps")
                )
            )

    @property
    def client(self):
        return Client(self.url, ca=self.ca, timeout=20)

    def start(self):
        command = ["node", os.path.join(ROOT, "dist/src/main.js"), "start", "-c", self.config]
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        if not poll(self._is_ready, READY_S):
            with open(os.path.join(self.folder, "log")) as log:
                raise AssertionError("The service did not start: " + log.read()[-2000:])
        return self

    def _is_ready(self):
        if self.process.poll() is not None:
            return True
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        if self.ca:
            context = ssl.create_default_context(cafile=self.ca)
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=5, context=context)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self, sent=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(sent)
            self.process.wait(30)
            self.process = None

    def close(self):
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
