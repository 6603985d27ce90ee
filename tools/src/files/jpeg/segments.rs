//! The segments of a JPEG, up to its end: metadata that its decoder drops, and whether all of it is there.

use super::super::density::per_metre;
use super::super::ifd::Layout;
use wavern::Metadata;

/// What is in a file besides its coefficients.
#[derive(Debug, Default)]
pub struct Segments {
    /// Metadata that is kept.
    pub metadata: Metadata,
    /// One line each: what is not.
    pub notes: Vec<String>,
    /// What no decoder reads, if the file has it.
    pub unsupported: Option<&'static str>,
    /// Rows; 0 until the frame was found, or if they come behind the pixels.
    pub height: u32,
    /// Number of components.
    pub components: u8,
    /// Whether Adobe's marker is there, which says that CMYK is stored inverted.
    pub adobe: bool,
    /// Whether scans of a sequential picture have one component each, and components have different sizes.
    pub separate_and_subsampled: bool,
    /// Whether every scan adds to the whole picture.
    pub progressive: bool,
    /// Number of scans that begin.
    pub scans: usize,
    /// Where the coefficients begin; 0 if there are none.
    pub scan: usize,
    /// Where what is whole ends: the file, or the segment in front of one that is cut.
    pub whole: usize,
    /// Where the file ends: behind the end marker. `None` if that is missing.
    pub end: Option<usize>,
}

const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const MORE_XMP: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
const ICC: &[u8] = b"ICC_PROFILE\0";
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";

/// Pieces of metadata while they are collected.
#[derive(Default)]
struct Pieces<'a> {
    icc: Vec<(u8, &'a [u8])>,
    resources: Vec<u8>,
    pictures: u32,
    unknown: Vec<String>,
    extended: bool,
    frame: Frame,
}

#[derive(Default, Clone, Copy)]
struct Frame {
    sequential: bool,
    subsampled: bool,
}

impl Segments {
    /// Goes through a file as far as it can be followed.
    pub fn of(bytes: &[u8]) -> Self {
        let (mut all, mut pieces) = (Self::default(), Pieces::default());
        let mut at = 2;
        while let Some((marker, start)) = next_marker(bytes, at) {
            at = start;
            match marker {
                0xD9 => {
                    all.end = Some(start);
                    break;
                }
                0x01 | 0xD0..=0xD8 => continue,
                _ => {}
            }
            // What a decoder can follow ends in front of a segment that is cut.
            all.whole = start - 2;
            let Some(length) =
                bytes.get(start..start + 2).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]])))
            else {
                break;
            };
            let Some(content) = bytes.get(start + 2..start + length.max(2)) else { break };
            all.whole = bytes.len();
            all.take(marker, content, &mut pieces);
            at = start + length.max(2);
            if marker == 0xDA {
                all.scans += 1;
                all.scan = if all.scan == 0 { at } else { all.scan };
            }
        }
        all.finish(pieces, bytes);
        all
    }

    fn take<'a>(&mut self, marker: u8, content: &'a [u8], pieces: &mut Pieces<'a>) {
        self.unsupported = self.unsupported.or(match (marker, content.first()) {
            (0xDE, _) | (0xC5..=0xC7 | 0xCD..=0xCF, Some(_)) => Some("a hierarchical JPEG"),
            (0xC9..=0xCB, Some(_)) => Some("a JPEG with arithmetic coding"),
            (0xC3, Some(_)) => Some("a JPEG without loss"),
            (0xC0..=0xC2, Some(12)) => Some("a JPEG of 12 bits"),
            _ => None,
        });
        match marker {
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) && self.components == 0 => {
                if let [_, high, low, _, _, components, rest @ ..] = content {
                    self.height = u32::from(u16::from_be_bytes([*high, *low]));
                    self.components = *components;
                    self.progressive = matches!(marker, 0xC2 | 0xC6 | 0xCA | 0xCE);
                    let factors = || rest.chunks_exact(3).map(|component| component[1]);
                    pieces.frame = Frame {
                        sequential: matches!(marker, 0xC0 | 0xC1 | 0xC9),
                        subsampled: factors().any(|factor| Some(factor) != factors().next()),
                    };
                }
            }
            0xDA if self.scan == 0 => {
                let alone = content.first() == Some(&1) && self.components > 1;
                self.separate_and_subsampled = alone && pieces.frame.sequential && pieces.frame.subsampled;
            }
            0xE0 => self.jfif(content, pieces),
            0xE1 => self.app1(content, pieces),
            0xE2 => {
                if let Some([number, _, part @ ..]) = content.strip_prefix(ICC) {
                    pieces.icc.push((*number, part));
                } else if content.starts_with(b"MPF\0") {
                    pieces.pictures = pieces.pictures.max(pictures(&content[4..]).unwrap_or(2));
                } else {
                    pieces.name(2, content);
                }
            }
            0xED => match content.strip_prefix(PHOTOSHOP) {
                Some(part) => pieces.resources.extend_from_slice(part),
                None => pieces.name(13, content),
            },
            0xEE if content.starts_with(b"Adobe") => self.adobe = true,
            0xE3..=0xEF => pieces.name(marker & 15, content),
            0xFE => self.comment(content),
            _ => {}
        }
    }

    fn jfif(&mut self, content: &[u8], pieces: &mut Pieces<'_>) {
        if let [b'J', b'F', b'I', b'F', 0, _, _, unit, a, b, c, d, ..] = *content {
            let [x, y] = [[a, b], [c, d]].map(|bytes| f64::from(u16::from_be_bytes(bytes)));
            if let Some(chunk) = (1..=2).contains(&unit).then(|| per_metre(x, y, unit == 2)).flatten() {
                self.metadata.png.push([b"pHYs", &chunk[..]].concat());
            }
        } else {
            pieces.name(0, content);
        }
    }

    fn app1(&mut self, content: &[u8], pieces: &mut Pieces<'_>) {
        if let Some(exif) = content.strip_prefix(EXIF).filter(|exif| !exif.is_empty()) {
            match &mut self.metadata.exif {
                None => self.metadata.exif = Some(exif.to_vec()),
                // A block that was too long for one segment goes on in the next.
                Some(block) if !exif.starts_with(b"II") && !exif.starts_with(b"MM") => {
                    block.extend_from_slice(exif);
                }
                Some(_) => self.notes.push("a second EXIF block is left out".to_owned()),
            }
        } else if let Some(xmp) = content.strip_prefix(XMP).filter(|xmp| !xmp.is_empty()) {
            match self.metadata.xmp {
                None => self.metadata.xmp = Some(xmp.to_vec()),
                Some(_) => self.notes.push("a second XMP packet is left out".to_owned()),
            }
        } else if content.starts_with(MORE_XMP) {
            pieces.extended = true;
        } else {
            pieces.name(1, content);
        }
    }

    /// A comment is text without a keyword, in whatever characters; PNG's form for it has the keyword `Comment`.
    fn comment(&mut self, content: &[u8]) {
        let text = content.strip_suffix(b"\0").unwrap_or(content);
        if text.contains(&0) {
            self.notes.push("a comment with zero bytes is left out".to_owned());
        } else if text.is_ascii() || str::from_utf8(text).is_err() {
            self.metadata.png.push([b"tEXtComment\0", text].concat());
        } else {
            self.metadata.png.push([b"iTXtComment\0\0\0\0\0", text].concat());
        }
    }

    fn finish(&mut self, mut pieces: Pieces<'_>, bytes: &[u8]) {
        pieces.icc.sort_by_key(|(number, _)| *number);
        let icc: Vec<u8> = pieces.icc.iter().flat_map(|(_, part)| part.iter().copied()).collect();
        self.metadata.icc = Some(icc).filter(|icc| !icc.is_empty());
        self.metadata.iptc = Some(pieces.resources).filter(|resources| !resources.is_empty());
        if pieces.extended {
            self.notes.push("extended XMP is left out".to_owned());
        }
        pieces.unknown.dedup();
        if !pieces.unknown.is_empty() {
            self.notes.push(format!("segments of the JPEG left out: {}", pieces.unknown.join(", ")));
        }
        let behind = self.end.map_or(&[][..], |end| &bytes[end..]);
        let another = behind.windows(3).any(|part| part == [0xFF, 0xD8, 0xFF]);
        if pieces.pictures > 1 {
            let count = pieces.pictures;
            self.notes.push(format!("only the first of {count} pictures in this file is taken"));
        } else if another {
            self.notes.push(
                "another picture behind the first (a gain map, depth or preview) is left out".to_owned(),
            );
        } else if behind.iter().any(|&byte| byte != 0) {
            let count = behind.len();
            self.notes.push(format!("{count} bytes behind the picture (a film, a gain map) are left out"));
        }
    }
}

impl Pieces<'_> {
    /// Remembers a segment that has no place: its number, and the name that its content begins with.
    fn name(&mut self, number: u8, content: &[u8]) {
        let name: String =
            content.iter().take(24).take_while(|&&b| b.is_ascii_graphic()).map(|&b| char::from(b)).collect();
        self.unknown.push(if name.is_empty() {
            format!("APP{number}")
        } else {
            format!("APP{number} {name}")
        });
    }
}

/// The next marker from a place on, and where it ends; what stands between is entropy-coded.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xFF)?;
        match *bytes.get(at + 1)? {
            0xFF => at += 1,
            0 => at += 2,
            marker => return Some((marker, at + 2)),
        }
    }
}

/// How many pictures the index of a multi-picture file lists.
fn pictures(index: &[u8]) -> Option<u32> {
    let (layout, at) = Layout::of(index)?;
    let directory = layout.directory(index, at)?;
    u32::try_from(directory.find(0xB001)?.integer(layout)?).ok()
}
