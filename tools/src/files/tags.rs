//! Tags and covers of sounds. In a `.wvn` file they are blocks of a FLAC: those of a FLAC and an Ogg as they are, those
//! of other formats written as such blocks.

mod names;

use super::guard::guarded;
use super::limits;
use super::m4a::{self, Edit};
use crate::error::Error;
use base64ct::{Base64, Encoding};
use std::collections::HashSet;
use std::io::Cursor;
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::{
    MetadataOptions, MetadataReader, MetadataRevision, RawTag, RawValue, StandardTag, StandardVisualKey, Tag,
    Visual,
};
use symphonia::default::meta::Id3v2Reader;

/// Types of blocks of a FLAC that are kept, see RFC 9639, 8.1.
pub(super) mod block {
    pub(in super::super) const APPLICATION: u8 = 2;
    pub(in super::super) const COMMENTS: u8 = 4;
    pub(in super::super) const CUESHEET: u8 = 5;
    pub(in super::super) const PICTURE: u8 = 6;
    /// Marks the type of the last block in front of the samples.
    pub(in super::super) const LAST: u8 = 0x80;
}

/// What stands in front of the content in [`Metadata::flac`](wavern::Metadata::flac).
fn typed(kind: u8, content: Vec<u8>) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(content);
    out
}

/// Comments as a FLAC holds them, with the name of the program that wrote them.
pub(super) fn comment_block<T: AsRef<[u8]>>(vendor: &[u8], comments: &[T]) -> Vec<u8> {
    let mut out = vec![block::COMMENTS];
    out.extend((vendor.len() as u32).to_le_bytes());
    out.extend(vendor);
    out.extend((comments.len() as u32).to_le_bytes());
    for comment in comments.iter().map(AsRef::as_ref) {
        out.extend((comment.len() as u32).to_le_bytes());
        out.extend(comment);
    }
    out
}

/// Who writes comments that were none before.
pub(super) const VENDOR: &[u8] = b"wavern";

/// Comments of all blocks, each `NAME=text`; what cannot be read is left out.
pub(super) fn comments_of(blocks: &[Vec<u8>]) -> Vec<String> {
    let mut all = Vec::new();
    for content in blocks.iter().filter_map(|kept| kept.strip_prefix(&[block::COMMENTS])) {
        let mut rest = content;
        if text(&mut rest).is_none() || rest.split_off(..4).is_none() {
            continue;
        }
        while let Some(comment) = text(&mut rest) {
            all.push(String::from_utf8_lossy(comment).into_owned());
        }
    }
    all
}

/// A text behind its length.
fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = after;
    Some(text)
}

/// The comments of an Ogg as blocks of a FLAC: as they are, but pictures among them as blocks of their own.
pub(super) fn blocks_of_ogg(comments: Vec<u8>) -> Vec<Vec<u8>> {
    let mut rest = &comments[..];
    let vendor = text(&mut rest).unwrap_or_default();
    let count = rest.split_off(..4).and_then(|count| count.try_into().ok()).map_or(0, u32::from_le_bytes);
    let (mut kept, mut pictures) = (Vec::new(), Vec::new());
    for comment in (0..count).map_while(|_| text(&mut rest)) {
        match picture_of(comment) {
            Some(picture) => pictures.push(typed(block::PICTURE, picture)),
            None => kept.push(comment),
        }
    }
    std::iter::once(comment_block(vendor, &kept)).chain(pictures).collect()
}

/// The block that a comment holds as Base64.
fn picture_of(comment: &[u8]) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"METADATA_BLOCK_PICTURE=";
    let (name, text) = comment.split_at_checked(NAME.len())?;
    let text = str::from_utf8(text).ok().filter(|_| name.eq_ignore_ascii_case(NAME))?;
    Base64::decode_vec(text).ok()
}

/// Tags and pictures that symphonia found, as blocks of a FLAC; and what has no name or text there.
pub(super) fn blocks_of(revisions: &[MetadataRevision]) -> (Vec<Vec<u8>>, Vec<String>) {
    let (mut comments, mut pictures, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    for revision in revisions {
        let containers = revision.per_track.iter().map(|track| &track.metadata);
        for container in [&revision.media].into_iter().chain(containers) {
            // What was silence around the sound is none any more.
            for tag in container.tags.iter().filter(|tag| !tag.raw.key.ends_with(SILENCE)) {
                match comments_for(tag) {
                    Some(named) => comments.extend(named),
                    None => lost.push(tag.raw.key.clone()),
                }
            }
            pictures.extend(container.visuals.iter().filter_map(picture_block));
        }
    }
    let mut seen = HashSet::new();
    comments.retain(|comment| seen.insert(comment.clone()));
    let comments = (!comments.is_empty()).then(|| comment_block(VENDOR, &comments));
    (comments.into_iter().chain(pictures).collect(), lost)
}

/// Whether a chunk of a WAV is a tag of ID3v2.
pub(super) fn is_id3(chunk: &[u8]) -> bool {
    matches!(chunk.get(..4), Some(b"id3 " | b"ID3 ")) && chunk.get(8..11) == Some(b"ID3")
}

/// What tags of ID3v2 among RIFF chunks hold, as blocks of a FLAC; and what has no name or text there. A damaged tag
/// gives what was read of it, which is nothing.
pub(super) fn blocks_of_id3(riff: &[Vec<u8>]) -> (Vec<Vec<u8>>, Vec<String>) {
    let read = |chunk: &Vec<u8>| {
        let source = MediaSourceStream::new(Box::new(Cursor::new(chunk[8..].to_vec())), Default::default());
        let read = || {
            let mut reader =
                Id3v2Reader::try_new(source, MetadataOptions::default()).map_err(Error::corrupt)?;
            reader.read_all().map_err(Error::corrupt)
        };
        guarded("ID3", read).ok().map(|tag| tag.revision)
    };
    let revisions: Vec<MetadataRevision> =
        riff.iter().filter(|chunk| is_id3(chunk)).filter_map(read).collect();
    blocks_of(&revisions)
}

/// The comments that RIFF chunks stand for: those of tags of ID3v2, and those of lists `INFO` that these do not say.
pub(super) fn comments_of_riff(riff: &[Vec<u8>]) -> Vec<String> {
    let name = |comment: &str| comment.split('=').next().unwrap_or_default().to_ascii_uppercase();
    let mut comments = comments_of(&blocks_of_id3(riff).0);
    let said: HashSet<String> = comments.iter().map(|comment| name(comment)).collect();
    comments.extend(comments_of_info(riff).into_iter().filter(|comment| !said.contains(&name(comment))));
    comments
}

/// The tag of iTunes on silence around the sound.
const SILENCE: &str = "iTunSMPB";

/// What of a sound is to be heard, by a tag of iTunes.
pub(super) fn edit_of(revisions: &[MetadataRevision]) -> Option<Edit> {
    let tags = revisions.iter().flat_map(|revision| &revision.media.tags);
    tags.filter(|tag| tag.raw.key.ends_with(SILENCE)).find_map(|tag| match &tag.raw.value {
        RawValue::String(text) => m4a::edit_tag(text),
        _ => None,
    })
}

/// The comments of a tag of ID3v1: texts of fixed length in Latin-1, and the number of a genre.
pub(super) fn block_of_id3v1(tag: &[u8]) -> Option<Vec<u8>> {
    let text = |from: usize, to: usize| {
        let bytes = tag.get(from..to).unwrap_or_default();
        let text: String =
            bytes.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect();
        text.trim_end().to_owned()
    };
    let number = match tag.get(125..127)? {
        [0, number] if *number != 0 => number.to_string(),
        _ => String::new(),
    };
    let genre =
        names::GENRES.get(usize::from(*tag.get(127)?)).map_or(String::new(), |name| (*name).to_owned());
    let fields = [
        ("TITLE", text(3, 33)),
        ("ARTIST", text(33, 63)),
        ("ALBUM", text(63, 93)),
        ("DATE", text(93, 97)),
        ("COMMENT", text(97, 127)),
        ("TRACKNUMBER", number),
        ("GENRE", genre),
    ];
    let said = fields.iter().filter(|(_, text)| !text.is_empty());
    let comments: Vec<String> = said.map(|(name, text)| format!("{name}={text}")).collect();
    (!comments.is_empty()).then(|| comment_block(VENDOR, &comments))
}

/// A tag as comments; `None` if it holds no text.
fn comments_for(tag: &Tag) -> Option<Vec<String>> {
    // The author of an AIFF, whom symphonia takes for a program.
    if let (true, Some(StandardTag::Encoder(author))) = (tag.raw.key == "AUTH", &tag.std) {
        return Some(vec![format!("ARTIST={author}")]);
    }
    if let Some((name, text)) = tag.std.as_ref().and_then(names::comment) {
        return Some(vec![format!("{name}={text}")]);
    }
    let name = own_name(&tag.raw);
    let texts = match &tag.raw.value {
        RawValue::Binary(_) => return None,
        RawValue::String(text) => vec![text.to_string()],
        RawValue::StringList(texts) => texts.to_vec(),
        RawValue::Boolean(value) => vec![u8::from(*value).to_string()],
        RawValue::Float(value) => vec![value.to_string()],
        RawValue::SignedInt(value) => vec![value.to_string()],
        RawValue::UnsignedInt(value) => vec![value.to_string()],
        _ => vec![String::new()],
    };
    Some(texts.into_iter().map(|text| format!("{name}={}", text.trim_end_matches('\0'))).collect())
}

/// A name for a tag that has no usual one: its description, or its key, in the letters that comments allow.
fn own_name(raw: &RawTag) -> String {
    let described = raw.sub_fields.iter().flatten().find_map(|field| match &field.value {
        RawValue::String(text) if raw.key.ends_with("XXX") && !text.is_empty() => Some(text.to_string()),
        _ => None,
    });
    let name = described.unwrap_or_else(|| raw.key.rsplit(':').next().unwrap_or_default().to_owned());
    let allowed = |c: char| if (' '..='}').contains(&c) && c != '=' { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(allowed).collect()
}

/// A picture as a FLAC holds it.
fn picture_block(visual: &Visual) -> Option<Vec<u8>> {
    if visual.data.len() as u64 > limits::METADATA_BYTES {
        return None;
    }
    let described = visual.tags.iter().find_map(|tag| match &tag.std {
        Some(StandardTag::Description(text) | StandardTag::Comment(text)) => Some(text.to_string()),
        _ => None,
    });
    let (mime, description) = (visual.media_type.clone().unwrap_or_default(), described.unwrap_or_default());
    let (width, height) = visual.dimensions.map_or((0, 0), |size| (size.width, size.height));
    let mut out = Vec::new();
    let mut field = |number: u32| out.extend(number.to_be_bytes());
    field(picture_kind(visual.usage));
    for text in [mime, description] {
        out.extend((text.len() as u32).to_be_bytes());
        out.extend(text.as_bytes());
    }
    // Depth and size of a palette may stay unknown.
    for number in [width, height, 0, 0, visual.data.len() as u32] {
        out.extend(number.to_be_bytes());
    }
    out.extend_from_slice(&visual.data);
    Some(typed(block::PICTURE, out))
}

fn picture_kind(usage: Option<StandardVisualKey>) -> u32 {
    use StandardVisualKey as Key;
    match usage {
        Some(Key::FileIcon) => 1,
        Some(Key::OtherIcon) => 2,
        Some(Key::FrontCover) => 3,
        Some(Key::BackCover) => 4,
        Some(Key::Leaflet) => 5,
        Some(Key::Media) => 6,
        Some(Key::LeadArtistPerformerSoloist) => 7,
        Some(Key::ArtistPerformer) => 8,
        Some(Key::Conductor) => 9,
        Some(Key::BandOrchestra) => 10,
        Some(Key::Composer) => 11,
        Some(Key::Lyricist) => 12,
        Some(Key::RecordingLocation) => 13,
        Some(Key::RecordingSession) => 14,
        Some(Key::Performance) => 15,
        Some(Key::ScreenCapture) => 16,
        Some(Key::Illustration) => 18,
        Some(Key::BandArtistLogo) => 19,
        Some(Key::PublisherStudioLogo) => 20,
        _ => 0,
    }
}

/// Whether a chunk of a WAV is a list `INFO`.
pub(super) fn is_info(chunk: &[u8]) -> bool {
    chunk.starts_with(b"LIST") && chunk.get(8..12) == Some(b"INFO")
}

/// The code of RIFF INFO for a comment.
pub(super) fn info_code(name: &str) -> Option<&'static str> {
    names::INFO.iter().find(|(_, known)| *known == name).map(|(code, _)| *code)
}

/// The comments that the lists `INFO` among RIFF chunks stand for.
pub(super) fn comments_of_info(riff: &[Vec<u8>]) -> Vec<String> {
    let mut out = Vec::new();
    for list in riff.iter().filter(|chunk| is_info(chunk)) {
        let mut rest = &list[12..];
        while let Some((head, after)) = rest.split_at_checked(8) {
            let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
            let Some(text) = after.get(..length) else { break };
            let text = String::from_utf8_lossy(text);
            let id = String::from_utf8_lossy(&head[..4]);
            let name = names::INFO.iter().find(|(info, _)| *info == id).map(|(_, name)| *name);
            out.push(format!("{}={}", name.unwrap_or(&id), text.trim_end_matches('\0')));
            rest = after.get(length + length % 2..).unwrap_or_default();
        }
    }
    out
}

/// A list `INFO` of the comments that it has a place for, if there are any.
pub(super) fn info_of_comments(comments: &[String]) -> Option<Vec<u8>> {
    let mut entries: Vec<(&str, String)> = Vec::new();
    for comment in comments {
        let (name, text) = comment.split_once('=').unwrap_or((comment, ""));
        let Some(code) = info_code(&name.to_ascii_uppercase()) else { continue };
        match entries.iter_mut().find(|(there, _)| *there == code) {
            // There is one of each.
            Some((_, there)) => *there = format!("{there}; {text}"),
            None => entries.push((code, text.to_owned())),
        }
    }
    let mut list = b"INFO".to_vec();
    for (code, text) in &entries {
        // Texts end in a zero byte and are padded to even lengths.
        let text = [text.as_bytes(), b"\0"].concat();
        list.extend(code.as_bytes());
        list.extend((text.len() as u32).to_le_bytes());
        list.extend(&text);
        list.extend(vec![0; text.len() % 2]);
    }
    let list = [&b"LIST"[..], &(list.len() as u32).to_le_bytes(), &list].concat();
    (!entries.is_empty()).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn comments_are_read_as_they_were_written() {
        let comments = strings(&["TITLE=One", "ARTIST=A", "ARTIST=B", "X=", "NAMELESS"]);
        assert_eq!(comments_of(&[comment_block(VENDOR, &comments)]), comments);
        let mut cut = comment_block(VENDOR, &comments);
        cut.truncate(39);
        assert_eq!(comments_of(&[cut]), comments[..1]);
        assert_eq!(comments_of(&[vec![block::COMMENTS], vec![block::PICTURE, 1], Vec::new()]), [""; 0]);
    }

    #[test]
    fn a_list_info_comes_back() {
        let comments =
            strings(&["TITLE=One", "artist=A", "ARTIST=B", "REPLAYGAIN_TRACK_GAIN=1 dB", "COMMENT=c"]);
        let back = comments_of_info(&[info_of_comments(&comments).unwrap()]);
        assert_eq!(back, ["TITLE=One", "ARTIST=A; B", "COMMENT=c"]);
        assert_eq!(info_of_comments(&[]), None);
    }

    #[test]
    fn pictures_among_the_comments_of_an_ogg_become_blocks() {
        let comments =
            strings(&["TITLE=One", "metadata_block_picture=AAEC", "METADATA_BLOCK_PICTURE=?", "A=b"]);
        let blocks = blocks_of_ogg(comment_block(b"x", &comments)[1..].to_vec());
        assert_eq!(blocks[1], [block::PICTURE, 0, 1, 2]);
        assert_eq!(comments_of(&blocks), ["TITLE=One", "METADATA_BLOCK_PICTURE=?", "A=b"]);
    }

    #[test]
    fn a_tag_of_id3v1_becomes_comments() {
        let field = |text: &[u8], length: usize| [text, &vec![0; length - text.len()]].concat();
        let tag = [
            b"TAG".to_vec(),
            field(b"Caf\xE9", 30),
            field(b"Band  ", 30),
            field(b"", 30),
            b"1999".to_vec(),
            field(b"", 29),
            vec![7, 17],
        ];
        let expected = ["TITLE=Caf\u{e9}", "ARTIST=Band", "DATE=1999", "TRACKNUMBER=7", "GENRE=Rock"];
        assert_eq!(comments_of(&[block_of_id3v1(&tag.concat()).unwrap()]), expected);
        assert_eq!(block_of_id3v1(b"TAG"), None);
    }

    #[test]
    fn tags_without_a_usual_name_keep_their_own() {
        let raw = RawTag::new("----:com.apple.iTunes:Some=thing", "x");
        assert_eq!(comments_for(&Tag::new(raw)), Some(strings(&["SOME_THING=x"])));
    }
}
