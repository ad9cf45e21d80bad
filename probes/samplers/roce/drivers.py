"""Which statistics of which driver are reported, and as what. A driver is a table here; what is in none is left out.

The names are the kernel's: drivers/net/ethernet/mellanox/mlx5/core/en_stats.c, broadcom/bnxt/bnxt_ethtool.c,
intel/ice/ice_ethtool.c, pensando/ionic/ionic_stats.c, amazon/ena/ena_ethtool.c. What the metrics are: metrics.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Rows = Sequence[tuple[str, str] | tuple[str, str, str]]
"""A statistic's name, or a pattern with one place such as `{priority}` for the value of that label; the metric's name
without `fabricscope_roce_`; and the label's value where the name has no place for it."""

# fmt: off
_MLX5: Rows = (
    # Those by priority exist for the priorities that flow control is switched on for.
    ("rx_prio{priority}_pause", "pfc_receive_pauses_total"),
    ("tx_prio{priority}_pause", "pfc_transmit_pauses_total"),
    ("rx_prio{priority}_pause_duration", "pfc_receive_pause_seconds_total"),
    ("tx_prio{priority}_pause_duration", "pfc_transmit_pause_seconds_total"),
    ("rx_prio{priority}_pause_transition", "pfc_receive_pause_transitions_total"),
    ("tx_pause_storm_warning_events", "pause_storm_warnings_total"),
    ("tx_pause_storm_error_events", "pause_storm_errors_total"),
    # rx_global_pause counts the same as rx_pause_ctrl_phy, and is there only while global pauses are on.
    ("rx_pause_ctrl_phy", "receive_pauses_total"),
    ("tx_pause_ctrl_phy", "transmit_pauses_total"),
    ("rx_global_pause_duration", "receive_pause_seconds_total"),
    ("tx_global_pause_duration", "transmit_pause_seconds_total"),
    ("rx_global_pause_transition", "receive_pause_transitions_total"),
    ("rx_discards_phy", "receive_discards_total"),
    ("tx_discards_phy", "transmit_discards_total"),
    ("rx_prio{priority}_discards", "receive_priority_discards_total"),
    ("rx_prio{priority}_buf_discard", "receive_buffer_drops_total"),
    ("rx_prio{priority}_cong_discard", "receive_congestion_drops_total"),
    ("rx_out_of_buffer", "receive_out_of_buffer_total"),
    ("rx_steer_missed_packets", "receive_steering_misses_total"),
    ("dev_internal_queue_oob", "internal_queue_out_of_buffer_total"),
    ("rx_buffer_passed_thres_phy", "receive_buffer_threshold_passes_total"),
    ("rx_ecn_mark", "ecn_marked_packets_total"),
    ("rx_prio{priority}_marked", "priority_ecn_marked_packets_total"),
    ("rx_prio{priority}_bytes", "receive_priority_bytes_total"),
    ("tx_prio{priority}_bytes", "transmit_priority_bytes_total"),
    ("rx_prio{priority}_packets", "receive_priority_packets_total"),
    ("tx_prio{priority}_packets", "transmit_priority_packets_total"),
    ("rx_vport_rdma_unicast_bytes", "receive_rdma_bytes_total"),
    ("tx_vport_rdma_unicast_bytes", "transmit_rdma_bytes_total"),
    ("rx_vport_rdma_unicast_packets", "receive_rdma_packets_total"),
    ("tx_vport_rdma_unicast_packets", "transmit_rdma_packets_total"),
    ("rx_bits_phy", "receive_physical_bytes_total"),
    ("rx_corrected_bits_phy", "corrected_bit_errors_total"),
    ("rx_err_lane_{lane}_phy", "lane_errors_total"),
    ("rx_pcs_symbol_err_phy", "pcs_symbol_errors_total"),
    ("rx_symbol_err_phy", "symbol_errors_total"),
    ("rx_crc_errors_phy", "crc_errors_total"),
    ("link_down_events_phy", "link_down_events_total"),
    ("module_unplug", "module_unplugs_total"),
    ("module_bus_stuck", "module_bus_stuck_total"),
    ("module_high_temp", "module_high_temperature_total"),
    ("module_bad_shorted", "module_shorted_total"),
    ("outbound_pci_stalled_rd", "pcie_read_stalled_ratio"),
    ("outbound_pci_stalled_wr", "pcie_write_stalled_ratio"),
    ("outbound_pci_stalled_rd_events", "pcie_read_stall_events_total"),
    ("outbound_pci_stalled_wr_events", "pcie_write_stall_events_total"),
    ("outbound_pci_buffer_overflow", "pcie_buffer_overflows_total"),
    ("rx_pci_signal_integrity", "pcie_receive_signal_errors_total"),
    ("tx_pci_signal_integrity", "pcie_transmit_signal_errors_total"),
)
_BNXT: Rows = (
    ("rx_pfc_ena_frames_pri{priority}", "pfc_receive_pauses_total"),
    ("tx_pfc_ena_frames_pri{priority}", "pfc_transmit_pauses_total"),
    ("pfc_pri{priority}_rx_duration_us", "pfc_receive_pause_seconds_total"),
    ("pfc_pri{priority}_tx_duration_us", "pfc_transmit_pause_seconds_total"),
    ("pfc_pri{priority}_rx_transitions", "pfc_receive_pause_transitions_total"),
    ("pfc_pri{priority}_tx_transitions", "pfc_transmit_pause_transitions_total"),
    ("rx_pfc_frames", "pfc_receive_frames_total"),
    ("tx_pfc_frames", "pfc_transmit_frames_total"),
    ("continuous_roce_pause_events", "pause_storm_reliefs_total"),
    ("rx_pause_frames", "receive_pauses_total"),
    ("tx_pause_frames", "transmit_pauses_total"),
    ("rx_stat_discard", "receive_discards_total"),
    ("tx_stat_discard", "transmit_discards_total"),
    ("rx_discard_packets_cos{queue}", "receive_queue_discards_total"),
    ("rx_buffer_passed_threshold", "receive_buffer_threshold_passes_total"),
    ("rx_bytes_pri{priority}", "receive_priority_bytes_total"),
    ("tx_bytes_pri{priority}", "transmit_priority_bytes_total"),
    ("rx_packets_pri{priority}", "receive_priority_packets_total"),
    ("tx_packets_pri{priority}", "transmit_priority_packets_total"),
    ("rx_bits", "receive_physical_bytes_total"),
    ("rx_corrected_bits", "corrected_bit_errors_total"),
    ("rx_pcs_symbol_err", "pcs_symbol_errors_total"),
    ("rx_fec_corrected_blocks", "fec_corrected_blocks_total"),
    ("rx_fec_uncorrectable_blocks", "fec_uncorrectable_blocks_total"),
    ("rx_fcs_err_frames", "crc_errors_total"),
    ("link_down_events", "link_down_events_total"),
)
_ICE: Rows = (
    ("rx_priority_{priority}_xoff.nic", "pfc_receive_pauses_total"),
    ("tx_priority_{priority}_xoff.nic", "pfc_transmit_pauses_total"),
    ("rx_priority_{priority}_xon.nic", "pfc_receive_resumes_total"),
    ("tx_priority_{priority}_xon.nic", "pfc_transmit_resumes_total"),
    ("link_xoff_rx.nic", "receive_pauses_total"),
    ("link_xoff_tx.nic", "transmit_pauses_total"),
    ("link_xon_rx.nic", "receive_resumes_total"),
    ("link_xon_tx.nic", "transmit_resumes_total"),
    ("rx_dropped.nic", "receive_discards_total"),
    ("tx_dropped_link_down.nic", "transmit_discards_total"),
    ("rx_crc_errors.nic", "crc_errors_total"),
    ("mac_local_faults.nic", "local_faults_total"),
    ("mac_remote_faults.nic", "remote_faults_total"),
)
_IONIC: Rows = (
    ("rx_pripause_{priority}_1us_count", "pfc_receive_pause_seconds_total"),
    ("tx_pripause_{priority}_1us_count", "pfc_transmit_pause_seconds_total"),
    ("frames_rx_pripause", "pfc_receive_frames_total"),
    ("frames_tx_pripause", "pfc_transmit_frames_total"),
    ("frames_rx_pause", "receive_pauses_total"),
    ("frames_tx_pause", "transmit_pauses_total"),
    ("rx_pause_1us_count", "receive_pause_seconds_total"),
    ("frames_rx_dropped", "receive_discards_total"),
    ("hw_tx_dropped", "transmit_discards_total"),
    ("hw_rx_over_errors", "receive_out_of_buffer_total"),
    ("frames_rx_pri_{priority}", "receive_priority_packets_total"),
    ("frames_tx_pri_{priority}", "transmit_priority_packets_total"),
    ("rx_bits_phy", "receive_physical_bytes_total"),
    ("frames_rx_bad_fcs", "crc_errors_total"),
    ("frames_rx_stomped_crc", "stomped_crc_packets_total"),
)
_ENA: Rows = (
    ("bw_in_allowance_exceeded", "allowance_exceeded_packets_total", "bandwidth_in"),
    ("bw_out_allowance_exceeded", "allowance_exceeded_packets_total", "bandwidth_out"),
    ("pps_allowance_exceeded", "allowance_exceeded_packets_total", "packets"),
    ("conntrack_allowance_exceeded", "allowance_exceeded_packets_total", "connections"),
    ("linklocal_allowance_exceeded", "allowance_exceeded_packets_total", "link_local"),
    ("ena_srd_rx_pkts", "receive_srd_packets_total"),
    ("ena_srd_tx_pkts", "transmit_srd_packets_total"),
    ("ena_srd_eligible_tx_pkts", "transmit_srd_eligible_packets_total"),
)
# fmt: on

DRIVERS: Mapping[str, Rows] = {"mlx5_core": _MLX5, "bnxt_en": _BNXT, "ice": _ICE, "ionic": _IONIC, "ena": _ENA}
"""By the name that a driver gives itself."""
