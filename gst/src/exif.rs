//! What an EXIF block says that GStreamer has tags for, and the smallest block that says which side is up.
//!
//! The bytes are those of a stranger: every offset is held against the block, and only the first directory is read.

/// GStreamer's words for EXIF's numbers 1 to 8, see `GST_TAG_IMAGE_ORIENTATION`.
const ORIENTATIONS: [&str; 8] = [
    "rotate-0",
    "flip-rotate-0",
    "rotate-180",
    "flip-rotate-180",
    "flip-rotate-270",
    "rotate-90",
    "flip-rotate-90",
    "rotate-270",
];

const DESCRIPTION: u16 = 0x10E;
const MAKE: u16 = 0x10F;
const MODEL: u16 = 0x110;
const ORIENTATION: u16 = 0x112;
const ARTIST: u16 = 0x13B;
const COPYRIGHT: u16 = 0x8298;

/// A text that was found, or the word for an orientation, beside the name of its tag.
pub(crate) type Found = (&'static str, String);

/// What the first directory says, in its order.
pub(crate) fn tags(block: &[u8]) -> Vec<Found> {
    read(block).unwrap_or_default()
}

/// A block that says no more than an orientation; `None` for what is upright, and for other words.
pub(crate) fn of_orientation(word: &str) -> Option<Vec<u8>> {
    let number = ORIENTATIONS.iter().position(|known| *known == word).filter(|&index| index > 0)? as u8 + 1;
    // Little-endian, one entry of one SHORT, no further directory.
    let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend([number, 0, 0, 0, 0, 0, 0, 0]);
    Some(block)
}

struct Reader<'a> {
    block: &'a [u8],
    big_endian: bool,
}

impl<'a> Reader<'a> {
    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = *self.block.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = *self.block.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The text of an entry (type 2): inside it if it has at most four bytes. Ends at the first 0.
    fn text(&self, entry: usize) -> Option<&'a str> {
        let length = self.u32(entry.checked_add(4)?)? as usize;
        let at = if length <= 4 { entry.checked_add(8)? } else { self.u32(entry.checked_add(8)?)? as usize };
        let bytes = self.block.get(at..at.checked_add(length)?)?;
        let text = std::str::from_utf8(bytes.split(|byte| *byte == 0).next()?).ok()?.trim();
        (!text.is_empty()).then_some(text)
    }
}

fn read(block: &[u8]) -> Option<Vec<Found>> {
    let big_endian = match block.get(..4)? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let reader = Reader { block, big_endian };
    let directory = reader.u32(4)? as usize;
    let count = usize::from(reader.u16(directory)?);
    let mut found = Vec::new();
    for index in 0..count {
        let entry = directory.checked_add(2 + 12 * index)?;
        let Some((tag, kind)) = reader.u16(entry).zip(reader.u16(entry.checked_add(2)?)) else { break };
        let name = match tag {
            ORIENTATION if kind == 3 => {
                let number = usize::from(reader.u16(entry.checked_add(8)?)?);
                let word = number.checked_sub(1).and_then(|index| ORIENTATIONS.get(index));
                found.extend(word.map(|word| ("image-orientation", (*word).to_owned())));
                continue;
            }
            DESCRIPTION => "description",
            MAKE => "device-manufacturer",
            MODEL => "device-model",
            ARTIST => "artist",
            COPYRIGHT => "copyright",
            _ => continue,
        };
        if kind == 2 {
            found.extend(reader.text(entry).map(|text| (name, text.to_owned())));
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two entries: a make that lies behind the directory, and an orientation.
    fn block(big_endian: bool) -> Vec<u8> {
        let short = |v: u16| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
        let long = |v: u32| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
        let mut out = if big_endian { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
        out.extend(long(8));
        out.extend(short(2));
        out.extend([short(MAKE), short(2)].concat());
        out.extend([long(9), long(38)].concat());
        out.extend([short(ORIENTATION), short(3)].concat());
        out.extend(long(1));
        out.extend([short(6), short(0)].concat());
        out.extend(long(0));
        out.extend(b"a camera\0");
        out
    }

    #[test]
    fn text_and_orientation_are_found_in_both_orders() {
        let expected =
            [("device-manufacturer", "a camera".to_owned()), ("image-orientation", "rotate-90".to_owned())];
        assert_eq!(tags(&block(false)), expected);
        assert_eq!(tags(&block(true)), expected);
    }

    #[test]
    fn what_is_written_is_read() {
        for word in &ORIENTATIONS[1..] {
            let block = of_orientation(word).unwrap();
            assert_eq!(tags(&block), [("image-orientation", (*word).to_owned())]);
        }
        assert_eq!((of_orientation("rotate-0"), of_orientation("upside down")), (None, None));
    }

    #[test]
    fn any_bytes_are_borne() {
        let block = block(false);
        for length in 0..block.len() {
            tags(&block[..length]);
        }
        for at in 0..block.len() {
            for value in [0, 1, 0x7F, 0xFF] {
                let mut bad = block.clone();
                bad[at] = value;
                tags(&bad);
            }
        }
    }
}
