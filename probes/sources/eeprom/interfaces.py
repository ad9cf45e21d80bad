"""Electrical and media interfaces of CMIS modules, by number. SFF-8024 revision 4.13, Tables 4-5 to 4-10."""

from __future__ import annotations

MULTIMODE, SINGLE_MODE, PASSIVE_COPPER, ACTIVE_CABLE, BASE_T = 1, 2, 3, 4, 5
"""Types of media (CMIS page 00h byte 85)."""
VENDOR_SPECIFIC = 0xC0
"""From here on, numbers mean what the vendor says."""

# fmt: off
HOST = {
    0x01: "1000BASE-CX", 0x02: "XAUI", 0x03: "XFI", 0x04: "SFI", 0x05: "25GAUI C2M", 0x06: "XLAUI C2M", 0x07: "XLPPI",
    0x08: "LAUI-2 C2M", 0x09: "50GAUI-2 C2M", 0x0A: "50GAUI-1 C2M", 0x0B: "CAUI-4 C2M", 0x0C: "100GAUI-4 C2M",
    0x0D: "100GAUI-2 C2M", 0x0E: "200GAUI-8 C2M", 0x0F: "200GAUI-4 C2M", 0x10: "400GAUI-16 C2M",
    0x11: "400GAUI-8 C2M", 0x13: "10GBASE-CX4", 0x14: "25GBASE-CR CA-L", 0x15: "25GBASE-CR CA-S",
    0x16: "25GBASE-CR CA-N", 0x17: "40GBASE-CR4", 0x18: "50GBASE-CR", 0x19: "100GBASE-CR10", 0x1A: "100GBASE-CR4",
    0x1B: "100GBASE-CR2", 0x1C: "200GBASE-CR4", 0x1D: "400G-CR8", 0x1E: "200GBASE-CR1", 0x1F: "400GBASE-CR2",
    0x20: "LEI-100G-PAM4-1", 0x21: "LEI-200G-PAM4-2", 0x22: "LEI-400G-PAM4-4", 0x23: "LEI-800G-PAM4-8",
    0x25: "8GFC", 0x26: "10GFC", 0x27: "16GFC", 0x28: "32GFC", 0x29: "64GFC", 0x2A: "128GFC", 0x2B: "256GFC",
    0x2C: "InfiniBand SDR", 0x2D: "InfiniBand DDR", 0x2E: "InfiniBand QDR", 0x2F: "InfiniBand FDR",
    0x30: "InfiniBand EDR", 0x31: "InfiniBand HDR", 0x32: "InfiniBand NDR", 0x33: "CPRI E.96", 0x34: "CPRI E.99",
    0x35: "CPRI E.119", 0x36: "CPRI E.238", 0x37: "OTL3.4", 0x38: "OTL4.10", 0x39: "OTL4.4", 0x3A: "OTLC.4",
    0x3B: "FOIC1.4", 0x3C: "FOIC1.2", 0x3D: "FOIC2.8", 0x3E: "FOIC2.4", 0x3F: "FOIC4.16", 0x40: "FOIC4.8",
    0x41: "CAUI-4 C2M without FEC", 0x42: "CAUI-4 C2M with RS FEC", 0x43: "50GBASE-CR2 with RS FEC",
    0x44: "50GBASE-CR2 with BASE-R FEC", 0x45: "50GBASE-CR2 without FEC", 0x46: "100GBASE-CR1", 0x47: "200GBASE-CR2",
    0x48: "400GBASE-CR4", 0x49: "800G-CR8", 0x4A: "128GFC", 0x4B: "100GAUI-1-S C2M", 0x4C: "100GAUI-1-L C2M",
    0x4D: "200GAUI-2-S C2M", 0x4E: "200GAUI-2-L C2M", 0x4F: "400GAUI-4-S C2M", 0x50: "400GAUI-4-L C2M",
    0x51: "800GAUI-8-S C2M", 0x52: "800GAUI-8-L C2M", 0x53: "OTL4.2", 0x55: "1.6TAUI-16-S C2M",
    0x56: "1.6TAUI-16-L C2M", 0x57: "800GBASE-CR4", 0x58: "1.6TBASE-CR8", 0x70: "PCIe 4.0", 0x71: "PCIe 5.0",
    0x72: "PCIe 6.0", 0x73: "PCIe 7.0", 0x74: "CEI-112G-LINEAR-PAM4", 0x80: "200GAUI-1", 0x81: "400GAUI-2",
    0x82: "800GAUI-4", 0x83: "1.6TAUI-8", 0xA0: "InfiniBand XDR",
}

_MULTIMODE = {
    0x01: "10GBASE-SW", 0x02: "10GBASE-SR", 0x03: "25GBASE-SR", 0x04: "40GBASE-SR4", 0x05: "40G-SWDM4",
    0x06: "40G-BiDi", 0x07: "50GBASE-SR", 0x08: "100GBASE-SR10", 0x09: "100GBASE-SR4", 0x0A: "100G-SWDM4",
    0x0B: "100G-BiDi", 0x0C: "100GBASE-SR2", 0x0D: "100GBASE-SR1", 0x0E: "200GBASE-SR4", 0x0F: "400GBASE-SR16",
    0x10: "400GBASE-SR8", 0x11: "400GBASE-SR4", 0x12: "800GBASE-SR8", 0x13: "8GFC-MM", 0x14: "10GFC-MM",
    0x15: "16GFC-MM", 0x16: "32GFC-MM", 0x17: "64GFC-MM", 0x18: "128GFC-MM4", 0x19: "256GFC-MM4",
    0x1A: "400GBASE-SR4.2", 0x1B: "200GBASE-SR2", 0x1C: "128GFC-MM", 0x1D: "100GBASE-VR1", 0x1E: "200GBASE-VR2",
    0x1F: "400GBASE-VR4", 0x20: "800GBASE-VR8", 0x21: "800G-VR4.2", 0x22: "800G-SR4.2", 0x23: "1.6T-VR8.2",
    0x24: "1.6T-SR8.2",
}

_SINGLE_MODE = {
    0x01: "10GBASE-LW", 0x02: "10GBASE-EW", 0x03: "10G-ZW", 0x04: "10GBASE-LR", 0x05: "10GBASE-ER", 0x06: "10G-ZR",
    0x07: "25GBASE-LR", 0x08: "25GBASE-ER", 0x09: "40GBASE-LR4", 0x0A: "40GBASE-FR", 0x0B: "50GBASE-FR",
    0x0C: "50GBASE-LR", 0x0D: "100GBASE-LR4", 0x0E: "100GBASE-ER4", 0x0F: "100G-PSM4", 0x10: "100G-CWDM4",
    0x11: "100G-4WDM-10", 0x12: "100G-4WDM-20", 0x13: "100G-4WDM-40", 0x14: "100GBASE-DR", 0x15: "100GBASE-FR1",
    0x16: "100GBASE-LR1", 0x17: "200GBASE-DR4", 0x18: "200GBASE-FR4", 0x19: "200GBASE-LR4", 0x1A: "400GBASE-FR8",
    0x1B: "400GBASE-LR8", 0x1C: "400GBASE-DR4", 0x1D: "400GBASE-FR4", 0x1E: "400G-LR4-10", 0x1F: "8GFC-SM",
    0x20: "10GFC-SM", 0x21: "16GFC-SM", 0x22: "32GFC-SM", 0x23: "64GFC-SM", 0x24: "128GFC-PSM4",
    0x26: "128GFC-CWDM4", 0x2C: "4I1-9D1F", 0x2D: "4L1-9C1F", 0x2E: "4L1-9D1F", 0x2F: "C4S1-9D1F", 0x30: "C4S1-4D1F",
    0x31: "4I1-4D1F", 0x32: "8R1-4D1F", 0x33: "8I1-4D1F", 0x34: "100G-CWDM4-OCP", 0x35: "ZR400-OFEC-16QAM-HA",
    0x36: "ZR400-OFEC-16QAM-HB", 0x37: "ZR400-OFEC-8QAM-HA", 0x38: "10G-SR", 0x39: "10G-LR", 0x3A: "25G-SR",
    0x3B: "25G-LR", 0x3C: "10G-LR-BiDi", 0x3D: "25G-LR-BiDi", 0x3E: "400ZR, DWDM, amplified",
    0x3F: "400ZR, single wavelength, unamplified", 0x40: "50GBASE-ER", 0x41: "200GBASE-ER4", 0x42: "400GBASE-ER8",
    0x43: "400GBASE-LR4-6", 0x44: "100GBASE-ZR", 0x45: "128GFC-SM", 0x46: "ZR400-OFEC-16QAM", 0x47: "ZR300-OFEC-8QAM",
    0x48: "ZR200-OFEC-QPSK", 0x49: "ZR100-OFEC-QPSK", 0x4A: "100G-LR1-20", 0x4B: "100G-ER1-30", 0x4C: "100G-ER1-40",
    0x4D: "400GBASE-ZR", 0x4E: "10GBASE-BR", 0x4F: "25GBASE-BR", 0x50: "50GBASE-BR", 0x51: "FOIC1.4-DO",
    0x52: "FOIC2.8-DO", 0x53: "FOIC4.8-DO", 0x54: "FOIC2.4-DO", 0x55: "400GBASE-DR4-2", 0x56: "800GBASE-DR8",
    0x57: "800GBASE-DR8-2", 0x6C: "800ZR-A", 0x6D: "800ZR-B", 0x6E: "800ZR-C", 0x6F: "400G-ER4-30",
    0x73: "200GBASE-DR1", 0x74: "200GBASE-DR1-2", 0x75: "400GBASE-DR2", 0x76: "400GBASE-DR2-2", 0x77: "800GBASE-DR4",
    0x78: "800GBASE-DR4-2", 0x79: "800GBASE-FR4-500", 0x7A: "800GBASE-FR4", 0x7B: "800GBASE-LR4",
    0x7C: "800GBASE-LR1", 0x7D: "800GBASE-ER1-20", 0x7E: "800GBASE-ER1", 0x7F: "1.6TBASE-DR8", 0x80: "1.6TBASE-DR8-2",
    0x8F: "100G-DR1-LPO", 0x90: "200G-DR2-LPO", 0x91: "400G-DR4-LPO", 0x92: "800G-DR8-LPO",
}

_MEDIA = {
    MULTIMODE: _MULTIMODE,
    SINGLE_MODE: _SINGLE_MODE,
    PASSIVE_COPPER: {0x01: "copper cable", 0xBF: "passive loopback"},
    ACTIVE_CABLE: {
        0x01: "active cable, BER below 1e-12", 0x02: "active cable, BER below 5e-5",
        0x03: "active cable, BER below 2.6e-4", 0x04: "active cable, BER below 1e-6", 0xBF: "active loopback",
    },
    BASE_T: {
        0x01: "1000BASE-T", 0x02: "2.5GBASE-T", 0x03: "5GBASE-T", 0x04: "10GBASE-T", 0x05: "25GBASE-T",
        0x06: "40GBASE-T", 0x07: "50GBASE-T",
    },
}
# fmt: on


def host_name(number: int) -> str:
    """The electrical interface by its number; empty for one that has no name, `vendor specific` for a vendor's own."""
    return HOST.get(number, "vendor specific" if number >= VENDOR_SPECIFIC else "")


def media_name(media_type: int, number: int) -> str:
    """The media interface by the type of media and its number, as `host_name`."""
    return _MEDIA.get(media_type, {}).get(number, "vendor specific" if number >= VENDOR_SPECIFIC else "")
