"""Tables of the counters of RDMA devices: those of every port, those that adapters have in common, and by driver."""
