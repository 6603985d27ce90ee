//! Image file directories: the lists of tags of which TIFF files and EXIF blocks consist.
//!
//! Values are taken out and put back as bytes, whatever they mean; offsets of what is nested are the only numbers that
//! are read. So a block that is put together again says what it said, tag by tag.

/// Where numbers have their first byte, and how long they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// High byte first (`MM`).
    pub big_endian: bool,
    /// Offsets of 8 bytes: BigTIFF.
    pub wide: bool,
}

/// The EXIF directory, the GPS directory, and the interoperability directory within the first.
pub const EXIF: u16 = 0x8769;
/// See [`EXIF`].
pub const GPS: u16 = 0x8825;
/// See [`EXIF`].
pub const INTEROPERABILITY: u16 = 0xA005;

/// One tag with its value, still in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What it is about.
    pub tag: u16,
    /// Type of its values, 1 to 13 and in BigTIFF to 18.
    pub kind: u16,
    /// How many values.
    pub count: u32,
    /// Their bytes, in the order of the file.
    pub bytes: &'a [u8],
    /// Where in the file the entry begins.
    pub place: usize,
    /// Where in the file its value is.
    pub value_at: usize,
}

/// A directory, and where the one behind it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory<'a> {
    /// In the order of the file.
    pub entries: Vec<Entry<'a>>,
    /// Offset of the next directory; 0 if there is none.
    pub next: u64,
    /// How many entries were damaged and are not among them.
    pub damaged: usize,
}

impl Layout {
    /// What the first bytes of a file say, and the offset of its first directory.
    pub fn of(bytes: &[u8]) -> Option<(Self, u64)> {
        let big_endian = match bytes.get(..2)? {
            b"II" => false,
            b"MM" => true,
            _ => return None,
        };
        let mut layout = Self { big_endian, wide: false };
        match layout.number(bytes.get(2..4)?) {
            42 => Some((layout, layout.number(bytes.get(4..8)?))),
            43 if layout.number(bytes.get(4..8)?) == if big_endian { 8 << 16 } else { 8 } => {
                layout.wide = true;
                Some((layout, layout.number(bytes.get(8..16)?)))
            }
            _ => None,
        }
    }

    /// An integer of up to eight bytes.
    pub fn number(self, bytes: &[u8]) -> u64 {
        let add = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
        if self.big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
    }

    /// The first `N` bytes of an integer in this order, for `N` up to 8.
    pub fn bytes<const N: usize>(self, value: u64) -> [u8; N] {
        std::array::from_fn(|at| (value >> (8 * if self.big_endian { N - 1 - at } else { at })) as u8)
    }

    /// The directory at this offset; `None` if it is not within the file.
    pub fn directory(self, file: &[u8], at: u64) -> Option<Directory<'_>> {
        let at = usize::try_from(at).ok()?;
        let (head, length, word) = if self.wide { (8, 20, 8) } else { (2, 12, 4) };
        let field = |place: usize, length: usize| file.get(place..place.checked_add(length)?);
        // What is written again must fit into a classic file, with the tags that belong to the pixels.
        let count = usize::try_from(self.number(field(at, head)?)).ok().filter(|&count| count < 0xFF00)?;
        let first = at.checked_add(head)?;
        // No entry is without its bytes, so the count is bounded by the file.
        let list = field(first, count.checked_mul(length)?)?;
        let mut directory = Directory::default();
        for (index, entry) in list.chunks_exact(length).enumerate() {
            match self.entry(file, entry, first + index * length, word) {
                Some(entry) => directory.entries.push(entry),
                None => directory.damaged += 1,
            }
        }
        directory.next = field(first + list.len(), word).map_or(0, |bytes| self.number(bytes));
        Some(directory)
    }

    fn entry<'a>(self, file: &'a [u8], entry: &'a [u8], place: usize, word: usize) -> Option<Entry<'a>> {
        let (tag, kind) = (self.number(&entry[..2]) as u16, self.number(&entry[2..4]) as u16);
        let count = self.number(&entry[4..4 + word]);
        let length = usize::try_from(count.checked_mul(size(kind)?)?).ok()?;
        let value_at = if length <= word {
            place + 4 + word
        } else {
            usize::try_from(self.number(&entry[4 + word..])).ok()?
        };
        let bytes = file.get(value_at..value_at.checked_add(length)?)?;
        Some(Entry { tag, kind, count: u32::try_from(count).ok()?, bytes, place, value_at })
    }
}

impl Entry<'_> {
    /// Its first value, if that is an integer without sign.
    pub fn integer(&self, layout: Layout) -> Option<u64> {
        let length = match self.kind {
            1 => 1,
            3 => 2,
            4 | 13 => 4,
            16 | 18 => 8,
            _ => return None,
        };
        Some(layout.number(self.bytes.get(..length)?))
    }

    /// Its first value, if that is a fraction.
    pub fn fraction(&self, layout: Layout) -> Option<f64> {
        let (above, below) = (self.bytes.get(..4)?, self.bytes.get(4..8)?);
        (self.kind == 5).then(|| layout.number(above) as f64 / layout.number(below) as f64)
    }
}

impl<'a> Directory<'a> {
    /// The entry of this tag.
    pub fn find(&self, tag: u16) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }
}

/// Bytes of a value of this type.
fn size(kind: u16) -> Option<u64> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 | 17 | 18 => Some(8),
        _ => None,
    }
}

/// A tag with its value, on its way into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What it is about.
    pub tag: u16,
    /// Type of its values, 1 to 13.
    pub kind: u16,
    /// How many values.
    pub count: u32,
    /// Where they come from.
    pub value: Value,
}

/// The value of a [`Field`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// As they go into the file.
    Bytes(Vec<u8>),
    /// A directory, whose offset is the value.
    Directory(Vec<Field>),
    /// The four bytes of an entry that points to what is in the file already.
    InPlace([u8; 4]),
}

impl Field {
    /// Integers of 16 bits.
    pub fn shorts(layout: Layout, tag: u16, values: &[u16]) -> Self {
        let bytes = values.iter().flat_map(|&value| layout.bytes::<2>(value.into())).collect();
        Self { tag, kind: 3, count: values.len() as u32, value: Value::Bytes(bytes) }
    }

    /// An integer of 32 bits.
    pub fn long(layout: Layout, tag: u16, value: u32) -> Self {
        Self { tag, kind: 4, count: 1, value: Value::Bytes(layout.bytes::<4>(value.into()).to_vec()) }
    }

    /// A fraction.
    pub fn fraction(layout: Layout, tag: u16, above: u32, below: u32) -> Self {
        let bytes = [layout.bytes::<4>(above.into()), layout.bytes::<4>(below.into())].concat();
        Self { tag, kind: 5, count: 1, value: Value::Bytes(bytes) }
    }

    /// Bytes of this type, which is one of bytes.
    pub fn bytes(tag: u16, kind: u16, bytes: &[u8]) -> Self {
        Self { tag, kind, count: bytes.len() as u32, value: Value::Bytes(bytes.to_vec()) }
    }
}

/// A block of EXIF, or a file without pixels, whose first directory holds these.
pub fn block(layout: Layout, fields: Vec<Field>) -> Vec<u8> {
    let mut block = if layout.big_endian { b"MM\0*\0\0\0\0".to_vec() } else { b"II*\0\0\0\0\0".to_vec() };
    let at = write(layout, fields, &mut block);
    block[4..8].copy_from_slice(&layout.bytes::<4>(at.into()));
    block
}

/// Appends a directory and all that it points to, with offsets from the beginning of `file`; returns its own.
pub fn write(layout: Layout, mut fields: Vec<Field>, file: &mut Vec<u8>) -> u32 {
    fields.sort_by_key(|field| field.tag);
    let mut entries = Vec::with_capacity(fields.len());
    for field in fields {
        let (kind, count, value) = match field.value {
            Value::InPlace(value) => (field.kind, field.count, value),
            Value::Directory(inner) => (4, 1, layout.bytes(write(layout, inner, file).into())),
            Value::Bytes(bytes) if bytes.len() <= 4 => {
                let mut value = [0; 4];
                value[..bytes.len()].copy_from_slice(&bytes);
                (field.kind, field.count, value)
            }
            Value::Bytes(bytes) => {
                let at = aligned(file);
                file.extend_from_slice(&bytes);
                (field.kind, field.count, layout.bytes(at.into()))
            }
        };
        entries.push((field.tag, kind, count, value));
    }
    let at = aligned(file);
    file.extend(layout.bytes::<2>(entries.len() as u64));
    for (tag, kind, count, value) in entries {
        file.extend(layout.bytes::<2>(tag.into()));
        file.extend(layout.bytes::<2>(kind.into()));
        file.extend(layout.bytes::<4>(count.into()));
        file.extend(value);
    }
    file.extend([0; 4]);
    at
}

/// Values begin at even offsets. What goes through here is bounded by the limit on metadata.
fn aligned(file: &mut Vec<u8>) -> u32 {
    file.resize(file.len().next_multiple_of(2), 0);
    file.len() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_in_either_order() {
        for big_endian in [false, true] {
            let layout = Layout { big_endian, wide: false };
            let inner = vec![Field::long(layout, 7, 70_000)];
            let fields = vec![
                Field::bytes(0x13B, 2, b"Ada Lovelace\0"),
                Field::shorts(layout, 0x112, &[6]),
                Field { tag: EXIF, kind: 4, count: 1, value: Value::Directory(inner) },
                Field::fraction(layout, 0x11A, 300, 2),
            ];
            let file = block(layout, fields);
            let (read, first) = Layout::of(&file).unwrap();
            assert_eq!((read, first), (layout, layout.number(&file[4..8])));
            let directory = layout.directory(&file, first).unwrap();
            let tags: Vec<u16> = directory.entries.iter().map(|entry| entry.tag).collect();
            assert_eq!((tags, directory.next, directory.damaged), (vec![0x112, 0x11A, 0x13B, EXIF], 0, 0));
            assert_eq!(directory.find(0x13B).unwrap().bytes, b"Ada Lovelace\0");
            assert_eq!(directory.find(0x112).unwrap().integer(layout), Some(6));
            assert_eq!(directory.find(0x11A).unwrap().fraction(layout), Some(150.0));
            let inner = directory.find(EXIF).unwrap().integer(layout).unwrap();
            let inner = layout.directory(&file, inner).unwrap();
            assert_eq!(inner.find(7).unwrap().integer(layout), Some(70_000));
            // Any cut is an answer.
            for length in 0..file.len() {
                if let Some((layout, first)) = Layout::of(&file[..length]) {
                    let _ = layout.directory(&file[..length], first);
                }
            }
        }
    }

    #[test]
    fn numbers_beyond_the_file_are_no_entries() {
        let layout = Layout { big_endian: false, wide: false };
        let mut file = b"II*\0\x08\0\0\0\x02\0".to_vec();
        file.extend(b"\x0e\x01\x02\0\xff\xff\xff\xff\xff\xff\xff\xff");
        file.extend(b"\x12\x01\x03\0\x01\0\0\0\x03\0\0\0");
        let directory = layout.directory(&file, 8).unwrap();
        assert_eq!((directory.entries.len(), directory.damaged, directory.next), (1, 1, 0));
        assert!(layout.directory(&file, u64::MAX).is_none() && layout.directory(&file, 9).is_none());
    }
}
