"""NVIDIA's management library (NVML), owned by a child process that can be killed when the driver hangs."""
