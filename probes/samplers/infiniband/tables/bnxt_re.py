"""Counters that Broadcom's bnxt_re alone has; what others count as well is in transport.py and traffic.py.

Source: the kernel's drivers/infiniband/hw/bnxt_re/hw_counters.c. All are 64 bits wide. Those that begin with `res_`
say why the responder refused something.
"""

from __future__ import annotations

from probes.samplers.infiniband.tables.rows import Counter, hardware


def _refused(file: str, name: str, why: str) -> Counter:
    return hardware(file, f"responder_{name}", f"Requests refused here: {why}.")


# fmt: off
COUNTERS = (
    hardware("recoverable_errors", "recoverable_errors", "Errors from which the adapter recovered."),
    hardware("unrecoverable_err", "unrecoverable_errors", "Errors from which the adapter did not recover."),
    hardware("missing_resp", "missing_responses", "Responses that did not come, as a later one showed."),
    _refused("res_exceed_max", "maximum_exceeded", "more than the maximum was asked for"),
    _refused("res_exceeds_wqe", "receive_exceeded", "the message did not fit the posted receive"),
    _refused("res_opcode_err", "opcode_errors", "an operation that does not fit the one before"),
    _refused("res_unsup_opcode", "unsupported_opcodes", "an operation that is not supported"),
    _refused("res_rx_invalid_rkey", "write_invalid_keys", "a write with an invalid remote key"),
    _refused("res_rx_domain_err", "write_domain_errors", "a write to memory of another protection domain"),
    _refused("res_rx_no_perm", "write_permission_errors", "a write to memory that does not permit it"),
    _refused("res_rx_range_err", "write_range_errors", "a write beyond the registered memory"),
    _refused("res_tx_invalid_rkey", "read_invalid_keys", "a read with an invalid remote key"),
    _refused("res_tx_domain_err", "read_domain_errors", "a read from memory of another protection domain"),
    _refused("res_tx_no_perm", "read_permission_errors", "a read from memory that does not permit it"),
    _refused("res_tx_range_err", "read_range_errors", "a read beyond the registered memory"),
    _refused("res_irrq_oflow", "read_queue_overflows", "more reads under way than were agreed on"),
    _refused("res_unaligned_atomic", "unaligned_atomics", "an atomic operation on an unaligned address"),
    _refused("res_rem_inv_err", "remote_invalidate_errors", "a key that could not be invalidated"),
    _refused("res_invalid_dup_rkey", "duplicate_invalid_keys", "a repeated request with an invalid remote key"),
    _refused("res_mem_err", "memory_errors", "an error of the adapter's memory"),
    _refused("res_srq_err", "shared_queue_errors", "an error of the shared receive queue"),
    _refused("res_srq_load_err", "shared_queue_load_errors", "the shared receive queue could not be loaded"),
    _refused("res_cmp_err", "completion_queue_errors", "an error of the completion queue"),
    _refused("res_cq_load_err", "completion_queue_load_errors", "the completion queue could not be loaded"),
    _refused("res_wqe_format_err", "receive_format_errors", "a posted receive that made no sense"),
    _refused("res_tx_pci_err", "pcie_read_errors", "a PCIe error while the host's memory was read"),
    _refused("res_rx_pci_err", "pcie_write_errors", "a PCIe error while the host's memory was written"),
    hardware("pacing_alerts", "doorbell_pacing_alerts", "Times that the doorbell queue was so full that senders were "
             "slowed."),
    hardware("pacing_reschedule", "doorbell_pacing_reschedules", "Times that slowing of senders was prolonged."),
    hardware("pacing_complete", "doorbell_pacing_completions", "Times that slowing of senders ended."),
)
# fmt: on
