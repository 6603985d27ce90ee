//! Samples of 9 to 15 bits, and colours of fewer than 8, which the library does not know: it gets to see a gray picture
//! whose pixels are the bytes, and what they hold is unpacked here.

use crate::error::{Error, Result};
use crate::files::ifd::{Directory, Entry, Layout};
use crate::files::raster;
use ::tiff::decoder::DecodingResult;
use wavern::{Color, Image, Samples};

/// How samples are packed, the first in the highest bits; each row begins in a byte of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// Pixels of a row.
    pub width: u32,
    bits: u32,
    channels: u32,
    /// Whether 0 is white.
    is_negative: bool,
}

const WIDTH: u16 = 256;
const BITS: u16 = 258;
const PHOTOMETRIC: u16 = 262;
const SAMPLES: u16 = 277;
const TILE_WIDTH: u16 = 322;

impl Packed {
    /// What the directory of a picture says; `None` if the library can read it, or if it is not known how.
    pub fn of(layout: Layout, page: &Directory<'_>) -> Option<Self> {
        let number = |tag, usual| page.find(tag).map_or(Some(usual), |entry| entry.integer(layout));
        let (channels, photometric) = (number(SAMPLES, 1)?, number(PHOTOMETRIC, 1)?);
        let channels = match (photometric, channels) {
            (0 | 1, 1) => 1,
            (2, 3) => 3,
            _ => return None,
        };
        let depths = page.find(BITS)?;
        let bits = depths.integer(layout)? as u32;
        let are_equal = depths.bytes.chunks_exact(2).all(|depth| layout.number(depth) == u64::from(bits));
        let is_known = depths.kind == 3 && are_equal && (9..16).contains(&bits) || channels == 3 && bits < 8;
        // Planes, order of bits, predictor, kind of numbers.
        let usual = [(284, 1), (266, 1), (317, 1), (339, 1)];
        let is_plain = usual.iter().all(|(tag, usual)| number(*tag, *usual) == Some(*usual));
        let is_packed = matches!(number(259, 1)?, 1 | 5 | 8 | 32773 | 32946 | 50000);
        if !(is_known && is_plain && is_packed) || bits == 0 || page.find(338).is_some() {
            return None;
        }
        let width = u32::try_from(number(WIDTH, 0)?).ok()?;
        Some(Self { width, bits, channels, is_negative: photometric == 0 })
    }

    /// Bytes of a row of this many pixels.
    fn row(self, pixels: u64) -> u64 {
        (pixels * u64::from(self.bits * self.channels)).div_ceil(8)
    }

    /// The same file as a gray picture of bytes.
    pub fn disguised(self, file: &[u8], layout: Layout, page: &Directory<'_>) -> Vec<u8> {
        let mut copy = file.to_vec();
        let mut set = |tag, kind, value| {
            if let Some(entry) = page.find(tag) {
                put(&mut copy, layout, entry, kind, value);
            }
        };
        set(WIDTH, 4, self.row(self.width.into()));
        set(BITS, 3, 8);
        set(PHOTOMETRIC, 3, 1);
        set(SAMPLES, 3, 1);
        // Tiles whose rows end within a byte stay as they are, and the library says that they do not fit.
        let tile = page.find(TILE_WIDTH).and_then(|entry| entry.integer(layout));
        if let Some(tile) =
            tile.filter(|tile| tile.saturating_mul(u64::from(self.bits * self.channels)) % 8 == 0)
        {
            set(TILE_WIDTH, 4, self.row(tile));
        }
        copy
    }

    /// The picture that the bytes are.
    pub fn image(self, bytes: DecodingResult, height: u32) -> Result<Image> {
        let DecodingResult::U8(bytes) = bytes else {
            return Err(Error::corrupt("malformed TIFF: packed samples that are no bytes"));
        };
        let row = self.row(self.width.into()) as usize;
        let count = self.width as usize * self.channels as usize;
        if row == 0 || bytes.len() != row * height as usize {
            return Err(Error::corrupt("malformed TIFF: rows of packed samples of another length"));
        }
        let most = (1 << self.bits) - 1;
        let values = bytes.chunks_exact(row).flat_map(|row| unpacked(row, self.bits, count));
        let values = values.map(|value| if self.is_negative { most - value } else { value });
        let color = if self.channels == 1 { Color::Gray } else { Color::Rgb };
        let samples = if self.bits < 8 {
            let mut samples = raster::zeroed::<u8>(count * height as usize)?;
            samples.iter_mut().zip(values).for_each(|(sample, value)| *sample = full(value, most, 255) as u8);
            Samples::U8(samples)
        } else {
            let mut samples = raster::zeroed::<u16>(count * height as usize)?;
            samples
                .iter_mut()
                .zip(values)
                .for_each(|(sample, value)| *sample = full(value, most, 65535) as u16);
            Samples::U16(samples)
        };
        raster::image((self.width, height), color, false, samples)
    }
}

/// A value of a range in another one, rounded.
fn full(value: u32, most: u32, range: u32) -> u32 {
    (value * range + most / 2) / most
}

/// Packed integers of up to 16 bits, the first in the highest bits.
pub fn unpacked(bytes: &[u8], bits: u32, count: usize) -> impl Iterator<Item = u32> {
    let (mut rest, mut held, mut word) = (bytes.iter(), 0, 0u32);
    (0..count).map_while(move |_| {
        while held < bits {
            word = word << 8 | u32::from(*rest.next()?);
            held += 8;
        }
        held -= bits;
        Some(word >> held & ((1 << bits) - 1))
    })
}

/// One number in place of what an entry held.
fn put(file: &mut [u8], layout: Layout, entry: &Entry<'_>, kind: u64, value: u64) {
    let word = if layout.wide { 8 } else { 4 };
    let at = entry.place;
    file[at + 2..at + 4].copy_from_slice(&layout.bytes::<2>(kind));
    let (count, place) = (at + 4, at + 4 + word);
    file[place..place + word].fill(0);
    match word {
        8 => file[count..place].copy_from_slice(&layout.bytes::<8>(1)),
        _ => file[count..place].copy_from_slice(&layout.bytes::<4>(1)),
    }
    match kind {
        3 => file[place..place + 2].copy_from_slice(&layout.bytes::<2>(value)),
        _ => file[place..place + 4].copy_from_slice(&layout.bytes::<4>(value)),
    }
}
