//! The header of a picture.

use super::{LOSSLESS_LEVEL, WeightsId, join_level, require_positive, split_level};
use crate::{
    Error, Limits,
    limits::{check, narrow},
    reader::Reader,
    varint,
};

/// The header of a picture. Alpha is no part of it: a picture has alpha if there is an `ALPH` chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageHeader {
    /// Quality level index, 0..=1023.
    pub level: u16,
    /// The colour channels.
    pub color: Color,
    /// Precision of the samples that a decoder returns.
    pub depth: BitDepth,
    /// 0: the whole picture is one tile. 1..=15: tiles are squares of 2^(`tile_log2` + 7) pixels a side.
    pub tile_log2: u8,
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// The weights that decode the picture.
    pub weights: WeightsId,
}

/// Which colour channels a picture has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Color {
    /// One channel, luma.
    Gray,
    /// Three channels: red, green, blue.
    Rgb,
}

impl Color {
    /// Samples of one pixel.
    pub const fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
        }
    }
}

/// Precision of the samples of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BitDepth {
    /// 0..=255.
    Eight,
    /// 0..=65535.
    Sixteen,
}

impl BitDepth {
    /// Bits of one sample: 8 or 16.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Eight => 8,
            Self::Sixteen => 16,
        }
    }

    /// The depth of samples of this many bits, if there is one.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            8 => Some(Self::Eight),
            16 => Some(Self::Sixteen),
            _ => None,
        }
    }
}

/// The pixels of one tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TileRect {
    /// Column of the left-most pixels.
    pub x: u32,
    /// Row of the top-most pixels.
    pub y: u32,
    /// Width in pixels; less than the tile side in the last column.
    pub width: u32,
    /// Height in pixels; less than the tile side in the last row.
    pub height: u32,
}

/// Color, above the ten bits of the level.
const RGB: u16 = 1 << 0;
/// Depth, next to it.
const SIXTEEN: u16 = 1 << 1;
/// The four bits above those hold `tile_log2`.
const TILE_SHIFT: u32 = 2;
const MAX_TILE_LOG2: u8 = 15;

impl ImageHeader {
    /// Whether every sample comes back as it was.
    pub fn is_lossless(&self) -> bool {
        self.level == LOSSLESS_LEVEL
    }

    /// Width × height.
    pub fn pixels(&self) -> u64 {
        u64::from(self.width).saturating_mul(self.height.into())
    }

    /// Side of the square tiles in pixels, or `None` if the whole picture is one tile.
    pub fn tile_side(&self) -> Option<u32> {
        let log2 = u32::from(self.tile_log2.min(MAX_TILE_LOG2)).saturating_add(7);
        (self.tile_log2 > 0).then_some(1u32.wrapping_shl(log2))
    }

    /// Columns and rows of the grid of tiles.
    pub fn tile_grid(&self) -> (u32, u32) {
        match self.tile_side() {
            Some(side) => (self.width.div_ceil(side), self.height.div_ceil(side)),
            None => (1, 1),
        }
    }

    /// Number of tiles.
    pub fn tile_count(&self) -> u64 {
        let (columns, rows) = self.tile_grid();
        u64::from(columns).saturating_mul(rows.into())
    }

    /// The pixels of tile `index`; tiles are counted along rows, from the top. `None` beyond the last tile.
    pub fn tile_rect(&self, index: u64) -> Option<TileRect> {
        let (columns, rows) = self.tile_grid();
        let column = u32::try_from(index.checked_rem(columns.into())?).ok()?;
        let row = u32::try_from(index.checked_div(columns.into())?).ok().filter(|&row| row < rows)?;
        let (x, width) = span(column, self.tile_side(), self.width)?;
        let (y, height) = span(row, self.tile_side(), self.height)?;
        Some(TileRect { x, y, width, height })
    }

    pub(super) fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let (level, high) = split_level(reader.u16("image level field")?);
        let [tile_log2, _] = (high >> TILE_SHIFT).to_le_bytes();
        let width = narrow("image width", reader.positive("image width")?, limits.side)?;
        let height = narrow("image height", reader.positive("image height")?, limits.side)?;
        let header = Self {
            level,
            color: if high & RGB == 0 { Color::Gray } else { Color::Rgb },
            depth: if high & SIXTEEN == 0 { BitDepth::Eight } else { BitDepth::Sixteen },
            tile_log2,
            width,
            height,
            weights: WeightsId(reader.array("weights id")?),
        };
        check("image pixels", header.pixels(), limits.pixels)?;
        Ok(header)
    }

    pub(super) fn write(&self, limits: &Limits, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.tile_log2 > MAX_TILE_LOG2 {
            return Err(Error::parameter("tile_log2", self.tile_log2, format!("0..={MAX_TILE_LOG2}")));
        }
        require_positive("image width", self.width)?;
        require_positive("image height", self.height)?;
        check("image width", self.width.into(), limits.side.into())?;
        check("image height", self.height.into(), limits.side.into())?;
        check("image pixels", self.pixels(), limits.pixels)?;

        let color = if self.color == Color::Rgb { RGB } else { 0 };
        let depth = if self.depth == BitDepth::Sixteen { SIXTEEN } else { 0 };
        let high = color | depth | u16::from(self.tile_log2) << TILE_SHIFT;
        out.extend_from_slice(&join_level(self.level, high)?.to_le_bytes());
        varint::write(self.width.into(), out);
        varint::write(self.height.into(), out);
        out.extend_from_slice(&self.weights.0);
        Ok(())
    }
}

/// First pixel and number of pixels of tile `index` along a side of `whole` pixels.
fn span(index: u32, side: Option<u32>, whole: u32) -> Option<(u32, u32)> {
    let side = side.unwrap_or(whole);
    let start = index.checked_mul(side)?;
    Some((start, whole.checked_sub(start)?.min(side)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(width: u32, height: u32, tile_log2: u8) -> ImageHeader {
        let (color, depth, weights) = (Color::Rgb, BitDepth::Eight, WeightsId([0; 6]));
        ImageHeader { level: 0, color, depth, tile_log2, width, height, weights }
    }

    #[test]
    fn grid_of_a_picture() {
        let whole = header(1000, 600, 0);
        assert_eq!((whole.tile_side(), whole.tile_grid(), whole.tile_count()), (None, (1, 1), 1));
        assert_eq!(whole.tile_rect(0), Some(TileRect { x: 0, y: 0, width: 1000, height: 600 }));
        assert_eq!(whole.tile_rect(1), None);

        let tiled = header(1000, 600, 1);
        assert_eq!((tiled.tile_side(), tiled.tile_grid(), tiled.tile_count()), (Some(256), (4, 3), 12));
        assert_eq!(tiled.tile_rect(5), Some(TileRect { x: 256, y: 256, width: 256, height: 256 }));
        assert_eq!(tiled.tile_rect(11), Some(TileRect { x: 768, y: 512, width: 232, height: 88 }));
        assert_eq!(tiled.tile_rect(12), None);
        assert_eq!(tiled.tile_rect(u64::MAX), None);

        assert_eq!(header(u32::MAX, u32::MAX, 15).tile_side(), Some(1 << 22));
        assert_eq!(header(256, 256, 1).tile_count(), 1);
        assert_eq!(header(257, 256, 1).tile_count(), 2);
    }

    proptest! {
        #[test]
        fn tiles_cover_every_pixel_once(width in 1u32..3000, height in 1u32..3000, tile_log2 in 0u8..=15) {
            let header = header(width, height, tile_log2);
            let rects: Vec<_> = (0..header.tile_count()).map(|i| header.tile_rect(i).unwrap()).collect();
            let area: u64 = rects.iter().map(|r| u64::from(r.width) * u64::from(r.height)).sum();
            prop_assert_eq!(area, header.pixels());
            for (i, a) in rects.iter().enumerate() {
                prop_assert!(a.width > 0 && a.height > 0 && a.x + a.width <= width && a.y + a.height <= height);
                for b in &rects[..i] {
                    let apart = a.x >= b.x + b.width || b.x >= a.x + a.width || a.y >= b.y + b.height || b.y >= a.y + a.height;
                    prop_assert!(apart);
                }
            }
        }
    }
}
