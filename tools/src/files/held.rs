//! What a source holds besides its samples, and which format can carry it: the one place that knows.
//!
//! A reader names what it cannot keep, and a writer asks [`left_out`]; both become lines for the user and the list of
//! notes in `--json`. So nothing is lost in silence.

use super::{OutputFormat, aiff, colour, exif, png_chunks, tags, wav, xmp};
use std::collections::HashSet;
use wavern::Metadata;

/// Something that a file holds besides its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// ICC profile.
    Icc,
    /// EXIF.
    Exif,
    /// A small copy of the picture within EXIF.
    Thumbnail,
    /// EXIF without a directory that can be read.
    ExifBytes,
    /// XMP in UTF-8.
    Xmp,
    /// XMP in bytes that are no UTF-8.
    XmpBytes,
    /// IPTC and other image resources of Photoshop.
    Iptc,
    /// Colour as code points of H.273 (`cICP`).
    Cicp,
    /// The display that it was graded on and its light levels (`mDCv`, `cLLi`).
    Light,
    /// Gamma and primaries (`gAMA`, `cHRM`).
    Gamma,
    /// That it is sRGB, which is what everybody takes a picture for that says nothing.
    Srgb,
    /// Pixels per metre (`pHYs`).
    Density,
    /// Text without a keyword, or with the keyword `Comment`.
    Comment,
    /// Text with a keyword.
    Text,
    /// Another chunk of a PNG.
    PngChunk,
    /// A chunk of a WAV file.
    RiffChunk,
    /// The format of a WAV file, kept for its loudspeakers: which they are is not for the user.
    RiffFormat,
    /// A list `INFO` of a WAV file.
    RiffInfo,
    /// A tag of ID3v2 in a WAV file.
    RiffId3,
    /// Something in such a tag that is no text.
    RiffId3Bytes,
    /// A tag of a sound that a list `INFO` can hold.
    Tag,
    /// A tag that also AIFF has a place for.
    CommonTag,
    /// Any other tag of a sound.
    OtherTag,
    /// A cover or another picture of a sound.
    Cover,
    /// A cue sheet, or data of an application, of a FLAC.
    FlacBlock,
}

/// Something held, and what to call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What it is.
    pub thing: Thing,
    /// Its name for the user.
    pub name: String,
    /// How long it is.
    pub bytes: usize,
}

/// Bytes that a segment of a JPEG can hold behind its length.
pub const SEGMENT: usize = 65_533;

/// Bytes of a profile in each of its segments, of which there are at most 255.
pub const ICC_PART: usize = SEGMENT - 14;

/// Everything held, in the order in which it is listed for the user.
pub fn held(metadata: &Metadata) -> Vec<Held> {
    let is_text = metadata.xmp.as_deref().is_some_and(|xmp| str::from_utf8(xmp).is_ok());
    let xmp = if is_text { Thing::Xmp } else { Thing::XmpBytes };
    let first = metadata.exif.as_deref().and_then(exif::first);
    let block = if first.is_some() { Thing::Exif } else { Thing::ExifBytes };
    // What stands behind the first directory.
    let thumbnail = first.filter(|(_, directory)| directory.next != 0).map(|_| Held {
        thing: Thing::Thumbnail,
        name: "thumbnail in EXIF".to_owned(),
        bytes: 0,
    });
    let blocks = [
        (&metadata.icc, Thing::Icc, "ICC profile"),
        (&metadata.exif, block, "EXIF"),
        (&metadata.xmp, xmp, "XMP"),
        (&metadata.iptc, Thing::Iptc, "IPTC"),
    ];
    let blocks = blocks.into_iter().filter_map(|(block, thing, name)| {
        let block = block.as_ref()?;
        Some(Held { thing, name: name.to_owned(), bytes: block.len() })
    });
    let png = metadata.png.iter().filter_map(|chunk| {
        let (kind, content) = chunk.split_first_chunk::<4>()?;
        let (thing, name) = match kind {
            b"cICP" => (Thing::Cicp, format!("cICP ({})", png_chunks::describe_cicp(content))),
            b"mDCv" => (Thing::Light, "mastering display".to_owned()),
            b"cLLi" => (Thing::Light, "light levels".to_owned()),
            b"gAMA" => (Thing::Gamma, "gamma".to_owned()),
            b"cHRM" => (Thing::Gamma, "primaries".to_owned()),
            b"sRGB" => (Thing::Srgb, "sRGB".to_owned()),
            b"pHYs" => (Thing::Density, "density".to_owned()),
            b"tEXt" | b"iTXt" if png_chunks::comment(chunk).is_some() => {
                (Thing::Comment, "comment".to_owned())
            }
            b"tEXt" | b"zTXt" | b"iTXt" => (Thing::Text, format!("text {:?}", png_chunks::keyword(content))),
            b"tIME" => (Thing::PngChunk, "date (tIME)".to_owned()),
            other => (Thing::PngChunk, String::from_utf8_lossy(other).into_owned()),
        };
        Some(Held { thing, name, bytes: content.len() })
    });
    let riff = metadata.riff.iter().map(|chunk| {
        let kind = String::from_utf8_lossy(chunk.get(..4).unwrap_or_default()).trim_end().to_owned();
        let thing = match () {
            () if tags::is_info(chunk) => Thing::RiffInfo,
            () if tags::is_id3(chunk) => Thing::RiffId3,
            () if wav::is_format(chunk) => Thing::RiffFormat,
            () => Thing::RiffChunk,
        };
        Held { thing, name: format!("RIFF {kind:?}"), bytes: chunk.len() }
    });
    let bytes = tags::blocks_of_id3(&metadata.riff).1.into_iter().map(|name| Held {
        thing: Thing::RiffId3Bytes,
        name: format!("{name} of ID3"),
        bytes: 0,
    });
    blocks.chain(thumbnail).chain(png).chain(riff).chain(bytes).chain(of_sound(&metadata.flac)).collect()
}

/// What blocks of a FLAC hold, by name.
fn of_sound(blocks: &[Vec<u8>]) -> Vec<Held> {
    let tag = |comment: String| {
        let name = comment.split_once('=').map_or(&comment[..], |(name, _)| name).to_ascii_uppercase();
        let thing = match () {
            () if aiff::TEXTS.iter().any(|(_, known)| *known == name) => Thing::CommonTag,
            () if tags::info_code(&name).is_some() => Thing::Tag,
            () => Thing::OtherTag,
        };
        Held { thing, name, bytes: comment.len() }
    };
    let other = blocks.iter().filter_map(|kept| {
        let (thing, name) = match *kept.first()? {
            tags::block::PICTURE => (Thing::Cover, "cover"),
            tags::block::CUESHEET => (Thing::FlacBlock, "cue sheet"),
            tags::block::APPLICATION => (Thing::FlacBlock, "data of an application"),
            _ => return None,
        };
        Some(Held { thing, name: name.to_owned(), bytes: kept.len() })
    });
    tags::comments_of(blocks).into_iter().map(tag).chain(other).collect()
}

/// All tags as comments, each `NAME=text`: those of a FLAC, or else those of a tag of ID3v2 and of lists `INFO`.
pub fn comments(metadata: &Metadata) -> Vec<String> {
    match tags::comments_of(&metadata.flac) {
        none if none.is_empty() => tags::comments_of_riff(&metadata.riff),
        comments => comments,
    }
}

/// The same for a WAV: with a list `INFO` of the tags that it can hold.
pub fn as_riff(metadata: &Metadata) -> Metadata {
    let mut metadata = metadata.clone();
    if !metadata.riff.iter().any(|chunk| tags::is_info(chunk)) {
        metadata.riff.extend(tags::info_of_comments(&tags::comments_of(&metadata.flac)));
    }
    metadata
}

/// Whether files of this format have a place for it.
pub fn carries(format: OutputFormat, thing: Thing) -> bool {
    use OutputFormat::{Aiff, Bmp, Flac, Jpeg, Pam, Pgm, Png, Pnm, Ppm, Tiff, Wav, Webp};
    use Thing::{Comment, Density, Exif, ExifBytes, Icc, Iptc, RiffChunk, Srgb, Thumbnail, Xmp, XmpBytes};
    use Thing::{CommonTag, Cover, FlacBlock, OtherTag, RiffFormat, RiffId3, RiffId3Bytes, RiffInfo, Tag};
    match format {
        Png => !matches!(
            thing,
            XmpBytes
                | RiffChunk
                | RiffFormat
                | RiffInfo
                | RiffId3
                | RiffId3Bytes
                | Tag
                | CommonTag
                | OtherTag
                | Cover
                | FlacBlock
        ),
        Webp => matches!(thing, Icc | Exif | ExifBytes | Thumbnail | Xmp | XmpBytes | Srgb),
        Tiff => matches!(thing, Icc | Exif | Xmp | XmpBytes | Iptc | Density | Srgb),
        Jpeg => {
            matches!(
                thing,
                Icc | Exif | ExifBytes | Thumbnail | Xmp | XmpBytes | Iptc | Density | Comment | Srgb
            )
        }
        Bmp => matches!(thing, Density | Srgb),
        Pnm | Pgm | Ppm | Pam => thing == Srgb,
        Wav => matches!(thing, RiffChunk | RiffFormat | RiffInfo | RiffId3 | RiffId3Bytes | Tag | CommonTag),
        // Chunks of a WAV other than tags have no place in it.
        Flac => matches!(thing, RiffInfo | RiffId3 | Tag | CommonTag | OtherTag | Cover | FlacBlock),
        Aiff => thing == CommonTag,
    }
}

/// Whether a thing that the format [`carries`] is short enough for it.
pub fn fits(format: OutputFormat, held: &Held) -> bool {
    let most = match (format, held.thing) {
        (OutputFormat::Jpeg, Thing::Exif | Thing::ExifBytes) => SEGMENT - 6,
        (OutputFormat::Jpeg, Thing::Xmp | Thing::XmpBytes) => SEGMENT - 29,
        (OutputFormat::Jpeg, Thing::Icc) => 255 * ICC_PART,
        _ => usize::MAX,
    };
    held.bytes <= most
}

/// Whether metadata tells where a picture was made.
pub fn tells_place(metadata: &Metadata) -> bool {
    metadata.exif.as_deref().is_some_and(exif::tells_place)
        || metadata.xmp.as_deref().is_some_and(xmp::tells_place)
}

/// A note if the samples mean something else than those that the weights were trained on.
pub fn outside_of_training(metadata: &Metadata) -> Option<String> {
    let in_profile = || metadata.icc.as_deref().and_then(colour::code_points);
    let name = match metadata.png_chunk(*b"cICP").or_else(in_profile) {
        Some([1 | 12, 1 | 6 | 13 | 14 | 15, ..]) => return None,
        Some(points) => png_chunks::describe_cicp(points),
        None if colour::is_linear(metadata) => "linear light".to_owned(),
        None => return None,
    };
    Some(format!("{name}: outside of what the weights were trained on, which is sRGB"))
}

/// One line if the format cannot carry all that is held: what is left out.
pub fn left_out(metadata: &Metadata, format: OutputFormat) -> Option<String> {
    let held = held(metadata);
    let is_lost =
        |held: &Held| held.thing != Thing::RiffFormat && !(carries(format, held.thing) && fits(format, held));
    let lost = held.into_iter().filter(is_lost);
    let mut names: Vec<String> = lost.map(|held| held.name).collect();
    // Each once, also where a tag is repeated.
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    (!names.is_empty()).then(|| format!("{format} cannot hold {}: left out", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_place_is_named_once() {
        let metadata = Metadata::default()
            .with_icc(vec![1])
            .with_exif(vec![2])
            .with_xmp(b"<x/>".to_vec())
            .with_png_chunk(*b"pHYs", &[0, 0, 46, 35, 0, 0, 46, 35, 1])
            .with_png_chunk(*b"cICP", &[9, 16, 0, 1])
            .with_png_chunk(*b"sRGB", &[0])
            .with_png_chunk(*b"tEXt", b"Author\0Ada");
        assert_eq!(left_out(&metadata, OutputFormat::Png), None);
        let line = |format| left_out(&metadata, format).unwrap();
        assert_eq!(
            line(OutputFormat::Webp),
            "WebP cannot hold density, cICP (BT.2020, PQ), text \"Author\": left out"
        );
        assert!(line(OutputFormat::Bmp).starts_with("BMP cannot hold ICC profile, EXIF, XMP, cICP"));
        let strange = Metadata::default().with_xmp(vec![0xFF; 3]);
        assert_eq!(left_out(&strange, OutputFormat::Png).unwrap(), "PNG cannot hold XMP: left out");
        assert_eq!(left_out(&Metadata::default(), OutputFormat::Bmp), None);
        let two = Metadata::default().with_exif(b"II*\0\x08\0\0\0\0\0\x1a\0\0\0".to_vec());
        assert_eq!(left_out(&two, OutputFormat::Jpeg), None);
        assert_eq!(
            left_out(&two, OutputFormat::Tiff).unwrap(),
            "TIFF cannot hold thumbnail in EXIF: left out"
        );
    }

    #[test]
    fn what_the_weights_do_not_know_is_said() {
        let said = |metadata: Metadata| outside_of_training(&metadata).unwrap_or_default();
        let chunk = |kind, content: &[u8]| Metadata::default().with_png_chunk(kind, content);
        assert!(said(chunk(*b"cICP", &[9, 18, 0, 1])).starts_with("BT.2020, HLG: outside"));
        assert_eq!(said(chunk(*b"cICP", &[12, 13, 0, 1])), "");
        assert!(said(chunk(*b"gAMA", &100_000u32.to_be_bytes())).starts_with("linear light: outside"));
        assert_eq!(said(chunk(*b"gAMA", &45_455u32.to_be_bytes())), "");
        let mut profile = vec![0; 132];
        profile
            .extend([&b"cicp"[..], &[0, 0, 0, 144, 0, 0, 0, 12], b"cicp", &[0; 4], &[9, 16, 0, 1]].concat());
        assert!(said(Metadata::default().with_icc(profile)).starts_with("BT.2020, PQ: outside"));
        assert_eq!(said(Metadata::default().with_icc(vec![0; 200])), "");
    }

    #[test]
    fn a_tag_without_a_place_is_told() {
        let comments = ["TITLE=One", "artist=A", "ARTIST=B", "REPLAYGAIN_TRACK_GAIN=1 dB", "COMMENT=c"];
        let lost = of_sound(&[tags::comment_block(tags::VENDOR, &comments)]);
        assert_eq!((lost[3].thing, &lost[3].name[..]), (Thing::OtherTag, "REPLAYGAIN_TRACK_GAIN"));
    }
}
