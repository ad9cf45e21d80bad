"""RDMA on the wire in plain Python: packets to connections, the specification of engine/src/rdma."""
