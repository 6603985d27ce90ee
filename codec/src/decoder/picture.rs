//! File → picture, row by row. Each step has its mirror in `encoder/picture.rs`.
//!
//! Tiles are decoded a row of tiles at a time, in parallel; then rows of ŷ go in strips through the synthesis and the
//! wavelet, which see across the borders of tiles, while the next row of tiles is decoded. A view of a part is the same work on the rows and columns of ŷ that
//! its pixels can see.

use super::{Damage, Layout, Place, decode_window, level, metadata_of, read_latents};
use crate::alpha;
use crate::error::Error;
use crate::latent::{Gains, Latents, Spare};
use crate::network::ModelConfig;
use crate::picture::{self, Output, PixelSynthesis};
use crate::quality::Level;
use crate::rows::{ImageSink, PictureInfo, Region, View, WriteRows};
use crate::signal::{Color, Image, Samples};
use crate::transforms::{Run, Transforms};
use crate::weights::Weights;
use rayon::prelude::*;
use std::ops::Range;
use wavern_bitstream::{BitDepth, Colour, Container, ImageHeader, Limits};

/// A picture or a view of it to be decoded.
pub struct Job<'a> {
    pub container: &'a Container<'a>,
    pub header: &'a ImageHeader,
    pub weights: &'a Weights,
    pub given: Option<&'a dyn Transforms>,
    pub view: View,
}

impl Job<'_> {
    /// The whole picture, or a view of it.
    pub fn decode(&self, limits: &Limits) -> Result<Image, Error> {
        let mut sink = ImageSink::new(limits);
        self.decode_rows(limits, &mut sink, None)?;
        sink.image()
    }

    /// The whole picture, or a view of it, row by row. With `damage`, what cannot be decoded is left out and told there.
    pub fn decode_rows(
        &self,
        limits: &Limits,
        sink: &mut dyn WriteRows,
        mut damage: Option<&mut Damage>,
    ) -> Result<(), Error> {
        let Self { container, header, weights, given, view } = *self;
        let config = &weights.config;
        picture::check_tiles(header, config)?;
        let level = level(container.header().level(), config)?;
        let work = Work::of(header, limits)?;
        let mut painter = Painter::new(header, weights, level, given, view)?;
        let info = painter.info(header);
        let alpha = match (read_alpha(container, header, limits), &mut damage) {
            (Err(error), Some(damage)) => {
                damage.faults.push(error);
                None
            }
            (alpha, _) => alpha?,
        };
        let alpha = alpha.map(|plane| alpha::part(plane, header.width as usize, painter.area, view.scale));
        sink.begin(PictureInfo { alpha, metadata: metadata_of(container), ..info })?;
        let needed: Vec<Tile> =
            windows(header, config).filter(|(_, window)| painter.needs(*window)).collect();
        let (across, _) = header.tile_grid();
        let row_of = |&(index, _): &Tile| index / across as usize;
        let spare = Spare::default();
        let decode = |tiles| decode_tiles(container, tiles, work.at_once, level, weights, &spare);
        let mut rows_of_tiles = needed.chunk_by(|a, b| row_of(a) == row_of(b));
        let mut tiles = rows_of_tiles.next();
        let mut decoded = tiles.map(decode);
        while let (Some(row), Some(results)) = (tiles, decoded.take()) {
            let mut parts = Vec::with_capacity(row.len());
            for (&(index, window), latents) in row.iter().zip(results) {
                let latents = match (latents, &mut damage) {
                    (Err(error), Some(damage)) => {
                        damage.add_tile(header, index, error);
                        Latents::zeros(config, window[2], window[3])
                    }
                    (latents, _) => latents?,
                };
                parts.push(([window[0], window[1]], latents));
            }
            tiles = rows_of_tiles.next();
            rayon::in_place_scope(|scope| {
                if let Some(next) = tiles.filter(|_| work.ahead) {
                    scope.spawn(|_| decoded = Some(decode(next)));
                }
                painter.paint(&parts, sink)
            })?;
            parts.into_iter().for_each(|(_, latents)| spare.give(latents));
            if !work.ahead {
                decoded = tiles.map(decode);
            }
        }
        Ok(())
    }
}

/// What is wrong with the symbols and the alpha of a picture.
pub fn verify(
    container: &Container<'_>,
    header: &ImageHeader,
    weights: &Weights,
    limits: &Limits,
) -> Result<Damage, Error> {
    let config = &weights.config;
    picture::check_tiles(header, config)?;
    let level = level(container.header().level(), config)?;
    let mut damage = Damage::of(container);
    damage.faults.extend(read_alpha(container, header, limits).err());
    let (tiles, spare) = (windows(header, config).collect::<Vec<_>>(), Spare::default());
    for tiles in tiles.chunks(Work::of(header, limits)?.at_once) {
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

/// The index of a tile and its window of ŷ: row, column, rows, columns.
type Tile = (usize, [usize; 4]);

/// Every tile.
fn windows(header: &ImageHeader, config: &ModelConfig) -> impl Iterator<Item = Tile> {
    (0..header.tile_count()).filter_map(move |index| {
        Some((index as usize, picture::latent_window(header.tile_rect(index)?, config)))
    })
}

/// Tiles, so many at once.
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
    (index, [_, _, rows, columns]): Tile,
    level: Level,
    weights: &Weights,
    spare: &Spare,
) -> Result<Latents, Error> {
    let (payload, place) = (container.tile(index)?, Place { unit: "tile", index });
    let parts = vec![spare.take(&weights.config, rows, columns)];
    Ok(decode_window(payload, place, parts, level, weights)?.remove(0))
}

fn read_alpha(
    container: &Container<'_>,
    header: &ImageHeader,
    limits: &Limits,
) -> Result<Option<Samples>, Error> {
    let Some(payload) = container.alpha() else { return Ok(None) };
    let depth = if header.depth == BitDepth::Eight { 8 } else { 16 };
    limits.check_memory("bytes of memory for alpha", header.pixels() * u64::from(depth / 8))?;
    alpha::read(payload, header.width, header.height, depth).map(Some)
}

/// How much of a picture is in memory at once.
struct Work {
    /// Tiles that are decoded at once: one for each thread, or as many as there is memory for beside the strips.
    at_once: usize,
    /// Whether the next row of tiles is decoded while one is painted: if there is memory for both.
    ahead: bool,
}

impl Work {
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

/// ŷ and ẑ of the whole picture.
pub fn latents(container: &Container<'_>, header: &ImageHeader, weights: &Weights) -> Result<Latents, Error> {
    let config = &weights.config;
    picture::check_tiles(header, config)?;
    let windows: Vec<[usize; 4]> = (0..header.tile_count())
        .filter_map(|index| header.tile_rect(index))
        .map(|tile| picture::latent_window(tile, config))
        .collect();
    let size = picture::latent_size(header, config);
    let mut all = read_latents(container, &Layout { unit: "tile", windows, size, groups: 1 }, weights)?;
    Ok(all.remove(0))
}

/// ŷ and residuals → picture, without alpha and metadata.
///
/// # Errors
/// Those of the backend.
pub fn restore_image(
    header: &ImageHeader,
    latents: Latents,
    weights: &Weights,
    given: Option<&dyn Transforms>,
) -> Result<(Image, Latents), Error> {
    let mut painter = Painter::new(header, weights, Level(header.level), given, View::default())?;
    let mut sink = ImageSink::unlimited();
    sink.begin(painter.info(header))?;
    let mut parts = [([0, 0], latents)];
    painter.paint(&parts, &mut sink)?;
    let [(_, latents)] = &mut parts;
    Ok((sink.image()?, std::mem::replace(latents, Latents::zeros(&weights.config, 0, 0))))
}

/// ŷ on its way to pixels.
struct Painter<'a> {
    gains: Gains,
    synthesis: Run<'a>,
    pixels: PixelSynthesis,
    /// Rows and columns of ŷ that the view needs.
    rows: Range<usize>,
    columns: Range<usize>,
    /// Rows of ŷ that go through the synthesis together.
    strip: usize,
    /// Those that wait for it.
    y: Vec<f32>,
    /// The view in pixels of the whole picture, and what comes out of it.
    area: Region,
    size: [usize; 2],
}

impl<'a> Painter<'a> {
    fn new(
        header: &ImageHeader,
        weights: &'a Weights,
        level: Level,
        given: Option<&'a dyn Transforms>,
        view: View,
    ) -> Result<Self, Error> {
        let config = &weights.config;
        let area = area(header, view.region)?;
        let log2 = view.scale.log2();
        if log2 > config.packet_levels {
            let problem =
                format!("1/{} (these weights go down to 1/{})", 1 << log2, 1 << config.packet_levels);
            return Err(Error::Option { option: "scale", problem });
        }
        // In pixels of the scaled picture, whole ones.
        let [x, y] = [area.x, area.y].map(|at| (at >> log2) as usize);
        let [right, bottom] =
            [area.x + area.width, area.y + area.height].map(|at| (at as usize).div_ceil(1 << log2));
        let size = [right - x, bottom - y];
        let (stride, grid) = (config.signal_stride(), picture::latent_size(header, config));
        let halo = halo(config, weights.synthesis()?.reach());
        let needed = |axis: usize, from: usize, to: usize| {
            let (from, to) = ((from << log2) / stride[axis], (to << log2).div_ceil(stride[axis]));
            from.saturating_sub(halo[axis])..grid[axis].min(to + halo[axis])
        };
        let (rows, columns) = (needed(0, y, bottom), needed(1, x, right));
        let color = if header.colour == Colour::Gray { Color::Gray } else { Color::Rgb };
        let output = Output {
            size,
            skip: [x - ((columns.start * stride[1]) >> log2), y - ((rows.start * stride[0]) >> log2)],
            channels: color.channels(),
            depth: if header.depth == BitDepth::Eight { 8 } else { 16 },
            scale: view.scale,
        };
        let width = columns.len();
        Ok(Self {
            gains: Gains::decode(weights, level),
            synthesis: Run::synthesis(weights, given, width, level)?,
            pixels: PixelSynthesis::new(width * config.latent_stride()[1], output, config),
            strip: picture::strip(width * stride[1]).div_ceil(stride[0]),
            y: Vec::new(),
            rows,
            columns,
            area,
            size,
        })
    }

    /// What comes out, without alpha and metadata.
    fn info(&self, header: &ImageHeader) -> PictureInfo {
        PictureInfo {
            width: self.size[0] as u32,
            height: self.size[1] as u32,
            color: if header.colour == Colour::Gray { Color::Gray } else { Color::Rgb },
            depth: if header.depth == BitDepth::Eight { 8 } else { 16 },
            alpha: None,
            metadata: Default::default(),
        }
    }

    /// Whether the view needs something of a window of ŷ.
    fn needs(&self, [row, column, rows, columns]: [usize; 4]) -> bool {
        row < self.rows.end
            && row + rows > self.rows.start
            && column < self.columns.end
            && column + columns > self.columns.start
    }

    /// The next row of tiles, each at its first row and column of ŷ; they cover the columns that are needed.
    fn paint(&mut self, tiles: &[([usize; 2], Latents)], sink: &mut dyn WriteRows) -> Result<(), Error> {
        let Some(([first, _], tile)) = tiles.first() else { return Ok(()) };
        let channels = tile.y.shape()[2];
        let rows = self.rows.start.max(*first)..self.rows.end.min(first + tile.y.shape()[0]);
        for row in rows {
            let before = self.y.len();
            self.y.resize(before + self.columns.len() * channels, 0.0);
            for ([_, left], tile) in tiles {
                let from = self.columns.start.max(*left);
                let to = self.columns.end.min(left + tile.y.shape()[1]);
                let out = &mut self.y[before + (from - self.columns.start) * channels..];
                self.gains.dequantize(tile, row - first, from - left..to - left, out);
            }
            let last = row + 1 == self.rows.end;
            if last || self.y.len() >= self.strip * self.columns.len() * channels {
                let packets = self.synthesis.push(&self.y, last)?;
                let rows = self.pixels.push(packets, last);
                if !rows.is_empty() {
                    sink.write(rows)?;
                }
                self.y.clear();
            }
        }
        Ok(())
    }
}

/// The pixels of a region, or all.
fn area(header: &ImageHeader, region: Option<Region>) -> Result<Region, Error> {
    let Some(region) = region else {
        return Ok(Region { x: 0, y: 0, width: header.width, height: header.height });
    };
    let inside = |from: u32, length: u32, side: u32| {
        length > 0 && u64::from(from) + u64::from(length) <= u64::from(side)
    };
    if inside(region.x, region.width, header.width) && inside(region.y, region.height, header.height) {
        return Ok(region);
    }
    let Region { x, y, width, height } = region;
    let problem = format!(
        "{x},{y},{width},{height} (expected x,y,width,height inside {}×{} pixels)",
        header.width, header.height
    );
    Err(Error::Option { option: "region", problem })
}

/// Positions of ŷ around a pixel's own that can change it: those that the synthesis reaches, and those of the packets that
/// the wavelet reaches, four each way.
fn halo(config: &ModelConfig, reach: [f64; 2]) -> [usize; 2] {
    const PACKETS: f64 = 4.0;
    [0, 1].map(|axis| (reach[axis] + PACKETS / config.latent_stride()[axis] as f64).ceil() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Samples;
    use crate::weights::{self, Tune};
    use wavern_bitstream::WeightsId;

    /// Weights and the BLAKE3 hash of the pixels that come from the symbols below: what every machine has to find. New
    /// weights have other pixels; the test tells them.
    const PIXELS: [(Tune, WeightsId, &str); 2] = [
        (Tune::Psnr, WeightsId([39, 243, 69, 185, 93, 31]), "11487a6476eba7f6"),
        (Tune::Visual, WeightsId([162, 134, 92, 89, 11, 151]), "7810cf669c338556"),
    ];

    #[test]
    fn every_machine_decodes_to_the_same_pixels() {
        for (tune, id, pixels) in PIXELS {
            let weights = weights::image(tune).unwrap();
            assert_eq!((weights.id, &*hash_of_pixels(&weights)), (id, pixels), "{tune:?}");
        }
    }

    fn hash_of_pixels(weights: &Weights) -> String {
        let mut hash = blake3::Hasher::new();
        for (level, depth, colour) in [
            (3, BitDepth::Eight, Colour::Rgb),
            (250, BitDepth::Sixteen, Colour::Rgb),
            (448, BitDepth::Eight, Colour::Gray),
        ] {
            let header = ImageHeader {
                width: 117,
                height: 75,
                colour,
                depth,
                tile_log2: 0,
                level,
                weights: weights.id,
            };
            let [rows, columns] = picture::latent_size(&header, &weights.config);
            let mut latents = Latents::zeros(&weights.config, rows, columns);
            let mut state = 1u32 + u32::from(level);
            let mut uniform = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as i32 - (1 << 23)
            };
            for (index, symbol) in latents.y.data_mut().iter_mut().enumerate() {
                let value = uniform() >> 16;
                // Mostly small, some large, some at the ends of what a file can hold.
                *symbol = match index {
                    5000 => i32::MAX,
                    9001 => i32::MIN,
                    _ => value * value * value / 500_000,
                };
            }
            latents.residual.data_mut().iter_mut().for_each(|r| *r = (uniform() % 33) as i8);
            match restore_image(&header, latents, weights, None).unwrap().0.samples() {
                Samples::U8(v) => hash.update(v),
                Samples::U16(v) => hash.update(&v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()),
            };
        }
        hash.finalize().to_hex()[..16].to_owned()
    }
}
