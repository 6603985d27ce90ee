//! Samples of planes, with what the networks see of them.

use crate::lossless::network::inputs::{AROUND, Depth, Inputs, Neighbours, Plane, Tap};
use crate::lossless::network::shape::ACTIVATION;
use crate::lossless::network::tile::Tile;
use wavern_kernel::planar::{BLOCK, GROUP};

/// Rows above and columns on either side that have to be known around samples.
pub const MARGIN: usize = 5;

/// Samples of a plane.
#[derive(Default)]
pub struct Batch {
    /// `[samples, inputs]`, −8 to 8.
    pub inputs: Vec<f32>,
    /// `[samples]`: less what means are relative to.
    pub residual: Vec<f32>,
    /// `[samples]`: the typical difference, in samples.
    pub unit: Vec<f32>,
    memory: Inputs,
}

impl Batch {
    /// Without samples.
    pub fn clear(&mut self) {
        self.inputs.clear();
        self.residual.clear();
        self.unit.clear();
    }

    /// Adds the samples of some rows of a tile, those in columns `MARGIN..MARGIN + columns`.
    ///
    /// # Panics
    /// If the tile does not reach [`MARGIN`] beyond them, or `columns` are not whole blocks of [`BLOCK`].
    pub fn take(&mut self, plane: Plane, tile: &Tile, rows: impl Iterator<Item = usize>, columns: usize) {
        let (index, width) = (plane as usize, tile.size[1]);
        assert!(columns.is_multiple_of(BLOCK) && columns + 2 * MARGIN <= width);
        for row in rows {
            let at = |index: usize, (down, right): Tap| {
                let first = (row as isize + down as isize) as usize * width + MARGIN;
                &tile.planes[index][(first as isize + right as isize) as usize..][..columns]
            };
            let taps = |index: usize, taps: &[Tap]| taps.iter().map(|&tap| at(index, tap)).collect();
            let neighbours = Neighbours {
                own: taps(index, plane.own()),
                first: if plane == Plane::First { Vec::new() } else { taps(0, &AROUND) },
                second: if plane == Plane::Third { taps(1, &AROUND) } else { Vec::new() },
            };
            self.memory.set(plane, &neighbours, Depth::new(plane, tile.bits), 0);
            let stride = self.memory.stride;
            for i in 0..columns {
                let groups = self.memory.groups.chunks_exact(stride).take(plane.inputs() / GROUP);
                let bytes = groups.flat_map(|group| group[i].to_le_bytes());
                self.inputs.extend(bytes.map(|byte| (f32::from(byte) - 128.0) / ACTIVATION));
            }
            let relative = self.memory.relative();
            let samples = at(index, (0, 0));
            self.residual.extend(samples.iter().zip(relative.base).map(|(s, b)| (s - b) as f32));
            let units = relative.unit.iter().zip(relative.shift).take(columns);
            self.unit.extend(units.map(|(unit, shift)| (unit << shift) as f32 / 64.0));
        }
    }
}
