//! `SEGM` and `SEGT`: the segments of a sound, each a chunk that can be found and read without the rest, and their
//! table.
//!
//! Both begin with a few fields and a checksum of their own, the *check*. A reader that has lost its way looks for the
//! next place where a check holds; and a segment whose check holds is as long as it says, even if its payload is
//! damaged.

use crate::{
    AudioHeader, ChunkCode, Error, Fault, Limits, MAX_LEVEL,
    limits::check,
    reader::{Reader, length},
    varint,
};

/// Code, length, four numbers and the check take at most this many bytes.
pub(crate) const LONGEST_HEAD: usize = 4 + 10 + 3 * 10 + 4;

/// A segment takes at least this many bytes: code, length, two numbers, check, checksum.
pub(crate) const LEAST_SEGMENT_BYTES: u64 = 15;

/// A segment of a sound, as it stands in its chunk `SEGM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Its place in the sound, from 0.
    pub index: u64,
    /// Of the last segment its length in frames; `None` if others follow, which are all of the length in the header.
    pub last: Option<u64>,
    /// Quality level index, 0..=1023.
    pub level: u16,
    /// The entropy-coded payload; empty if the segment is silent.
    pub payload: &'a [u8],
}

/// What stands in front of the payload of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHead {
    pub(crate) index: u64,
    pub(crate) last: Option<u64>,
    pub(crate) level: u16,
    /// Bytes from the beginning of the chunk to the payload, and to the end of the chunk.
    pub(crate) payload_start: u64,
    pub(crate) chunk_bytes: u64,
}

impl SegmentHead {
    /// Reads the head of the chunk `SEGM` that begins `window` at `offset` of the file.
    pub(crate) fn read(window: &[u8], offset: u64, header: &AudioHeader) -> Result<Self, Error> {
        let mut head = Head::begin(window, offset, ChunkCode::SEGMENT)?;
        let number = head.reader.varint("segment number")?;
        let last =
            if number & 1 == 1 { Some(head.reader.varint("frames of the last segment")?) } else { None };
        let change = head.reader.varint("level change")?;
        let (payload_start, chunk_bytes) = head.check()?;
        let malformed = |fault| Error::malformed(offset, fault);
        if last.is_some_and(|frames| frames == 0 || frames > header.segment_frames) {
            return Err(malformed(Fault::SegmentFrames));
        }
        let level = level_after(header.level, change).ok_or(malformed(Fault::SegmentLevel))?;
        let longest = header.longest_segment();
        if chunk_bytes.saturating_sub(payload_start) > longest.saturating_add(4) {
            return Err(malformed(Fault::SegmentLength { longest }));
        }
        Ok(Self { index: number >> 1, last, level, payload_start, chunk_bytes })
    }
}

impl Segment<'_> {
    /// Appends the chunk, the mirror of [`SegmentHead::read`].
    pub(crate) fn write(&self, header: &AudioHeader, out: &mut Vec<u8>) -> Result<(), Error> {
        let range = || Error::parameter("segment", self.index, "less than 2^62");
        let number = self.index.checked_mul(2).ok_or_else(range)?;
        let mut fields = Vec::new();
        varint::write(number | u64::from(self.last.is_some()), &mut fields);
        if let Some(frames) = self.last {
            if frames == 0 || frames > header.segment_frames {
                let expected = format!("1..={}", header.segment_frames);
                return Err(Error::parameter("frames of the last segment", frames, expected));
            }
            varint::write(frames, &mut fields);
        }
        if self.level > MAX_LEVEL {
            return Err(Error::parameter("level", self.level, format!("0..={MAX_LEVEL}")));
        }
        varint::write(level_change(header.level, self.level), &mut fields);
        let (bytes, longest) = (length(self.payload), header.longest_segment());
        if bytes > longest {
            return Err(Error::parameter("segment bytes", bytes, format!("at most {longest}")));
        }
        write(ChunkCode::SEGMENT, &fields, self.payload, out);
        Ok(())
    }
}

/// The level of a segment from the level of the header and the field of the segment: 0, −1, 1, −2, 2 and so on.
fn level_after(level: u16, field: u64) -> Option<u16> {
    let size = u16::try_from(field.div_ceil(2)).ok()?;
    let changed = if field & 1 == 1 { level.checked_sub(size) } else { level.checked_add(size) };
    changed.filter(|&level| level <= MAX_LEVEL)
}

/// Undoes [`level_after`].
fn level_change(from: u16, to: u16) -> u64 {
    let size = u64::from(from.abs_diff(to));
    size.saturating_mul(2).saturating_sub(u64::from(to < from))
}

/// `SEGT`: how long the sound is, and where its segments are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentTable {
    /// Length of the sound in frames.
    pub frames: u64,
    /// Where each segment begins, in bytes from the start of the file, and where the last one ends; one entry alone,
    /// 0, if there are none.
    pub offsets: Vec<u64>,
}

/// What stands in front of the lengths of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TableHead {
    pub(crate) frames: u64,
    pub(crate) segments: u64,
    pub(crate) first: u64,
    /// Bytes from the beginning of the chunk to the lengths, and to the end of the chunk.
    pub(crate) lengths_start: u64,
    pub(crate) chunk_bytes: u64,
}

impl TableHead {
    /// Reads the head of the chunk `SEGT` that begins `window` at `offset` of the file.
    pub(crate) fn read(
        window: &[u8],
        offset: u64,
        header: &AudioHeader,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let mut head = Head::begin(window, offset, ChunkCode::SEGMENT_TABLE)?;
        let frames = head.reader.varint("frames")?;
        let segments = head.reader.varint("number of segments")?;
        let first = head.reader.varint("first segment")?;
        let (lengths_start, chunk_bytes) = head.check()?;
        check("samples", header.samples(frames), limits.samples)?;
        // As many segments as the frames need, each of them somewhere before the table; a length takes five bytes at
        // most.
        let longest = segments.saturating_mul(5).saturating_add(8);
        if segments != header.segment_count(frames)
            || segments.saturating_mul(LEAST_SEGMENT_BYTES) > offset
            || chunk_bytes.saturating_sub(lengths_start) > longest
        {
            return Err(Error::malformed(offset, Fault::SegmentTable));
        }
        Ok(Self { frames, segments, first, lengths_start, chunk_bytes })
    }
}

impl SegmentTable {
    /// How many bytes at the end of a file say where its table begins: the last eight of the table.
    pub const TRAILER_BYTES: u64 = 8;

    /// Where the table begins in a file of `file_bytes` bytes that ends with `trailer`, by the word of the trailer.
    pub fn locate(trailer: [u8; 8], file_bytes: u64) -> Option<u64> {
        let [a, b, c, d, ..] = trailer;
        file_bytes.checked_sub(u32::from_le_bytes([a, b, c, d]).into())
    }

    /// Reads the chunk `SEGT` that is `bytes`, at `offset` of the file.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::ChunkChecksum`] or [`Error::Malformed`] if it is no whole table;
    /// [`Error::Limit`].
    pub fn read(bytes: &[u8], offset: u64, header: &AudioHeader, limits: &Limits) -> Result<Self, Error> {
        let head = TableHead::read(bytes, offset, header, limits)?;
        let needed = head.chunk_bytes;
        let chunk = usize::try_from(needed).ok().and_then(|end| bytes.get(..end));
        let missing = Error::Truncated { offset, what: "segment table", needed, left: length(bytes) };
        let chunk = chunk.ok_or(missing)?;
        verify(chunk, offset, ChunkCode::SEGMENT_TABLE)?;
        let mut reader = Reader::new(chunk, offset);
        reader.take_up_to(head.lengths_start);
        let malformed = || Error::malformed(offset, Fault::SegmentTable);
        // Every length takes a byte at least, so the number of them is held against the bytes that are here.
        let segments = usize::try_from(head.segments).ok().filter(|&n| n <= reader.rest().len());
        let mut offsets = Vec::with_capacity(segments.ok_or_else(malformed)?.saturating_add(1));
        let mut next = head.first;
        offsets.push(next);
        for _ in 0..head.segments {
            next = next.checked_add(reader.varint("segment length")?).ok_or_else(malformed)?;
            offsets.push(next);
        }
        let back = u64::from(reader.u32("length of the segment table")?);
        let rest = length(reader.rest());
        let none = head.segments == 0 && head.first != 0;
        if rest != 4 || back != needed || next > offset || none {
            return Err(malformed());
        }
        Ok(Self { frames: head.frames, offsets })
    }

    /// Appends the chunk, the mirror of [`SegmentTable::read`].
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut fields = Vec::new();
        let first = self.offsets.first().copied().unwrap_or(0);
        varint::write(self.frames, &mut fields);
        varint::write(length_of(&self.offsets).saturating_sub(1), &mut fields);
        varint::write(first, &mut fields);
        let mut lengths = Vec::new();
        for (start, end) in self.offsets.iter().zip(self.offsets.iter().skip(1)) {
            varint::write(end.saturating_sub(*start), &mut lengths);
        }
        // The length of the chunk is in its payload, and the width of the length field depends on the payload alone.
        lengths.extend_from_slice(&[0; 4]);
        let start = out.len();
        write(ChunkCode::SEGMENT_TABLE, &fields, &lengths, out);
        let size = out.len().saturating_sub(start);
        let covered = size.saturating_sub(4);
        if let Some(chunk) = out.get_mut(start..) {
            let back = u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
            let place = covered.saturating_sub(4)..covered;
            chunk.get_mut(place).into_iter().for_each(|field| field.copy_from_slice(&back));
            let checksum = crc32c::crc32c(chunk.get(..covered).unwrap_or_default()).to_le_bytes();
            chunk.get_mut(covered..).into_iter().for_each(|field| field.copy_from_slice(&checksum));
        }
    }
}

fn length_of(items: &[u64]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

/// Code and length of a chunk with a check, and what comes after them.
struct Head<'a> {
    window: &'a [u8],
    offset: u64,
    code: ChunkCode,
    declared: u64,
    reader: Reader<'a>,
    payload_offset: u64,
}

impl<'a> Head<'a> {
    fn begin(window: &'a [u8], offset: u64, code: ChunkCode) -> Result<Self, Error> {
        let mut reader = Reader::new(window, offset);
        let letters = reader.array("chunk code")?;
        if letters != code.bytes() {
            return Err(Error::malformed(offset, Fault::ChunkCode(letters)));
        }
        let declared = reader.varint("chunk length")?;
        let payload_offset = reader.offset();
        Ok(Self { window, offset, code, declared, reader, payload_offset })
    }

    /// Reads the check. Gives the bytes from the beginning of the chunk to what follows the check, and to its end.
    fn check(mut self) -> Result<(u64, u64), Error> {
        let covered = self.window.len().saturating_sub(self.reader.rest().len());
        let computed = crc32c::crc32c(self.window.get(..covered).unwrap_or_default());
        let stored = self.reader.u32("check")?;
        let (offset, code) = (self.offset, self.code);
        if stored != computed {
            return Err(Error::ChunkChecksum { offset, code, stored, computed });
        }
        let start = self.reader.offset().saturating_sub(offset);
        let end = self.payload_offset.saturating_sub(offset).saturating_add(self.declared);
        if end < start {
            return Err(Error::malformed(offset, Fault::SegmentHead));
        }
        Ok((start, end.saturating_add(4)))
    }
}

/// Holds the checksum at the end of a whole chunk against its bytes.
pub(crate) fn verify(chunk: &[u8], offset: u64, code: ChunkCode) -> Result<(), Error> {
    let (covered, checksum) = chunk.split_last_chunk::<4>().unwrap_or((&[], &[0; 4]));
    let (stored, computed) = (u32::from_le_bytes(*checksum), crc32c::crc32c(covered));
    if stored == computed { Ok(()) } else { Err(Error::ChunkChecksum { offset, code, stored, computed }) }
}

/// Appends a chunk of fields, their check, and the rest.
fn write(code: ChunkCode, fields: &[u8], rest: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&code.bytes());
    varint::write(length(fields).saturating_add(4).saturating_add(length(rest)), out);
    out.extend_from_slice(fields);
    let check = crc32c::crc32c(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&check.to_le_bytes());
    out.extend_from_slice(rest);
    let checksum = crc32c::crc32c(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&checksum.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SampleFormat, WeightsId};
    use proptest::prelude::*;

    fn header(level: u16) -> AudioHeader {
        let (format, weights) = (SampleFormat::I16, WeightsId([0; 6]));
        AudioHeader {
            level,
            lossless: false,
            format,
            sample_rate: 48_000,
            channels: 2,
            segment_frames: 1000,
            weights,
        }
    }

    #[test]
    fn levels_up_and_down() {
        assert_eq!([100, 99, 101, 98].map(|to| level_change(100, to)), [0, 1, 2, 3]);
        assert_eq!(level_after(3, 7), None);
        assert_eq!(level_after(1020, 8), None);
        assert_eq!(level_after(0, u64::MAX), None);
    }

    proptest! {
        #[test]
        fn a_segment_reads_as_written(
            from in 0u16..1024, level in 0u16..1024, index in 0u64..1 << 40, last in prop::option::of(1u64..=1000),
            payload: Vec<u8>,
        ) {
            let segment = Segment { index, last, level, payload: &payload };
            let mut bytes = Vec::new();
            segment.write(&header(from), &mut bytes).unwrap();
            let head = SegmentHead::read(&bytes, 77, &header(from)).unwrap();
            prop_assert_eq!((head.index, head.last, head.level), (index, last, level));
            prop_assert_eq!(head.chunk_bytes, length(&bytes));
            prop_assert_eq!(&bytes[head.payload_start as usize..bytes.len() - 4], &payload[..]);
            prop_assert!(verify(&bytes, 77, ChunkCode::SEGMENT).is_ok());
        }

        #[test]
        fn a_table_reads_as_written(lengths in prop::collection::vec(15u64..1 << 30, 0..40), short in 0u64..1000) {
            let mut offsets = vec![if lengths.is_empty() { 0 } else { 41 }];
            lengths.iter().for_each(|length| offsets.push(offsets[offsets.len() - 1] + length));
            let frames = (lengths.len() as u64 * 1000).saturating_sub(short);
            let table = SegmentTable { frames, offsets };
            let (mut bytes, offset) = (Vec::new(), table.offsets[lengths.len()] + 9);
            table.write(&mut bytes);
            let read = SegmentTable::read(&bytes, offset, &header(0), &Limits::default());
            prop_assert_eq!(read, Ok(table));
            let trailer = *bytes.last_chunk().unwrap();
            prop_assert_eq!(SegmentTable::locate(trailer, offset + length(&bytes)), Some(offset));
        }
    }
}
