//! Picture → file without loss, a row of tiles at a time. The mirror is `decoder/lossless.rs`.

use super::picture::check_rows;
use super::report::SearchReport;
use super::{Encoded, Encoder};
use crate::error::Error;
use crate::lossless::Planes;
use crate::lossless::color::Transform;
use crate::lossless::payload::{self, Networks, Tool};
use crate::lossless::weights::{self, LosslessWeights};
use crate::picture::tile_log2;
use crate::rows::{PictureInfo, Pixels, ReadRows};
use crate::signal::SignalError;
use rayon::prelude::*;
use wavern_bitstream::{BitDepth, ImageHeader, LOSSLESS_LEVEL, TileRect};

impl Encoder {
    /// The file of a picture, whose rows come in order.
    pub(super) fn lossless_picture(
        &self,
        info: &PictureInfo,
        source: &mut dyn ReadRows,
    ) -> Result<Encoded, Error> {
        if info.width == 0 || info.height == 0 {
            return Err(SignalError::EmptyImage { width: info.width, height: info.height }.into());
        }
        let weights = weights::built_in()?;
        let header = ImageHeader {
            level: LOSSLESS_LEVEL,
            color: info.color,
            depth: if info.depth == 8 { BitDepth::Eight } else { BitDepth::Sixteen },
            tile_log2: tile_log2(info.width, info.height, self.options.picture.tile_side),
            width: info.width,
            height: info.height,
            weights: weights.id,
        };
        let rects: Vec<TileRect> = (0..header.tile_count()).filter_map(|i| header.tile_rect(i)).collect();
        let mut tiles = Vec::with_capacity(rects.len());
        let networks = Networks { weights: &weights, fitted: None };
        for row in rects.chunk_by(|a, b| a.y == b.y) {
            let count = row[0].height as usize;
            let pixels = source.read(count)?;
            check_rows(pixels, count, info)?;
            // No more tiles at once than threads: what each needs on the way would add up.
            for some in row.chunks(rayon::current_num_threads()) {
                let code = |rect: &TileRect| {
                    let tile = cut(pixels, info, *rect);
                    payload::write(&tile, choose(&tile, &weights)?, networks)
                };
                tiles.par_extend(some.par_iter().map(code).collect::<Result<Vec<_>, _>>()?);
            }
        }
        let search = SearchReport::of_payloads(&tiles);
        let bytes = self.picture_file(header, info, tiles)?;
        Ok(Encoded { bytes, level: LOSSLESS_LEVEL, latents: Vec::new(), search })
    }
}

/// The samples of a tile; `pixels` are all rows of its row of tiles.
fn cut(pixels: Pixels<'_>, info: &PictureInfo, rect: TileRect) -> Planes {
    fn planes<T: Copy + Into<u16>>(
        pixels: &[T],
        channels: usize,
        row: usize,
        rect: TileRect,
    ) -> Vec<Vec<u16>> {
        let columns = rect.x as usize * channels..(rect.x + rect.width) as usize * channels;
        let plane = |channel: usize| {
            let rows = pixels.chunks_exact(row).map(|row| &row[columns.clone()]);
            rows.flat_map(|row| row.iter().skip(channel).step_by(channels)).map(|&v| v.into()).collect()
        };
        (0..channels).map(plane).collect()
    }
    let (channels, row) = (info.color.channels(), info.row());
    let planes = match pixels {
        Pixels::U8(pixels) => planes(pixels, channels, row, rect),
        Pixels::U16(pixels) => planes(pixels, channels, row, rect),
    };
    let (width, height) = (rect.width as usize, rect.height as usize);
    Planes { width, height, bits: info.depth.into(), planes }
}

/// Sides of the parts of a tile on which tools are tried.
const PROBE: usize = 64;

/// The tool for a tile, by what each takes for some parts of it.
fn choose(tile: &Planes, weights: &LosslessWeights) -> Result<Tool, Error> {
    let probes = probes(tile);
    let cost = |transform: Transform, set: usize| -> Result<u64, Error> {
        let networks = weights.networks(set).unwrap_or_default();
        probes.iter().map(|probe| payload::count(probe, transform, networks)).sum()
    };
    let mut best = (Transform::YCoCg, 0, u64::MAX);
    let mut consider = |transform: Transform, set: usize| -> Result<Transform, Error> {
        let bits = cost(transform, set)?;
        if bits < best.2 {
            best = (transform, set, bits);
        }
        Ok(best.0)
    };
    let mut transform = Transform::YCoCg;
    if tile.planes.len() >= 3 {
        for candidate in Transform::ALL {
            transform = consider(candidate, 0)?;
        }
    }
    for set in 0..weights.count() {
        consider(transform, set)?;
    }
    Ok(Tool::Network { transform: best.0, set: best.1 })
}

/// Four parts of a tile, or all of a small one.
fn probes(tile: &Planes) -> Vec<Planes> {
    let size = [tile.width, tile.height];
    if size.iter().all(|&side| side <= 2 * PROBE) {
        return vec![tile.clone()];
    }
    let part = |[i, j]: [usize; 2]| {
        let side = size.map(|side| side.min(PROBE));
        // A third and two thirds of the way.
        let at = |k: usize, n: usize| (size[k] - side[k]) * (1 + n) / 3;
        tile.part([at(0, i), at(1, j)], side)
    };
    [[0, 0], [1, 0], [0, 1], [1, 1]].map(part).into()
}
