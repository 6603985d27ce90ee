//! Picture → file, row by row. Each step has its mirror in `decoder/picture.rs`.
//!
//! Rows of pixels go in strips through the wavelet and the analysis, which see across the borders of tiles, and become
//! rows of ŷ and ẑ. As soon as those of a row of tiles are there, its tiles are coded, in parallel and while the next
//! rows are analysed, and forgotten.

use super::payload::{code_window, code_windows};
use super::report::CodedPicture;
use super::{Encoded, Encoder, SearchReport};
use crate::array::{Array, Symbols, Window};
use crate::config::{Kind, ModelConfig};
use crate::engine::{Engine, NetworkRows};
use crate::error::Error;
use crate::gains::Quantizer;
use crate::latent::{Latents, Spare, hyper_window};
use crate::lossless::values::rounded_image;
use crate::picture::{PixelAnalysis, latent_size, latent_windows, restore_image, strip, tile_log2};
use crate::quality::Level;
use crate::rows::{ImageRows, ImageSink, PictureInfo, Pixels, ReadRows, WriteRows as _};
use crate::signal::{Image, SignalError};
use crate::weights::Weights;
use crate::{alpha, chunks};
use rayon::prelude::*;
use wavern_bitstream::{BitDepth, ChunkCode, ContainerBuilder, ImageHeader, LOSSLESS_LEVEL, WeightsId};
use wavern_kernel as kernel;

impl Encoder {
    /// The file of a picture and, if asked, what a decoder makes of it.
    pub(super) fn image(&self, image: &Image, reconstruct: bool) -> Result<(Encoded, Option<Image>), Error> {
        let info = PictureInfo::from(image);
        if self.options.is_lossless() {
            let encoded = self.lossless_image(image, &info)?;
            let error = self.options.picture.max_error.unwrap_or(0);
            return Ok((encoded, reconstruct.then(|| rounded_image(image, error)).transpose()?));
        }
        let engine = self.engine(Kind::Image)?;
        let CodedPicture { header, bytes, mut latents, report } = if self.searches() {
            self.search(&engine, image)?
        } else {
            self.picture(&engine, &info, &mut ImageRows::new(image), true)?
        };
        let mut reconstruction = None;
        if reconstruct {
            let (restored, back) = restore_image(&header, latents, &engine)?;
            latents = back;
            let restored = match info.alpha {
                Some(plane) => restored.with_alpha(plane)?,
                None => restored,
            };
            reconstruction = Some(restored.with_metadata(info.metadata));
        }
        let encoded = Encoded { bytes, level: header.level, latents: vec![latents], search: report };
        Ok((encoded, reconstruction))
    }

    pub(super) fn rows(&self, info: &PictureInfo, source: &mut dyn ReadRows) -> Result<Encoded, Error> {
        if BitDepth::from_bits(info.depth).is_none() {
            let problem = format!("{} bits (expected 8 or 16)", info.depth);
            return Err(Error::Option { option: "depth", problem });
        }
        if self.options.is_lossless() {
            if self.options.effort.searches() {
                return self.lossless_image(&read_all(info, source)?, info);
            }
            return self.lossless_rows(info, source, None);
        }
        let engine = self.engine(Kind::Image)?;
        let CodedPicture { header, bytes, report, .. } = if self.searches() {
            self.search(&engine, &read_all(info, source)?)?
        } else {
            self.picture(&engine, info, source, false)?
        };
        Ok(Encoded { bytes, level: header.level, latents: Vec::new(), search: report })
    }

    /// Codes the rows in order, and keeps all latents if asked.
    fn picture(
        &self,
        engine: &Engine,
        info: &PictureInfo,
        source: &mut dyn ReadRows,
        keep: bool,
    ) -> Result<CodedPicture, Error> {
        let (weights, config) = (&*engine.weights, engine.config());
        check_size(info)?;
        let level = self.options.quality.level(config.lambdas.len());
        let header = header(info, level.0, weights.id, self.options.picture.tile_side);
        let size = latent_size(&header, config);
        let windows = latent_windows(&header, config);
        let most = windows.first().map_or(0, |window| window.rows);
        let mut stream = LatentRows::new(info, [most, size[1]], engine, level)?;
        let mut kept = keep.then(|| Latents::zeros(config, size[0], size[1]));
        let (mut tiles, spare) = (Vec::with_capacity(windows.len()), Spare::default());
        let (height, mut done) = (info.height as usize, 0);
        // The row of tiles whose latents are complete, and what became of it.
        let mut ready: Option<RowOfTiles> = None;
        for row in windows.chunk_by(|a, b| a.row == b.row) {
            let Window { row: first, rows, .. } = row[0];
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
                let windows = row.iter().map(|window| window.relative_to([first, 0])).collect();
                next = Some(RowOfTiles { first, windows, latents: stream.take(rows, keep) });
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
        Ok(CodedPicture { header, bytes: self.picture_file(header, info, None, tiles)?, latents, report })
    }

    /// The container.
    pub(super) fn picture_file(
        &self,
        header: ImageHeader,
        info: &PictureInfo,
        fitted: Option<Vec<u8>>,
        tiles: Vec<Vec<u8>>,
    ) -> Result<Vec<u8>, Error> {
        let mut builder = chunks::add_to_picture(ContainerBuilder::new(header), &info.metadata);
        if let Some(plane) = &info.alpha {
            builder = builder.alpha(match header.level {
                LOSSLESS_LEVEL => alpha::IN_TILES.to_vec(),
                _ => alpha::write(plane, info.width, info.height)?,
            });
        }
        if let Some(fitted) = fitted {
            builder = builder.fitted(fitted);
        }
        if header.level == LOSSLESS_LEVEL {
            let error = self.error(info)?;
            if error > 0 {
                builder = builder.metadata(ChunkCode::NEAR, error.to_le_bytes().to_vec());
            }
        }
        Ok(builder.tiles(tiles).build(&self.options.limits)?)
    }
}

/// A row of tiles to be coded.
struct RowOfTiles {
    /// Its first row of ŷ.
    first: usize,
    /// Its tiles in `latents`.
    windows: Vec<Window>,
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
        let stride = weights.config.hyper_stride();
        let code = |&window: &Window| {
            let mut tile = spare.take(&weights.config, window.rows, window.columns);
            self.latents.y.copy_window(window.origin(), &mut tile.y);
            self.latents.z.copy_window(hyper_window(window, stride).origin(), &mut tile.z);
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

pub(super) fn header(
    info: &PictureInfo,
    level: u16,
    weights: WeightsId,
    tile_side: Option<u32>,
) -> ImageHeader {
    ImageHeader {
        level,
        color: info.color,
        depth: if info.depth == 8 { BitDepth::Eight } else { BitDepth::Sixteen },
        tile_log2: tile_log2(info.width, info.height, tile_side),
        width: info.width,
        height: info.height,
        weights,
    }
}

/// Refuses a picture without a pixel.
pub(super) fn check_size(&PictureInfo { width, height, .. }: &PictureInfo) -> Result<(), Error> {
    if width > 0 && height > 0 { Ok(()) } else { Err(SignalError::EmptyImage { width, height }.into()) }
}

/// The whole picture in memory: a search goes over it more than once.
pub(super) fn read_all(info: &PictureInfo, source: &mut dyn ReadRows) -> Result<Image, Error> {
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
pub(super) fn check_rows(pixels: Pixels<'_>, count: usize, info: &PictureInfo) -> Result<(), Error> {
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
    analysis: NetworkRows<'a>,
    quantizer: Quantizer,
    hyper_analysis: NetworkRows<'a>,
    /// Columns of y.
    columns: usize,
    /// Rows of ŷ and ẑ that were not taken yet.
    y: Vec<i32>,
    z: Vec<i32>,
    /// Memory for what comes after rows that are taken.
    spare: [Vec<i32>; 2],
}

impl<'a> LatentRows<'a> {
    /// For `columns` of ŷ, of which at most `rows` rows are taken at once.
    fn new(
        info: &PictureInfo,
        [rows, columns]: [usize; 2],
        engine: &'a Engine,
        level: Level,
    ) -> Result<Self, Error> {
        let config = engine.config();
        let quantizer = Quantizer::new(engine.weights.encode_gains(level), columns, config);
        let hyper_analysis = engine.hyper_analysis_rows(quantizer.padded_columns())?;
        // What a strip adds may go beyond the rows that are waited for.
        let beyond = strip(info.width as usize).div_ceil(config.signal_stride()[0]);
        Ok(Self {
            config,
            pixels: PixelAnalysis::new(info.width as usize, info.color.channels(), config),
            analysis: engine.analysis_rows(columns * config.latent_stride()[1])?,
            quantizer,
            hyper_analysis,
            columns,
            y: Vec::with_capacity((rows + beyond) * columns * config.latents()),
            z: Vec::new(),
            spare: Default::default(),
        })
    }

    fn push(&mut self, pixels: Pixels<'_>, last: bool) -> Result<(), Error> {
        let y = self.analysis.push(self.pixels.push(pixels, last), last)?;
        let companded = self.quantizer.push(y, last, &mut self.y);
        let z = self.hyper_analysis.push(companded, last)?;
        let before = self.z.len();
        self.z.resize(before + z.len(), 0);
        kernel::latents::round(z, &mut self.z[before..]);
        Ok(())
    }

    /// Whether the next `rows` rows of ŷ, and the rows of ẑ that stand for them, are there.
    fn has(&self, rows: usize) -> bool {
        let [y, z, _] = Latents::shapes(self.config, rows, self.columns);
        self.y.len() >= y.iter().product() && self.z.len() >= z.iter().product()
    }

    /// The next `rows` rows of ŷ with the rows of ẑ, and room for residuals if these are wanted.
    fn take(&mut self, rows: usize, residuals: bool) -> Latents {
        let [y, z, [.., channels]] = Latents::shapes(self.config, rows, self.columns);
        let [spare_y, spare_z] = std::mem::take(&mut self.spare);
        let channels = if residuals { channels } else { 0 };
        Latents {
            y: Symbols::from_vec(y, split_front(&mut self.y, y.iter().product(), spare_y)),
            z: Symbols::from_vec(z, split_front(&mut self.z, z.iter().product(), spare_z)),
            residual: Array::zeros([rows, self.columns, channels]),
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
