"""The DAGs as a bundle, for an Airflow that got springtide by pip: nothing is copied into its folder of DAGs.

`[dag_processor] dag_bundle_config_list` names it, beside the bundles that are there already (docs/install.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from airflow.dag_processing.bundles.local import LocalDagBundle

_PACKAGE: Final = Path(__file__).resolve().parent


def dag_folder(package: Path = _PACKAGE) -> Path:
    """Return where the DAG files are: in the installed package, else in the project that holds `plugins/`."""
    installed = package / "dags"
    return installed if installed.is_dir() else package.parents[1] / "dags"


class SpringtideDagBundle(LocalDagBundle):
    """springtide's DAG files, where they are installed. They change with the package and at no other time."""

    def __init__(self, **options: Any) -> None:
        super().__init__(path=str(dag_folder()), **options)
