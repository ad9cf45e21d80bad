"""Every metric of RDMA devices, and which file each comes from: the tables put together, and what is not a counter.

A new counter is a new row in one of the tables.
"""

from __future__ import annotations

from fabricscope.model import Kind, MetricSpec, Watch
from probes.samplers.infiniband.tables import bnxt_re, efa, ionic, irdma, port, traffic, transport
from probes.samplers.infiniband.tables.rows import PORT_LABELS

COUNTERS = (
    *port.COUNTERS,
    *transport.COUNTERS,
    *traffic.COUNTERS,
    *bnxt_re.COUNTERS,
    *irdma.COUNTERS,
    *ionic.COUNTERS,
    *efa.COUNTERS,
)
BY_FILE = {(row.directory, file): row.spec for row in COUNTERS for file in row.files}
CLASSIC_CEILING = (1 << 32) - 1
NARROW_IN_CLASSIC_SET = frozenset(
    BY_FILE["counters", file] for file in ("port_xmit_data", "port_rcv_data", "port_xmit_packets", "port_rcv_packets")
)


def _gauge(
    file: str,
    name: str,
    text: str,
    labels: tuple[str, ...] = PORT_LABELS,
    *,
    unit: str = "",
    alias: str = "",
    watch: Watch | None = None,
) -> MetricSpec:
    return MetricSpec(
        f"fabricscope_infiniband_{name}",
        Kind.GAUGE,
        text,
        labels,
        unit=unit,
        source=f"/sys/class/infiniband/{file}",
        watch=watch,
        link="infiniband" if watch else "",
        aliases=(f"node_infiniband_{alias}",) if alias else (),
    )


# fmt: off
_PORT_PATH = "<device>/ports/<port>"
UP = _gauge(f"{_PORT_PATH}/state", "port_up", "1 when the port is active: its link is up and configured.",
            watch=Watch.UP_DOWN)
STATE = _gauge(f"{_PORT_PATH}/state", "port_state", "1 down, 2 initializing, 3 armed, 4 active, 5 active deferred.",
               alias="state_id")
PHYSICAL_STATE = _gauge(f"{_PORT_PATH}/phys_state", "port_physical_state",
                        "1 sleep, 2 polling, 3 disabled, 4 training, 5 link up, 6 error recovery, 7 test.",
                        alias="physical_state_id")
RATE = _gauge(f"{_PORT_PATH}/rate", "port_rate_bytes_per_second",
              "Signalling rate, of all lanes together; stale while the port is down.", unit="bytes_per_second",
              alias="rate_bytes_per_second", watch=Watch.CHANGE)
LANES = _gauge(f"{_PORT_PATH}/rate", "port_lanes", "Lanes in use; stale while the port is down.")
LIFESPAN = _gauge(f"{_PORT_PATH}/hw_counters/lifespan", "port_statistics_lifespan_seconds",
                  "Setting of the kernel: how long it answers reads of hw_counters from memory.", unit="seconds",
                  alias="lifespan_seconds")
PORT_INFO = _gauge(_PORT_PATH, "port_info", "Always 1; the labels say what the port is. `link_layer` is InfiniBand or "
                   "Ethernet (RoCE), `netdev` the interface of a RoCE port.",
                   (*PORT_LABELS, "link_layer", "netdev", "lid", "gid"))
DEVICE_INFO = _gauge("<device>", "device_info", "Always 1; the labels say what the device is.",
                     ("device", "firmware", "hca_type", "board_id", "node_guid", "bus_address"), alias="info")
PORTS_LEFT_OUT = _gauge("", "ports_left_out", "Ports that the settings choose and max_ports leaves out.", ())
# fmt: on

GAUGES = (UP, STATE, PHYSICAL_STATE, RATE, LANES, LIFESPAN, PORT_INFO, DEVICE_INFO, PORTS_LEFT_OUT)
