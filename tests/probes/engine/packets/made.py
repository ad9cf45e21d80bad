"""Decoded frames, for tests."""

from __future__ import annotations

from probes.engine.packets import Decoder, Frame, Packet, Undecodable


def decoded(octets: bytes, link: int = 1, wire: int | None = None, decoder: Decoder | None = None) -> Packet:
    frame = Frame(5, len(octets) if wire is None else wire, link, octets)
    return (decoder or Decoder()).decode(frame)


def reason(octets: bytes, link: int = 1, wire: int | None = None) -> str:
    """Why a frame cannot be decoded; empty when it can."""
    try:
        decoded(octets, link, wire)
    except Undecodable as error:
        return error.reason.value
    return ""
