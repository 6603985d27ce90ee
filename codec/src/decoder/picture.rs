//! File → picture, row by row. Each step has its mirror in `encoder/picture.rs`.
//!
//! Tiles are decoded a row of tiles at a time, in parallel; then rows of ŷ go in strips through the synthesis and the
//! wavelet, which see across the borders of tiles, while the next row of tiles is decoded. A view of a part is the same
//! work on the rows and columns of ŷ that its pixels can see.

use super::Damage;
use super::payload::{Unit, decode_window, level, read_latents};
use crate::array::Window;
use crate::engine::Engine;
use crate::error::Error;
use crate::latent::{Latents, Spare};
use crate::picture::{Painter, check_tiles, latent_size, latent_windows};
use crate::quality::Level;
use crate::rows::{ImageSink, PictureInfo, WriteRows};
use crate::signal::{Image, Samples};
use crate::view::View;
use crate::weights::Weights;
use crate::{alpha, chunks};
use rayon::prelude::*;
use wavern_bitstream::{Container, ImageHeader, Limits};

/// A picture or a view of it to be decoded.
pub(super) struct Job<'a> {
    pub container: &'a Container<'a>,
    pub header: &'a ImageHeader,
    pub engine: Engine,
    pub view: View,
}

impl Job<'_> {
    /// The whole picture, or a view of it.
    pub fn decode(&self, limits: &Limits) -> Result<Image, Error> {
        let mut sink = ImageSink::new(limits);
        self.decode_rows(limits, &mut sink, None)?;
        sink.image()
    }

    /// The whole picture, or a view of it, row by row. With `damage`, what cannot be decoded is left out and told
    /// there.
    pub fn decode_rows(
        &self,
        limits: &Limits,
        sink: &mut dyn WriteRows,
        mut damage: Option<&mut Damage>,
    ) -> Result<(), Error> {
        let Self { container, header, ref engine, view } = *self;
        let (weights, config) = (&*engine.weights, engine.config());
        check_tiles(header, config)?;
        let level = level(container.header().level(), config)?;
        let memory = Memory::of(header, limits)?;
        let mut painter = Painter::new(header, engine, level, view)?;
        let info = painter.info(header);
        let alpha = match (read_alpha(container, header, limits), &mut damage) {
            (Err(error), Some(damage)) => {
                damage.faults.push(error);
                None
            }
            (alpha, _) => alpha?,
        };
        let alpha = alpha.map(|plane| alpha::part(plane, header.width as usize, painter.area, view.scale));
        sink.begin(PictureInfo { alpha, metadata: chunks::of_container(container), ..info })?;
        let tiles = latent_windows(header, config).into_iter().enumerate();
        let needed: Vec<Tile> = tiles.filter(|(_, window)| painter.needs(*window)).collect();
        let (across, _) = header.tile_grid();
        let row_of = |&(index, _): &Tile| index / across as usize;
        let spare = Spare::default();
        let decode = |tiles| decode_tiles(container, tiles, memory.at_once, level, weights, &spare);
        let mut rows_of_tiles = needed.chunk_by(|a, b| row_of(a) == row_of(b));
        let mut tiles = rows_of_tiles.next();
        let mut decoded = tiles.map(decode);
        while let (Some(row), Some(results)) = (tiles, decoded.take()) {
            let mut parts = Vec::with_capacity(row.len());
            for (&(index, window), latents) in row.iter().zip(results) {
                let latents = match (latents, &mut damage) {
                    (Err(error), Some(damage)) => {
                        damage.add_tile(header, index, error);
                        Latents::zeros(config, window.rows, window.columns)
                    }
                    (latents, _) => latents?,
                };
                parts.push((window.origin(), latents));
            }
            tiles = rows_of_tiles.next();
            rayon::in_place_scope(|scope| {
                if let Some(next) = tiles.filter(|_| memory.ahead) {
                    scope.spawn(|_| decoded = Some(decode(next)));
                }
                painter.paint(&parts, sink)
            })?;
            parts.into_iter().for_each(|(_, latents)| spare.give(latents));
            if !memory.ahead {
                decoded = tiles.map(decode);
            }
        }
        Ok(())
    }

    /// What is wrong with the symbols and the alpha of the picture.
    pub fn verify(&self, limits: &Limits) -> Result<Damage, Error> {
        let Self { container, header, ref engine, .. } = *self;
        let (weights, config) = (&*engine.weights, engine.config());
        check_tiles(header, config)?;
        let level = level(container.header().level(), config)?;
        let mut damage = Damage::of(container);
        damage.faults.extend(read_alpha(container, header, limits).err());
        let tiles: Vec<Tile> = latent_windows(header, config).into_iter().enumerate().collect();
        let spare = Spare::default();
        for tiles in tiles.chunks(Memory::of(header, limits)?.at_once) {
            let fault = |tile: &Tile| match decode_tile(container, *tile, level, weights, &spare) {
                Ok(latents) => {
                    spare.give(latents);
                    None
                }
                Err(error) => Some(error),
            };
            let decoded: Vec<_> = tiles.par_iter().map(fault).collect();
            for (&(index, _), error) in tiles.iter().zip(decoded) {
                if let Some(error) = error {
                    damage.add_tile(header, index, error);
                }
            }
        }
        Ok(damage)
    }

    /// ŷ and ẑ of the whole picture.
    pub fn latents(&self) -> Result<Latents, Error> {
        let config = self.engine.config();
        check_tiles(self.header, config)?;
        let (windows, size) = (latent_windows(self.header, config), latent_size(self.header, config));
        read_latents(self.container, &windows, size, &self.engine.weights)
    }
}

/// The index of a tile and its window of ŷ.
type Tile = (usize, Window);

/// Tiles, `at_once` in parallel.
fn decode_tiles(
    container: &Container<'_>,
    tiles: &[Tile],
    at_once: usize,
    level: Level,
    weights: &Weights,
    spare: &Spare,
) -> Vec<Result<Latents, Error>> {
    let mut decoded = Vec::with_capacity(tiles.len());
    for tiles in tiles.chunks(at_once) {
        decoded.par_extend(tiles.par_iter().map(|tile| decode_tile(container, *tile, level, weights, spare)));
    }
    decoded
}

fn decode_tile(
    container: &Container<'_>,
    (index, window): Tile,
    level: Level,
    weights: &Weights,
    spare: &Spare,
) -> Result<Latents, Error> {
    let parts = vec![spare.take(&weights.config, window.rows, window.columns)];
    Ok(decode_window(container.tile(index)?, Unit::tile(index), parts, level, weights)?.remove(0))
}

fn read_alpha(
    container: &Container<'_>,
    header: &ImageHeader,
    limits: &Limits,
) -> Result<Option<Samples>, Error> {
    let Some(payload) = container.alpha() else { return Ok(None) };
    let depth = header.depth.bits();
    limits.check_memory("bytes of memory for alpha", header.pixels() * u64::from(depth / 8))?;
    alpha::read(payload, header.width, header.height, depth).map(Some)
}

/// How much of a picture is in memory at once.
struct Memory {
    /// Tiles that are decoded at once: one for each thread, or as many as there is memory for beside the strips.
    at_once: usize,
    /// Whether the next row of tiles is decoded while one is painted: if there is memory for both.
    ahead: bool,
}

impl Memory {
    /// # Errors
    /// [`Error::Container`] if there is not enough for the strips and one tile.
    fn of(header: &ImageHeader, limits: &Limits) -> Result<Self, Error> {
        let (width, strips) = (u64::from(header.width), u64::from(header.width) * BYTES_PER_COLUMN);
        let [tile_width, tile_height] =
            header.tile_rect(0).map_or([0; 2], |tile| [tile.width, tile.height].map(u64::from));
        let tile = (tile_width * tile_height * BYTES_PER_TILE_PIXEL).max(1);
        limits.check_memory("bytes of memory for the rows", strips + tile)?;
        let room = limits.memory_bytes - strips;
        let row_of_tiles = width * tile_height * BYTES_PER_PIXEL_AHEAD;
        let ahead = row_of_tiles + tile <= room;
        let room = if ahead { room - row_of_tiles } else { room } / tile;
        let at_once = rayon::current_num_threads().min(usize::try_from(room).unwrap_or(usize::MAX));
        Ok(Self { at_once, ahead })
    }
}

/// Bytes that the strips of the synthesis and the wavelet hold for each column of pixels. A decode of pictures 4,096 to
/// 65,536 pixels wide takes 13,900 at its peak.
const BYTES_PER_COLUMN: u64 = 15_000;

/// Bytes that a tile takes for each of its pixels while it is decoded, measured in the same way.
const BYTES_PER_TILE_PIXEL: u64 = 64;

/// Bytes of decoded latents for each pixel: a symbol of ŷ, its residual, and one for ẑ.
const BYTES_PER_PIXEL_AHEAD: u64 = 6;
