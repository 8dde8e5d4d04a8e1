"""The plugin as a pip installation registers it (`airflow.plugins` in pyproject.toml).

Airflow looks into its plugins folder first, and calls a plugin that it then finds again an import error. Where that
folder holds springtide_plugin.py, as in a clone of the repository, this names no plugin.
"""

import importlib
import sys
from typing import Final

_FILE: Final = "springtide_plugin"

plugin: Final = None if _FILE in sys.modules else importlib.import_module(_FILE).SpringtidePlugin
