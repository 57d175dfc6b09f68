"""Builds the package; `kytos_settings.pth` becomes a file of it, so that pip removes it, too."""

import os
import shutil

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = os.path.dirname(os.path.abspath(__file__))
PTH = "kytos_settings.pth"


class BuildWithPth(build_py):
    """Copies the .pth file beside the package, where `site` reads it at each start of Python."""

    def run(self):
        """Builds the modules, then copies the file."""
        build_py.run(self)
        shutil.copyfile(os.path.join(HERE, PTH), os.path.join(self.build_lib, PTH))

    def get_outputs(self, include_bytecode=1):
        """Adds the file to the list of installed files."""
        return build_py.get_outputs(self, include_bytecode) + [os.path.join(self.build_lib, PTH)]


setup(cmdclass={"build_py": BuildWithPth})
