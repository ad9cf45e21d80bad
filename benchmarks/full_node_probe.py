"""The command line of a probe on the made-up node of tests/fixtures/full_node.py.

    python -m benchmarks.full_node_probe probe --config FILE

What comes from files or from NVML is read as ever (settings say where); what a kernel would answer through sockets,
which takes hardware, is answered by the fixture at the same place in the code. Nothing else differs from `fabricscope`.
"""

from __future__ import annotations

from typing import Any

from fabricscope.cli import main
from probes.samplers import ethernet, optics, roce
from probes.sources.ethtool import Ethtool
from tests.fixtures import full_node


class Ethernet(ethernet.EthernetSampler):
    """Interfaces of the node."""

    def __init__(self, settings: Any, roots: Any) -> None:
        super().__init__(settings, roots, full_node.dump)


class Optics(optics.OpticsSampler):
    """Modules of the node."""

    def __init__(self, settings: Any, roots: Any) -> None:
        super().__init__(settings, roots, full_node.dump, full_node.modules())


class Roce(roce.RoceSampler):
    """Driver statistics of the node."""

    def __init__(self, settings: Any, roots: Any) -> None:
        super().__init__(settings, roots, Ethtool(full_node.Statistics()))


if __name__ == "__main__":
    # Where the entry points look.
    ethernet.EthernetSampler = Ethernet  # type: ignore[assignment,misc]
    optics.OpticsSampler = Optics  # type: ignore[assignment,misc]
    roce.RoceSampler = Roce  # type: ignore[assignment,misc]
    main()
