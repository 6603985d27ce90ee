//! File → picture without loss, a row of tiles at a time. The mirror is `encoder/lossless.rs`.

use super::Damage;
use crate::error::Error;
use crate::lossless::Planes;
use crate::lossless::fit;
use crate::lossless::network::model::Network;
use crate::lossless::payload::{self, Networks};
use crate::lossless::weights::{LosslessWeights, networks};
use crate::picture::{LARGEST_TILE, area};
use crate::rows::{PictureInfo, WriteRows};
use crate::signal::Samples;
use crate::view::{self, Region, Scale, View};
use crate::{alpha, chunks};
use rayon::prelude::*;
use std::sync::Arc;
use wavern_bitstream::{Container, ImageHeader, Limits, TileRect};

/// Bytes that a tile takes for each of its pixels while it is decoded: three planes of 32 bits, and samples of 16.
const BYTES_PER_TILE_PIXEL: u64 = 24;

/// A picture or a view of it to be decoded.
pub(super) struct Job<'a> {
    container: &'a Container<'a>,
    header: &'a ImageHeader,
    weights: Arc<LosslessWeights>,
    /// Networks that the file brings.
    fitted: Option<Vec<Network>>,
    view: View,
}

/// A tile and its number.
type Numbered = (usize, TileRect);

impl<'a> Job<'a> {
    /// For weights that are those of the file.
    ///
    /// # Errors
    /// [`Error::Field`] or [`Error::Fitted`] if the networks that the file brings cannot be read; [`Error::Alpha`].
    pub fn new(
        container: &'a Container<'a>,
        header: &'a ImageHeader,
        weights: Arc<LosslessWeights>,
        view: View,
    ) -> Result<Self, Error> {
        if let Some(alpha) = container.alpha().filter(|alpha| *alpha != alpha::IN_TILES) {
            let problem = format!("{} bytes (expected one, since the tiles hold it)", alpha.len());
            return Err(Error::Alpha(problem));
        }
        let planes = header.color.channels();
        let read = |payload| fit::read(payload, |index| weights.set(index), planes);
        let fitted = container.fitted().map(read).transpose()?.map(|set| networks(&set));
        Ok(Self { container, header, weights, fitted, view })
    }

    /// The whole picture, or a view of it, row by row. With `damage`, what cannot be decoded is left out and told
    /// there.
    pub fn decode_rows(
        &self,
        limits: &Limits,
        sink: &mut dyn WriteRows,
        mut damage: Option<&mut Damage>,
    ) -> Result<(), Error> {
        let Self { container, header, view, .. } = *self;
        let shown = area(header, view.region)?;
        // Whole blocks of pixels become one of a smaller picture.
        let block = 1 << view.scale.log2();
        let span = |from: u32, length: u32, side: u32| {
            let (from, to) = (from / block * block, (from + length).next_multiple_of(block).min(side));
            (from, to - from)
        };
        let (x, width) = span(shown.x, shown.width, header.width);
        let (y, height) = span(shown.y, shown.height, header.height);
        let needed = Region { x, y, width, height };
        let mut info = PictureInfo::new(
            width.div_ceil(block),
            height.div_ceil(block),
            header.color,
            header.depth.bits(),
        );
        info.metadata = chunks::of_container(container);
        let at_once = self.at_once(limits, needed)?;
        let tiles: Vec<Numbered> = self.tiles().filter(|(_, rect)| touches(*rect, needed)).collect();
        let mut rows = tiles.chunk_by(|(_, a), (_, b)| a.y == b.y);
        let mut strip = |row: &[Numbered]| {
            let mut strip = Strip::new(row[0].1, needed, header, self.alpha());
            for some in row.chunks(at_once) {
                let decoded: Vec<Result<Planes, Error>> =
                    some.par_iter().map(|tile| self.tile(*tile)).collect();
                for (&(index, rect), tile) in some.iter().zip(decoded) {
                    match (tile, &mut damage) {
                        (Err(error), Some(damage)) => {
                            damage.add_tile(header, index, error);
                            strip.insert(rect, &self.blank(rect));
                        }
                        (tile, _) => strip.insert(rect, &tile?),
                    }
                }
            }
            Ok::<_, Error>(strip)
        };
        if !self.alpha() {
            sink.begin(info)?;
            return rows.try_for_each(|row| strip(row)?.write(view.scale, sink));
        }
        // Alpha is told before the first row of colours, so all of them are in memory.
        let bytes = u64::from(width) * u64::from(height) * 2 * (info.color.channels() as u64 + 1);
        limits.check_memory("bytes of memory for a picture with alpha", bytes)?;
        let strips = rows.map(strip).collect::<Result<Vec<_>, _>>()?;
        let plane = strips.iter().flat_map(|strip| &strip.alpha);
        let plane = match info.depth {
            8 => Samples::U8(plane.map(|&v| v as u8).collect()),
            _ => Samples::U16(plane.copied().collect()),
        };
        let all = Region { x: 0, y: 0, width, height };
        info.alpha = Some(view::part(&plane, 1, width as usize, all, view.scale));
        sink.begin(info)?;
        strips.iter().try_for_each(|strip| strip.write(view.scale, sink))
    }

    /// Whether there is alpha, in the tiles.
    fn alpha(&self) -> bool {
        self.container.alpha().is_some()
    }

    /// What is wrong with the tiles and the alpha of the picture.
    pub fn verify(&self, limits: &Limits) -> Result<Damage, Error> {
        let Self { container, header, .. } = *self;
        let mut damage = Damage::of(container);
        let tiles: Vec<Numbered> = self.tiles().collect();
        let nothing = Region { x: 0, y: 0, width: 0, height: 0 };
        for some in tiles.chunks(self.at_once(limits, nothing)?) {
            let decoded: Vec<_> = some.par_iter().map(|tile| self.tile(*tile).err()).collect();
            for (&(index, _), error) in some.iter().zip(decoded) {
                if let Some(error) = error {
                    damage.add_tile(header, index, error);
                }
            }
        }
        Ok(damage)
    }

    fn tiles(&self) -> impl Iterator<Item = Numbered> {
        (0..self.header.tile_count()).filter_map(|i| Some((i as usize, self.header.tile_rect(i)?)))
    }

    fn tile(&self, (index, rect): Numbered) -> Result<Planes, Error> {
        let mut tile = self.blank(rect);
        let networks = Networks { weights: &self.weights, fitted: self.fitted.as_deref() };
        payload::read(self.container.tile(index)?, index, &mut tile, networks)?;
        Ok(tile)
    }

    fn blank(&self, rect: TileRect) -> Planes {
        let (width, height) = (rect.width as usize, rect.height as usize);
        let (bits, colors) = (self.header.depth.bits(), self.header.color.channels());
        Planes::gray(width, height, bits.into(), colors, self.alpha())
    }

    /// Tiles that are decoded at once: one for each thread, or as many as there is memory for beside a row of tiles.
    fn at_once(&self, limits: &Limits, needed: Region) -> Result<usize, Error> {
        let [width, height] =
            self.header.tile_rect(0).map_or([0; 2], |tile| [tile.width, tile.height].map(u64::from));
        if width * height > LARGEST_TILE {
            let expected = format!("tiles of at most {LARGEST_TILE} pixels");
            return Err(Error::Field { field: "tile size in pixels", value: width * height, expected });
        }
        let samples = u64::from(needed.width) * height * self.header.color.channels() as u64;
        let row_of_tiles = samples * u64::from(self.header.depth.bits() / 8);
        let tile = (width * height * BYTES_PER_TILE_PIXEL).max(1);
        limits.check_memory("bytes of memory for the rows", row_of_tiles + tile)?;
        let room = (limits.memory_bytes - row_of_tiles) / tile;
        Ok(rayon::current_num_threads().min(usize::try_from(room).unwrap_or(usize::MAX)))
    }
}

fn touches(rect: TileRect, area: Region) -> bool {
    let meet = |a: u32, a_length: u32, b: u32, b_length: u32| a < b + b_length && b < a + a_length;
    meet(rect.x, rect.width, area.x, area.width) && meet(rect.y, rect.height, area.y, area.height)
}

/// What a row of tiles has of the pixels that are needed, interleaved.
struct Strip {
    area: Region,
    channels: usize,
    samples: Samples,
    /// If the tiles hold it.
    alpha: Vec<u16>,
}

impl Strip {
    fn new(first: TileRect, needed: Region, header: &ImageHeader, alpha: bool) -> Self {
        let y = first.y.max(needed.y);
        let height = (first.y + first.height).min(needed.y + needed.height) - y;
        let (area, channels) = (Region { y, height, ..needed }, header.color.channels());
        let pixels = area.width as usize * area.height as usize;
        let samples = pixels * channels;
        let samples = match header.depth.bits() {
            8 => Samples::U8(vec![0; samples]),
            _ => Samples::U16(vec![0; samples]),
        };
        Self { area, channels, samples, alpha: vec![0; if alpha { pixels } else { 0 }] }
    }

    /// Takes over the pixels of a tile.
    fn insert(&mut self, rect: TileRect, tile: &Planes) {
        let left = rect.x.max(self.area.x);
        let right = (rect.x + rect.width).min(self.area.x + self.area.width);
        let (width, channels) = (self.area.width as usize, self.channels);
        for row in 0..self.area.height {
            let from = (self.area.y + row - rect.y) as usize * tile.width + (left - rect.x) as usize;
            let to = (row as usize * width + (left - self.area.x) as usize) * channels;
            let columns = (right - left) as usize;
            if let Some(alpha) = tile.planes.get(channels).filter(|_| !self.alpha.is_empty()) {
                self.alpha[to / channels..][..columns].copy_from_slice(&alpha[from..from + columns]);
            }
            for (channel, plane) in tile.planes.iter().take(channels).enumerate() {
                let values = &plane[from..from + columns];
                match &mut self.samples {
                    Samples::U8(out) => {
                        let out = out[to + channel..].iter_mut().step_by(channels);
                        out.zip(values).for_each(|(out, v)| *out = *v as u8);
                    }
                    Samples::U16(out) => {
                        let out = out[to + channel..].iter_mut().step_by(channels);
                        out.zip(values).for_each(|(out, v)| *out = *v);
                    }
                }
            }
        }
    }

    /// Hands the rows on, or the means of blocks of pixels. Blocks never cross rows of tiles.
    fn write(&self, scale: Scale, sink: &mut dyn WriteRows) -> Result<(), Error> {
        if scale == Scale::Whole {
            return sink.write((&self.samples).into());
        }
        let all = Region { x: 0, y: 0, ..self.area };
        let small = view::part(&self.samples, self.channels, all.width as usize, all, scale);
        sink.write((&small).into())
    }
}
