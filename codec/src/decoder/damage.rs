//! What is wrong with a file, and where: for decoding what is left of it.

use crate::error::Error;
use crate::view::Region;
use std::ops::Range;
use wavern_bitstream::{Container, ImageHeader};

/// What of a picture could not be read as it was written; empty for a whole file.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Damage {
    /// Faults of the container, in file order: a header or table that its copy stands in for, alpha or metadata that
    /// were left out, a wrong checksum of all tiles together.
    pub faults: Vec<Error>,
    /// Tiles that cannot be decoded, by index.
    pub tiles: Vec<DamagedTile>,
    /// Tiles of the whole picture.
    pub tile_count: u64,
}

/// What of a sound could not be read as it was written; empty for a whole file.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct SoundDamage {
    /// Faults in file order: of the container, and of segments that do not decode.
    pub faults: Vec<Error>,
    /// Segments that cannot be decoded, as ranges of their indices.
    pub segments: Vec<Range<u64>>,
    /// Segments of the whole sound, as far as is known.
    pub segment_count: u64,
}

impl SoundDamage {
    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty() && self.segments.is_empty()
    }
}

/// A tile that cannot be decoded.
#[derive(Debug)]
#[non_exhaustive]
pub struct DamagedTile {
    /// Which one, along rows from the top, from 0.
    pub index: usize,
    /// Its pixels.
    pub area: Region,
    /// Why.
    pub error: Error,
}

impl Damage {
    /// What the container already knows.
    pub(super) fn of(container: &Container<'_>) -> Self {
        let faults = container.damage().iter().cloned().map(Error::from).collect();
        Self { faults, tiles: Vec::new(), tile_count: container.tile_count() as u64 }
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty() && self.tiles.is_empty()
    }

    pub(super) fn add_tile(&mut self, header: &ImageHeader, index: usize, error: Error) {
        let Some(rect) = header.tile_rect(index as u64) else { return };
        // Bands of a wide picture see the same tiles.
        if self.tiles.iter().any(|tile| tile.index == index) {
            return;
        }
        let area = Region { x: rect.x, y: rect.y, width: rect.width, height: rect.height };
        self.tiles.push(DamagedTile { index, area, error });
    }
}
