//! LEB128: seven bits a byte, low bits first, the high bit set on every byte but the last.

use crate::reader::Reader;

/// The number that `bytes` begin with, and what follows; nothing if they do not begin with one in its shortest form.
///
/// ```
/// assert_eq!(wavern_bitstream::varint::read(&[0xac, 0x02, 7]), Some((300, &[7][..])));
/// assert_eq!(wavern_bitstream::varint::read(&[0x80, 0x00]), None);
/// ```
pub fn read(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut reader = Reader::new(bytes, 0);
    let value = reader.varint("number").ok()?;
    Some((value, reader.rest()))
}

/// Appends `value` in as few bytes as it takes.
pub fn write(value: u64, out: &mut Vec<u8>) {
    let mut rest = value;
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, Fault};
    use proptest::prelude::*;

    fn encode(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        write(value, &mut out);
        out
    }

    fn decode(bytes: &[u8]) -> Result<(u64, usize), Error> {
        let mut reader = Reader::new(bytes, 100);
        let value = reader.varint("number")?;
        Ok((value, reader.rest().len()))
    }

    #[test]
    fn known_encodings() {
        for (value, bytes) in [
            (0, &[0x00][..]),
            (127, &[0x7f]),
            (128, &[0x80, 0x01]),
            (300, &[0xac, 0x02]),
            (16_383, &[0xff, 0x7f]),
            (16_384, &[0x80, 0x80, 0x01]),
            (u64::MAX, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ] {
            assert_eq!(encode(value), bytes);
            assert_eq!(decode(bytes), Ok((value, 0)));
        }
    }

    #[test]
    fn rejects_what_write_does_not_produce() {
        let malformed = |fault| Err(Error::Malformed { offset: 100, fault });
        assert_eq!(decode(&[0x80, 0x00]), malformed(Fault::LongVarint));
        assert_eq!(decode(&[0xff, 0x80, 0x00]), malformed(Fault::LongVarint));
        assert_eq!(decode(&[0xff; 12]), malformed(Fault::WideVarint));
        let mut wide = [0x80; 10];
        wide[9] = 2;
        assert_eq!(decode(&wide), malformed(Fault::WideVarint));
        assert!(matches!(decode(&[0x80]), Err(Error::Truncated { offset: 101, needed: 1, left: 0, .. })));
        assert!(matches!(decode(&[]), Err(Error::Truncated { offset: 100, .. })));
    }

    proptest! {
        #[test]
        fn round_trip(value: u64, shift in 0u32..64, tail: Vec<u8>) {
            let value = value >> shift;
            let mut bytes = encode(value);
            bytes.extend_from_slice(&tail);
            prop_assert_eq!(decode(&bytes), Ok((value, tail.len())));
        }

        #[test]
        fn one_encoding_for_a_value(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            if let Ok((value, left)) = decode(&bytes) {
                prop_assert_eq!(encode(value), &bytes[..bytes.len() - left]);
            }
        }
    }
}
