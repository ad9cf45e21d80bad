"""PCIe traffic by GPU performance monitoring (nvmlGpm..., Hopper and later), in the child.

GPM gives averages between two samples that are taken at different times, so it does not wait. The counters that some
drivers have instead (NVML_FI_DEV_PCIE_COUNT_TX_BYTES) may be 32 bits wide: less than a second of PCIe 5 traffic.
"""

from __future__ import annotations

from probes.sources.nvml import codes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def question(nvml: Any) -> Any:
    """What to make of two samples: all but the samples."""
    asked = nvml.c_nvmlGpmMetricsGet_t()
    asked.version, asked.numMetrics = nvml.NVML_GPM_METRICS_GET_VERSION, 2
    asked.metrics[0].metricId = nvml.NVML_GPM_METRIC_PCIE_TX_PER_SEC
    asked.metrics[1].metricId = nvml.NVML_GPM_METRIC_PCIE_RX_PER_SEC
    return asked


class PcieRates:
    """The last GPM sample of one GPU."""

    def __init__(self, nvml: Any, asked: Any) -> None:
        """`asked` is a `question`: one does for all GPUs, since it is 19 KiB."""
        self._nvml = nvml
        self._asked = asked
        self._last: Any = None
        """None until a sample was taken."""
        self._buffers: list[Any] = []
        """Two of the library's samples, made once: it keeps each until it is told to free it."""
        self._refused = 0
        """Why there is no GPM here; 0 while there is."""

    def read(self, handle: Any) -> list[float]:
        """MiB a second that the GPU sent and received since the last call. Raises NVMLError.

        NO_DATA at the first call, which only takes a sample.
        """
        nvml = self._nvml
        if self._refused:
            raise nvml.NVMLError(self._refused)
        if self._last is None:
            self._begin(handle)
            raise nvml.NVMLError(codes.NO_DATA)
        spare = self._buffers[0] if self._last is self._buffers[1] else self._buffers[1]
        nvml.nvmlGpmSampleGet(handle, spare)
        asked = self._asked
        asked.sample1, asked.sample2 = self._last, spare
        answers = asked.metrics[:2]
        for metric in answers:
            metric.nvmlReturn = codes.UNKNOWN
        nvml.nvmlGpmMetricsGet(asked)
        self._last = spare
        for metric in answers:
            if metric.nvmlReturn:
                raise nvml.NVMLError(metric.nvmlReturn)
        return [float(metric.value) for metric in answers]

    def _begin(self, handle: Any) -> None:
        nvml = self._nvml
        try:
            self._require(handle)
            while len(self._buffers) < 2:
                self._buffers.append(nvml.nvmlGpmSampleAlloc())
            nvml.nvmlGpmSampleGet(handle, self._buffers[0])
        except nvml.NVMLError as error:
            # Asked for once a start: a permission or a feature does not come while the library is open.
            if error.value in codes.UNSUPPORTED:
                self._refused = int(error.value)
            raise
        self._last = self._buffers[0]

    def _require(self, handle: Any) -> None:
        nvml = self._nvml
        if not nvml.nvmlGpmQueryDeviceSupport(handle).isSupportedDevice:
            raise nvml.NVMLError(nvml.NVML_ERROR_NOT_SUPPORTED)
