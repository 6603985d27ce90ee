//! The envelope of a sound: how loud each cell of time and frequency is, in steps of 4 dB. It is the hyper-latent ẑ of
//! a sound, and it does three things: the prior predicts the scale of every symbol from it; the quantization steps
//! follow it, so that noise hides under what is loud; and the decoder knows from it how much energy the symbols left
//! out.
//!
//! A cell is `block` frames × one interval between two `edges` of bands, of mid or side. Channel `s · cells + j` of ẑ
//! is cell `j` of signal `s`; a model with [spans](crate::spans) has a channel more, their codes. All of it is local to
//! a segment.

use crate::array::{Symbols, Tensor};
use crate::config::{EnvelopeConfig, ModelConfig};
use crate::spans::Spans;

/// Signals of a group: mid and side.
pub const SIGNALS: usize = 2;
/// Decibels from one level of a cell to the next.
pub const STEP_DB: f64 = 4.0;
/// Decibels that level 0 stands for, in units of the networks (full scale is at 24 dB): a cell below is silent.
pub const FLOOR_DB: f64 = -84.0;
/// Highest level.
pub const TOP: i32 = 63;
/// Level that the first cell of a segment is predicted at, and that h_s takes as 0.
pub const FIRST: i32 = 16;
/// What h_s takes for a kind of span where it is; elsewhere it takes 0.
pub const IN_SPAN: i32 = 16;

/// Share of the missing amplitude that noise makes up for.
pub const FILL: f32 = 0.7;
/// Largest noise, in half steps: more would have been a symbol.
pub const FILL_LIMIT: f32 = 0.73;

/// log₂ of the amplitude that a level stands for.
pub fn log_amplitude(level: f32) -> f32 {
    const PER_DB: f64 = std::f64::consts::LOG2_10 / 20.0;
    level * (STEP_DB * PER_DB) as f32 + (FLOOR_DB * PER_DB) as f32
}

/// Where the bands of a frame lie, for one [`EnvelopeConfig`].
#[derive(Clone, Debug)]
pub struct Cells {
    block: usize,
    exponent: f32,
    edges: Vec<usize>,
    /// Channels of ẑ.
    hyper_latents: usize,
    spans: Spans,
    /// For each band: the cell whose centre is below, and how far the band is on the way to the centre above.
    between: Vec<(usize, f32)>,
}

impl Cells {
    /// The cells of a configuration that [`validate`](crate::config::ModelConfig::validate) has accepted.
    pub fn new(config: &EnvelopeConfig) -> Self {
        let edges = config.edges.clone();
        let centres: Vec<f32> = edges.windows(2).map(|e| (e[0] + e[1] - 1) as f32 / 2.0).collect();
        let between = (0..edges.last().copied().unwrap_or(0))
            .map(|band| {
                let above = centres.partition_point(|&c| c <= band as f32);
                if above == 0 || above == centres.len() {
                    return (above.saturating_sub(1), 0.0);
                }
                let (low, high) = (centres[above - 1], centres[above]);
                (above - 1, (band as f32 - low) / (high - low))
            })
            .collect();
        let (hyper_latents, spans) = (config.hyper_latents(), Spans::new(config));
        Self { block: config.block, exponent: config.exponent as f32, edges, hyper_latents, spans, between }
    }

    /// Cells of one signal at one time.
    pub fn count(&self) -> usize {
        self.edges.len() - 1
    }

    /// For each band of a signal: a cell, and the share of the next one.
    pub fn between(&self) -> &[(usize, f32)] {
        &self.between
    }

    /// Bands of one signal.
    fn bands(&self) -> usize {
        self.between.len()
    }

    /// The spans of the model.
    pub fn spans(&self) -> &Spans {
        &self.spans
    }

    /// ẑ of packets `[1, frames, 2 · bands]` with these [codes](Spans::codes), one for each position: levels 0 to
    /// [`TOP`], `[1, ceil(frames / block), channels]`. All blocks of a span have one level, since its coefficients have
    /// no time.
    pub fn measure(&self, packets: &Tensor, codes: &[usize]) -> Symbols {
        let [_, frames, channels] = packets.shape();
        let (cells, width) = (self.count(), self.hyper_latents);
        let mut z = Symbols::zeros([1, frames.div_ceil(self.block), width]);
        let mut position = 0;
        while position < codes.len() {
            let blocks = match codes[position] {
                0 => 1,
                code => self.spans.lengths()[code - 1] / self.block,
            };
            let rows = &packets.data()[position * self.block * channels..];
            let levels = self.levels(&rows[..rows.len().min(blocks * self.block * channels)], channels);
            for z in z.data_mut()[position * width..].chunks_exact_mut(width).take(blocks) {
                z[..SIGNALS * cells].copy_from_slice(&levels);
                z[SIGNALS * cells..].fill(codes[position] as i32);
            }
            position += blocks;
        }
        z
    }

    /// The levels of the cells over some frames.
    fn levels(&self, rows: &[f32], channels: usize) -> Vec<i32> {
        let (cells, bands, count) = (self.count(), self.bands(), rows.len() / channels);
        let level = |index: usize| {
            let (signal, cell) = (index / cells, index % cells);
            let (first, last) = (self.edges[cell], self.edges[cell + 1]);
            let mut energy = 0.0f64;
            for row in rows.chunks_exact(channels) {
                let value = |band| f64::from(row[channel_of(signal, band, bands)]);
                energy += (first..last).map(|band| value(band) * value(band)).sum::<f64>();
            }
            let db = 10.0 * (energy / (count * (last - first)) as f64).log10();
            (((db - FLOOR_DB) / STEP_DB).round().max(0.0) as i32).min(TOP)
        };
        (0..SIGNALS * cells).map(level).collect()
    }

    /// By how much the packets of each band and frame were divided before quantization, `[1, frames, 2 · bands]`:
    /// amplitude to the power of the exponent, on the scale of decibels interpolated between the centres of cells. In
    /// time that goes for frames by themselves only.
    pub fn shape(&self, z: &Symbols, frames: usize) -> Tensor {
        let (cells, bands) = (self.count(), self.bands());
        let mut out = Tensor::zeros([1, frames, SIGNALS * bands]);
        let columns: Vec<&[i32]> = z.data().chunks_exact(self.hyper_latents).collect();
        let codes = self.spans.codes(z, frames);
        for (frame, out) in out.data_mut().chunks_exact_mut(SIGNALS * bands).enumerate() {
            let block = frame / self.block;
            let (before, t) = match codes[block] {
                0 => between_blocks(frame, self.block, columns.len()),
                _ => (block, 0.0),
            };
            let after = columns[(before + 1).min(columns.len() - 1)];
            let level = |index: usize| columns[before][index] as f32 * (1.0 - t) + after[index] as f32 * t;
            for signal in 0..SIGNALS {
                let levels: Vec<f32> = (0..cells).map(|j| level(signal * cells + j)).collect();
                for (band, &(below, u)) in self.between.iter().enumerate() {
                    let above = (below + 1).min(cells - 1);
                    let level = levels[below] * (1.0 - u) + levels[above] * u;
                    out[channel_of(signal, band, bands)] = (self.exponent * log_amplitude(level)).exp2();
                }
            }
        }
        out
    }

    /// Fills what the symbols left out with noise: the energy that a cell has and its packets lack, spread over the
    /// symbols that are 0, times [`FILL`]. `shape` comes from [`Self::shape`], `half_steps` half the quantization step
    /// of each channel, and `seed` the number of the segment.
    pub fn fill(
        &self,
        [y, z]: [&Symbols; 2],
        shape: &Tensor,
        half_steps: &[f32],
        seed: u32,
        packets: &mut Tensor,
    ) {
        let (cells, bands) = (self.count(), self.bands());
        let channels = SIGNALS * bands;
        let mut noise = Noise::new(seed);
        let levels = z.data().chunks_exact(self.hyper_latents).map(|z| &z[..SIGNALS * cells]);
        let rows = packets.data_mut().chunks_mut(self.block * channels);
        let symbols = y.data().chunks(self.block * channels);
        let shapes = shape.data().chunks(self.block * channels);
        for (((rows, symbols), shapes), levels) in rows.zip(symbols).zip(shapes).zip(levels) {
            let frames = rows.len() / channels;
            for (index, &level) in levels.iter().enumerate() {
                let (signal, cell) = (index / cells, index % cells);
                let (first, last) = (self.edges[cell], self.edges[cell + 1]);
                if level == 0 {
                    continue;
                }
                let places = || {
                    let place = move |frame| {
                        (first..last).map(move |band| frame * channels + channel_of(signal, band, bands))
                    };
                    (0..frames).flat_map(place)
                };
                let whole = log_amplitude(level as f32).exp2().powi(2) * (frames * (last - first)) as f32;
                let kept: f32 = places().map(|i| rows[i] * rows[i]).sum();
                let zeros = places().filter(|&i| symbols[i] == 0).count();
                let missing = (whole - kept).max(0.0) / zeros.max(1) as f32;
                let amplitude = FILL * (3.0 * missing).sqrt();
                for i in places().filter(|&i| symbols[i] == 0) {
                    let most = FILL_LIMIT * half_steps[i % channels] * shapes[i];
                    rows[i] += amplitude.min(most) * noise.next();
                }
            }
        }
    }
}

/// For a frame: the block whose centre is before it, and the share of the next one.
pub fn between_blocks(frame: usize, block: usize, blocks: usize) -> (usize, f32) {
    let place = ((frame as f32 + 0.5) / block as f32 - 0.5).clamp(0.0, blocks.saturating_sub(1) as f32);
    (place as usize, place.fract())
}

/// What h_s takes of ẑ.
#[derive(Clone, Debug)]
pub struct HyperInput {
    /// Subtracted first.
    centre: i32,
    /// Of a model that has any.
    spans: Option<Spans>,
}

impl HyperInput {
    /// Of a model.
    pub fn new(config: &ModelConfig) -> Self {
        let spans = config.envelope.as_ref().map(Spans::new).filter(|spans| !spans.is_empty());
        Self { centre: if config.envelope.is_some() { FIRST } else { 0 }, spans }
    }

    /// The inputs for ẑ of a window with `columns` columns of ŷ: its values less the centre, within ±`limit`. The code
    /// of a span becomes a channel for each kind of span, [`IN_SPAN`] where it is.
    pub fn of(&self, z: &Symbols, columns: usize, limit: i32) -> Symbols {
        let value = |&v: &i32| v.saturating_sub(self.centre).clamp(-limit, limit);
        let Some(spans) = &self.spans else {
            return Symbols::from_vec(z.shape(), z.data().iter().map(value).collect());
        };
        let [_, positions, channels] = z.shape();
        let kinds = spans.lengths().len();
        let mut out = Vec::with_capacity(positions * (channels - 1 + kinds));
        for (z, code) in z.data().chunks_exact(channels).zip(spans.codes(z, columns)) {
            out.extend(z[..channels - 1].iter().map(value));
            out.extend((1..=kinds).map(|kind| if kind == code { IN_SPAN } else { 0 }));
        }
        Symbols::from_vec([1, positions, channels - 1 + kinds], out)
    }
}

/// Uniform noise: a linear congruential generator, the same in every decoder.
struct Noise(u32);

impl Noise {
    fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// In -1.0..1.0.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1u32 << 23) as f32 - 1.0
    }
}

/// Channel of a band of a signal: even bands of mid and of side, then the odd ones, so that a prior that has decoded
/// the first half knows both neighbours in frequency of everything in the second half.
pub fn channel_of(signal: usize, band: usize, bands: usize) -> usize {
    ((band & 1) * SIGNALS + signal) * (bands / 2) + band / 2
}

/// Codes of spans → what is coded of them: each less the one before, the first as it is.
pub fn code_steps(codes: &[i32]) -> Vec<i32> {
    let before = std::iter::once(0).chain(codes.iter().copied());
    codes.iter().zip(before).map(|(code, before)| code - before).collect()
}

/// Undoes [`code_steps`]; codes outside 0 ..= [`TOP`], which no encoder makes, are limited to it.
pub fn codes_of_steps(steps: &[i32]) -> Vec<i32> {
    let next = |before: &mut i32, &step: &i32| {
        *before = before.saturating_add(step).clamp(0, TOP);
        Some(*before)
    };
    steps.iter().scan(0, next).collect()
}

/// The levels of ẑ → what is coded of them: differences from a prediction out of the column before and the cell below.
pub fn predict(z: &Symbols) -> Symbols {
    walk(z, |prediction, level| (level - prediction, level))
}

/// Undoes [`predict`]; levels outside 0 ..= [`TOP`], which no encoder makes, are limited to it.
pub fn restore(residuals: &Symbols) -> Symbols {
    walk(residuals, |prediction, residual| {
        let level = prediction.saturating_add(residual).clamp(0, TOP);
        (level, level)
    })
}

/// Walks columns, signals and cells in order. `step` gets a prediction and a value of `input`, and gives the value of
/// the output and the level that later predictions start from.
fn walk(input: &Symbols, step: impl Fn(i32, i32) -> (i32, i32)) -> Symbols {
    let width = input.shape()[2];
    let cells = width / SIGNALS;
    let mut output = Symbols::zeros(input.shape());
    let mut before: Option<Vec<i32>> = None;
    for (from, to) in input.data().chunks_exact(width).zip(output.data_mut().chunks_exact_mut(width)) {
        let mut levels = vec![0; width];
        for index in 0..width {
            let below = (index % cells > 0).then(|| index - 1);
            let prediction = match (&before, below) {
                (None, Some(below)) => levels[below],
                (None, None) => {
                    if index == 0 {
                        FIRST
                    } else {
                        levels[0]
                    }
                }
                (Some(before), None) => before[index],
                // Half of the change that the cell below has seen: sounds begin and end in many bands at once.
                (Some(before), Some(below)) => before[index] + ((levels[below] - before[below] + 1) >> 1),
            };
            (to[index], levels[index]) = step(prediction, from[index]);
        }
        before = Some(levels);
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ModelConfig;

    fn cells() -> Cells {
        Cells::new(&ModelConfig::audio().envelope.unwrap())
    }

    #[test]
    fn prediction_is_undone_and_foreign_residuals_stay_in_range() {
        let width = SIGNALS * cells().count();
        let data = (0..width * 5).map(|i| (i * i * 31 + i / 7) as i32 % (TOP + 1)).collect::<Vec<_>>();
        let mut z = Symbols::zeros([1, 5, width]);
        z.data_mut().copy_from_slice(&data);
        assert_eq!(restore(&predict(&z)), z);
        z.data_mut()
            .iter_mut()
            .enumerate()
            .for_each(|(i, v)| *v = if i % 3 == 0 { i32::MAX } else { i32::MIN });
        assert!(restore(&z).data().iter().all(|v| (0..=TOP).contains(v)));
    }

    #[test]
    fn levels_tell_the_loudness_in_decibels() {
        let (cells, bands) = (cells(), 256);
        let mut packets = Tensor::zeros([1, 6, SIGNALS * bands]);
        packets.data_mut().chunks_exact_mut(SIGNALS * bands).for_each(|row| {
            (0..bands).for_each(|band| row[channel_of(0, band, bands)] = 1.0);
        });
        let z = cells.measure(&packets, &[0, 0]);
        assert_eq!(z.shape(), [1, 2, SIGNALS * cells.count() + 1]);
        assert!(z.data()[..cells.count()].iter().all(|&level| level == 21));
        assert!(z.data()[cells.count()..][..cells.count() + 1].iter().all(|&level| level == 0));
        let shape = cells.shape(&z, 6);
        assert!((shape.data()[0] - 1.0).abs() < 1e-5, "0 dB is a factor of 1");
        assert!(shape.data()[channel_of(1, 0, bands)] < 0.01);
    }

    #[test]
    fn a_span_has_one_level_and_its_frames_one_shape() {
        let (cells, bands) = (cells(), 256);
        let mut packets = Tensor::zeros([1, 12, SIGNALS * bands]);
        for (frame, row) in packets.data_mut().chunks_exact_mut(SIGNALS * bands).enumerate() {
            row.fill(if frame < 4 { 1.0 } else { 100.0 });
        }
        let levels = |codes: &[usize]| {
            let z = cells.measure(&packets, codes);
            let first: Vec<i32> = z.data().chunks_exact(cells.hyper_latents).map(|z| z[0]).collect();
            (first, cells.shape(&z, 12))
        };
        let (long, shape) = levels(&[2, 2, 0]);
        assert_eq!(long, [30, 30, 31]);
        let rows: Vec<&[f32]> = shape.data().chunks_exact(SIGNALS * bands).collect();
        assert!(rows[..8].iter().all(|row| row == &rows[0]) && rows[8] != rows[11]);
        assert_eq!(levels(&[0, 0, 0]).0, [21, 31, 31]);
        let input = HyperInput::new(&ModelConfig::audio()).of(&cells.measure(&packets, &[2, 2, 0]), 12, 127);
        assert_eq!(input.shape(), [1, 3, SIGNALS * cells.count() + 2]);
        assert!(input.data().chunks_exact(38).map(|x| &x[36..]).eq([[0, 16], [0, 16], [0, 0]]));
    }
}
