//! Which part of an M4A is to be heard: encoders of AAC begin with silence and end with some, and say how much.
//!
//! # References
//! ISO/IEC 14496-12, 8.6.6 (edit lists); QuickTime File Format, appendix G (`iTunSMPB`)

use super::limits;
use std::io::{Read, Seek, SeekFrom};

/// The frames to be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    /// Frames in front of them.
    pub(super) skip: u64,
    /// How many they are.
    pub(super) frames: u64,
}

/// What a file says in front of its samples, or behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Index {
    /// Whether it stands in front of them, so that the file can be read in order.
    pub(super) is_first: bool,
    /// The frames to be heard, if it tells.
    pub(super) edit: Option<Edit>,
}

/// The index of a file, which is read from its beginning; none if the file ends before.
pub(super) fn index(mut file: impl Read + Seek) -> Option<Index> {
    let (mut at, mut is_first) = (0, true);
    loop {
        file.seek(SeekFrom::Start(at)).ok()?;
        let mut head = [0; 16];
        file.read_exact(&mut head[..8]).ok()?;
        let (mut length, mut used) = (number(&head, 0, 4)?, 8);
        if length == 1 {
            file.read_exact(&mut head[8..]).ok()?;
            (length, used) = (number(&head, 8, 8)?, 16);
        }
        if &head[4..8] == b"moov" {
            let length = length.checked_sub(used).filter(|length| *length <= limits::METADATA_BYTES)?;
            let mut moov = Vec::new();
            file.take(length).read_to_end(&mut moov).ok()?;
            return (moov.len() as u64 == length).then(|| Index { is_first, edit: edit_list(&moov) });
        }
        is_first &= &head[4..8] != b"mdat";
        at = at.checked_add(length.max(8))?;
    }
}

/// The edit list of the first track of sound, if it is one piece.
fn edit_list(moov: &[u8]) -> Option<Edit> {
    let movie_rate = rate(child(moov, b"mvhd")?)?;
    let tracks = children(moov).filter(|(kind, _)| kind == b"trak");
    let is_sound = |track: &&[u8]| {
        let handler = child(track, b"mdia").and_then(|media| child(media, b"hdlr"));
        handler.is_some_and(|handler| handler.get(8..12) == Some(b"soun"))
    };
    let track = tracks.map(|(_, track)| track).find(is_sound)?;
    let sound_rate = rate(child(child(track, b"mdia")?, b"mdhd")?)?;
    let list = child(child(track, b"edts")?, b"elst")?;
    let (count, width) = (number(list, 4, 4)?, if *list.first()? == 0 { 4 } else { 8 });
    let (duration, start) = (number(list, 8, width)?, number(list, 8 + width, width)?);
    // All bits are set in an entry that is a pause.
    if count != 1 || duration == 0 || start >> (8 * width - 1) != 0 {
        return None;
    }
    let frames = (u128::from(duration) * u128::from(sound_rate)).div_ceil(movie_rate.into());
    Some(Edit { skip: start, frames: u64::try_from(frames).ok()? })
}

/// What the tag `iTunSMPB` says: numbers of 16, of which the second, third and fourth are silence in front, silence
/// behind, and frames between.
pub(super) fn edit_tag(text: &str) -> Option<Edit> {
    let mut numbers = text.split_ascii_whitespace().map(|number| u64::from_str_radix(number, 16).ok());
    let (skip, _, frames) = (numbers.nth(1)??, numbers.next()??, numbers.next()??);
    (frames > 0).then_some(Edit { skip, frames })
}

/// The boxes in a box.
fn children(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::try_from(number(rest, 0, 4)?).ok().filter(|length| *length >= 8)?;
        let whole = rest.get(..length)?;
        rest = &rest[length..];
        Some((whole[4..8].try_into().ok()?, &whole[8..]))
    })
}

fn child<'a>(of: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(of).find(|(found, _)| found == kind).map(|(_, content)| content)
}

/// Units of time in a second, of `mvhd` or `mdhd`.
fn rate(head: &[u8]) -> Option<u32> {
    let rate = number(head, if *head.first()? == 0 { 12 } else { 20 }, 4)? as u32;
    (rate > 0).then_some(rate)
}

/// A number of `width` bytes.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(width)?)?;
    Some(field.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes(), &kind[..], content].concat()
    }

    #[test]
    fn silence_around_the_sound_is_told_by_its_edit_list() {
        let header = |rate: u32| [&[0; 12][..], &rate.to_be_bytes(), &[0; 4]].concat();
        let handler = [&[0; 8][..], b"soun"].concat();
        let media = [boxed(b"mdhd", &header(44_100)), boxed(b"hdlr", &handler)].concat();
        let list = [0_u32, 1, 400, 1024, 1].map(u32::to_be_bytes).concat();
        let track = [boxed(b"edts", &boxed(b"elst", &list)), boxed(b"mdia", &media)].concat();
        let moov = [boxed(b"mvhd", &header(1000)), boxed(b"trak", &track)].concat();
        let file = [boxed(b"ftyp", b"M4A "), boxed(b"mdat", &[7; 50]), boxed(b"moov", &moov)].concat();
        let edit = Some(Edit { skip: 1024, frames: 17_640 });
        assert_eq!(index(Cursor::new(&file)), Some(Index { is_first: false, edit }));
        for cut in 0..file.len() {
            assert_eq!(index(Cursor::new(&file[..cut])), None);
        }
        let file = [boxed(b"moov", &moov), boxed(b"mdat", &[7; 50])].concat();
        assert_eq!(index(Cursor::new(&file)), Some(Index { is_first: true, edit }));
    }

    #[test]
    fn silence_around_the_sound_is_told_by_a_tag() {
        let text = " 00000000 00000840 000001CA 00000000003F31F6 00000000";
        assert_eq!(edit_tag(text), Some(Edit { skip: 0x840, frames: 0x3F_31F6 }));
        assert_eq!(edit_tag("00000000 x"), None);
    }
}
