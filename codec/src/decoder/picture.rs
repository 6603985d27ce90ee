//! File → picture, row by row. Each step has its mirror in `encoder/picture.rs`.
//!
//! Tiles are decoded a row of tiles at a time, in parallel; then rows of ŷ go in strips through the synthesis and the
//! wavelet, which see across the borders of tiles, while the next row of tiles is decoded. A view of a part is the same
//! work on the rows and columns of ŷ that its pixels can see.

use super::Damage;
use super::payload::{Unit, check_window, decode_window, level, read_latents};
use crate::array::Window;
use crate::config::ModelConfig;
use crate::engine::Engine;
use crate::error::Error;
use crate::latent::{Latents, Spare};
use crate::picture::{Extent, Painter, check_tiles, latent_size, latent_windows};
use crate::quality::Level;
use crate::rows::{ImageSink, PictureInfo, WriteRows};
use crate::signal::Samples;
use crate::view::{self, Region, View};
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
    /// The whole picture, or a view of it, row by row. With `damage`, what cannot be decoded is left out and told
    /// there.
    pub fn decode_rows(
        &self,
        limits: &Limits,
        sink: &mut dyn WriteRows,
        mut damage: Option<&mut Damage>,
    ) -> Result<(), Error> {
        let Self { container, header, ref engine, view } = *self;
        let config = engine.config();
        check_tiles(header, config)?;
        let level = level(container.header().level(), config)?;
        let extent = Extent::of(header, engine, view)?;
        let area = extent.area;
        let alpha = match (read_alpha(container, header, limits), &mut damage) {
            (Err(error), Some(damage)) => {
                damage.faults.push(error);
                None
            }
            (alpha, _) => alpha?,
        };
        let alpha = alpha.map(|plane| view::part(&plane, 1, header.width as usize, area, view.scale));
        let metadata = chunks::of_container(container);
        let info = PictureInfo { alpha, metadata, ..extent.info(header) };
        match Memory::of(header, limits, columns(&extent, config)) {
            Ok(memory) => {
                sink.begin(info)?;
                self.paint(level, extent, &memory, sink, damage)
            }
            Err(error) => {
                let band = BANDS.into_iter().find(|&band| {
                    // What the synthesis sees beyond the borders of a band comes on top.
                    extent.size[0] > band as usize && Memory::of(header, limits, 2 * u64::from(band)).is_ok()
                });
                self.decode_bands(level, area, band.ok_or(error)?, info, limits, sink, damage)
            }
        }
    }

    /// A picture that is too wide for its rows to be computed at once: columns side by side, each band from top to
    /// bottom. Its samples are in memory.
    #[allow(clippy::too_many_arguments)] // what it is, where it goes, and within which bounds
    fn decode_bands(
        &self,
        level: Level,
        area: Region,
        band: u32,
        info: PictureInfo,
        limits: &Limits,
        sink: &mut dyn WriteRows,
        mut damage: Option<&mut Damage>,
    ) -> Result<(), Error> {
        let (row, depth) = (info.row(), info.depth);
        let bytes = row as u64 * u64::from(info.height) * u64::from(depth / 8);
        limits.check_memory("bytes of memory for the picture", bytes)?;
        let mut samples = match depth {
            8 => Samples::U8(vec![0; row * info.height as usize]),
            _ => Samples::U16(vec![0; row * info.height as usize]),
        };
        let (mut x, mut left) = (area.x, 0);
        while x < area.x + area.width {
            // Borders of bands fall on whole pixels of the smaller picture.
            let right = ((x / band + 1) * band).min(area.x + area.width);
            let view = View { region: Some(Region { x, width: right - x, ..area }), ..self.view };
            let job = Job { view, engine: self.engine.clone(), ..*self };
            let extent = Extent::of(self.header, &self.engine, view)?;
            let memory = Memory::of(self.header, limits, columns(&extent, self.engine.config()))?;
            let mut part = ImageSink::new(limits);
            let part_info = extent.info(self.header);
            let width = part_info.row();
            part.begin(part_info)?;
            job.paint(level, extent, &memory, &mut part, damage.as_deref_mut())?;
            let part = part.image()?;
            match (&mut samples, part.samples()) {
                (Samples::U8(all), Samples::U8(part)) => insert(all, row, left, part, width),
                (Samples::U16(all), Samples::U16(part)) => insert(all, row, left, part, width),
                _ => {}
            }
            (x, left) = (right, left + width);
        }
        sink.begin(info)?;
        sink.write((&samples).into())
    }

    /// The pixels of a view, for which there is memory.
    fn paint(
        &self,
        level: Level,
        extent: Extent,
        memory: &Memory,
        sink: &mut dyn WriteRows,
        mut damage: Option<&mut Damage>,
    ) -> Result<(), Error> {
        let Self { container, header, ref engine, view } = *self;
        let (weights, config) = (&*engine.weights, engine.config());
        let mut painter = Painter::new(header, engine, level, view, extent)?;
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
        for tiles in tiles.chunks(Memory::of(header, limits, 0)?.at_once) {
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

    /// ŷ and ẑ of some positions.
    pub fn latents_window(&self, window: Window) -> Result<Latents, Error> {
        let (weights, config) = (&*self.engine.weights, self.engine.config());
        check_tiles(self.header, config)?;
        check_window(window, latent_size(self.header, config))?;
        let level = level(self.container.header().level(), config)?;
        let tiles = latent_windows(self.header, config).into_iter().enumerate();
        let tiles: Vec<Tile> = tiles.filter(|(_, tile)| tile.intersection(window).is_some()).collect();
        let spare = Spare::default();
        let decode = |tile: &Tile| decode_tile(self.container, *tile, level, weights, &spare);
        let parts = tiles.par_iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let places = tiles.iter().map(|&(_, place)| place);
        Ok(Latents::of_parts(config, window, places.zip(&parts)))
    }
}

/// Columns of pixels that an extent of ŷ stands for.
fn columns(extent: &Extent, config: &ModelConfig) -> u64 {
    (extent.columns.len() * config.signal_stride()[1]) as u64
}

/// Widths of bands, multiples of what any scale makes one pixel of.
const BANDS: [u32; 5] = [1 << 14, 1 << 13, 1 << 12, 1 << 11, 1 << 10];

/// Puts the rows of a part between columns of a picture; widths in samples.
fn insert<T: Copy>(all: &mut [T], row: usize, left: usize, part: &[T], width: usize) {
    for (all, part) in all.chunks_exact_mut(row).zip(part.chunks_exact(width)) {
        all[left..left + width].copy_from_slice(part);
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
    /// For these columns of pixels, those around them that the synthesis sees included; 0 if none are painted.
    ///
    /// # Errors
    /// [`Error::Container`] if there is not enough for the strips and one tile.
    fn of(header: &ImageHeader, limits: &Limits, width: u64) -> Result<Self, Error> {
        let strips = width * BYTES_PER_COLUMN;
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
