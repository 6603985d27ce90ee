//! Ancillary chunks of a PNG as they stand in the file: read beside the decoder, which drops or converts them.

use crate::error::{Error, Result};
use std::io::{self, Read, Seek, SeekFrom, Write};
use wavern::Metadata;
use wavern_bitstream::Limits;

const SIGNATURE: u64 = 8;

/// What goes into `Metadata` by another way, belongs to the pixels, or moves.
const ELSEWHERE: [&[u8; 4]; 8] = [b"iCCP", b"eXIf", b"tRNS", b"hIST", b"acTL", b"fcTL", b"fdAT", b"PLTE"];

/// Those that the specification describes, and that stay true when pixels change a little.
const KEPT: [&[u8; 4]; 13] = [
    b"cHRM", b"gAMA", b"sRGB", b"cICP", b"mDCv", b"cLLi", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"tIME",
    b"sBIT", b"bKGD",
];

/// The keyword of XMP, which has a place of its own.
const XMP: &[u8] = b"XML:com.adobe.xmp\0";

/// Puts the ancillary chunks of a file into `metadata`, and notes those that are not kept.
///
/// Chunks that are cut or damaged end the search; the decoder reports them.
///
/// # Errors
/// If they are longer than the limit on metadata, or the file cannot be read.
pub fn read(
    mut file: impl Read + Seek,
    metadata: &mut Metadata,
    notes: &mut Vec<String>,
    limits: &Limits,
) -> Result<()> {
    let mut place = file.seek(SeekFrom::Start(SIGNATURE)).map_err(Error::failed)?;
    let mut bytes = metadata.bytes();
    // Colours of these two are in the form of the picture, which palettes and single bits do not keep.
    let (mut converted, mut form) = (false, Vec::new());
    let mut dropped: Vec<String> = Vec::new();
    while let Some((length, kind)) = head(&mut file).map_err(Error::failed)? {
        let mut content = || -> Result<Option<Vec<u8>>> {
            let mut content = Vec::new();
            file.by_ref().take(length).read_to_end(&mut content).map_err(Error::failed)?;
            Ok((content.len() as u64 == length).then_some(content))
        };
        let ancillary = kind[0].is_ascii_lowercase();
        if kind == *b"IHDR" {
            let Some(header) = content()? else { break };
            converted = !matches!(header.get(8..10), Some([8 | 16, 0 | 2 | 4 | 6]));
        } else if kind == *b"tRNS" {
            converted = true;
        } else if kind == *b"IEND" {
            break;
        } else if ancillary && is_kept(kind) {
            bytes = bytes.saturating_add(length);
            if bytes > limits.metadata_bytes {
                let bound = limits.metadata_bytes;
                return Err(Error::limit(format!("{bytes} bytes of metadata (expected at most {bound})")));
            }
            let Some(content) = content()? else { break };
            let chunk = [&kind[..], &content].concat();
            if kind == *b"iTXt" && content.starts_with(XMP) {
                // The decoder gives it.
            } else if matches!(&kind, b"sBIT" | b"bKGD") {
                form.push(chunk);
            } else {
                metadata.png.push(chunk);
            }
        } else if ancillary && !ELSEWHERE.contains(&&kind) {
            dropped.push(String::from_utf8_lossy(&kind).into_owned());
        }
        place = place.saturating_add(12).saturating_add(length);
        file.seek(SeekFrom::Start(place)).map_err(Error::failed)?;
    }
    if !converted {
        metadata.png.append(&mut form);
    }
    dropped.extend(form.iter().map(|chunk| String::from_utf8_lossy(&chunk[..4]).into_owned()));
    dropped.dedup();
    if !dropped.is_empty() {
        notes.push(format!("chunks of the PNG left out: {}", dropped.join(", ")));
    }
    Ok(())
}

/// Length and type of the next chunk; none at the end of the file.
fn head(file: &mut impl Read) -> io::Result<Option<(u64, [u8; 4])>> {
    let mut head = [0; 8];
    match file.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let [a, b, c, d, kind @ ..] = head;
    let named = kind.iter().all(u8::is_ascii_alphabetic);
    Ok(named.then_some((u64::from(u32::from_be_bytes([a, b, c, d])), kind)))
}

/// Whether a chunk of this type is kept, and may be written: it is known, or says of itself that it may be copied
/// although pixels have changed.
fn is_kept(kind: [u8; 4]) -> bool {
    let safe = kind.iter().all(u8::is_ascii_alphabetic)
        && kind[0].is_ascii_lowercase()
        && kind[3].is_ascii_lowercase();
    KEPT.contains(&&kind) || safe && !ELSEWHERE.contains(&&kind)
}

/// Writes the chunks of a picture behind the header of its file.
pub fn write<W: Write>(metadata: &Metadata, writer: &mut png::Writer<W>) -> Result<(), png::EncodingError> {
    for chunk in &metadata.png {
        // Whoever made the .wvn file may have put anything there.
        if let Some((kind, content)) = chunk.split_first_chunk::<4>().filter(|(kind, _)| is_kept(**kind)) {
            writer.write_chunk(png::chunk::ChunkType(*kind), content)?;
        }
    }
    Ok(())
}

/// The keyword of a text chunk.
pub fn keyword(content: &[u8]) -> String {
    let keyword = content.split(|&byte| byte == 0).next().unwrap_or_default();
    keyword.iter().map(|&byte| char::from(byte)).filter(|c| !c.is_control()).take(79).collect()
}

/// Primaries and transfer of a `cICP` chunk, by the names that people know.
pub fn describe_cicp(content: &[u8]) -> String {
    let (primaries, transfer) = match content {
        [primaries, transfer, ..] => (*primaries, *transfer),
        _ => return "damaged".to_owned(),
    };
    let primaries = match primaries {
        1 => "BT.709".to_owned(),
        9 => "BT.2020".to_owned(),
        11 => "DCI-P3".to_owned(),
        12 => "Display P3".to_owned(),
        other => format!("primaries {other}"),
    };
    let transfer = match transfer {
        1 | 6 | 14 | 15 => "BT.709 curve".to_owned(),
        8 => "linear".to_owned(),
        13 => "sRGB curve".to_owned(),
        16 => "PQ".to_owned(),
        18 => "HLG".to_owned(),
        other => format!("transfer {other}"),
    };
    format!("{primaries}, {transfer}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A file of these chunks without checksums that fit: nothing here looks at them.
    fn file(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        for (kind, content) in chunks {
            file.extend((content.len() as u32).to_be_bytes());
            file.extend([&kind[..], content, &[0; 4]].concat());
        }
        file
    }

    fn header(depth: u8, color: u8) -> Vec<u8> {
        [0, 0, 0, 1, 0, 0, 0, 1, depth, color, 0, 0, 0].to_vec()
    }

    #[test]
    fn chunks_are_kept_or_named() {
        let chunks: [(&[u8; 4], &[u8]); 10] = [
            (b"IHDR", &header(8, 2)),
            (b"gAMA", &[0, 0, 177, 143]),
            (b"sBIT", &[8, 8, 8]),
            (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"),
            (b"tEXt", b"Author\0Ada"),
            (b"oFFs", &[0; 9]),
            (b"prVt", &[1]),
            (b"prVT", &[2]),
            (b"IDAT", &[3; 100]),
            (b"tEXt", b"Title\0late"),
        ];
        let (mut metadata, mut notes) = (Metadata::default(), Vec::new());
        let bytes = file(&chunks);
        read(Cursor::new(&bytes), &mut metadata, &mut notes, &Limits::default()).unwrap();
        let kinds: Vec<&[u8]> = metadata.png.iter().map(|chunk| &chunk[..4]).collect();
        assert_eq!(kinds, [b"gAMA", b"tEXt", b"oFFs", b"prVt", b"tEXt", b"sBIT"]);
        assert_eq!(notes, ["chunks of the PNG left out: prVT"]);
        // Any cut is an answer.
        for length in 0..bytes.len() {
            let mut metadata = Metadata::default();
            read(Cursor::new(&bytes[..length]), &mut metadata, &mut notes, &Limits::default()).unwrap();
        }
        let mut limits = Limits::default();
        limits.metadata_bytes = 20;
        let error = read(Cursor::new(&bytes), &mut Metadata::default(), &mut notes, &limits).unwrap_err();
        assert_eq!(error.exit_code(), 6);
    }

    #[test]
    fn what_describes_colours_of_a_palette_is_not_kept() {
        let chunks: [(&[u8; 4], &[u8]); 3] =
            [(b"IHDR", &header(8, 3)), (b"bKGD", &[1]), (b"pHYs", &[0, 0, 0, 1, 0, 0, 0, 1, 0])];
        let (mut metadata, mut notes) = (Metadata::default(), Vec::new());
        read(Cursor::new(file(&chunks)), &mut metadata, &mut notes, &Limits::default()).unwrap();
        assert_eq!((metadata.png.len(), notes.len()), (1, 1));
    }
}
