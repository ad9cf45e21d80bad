//! How the frames of an interface begin, by its hardware type (ARPHRD_*, linux/if_arp.h).

use crate::packets::LinkType;

/// A link type that nothing has: its frames are counted as what nobody reads.
const UNKNOWN: LinkType = LinkType(u16::MAX);

/// The link type, and whether the frame is to begin at its network header: what the kernel has before that is told
/// nowhere.
pub(super) fn link(hardware_type: u16, protocol: u16) -> (LinkType, bool) {
    match hardware_type {
        // Ethernet, and the loopback, which writes an Ethernet header of zeros.
        1 | 772 => (LinkType::ETHERNET, false),
        // 802.11, with a Prism or a radiotap header.
        801 => (LinkType(105), false),
        802 => (LinkType(119), false),
        803 => (LinkType(127), false),
        _ if matches!(protocol, 0x0800 | 0x86dd) => (LinkType::RAW, true),
        _ => (UNKNOWN, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_interface_gives_something_readable_or_says_so() {
        assert_eq!(link(1, 0x88cc), (LinkType::ETHERNET, false));
        assert_eq!(link(772, 0x0800), (LinkType::ETHERNET, false));
        // A tunnel without a link header, and IP over InfiniBand, whose header the kernel keeps to itself.
        assert_eq!(link(65534, 0x0800), (LinkType::RAW, true));
        assert_eq!(link(32, 0x86dd), (LinkType::RAW, true));
        assert_eq!(link(32, 0x0806), (UNKNOWN, false));
    }
}
