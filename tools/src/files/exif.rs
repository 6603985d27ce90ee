//! What an EXIF block says that this command acts on: which side is up, and where it was taken.
//!
//! A block is changed in place: offsets within it, which notes of camera makers are full of, stay true.

use super::ifd::{self, Directory, Layout};
use std::fmt;

const ORIENTATION: u16 = 0x112;

/// How stored pixels must be turned to be seen as they were meant: EXIF's numbers 1 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orientation(u8);

impl Orientation {
    /// 2 to 8; 1 and what EXIF does not define are `None`: nothing to do.
    pub fn new(number: u64) -> Option<Self> {
        (2..=8).contains(&number).then_some(Self(number as u8))
    }

    /// EXIF's number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Whether columns become rows.
    pub fn swaps_sides(self) -> bool {
        self.0 >= 5
    }

    /// Where the pixel at `(x, y)` of the upright picture is stored, whose stored size is `width` × `height`.
    pub fn stored(self, (x, y): (usize, usize), (width, height): (usize, usize)) -> (usize, usize) {
        match self.0 {
            2 => (width - 1 - x, y),
            3 => (width - 1 - x, height - 1 - y),
            4 => (x, height - 1 - y),
            5 => (y, x),
            6 => (y, height - 1 - x),
            7 => (width - 1 - y, height - 1 - x),
            8 => (width - 1 - y, x),
            _ => (x, y),
        }
    }
}

impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            2 => "to be mirrored",
            3 => "to be turned by 180°",
            4 => "to be mirrored top to bottom",
            5 => "to be mirrored and turned left",
            6 => "to be turned right",
            7 => "to be mirrored and turned right",
            8 => "to be turned left",
            _ => "upright",
        })
    }
}

/// The first directory of a block, if there is one.
pub fn first(exif: &[u8]) -> Option<(Layout, Directory<'_>)> {
    let (layout, at) = Layout::of(exif).filter(|(layout, _)| !layout.wide)?;
    Some((layout, layout.directory(exif, at)?))
}

/// Which side is up, if not the first row.
pub fn orientation(exif: &[u8]) -> Option<Orientation> {
    let (layout, directory) = first(exif)?;
    Orientation::new(directory.find(ORIENTATION)?.integer(layout)?)
}

/// The same block for a picture that was turned upright: where it said another orientation, it says 1.
pub fn upright(exif: Vec<u8>) -> Vec<u8> {
    let mut block = exif;
    let place = first(&block).and_then(|(layout, directory)| {
        let entry = directory.find(ORIENTATION).filter(|entry| entry.integer(layout).is_some())?;
        let length = entry.bytes.len() / entry.count.max(1) as usize;
        Some((layout, entry.value_at..entry.value_at + length))
    });
    if let Some((layout, place)) = place {
        let number = &mut block[place];
        number.fill(0);
        let low = if layout.big_endian { number.len() - 1 } else { 0 };
        number[low] = 1;
    }
    block
}

/// The directory of the place, if it says more than its version.
fn place(exif: &[u8]) -> Option<(Layout, usize, Directory<'_>)> {
    let (layout, directory) = first(exif)?;
    let pointer = directory.find(ifd::GPS)?;
    let place = layout.directory(exif, pointer.integer(layout)?)?;
    Some((layout, pointer.place, place))
}

/// Whether it says where it was made.
pub fn tells_place(exif: &[u8]) -> bool {
    place(exif).is_some_and(|(_, _, place)| place.entries.iter().any(|entry| entry.tag != 0))
}

/// The same block without its GPS directory: the pointer is taken out, and what it pointed to is overwritten.
pub fn without_place(exif: &[u8]) -> Vec<u8> {
    let mut block = exif.to_vec();
    let Some((layout, directory)) = first(exif) else { return block };
    let Some(pointer) = directory.find(ifd::GPS) else { return block };
    if let Some((_, _, place)) = place(exif) {
        for entry in &place.entries {
            block[entry.value_at..entry.value_at + entry.bytes.len()].fill(0);
            block[entry.place..entry.place + 12].fill(0);
        }
    }
    // The entries behind it move up, with the offset of the next directory; four bytes and twelve are then free.
    let count = directory.entries.len() + directory.damaged;
    let end = directory_end(exif, layout, count);
    let Some((start, end)) = end else { return block };
    block.copy_within(pointer.place + 12..end, pointer.place);
    block[end - 12..end].fill(0);
    block[start..start + 2].copy_from_slice(&layout.bytes::<2>(count as u64 - 1));
    block
}

/// Where the first directory begins, and where it ends with the offset of the next.
fn directory_end(exif: &[u8], layout: Layout, count: usize) -> Option<(usize, usize)> {
    let start = usize::try_from(layout.number(exif.get(4..8)?)).ok()?;
    let end = start.checked_add(2)?.checked_add(count.checked_mul(12)?)?;
    Some((start, if end + 4 <= exif.len() { end + 4 } else { end }))
}

#[cfg(test)]
mod tests {
    use super::super::ifd::{Field, Value};
    use super::*;

    fn block(big_endian: bool) -> Vec<u8> {
        let layout = Layout { big_endian, wide: false };
        let seconds = [
            Field::fraction(layout, 2, 48, 1),
            Field::bytes(1, 2, b"N\0"),
            Field::bytes(0, 1, &[2, 3, 0, 0]),
        ];
        let fields = vec![
            Field::bytes(0x10F, 2, b"a camera\0"),
            Field::shorts(layout, ORIENTATION, &[6]),
            Field { tag: ifd::GPS, kind: 4, count: 1, value: Value::Directory(seconds.to_vec()) },
            Field::bytes(0x9C9B, 1, b"a title behind"),
        ];
        ifd::block(layout, fields)
    }

    #[test]
    fn the_place_goes_and_nothing_else_does() {
        for big_endian in [false, true] {
            let block = block(big_endian);
            assert!(tells_place(&block));
            let without = without_place(&block);
            assert_eq!(without.len(), block.len());
            assert!(!tells_place(&without) && orientation(&without).map(Orientation::number) == Some(6));
            let (_, directory) = first(&without).unwrap();
            let tags: Vec<u16> = directory.entries.iter().map(|entry| entry.tag).collect();
            assert_eq!(tags, [0x10F, ORIENTATION, 0x9C9B]);
            assert_eq!(directory.find(0x9C9B).unwrap().bytes, b"a title behind");
            let coordinate = if big_endian { [0, 0, 0, 48, 0, 0, 0, 1] } else { [48, 0, 0, 0, 1, 0, 0, 0] };
            assert!(!without.windows(8).any(|part| part == coordinate));
            assert_eq!(without_place(&without), without);
        }
    }

    #[test]
    fn a_turned_picture_says_so_and_nothing_else_changes() {
        for big_endian in [false, true] {
            let (block, layout) = (block(big_endian), Layout { big_endian, wide: false });
            let turned = upright(block.clone());
            let (_, directory) = first(&turned).unwrap();
            assert_eq!(directory.find(ORIENTATION).unwrap().integer(layout), Some(1));
            assert_eq!(turned.iter().zip(&block).filter(|(one, other)| one != other).count(), 1);
        }
        assert_eq!(upright(b"no block".to_vec()), b"no block");
    }

    #[test]
    fn any_bytes_are_borne() {
        let block = block(false);
        for length in 0..block.len() {
            let cut = &block[..length];
            let _ = (orientation(cut), tells_place(cut), without_place(cut), upright(cut.to_vec()));
        }
        for at in 0..block.len() {
            for value in [0, 1, 0x7F, 0xFF] {
                let mut bad = block.clone();
                bad[at] = value;
                let _ = (orientation(&bad), tells_place(&bad), without_place(&bad), upright(bad.clone()));
            }
        }
    }

    #[test]
    fn eight_ways_to_lie() {
        // A picture of three by two whose upright pixels are numbered along rows.
        let upright = |number: u64| {
            let turn = Orientation::new(number).unwrap();
            let stored = [1, 2, 3, 4, 5, 6];
            let (width, height) = if turn.swaps_sides() { (2, 3) } else { (3, 2) };
            let at = |x, y| {
                let (x, y) = turn.stored((x, y), (3, 2));
                stored[y * 3 + x]
            };
            (0..height).flat_map(|y| (0..width).map(move |x| at(x, y))).collect::<Vec<_>>()
        };
        assert_eq!(upright(2), [3, 2, 1, 6, 5, 4]);
        assert_eq!(upright(3), [6, 5, 4, 3, 2, 1]);
        assert_eq!(upright(4), [4, 5, 6, 1, 2, 3]);
        assert_eq!(upright(5), [1, 4, 2, 5, 3, 6]);
        assert_eq!(upright(6), [4, 1, 5, 2, 6, 3]);
        assert_eq!(upright(7), [6, 3, 5, 2, 4, 1]);
        assert_eq!(upright(8), [3, 6, 2, 5, 1, 4]);
        assert!([0, 1, 9, 300].iter().all(|&number| Orientation::new(number).is_none()));
    }
}
