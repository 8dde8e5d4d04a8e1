"""Programs of other projects, compiled from their Go modules as they are published.

What is pinned is the module's version and the checksum of its source. The module's own `go.sum` pins all that it is
made of, and `-mod=readonly` has Go keep to it. Nothing of a module is kept in this repository: what it brings beside
its programs, such as its custom resources, is read from where Go keeps it.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cluster.build import cached, compile_go, say
from cluster.settings import ClusterError

DOWNLOAD_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class GoPrograms:
    """Programs of one module: `packages` maps what a program is called here to the folder of its source.

    `stamp` is the variable that a program tells its version by; empty where it has none.
    """

    name: str
    module: str
    version: str
    checksum: str
    packages: dict[str, str]
    stamp: str = ""

    def source(self) -> Path:
        """Return the folder of the module, which Go's cache has or gets.

        Raises:
            ClusterError: Go cannot get it, is too old for it, or got something else than what is pinned.
        """
        asked = ["go", "mod", "download", "-json", f"{self.module}@v{self.version}"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False)
        answer = json.loads(done.stdout or "{}")
        if "Dir" not in answer:
            said = answer.get("Error") or done.stderr.strip()
            raise ClusterError(f"{self.name} {self.version} cannot be had: {said}")
        if answer["Sum"] != self.checksum:
            raise ClusterError(
                f"{self.name} {self.version}: its source has the checksum {answer['Sum']}, {self.checksum} is pinned"
            )
        return Path(answer["Dir"])

    def compiled(self) -> Path:
        """Return the folder of the programs, compiled first where the cache has none.

        Raises:
            ClusterError: the module cannot be had, or does not compile.
        """
        source = self.source()

        def make(into: Path) -> None:
            say(f"compiling {self.name} {self.version}: several minutes, once")
            stamped = [f"-X {self.stamp}=v{self.version}"] if self.stamp else []
            for program, package in self.packages.items():
                compile_go(source, into / program, stamped, "-mod=readonly", package)

        return cached(f"{self.name}-{self.version}", (source / "go.mod", source / "go.sum"), make)


METRICS_SERVER = GoPrograms(
    name="metrics-server",
    module="sigs.k8s.io/metrics-server",
    version="0.8.0",
    checksum="h1:Zlsi3sBWEtFKCD3+xSysThvXyLQ363rUAlqpnsY5JwI=",
    packages={"metrics-server": "./cmd/metrics-server"},
)
KEDA = GoPrograms(
    name="keda",
    module="github.com/kedacore/keda/v2",
    version="2.21.0",
    checksum="h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=",
    packages={"keda-operator": "./cmd/operator", "keda-adapter": "./cmd/adapter"},
    stamp="github.com/kedacore/keda/v2/version.Version",
)
ARGO_ROLLOUTS = GoPrograms(
    name="argo-rollouts",
    module="github.com/argoproj/argo-rollouts",
    version="1.10.1",
    checksum="h1:6oyVPGiHHxu3ixkT6mngemh88HLPDoTX1IwO6KNR1Y4=",
    packages={"rollouts-controller": "./cmd/rollouts-controller"},
    stamp="github.com/argoproj/argo-rollouts/utils/version.version",
)
"""1.10.2 asks for Go 1.26.10; this one is content with 1.26.1."""
PROMETHEUS_OPERATOR = GoPrograms(
    name="prometheus-operator",
    module="github.com/prometheus-operator/prometheus-operator",
    version="0.85.0",
    checksum="h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
    packages={},
)
"""Its custom resources alone are used."""
KWOK = GoPrograms(
    name="kwok",
    module="sigs.k8s.io/kwok",
    version="0.8.0",
    checksum="h1:OTIOTwgROqPMovcTwxICx2eYQ4AwLpSx5EpjbDKF4SQ=",
    packages={"kwok": "./cmd/kwok"},
)
