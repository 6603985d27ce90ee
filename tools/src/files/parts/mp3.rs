//! MP3, frame by frame: a part ends where tags follow its frames and frames follow the tags, or where a frame says that
//! it begins a file (`Xing`, `Info`, `VBRI`), or has another sample rate or number of channels.
//!
//! # References
//! ISO/IEC 11172-3 and 13818-3 (frames); id3.org (tags)

use super::super::ahead::Ahead;
use super::super::limits;
use super::Unit;
use std::io;

/// Bytes to look at: the longest frame, and the head of the next one.
const LOOK: usize = 4096;

/// What all frames of a part have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    version: u8,
    sample_rate: u32,
    is_mono: bool,
}

/// A frame, by its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    kind: Kind,
    /// Bytes, the head among them.
    length: usize,
}

impl Frame {
    /// Layer 3 at a fixed rate.
    fn parse(bytes: &[u8]) -> Option<Self> {
        const MPEG1: [u32; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
        const MPEG2: [u32; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
        let head = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        let version = (head >> 19 & 3) as u8;
        if head >> 21 != 0x7FF || version == 1 || head >> 17 & 3 != 1 {
            return None;
        }
        let is_mpeg1 = version == 3;
        let rates = if is_mpeg1 { MPEG1 } else { MPEG2 };
        let rate = rates.get((head >> 12 & 15).checked_sub(1)? as usize)? * 1000;
        let sample_rate = *[44_100, 48_000, 32_000].get((head >> 10 & 3) as usize)?;
        let sample_rate = sample_rate >> [2, 0, 1, 0][usize::from(version)];
        let samples = if is_mpeg1 { 144 } else { 72 };
        let length = (samples * rate / sample_rate + (head >> 9 & 1)) as usize;
        Some(Self { kind: Kind { version, sample_rate, is_mono: head >> 6 & 3 == 3 }, length })
    }

    /// Whether the frame holds no sound, but says how much of it follows.
    fn is_head(self, bytes: &[u8]) -> bool {
        let side = match (self.kind.version == 3, self.kind.is_mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        let at = |place: usize, name: &[u8]| bytes.get(place..place + 4) == Some(name);
        at(4 + side, b"Xing") || at(4 + side, b"Info") || at(36, b"VBRI")
    }
}

/// Bytes of an ID3v2 tag that begins here.
pub(in super::super) fn id3_length(bytes: &[u8]) -> Option<u64> {
    let head = bytes.get(..10).filter(|head| head.starts_with(b"ID3") && head[3] < 0xFF && head[4] < 0xFF)?;
    let sizes = &head[6..10];
    let size = sizes.iter().fold(0, |size, byte| size << 7 | u64::from(*byte));
    let footer = if head[5] & 0x10 == 0 { 0 } else { 10 };
    sizes.iter().all(|byte| *byte < 0x80).then_some(10 + size + footer)
}

/// Bytes of a tag that stands behind the frames, of ID3v1 or APE.
fn trailer_length(bytes: &[u8]) -> Option<u64> {
    if bytes.starts_with(b"TAG") {
        return Some(128);
    }
    let head = bytes.get(..32).filter(|head| head.starts_with(b"APETAGEX"))?;
    let size = u64::from(u32::from_le_bytes([head[12], head[13], head[14], head[15]]));
    // Where the tag has a head, its size does not count it.
    Some(if head[23] & 0x20 == 0 { 32 } else { 32 + size })
}

/// Where the cutting of an MP3 stands.
#[derive(Default)]
pub(super) struct Mp3 {
    kind: Option<Kind>,
    /// Frames of the current part.
    frames: u64,
    /// An ID3v2 tag that was found behind frames: it belongs to the next part, if there is one.
    tag: Vec<u8>,
    /// Tags behind the frames: one of ID3v1, and whether there is one of APE.
    old_tag: Vec<u8>,
    has_ape: bool,
    /// Whether tags follow the frames.
    closed: bool,
    /// Whether the last unit ended where this one begins.
    synced: bool,
    /// Whether the last frame is not whole.
    cut: bool,
    /// Bytes that are neither frames nor tags: so far, and behind the last frame.
    junk: u64,
    trailing: u64,
    /// Whether another part follows.
    more: bool,
}

impl Mp3 {
    pub(super) fn advance(&mut self) -> bool {
        (self.frames, self.closed, self.kind) = (0, false, None);
        std::mem::take(&mut self.more)
    }

    pub(super) fn missing(&self) -> Option<&'static str> {
        self.cut.then_some("its last frame is not whole")
    }

    pub(super) fn junk(&self) -> u64 {
        self.junk
    }

    /// The first tag of ID3v1.
    pub(super) fn old_tag(&self) -> Option<Vec<u8>> {
        (!self.old_tag.is_empty()).then(|| self.old_tag.clone())
    }

    /// Tags that no part begins with, once the file has been read.
    pub(super) fn late_tags(&self) -> Vec<&'static str> {
        let tags = [(self.has_ape, "APE"), (!self.tag.is_empty(), "ID3v2")];
        tags.into_iter().filter_map(|(is_there, name)| is_there.then_some(name)).collect()
    }

    pub(super) fn next(&mut self, bytes: &mut Ahead) -> io::Result<Unit> {
        loop {
            if self.frames == 0 && !self.tag.is_empty() {
                return Ok(Unit::Bytes(std::mem::take(&mut self.tag)));
            }
            let ahead = bytes.peek(LOOK)?;
            if ahead.is_empty() {
                return Ok(Unit::End);
            }
            if let Some(length) = id3_length(ahead).filter(|length| *length <= limits::METADATA_BYTES) {
                self.tag = bytes.get(length)?;
                (self.closed, self.synced) = (self.frames > 0, true);
                continue;
            }
            if let Some(length) = trailer_length(ahead).filter(|_| self.frames > 0) {
                let tag = bytes.get(length.min(limits::METADATA_BYTES))?;
                self.has_ape |= tag.starts_with(b"APE");
                if self.old_tag.is_empty() && tag.starts_with(b"TAG") {
                    self.old_tag = tag;
                }
                (self.closed, self.synced) = (true, true);
                continue;
            }
            let frame = Frame::parse(ahead).filter(|frame| self.trusts(*frame, ahead));
            let Some(frame) = frame else {
                let next = ahead[1..].iter().position(|byte| *byte == 0xFF || b"ITA".contains(byte));
                let count = next.map_or(ahead.len(), |next| next + 1);
                self.trailing += bytes.get(count as u64)?.len() as u64;
                self.synced = false;
                continue;
            };
            let is_other = self.kind.is_some_and(|kind| kind != frame.kind);
            if self.frames > 0 && (self.closed || is_other || frame.is_head(ahead)) {
                self.more = true;
                return Ok(Unit::Boundary);
            }
            (self.cut, self.synced, self.kind) = (ahead.len() < frame.length, true, Some(frame.kind));
            // What the sound begins or ends with is some other tag; what stands between frames is damage.
            self.junk += if self.frames > 0 { self.trailing } else { 0 };
            (self.frames, self.trailing) = (self.frames + 1, 0);
            return bytes.get(frame.length as u64).map(Unit::Bytes);
        }
    }

    /// Whether this is a frame: any bytes may look like the head of one.
    fn trusts(&self, frame: Frame, ahead: &[u8]) -> bool {
        if self.synced && self.kind == Some(frame.kind) {
            return true;
        }
        match ahead.get(frame.length..) {
            Some([]) => true,
            Some(next) => {
                id3_length(next).or(trailer_length(next)).is_some()
                    || Frame::parse(next).is_some_and(|next| next.kind == frame.kind)
                    // The end of a file that is cut short within a head.
                    || next.len() < 4
            }
            // Not whole.
            None => self.kind.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parts_of;

    /// A frame of MPEG-2 at 8 kbit/s and 24 kHz: 24 bytes.
    fn frame(fill: u8) -> Vec<u8> {
        [&[0xFF, 0xF3, 0x14, 0xC4][..], &[fill; 20]].concat()
    }

    /// The same in stereo.
    fn stereo(fill: u8) -> Vec<u8> {
        [&[0xFF, 0xF3, 0x14, 0x04][..], &[fill; 20]].concat()
    }

    fn head() -> Vec<u8> {
        [&[0xFF, 0xF3, 0x14, 0xC4][..], &[0; 9], b"Info", &[0; 7]].concat()
    }

    fn id3(length: u8) -> Vec<u8> {
        [b"ID3\x03\0\0\0\0\0", &[length][..], &vec![0xFF; length.into()]].concat()
    }

    #[test]
    fn a_part_begins_with_a_head_a_tag_or_another_kind_of_frame() {
        let first = [head(), frame(1), frame(2)].concat();
        for second in [
            [head(), frame(3)].concat(),
            [id3(20), frame(3), frame(4)].concat(),
            [stereo(3), stereo(4)].concat(),
        ] {
            let (parts, missing, notes) = parts_of(&[first.clone(), second.clone()].concat());
            assert_eq!((parts, missing, notes.len()), (vec![first.clone(), second], None, 0));
        }
        // A tag of the old kind ends a part.
        let tag = [&b"TAG"[..], &[b' '; 125]].concat();
        let file = [&first[..], &tag, &frame(3), &frame(4), &tag].concat();
        assert_eq!(parts_of(&file).0, [first, [frame(3), frame(4)].concat()]);
    }

    #[test]
    fn tags_at_the_end_begin_no_part() {
        let first = [id3(9), frame(1), frame(2)].concat();
        let ape = [&b"APETAGEX\xd0\x07\0\0\x05\0\0\0\0\0\0\0\0\0\0\x20"[..], &[0; 8], &[0xFF; 5]].concat();
        let file = [&first[..], &ape, &id3(30)].concat();
        let notes = ["APE", "ID3v2"].map(|name| format!("a tag of {name} behind the sound is left out"));
        assert_eq!(parts_of(&file), (vec![first], None, notes.to_vec()));
    }

    #[test]
    fn the_last_frame_may_be_missing_in_part() {
        let file = [frame(1), frame(2), frame(3)].concat();
        let (_, missing, _) = parts_of(&file[..file.len() - 3]);
        assert_eq!(missing, Some("its last frame is not whole"));
        assert_eq!(parts_of(&file).1, None);
    }

    #[test]
    fn what_stands_between_frames_is_said() {
        let file = [frame(0), frame(1), vec![7, 0xFF, 0xF3, 9], frame(2), frame(3), vec![0; 50]].concat();
        let (parts, _, notes) = parts_of(&file);
        assert_eq!(parts, [[frame(0), frame(1), frame(2), frame(3)].concat()]);
        assert_eq!(notes, ["4 bytes between the frames are no sound: left out"]);
    }
}
