"""Builds the package; all that is said of it stands in ``setup.cfg``."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class FreshBuild(build_py):
    """Copies the package as it is now.

    setuptools copies into ``build/lib`` and packs whatever lies there: without this, also what an earlier build
    had, such as the app's files under names that have their hash.
    """

    def run(self) -> None:
        """Remove what an earlier build left, and copy."""
        if not self.editable_mode:
            shutil.rmtree(Path(self.build_lib, "chatserver"), ignore_errors=True)
        super().run()


setup(cmdclass={"build_py": FreshBuild})
