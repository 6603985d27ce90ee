//! Picture → file, row by row. Each step has its mirror in `decoder/picture.rs`.
//!
//! Rows of pixels go in strips through the wavelet and the analysis, which see across the borders of tiles, and become
//! rows of ŷ and ẑ. As soon as those of a row of tiles are there, its tiles are coded, in parallel and while the next rows
//! are analysed, and forgotten.

use super::search::Found;
use super::{Encoded, Encoder, Model, SearchReport, code_window, code_windows, with_metadata};
use crate::error::Error;
use crate::latent::{Gains, Latents, Spare};
use crate::network::{Kind, ModelConfig};
use crate::picture::{PixelAnalysis, Pixels, latent_size, latent_window, strip, tile_log2};
use crate::prior::Symbols;
use crate::quality::Level;
use crate::rows::{ImageRows, ImageSink, PictureInfo, ReadRows, WriteRows as _};
use crate::signal::{Color, Image, SignalError};
use crate::transforms::{self, Run, Transforms};
use crate::weights::Weights;
use crate::{alpha, decoder, kernel};
use rayon::prelude::*;
use wavern_bitstream::{BitDepth, Colour, ContainerBuilder, ImageHeader};

impl Encoder {
    pub(super) fn image(&self, image: &Image) -> Result<Encoded<Image>, Error> {
        let model = Model::choose(&self.options, Kind::Image)?;
        let info = PictureInfo::from(image);
        let Found { header, bytes, mut latents, report } = if self.searches() {
            self.search(&model, image)?
        } else {
            self.picture(&model, &info, &mut ImageRows::new(image), true)?
        };
        let mut reconstruction = None;
        if self.options.reconstruct {
            let given =
                transforms::given(&model.weights, self.options.transforms.as_ref()).map(|given| &**given);
            let (restored, back) = decoder::restore_image(&header, latents, &model.weights, given)?;
            latents = back;
            let restored = match info.alpha {
                Some(plane) => restored.with_alpha(plane)?,
                None => restored,
            };
            reconstruction = Some(restored.with_metadata(info.metadata));
        }
        let (level, latents) = (Level(header.level), vec![latents]);
        Ok(Encoded { bytes, reconstruction, level, latents, search: report })
    }

    pub(super) fn rows(
        &self,
        info: &PictureInfo,
        source: &mut dyn ReadRows,
    ) -> Result<Encoded<Image>, Error> {
        let model = Model::choose(&self.options, Kind::Image)?;
        let Found { header, bytes, report, .. } = if self.searches() {
            self.search(&model, &read_all(info, source)?)?
        } else {
            self.picture(&model, info, source, false)?
        };
        let level = Level(header.level);
        Ok(Encoded { bytes, reconstruction: None, level, latents: Vec::new(), search: report })
    }

    /// Codes the rows as they come, and keeps all latents if asked.
    fn picture(
        &self,
        model: &Model,
        info: &PictureInfo,
        source: &mut dyn ReadRows,
        keep: bool,
    ) -> Result<Found, Error> {
        let weights = &*model.weights;
        let config = &weights.config;
        if info.width == 0 || info.height == 0 {
            return Err(SignalError::EmptyImage { width: info.width, height: info.height }.into());
        }
        let level = self.options.quality.level(config.lambdas.len());
        let header = header(info, level, weights);
        let given = transforms::given(&model.weights, self.options.transforms.as_ref()).map(|given| &**given);
        let size = latent_size(&header, config);
        let windows = windows(&header, config);
        let most = windows.first().map_or(0, |[_, _, rows, _]| *rows);
        let mut stream = LatentRows::new(info, [most, size[1]], weights, level, given)?;
        let mut kept = keep.then(|| Latents::zeros(config, size[0], size[1]));
        let (mut tiles, spare) = (Vec::with_capacity(windows.len()), Spare::default());
        let (height, mut done) = (info.height as usize, 0);
        // The row of tiles whose latents are complete, and what became of it.
        let mut ready: Option<RowOfTiles> = None;
        for row in windows.chunk_by(|a, b| a[0] == b[0]) {
            let [first, _, rows, _] = row[0];
            let (mut coded, mut next) = (None, None);
            rayon::in_place_scope(|scope| {
                if let Some(row) = ready.take() {
                    scope.spawn(|_| coded = Some(row.code(level, weights, keep, &spare)));
                }
                while !stream.has(rows) {
                    let count = strip(info.width as usize).min(height - done);
                    done += count;
                    let pixels = source.read(count)?;
                    check_rows(pixels, count, info)?;
                    stream.push(pixels, done == height)?;
                }
                let windows = row.iter().map(|&[_, column, rows, columns]| [0, column, rows, columns]);
                next =
                    Some(RowOfTiles { first, windows: windows.collect(), latents: stream.take(rows, keep) });
                Ok::<_, Error>(())
            })?;
            if let Some(row) = coded.transpose()? {
                stream.reuse(row.store(config, &mut tiles, &mut kept));
            }
            ready = next;
        }
        if let Some(row) = ready {
            row.code(level, weights, keep, &spare)?.store(config, &mut tiles, &mut kept);
        }
        let report = SearchReport::of_payloads(&tiles);
        let latents = kept.unwrap_or_else(|| Latents::zeros(config, 0, 0));
        Ok(Found { header, bytes: self.picture_file(header, info, tiles)?, latents, report })
    }

    /// The container.
    pub(super) fn picture_file(
        &self,
        header: ImageHeader,
        info: &PictureInfo,
        tiles: Vec<Vec<u8>>,
    ) -> Result<Vec<u8>, Error> {
        let mut builder = with_metadata(ContainerBuilder::new(header), &info.metadata);
        if let Some(plane) = &info.alpha {
            builder = builder.alpha(alpha::write(plane, info.width, info.height)?);
        }
        Ok(builder.tiles(tiles).build(&self.options.limits)?)
    }
}

/// A row of tiles to be coded.
struct RowOfTiles {
    /// Its first row of ŷ.
    first: usize,
    /// Its tiles in `latents`: row, column, rows, columns.
    windows: Vec<[usize; 4]>,
    /// Without residuals, unless they are to be kept.
    latents: Latents,
}

/// A row of tiles that was.
struct Coded {
    payloads: Vec<Vec<u8>>,
    first: usize,
    latents: Latents,
}

impl RowOfTiles {
    /// With `keep`, the latents get the residuals that the prior adds to them.
    fn code(mut self, level: Level, weights: &Weights, keep: bool, spare: &Spare) -> Result<Coded, Error> {
        let payloads = if keep {
            code_windows(&self.windows, level, weights, std::slice::from_mut(&mut self.latents))?
        } else {
            self.payloads(level, weights, spare)?
        };
        Ok(Coded { payloads, first: self.first, latents: self.latents })
    }

    fn payloads(&self, level: Level, weights: &Weights, spare: &Spare) -> Result<Vec<Vec<u8>>, Error> {
        let [v, u] = weights.config.hyper_stride();
        let code = |&[row, column, rows, columns]: &[usize; 4]| {
            let mut tile = spare.take(&weights.config, rows, columns);
            self.latents.y.copy_window(row, column, &mut tile.y);
            self.latents.z.copy_window(row / v, column / u, &mut tile.z);
            let payload = code_window(std::slice::from_mut(&mut tile), level, weights);
            spare.give(tile);
            payload
        };
        let mut payloads = Vec::with_capacity(self.windows.len());
        // No more tiles at once than threads: what each needs on the way would add up.
        for windows in self.windows.chunks(rayon::current_num_threads()) {
            payloads.extend(windows.par_iter().map(code).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(payloads)
    }
}

impl Coded {
    /// Appends the row to those before. The latents are not needed any more.
    fn store(self, config: &ModelConfig, tiles: &mut Vec<Vec<u8>>, kept: &mut Option<Latents>) -> Latents {
        tiles.extend(self.payloads);
        if let Some(kept) = kept {
            kept.set_window([self.first, 0], config.hyper_stride(), &self.latents);
        }
        self.latents
    }
}

pub(super) fn header(info: &PictureInfo, level: Level, weights: &Weights) -> ImageHeader {
    ImageHeader {
        level: level.0,
        colour: if info.color == Color::Gray { Colour::Gray } else { Colour::Rgb },
        depth: if info.depth == 8 { BitDepth::Eight } else { BitDepth::Sixteen },
        tile_log2: tile_log2(info.width, info.height),
        width: info.width,
        height: info.height,
        weights: weights.id,
    }
}

/// The latents of each tile: row, column, rows, columns.
pub(super) fn windows(header: &ImageHeader, config: &ModelConfig) -> Vec<[usize; 4]> {
    let tiles = (0..header.tile_count()).filter_map(|index| header.tile_rect(index));
    tiles.map(|tile| latent_window(tile, config)).collect()
}

/// The whole picture in memory: a search goes over it more than once.
fn read_all(info: &PictureInfo, source: &mut dyn ReadRows) -> Result<Image, Error> {
    let mut sink = ImageSink::unlimited();
    sink.begin(info.clone())?;
    let (height, mut done) = (info.height as usize, 0);
    while done < height {
        let count = strip(info.width as usize).min(height - done);
        let pixels = source.read(count)?;
        check_rows(pixels, count, info)?;
        sink.write(pixels)?;
        done += count;
    }
    sink.image()
}

/// A source that gives other rows than it was asked for.
fn check_rows(pixels: Pixels<'_>, count: usize, info: &PictureInfo) -> Result<(), Error> {
    let depth = if matches!(pixels, Pixels::U8(_)) { 8 } else { 16 };
    if pixels.len() == count * info.row() && depth == info.depth {
        return Ok(());
    }
    let (have, want) = (pixels.len(), count * info.row());
    let problem = format!("{have} samples of {depth} bits (expected {want} of {} bits)", info.depth);
    Err(Error::Rows(problem.into()))
}

/// Pixels on their way to ŷ and ẑ.
struct LatentRows<'a> {
    config: &'a ModelConfig,
    pixels: PixelAnalysis,
    analysis: Run<'a>,
    gains: Gains,
    hyper_analysis: Run<'a>,
    /// Columns of y.
    columns: usize,
    /// Rows of ŷ and ẑ that were not taken yet.
    y: Vec<i32>,
    z: Vec<i32>,
    /// Memory for what comes after rows that are taken.
    spare: [Vec<i32>; 2],
    /// Rows of y so far.
    rows: usize,
    /// Rows of y as h_a takes them, padded to whole positions of z.
    companded: Vec<f32>,
    last_row: Vec<f32>,
}

impl<'a> LatentRows<'a> {
    /// For so many columns of ŷ, of which so many rows at the most are taken at once.
    fn new(
        info: &PictureInfo,
        [rows, columns]: [usize; 2],
        weights: &'a Weights,
        level: Level,
        given: Option<&'a dyn Transforms>,
    ) -> Result<Self, Error> {
        let config = &weights.config;
        let across = config.hyper_stride()[1];
        // What a strip adds may go beyond the rows that are waited for.
        let beyond = strip(info.width as usize).div_ceil(config.signal_stride()[0]);
        Ok(Self {
            config,
            pixels: PixelAnalysis::new(info.width as usize, info.color.channels(), config),
            analysis: Run::analysis(weights, given, columns * config.latent_stride()[1])?,
            gains: Gains::encode(weights, level),
            hyper_analysis: Run::hyper_analysis(weights, given, columns.next_multiple_of(across))?,
            columns,
            y: Vec::with_capacity((rows + beyond) * columns * config.latents()),
            z: Vec::new(),
            spare: Default::default(),
            rows: 0,
            companded: Vec::new(),
            last_row: Vec::new(),
        })
    }

    fn push(&mut self, pixels: Pixels<'_>, last: bool) -> Result<(), Error> {
        let [down, across] = self.config.hyper_stride();
        let channels = self.config.latents();
        let y = self.analysis.push(self.pixels.push(pixels, last), last)?;
        let row = self.columns * channels;
        let padded = self.columns.next_multiple_of(across) * channels;
        let before = self.y.len();
        self.y.resize(before + y.len(), 0);
        self.companded.resize(y.len() / row * padded, 0.0);
        let rows = self.y[before..].par_chunks_mut(row).zip(self.companded.par_chunks_mut(padded));
        y.par_chunks(row).zip(rows).for_each(|(y, (y_hat, companded))| {
            self.gains.quantize(y, y_hat, &mut companded[..row]);
            for at in (row..padded).step_by(channels) {
                companded.copy_within(row - channels..row, at);
            }
        });
        self.rows += y.len() / row;
        if let Some(latest) = self.companded.chunks_exact(padded).next_back() {
            self.last_row.clear();
            self.last_row.extend_from_slice(latest);
        }
        if last {
            for _ in self.rows..self.rows.next_multiple_of(down) {
                self.companded.extend_from_slice(&self.last_row);
            }
        }
        let z = self.hyper_analysis.push(&self.companded, last)?;
        let before = self.z.len();
        self.z.resize(before + z.len(), 0);
        kernel::latents::round(z, &mut self.z[before..]);
        Ok(())
    }

    /// Whether the next so many rows of ŷ, and the rows of ẑ that stand for them, are there.
    fn has(&self, rows: usize) -> bool {
        let [y, z, _] = Latents::shapes(self.config, rows, self.columns);
        self.y.len() >= y.iter().product() && self.z.len() >= z.iter().product()
    }

    /// The next so many rows of ŷ with those of ẑ, and room for residuals if these are wanted.
    fn take(&mut self, rows: usize, residuals: bool) -> Latents {
        let [y, z, [.., channels]] = Latents::shapes(self.config, rows, self.columns);
        let [spare_y, spare_z] = std::mem::take(&mut self.spare);
        let channels = if residuals { channels } else { 0 };
        Latents {
            y: Symbols::from_vec(y, split_front(&mut self.y, y.iter().product(), spare_y)),
            z: Symbols::from_vec(z, split_front(&mut self.z, z.iter().product(), spare_z)),
            residual: Symbols::zeros([rows, self.columns, channels]),
        }
    }

    /// Rows that nobody needs any more: their memory serves others.
    fn reuse(&mut self, latents: Latents) {
        self.spare = [latents.y, latents.z].map(Symbols::into_vec);
    }
}

/// The first elements, without a copy; the rest stay, in the memory of `spare`.
fn split_front(values: &mut Vec<i32>, count: usize, mut spare: Vec<i32>) -> Vec<i32> {
    spare.clear();
    spare.reserve(values.capacity());
    spare.extend_from_slice(&values[count..]);
    values.truncate(count);
    std::mem::replace(values, spare)
}
