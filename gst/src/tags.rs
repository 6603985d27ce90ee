//! What stands beside a signal, as tags of GStreamer, and back as far as tags have a place in a file.
//!
//! The bytes are those of a stranger: every length is held against what is there.

use crate::exif;
use gst::glib;
use gst::prelude::*;
use wavern::Metadata;

/// Names of Vorbis comments, codes of RIFF INFO, and the tags of text that say the same.
const TEXTS: [(&str, &str, &str); 12] = [
    ("TITLE", "INAM", "title"),
    ("ARTIST", "IART", "artist"),
    ("ALBUM", "IPRD", "album"),
    ("GENRE", "IGNR", "genre"),
    ("COMMENT", "ICMT", "comment"),
    ("COPYRIGHT", "ICOP", "copyright"),
    ("COMPOSER", "IMUS", "composer"),
    ("DESCRIPTION", "ISBJ", "description"),
    ("KEYWORDS", "IKEY", "keywords"),
    ("ALBUMARTIST", "", "album-artist"),
    ("PERFORMER", "", "performer"),
    ("ISRC", "", "isrc"),
];
/// The same for dates, and for the number of a track.
const DATE: (&str, &str, &str) = ("DATE", "ICRD", "datetime");
const TRACK: (&str, &str, &str) = ("TRACKNUMBER", "ITRK", "track-number");

/// Types of FLAC's metadata blocks (RFC 9639, 8.1).
const COMMENTS: u8 = 4;
const PICTURE: u8 = 6;

/// Codes of a picture's text chunks in PNG, and their tags.
const PNG_TEXTS: [(&[u8], &str); 5] = [
    (b"Title", "title"),
    (b"Author", "artist"),
    (b"Description", "description"),
    (b"Copyright", "copyright"),
    (b"Comment", "comment"),
];

/// Tags of a picture; `None` if there are none.
pub(crate) fn of_picture(metadata: &Metadata) -> Option<gst::TagList> {
    let mut tags = gst::TagList::new();
    for (name, text) in metadata.exif.as_deref().map(exif::tags).unwrap_or_default() {
        add(&mut tags, name, &text);
    }
    for text in metadata.png.iter().filter_map(|chunk| chunk.strip_prefix(b"tEXt")) {
        let Some(end) = text.iter().position(|byte| *byte == 0) else { continue };
        let known = PNG_TEXTS.iter().find(|(keyword, _)| *keyword == &text[..end]);
        if let Some((_, name)) = known {
            // Latin-1, whose numbers are those of Unicode.
            let text: String = text[end + 1..].iter().map(|byte| char::from(*byte)).collect();
            add(&mut tags, name, &text);
        }
    }
    (tags.n_tags() > 0).then_some(tags)
}

/// Tags of a sound, with the name of its coding.
pub(crate) fn of_sound(metadata: &Metadata) -> gst::TagList {
    let mut tags = gst::TagList::new();
    add(&mut tags, "audio-codec", "Wavern");
    for block in &metadata.flac {
        match block.split_first() {
            Some((&COMMENTS, content)) => {
                for comment in comments(content) {
                    let Some((name, text)) = comment.split_once('=') else { continue };
                    add_known(&mut tags, |(comment, ..)| comment.eq_ignore_ascii_case(name), text);
                }
            }
            Some((&PICTURE, content)) => {
                if let Some(sample) = cover(content) {
                    tags.make_mut().add::<gst::tags::Image>(&sample, gst::TagMergeMode::Append);
                }
            }
            _ => {}
        }
    }
    for list in metadata.riff.iter().filter_map(|chunk| chunk.strip_prefix(b"LIST")) {
        let mut rest = list.get(4..).and_then(|list| list.strip_prefix(b"INFO")).unwrap_or_default();
        while let Some((code, after)) = rest.split_first_chunk::<4>() {
            let Some(text) = text(after) else { break };
            let next = 4 + text.len() + text.len() % 2;
            let value = String::from_utf8_lossy(text.split(|byte| *byte == 0).next().unwrap_or_default());
            add_known(&mut tags, |(_, info, _)| info.as_bytes() == code, &value);
            rest = after.get(next..).unwrap_or_default();
        }
    }
    tags
}

/// Vorbis comments that say what these tags do; `None` if there are none.
pub(crate) fn comment_block(tags: &gst::TagListRef) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    for (comment, _, name) in TEXTS.iter().chain([&DATE, &TRACK]) {
        for value in tags.iter_tag_generic(glib::GString::from(*name).as_gstr()) {
            let text = if let Ok(text) = value.get::<&str>() {
                text.to_owned()
            } else if let Ok(number) = value.get::<u32>() {
                number.to_string()
            } else if let Ok(Ok(date)) = value.get::<gst::DateTime>().map(|date| date.to_iso8601_string()) {
                date.to_string()
            } else {
                continue;
            };
            found.push(format!("{comment}={text}"));
        }
    }
    if found.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    let mut put = |bytes: &[u8]| {
        out.extend((bytes.len() as u32).to_le_bytes());
        out.extend(bytes);
    };
    put(b"wavern");
    let count = found.len() as u32;
    found.iter().for_each(|comment| put(comment.as_bytes()));
    // The number of comments stands behind the name of the program.
    out.splice(10..10, count.to_le_bytes());
    Some(out)
}

/// The comments of a block, as far as they are whole and UTF-8.
fn comments(content: &[u8]) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text(content).and_then(|vendor| content.get(4 + vendor.len() + 4..)).unwrap_or_default();
    while let Some(comment) = text(rest) {
        rest = rest.get(4 + comment.len()..).unwrap_or_default();
        found.extend(std::str::from_utf8(comment));
    }
    found
}

/// A text behind its length (u32, little-endian).
fn text(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.get(..u32::from_le_bytes(*length) as usize)
}

/// A picture of FLAC, as a sample of its file.
fn cover(content: &[u8]) -> Option<gst::Sample> {
    /// Bytes behind a length (u32, big-endian), and what follows them.
    fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        rest.split_at_checked(u32::from_be_bytes(*length) as usize)
    }
    let (mime, rest) = part(content.get(4..)?)?;
    let (_description, rest) = part(rest)?;
    let (file, _) = part(rest.get(16..)?)?;
    let known = ["image/jpeg", "image/png", "image/gif", "image/webp"];
    let mime = known.into_iter().find(|known| known.as_bytes() == mime)?;
    let buffer = gst::Buffer::from_slice(file.to_vec());
    Some(gst::Sample::builder().buffer(&buffer).caps(&gst::Caps::new_empty_simple(mime)).build())
}

/// Adds a text to the tag that `is` knows.
fn add_known(tags: &mut gst::TagList, is: impl Fn(&(&str, &str, &str)) -> bool, text: &str) {
    let text = text.trim();
    if let Some((.., name)) = TEXTS.iter().find(|known| is(known)) {
        add(tags, name, text);
    } else if is(&TRACK) {
        // "3" or "3/12".
        let number = text.split('/').next().and_then(|number| number.parse::<u32>().ok());
        if let Some(number) = number.filter(|number| *number > 0) {
            tags.make_mut().add::<gst::tags::TrackNumber>(&number, gst::TagMergeMode::Append);
        }
    } else if is(&DATE)
        && let Ok(date) = gst::DateTime::from_iso8601_string(text)
    {
        tags.make_mut().add::<gst::tags::DateTime>(&date, gst::TagMergeMode::Append);
    }
}

fn add(tags: &mut gst::TagList, name: &str, text: &str) {
    // Strings of C end at a 0, and an empty tag is refused.
    if !text.is_empty() && !text.contains('\0') {
        let Ok(name) = glib::GString::from_string_checked(name.to_owned()) else { return };
        let _ = tags.make_mut().add_value(&name, &text.to_send_value(), gst::TagMergeMode::Append);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_come_back() {
        gst::init().unwrap();
        let mut tags = gst::TagList::new();
        for (name, text) in [("title", "Ein Lied"), ("artist", "A"), ("artist", "B")] {
            add(&mut tags, name, text);
        }
        add_known(&mut tags, |known| known.0 == "TRACKNUMBER", "3/12");
        add_known(&mut tags, |known| known.0 == "DATE", "2024-05");
        let block = comment_block(&tags).unwrap();
        let metadata = Metadata::default().with_flac_block(COMMENTS, &block);
        let mut back = of_sound(&metadata);
        assert_eq!(back.get::<gst::tags::Title>().unwrap().get(), "Ein Lied");
        assert_eq!(back.size::<gst::tags::Artist>(), 2);
        assert_eq!(back.get::<gst::tags::TrackNumber>().unwrap().get(), 3);
        assert_eq!(back.get::<gst::tags::DateTime>().unwrap().get().month(), Some(5));
        back.make_mut().remove::<gst::tags::AudioCodec>();
        assert_eq!(comment_block(&back), Some(block.clone()));
        assert_eq!(comment_block(&gst::TagList::new()), None);
        for length in 0..block.len() {
            of_sound(&Metadata::default().with_flac_block(COMMENTS, &block[..length]));
        }
    }

    #[test]
    fn info_of_riff_and_covers_are_read() {
        gst::init().unwrap();
        let info = b"LIST\x20\0\0\0INFOINAM\x05\0\0\0Song\0\0IART\x02\0\0\0X\0".to_vec();
        let mut block = vec![0, 0, 0, 3, 0, 0, 0, 9];
        block.extend(b"image/png");
        block.extend([[0, 0, 0, 0]; 5].concat());
        block.extend([0, 0, 0, 2, 7, 8]);
        let metadata = Metadata::default().with_riff(vec![info]).with_flac_block(PICTURE, &block);
        let tags = of_sound(&metadata);
        assert_eq!(tags.get::<gst::tags::Title>().unwrap().get(), "Song");
        assert_eq!(tags.get::<gst::tags::Artist>().unwrap().get(), "X");
        assert_eq!(tags.get::<gst::tags::Image>().unwrap().get().buffer().unwrap().size(), 2);
        for length in 0..block.len() {
            assert!(cover(&block[..length]).is_none());
        }
    }

    #[test]
    fn texts_of_a_picture_are_read() {
        gst::init().unwrap();
        let metadata =
            Metadata::default().with_png_chunk(*b"tEXt", b"Title\0Ca\xf1on").with_png_chunk(*b"tEXt", b"x");
        let tags = of_picture(&metadata).unwrap();
        assert_eq!(tags.get::<gst::tags::Title>().unwrap().get(), "Cañon");
        assert!(of_picture(&Metadata::default()).is_none());
    }
}
