//! The boxes of a JPEG XL file: where the coded picture is, and what stands beside it (ISO/IEC 18181-2).

use crate::error::{Error, Result};
use crate::files::raster::without_prefix;
use std::borrow::Cow;
use std::io::Read;
use wavern::Metadata;
use wavern_bitstream::Limits;

/// What a picture without boxes begins with.
const BARE: [u8; 2] = [0xFF, 0x0A];

/// Boxes that carry nothing but the picture, or serve other readers: the signature, the kind of file, the level, an
/// index of frames, what makes a JPEG of the same bytes again, and room.
const SILENT: [&[u8; 4]; 7] = [b"JXL ", b"ftyp", b"jxll", b"jxli", b"jbrd", b"free", b"skip"];

/// What a file holds.
#[derive(Debug, Default)]
pub struct Boxes<'a> {
    /// The coded picture.
    pub picture: Cow<'a, [u8]>,
    /// EXIF and XMP.
    pub metadata: Metadata,
    /// Whether the last box is longer than the file.
    pub is_cut: bool,
    /// One line each: what was left out.
    pub notes: Vec<String>,
}

/// Takes a file apart.
///
/// # Errors
/// If there is no picture in it, or its parts are out of order, or metadata are over the limit.
pub fn read<'a>(file: &'a [u8], limits: &Limits) -> Result<Boxes<'a>> {
    if file.starts_with(&BARE) {
        return Ok(Boxes { picture: Cow::Borrowed(file), ..Boxes::default() });
    }
    let (mut boxes, mut at, mut parts) = (Boxes::default(), 0, 0);
    let mut dropped: Vec<String> = Vec::new();
    while let Some((kind, content, is_whole)) = next(file, &mut at) {
        boxes.is_cut |= !is_whole;
        match &kind {
            b"jxlc" if parts == 0 => (boxes.picture, parts) = (Cow::Borrowed(content), 1),
            b"jxlp" => {
                // The highest bit marks the last part; the others count.
                let number =
                    content.first_chunk::<4>().map(|number| u32::from_be_bytes(*number) & !(1 << 31));
                if number.is_some_and(|number| number != parts)
                    || matches!(boxes.picture, Cow::Borrowed([_, ..]))
                {
                    return Err(Error::corrupt("malformed JPEG XL: parts of the picture out of order"));
                }
                boxes.picture.to_mut().extend_from_slice(content.get(4..).unwrap_or_default());
                parts += 1;
            }
            b"jxlc" => return Err(Error::corrupt("malformed JPEG XL: a second picture")),
            // A picture without the end of its metadata is better than none.
            _ if !is_whole || SILENT.contains(&&kind) => {}
            b"brob" => {
                let (kind, packed) = content.split_first_chunk::<4>().unwrap_or((b"brob", &[]));
                match unpacked(packed, limits.metadata_bytes)? {
                    Some(content) if keep(&mut boxes.metadata, *kind, &content) => {}
                    _ => dropped.push(name(*kind)),
                }
            }
            _ if keep(&mut boxes.metadata, kind, content) => {}
            _ => dropped.push(name(kind)),
        }
    }
    if parts == 0 {
        let end = if boxes.is_cut {
            "JPEG XL ends too early, before its picture"
        } else {
            "a JPEG XL without a picture"
        };
        return Err(Error::corrupt(end));
    }
    dropped.dedup();
    if !dropped.is_empty() {
        boxes.notes.push(format!("boxes of the JPEG XL left out: {}", dropped.join(", ")));
    }
    Ok(boxes)
}

/// The box at a place: its kind, what it holds, and whether that is all of it. Moves to the next one.
fn next<'a>(file: &'a [u8], at: &mut usize) -> Option<([u8; 4], &'a [u8], bool)> {
    let rest = file.get(*at..)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (kind, mut content) = rest.split_first_chunk::<4>()?;
    let length = match u32::from_be_bytes(*length) {
        // Up to the end of the file.
        0 => content.len() as u64,
        1 => {
            let length;
            (length, content) = content.split_first_chunk::<8>()?;
            u64::from_be_bytes(*length).checked_sub(16)?
        }
        length => u64::from(length).checked_sub(8)?,
    };
    let start = file.len() - content.len();
    let there = length.min(content.len() as u64) as usize;
    *at = start + there;
    Some((*kind, &content[..there], there as u64 == length))
}

/// Puts a box of metadata in its place, if it has one.
fn keep(metadata: &mut Metadata, kind: [u8; 4], content: &[u8]) -> bool {
    let block = match &kind {
        // In front of the block stands where in it its header begins.
        b"Exif" => {
            let Some((skipped, block)) = content.split_first_chunk::<4>() else { return false };
            let Some(block) = block.get(u32::from_be_bytes(*skipped) as usize..) else { return false };
            (&mut metadata.exif, without_prefix(block.to_vec()))
        }
        b"xml " => (&mut metadata.xmp, content.to_vec()),
        _ => return false,
    };
    match block {
        (place @ None, block) if !block.is_empty() => {
            *place = Some(block);
            true
        }
        _ => false,
    }
}

/// What is in a box that was compressed by Brotli; nothing if it is damaged.
fn unpacked(packed: &[u8], bound: u64) -> Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    let read =
        brotli_decompressor::Decompressor::new(packed, 1 << 12).take(bound + 1).read_to_end(&mut content);
    if content.len() as u64 > bound {
        let what = format!("more than {bound} bytes of metadata in a box of {}", packed.len());
        return Err(Error::limit(what));
    }
    Ok(read.is_ok().then_some(content))
}

fn name(kind: [u8; 4]) -> String {
    String::from_utf8_lossy(&kind).trim_end().escape_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
    }

    fn file(boxes: &[Vec<u8>]) -> Vec<u8> {
        [boxed(b"JXL ", b"\r\n\x87\n"), boxes.concat()].concat()
    }

    #[test]
    fn the_picture_and_what_stands_beside_it() {
        let limits = Limits::default();
        let exif = [&[0, 0, 0, 2][..], b"..II*\0"].concat();
        let part =
            |number: u32, content: &[u8]| boxed(b"jxlp", &[&number.to_be_bytes()[..], content].concat());
        let made = file(&[
            part(0, b"\xff\x0aab"),
            boxed(b"Exif", &exif),
            boxed(b"xml ", b"<x/>"),
            boxed(b"jumb", b"?"),
            part(1 << 31 | 1, b"cd"),
        ]);
        let boxes = read(&made, &limits).unwrap();
        assert_eq!(&boxes.picture[..], b"\xff\x0aabcd");
        assert_eq!(boxes.metadata.exif.as_deref(), Some(&b"II*\0"[..]));
        assert_eq!(boxes.metadata.xmp.as_deref(), Some(&b"<x/>"[..]));
        assert_eq!(
            (boxes.notes, boxes.is_cut),
            (vec!["boxes of the JPEG XL left out: jumb".to_owned()], false)
        );
        for cut in 0..made.len() {
            let _ = read(&made[..cut], &limits);
        }
        assert!(read(&file(&[part(1, b"x")]), &limits).is_err());
        assert!(read(&file(&[boxed(b"jxlc", b"x"), part(1, b"y")]), &limits).is_err());
        assert!(read(&file(&[]), &limits).is_err());
        let long = [&1u32.to_be_bytes()[..], b"jxlc", &17u64.to_be_bytes(), b"z"].concat();
        assert_eq!(&read(&file(&[long]), &limits).unwrap().picture[..], b"z");
    }

    #[test]
    fn a_box_that_unpacks_to_too_much_is_refused() {
        let mut limits = Limits::default();
        limits.metadata_bytes = 3;
        // Ten bytes in a stream without compression (RFC 7932).
        let stored = [&[0x90, 0, 0x10][..], b"aaaaaaaaaa", &[0x03]].concat();
        let made =
            |packed: &[u8]| file(&[boxed(b"brob", &[&b"xml "[..], packed].concat()), boxed(b"jxlc", b"x")]);
        assert!(read(&made(&stored), &limits).unwrap_err().to_string().contains("more than 3 bytes"));
        let (good, bad) = (made(&stored), made(&[0xFF; 9]));
        let read = |file| read(file, &Limits::default()).unwrap();
        assert_eq!(read(&good).metadata.xmp.as_deref(), Some(&b"aaaaaaaaaa"[..]));
        assert_eq!(read(&bad).notes, ["boxes of the JPEG XL left out: xml"]);
    }
}
