//! The tiles of a picture, and the positions of ŷ that they cover.

use crate::array::Window;
use crate::config::ModelConfig;
use crate::error::Error;
use wavern_bitstream::{ImageHeader, TileRect};

/// A picture of more pixels than this is cut into tiles of [`TILE_LOG2`].
const WHOLE: u64 = 1_500_000;
/// Tiles of 1024 pixels a side, as the header counts.
const TILE_LOG2: u8 = 3;
/// Tiles of `tile_log2` *t* have sides of 2^(*t* + 7) pixels.
const SIDE_OF_LOG2_0: u8 = 7;
/// A decoder refuses larger tiles: they bound the memory that a few bytes can ask for.
pub const LARGEST_TILE: u64 = 1 << 22;

/// Sides of tiles in pixels that an encoder may be asked for. Smaller ones are not in the format, and larger ones may
/// have more pixels than [`LARGEST_TILE`].
pub const TILE_SIDES: [u32; 4] = [256, 512, 1024, 2048];

/// The `tile_log2` an encoder writes for a picture of this size, and tiles of `side` pixels if one of [`TILE_SIDES`] is
/// asked for. A picture that one such tile covers has no table of tiles, and is the same file as without the wish.
pub fn tile_log2(width: u32, height: u32, side: Option<u32>) -> u8 {
    match side {
        Some(side) if width.max(height) <= side => 0,
        Some(side) => (side.ilog2() as u8).saturating_sub(SIDE_OF_LOG2_0),
        None if u64::from(width) * u64::from(height) <= WHOLE => 0,
        None => TILE_LOG2,
    }
}

/// Refuses tiles that are too large, or that do not fall on whole hyper-latents.
///
/// # Errors
/// [`Error::Field`].
pub fn check_tiles(header: &ImageHeader, config: &ModelConfig) -> Result<(), Error> {
    let tile = header.tile_rect(0).map_or(0, |t| u64::from(t.width) * u64::from(t.height));
    let block: Vec<usize> = (0..2).map(|i| config.signal_stride()[i] * config.hyper_stride()[i]).collect();
    let side = header.tile_side().unwrap_or(0) as usize;
    if tile > LARGEST_TILE || block.iter().any(|b| !side.is_multiple_of(*b)) {
        let expected =
            format!("tiles of at most {LARGEST_TILE} pixels, sides multiples of {}×{}", block[0], block[1]);
        return Err(Error::Field { field: "tile size in pixels", value: tile, expected });
    }
    Ok(())
}

/// The positions of ŷ of every tile, in order.
pub fn latent_windows(header: &ImageHeader, config: &ModelConfig) -> Vec<Window> {
    let [v, u] = config.signal_stride();
    let tiles = (0..header.tile_count()).filter_map(|index| header.tile_rect(index));
    let window = |tile: TileRect| {
        let [x, y, width, height] = [tile.x, tile.y, tile.width, tile.height].map(|n| n as usize);
        Window { row: y / v, column: x / u, rows: height.div_ceil(v), columns: width.div_ceil(u) }
    };
    tiles.map(window).collect()
}

/// Rows of pixels that go through the transforms together: fewer in a wide picture, so that a strip stays in cache.
pub fn strip(width: usize) -> usize {
    const PIXELS: usize = 1 << 16;
    (PIXELS / width.max(1) / 16 * 16).clamp(16, 64)
}

/// Rows and columns of y of the whole picture.
pub fn latent_size(header: &ImageHeader, config: &ModelConfig) -> [usize; 2] {
    let [v, u] = config.signal_stride();
    [(header.height as usize).div_ceil(v), (header.width as usize).div_ceil(u)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_that_is_asked_for_is_the_one_of_the_header() {
        for side in TILE_SIDES {
            assert_eq!(tile_log2(side, side, Some(side)), 0, "one tile");
            let header = ImageHeader {
                level: 0,
                color: crate::Color::Gray,
                depth: wavern_bitstream::BitDepth::Eight,
                tile_log2: tile_log2(side + 1, 1, Some(side)),
                width: side + 1,
                height: 1,
                weights: crate::WeightsId([0; 6]),
            };
            assert_eq!((header.tile_side(), header.tile_grid()), (Some(side), (2, 1)));
        }
        assert_eq!((tile_log2(1500, 1000, None), tile_log2(1501, 1000, None)), (0, 3));
    }
}
