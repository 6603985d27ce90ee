//! Image resources of Photoshop, in which JPEG and TIFF carry IPTC.

/// The resource that is IPTC-IIM.
const IPTC: u16 = 0x0404;

/// IPTC-IIM among the resources.
pub fn iptc(resources: &[u8]) -> Option<&[u8]> {
    let mut rest = resources;
    loop {
        // `8BIM` or the name of another program, the number, a name of even length with its own, and the content.
        let number = u16::from_be_bytes([*rest.get(4)?, *rest.get(5)?]);
        let name = (usize::from(*rest.get(6)?) + 1).next_multiple_of(2);
        let length = rest.get(6 + name..10 + name)?;
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        let content = rest.get(10 + name..)?.get(..length)?;
        if number == IPTC {
            return Some(content);
        }
        rest = rest.get(10 + name + length.next_multiple_of(2)..)?;
    }
}

/// IPTC-IIM as the only resource.
pub fn resources(iptc: &[u8]) -> Vec<u8> {
    let mut resources = b"8BIM\x04\x04\0\0".to_vec();
    resources.extend((iptc.len() as u32).to_be_bytes());
    resources.extend_from_slice(iptc);
    resources.resize(resources.len().next_multiple_of(2), 0);
    resources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iptc_is_found_behind_others() {
        let block = [&b"8BIM\x03\xed\x03abc\0\0\0\x03xyz\0"[..], &resources(b"\x1c\x02\x05\0\x01a")].concat();
        assert_eq!(iptc(&block), Some(&b"\x1c\x02\x05\0\x01a"[..]));
        assert_eq!(iptc(&resources(b"abc")), Some(&b"abc"[..]));
        for length in 0..block.len() {
            assert_eq!(iptc(&block[..length]), None, "{length}");
        }
    }
}
