"""Memory of real modules and cables against what other programs decode from it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from probes.sources import eeprom
from probes.sources.eeprom.module import Module
from tests.conformance import modules, xcvr
from tests.conformance.scores import Score, Scoring
from tests.conformance.trees import HARDWARE, hardware

NO_SUCH_LANE = "the module has no such lane: absent here, where the other program gives the zeros it finds"
NOT_ADVERTISED = "the module does not say that it has this: absent here, where the other program gives what it finds"
FLAT = "a module with flat memory has no monitors and no page 01h: absent here, where the other program gives zeros"
UNUSED_LIMITS = "limits that are all zero are none"
NO_TRANSMIT_POWER = "byte 220 says that transmitted power is not measured, so there is none here; the dump was edited"
COPPER = "the other program gives no media lanes to copper"
UNDEFINED = "an application whose host interface is undefined is none"
BASE_T = "byte 18 of a 10GBASE-T module is copper in metres, not OM4 in tens of metres (SFF-8472, A0h)"
OM4 = "byte 146 of a module with a VCSEL and an MPO connector is OM4 in units of 2 m, not a cable (SFF-8636, page 00h)"
GIVEN = frozenset({COPPER, BASE_T, OM4})
"""Reasons of values that we do give; the others excuse none."""


def fboss_modules(expected: str = "") -> list[str]:
    """Names of the modules; those that have a file of what is `expected`."""
    files = sorted((HARDWARE / "fboss-eeprom").glob("*.json")) if (HARDWARE / "fboss-eeprom").is_dir() else []
    names = [path.stem for path in files if "." not in path.stem]
    return [name for name in names if not expected or (HARDWARE / "fboss-eeprom" / f"{name}.{expected}.json").exists()]


class Comparison:
    """Compares one module, with the reasons of what is known to differ."""

    def __init__(self, score: Score, name: str, module: Module, answers: xcvr.Answers) -> None:
        self.score = score
        self.name = name
        self.module = module
        self.answers = answers
        self.used: set[str] = set()
        """Patterns of KNOWN that explained a difference."""

    def compare(self, key: str, ours: Any, theirs: Any) -> None:
        what = f"{self.name} {key}"
        if ours != theirs and (reason := self.reason(key, ours, theirs)):
            self.score.differs(what, ours, theirs, reason)
        else:
            self.score.compare(what, ours, theirs)

    def reason(self, key: str, ours: Any, theirs: Any) -> str:
        """Why a value is known to differ; empty when it is not."""
        identity = self.module.identity
        lane = re.search(r"(?:[rt]x|lane )(\d+)", key)
        if lane and ours is None and theirs in (0.0, "-inf", False):
            host = "hostlane" in key or "_eq_" in key
            if int(lane[1]) > (identity.host_lanes if host else identity.media_lanes):
                return NO_SUCH_LANE
        absent, known = ours in (None, ""), KNOWN.get(self.name, ())
        for pattern, why in known:
            if re.fullmatch(pattern, key) and (absent or why in GIVEN):
                self.used.add(pattern)
                return why
        return ""


_FLAT = (
    ("hardware_rev|(data_path|datapath|module)_.*|(temp|vcc)[HL](Alarm|Warn)", FLAT),
    ("media_lane_count", COPPER),
)
_CWDM4 = (
    ("transmit_power.*|TxPwr.*", NO_TRANSMIT_POWER),
    ("(Tx_Los|Tx_Lol|Rx_Lol|Tx_Fault|Tx_AdaptFault) .*", NOT_ADVERTISED),
)
KNOWN: dict[str, tuple[tuple[str, str], ...]] = {
    "Cmis200GTransceiver": (("laser_?temp.*|Tx_AdaptFault .*", NOT_ADVERTISED),),
    "Cmis400GCr8Transceiver": _FLAT,
    "CmisFlatMemTransceiver": (("host_lane_count|media_lane_count", UNDEFINED), _FLAT[0]),
    "CmisCpo6P4TDrTransceiver": (("(txbias|lasertemp)(high|low).*", UNUSED_LIMITS),),
    "SffCwdm4Transceiver": _CWDM4,
    "Sfp10GBaseTTransceiver": (("cable_length|is_copper", BASE_T),),
    "qsfp28data": (("cable_length", OM4),),
}


def compare_with_xcvr(one: Comparison, decoded: dict[str, Any]) -> None:
    """Every key of their answer, unless it is one that nothing is made of."""
    answers = one.answers
    info = decoded["get_transceiver_info"]
    for key, theirs in info.items():
        if xcvr.NOT_DECODED.fullmatch(key) or key in ("cable_type", "specification_compliance"):
            continue
        if key == "cable_length":
            one.compare(key, *answers.length(info["cable_type"], theirs))
        elif key == "application_advertisement":
            for row in answers.applications(theirs) if theirs != "N/A" else ():
                one.compare(*row)
        else:
            one.compare(key, *answers.info(key, theirs))
    for key, theirs in decoded["get_transceiver_dom_real_value"].items():
        one.compare(key, answers.real(key), xcvr.known(theirs))
    for key, theirs in decoded["get_transceiver_threshold_info"].items():
        one.compare(key, answers.limit(key), xcvr.known(theirs))
    for key, theirs in decoded["get_transceiver_status"].items():
        if not xcvr.NOT_DECODED.fullmatch(key):
            one.compare(key, *answers.status(key, theirs))
    for section in ("get_transceiver_status_flags", "get_transceiver_dom_flags"):
        for key, theirs in decoded.get(section, {}).items():
            one.compare(key, answers.flag(key), xcvr.known(theirs))
    for section in ("get_transceiver_vdm_real_value_basic", "get_transceiver_vdm_real_value"):
        for key, theirs in decoded.get(section, {}).items():
            one.compare(f"{section} {key}", answers.diagnostic(key), xcvr.known(theirs))
    for name, lanes in decoded.get("get_vdm", {}).items():
        for lane, row in lanes.items():
            one.compare(f"get_vdm {name} {lane}", answers.observable(name, int(lane)), row[0])
    for key in ("get_tx_bias", "get_tx_power", "get_rx_power", "get_rx_los", "get_tx_fault"):
        theirs = decoded[key]
        for place, (ours, value) in enumerate(zip(answers.lanes(key, len(theirs)), theirs, strict=True), 1):
            one.compare(f"{key} lane {place}", ours, xcvr.known(value))
    one.compare("is_copper", one.module.identity.copper, decoded["is_copper"])


def of_fboss(name: str, score: Score) -> Comparison:
    memory = modules.fboss(hardware("fboss-eeprom") / f"{name}.json")
    module = eeprom.identify(memory)
    return Comparison(score, name, module, xcvr.Answers(module, memory))


def compare_fboss_with_sonic(one: Comparison) -> None:
    stored = hardware("fboss-eeprom") / f"{one.name}.decode-sonic.json"
    compare_with_xcvr(one, json.loads(stored.read_text())["decoded"])


def compare_oom_with_sonic(name: str, score: Score) -> Comparison:
    stored = json.loads((hardware("oom-eeprom") / f"{name}.decode-sonic.json").read_text())
    memory = modules.oom(stored)
    module = eeprom.identify(memory)
    comparison = Comparison(score, name, module, xcvr.Answers(module, memory))
    compare_with_xcvr(comparison, stored["decoded"])
    return comparison


@pytest.mark.parametrize("name", fboss_modules())
def test_fboss_modules_as_sonic_decodes_them(name: str, score: Scoring) -> None:
    compare_fboss_with_sonic(of_fboss(name, score("fboss-eeprom")))


OOM = ("qsfp28data", "MUP0WB0")


@pytest.mark.parametrize("name", OOM)
def test_oom_modules_as_sonic_decodes_them(name: str, score: Scoring) -> None:
    compare_oom_with_sonic(name, score("oom-eeprom"))


@pytest.mark.parametrize("name", KNOWN)
def test_every_known_difference_of_a_module_is_one(name: str) -> None:
    # On a score of its own: what these comparisons find is counted by the other tests.
    if name in OOM:
        comparison = compare_oom_with_sonic(name, Score("oom-eeprom"))
    else:
        comparison = of_fboss(name, Score("fboss-eeprom"))
        compare_fboss_with_sonic(comparison)
        compare_fboss_with_its_tests(comparison)
    assert comparison.used == {pattern for pattern, _ in KNOWN[name]}


MEDIA = {
    "FR4_200G": "200GBASE-FR4",
    "DR4_2x400G": "400GBASE-DR4",
    "FR4_2x400G": "400GBASE-FR4",
    "FR4_LITE_2x400G": "400GBASE-FR4",
    "CR8_400G": "400G-CR8",
    "LR4_400G_10KM": "400G-LR4-10",
    "DR4_8x800G": "800GBASE-DR4",
    "CR4_200G": "200GBASE-CR4",
    "CR4_100G": "100GBASE-CR4",
    "CWDM4_100G": "100G-CWDM4",
    "BASE_T_10G": "10GBASE-T",
    "LR_10G": "10GBASE-LR",
}
"""What fboss calls a medium, in the words of IEEE 802.3."""
QUANTITIES = {"temp": "temperature", "vcc": "supply", "rxPwr": "receive_power", "RxPwr": "receive_power"} | {
    "txPwr": "transmit_power",
    "TxPwr": "transmit_power",
    "txBias": "bias",
    "TxBias": "bias",
}
SIGNALS = {
    "Tx_Los": "transmit_los",
    "Rx_Los": "receive_los",
    "Tx_Lol": "transmit_lol",
    "Rx_Lol": "receive_lol",
    "Tx_Fault": "transmit_fault",
    "Tx_AdaptFault": "transmit_equalizer_fault",
    "TxDisable": "transmit_disabled",
}
HOST_SETTINGS = {"TxSqDisable", "TxForcedSq", "TxAdaptEqCtrl"}
"""What the host told the module to do, beside `host_lane_settings`: not decoded."""


def compare_with_fboss(one: Comparison, expected: dict[str, Any]) -> None:
    """Every key of what the unit tests of fboss assert of a module."""
    identity, now, answers = one.module.identity, one.answers.now, one.answers
    for key, theirs in expected.items():
        match key:
            case "vendor":
                one.compare(key, identity.vendor, theirs)
            case "part_number":
                one.compare(key, identity.part, theirs)
            case "temp_c":
                one.compare(key, now.temperature, theirs)
            case "vcc_v":
                one.compare(key, now.supply, theirs)
            case "fw_dsp_build_misc":
                one.compare("firmware", identity.firmware, theirs[0])
            case "host_lanes":
                one.compare(key, identity.host_lanes, theirs)
            case "media_lanes":
                one.compare(key, identity.media_lanes, theirs)
            case "media_interface":
                one.compare(key, identity.media, MEDIA[theirs])
            case "page_checksums_valid":
                one.compare(key, not identity.bad_checksums, theirs)
            case "lane_dom":
                compare_lanes(one, theirs)
            case "thresholds_alarmhigh_alarmlow_warnhigh_warnlow":
                for name, limits in theirs.items():
                    limit = one.module.thresholds.get(QUANTITIES[name], ())
                    milli = 1 if name in ("temp", "vcc") else 1000
                    mine: list[float | None] = [round(value * milli, 4) for value in limit] or [None] * len(limits)
                    for level, ours, their in zip(xcvr.LIMITS, mine, limits, strict=True):
                        one.compare(f"{QUANTITIES[name]} {level}", ours, their)
            case "module_flags_alarmhigh_alarmlow_warnhigh_warnlow":
                for name, flags in theirs.items():
                    for level, their in zip(xcvr.LIMITS.values(), flags, strict=True):
                        flag = f"{QUANTITIES[name]}_{level}"
                        one.compare(flag, answers.flags.get((flag, 0)), their)
            case "lane_flags":
                for name, flags in theirs.items():
                    quantity, height, kind = re.fullmatch(r"(\w+?)(High|Low)(\w+)", name).groups()  # type: ignore[union-attr]
                    level = xcvr.LEVELS[height[0] + kind]
                    quantity = QUANTITIES[quantity]
                    compare_flags(one, name, f"{quantity}_{level}", flags)
            case "lane_signals" | "media_lane_settings":
                for name, flags in theirs.items():
                    if name not in HOST_SETTINGS:
                        compare_flags(one, name, SIGNALS[name], flags)
            case "media_lane_1_rx_snr_db":
                values = {(o.name, o.side, o.lane): o.value for o in now.observed if o.value is not None}
                one.compare(key, round(values["snr", "media", 1], 2), theirs)
            case "vdm_int_of_value_times":
                for name, row in theirs.items():
                    side, statistic = re.fullmatch(r"errFrame(Media|Host)(\w+)", name).groups()  # type: ignore[union-attr]
                    statistics = {"Cur": "current", "Min": "minimum", "Max": "maximum", "Avg": "average"}
                    frames = {(o.name, o.statistic, o.side): o.value for o in now.observed if o.value is not None}
                    ours = frames["frame_error_ratio", statistics[statistic], side.lower()]
                    one.compare(name, int(ours * float(row["scale"])), row["int"])
            case "lane_dom_units" | "host_lane_settings" | "note":
                pass
            case _:
                raise KeyError(key)


def compare_lanes(one: Comparison, theirs: dict[str, list[float]]) -> None:
    """Powers in milliwatts and currents in milliamperes, by lane."""
    for name, values in theirs.items():
        ours = getattr(one.answers.now, QUANTITIES[name])
        for lane, value in enumerate(values, 1):
            mine = ours.get(lane)
            one.compare(f"{QUANTITIES[name]} lane {lane}", None if mine is None else round(mine * 1000, 4), value)


def compare_flags(one: Comparison, name: str, flag: str, theirs: list[int]) -> None:
    for lane, value in enumerate(theirs, 1):
        ours = one.answers.flags.get((flag, lane))
        one.compare(f"{name} lane {lane}", None if ours is None else int(ours), value)


def compare_fboss_with_its_tests(one: Comparison) -> None:
    """Nothing for a module that its tests do not have."""
    file = hardware("fboss-eeprom") / f"{one.name}.expect-fboss.json"
    for expected in json.loads(file.read_text())["tests"].values() if file.exists() else ():
        compare_with_fboss(one, expected)


@pytest.mark.parametrize("name", fboss_modules("expect-fboss"))
def test_fboss_modules_as_its_own_tests_have_them(name: str, score: Scoring) -> None:
    compare_fboss_with_its_tests(of_fboss(name, score("fboss-eeprom")))


PART_KNOWN = "known by its part number there; the module itself does not say it"
NOT_STATED = "the cable does not say what it is made for; the other program takes every QSFP+ copper cable for it"
BIGCODE_KNOWN = {
    "FTLX8570D3BCL media": PART_KNOWN,
    "AFBR-79EBPZ-CS1 media": PART_KNOWN,
    "FTL4C3QE1C media": PART_KNOWN,
    "QSFP-4SFP+-CU2M media": NOT_STATED,
    "QSFP-4SFP+-CU5M media": NOT_STATED,
    "QSFP-4SFP+-CU3M media": NOT_STATED,
    "F4M-QSSFP-C-2-30 media": NOT_STATED,
    "MC2206130-001 media": "the cable says InfiniBand QDR, and nothing of Ethernet",
    "QSFP-4SFP+-CU2M length": "its length is in its name; the byte for it says 3 m",
    "FCBN410QE2C10-C1 media": PART_KNOWN,
    "FCBN410QE2C10-C1 length": "the byte says 10 m of cable; the other program takes it for a module without one",
}
BIGCODE_MEDIA = {"400GBASE-DR4": "400G-DR4", "1000BASE-T": "1GBASE-T", "100G AOC": "100G-AOC"}


def test_modules_of_bigcode(score: Scoring) -> None:
    bigcode = score("bigcode-sff")
    rows = json.loads((hardware("bigcode-sff") / "modules.json").read_text())["rows"]
    for row in rows:
        identity, expected = eeprom.identify(modules.bigcode(row)).identity, row["expect"]
        part = expected["part"].strip()
        length = identity.lengths.get("cable", identity.lengths.get("copper", 0.0))
        for what, ours, theirs in (
            ("vendor", identity.vendor, expected["vendor"].strip()),
            ("part", identity.part, part),
            ("serial", identity.serial, expected["serial"].strip()),
            ("form factor", identity.form_factor.replace("SFP+", "SFP"), expected["sfp_type"].replace("SFP+", "SFP")),
            ("media", BIGCODE_MEDIA.get(identity.media, identity.media), expected["module_type"]),
            ("copper", identity.copper, expected["media"] == "Copper"),
            ("length", length, max(expected["copper_length_m"], 0)),
        ):
            if f"{part} {what}" in BIGCODE_KNOWN:
                bigcode.differs(f"{part} {what}", ours, theirs, BIGCODE_KNOWN[f"{part} {what}"])
            else:
                bigcode.compare(f"{part} {what}", ours, theirs)
