//! What an AIFF or a CAF holds besides samples and what symphonia reads of it: tags of a CAF, and the names of chunks
//! that find no place.
//!
//! ```text
//! AIFF: "FORM" length u32  "AIFF" | "AIFC", then chunks: id, length u32, payload, pad byte if the length is odd
//! CAF:  "caff" version u16, flags u16, then chunks: id, length i64 (−1 for samples up to the end), payload
//! ```
//!
//! # References
//! Audio Interchange File Format 1.3 (1989); Apple Core Audio Format Specification 1.0

use super::limits;
use std::io::{Read, Seek, SeekFrom};

/// Chunks of an AIFF that are read, or say nothing of the sound.
const OF_AIFF: [&[u8; 4]; 11] =
    [b"COMM", b"SSND", b"FVER", b"NAME", b"AUTH", b"(c) ", b"ANNO", b"COMT", b"ID3 ", b"PEAK", b"FLLR"];
/// The same of a CAF. Peaks and an overview can be made again.
const OF_CAF: [&[u8; 4]; 9] =
    [b"desc", b"data", b"pakt", b"chan", b"kuki", b"free", b"info", b"peak", b"ovvw"];
/// Keys of a CAF's `info` whose comments have other names.
const NAMES: [(&str, &str); 6] = [
    ("comments", "COMMENT"),
    ("encoding application", "ENCODER"),
    ("recorded date", "DATE"),
    ("track number", "TRACKNUMBER"),
    ("tempo", "BPM"),
    ("year", "DATE"),
];
/// Keys about the file, which are true of no other.
const OF_THE_FILE: [&str; 4] =
    ["approximate duration in seconds", "channel layout", "channel configuration", "source encoder"];
/// Far more than any file has; bounds the work on a file of empty chunks.
const MOST_CHUNKS: usize = 65_536;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Besides {
    /// Tags, each `NAME=text`.
    pub(super) comments: Vec<String>,
    /// Names of chunks that find no place, each once.
    pub(super) left_out: Vec<String>,
}

/// Goes through the chunks as far as they can be followed. A file that is neither AIFF nor CAF has nothing.
pub(super) fn look(mut file: impl Read + Seek) -> Besides {
    let mut found = Besides::default();
    let mut head = [0; 12];
    if file.read_exact(&mut head).is_err() {
        return found;
    }
    let (is_caf, mut at) = match &head[..4] {
        b"FORM" => (false, 12),
        b"caff" => (true, 8),
        _ => return found,
    };
    for _ in 0..MOST_CHUNKS {
        let Some((id, length)) = next(&mut file, at, is_caf) else { break };
        let known = if is_caf { &OF_CAF[..] } else { &OF_AIFF[..] };
        let name = id.escape_ascii().to_string();
        if is_caf && id == *b"info" && length <= limits::METADATA_BYTES {
            let mut payload = Vec::new();
            // What is missing of it is an error of the samples, which stand behind or are missing too.
            let _ = file.by_ref().take(length).read_to_end(&mut payload);
            found.comments.extend(comments(&payload));
        } else if !known.contains(&&id) && !found.left_out.contains(&name) {
            found.left_out.push(name);
        }
        let (head, padding) = if is_caf { (12, 0) } else { (8, length % 2) };
        let Some(end) = length.checked_add(head + padding).and_then(|whole| whole.checked_add(at)) else {
            break;
        };
        at = end;
    }
    found
}

/// Code and length of the chunk at a place; none at the end.
fn next(file: &mut (impl Read + Seek), at: u64, is_caf: bool) -> Option<([u8; 4], u64)> {
    let mut id = [0; 4];
    file.seek(SeekFrom::Start(at)).ok()?;
    file.read_exact(&mut id).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length[if is_caf { 0 } else { 4 }..]).ok()?;
    // −1: samples that go on to the end.
    Some((id, u64::from_be_bytes(length))).filter(|(_, length)| *length <= i64::MAX as u64)
}

/// The comments that an `info` chunk stands for: u32 count, then keys and texts, each up to a zero byte.
fn comments(payload: &[u8]) -> Vec<String> {
    let mut texts =
        payload.get(4..).unwrap_or_default().split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let mut comments = Vec::new();
    while let (Some(key), Some(text)) = (texts.next(), texts.next()) {
        let usual = NAMES.iter().find(|(name, _)| key.eq_ignore_ascii_case(name));
        let allowed =
            |c: char| if (' '..='}').contains(&c) && c != '=' { c.to_ascii_uppercase() } else { '_' };
        let name = usual.map_or_else(|| key.chars().map(allowed).collect(), |(_, name)| (*name).to_owned());
        let is_kept = !name.is_empty() && !OF_THE_FILE.iter().any(|of| key.eq_ignore_ascii_case(of));
        let comment = format!("{name}={text}");
        if is_kept && !comments.contains(&comment) {
            comments.push(comment);
        }
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn of_caf(id: &[u8; 4], length: i64, payload: &[u8]) -> Vec<u8> {
        [&id[..], &length.to_be_bytes(), payload].concat()
    }

    #[test]
    fn tags_of_a_caf_become_comments() {
        let info = b"\0\0\0\x04title\0Caf\xC3\xA9\0track number\x003/9\0My=Key\0x\0channel layout\0stereo\0";
        let file = [
            &b"caff\0\x01\0\0"[..],
            &of_caf(b"info", info.len() as i64, info),
            &of_caf(b"mark", 3, b"abc"),
            &of_caf(b"mark", 0, b""),
            &of_caf(b"data", -1, &[0; 40]),
        ]
        .concat();
        let found = look(Cursor::new(&file));
        assert_eq!(found.comments, ["TITLE=Caf\u{e9}", "TRACKNUMBER=3/9", "MY_KEY=x"]);
        assert_eq!(found.left_out, ["mark"]);
        // Any part of it is no reason to panic.
        (0..file.len()).for_each(|length| assert!(look(Cursor::new(&file[..length])).comments.len() <= 4));
    }

    #[test]
    fn a_chunk_without_a_place_is_named() {
        let chunk = |id: &[u8], payload: &[u8]| {
            let padding = &[0][..payload.len() % 2];
            [id, &(payload.len() as u32).to_be_bytes(), payload, padding].concat()
        };
        let chunks =
            [(&b"COMM"[..], &[0; 18][..]), (b"INST", &[0; 20]), (b"SSND", &[0; 9]), (b"AP\xFFL", b"x")];
        let chunks: Vec<u8> = chunks.into_iter().flat_map(|(id, payload)| chunk(id, payload)).collect();
        let found = look(Cursor::new([&b"FORM\0\0\0\0AIFF"[..], &chunks].concat()));
        assert_eq!(found, Besides { comments: vec![], left_out: vec!["INST".into(), "AP\\xffL".into()] });
        assert_eq!(look(Cursor::new(b"RIFF\0\0\0\0WAVEabcd\0\0\0\0")), Besides::default());
    }
}
