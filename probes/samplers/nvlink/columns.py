"""Which field of NVML each series of a link comes from, in order of preference."""

from __future__ import annotations

from collections.abc import Iterator

from probes.samplers.nvlink import metrics
from probes.sources.nvml import fields
from probes.sources.nvml.columns import Column, Source
from probes.sources.nvml.values import bit_error_ratio

_UP_STATES = (1, 2)
"""Active, and asleep; 3 is a link that is trained and closed for traffic."""
_VERSIONS = {1: 1.0, 2: 2.0, 3: 2.2, 4: 3.0, 5: 3.1, 6: 4.0, 7: 5.0, 8: 6.0}
"""nvmlNvlinkVersion_t."""


def up(state: int | float) -> float:
    """1 for a link that carries traffic or sleeps."""
    return float(state in _UP_STATES)


def version(number: int | float) -> float | None:
    """The version that a number of nvmlNvlinkVersion_t stands for; None for one that is not known here."""
    return _VERSIONS.get(int(number))


def mega(value: int | float) -> float:
    """Bytes per second from NVML's MB/s."""
    return value * 1e6


def fast(gpu: str, link: int) -> Iterator[Column]:
    """State, traffic and errors of one link, for each sample."""
    labels = (gpu, str(link))
    yield Column(metrics.UP, labels, (Source(fields.NVLINK_STATE, link, up),))
    for spec, field, otherwise in (
        (metrics.TRANSMIT, fields.NVLINK_DATA_TX, (Source(fields.NVLINK_XMIT_BYTES, link),)),
        (metrics.RECEIVE, fields.NVLINK_DATA_RX, (Source(fields.NVLINK_RCV_BYTES, link),)),
        (metrics.TRANSMIT_RAW, fields.NVLINK_RAW_TX, ()),
        (metrics.RECEIVE_RAW, fields.NVLINK_RAW_RX, ()),
    ):
        yield Column(spec, labels, (Source(field, link, factor=1024), *otherwise))
    indexed = link < fields.INDEXED_LINKS
    for spec, field, of in (
        (metrics.REPLAYS, fields.NVLINK_DL_REPLAY, fields.replay),
        (metrics.RECOVERIES, fields.NVLINK_DL_RECOVERY, fields.recovery),
    ):
        yield Column(spec, labels, (Source(field, link), *((Source(of(link)),) if indexed else ())))
    yield Column(metrics.CRC, labels, (Source(fields.NVLINK_DL_CRC, link),))
    if indexed:
        yield Column(metrics.CRC_FLIT, labels, (Source(fields.crc_flit(link)),))
        yield Column(metrics.CRC_DATA, labels, (Source(fields.crc_data(link)),))
        yield Column(metrics.ECC_DATA, labels, (Source(fields.ecc_data(link)),))
    for spec, field in metrics.NVLINK_5:
        yield Column(spec, labels, (Source(field, link),))
    for result, field in metrics.RESULTS.items():
        yield Column(metrics.LINK_RECOVERIES, (*labels, result), (Source(field, link),))


def slow(gpu: str, link: int, *, fec: bool) -> Iterator[Column]:
    """Speed, version and measured error ratios of one link, for every `slow_seconds`."""
    labels = (gpu, str(link))
    older = (Source(fields.speed(link), convert=mega),) if link < fields.INDEXED_LINKS else ()
    common = Source(fields.NVLINK_SPEED_COMMON, convert=mega)
    yield Column(metrics.SPEED, labels, (Source(fields.NVLINK_SPEED, link, mega), *older, common))
    yield Column(metrics.VERSION, labels, (Source(fields.NVLINK_VERSION, link, version),))
    yield Column(metrics.EFFECTIVE_BER, labels, (Source(fields.NVLINK_EFFECTIVE_BER, link, bit_error_ratio),))
    yield Column(metrics.SYMBOL_BER, labels, (Source(fields.NVLINK_SYMBOL_BER, link, bit_error_ratio),))
    yield Column(metrics.RAW_BER, labels, (Source(fields.NVLINK_RAW_BER, link, bit_error_ratio),))
    for lane, (errors, ratio) in enumerate(metrics.LANES):
        yield Column(metrics.LANE_RAW_ERRORS, (*labels, str(lane)), (Source(errors, link),))
        yield Column(metrics.LANE_RAW_BER, (*labels, str(lane)), (Source(ratio, link, bit_error_ratio),))
    if fec:
        for errors in range(metrics.FEC_BINS):
            yield Column(metrics.FEC_BLOCKS, (*labels, str(errors)), (Source(fields.NVLINK_FEC_0 + errors, link),))


def c2c(gpu: str, link: int) -> Iterator[Column]:
    """One NVLink-C2C link."""
    labels = (gpu, str(link))
    yield Column(metrics.C2C_UP, labels, (Source(fields.C2C_STATUS, link, up),))
    yield Column(metrics.C2C_SPEED, labels, (Source(fields.C2C_MAX_BANDWIDTH, link, mega),))
    for error, field in metrics.C2C.items():
        yield Column(metrics.C2C_ERRORS, (*labels, error), (Source(field, link),))
