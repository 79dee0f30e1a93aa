"""What pyproject.toml cannot say: the presets of `configs/` become the wheel's folder `pipeline/configs`."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithPresets(build_py):
    """Copies the presets into the package; an editable install reads them where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            presets = Path(self.build_lib, "pipeline", "configs")
            self.mkpath(str(presets))
            for path in Path("configs").iterdir():
                self.copy_file(str(path), str(presets / path.name))


setup(cmdclass={"build_py": BuildWithPresets})
