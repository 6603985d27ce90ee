//! Picture → file without loss, a row of tiles at a time. The mirror is `decoder/lossless.rs`.

use super::picture::{check_rows, check_size, header};
use super::report::SearchReport;
use super::{Encoded, Encoder};
use crate::effort::Effort;
use crate::error::Error;
use crate::lossless::Planes;
use crate::lossless::adaptive;
use crate::lossless::color::Transform;
use crate::lossless::fit::{self, Descent, Samples as _};
use crate::lossless::network::model::Network;
use crate::lossless::payload::{self, FITTED, Networks, TABLES, Tool};
use crate::lossless::values::{self, Maps};
use crate::lossless::weights::{self, LosslessWeights};
use crate::rows::{ImageRows, PictureInfo, Pixels, ReadRows};
use crate::signal::Image;
use rayon::prelude::*;
use wavern_bitstream::{LOSSLESS_LEVEL, TileRect};
use wavern_entropy::BitCounter;

impl Encoder {
    /// The file of a picture in memory, to which a search fits networks.
    pub(super) fn lossless_image(&self, image: &Image, info: &PictureInfo) -> Result<Encoded, Error> {
        let error = self.error(info)?;
        let fitted = if self.options.effort.searches() {
            fit_networks(&Whole::new(image, info, error), self.options.effort, &*weights::built_in()?)?
        } else {
            None
        };
        self.lossless_rows(info, &mut ImageRows::new(image), fitted)
    }

    /// The file of a picture whose rows come in order, and of networks that were fitted to it.
    pub(super) fn lossless_rows(
        &self,
        info: &PictureInfo,
        source: &mut dyn ReadRows,
        fitted: Option<Fitted>,
    ) -> Result<Encoded, Error> {
        check_size(info)?;
        let error = self.error(info)?;
        let weights = weights::built_in()?;
        let header = header(info, LOSSLESS_LEVEL, weights.id, self.options.picture.tile_side);
        let rects: Vec<TileRect> = (0..header.tile_count()).filter_map(|i| header.tile_rect(i)).collect();
        let mut tiles = Vec::with_capacity(rects.len());
        let networks =
            Networks { weights: &weights, fitted: fitted.as_ref().map(|fitted| &fitted.networks[..]) };
        for row in rects.chunk_by(|a, b| a.y == b.y) {
            let count = row[0].height as usize;
            let pixels = source.read(count)?;
            check_rows(pixels, count, info)?;
            // No more tiles at once than threads: what each needs on the way would add up.
            for some in row.chunks(rayon::current_num_threads()) {
                let code =
                    |rect: &TileRect| code(&tile(pixels, info, *rect, error), networks, self.options.effort);
                tiles.par_extend(some.par_iter().map(code).collect::<Result<Vec<_>, _>>()?);
            }
        }
        let search = SearchReport::of_payloads(&tiles);
        let used = tiles.iter().any(|tile| payload::needs_fitted(tile));
        let fitted = fitted.filter(|_| used).map(|fitted| fitted.payload);
        let bytes = self.picture_file(header, info, fitted, tiles)?;
        Ok(Encoded { bytes, level: LOSSLESS_LEVEL, latents: Vec::new(), search })
    }

    /// By how much the samples of a picture may change.
    pub(super) fn error(&self, info: &PictureInfo) -> Result<u16, Error> {
        let error = self.options.picture.max_error.unwrap_or(0);
        if info.depth == 8 && error > 8 {
            let problem = format!("{error} (expected 1 to 8, since samples have 8 bits)");
            return Err(Error::Option { option: "max-error", problem });
        }
        Ok(error)
    }
}

/// A tile with its alpha, and with colours that changed by at most `error`; `pixels` are all rows of its row of tiles.
fn tile(pixels: Pixels<'_>, info: &PictureInfo, rect: TileRect, error: u16) -> Planes {
    let [x, y, width, height] = [rect.x, rect.y, rect.width, rect.height].map(|v| v as usize);
    let mut planes = cut(pixels, info.color.channels(), info.width as usize, [x, width]);
    round(&mut planes, error, info.depth.into());
    if let Some(alpha) = &info.alpha {
        let row = info.width as usize;
        planes.extend(cut(Pixels::from(alpha).part(y * row..(y + height) * row), 1, row, [x, width]));
    }
    Planes { width, height, bits: info.depth.into(), planes }
}

/// Colours that changed by at most `error`.
fn round(planes: &mut [Vec<u16>], error: u16, bits: u32) {
    if error > 0 {
        planes.iter_mut().flatten().for_each(|v| *v = values::rounded(*v, error, bits));
    }
}

/// Some columns of rows of `row` pixels, channel by channel: the first column, and how many.
fn cut(pixels: Pixels<'_>, channels: usize, row: usize, [first, count]: [usize; 2]) -> Vec<Vec<u16>> {
    fn planes<T: Copy + Into<u16>>(
        pixels: &[T],
        channels: usize,
        row: usize,
        [first, count]: [usize; 2],
    ) -> Vec<Vec<u16>> {
        let rows = pixels.chunks_exact(row * channels);
        let mut planes: Vec<_> = (0..channels).map(|_| Vec::with_capacity(count * rows.len())).collect();
        for row in rows {
            let row = &row[first * channels..][..count * channels];
            match &mut planes[..] {
                // By far the most frequent, and several times as fast with its number written down.
                [r, g, b] => {
                    let pixels = row.as_chunks::<3>().0;
                    r.extend(pixels.iter().map(|p| p[0].into()));
                    g.extend(pixels.iter().map(|p| p[1].into()));
                    b.extend(pixels.iter().map(|p| p[2].into()));
                }
                planes => {
                    for (channel, plane) in planes.iter_mut().enumerate() {
                        plane.extend(row.iter().skip(channel).step_by(channels).map(|&v| v.into()));
                    }
                }
            }
        }
        planes
    }
    match pixels {
        Pixels::U8(pixels) => planes(pixels, channels, row, [first, count]),
        Pixels::U16(pixels) => planes(pixels, channels, row, [first, count]),
    }
}

/// Networks that suit a picture better than any set.
pub(super) struct Fitted {
    payload: Vec<u8>,
    networks: Vec<Network>,
}

/// A picture in memory.
struct Whole<'a> {
    image: &'a Image,
    info: &'a PictureInfo,
    error: u16,
    /// What most tiles are coded through.
    maps: Option<Maps>,
}

impl<'a> Whole<'a> {
    fn new(image: &'a Image, info: &'a PictureInfo, error: u16) -> Self {
        let mut whole = Self { image, info, error, maps: None };
        // Samples of 8 bits that were not rounded are hardly ever multiples.
        if error > 0 || info.depth > 8 {
            whole.maps = Maps::of(&whole.part([0, 0], whole.size())).filter(Maps::steps);
        }
        whole
    }
}

impl fit::Samples for Whole<'_> {
    fn size(&self) -> [usize; 2] {
        [self.info.width, self.info.height].map(|side| side as usize)
    }

    fn part(&self, [x, y]: [usize; 2], [width, height]: [usize; 2]) -> Planes {
        let row = self.info.row();
        let pixels = Pixels::from(self.image.samples()).part(y * row..(y + height) * row);
        let mut planes = cut(pixels, self.info.color.channels(), self.info.width as usize, [x, width]);
        round(&mut planes, self.error, self.info.depth.into());
        let part = Planes { width, height, bits: self.info.depth.into(), planes };
        match &self.maps {
            Some(maps) => maps.ranks(&part),
            None => part,
        }
    }
}

/// What effort means: steps, and samples of each plane that a step sees.
const DESCENTS: [(u8, Descent); 4] = [
    (8, Descent { steps: 400, samples: 16_384 }),
    (6, Descent { steps: 200, samples: 16_384 }),
    (4, Descent { steps: 120, samples: 12_288 }),
    (2, Descent { steps: 60, samples: 8192 }),
];

/// Networks fitted to a picture, if they save more than they take.
fn fit_networks(
    picture: &Whole<'_>,
    effort: Effort,
    weights: &LosslessWeights,
) -> Result<Option<Fitted>, Error> {
    let descent = DESCENTS.into_iter().find(|(from, _)| effort.value() >= *from);
    let Some((_, descent)) = descent else { return Ok(None) };
    let (size, planes) = (picture.size(), picture.info.color.channels());
    let parts: Vec<Planes> = places(size, 4).map(|(place, size)| picture.part(place, size)).collect();
    // Networks are not for screens.
    if repeated(&parts) > MOSTLY_REPEATED {
        return Ok(None);
    }
    let (transform, index, before) = cheapest(&parts, Networks { weights, fitted: None })?;
    let Some(from) = weights.set(index) else { return Ok(None) };
    let Some(to) = descent.run(picture, transform, from, planes) else { return Ok(None) };
    let (payload, set) = fit::write(index, from, &to, planes)?;
    let networks = weights::networks(&set);
    let after = cost(&parts, transform, &networks)?;
    let pixels = size[0] * size[1];
    let saved = of_all(before, &parts, pixels) - of_all(after, &parts, pixels);
    Ok((saved > 8.0 * payload.len() as f64).then_some(Fitted { payload, networks }))
}

/// Sides of the parts of a tile on which tools are tried.
const PROBE: usize = 64;

/// The payload of a tile, or of the ranks of its samples if that takes fewer bytes.
fn code(tile: &Planes, networks: Networks<'_>, effort: Effort) -> Result<Vec<u8>, Error> {
    // Drawings have few values too, and contexts know which.
    let gains = |maps: &Maps| maps.steps() || repeated(&probes(tile, 2)) < DRAWN;
    let Some(maps) = Maps::of(tile).filter(gains) else { return code_samples(tile, networks, effort) };
    let ranks = code_samples(&maps.ranks(tile), networks, effort)?;
    let mapped = payload::write_mapped(tile, &maps, &ranks);
    if maps.steps() {
        return Ok(mapped);
    }
    let plain = code_samples(tile, networks, effort)?;
    Ok(if mapped.len() < plain.len() { mapped } else { plain })
}

/// The payload of a tile by the tool that takes the fewest bytes: as parts of it say, and from effort 4 on by trial if
/// those are near.
fn code_samples(tile: &Planes, networks: Networks<'_>, effort: Effort) -> Result<Vec<u8>, Error> {
    let parts = probes(tile, 2);
    let share = repeated(&parts);
    if !effort.searches() && share > MOSTLY_REPEATED {
        return payload::write(tile, Tool::Adaptive, networks);
    }
    let (transform, set, bits) = cheapest(&parts, networks)?;
    let network = Tool::Network { transform, set };
    let raw = (tile.pixels() * tile.planes.len()) as f64 * f64::from(tile.bits);
    // Photographs hardly repeat a pixel: another look would take as long as coding them.
    let hardly = if tile.planes.len() < 3 { HARDLY_REPEATED_GRAY } else { HARDLY_REPEATED };
    if effort.value() < TRIES_BOTH && share < hardly && of_all(bits, &parts, tile.pixels()) < 0.98 * raw {
        return payload::write(tile, network, networks);
    }
    let parts = probes(tile, 4);
    let bits = cost(&parts, transform, networks.of(set).unwrap_or_default())?;
    let mut by_network = of_all(bits, &parts, tile.pixels());
    if let Some(alpha) = tile.alpha() {
        by_network += adaptive::estimate(&alpha, TABLES) as f64;
    }
    let by_contexts = adaptive::estimate(tile, TABLES) as f64;
    let better = if by_contexts < by_network { Tool::Adaptive } else { network };
    let first = payload::write(tile, better, networks)?;
    let near = by_contexts.max(by_network) < NEAR * by_contexts.min(by_network);
    if effort.value() < TRIES_BOTH || !near {
        return Ok(first);
    }
    let other = if better == network { Tool::Adaptive } else { network };
    let second = payload::write(tile, other, networks)?;
    Ok(if second.len() < first.len() { second } else { first })
}

/// A tool whose estimate exceeds that of the other by this factor is not tried beside it.
const NEAR: f64 = 1.25;
/// From this effort on a tile may be coded by both tools.
const TRIES_BOTH: u8 = 4;
/// Shares of pixels that are equal to a neighbour: of drawings more, of photographs less.
const MOSTLY_REPEATED: f64 = 0.6;
const DRAWN: f64 = 0.3;
const HARDLY_REPEATED: f64 = 0.1;
const HARDLY_REPEATED_GRAY: f64 = 0.02;

/// The share of pixels that are equal to the one to their left or the one above.
fn repeated(parts: &[Planes]) -> f64 {
    let (mut equal, mut all) = (0, 0);
    for part in parts {
        let width = part.width;
        let same = |a: usize, b: usize| part.planes.iter().all(|plane| plane[a] == plane[b]);
        for at in (width + 1..part.pixels()).filter(|at| at % width > 0) {
            equal += usize::from(same(at, at - 1) || same(at, at - width));
            all += 1;
        }
    }
    equal as f64 / f64::from(all.max(1))
}

/// The transform and the set that take the fewest bits for some parts, and these bits: the transform by the first set,
/// or by fitted networks if there are any, then the set.
fn cheapest(parts: &[Planes], networks: Networks<'_>) -> Result<(Transform, usize, u64), Error> {
    let first = if networks.fitted.is_some() { FITTED } else { 0 };
    let colors = parts.first().is_some_and(|part| part.planes.len() >= 3);
    let transforms = if colors { &Transform::ALL[..] } else { &Transform::ALL[..1] };
    let mut best = (Transform::YCoCg, first, u64::MAX);
    for &transform in transforms {
        let bits = cost(parts, transform, networks.of(first).unwrap_or_default())?;
        best = if bits < best.2 { (transform, first, bits) } else { best };
    }
    for set in (0..networks.weights.count()).filter(|set| *set != first) {
        let bits = cost(parts, best.0, networks.of(set).unwrap_or_default())?;
        best = if bits < best.2 { (best.0, set, bits) } else { best };
    }
    Ok(best)
}

fn cost(parts: &[Planes], transform: Transform, networks: &[Network]) -> Result<u64, Error> {
    parts.iter().map(|part| payload::count(part, transform, networks)).sum()
}

/// Bits of `pixels` pixels, where parts of them take `bits` in the unit of [`BitCounter`].
fn of_all(bits: u64, parts: &[Planes], pixels: usize) -> f64 {
    let counted: usize = parts.iter().map(Planes::pixels).sum();
    bits as f64 / f64::from(BitCounter::UNIT) * pixels as f64 / counted as f64
}

/// `across` × `across` parts of a tile, or all of a small one.
fn probes(tile: &Planes, across: usize) -> Vec<Planes> {
    let size = [tile.width, tile.height];
    if size.iter().all(|&side| side <= across * PROBE) {
        return vec![tile.clone()];
    }
    places(size, across).map(|(place, size)| tile.part(place, size)).collect()
}

/// Corners and sizes of parts of a picture or a tile, `across` along each side and evenly spread.
fn places(size: [usize; 2], across: usize) -> impl Iterator<Item = ([usize; 2], [usize; 2])> {
    let sides = size.map(|side| side.min(PROBE));
    let at = move |axis: usize, k: usize| (size[axis] - sides[axis]) * (2 * k + 1) / (2 * across);
    (0..across * across).map(move |k| ([at(0, k % across), at(1, k / across)], sides))
}
