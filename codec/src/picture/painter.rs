//! ŷ → rows of pixels: the whole picture or a view of it.

use super::synthesis::{Output, PixelSynthesis};
use super::tiles::{latent_size, strip};
use crate::array::{Tensor, Window};
use crate::config::ModelConfig;
use crate::engine::{Engine, NetworkRows};
use crate::error::Error;
use crate::gains::Gains;
use crate::latent::Latents;
use crate::quality::Level;
use crate::rows::{ImageSink, PictureInfo, WriteRows};
use crate::signal::Image;
use crate::view::{Region, View};
use std::ops::Range;
use wavern_bitstream::ImageHeader;

/// ŷ on its way to pixels.
pub struct Painter<'a> {
    gains: Gains,
    synthesis: NetworkRows<'a>,
    pixels: PixelSynthesis,
    /// What the view needs.
    extent: Extent,
    /// Rows of ŷ that go through the synthesis together.
    strip: usize,
    /// Those that wait for it.
    y: Vec<f32>,
}

/// What a view of a picture needs, and what comes out of it.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Rows and columns of ŷ.
    pub rows: Range<usize>,
    /// See `rows`.
    pub columns: Range<usize>,
    /// The view in pixels of the whole picture.
    pub area: Region,
    /// Columns and rows that come out.
    pub size: [usize; 2],
    /// Columns and rows that the rows and columns of ŷ give before those.
    skip: [usize; 2],
}

impl Extent {
    /// Of a view of the picture with this header.
    ///
    /// # Errors
    /// [`Error::Option`] if the view is not inside the picture, or smaller than the weights go.
    pub fn of(header: &ImageHeader, engine: &Engine, view: View) -> Result<Self, Error> {
        let (weights, config) = (&engine.weights, engine.config());
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
        let (stride, grid) = (config.signal_stride(), latent_size(header, config));
        let halo = halo(config, weights.synthesis()?.reach());
        let needed = |axis: usize, from: usize, to: usize| {
            let (from, to) = ((from << log2) / stride[axis], (to << log2).div_ceil(stride[axis]));
            from.saturating_sub(halo[axis])..grid[axis].min(to + halo[axis])
        };
        let (rows, columns) = (needed(0, y, bottom), needed(1, x, right));
        let skip = [x - ((columns.start * stride[1]) >> log2), y - ((rows.start * stride[0]) >> log2)];
        Ok(Self { rows, columns, area, size, skip })
    }

    /// What comes out, without alpha and metadata.
    pub fn info(&self, header: &ImageHeader) -> PictureInfo {
        let [width, height] = self.size.map(|side| side as u32);
        PictureInfo::new(width, height, header.color, header.depth.bits())
    }
}

impl<'a> Painter<'a> {
    /// For a view of the picture with this header, whose extent is known.
    ///
    /// # Errors
    /// [`Error::Backend`] if the engine fails.
    pub fn new(
        header: &ImageHeader,
        engine: &'a Engine,
        level: Level,
        view: View,
        extent: Extent,
    ) -> Result<Self, Error> {
        let (weights, config) = (&engine.weights, engine.config());
        let stride = config.signal_stride();
        let output = Output {
            size: extent.size,
            skip: extent.skip,
            channels: header.color.channels(),
            depth: header.depth.bits(),
            scale: view.scale,
        };
        let width = extent.columns.len();
        Ok(Self {
            gains: weights.decode_gains(level),
            synthesis: engine.synthesis_rows(width, level)?,
            pixels: PixelSynthesis::new(width * config.latent_stride()[1], output, config),
            strip: strip(width * stride[1]).div_ceil(stride[0]),
            y: Vec::new(),
            extent,
        })
    }

    /// Whether the view needs something of a window of ŷ.
    pub fn needs(&self, window: Window) -> bool {
        let meet = |a: &Range<usize>, b: Range<usize>| a.start < b.end && b.start < a.end;
        meet(&self.extent.rows, window.row_range()) && meet(&self.extent.columns, window.column_range())
    }

    /// The next row of tiles, each at its first row and column of ŷ; they cover the columns that are needed.
    pub fn paint(&mut self, tiles: &[([usize; 2], Latents)], sink: &mut dyn WriteRows) -> Result<(), Error> {
        let Some(([first, _], tile)) = tiles.first() else { return Ok(()) };
        let channels = tile.y.shape()[2];
        let (needed, columns) = (self.extent.rows.clone(), self.extent.columns.clone());
        let rows = needed.start.max(*first)..needed.end.min(first + tile.y.shape()[0]);
        for row in rows {
            let before = self.y.len();
            self.y.resize(before + columns.len() * channels, 0.0);
            for ([_, left], tile) in tiles {
                let from = columns.start.max(*left);
                let to = columns.end.min(left + tile.y.shape()[1]);
                let out = &mut self.y[before + (from - columns.start) * channels..];
                self.gains.dequantize(tile, row - first, from - left..to - left, out);
            }
            let last = row + 1 == needed.end;
            if last || self.y.len() >= self.strip * columns.len() * channels {
                let mut y = std::mem::take(&mut self.y);
                self.show(&y, last, sink)?;
                y.clear();
                self.y = y;
            }
        }
        Ok(())
    }

    /// The next rows of what g_s takes, and the pixels that are complete with them.
    fn show(&mut self, y: &[f32], last: bool, sink: &mut dyn WriteRows) -> Result<(), Error> {
        let rows = self.pixels.push(self.synthesis.push(y, last)?, last);
        if rows.is_empty() { Ok(()) } else { sink.write(rows) }
    }
}

/// The pixels of a region, or all.
pub fn area(header: &ImageHeader, region: Option<Region>) -> Result<Region, Error> {
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

/// Positions of ŷ around a pixel's own that can change it: those that the synthesis reaches, and those of the packets
/// that the wavelet reaches, four each way.
fn halo(config: &ModelConfig, reach: [f64; 2]) -> [usize; 2] {
    const PACKETS: f64 = 4.0;
    [0, 1].map(|axis| (reach[axis] + PACKETS / config.latent_stride()[axis] as f64).ceil() as usize)
}

/// ŷ and residuals → picture, without alpha and metadata.
///
/// # Errors
/// [`Error::Backend`] if the engine fails.
pub fn restore_image(
    header: &ImageHeader,
    latents: Latents,
    engine: &Engine,
) -> Result<(Image, Latents), Error> {
    let (view, level) = (View::default(), Level(header.level));
    let extent = Extent::of(header, engine, view)?;
    let mut sink = ImageSink::unlimited();
    sink.begin(extent.info(header))?;
    let mut painter = Painter::new(header, engine, level, view, extent)?;
    let mut parts = [([0, 0], latents)];
    painter.paint(&parts, &mut sink)?;
    let [(_, latents)] = &mut parts;
    Ok((sink.image()?, std::mem::replace(latents, Latents::zeros(engine.config(), 0, 0))))
}

/// What g_s takes, `[rows, columns, M]`, all of it → picture, without alpha and metadata.
///
/// # Errors
/// [`Error::Option`] if it has another shape than the picture asks for, or the level is beyond the weights;
/// [`Error::Backend`] if the engine fails.
pub fn restore_dequantized(header: &ImageHeader, y: &Tensor, engine: &Engine) -> Result<Image, Error> {
    let (config, view, level) = (engine.config(), View::default(), Level(header.level));
    let [rows, columns] = latent_size(header, config);
    let (expected, top) = ([rows, columns, config.latents()], Level::top(config.lambdas.len()));
    if y.shape() != expected {
        let problem = format!("a shape of {:?} (expected {expected:?})", y.shape());
        return Err(Error::Option { option: "latents", problem });
    }
    if level > top {
        return Err(Error::Option {
            option: "level",
            problem: format!("{} (expected 0..={})", level.0, top.0),
        });
    }
    let extent = Extent::of(header, engine, view)?;
    let mut sink = ImageSink::unlimited();
    sink.begin(extent.info(header))?;
    let mut painter = Painter::new(header, engine, level, view, extent)?;
    let mut strips = y.data().chunks(painter.strip * columns * config.latents()).peekable();
    while let Some(y) = strips.next() {
        painter.show(y, strips.peek().is_none(), &mut sink)?;
    }
    sink.image()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Color, Samples};
    use crate::weights::{self, Tune};
    use wavern_bitstream::{BitDepth, WeightsId};

    /// Weights and the BLAKE3 hash of the pixels that come from the symbols below: what every machine has to find. New
    /// weights give other pixels, which a failing test prints.
    const PIXELS: [(Tune, WeightsId, &str); 3] = [
        (Tune::Psnr, WeightsId([134, 123, 16, 135, 146, 93]), "c0c75602a5a837b0"),
        (Tune::Visual, WeightsId([63, 97, 60, 199, 186, 108]), "95d566fc9533e0f8"),
        (Tune::Fast, WeightsId([39, 243, 69, 185, 93, 31]), "11487a6476eba7f6"),
    ];

    #[test]
    fn every_machine_decodes_to_the_same_pixels() {
        for (tune, id, pixels) in PIXELS {
            let weights = weights::image(tune).unwrap();
            let engine = Engine::new(weights, None);
            assert_eq!((engine.weights.id, &*hash_of_pixels(&engine)), (id, pixels), "{tune:?}");
        }
    }

    fn hash_of_pixels(engine: &Engine) -> String {
        let mut hash = blake3::Hasher::new();
        for (level, depth, color) in [
            (3, BitDepth::Eight, Color::Rgb),
            (250, BitDepth::Sixteen, Color::Rgb),
            (448, BitDepth::Eight, Color::Gray),
        ] {
            let header = ImageHeader {
                width: 117,
                height: 75,
                color,
                depth,
                tile_log2: 0,
                level,
                weights: engine.weights.id,
            };
            let [rows, columns] = latent_size(&header, engine.config());
            let mut latents = Latents::zeros(engine.config(), rows, columns);
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
            match restore_image(&header, latents, engine).unwrap().0.samples() {
                Samples::U8(v) => hash.update(v),
                Samples::U16(v) => hash.update(&v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()),
            };
        }
        hash.finalize().to_hex()[..16].to_owned()
    }
}
