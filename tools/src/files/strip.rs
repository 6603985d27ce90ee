//! `--strip`: metadata that its owner does not want to pass on.

use super::{exif, turn, wav, xmp};
use crate::error::Result;
use wavern::{Image, Metadata};

/// Metadata to leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Strip {
    /// EXIF; the picture is turned upright if EXIF says that it must be
    Exif,
    /// The place in EXIF and XMP, and nothing else
    Gps,
    /// XMP
    Xmp,
    /// The colour profile and other descriptions of colour: samples will be taken for sRGB
    Icc,
    /// Text, IPTC, dates and tags
    Text,
    /// All of it
    All,
}

/// Chunks of a PNG that describe colour.
const COLOR: [&[u8; 4]; 6] = [b"cICP", b"mDCv", b"cLLi", b"gAMA", b"cHRM", b"sRGB"];

/// Chunks of a PNG that are text, and the date of its last change.
const TEXT: [&[u8; 4]; 4] = [b"tEXt", b"zTXt", b"iTXt", b"tIME"];

/// The metadata without what is to be left out.
pub fn metadata(metadata: &mut Metadata, strip: &[Strip]) {
    let has = |one: Strip| strip.contains(&one);
    // Which loudspeaker a channel belongs to is part of the sound.
    let is_format = |chunk: &Vec<u8>| wav::is_format(chunk);
    if has(Strip::All) {
        let riff = std::mem::take(&mut metadata.riff).into_iter().filter(is_format).collect();
        *metadata = Metadata::default().with_riff(riff);
        return;
    }
    if has(Strip::Exif) {
        metadata.exif = None;
    }
    if has(Strip::Xmp) {
        metadata.xmp = None;
    }
    if has(Strip::Gps) {
        metadata.exif = metadata.exif.take().map(|exif| exif::without_place(&exif));
        metadata.xmp = metadata.xmp.take().map(|xmp| xmp::without_place(&xmp));
    }
    if has(Strip::Icc) {
        metadata.icc = None;
        metadata.png.retain(|chunk| !is_one(chunk, &COLOR));
    }
    if has(Strip::Text) {
        metadata.iptc = None;
        metadata.riff.retain(is_format);
        metadata.flac.clear();
        metadata.png.retain(|chunk| !is_one(chunk, &TEXT));
    }
}

fn is_one(chunk: &[u8], kinds: &[&[u8; 4]]) -> bool {
    kinds.iter().any(|kind| chunk.starts_with(&kind[..]))
}

/// Whether what is left says which side is up, as far as it was said.
pub fn keeps_side_up(metadata: &Metadata, strip: &[Strip]) -> bool {
    let goes = strip.iter().any(|strip| matches!(strip, Strip::Exif | Strip::All));
    !goes || metadata.exif.as_deref().and_then(exif::orientation).is_none()
}

/// A picture without what is to be left out, and upright if nothing says any more which side that is.
pub fn image(mut image: Image, strip: &[Strip]) -> Result<Image> {
    if strip.is_empty() {
        return Ok(image);
    }
    if !keeps_side_up(image.metadata(), strip)
        && let Some(turn) = turn::needed(&image)
    {
        image = turn::upright(image, turn)?;
    }
    let mut kept = image.metadata().clone();
    metadata(&mut kept, strip);
    Ok(image.with_metadata(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Metadata {
        Metadata::default()
            .with_icc(vec![1])
            .with_exif(vec![2])
            .with_xmp(b"<a exif:GPSLatitude=\"1\"/>".to_vec())
            .with_iptc(vec![3])
            .with_png_chunk(*b"cICP", &[9, 16, 0, 1])
            .with_png_chunk(*b"pHYs", &[0; 9])
            .with_png_chunk(*b"tEXt", b"Author\0Ada")
    }

    #[test]
    fn each_takes_its_own() {
        let left = |strip: &[Strip]| {
            let mut left = full();
            metadata(&mut left, strip);
            left
        };
        assert_eq!(left(&[]), full());
        assert!(left(&[Strip::All]).is_empty());
        let loudspeakers = || vec![b"fmt \0\0\0\0".to_vec()];
        for strip in [Strip::All, Strip::Text] {
            let mut sound = full().with_riff([loudspeakers(), vec![b"LIST\0\0\0\0".to_vec()]].concat());
            metadata(&mut sound, &[strip]);
            assert_eq!(sound.riff, loudspeakers(), "{strip:?}");
        }
        let icc = left(&[Strip::Icc]);
        assert!(icc.icc.is_none() && icc.png.len() == 2 && icc.exif.is_some());
        let gps = left(&[Strip::Gps]);
        assert_eq!((gps.xmp.as_deref(), gps.png.len()), (Some(&b"<a/>"[..]), 3));
        assert_eq!(left(&[Strip::Text]).png.len(), 2);
        assert!(left(&[Strip::Exif]).exif.is_none() && left(&[Strip::Xmp]).xmp.is_none());
    }
}
