//! Tags of a TIFF that describe its picture ↔ metadata.

use crate::error::{Error, Result};
use crate::files::density::per_metre;
use crate::files::ifd::{self, Directory, Field, Layout, Value};
use crate::files::photoshop;
use wavern::Metadata;
use wavern_bitstream::Limits;

/// Tags that say where pixels are and what they mean, and so belong to one file alone.
const OF_PIXELS: &[u16] = &[
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284, 288, 289, 290,
    291, 292, 293, 317, 320, 322, 323, 324, 325, 330, 332, 334, 338, 339, 340, 341, 347, 512, 513, 514, 515,
    529, 530, 531, 532,
];

/// Tags whose content has a place of its own: XMP, IPTC, image resources, the profile.
const ELSEWHERE: &[u16] = &[700, 33723, 34377, 34675];

/// Layers of Photoshop.
const LAYERS: u16 = 37724;

/// Which side is up, and density: they say nothing that makes a block of EXIF worth having.
const USUAL: &[u16] = &[274, 282, 283, 296];

/// True of tags that describe the picture, whatever file it is in.
pub fn describes(tag: u16) -> bool {
    !OF_PIXELS.contains(&tag) && !ELSEWHERE.contains(&tag) && tag != LAYERS
}

/// The metadata in a directory of a file. What describes the picture becomes EXIF, tag by tag.
pub fn metadata(
    layout: Layout,
    file: &[u8],
    page: &Directory<'_>,
    limits: &Limits,
    notes: &mut Vec<String>,
) -> Result<Metadata> {
    let bytes = |tag| page.find(tag).map(|entry| entry.bytes.to_vec()).filter(|bytes| !bytes.is_empty());
    let mut metadata = Metadata::default();
    metadata.xmp = bytes(700);
    metadata.icc = bytes(34675);
    let alone = bytes(33723).map(|iptc| photoshop::resources(&iptc));
    metadata.iptc = match (bytes(34377), alone) {
        (Some(resources), Some(alone)) if photoshop::iptc(&resources).is_none() => {
            Some([resources, alone].concat())
        }
        (resources, alone) => resources.or(alone),
    };
    let number = |tag| page.find(tag).and_then(|entry| entry.fraction(layout));
    let unit = page.find(296).and_then(|entry| entry.integer(layout)).unwrap_or(2);
    if let (Some(x), Some(y), 2 | 3) = (number(282), number(283), unit)
        && let Some(chunk) = per_metre(x, y, unit == 3)
    {
        metadata.png.push([b"pHYs", &chunk[..]].concat());
    }
    let mut copy = Copy { layout, file, room: limits.metadata_bytes, left_out: 0 };
    let fields = copy.fields(page, true)?;
    let turned = |field: &Field| field.tag == 274 && field.value != Field::shorts(layout, 274, &[1]).value;
    if fields.iter().any(|field| !USUAL.contains(&field.tag) || turned(field)) {
        metadata.exif = Some(ifd::block(layout, fields));
    }
    let damaged = page.damaged + copy.left_out;
    if damaged > 0 {
        notes.push(format!("{damaged} tags of the TIFF that cannot be read are left out"));
    }
    if page.find(LAYERS).is_some() {
        notes.push("layers of Photoshop are left out".to_owned());
    }
    Ok(metadata)
}

/// Takes tags out of a file, values and all.
struct Copy<'a> {
    layout: Layout,
    file: &'a [u8],
    /// Bytes that may still be taken: entries may point to the same value again and again.
    room: u64,
    left_out: usize,
}

impl Copy<'_> {
    fn fields(&mut self, directory: &Directory<'_>, top: bool) -> Result<Vec<Field>> {
        let mut fields = Vec::new();
        for entry in directory.entries.iter().filter(|entry| !top || describes(entry.tag)) {
            let cost = entry.bytes.len() as u64 + 12;
            self.room = self.room.checked_sub(cost).ok_or_else(|| {
                Error::limit("more metadata than the limit allows (--limit-metadata raises it)")
            })?;
            let nested = match entry.tag {
                ifd::EXIF | ifd::GPS => top,
                ifd::INTEROPERABILITY => !top,
                _ => false,
            };
            let value = if nested {
                let inner = entry.integer(self.layout).and_then(|at| self.layout.directory(self.file, at));
                match inner {
                    // Deeper than this there are none.
                    Some(inner) => {
                        self.left_out += inner.damaged;
                        Value::Directory(self.fields(&inner, false)?)
                    }
                    None => {
                        self.left_out += 1;
                        continue;
                    }
                }
            } else if entry.kind > 12 || matches!(entry.tag, ifd::EXIF | ifd::GPS | ifd::INTEROPERABILITY) {
                // Offsets, and integers of 64 bits, which EXIF does not have.
                self.left_out += 1;
                continue;
            } else {
                Value::Bytes(entry.bytes.to_vec())
            };
            fields.push(Field { tag: entry.tag, kind: entry.kind, count: entry.count, value });
        }
        Ok(fields)
    }
}
