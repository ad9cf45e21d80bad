"""What SONiC's decoder (sonic_xcvr) says of a module, asked of ours: one answer for each of its keys.

It gives three decimals, powers in dBm (in milliwatts where it lists them) and currents in milliamperes; "N/A" is our
None. Keys that are settings of the host, or that name what no metric is made of, are NOT_DECODED.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from typing import Any

from probes.sources.eeprom import cmis
from probes.sources.eeprom.memory import Memory
from probes.sources.eeprom.module import Measurement, Module, Thresholds

NOT_DECODED = re.compile(
    r"type|encoding|ext_identifier|ext_rateselect_compliance|nominal_bit_rate|is_flat_memory|"
    r"active_apsel_hostlane\d+|[tr]x\d+OutputStatus(Hostlane)?|config_state_hostlane\d+|dpdeinit_hostlane\d+|"
    r"dpinit_pending_hostlane\d+"
)
"""Settings of the host, what follows from other keys, and power classes."""

FORM_FACTORS = {"QSFP+C": "QSFP", "OSFP-8X": "OSFP"}
CONNECTORS = {"Unknown or unspecified": "", "No separable connector": "no separable connector", "Unknown": ""}
STATES = {"low power": "ModuleLowPwr", "ready": "ModuleReady"}
DATA_PATHS = {
    "deactivated": "DataPathDeactivated",
    "init": "DataPathInit",
    "deinit": "DataPathDeinit",
    "activated": "DataPathActivated",
    "turning on": "DataPathTxTurnOn",
    "turning off": "DataPathTxTurnOff",
    "initialized": "DataPathInitialized",
}
LEVELS = {"HAlarm": "high_alarm", "LAlarm": "low_alarm", "HWarn": "high_warning", "LWarn": "low_warning"}
LIMITS = {
    "highalarm": "high_alarm",
    "lowalarm": "low_alarm",
    "highwarning": "high_warning",
    "lowwarning": "low_warning",
}
QUANTITIES = {
    "temp": "temperature",
    "vcc": "supply",
    "rxpower": "receive_power",
    "txpower": "transmit_power",
    "txbias": "bias",
    "lasertemp": "laser_temperature",
}
SIGNALS = {
    "fault": "transmit_fault",
    "rxlos": "receive_los",
    "los_hostlane": "transmit_los",
    "cdrlol_hostlane": "transmit_lol",
    "_eq_fault": "transmit_equalizer_fault",
    "cdrlol": "receive_lol",
}
STATISTICS = {"curr": "current", "min": "minimum", "max": "maximum", "avg": "average"}
OBSERVED = {
    "eSNR": "snr",
    "PAM4 Level Transition Parameter": "level_transition",
    "Pre-FEC BER": "bit_error_ratio",
    "Errored Frames": "frame_error_ratio",
}


class Answers:
    """Ours, in their words."""

    def __init__(self, module: Module, memory: Memory) -> None:
        self.module = module
        self.now: Measurement = module.measure(memory)
        self.flags = {(flag.name, flag.lane): flag.raised for flag in self.now.flags}
        # They take these from versatile diagnostics alone.
        observed = self.now.observed if getattr(module, "groups", ()) else ()
        self.observed = {(o.name, o.statistic, o.side, o.lane): o.value for o in observed}
        self.decimals = 4 if module.identity.standard.startswith("CMIS") else 3

    def info(self, key: str, theirs: Any) -> tuple[Any, Any]:
        """Ours and theirs of `get_transceiver_info`, both made alike."""
        identity = self.module.identity
        applications = {one.number: one for one in identity.applications}
        match key:
            case "type_abbrv_name":
                ours = identity.form_factor
                return ("SFP" if ours.startswith("SFP") and len(ours) < 6 else ours), FORM_FACTORS.get(theirs, theirs)
            case "serial" | "manufacturer" | "model" | "vendor_rev":
                named = {"manufacturer": "vendor", "model": "part", "vendor_rev": "revision"}
                return getattr(identity, named.get(key, key)), theirs.strip(" \0")
            case "connector":
                return identity.connector, CONNECTORS.get(theirs, theirs)
            case "vendor_date":
                return identity.date, theirs.rstrip() if theirs[2:4].isdigit() else ""
            case "vendor_oui":
                return identity.oui.replace(":", "-"), theirs
            case "hardware_rev":
                return identity.hardware, theirs
            case "cmis_rev":
                return identity.standard.removeprefix("CMIS "), theirs
            case "host_lane_count":
                return getattr(applications.get(1), "host_lanes", None), theirs
            case "media_lane_count":
                return getattr(applications.get(1), "media_lanes", None), known(theirs)
            case "media_interface_technology":
                return identity.technology.replace(",", "").lower(), theirs.lower().replace("others", "other")
            case "vdm_supported":
                return bool(getattr(self.module, "groups", ())), theirs
        raise KeyError(key)

    def length(self, cable_type: str, theirs: float) -> tuple[Any, Any]:
        """Theirs is a number of what stands in brackets behind the kind of fibre."""
        kind, unit = re.fullmatch(r"Length (.*)\((?:(\d+)?k?m)\)", cable_type).groups()  # type: ignore[union-attr]
        lengths = self.module.identity.lengths
        name = "cable" if kind == "Cable Assembly" else kind
        return lengths.get(name, 0.0), theirs * float(unit or 1)

    def applications(self, theirs: str) -> list[tuple[str, Any, Any]]:
        """Ours and theirs of each application that they list."""
        ours = {one.number: one for one in self.module.identity.applications}
        rows: list[tuple[str, Any, Any]] = []
        for number, row in ast.literal_eval(theirs).items():
            one = ours.get(number)
            got = one and (plain(one.host), plain(one.media), one.host_lanes, one.media_lanes, one.host_options)
            names = (plain(row["host_electrical_interface_id"]), plain(row["module_media_interface_id"]))
            counts = (row["host_lane_count"], row["media_lane_count"], row["host_lane_assignment_options"])
            rows.append((f"application {number}", got, (*names, *counts)))
            rows.append(
                (
                    f"application {number} media lanes",
                    one and one.media_options,
                    row.get("media_lane_assignment_options"),
                )
            )
        return rows

    def real(self, key: str) -> Any:
        """Of `get_transceiver_dom_real_value`."""
        match key:
            case "temperature":
                return rounded(self.now.temperature)
            case "voltage":
                return rounded(self.now.supply)
            case "laser_temperature":
                return rounded(self.now.laser_temperature, 6)
        side, lane, quantity = re.fullmatch(r"([rt]x)(\d+)(power|bias)", key).groups()  # type: ignore[union-attr]
        if quantity == "bias":
            return milli(self.now.bias.get(int(lane)))
        powers = self.now.receive_power if side == "rx" else self.now.transmit_power
        watts = powers.get(int(lane))
        # Those of SFF modules they round to a microwatt before they take the logarithm.
        return dbm(watts if watts is None or self.decimals == 4 else round(watts, 6))

    def limit(self, key: str) -> Any:
        """Of `get_transceiver_threshold_info`."""
        name, level = re.fullmatch(r"(.*?)((?:high|low)(?:alarm|warning))", key).groups()  # type: ignore[union-attr]
        limits: Thresholds | None = self.module.thresholds.get(QUANTITIES[name])
        value = None if limits is None else getattr(limits, LIMITS[level])
        return dbm(value) if name.endswith("power") else milli(value) if name == "txbias" else rounded(value)

    def status(self, key: str, theirs: Any) -> tuple[Any, Any]:
        """Ours and theirs of `get_transceiver_status`."""
        if key == "module_state":
            return STATES.get(cmis.MODULE_STATES.get(self.now.state or 0, ""), "Unknown"), theirs
        if key == "module_fault_cause":
            cause = cmis.FAULT_CAUSES.get(-1 if self.now.fault is None else self.now.fault)
            return cause, {"No Fault detected": "none"}.get(theirs, theirs)
        if found := re.fullmatch(r"DP(\d)State", key):
            return self.data_path(int(found[1])), theirs
        if found := re.fullmatch(r"tx(\d)disable", key):
            return self.flags.get(("transmit_disabled", int(found[1]))), known(theirs)
        if key == "tx_disabled_channel":
            lanes = [(lane, raised) for (name, lane), raised in self.flags.items() if name == "transmit_disabled"]
            return sum(raised << (lane - 1) for lane, raised in lanes) if lanes else None, known(theirs)
        raise KeyError(key)

    def data_path(self, lane: int) -> str:
        """The state of a host lane."""
        return DATA_PATHS.get(cmis.DATA_PATH_STATES.get(self.now.data_paths.get(lane, 0), ""), "Unknown")

    def flag(self, key: str) -> bool | None:
        """Of `get_transceiver_status_flags` and `get_transceiver_dom_flags`."""
        whole = {
            "datapath_firmware_fault": "data_path_firmware_error",
            "module_firmware_fault": "module_firmware_error",
        }
        if key in whole or key == "module_state_changed":
            return self.flags.get((whole.get(key, key), 0))
        if found := re.fullmatch(r"([rt]x)(\d+)(los|fault|los_hostlane|cdrlol_hostlane|_eq_fault|cdrlol)", key):
            name = SIGNALS["rxlos" if found[3] == "los" else found[3]]
            return self.flags.get((name, int(found[2])))
        if found := re.fullmatch(r"(temp|vcc|lasertemp)([HL](?:Alarm|Warn))", key):
            return self.flags.get((f"{QUANTITIES[found[1]]}_{LEVELS[found[2]]}", 0))
        if found := re.fullmatch(r"([rt]x)(\d+)(power|bias)([HL](?:Alarm|Warn))", key):
            return self.flags.get((f"{QUANTITIES[found[1] + found[3]]}_{LEVELS[found[4]]}", int(found[2])))
        raise KeyError(key)

    def diagnostic(self, key: str) -> float | None:
        """Of `get_transceiver_vdm_real_value`."""
        if found := re.fullmatch(r"laser_temperature_media(\d+)", key):
            return self.observed.get(("laser_temperature", "current", "media", int(found[1])))
        found = re.fullmatch(
            r"(esnr|pam4_level_transition|prefec_ber|errored_frames)_(?:(curr|min|max|avg)_)?"
            r"(media|host)_input(\d+)",
            key,
        )
        if not found:
            raise KeyError(key)
        names = {"esnr": "snr", "pam4_level_transition": "level_transition", "prefec_ber": "bit_error_ratio"}
        name = names.get(found[1], "frame_error_ratio")
        return rounded(self.observed.get((name, STATISTICS[found[2] or "curr"], found[3], int(found[4]))), 6)

    def observable(self, name: str, lane: int) -> float | None:
        """Of `get_vdm`, whose names are such as `Pre-FEC BER Current Value Media Input`; lane 16 is all lanes."""
        found = re.fullmatch(
            r"(eSNR|PAM4 Level Transition Parameter|Pre-FEC BER|Errored Frames) ?"
            r"(Minimum|Maximum|Average|Current Value|) ?(Media|Host) Input(?: \[dB\])?",
            name,
        )
        if not found:
            raise KeyError(name)
        statistic = (found[2] or "Current").split()[0].lower()
        key = (OBSERVED[found[1]], statistic, found[3].lower(), 0 if lane == 16 else lane)
        return rounded(self.observed.get(key), 6)

    def lanes(self, key: str, count: int) -> list[Any]:
        """Of `get_tx_bias` and so on: a list by lane, powers in milliwatts."""
        ways: dict[str, Callable[[int], Any]] = {
            "get_tx_bias": lambda lane: milli(self.now.bias.get(lane)),
            "get_tx_power": lambda lane: rounded(scaled(self.now.transmit_power.get(lane)), self.decimals),
            "get_rx_power": lambda lane: rounded(scaled(self.now.receive_power.get(lane)), self.decimals),
            "get_rx_los": lambda lane: self.flags.get(("receive_los", lane)),
            "get_tx_fault": lambda lane: self.flags.get(("transmit_fault", lane)),
        }
        return [ways[key](lane) for lane in range(1, count + 1)]


def known(theirs: Any) -> Any:
    """Theirs, with None for what they do not have."""
    return None if theirs == "N/A" else theirs


def plain(name: str) -> str:
    """An interface's name in our words: without clauses and annexes, and without the older of two names."""
    name = re.sub(r"\s*\((Cl|Clause|Annex)\s?[^)]*\)", "", name)
    name = {"Undefined": "", "400G-FR4/400GBASE-FR4": "400GBASE-FR4", "100G CWDM4 MSA Spec": "100G-CWDM4"}.get(
        name, name
    )
    name = {"100G-FR/100GBASE-FR1": "100GBASE-FR1", "400G CR8": "400G-CR8"}.get(name, name)
    name = name.replace("with RS(528,514) FEC", "with RS FEC").replace("800GAUI-8 ", "800GAUI-8-")
    return name[:1].lower() + name[1:] if name == "Copper cable" else name


def rounded(value: float | None, decimals: int = 3) -> float | None:
    """As many decimals as they give."""
    return None if value is None else float(f"{value:.{decimals}f}")


def scaled(value: float | None) -> float | None:
    return None if value is None else value * 1000


def milli(value: float | None) -> float | None:
    return rounded(scaled(value))


def dbm(watts: float | None) -> float | str | None:
    """A power in their unit."""
    if watts is None:
        return None
    return rounded(10 * math.log10(watts * 1000)) if watts > 0 else "-inf"
