//! The chunks of a RIFF file, one after the other, without trusting a single length in it.
//!
//! ```text
//! RIFF | RF64 | BW64   length u32   "WAVE"
//!   ds64               (RF64 and BW64) the lengths that do not fit in 32 bits
//!   id, length u32, payload, pad byte if the length is odd
//!   …
//! ```
//!
//! Programs that write to a pipe cannot go back to fill in the lengths: they leave 0, 0xFFFFFFFF or something near
//! 2³¹ there. Where such a length stands in front of the samples, the samples reach to the end of the file.
//!
//! # References
//! Multimedia Programming Interface and Data Specifications 1.0 (1991); EBU Tech 3306 (RF64); ITU-R BS.2088 (BW64)

use crate::error::{Error, Result};

/// A four-character code.
pub type Id = [u8; 4];

/// A chunk whose payload lies within the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Its four-character code.
    pub id: Id,
    /// Where its code stands in the file.
    pub offset: usize,
    /// The bytes it holds.
    pub payload: &'a [u8],
    /// False if the payload was taken up to the end of the file, its length being unknown.
    pub has_length: bool,
}

/// Lengths from this value on are what a writer leaves that did not know better (SoX: 0x7FFFF000 or so).
const PLACEHOLDER: u64 = 0x7FFF_0000;
const UNKNOWN: u32 = u32::MAX;
/// Far more than any file has; bounds the work on a file of empty chunks.
const MOST_CHUNKS: usize = 65_536;

/// All chunks of a WAVE file, without `ds64`.
pub fn chunks(file: &[u8]) -> Result<Vec<Chunk<'_>>> {
    let (form, riff_length) = match (file.get(..4), read_u32(file, 4), file.get(8..12)) {
        (Some(form @ (b"RIFF" | b"RF64" | b"BW64")), Some(length), Some(b"WAVE")) => (form, length),
        _ => return Err(Error::corrupt("not a WAVE file (expected RIFF, RF64 or BW64 with WAVE at byte 8)")),
    };
    let mut wide = Wide::default();
    let mut chunks = Vec::new();
    let mut position = 12;
    while let (Some(id), Some(length)) = (read_id(file, position), read_u32(file, position + 4)) {
        let start = position + 8;
        let room = file.len() - start;
        if form != b"RIFF" && id == *b"ds64" {
            wide = Wide::parse(file.get(start..start.saturating_add(length as usize)), position)?;
            position = next(start, length as usize);
            continue;
        }
        let long = if length == UNKNOWN { wide.length(id) } else { None };
        let declared = long.unwrap_or(u64::from(length));
        let is_open = id == *b"data" && is_open_ended(declared, room, start, riff_length);
        let taken = match usize::try_from(declared) {
            _ if is_open => room,
            Ok(declared) if declared <= room => declared,
            _ => {
                let name = id.escape_ascii();
                let cause =
                    format!("chunk '{name}' at byte {position} holds {declared} bytes (expected at most the");
                return Err(Error::corrupt(format!("{cause} {room} that follow it: the file is cut short)")));
            }
        };
        chunks.push(Chunk {
            id,
            offset: position,
            payload: &file[start..start + taken],
            has_length: !is_open,
        });
        if chunks.len() > MOST_CHUNKS {
            return Err(Error::limit(format!("more than {MOST_CHUNKS} chunks")));
        }
        position = next(start, taken);
    }
    Ok(chunks)
}

/// Code and length of the chunk that begins with these eight bytes.
pub fn head_of(bytes: &[u8]) -> (Id, u32) {
    (read_id(bytes, 0).unwrap_or_default(), read_u32(bytes, 4).unwrap_or(0))
}

/// For a file that is read as it arrives and whose chunk `data` of length `length` begins at `position`: bytes of
/// samples, and whether they go on to the end of the file instead. `head` is the file up to there.
///
/// # Errors
/// If `ds64` is cut short.
pub fn samples_of(head: &[u8], position: usize, length: u32) -> Result<(u64, bool)> {
    let riff_length = read_u32(head, 4).unwrap_or(0);
    let mut declared = u64::from(length);
    if length == UNKNOWN && head.get(..4) != Some(b"RIFF") {
        let mut at = 12;
        while let (Some(id), Some(length)) = (read_id(head, at), read_u32(head, at + 4)) {
            if id == *b"ds64" {
                let wide = Wide::parse(head.get(at + 8..(at + 8).saturating_add(length as usize)), at)?;
                declared = wide.data.unwrap_or(declared);
            }
            at = next(at + 8, length as usize);
        }
    }
    // How much follows is not known here: an announced length in the range of placeholders is taken for one only if no
    // 64-bit length stands for it.
    let open = match declared == u64::from(length) {
        true => declared >= PLACEHOLDER || is_open_ended(declared, usize::MAX, position + 8, riff_length),
        false => false,
    };
    Ok((declared, open))
}

/// True if this length of a `data` chunk says nothing, so that the samples go on to the end of the file.
fn is_open_ended(declared: u64, room: usize, start: usize, riff_length: u32) -> bool {
    let room = room as u64;
    if declared >= PLACEHOLDER && declared > room {
        return true;
    }
    // Zero is also the length of a sound without samples. It is meant so if other chunks follow inside the RIFF.
    let riff_end = 8 + u64::from(riff_length);
    let riff_is_unknown = riff_length == 0 || u64::from(riff_length) >= PLACEHOLDER;
    declared == 0 && room > 0 && (riff_is_unknown || riff_end <= start as u64)
}

/// Where the next chunk begins: payloads of odd length are followed by a pad byte.
fn next(start: usize, length: usize) -> usize {
    start.saturating_add(length).saturating_add(length % 2)
}

fn read_id(bytes: &[u8], at: usize) -> Option<Id> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok()
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// What a `ds64` chunk says: 64-bit lengths, in place of those that read 0xFFFFFFFF.
#[derive(Debug, Default)]
struct Wide {
    data: Option<u64>,
    others: Vec<(Id, u64)>,
}

impl Wide {
    /// RIFF length u64, data length u64, sample count u64, entries u32, then an id and a u64 each.
    fn parse(payload: Option<&[u8]>, position: usize) -> Result<Self> {
        let payload = payload.filter(|payload| payload.len() >= 24).ok_or_else(|| {
            Error::corrupt(format!(
                "chunk 'ds64' at byte {position} is cut short (expected at least 24 bytes)"
            ))
        })?;
        let entries = payload.get(28..).unwrap_or_default().chunks_exact(12);
        let count = read_u32(payload, 24).unwrap_or(0) as usize;
        let others =
            entries.take(count).filter_map(|entry| Some((read_id(entry, 0)?, read_u64(entry, 4)?))).collect();
        Ok(Self { data: read_u64(payload, 8), others })
    }

    fn length(&self, id: Id) -> Option<u64> {
        if id == *b"data" {
            return self.data;
        }
        self.others.iter().find(|(other, _)| *other == id).map(|(_, length)| *length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn riff(form: &[u8; 4], length: u32, body: &[u8]) -> Vec<u8> {
        [&form[..], &length.to_le_bytes(), b"WAVE", body].concat()
    }

    fn chunk(id: &[u8; 4], length: u32, payload: &[u8]) -> Vec<u8> {
        [&id[..], &length.to_le_bytes(), payload].concat()
    }

    fn payloads(file: &[u8]) -> Vec<(Id, Vec<u8>, bool)> {
        chunks(file).unwrap().into_iter().map(|c| (c.id, c.payload.to_vec(), c.has_length)).collect()
    }

    #[test]
    fn a_pad_byte_follows_a_payload_of_odd_length() {
        let body = [chunk(b"LIST", 3, b"abc\0"), chunk(b"data", 2, b"xy")].concat();
        let expected = vec![(*b"LIST", b"abc".to_vec(), true), (*b"data", b"xy".to_vec(), true)];
        assert_eq!(payloads(&riff(b"RIFF", 26, &body)), expected);
    }

    #[test]
    fn samples_of_unknown_length_reach_to_the_end() {
        for length in [u32::MAX, 0x7FFF_F000, 0x7FFF_FFFF] {
            let file = riff(b"RIFF", length, &chunk(b"data", length, b"wxyz"));
            assert_eq!(payloads(&file), [(*b"data", b"wxyz".to_vec(), false)], "{length:#x}");
        }
        for riff_length in [0, u32::MAX, 12] {
            let file = riff(b"RIFF", riff_length, &chunk(b"data", 0, b"wxyz"));
            assert_eq!(payloads(&file), [(*b"data", b"wxyz".to_vec(), false)], "{riff_length}");
        }
    }

    #[test]
    fn no_samples_are_no_samples_if_the_file_knows_its_length() {
        let body = [chunk(b"data", 0, b""), chunk(b"LIST", 4, b"INFO")].concat();
        let expected = vec![(*b"data", vec![], true), (*b"LIST", b"INFO".to_vec(), true)];
        assert_eq!(payloads(&riff(b"RIFF", 24, &body)), expected);
    }

    #[test]
    fn a_long_file_has_its_lengths_in_ds64() {
        let mut table = Vec::new();
        for value in [0_u64, 5, 0] {
            table.extend(value.to_le_bytes());
        }
        table.extend(1_u32.to_le_bytes());
        table.extend(b"LIST");
        table.extend(4_u64.to_le_bytes());
        let length = table.len() as u32;
        for form in [b"RF64", b"BW64"] {
            let rest = [chunk(b"data", UNKNOWN, b"abcde\0"), chunk(b"LIST", UNKNOWN, b"INFO")].concat();
            let file = riff(form, UNKNOWN, &[chunk(b"ds64", length, &table), rest].concat());
            let expected = vec![(*b"data", b"abcde".to_vec(), true), (*b"LIST", b"INFO".to_vec(), true)];
            assert_eq!(payloads(&file), expected);
        }
        let short = chunks(&riff(b"RF64", UNKNOWN, &chunk(b"ds64", 8, &[0; 8]))).unwrap_err();
        assert_eq!(short.to_string(), "chunk 'ds64' at byte 12 is cut short (expected at least 24 bytes)");
    }

    #[test]
    fn a_chunk_that_is_cut_short_is_an_error_with_its_place() {
        let error = chunks(&riff(b"RIFF", 100, &chunk(b"data", 10, b"1234567"))).unwrap_err();
        let expected = "chunk 'data' at byte 12 holds 10 bytes (expected at most the 7 that follow it: the file is cut short)";
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.exit_code(), 4);
    }

    #[test]
    fn the_number_of_chunks_is_bounded() {
        let file = riff(b"RIFF", 0, &chunk(b"aaaa", 0, b"").repeat(MOST_CHUNKS + 1));
        assert_eq!(chunks(&file).unwrap_err().to_string(), "more than 65536 chunks");
        assert_eq!(chunks(&file[..file.len() - 8]).unwrap().len(), MOST_CHUNKS);
    }

    /// Bytes that look like a WAVE file often enough to reach every branch.
    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let id = prop::sample::select(vec![*b"data", *b"fmt ", *b"LIST", *b"ds64", *b"cue ", [0; 4]]);
        let length = prop_oneof![0..40_u32, Just(u32::MAX), Just(0x7FFF_F000), any::<u32>()];
        let piece = (id, length, prop::collection::vec(any::<u8>(), 0..40));
        let form = prop::sample::select(vec![*b"RIFF", *b"RF64", *b"BW64"]);
        (form, any::<u32>(), prop::collection::vec(piece, 0..8)).prop_map(|(form, length, pieces)| {
            let body: Vec<u8> =
                pieces.iter().flat_map(|(id, length, bytes)| chunk(id, *length, bytes)).collect();
            riff(&form, length, &body)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn chunks_of_any_file_lie_inside_it_one_after_the_other(file in hostile()) {
            let mut end = 12;
            for chunk in chunks(&file).unwrap_or_default() {
                prop_assert!(chunk.offset >= end);
                end = chunk.offset + 8 + chunk.payload.len();
                prop_assert!(end <= file.len());
                prop_assert_eq!(chunk.payload, &file[chunk.offset + 8..end]);
            }
        }

        #[test]
        fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(chunks(&bytes).is_err() || bytes[8..12] == *b"WAVE");
        }
    }
}
