"""What the driver of a RoCE adapter counts: pauses by priority, discards, and bits that came in wrong."""

from __future__ import annotations

from grafana.dashboards.bands import heat
from grafana.dashboards.panels import Query, Section, graph
from grafana.dashboards.variables import HOST

_PREFIX = "fabricscope_roce"


def section() -> Section:
    """Congestion first, then the cable."""
    return Section(
        "RoCE",
        [
            [
                heat(
                    "Which priorities were paused?",
                    "Share of the time, by priority and direction: `received` means that the other end stops this "
                    "host, `sent` that this host stops it. Red is half of the time.",
                    Query(
                        _rate("pfc_receive_pause_seconds", "device, priority"), "{{device}} prio {{priority}} received"
                    ),
                    Query(_rate("pfc_transmit_pause_seconds", "device, priority"), "{{device}} prio {{priority}} sent"),
                    unit="percentunit",
                    highest=0.5,
                ),
                graph(
                    "How many pauses are there?",
                    "Pauses a second by priority, those of the whole link, and storms that the adapter itself noticed. "
                    "Only what moved is drawn.",
                    *_moving(
                        {
                            "pfc_receive_pauses": ("device, priority", "{{device}} prio {{priority}} received"),
                            "pfc_transmit_pauses": ("device, priority", "{{device}} prio {{priority}} sent"),
                            "receive_pauses": ("device", "{{device}} link received"),
                            "transmit_pauses": ("device", "{{device}} link sent"),
                            "pause_storm_warnings": ("device", "{{device}} storm warning"),
                            "pause_storm_errors": ("device", "{{device}} storm"),
                        }
                    ),
                    unit="cps",
                ),
            ],
            [
                graph(
                    "What does the adapter discard?",
                    "Packets a second, by where they were lost. Only what moved is drawn: a lossless network has none.",
                    *_moving(
                        {
                            "receive_discards": ("device", "{{device}} no port buffer"),
                            "receive_priority_discards": ("device, priority", "{{device}} prio {{priority}} discards"),
                            "receive_buffer_drops": ("device, priority", "{{device}} prio {{priority}} buffer full"),
                            "receive_congestion_drops": (
                                "device, priority",
                                "{{device}} prio {{priority}} dropped early",
                            ),
                            "receive_out_of_buffer": ("device", "{{device}} host posted no buffer"),
                            "pcie_buffer_overflows": ("device", "{{device}} PCIe buffer full"),
                            "transmit_discards": ("device", "{{device}} not sent"),
                        }
                    ),
                    unit="pps",
                ),
                graph(
                    "Which priorities carry traffic?",
                    "Received, by priority. RDMA on another priority than the lossless one is a misconfiguration.",
                    Query(
                        f"8 * ({_rate('receive_priority_bytes', 'device, priority')} > 0)",
                        "{{device}} prio {{priority}}",
                    ),
                    unit="bps",
                ),
                graph(
                    "Does the adapter wait for PCIe?",
                    "Share of the last second in which it had no credits to read from, or to write to, the host. A "
                    "host that cannot take in what arrives pauses the network.",
                    Query(f"max by (device) ({_PREFIX}_pcie_write_stalled_ratio{{{HOST}}})", "{{device}} writes"),
                    Query(f"max by (device) ({_PREFIX}_pcie_read_stalled_ratio{{{HOST}}})", "{{device}} reads"),
                    unit="percentunit",
                ),
            ],
            [
                graph(
                    "How many bits come in wrong?",
                    "Bit error ratios before and after error correction. Before it PAM4 links always have some: "
                    "correction begins to fail at 2.4e-4. After it more than 1e-12 loses packets.",
                    Query(f"max by (device) ({_PREFIX}_pre_fec_bit_error_ratio{{{HOST}}})", "{{device}} before FEC"),
                    Query(f"max by (device) ({_PREFIX}_post_fec_bit_error_ratio{{{HOST}}})", "{{device}} after FEC"),
                    unit="sci",
                    logarithmic=True,
                ),
                heat(
                    "Which lane has the errors?",
                    "Wrong bits a second before error correction. One lane alone is a fibre or a laser; all lanes of a "
                    "port are the connector or the module.",
                    Query(_rate("lane_errors", "device, lane"), "{{device}} lane {{lane}}"),
                    unit="cps",
                ),
                graph(
                    "What else goes wrong on the cable?",
                    "A second; only what moved is drawn. Packets that were marked bad on their way point further off.",
                    *_moving(
                        {
                            "fec_uncorrectable_blocks": ("device", "{{device}} blocks not corrected"),
                            "pcs_symbol_errors": ("device", "{{device}} symbols wrong after FEC"),
                            "symbol_errors": ("device", "{{device}} packets with symbol errors"),
                            "crc_errors": ("device", "{{device}} bad checksum"),
                            "stomped_crc_packets": ("device", "{{device}} marked bad further off"),
                            "local_faults": ("device", "{{device}} local faults"),
                            "remote_faults": ("device", "{{device}} remote faults"),
                            "link_down_events": ("device", "{{device}} link down"),
                            "module_high_temperature": ("device", "{{device}} module too hot"),
                            "module_bus_stuck": ("device", "{{device}} module's bus stuck"),
                        }
                    ),
                    unit="cps",
                ),
            ],
        ],
    )


def _rate(counter: str, by: str) -> str:
    return f"max by ({by}) (rate({_PREFIX}_{counter}_total{{{HOST}}}[$__rate_interval]))"


def _moving(counters: dict[str, tuple[str, str]]) -> list[Query]:
    """A query for each counter, for the series that moved: most of them stand still."""
    return [Query(f"topk(10, {_rate(counter, by)} > 0)", legend) for counter, (by, legend) in counters.items()]
