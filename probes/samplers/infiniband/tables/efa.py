"""Counters that Amazon's efa alone has, of ports and of the device. Traffic is in traffic.py.

Source: the kernel's drivers/infiniband/hw/efa/efa_verbs.c. All are 64 bits wide; those of the device have no port.
"""

from __future__ import annotations

from probes.samplers.infiniband.tables.rows import hardware

# fmt: off
COUNTERS = (
    hardware("send_bytes", "send_bytes", "Bytes sent by sends."),
    hardware("send_wrs", "sends", "Sends completed."),
    hardware("recv_bytes", "receive_message_bytes", "Bytes received by receives."),
    hardware("recv_wrs", "receives", "Receives completed."),
    hardware("rdma_read_wrs", "rdma_reads", "RDMA reads completed."),
    hardware("rdma_read_bytes", "rdma_read_bytes", "Bytes fetched by RDMA reads."),
    hardware("rdma_read_wr_err", "rdma_read_errors", "RDMA reads that failed."),
    hardware("rdma_read_resp_bytes", "rdma_read_response_bytes", "Bytes handed out to RDMA reads of others."),
    hardware("rdma_write_wrs", "rdma_writes", "RDMA writes completed."),
    hardware("rdma_write_bytes", "rdma_write_bytes", "Bytes sent by RDMA writes."),
    hardware("rdma_write_wr_err", "rdma_write_errors", "RDMA writes that failed."),
    hardware("rdma_write_recv_bytes", "rdma_write_receive_bytes", "Bytes taken in from RDMA writes of others."),
    hardware("retrans_timeout_events", "retransmission_timeouts", "Times that retransmission was given up in time."),
    hardware("unresponsive_remote_events", "unresponsive_remotes", "Times that the other end did not answer."),
    hardware("impaired_remote_conn_events", "impaired_remotes", "Times that the way to the other end was impaired."),
    hardware("submitted_cmds", "commands_submitted", "Commands given to the adapter."),
    hardware("completed_cmds", "commands_completed", "Commands that the adapter completed."),
    hardware("cmds_err", "command_errors", "Commands that the adapter failed."),
    hardware("no_completion_cmds", "commands_lost", "Commands that the adapter never completed."),
    hardware("keep_alive_rcvd", "keep_alives", "Signs of life from the adapter."),
    hardware("alloc_pd_err", "protection_domain_errors", "Protection domains that could not be made."),
    hardware("create_qp_err", "queue_pair_creation_errors", "Queue pairs that could not be made."),
    hardware("create_cq_err", "completion_queue_creation_errors", "Completion queues that could not be made."),
    hardware("reg_mr_err", "memory_registration_errors", "Memory that could not be registered."),
    hardware("alloc_ucontext_err", "context_errors", "Contexts of processes that could not be made."),
    hardware("create_ah_err", "address_handle_errors", "Address handles that could not be made."),
    hardware("mmap_err", "mapping_errors", "Mappings for processes that could not be made."),
)
# fmt: on
