//! Ancillary chunks of a PNG as they stand in the file: read beside the decoder, which drops or converts them.

use super::raster::without_prefix;
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

/// The keyword of IPTC, for which PNG has no place of its own.
const RAW_PROFILE: &[u8] = b"Raw profile type iptc\0";

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
    let mut ended = false;
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
            ended = true;
            break;
        } else if kind == *b"eXIf" || ancillary && is_kept(kind) {
            bytes = bytes.saturating_add(length);
            if bytes > limits.metadata_bytes {
                let bound = limits.metadata_bytes;
                return Err(Error::limit(format!("{bytes} bytes of metadata (expected at most {bound})")));
            }
            let Some(content) = content()? else { break };
            let chunk = [&kind[..], &content].concat();
            if kind == *b"eXIf" {
                metadata.exif = Some(without_prefix(content)).filter(|exif| !exif.is_empty());
            } else if let (b"iTXt", Some(text)) = (&kind, content.strip_prefix(XMP)) {
                match xmp(text) {
                    Some(xmp) => metadata.xmp = Some(xmp.to_vec()),
                    None => notes.push("compressed XMP is left out".to_owned()),
                }
            } else if let (b"tEXt", Some(resources)) = (&kind, of_raw_profile(&content)) {
                metadata.iptc = Some(resources);
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
    if !ended {
        notes.push("the end of the PNG is missing".to_owned());
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

/// The text behind the keyword of an `iTXt` that is not compressed: behind two flags, a language and a translation.
fn xmp(text: &[u8]) -> Option<&[u8]> {
    let [0, _, text @ ..] = text else { return None };
    let mut parts = text.splitn(3, |&byte| byte == 0);
    parts.nth(2)
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
    if let Some(resources) = &metadata.iptc {
        writer.write_chunk(png::chunk::tEXt, &raw_profile(resources))?;
    }
    Ok(())
}

/// Image resources as text, the way ImageMagick and exiftool write them: a name, the length, and hexadecimal digits.
fn raw_profile(resources: &[u8]) -> Vec<u8> {
    let mut text = RAW_PROFILE.to_vec();
    text.extend(format!("\niptc\n{:8}", resources.len()).bytes());
    for line in resources.chunks(36) {
        text.push(b'\n');
        text.extend(line.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()));
    }
    text.push(b'\n');
    text
}

/// What [`raw_profile`] holds, of whoever wrote it without compression.
fn of_raw_profile(content: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(content.strip_prefix(RAW_PROFILE)?).ok()?;
    let mut words = text.split_ascii_whitespace().skip(1);
    let length: usize = words.next()?.parse().ok()?;
    let digits: Vec<u32> =
        words.flat_map(str::chars).map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect();
    (bytes.len() == length && bytes.starts_with(b"8BIM")).then_some(bytes)
}

/// The keyword of a text chunk.
pub fn keyword(content: &[u8]) -> String {
    let keyword = content.split(|&byte| byte == 0).next().unwrap_or_default();
    keyword.iter().map(|&byte| char::from(byte)).filter(|c| !c.is_control()).take(79).collect()
}

/// The text of a chunk that is a comment: one with the keyword `Comment` and nothing else that could be lost.
pub fn comment(chunk: &[u8]) -> Option<&[u8]> {
    chunk.strip_prefix(b"tEXtComment\0").or_else(|| chunk.strip_prefix(b"iTXtComment\0\0\0\0\0"))
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
        assert_eq!(notes, ["the end of the PNG is missing", "chunks of the PNG left out: prVT"]);
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
    fn resources_go_as_text_and_come_back() {
        for length in [0, 1, 35, 36, 37, 500] {
            let resources: Vec<u8> =
                b"8BIM".iter().copied().chain((0..length).map(|at| (at * 7) as u8)).collect();
            assert_eq!(of_raw_profile(&raw_profile(&resources)), Some(resources));
        }
        for other in
            [&b"Author\0Ada"[..], b"Raw profile type iptc\0", b"Raw profile type iptc\0\niptc\n 4\n00"]
        {
            assert_eq!(of_raw_profile(other), None);
        }
    }

    #[test]
    fn what_describes_colours_of_a_palette_is_not_kept() {
        let density = [0, 0, 0, 1, 0, 0, 0, 1, 0];
        let chunks: [(&[u8; 4], &[u8]); 4] =
            [(b"IHDR", &header(8, 3)), (b"bKGD", &[1]), (b"pHYs", &density), (b"IEND", &[])];
        let (mut metadata, mut notes) = (Metadata::default(), Vec::new());
        read(Cursor::new(file(&chunks)), &mut metadata, &mut notes, &Limits::default()).unwrap();
        assert_eq!((metadata.png.len(), notes.len()), (1, 1));
    }
}
