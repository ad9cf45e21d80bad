"""Numbers that the standards share: form factors, connectors and what a module speaks. SFF-8024 revision 4.13."""

from __future__ import annotations

# fmt: off
FORM_FACTORS = {
    0x01: "GBIC", 0x02: "soldered", 0x03: "SFP", 0x06: "XFP", 0x0B: "DWDM-SFP", 0x0C: "QSFP", 0x0D: "QSFP+",
    0x0E: "CXP", 0x11: "QSFP28", 0x12: "CXP2", 0x13: "CDFP", 0x16: "CDFP", 0x17: "microQSFP", 0x18: "QSFP-DD",
    0x19: "OSFP", 0x1A: "SFP-DD", 0x1B: "DSFP", 0x1E: "QSFP", 0x1F: "SFP-DD", 0x20: "SFP", 0x21: "OSFP-XD",
    0x22: "ELSFP", 0x23: "CDFP", 0x24: "CDFP", 0x25: "CDFP", 0x80: "CPO",
}
"""By identifier (Table 4-1). 80h and above belong to vendors; co-packaged optics go by 80h."""

ACTIVE_COPPER = "ACC"
"""How what an active copper cable speaks ends."""
SFF_8472 = frozenset({0x02, 0x03, 0x0B})
SFF_8636 = frozenset({0x0C, 0x0D, 0x11})
CMIS = frozenset({0x18, 0x19, 0x1A, 0x1B, 0x1E, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25})
"""Identifiers by what the memory follows."""

CONNECTORS = {
    0x01: "SC", 0x02: "Fibre Channel style 1 copper", 0x03: "Fibre Channel style 2 copper", 0x04: "BNC/TNC",
    0x05: "Fibre Channel coax headers", 0x06: "Fiber Jack", 0x07: "LC", 0x08: "MT-RJ", 0x09: "MU", 0x0A: "SG",
    0x0B: "optical pigtail", 0x0C: "MPO 1x12", 0x0D: "MPO 2x16", 0x20: "HSSDC II", 0x21: "copper pigtail",
    0x22: "RJ45", 0x23: "no separable connector", 0x24: "MXC 2x16", 0x25: "CS", 0x26: "SN", 0x27: "MPO 2x12",
    0x28: "MPO 1x16",
}
NO_SEPARABLE_CONNECTOR = 0x23

TECHNOLOGIES = (
    "850 nm VCSEL", "1310 nm VCSEL", "1550 nm VCSEL", "1310 nm FP", "1310 nm DFB", "1550 nm DFB", "1310 nm EML",
    "1550 nm EML", "other", "1490 nm DFB", "copper cable, unequalized", "copper cable, passive equalized",
    "copper cable, near and far end limiting active equalizers", "copper cable, far end limiting active equalizers",
    "copper cable, near end limiting active equalizers", "copper cable, linear active equalizers",
    "C-band tunable laser", "L-band tunable laser", "copper cable, near and far end linear active equalizers",
    "copper cable, far end linear active equalizers", "copper cable, near end linear active equalizers",
)
"""CMIS page 00h byte 212; SFF-8636 byte 147 has the first 16 in its upper half."""
COPPER = "copper"
"""How the technologies begin that make no light."""
VCSEL_850, UNEQUALIZED, PASSIVE_EQUALIZED = 0x00, 0x0A, 0x0B

EXTENDED_COMPLIANCE = {
    0x01: ("25G AOC", "100G AOC"), 0x02: ("25GBASE-SR", "100GBASE-SR4"), 0x03: ("25GBASE-LR", "100GBASE-LR4"),
    0x04: ("25GBASE-ER", "100GBASE-ER4"), 0x05: ("", "100GBASE-SR10"), 0x06: ("", "100G-CWDM4"),
    0x07: ("", "100G-PSM4"), 0x08: ("25G ACC", "100G ACC"), 0x09: ("", "100G-CWDM4"),
    0x0B: ("25GBASE-CR", "100GBASE-CR4"), 0x0C: ("25GBASE-CR", "50GBASE-CR2"), 0x0D: ("25GBASE-CR", "50GBASE-CR2"),
    0x10: ("", "40GBASE-ER4"), 0x11: ("", "4x10GBASE-SR"), 0x12: ("", "40G-PSM4"), 0x16: ("10GBASE-T", ""),
    0x17: ("", "100G-CLR4"), 0x18: ("25G AOC", "100G AOC"), 0x19: ("25G ACC", "100G ACC"), 0x1A: ("", "100G-DWDM2"),
    0x1B: ("", "100G 1550 nm WDM"), 0x1C: ("10GBASE-T", ""), 0x1D: ("5GBASE-T", ""), 0x1E: ("2.5GBASE-T", ""),
    0x1F: ("", "40G-SWDM4"), 0x20: ("", "100G-SWDM4"), 0x21: ("", "100G-BiDi"), 0x22: ("", "100G-4WDM-10"),
    0x23: ("", "100G-4WDM-20"), 0x24: ("", "100G-4WDM-40"), 0x25: ("", "100GBASE-DR"), 0x26: ("", "100GBASE-FR1"),
    0x27: ("", "100GBASE-LR1"), 0x28: ("", "100GBASE-SR1"), 0x29: ("100GBASE-SR1", "400GBASE-SR4"),
    0x2A: ("100GBASE-FR1", "400GBASE-DR4-2"), 0x2B: ("100GBASE-LR1", "100GBASE-LR1"), 0x2C: ("", "100G-LR1-20"),
    0x2D: ("", "100G-ER1-30"), 0x2E: ("", "100G-ER1-40"), 0x2F: ("100G-LR1-20", "100G-LR1-20"),
    0x30: ("50G ACC", "200G ACC"), 0x31: ("50G AOC", "200G AOC"), 0x32: ("50G ACC", "200G ACC"),
    0x33: ("50G AOC", "200G AOC"), 0x34: ("100G-ER1-30", "100G-ER1-30"), 0x35: ("100G-ER1-40", "100G-ER1-40"),
    0x36: ("100GBASE-VR1", "400GBASE-VR4"), 0x37: ("10GBASE-BR", ""), 0x38: ("25GBASE-BR", ""),
    0x39: ("50GBASE-BR", ""), 0x3A: ("", "100GBASE-VR1"), 0x3F: ("100GBASE-CR1", "400GBASE-CR4"),
    0x40: ("50GBASE-CR", "200GBASE-CR4"), 0x41: ("50GBASE-SR", "200GBASE-SR4"), 0x42: ("50GBASE-FR", "200GBASE-DR4"),
    0x43: ("", "200GBASE-FR4"), 0x44: ("", "200G-PSM4"), 0x45: ("50GBASE-LR", ""), 0x46: ("", "200GBASE-LR4"),
    0x47: ("", "400GBASE-DR4"), 0x48: ("", "400GBASE-FR4"), 0x49: ("", "400GBASE-LR4-6"), 0x4A: ("50GBASE-ER", ""),
    0x4B: ("", "400G-LR4-10"), 0x4C: ("", "400GBASE-ZR"),
}
"""Table 4-4, which means different things in a module of one lane and in one of four: (SFP, QSFP)."""
# fmt: on


def extended_compliance(code: int, lanes: int) -> str:
    """What a module of one or of four lanes speaks by its extended compliance code; empty when it does not say."""
    single, quad = EXTENDED_COMPLIANCE.get(code, ("", ""))
    return (quad or single) if lanes > 1 else (single or quad)


def form_factor(identifier: int) -> str:
    """The name of a form factor, or its number where it has none."""
    return FORM_FACTORS.get(identifier, f"{identifier:02X}h")


def connector(code: int) -> str:
    """The name of a connector; empty for one that has none."""
    return CONNECTORS.get(code, "")


def technology(code: int) -> str:
    """How a module makes light, or what its copper is like; empty where the code has no meaning."""
    return TECHNOLOGIES[code] if code < len(TECHNOLOGIES) else ""
