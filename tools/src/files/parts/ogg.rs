//! Ogg, page by page: a part is one link of a chain, which begins with pages that say so.
//!
//! # References
//! RFC 3533 (Ogg); the Vorbis I specification, RFC 7845 (Opus) and xiph.org/flac/ogg_mapping.html (comments)

use super::super::ahead::Ahead;
use super::super::limits;
use super::Unit;
use std::io;

/// Bytes of a page without its table and its content.
const HEAD: usize = 27;

/// Where the cutting of an Ogg stands.
#[derive(Default)]
pub(super) struct Ogg {
    /// The stream of the sound, once it is known.
    stream: Option<u32>,
    /// Whether other pages than the first ones of streams have been seen in this part.
    has_begun: bool,
    /// Whether the last page of the sound has been seen.
    ended: bool,
    /// Whether the file ends within a page.
    cut: bool,
    /// Bytes that are no pages, between pages.
    junk: u64,
    /// The second packet of the sound, as far as it has come, and whether that is all of it.
    packet: Vec<u8>,
    has_packet: bool,
    /// Whether another part follows.
    more: bool,
}

impl Ogg {
    pub(super) fn advance(&mut self) -> bool {
        // Without another part, what is missing must still be told.
        if self.more {
            *self = Self { junk: self.junk, ..Self::default() };
            return true;
        }
        false
    }

    pub(super) fn missing(&self) -> Option<&'static str> {
        let what = if self.cut { "its last page is not whole" } else { "its last page is not there" };
        (self.stream.is_some() && !self.ended).then_some(what)
    }

    pub(super) fn junk(&self) -> u64 {
        self.junk
    }

    /// The comments of this part, once.
    pub(super) fn comments(&mut self) -> Option<Vec<u8>> {
        let packet = std::mem::take(&mut self.packet);
        if !self.has_packet {
            return None;
        }
        // In FLAC a block with its head; a bit ends the comments of Vorbis.
        let rest = (packet.strip_prefix(b"\x03vorbis").and_then(|rest| rest.strip_suffix(b"\x01")))
            .or(packet.strip_prefix(b"OpusTags"))
            .or((packet.first().is_some_and(|kind| kind & 0x7F == 4)).then(|| packet.get(4..)).flatten());
        rest.map(<[u8]>::to_vec)
    }

    pub(super) fn next(&mut self, bytes: &mut Ahead) -> io::Result<Unit> {
        loop {
            let head = bytes.peek(HEAD)?;
            if head.is_empty() {
                return Ok(Unit::End);
            }
            if !head.starts_with(b"OggS") {
                if head.len() < 4 {
                    bytes.get(4)?;
                    self.cut = true;
                    continue;
                }
                let ahead = bytes.peek(1 << 12)?;
                let next = ahead[1..].windows(4).position(|four| four == b"OggS");
                let count = next.map_or(ahead.len() - 3, |next| next + 1);
                self.junk += bytes.get(count as u64)?.len() as u64;
                continue;
            }
            let (flags, table) = (head.get(5).copied().unwrap_or(0), head.get(26).copied().unwrap_or(0));
            let stream =
                head.get(14..18).and_then(|field| field.try_into().ok()).map_or(0, u32::from_le_bytes);
            let table = usize::from(table);
            let lacing = bytes.peek(HEAD + table)?.get(HEAD..).unwrap_or_default().to_vec();
            let length = HEAD + table + lacing.iter().map(|length| usize::from(*length)).sum::<usize>();
            let is_first = flags & 2 != 0;
            if is_first && self.has_begun {
                self.more = true;
                return Ok(Unit::Boundary);
            }
            let page = bytes.get(length as u64)?;
            if page.len() < length || lacing.len() < table {
                self.cut = true;
                bytes.get(u64::MAX)?;
                return Ok(shortened(&page, &lacing, table).map_or(Unit::End, Unit::Bytes));
            }
            let content = &page[HEAD + table..];
            if is_first && self.stream.is_none() && is_sound(content) {
                self.stream = Some(stream);
            } else if !is_first && self.stream == Some(stream) {
                self.collect(&lacing, content);
            }
            self.has_begun |= !is_first;
            self.ended |= flags & 4 != 0 && self.stream == Some(stream);
            return Ok(Unit::Bytes(page));
        }
    }

    /// Takes in a page of the sound, until the packet of comments is whole.
    fn collect(&mut self, lacing: &[u8], mut content: &[u8]) {
        for length in lacing {
            if self.has_packet || self.packet.len() as u64 > limits::METADATA_BYTES {
                return;
            }
            let (part, rest) = content.split_at(usize::from(*length).min(content.len()));
            self.packet.extend_from_slice(part);
            content = rest;
            self.has_packet = *length < 255;
        }
    }
}

/// A page of the packets that are whole in a page that is not.
fn shortened(page: &[u8], lacing: &[u8], table: usize) -> Option<Vec<u8>> {
    let content = page.get(HEAD + table..)?;
    let (mut length, mut whole) = (0, None);
    for (number, part) in lacing.iter().enumerate() {
        length += usize::from(*part);
        if *part < 255 && length <= content.len() {
            whole = Some((number + 1, length));
        }
    }
    let (count, length) = whole?;
    let mut out = [&page[..HEAD - 1], &[count as u8], &lacing[..count], &content[..length]].concat();
    // It is not the last one, and has another checksum.
    out[5] &= !4;
    out[22..26].fill(0);
    let sum = checksum(&out);
    out[22..26].copy_from_slice(&sum.to_le_bytes());
    Some(out)
}

/// RFC 3533, 6: a CRC of 32 bits, the highest first.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum, byte| {
        let sum = sum ^ u32::from(*byte) << 24;
        (0..8).fold(sum, |sum, _| if sum >> 31 == 0 { sum << 1 } else { sum << 1 ^ 0x04C1_1DB7 })
    })
}

/// Whether a stream that begins so is a sound.
fn is_sound(packet: &[u8]) -> bool {
    [&b"\x01vorbis"[..], b"OpusHead", b"\x7fFLAC", b"Speex   "].iter().any(|mark| packet.starts_with(mark))
}

#[cfg(test)]
mod tests {
    use super::super::super::ahead::Ahead;
    use super::super::{Parts, parts_of};
    use std::io::{Cursor, Read};

    fn page(flags: u8, stream: u8, packets: &[&[u8]]) -> Vec<u8> {
        let mut lacing = Vec::new();
        for packet in packets {
            lacing.extend(vec![255; packet.len() / 255]);
            lacing.push((packet.len() % 255) as u8);
        }
        let head = [&b"OggS\0"[..], &[flags], &[0; 8], &[stream, 0, 0, 0], &[0; 8], &[lacing.len() as u8]];
        [head.concat(), lacing, packets.concat()].concat()
    }

    fn link(stream: u8) -> Vec<u8> {
        let tags = [&b"OpusTags"[..], &[b'x'; 300]].concat();
        [
            page(2, stream, &[b"OpusHead"]),
            page(0, stream, &[&tags]),
            page(0, stream, &[b"sound", b"more"]),
            page(4, stream, &[b"end"]),
        ]
        .concat()
    }

    #[test]
    fn each_link_of_a_chain_is_a_part() {
        let (parts, missing, notes) = parts_of(&[link(1), link(2)].concat());
        assert_eq!((parts, missing, notes.len()), (vec![link(1), link(2)], None, 0));
    }

    #[test]
    fn what_is_missing_at_the_end_is_noticed() {
        let whole = [link(1), link(2)].concat();
        let missing = |less: usize| {
            let mut parts =
                Parts::new(Ahead::new(Box::new(Cursor::new(whole[..whole.len() - less].to_vec()))));
            let parts = parts.as_mut().unwrap();
            parts.read_to_end(&mut Vec::new()).unwrap();
            assert!(parts.advance().unwrap());
            parts.read_to_end(&mut Vec::new()).unwrap();
            parts.missing()
        };
        assert_eq!(missing(0), None);
        assert_eq!(missing(1), Some("its last page is not whole"));
        assert_eq!(missing(31), Some("its last page is not there"));
    }

    #[test]
    fn whole_packets_of_a_page_that_is_cut_are_kept() {
        let file = [page(2, 1, &[b"OpusHead"]), page(4, 1, &[b"one", &[b'x'; 300], b"three"])].concat();
        let (parts, missing, _) = parts_of(&file[..file.len() - 2]);
        let mut kept = page(0, 1, &[b"one", &[b'x'; 300]]);
        let sum = super::checksum(&kept);
        kept[22..26].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(parts, [[page(2, 1, &[b"OpusHead"]), kept].concat()]);
        assert_eq!(missing, Some("its last page is not whole"));
        assert_eq!(super::checksum(b"123456789"), 0x89A1_897F);
    }

    #[test]
    fn the_comments_are_the_second_packet() {
        let mut parts = Parts::new(Ahead::new(Box::new(Cursor::new(link(1))))).unwrap();
        parts.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(parts.comments(), Some(vec![b'x'; 300]));
        assert_eq!(parts.comments(), None);
    }
}
