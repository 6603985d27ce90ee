//! Segments of a sound → payloads. Each step has its mirror in `decoder/sound.rs`.

use super::Encoder;
use super::payload::code_window;
use super::report::STREAM_BITS;
use crate::array::{Symbols, Tensor};
use crate::config::Kind;
use crate::effort::rate::RateSource;
use crate::effort::{self, Effort};
use crate::engine::Engine;
use crate::envelope::Cells;
use crate::error::Error;
use crate::lapped::Lapped;
use crate::latent::Latents;
use crate::quality::Level;
use crate::signal::SampleFormat;
use crate::sound;
use wavern_bitstream::AudioHeader;

/// What every segment is analysed and coded with.
pub(super) struct SegmentEncoder {
    pub(super) engine: Engine,
    pub(super) lapped: Lapped,
    cells: Cells,
    effort: Effort,
    /// What a search differentiates; none without a search.
    rate: Option<RateSource>,
}

/// What stays the same from level to level: ẑ of a segment's groups and y, before the gains.
pub(super) struct Segment {
    groups: Vec<(Symbols, Tensor)>,
    /// Frames of samples, fewer in the last segment.
    pub(super) frames: u64,
}

/// A segment at a level.
pub(super) struct CodedSegment {
    /// Empty if it is silent.
    pub(super) payload: Vec<u8>,
    pub(super) latents: Vec<Latents>,
    pub(super) frames: u64,
    /// Of all symbols, by the exact counter; 0 without a search.
    pub(super) estimated_bits: f64,
}

impl SegmentEncoder {
    pub(super) fn new(encoder: &Encoder) -> Result<Self, Error> {
        let engine = encoder.engine(Kind::Audio)?;
        let lapped = sound::lapped(engine.config());
        let (cells, effort) = (sound::cells(engine.config())?, encoder.options.effort);
        let rate = effort.searches().then(|| RateSource::load(engine.weights.tensors(), engine.config()));
        Ok(Self { lapped, cells, effort, rate: rate.transpose()?, engine })
    }

    /// A header without level and length.
    pub(super) fn header(
        &self,
        sample_rate: u32,
        format: SampleFormat,
        channels: usize,
        low_delay: bool,
    ) -> AudioHeader {
        let length = if low_delay { sound::short_segment_frames } else { sound::segment_frames };
        AudioHeader {
            level: 0,
            lossless: false,
            format,
            sample_rate,
            channels: channels as u32,
            segment_frames: length(sample_rate, self.engine.config()),
            weights: self.engine.weights.id,
        }
    }

    /// Envelope and y at `count` positions, for `frames` of samples. The samples begin with the block before the
    /// segment, unless the sound `starts` with it, and may end early: what is missing is silence.
    pub(super) fn analyse(
        &self,
        channels: &[&[f32]],
        starts: bool,
        count: usize,
        frames: u64,
    ) -> Result<Segment, Error> {
        let hop = self.lapped.hop();
        let groups = sound::groups(channels.len()).into_iter().map(|group| {
            let padded = |samples: &&[f32]| {
                let mut padded = vec![0.0; if starts { hop } else { 0 }];
                padded.extend_from_slice(samples);
                padded.resize((count + 1) * hop, 0.0);
                padded
            };
            let channels: Vec<Vec<f32>> = channels[group].iter().map(padded).collect();
            let signals = sound::to_mid_side(&channels);
            let codes = sound::choose_spans(&signals, count, &self.lapped, &self.cells);
            let layout = self.cells.spans().layout(&codes, count);
            let mut packets = sound::frames(&signals, &self.lapped, &layout);
            let z = self.cells.measure(&packets, &codes);
            let shape = self.cells.shape(&z, count);
            packets.data_mut().iter_mut().zip(shape.data()).for_each(|(v, s)| *v /= s);
            Ok((z, self.engine.analysis(packets)?))
        });
        Ok(Segment { groups: groups.collect::<Result<_, Error>>()?, frames })
    }

    /// Quantizes and codes a segment at a level.
    pub(super) fn code(&self, segment: &Segment, level: Level) -> Result<CodedSegment, Error> {
        let (weights, groups, frames) = (&self.engine.weights, &segment.groups, segment.frames);
        if groups.iter().all(|(z, _)| z.data().iter().all(|&level| level == 0)) {
            let zeros = |(_, y): &(Symbols, Tensor)| Latents::zeros(&weights.config, 1, y.positions());
            let latents = groups.iter().map(zeros).collect();
            return Ok(CodedSegment { payload: Vec::new(), latents, frames, estimated_bits: 0.0 });
        }
        let gains = weights.encode_gains(level);
        let mut companded = Vec::new();
        let mut quantized = |(z, y): &(Symbols, Tensor)| {
            let mut latents = Latents { z: z.clone(), ..Latents::zeros(&weights.config, 1, y.positions()) };
            companded.resize(y.data().len(), 0.0);
            gains.quantize(y.data(), latents.y.data_mut(), &mut companded);
            latents
        };
        let mut latents: Vec<Latents> = groups.iter().map(&mut quantized).collect();
        let mut estimated_bits = 0.0;
        if let Some(rate) = &self.rate {
            estimated_bits = STREAM_BITS;
            let rate = rate.prepare(level, &weights.config);
            for (latents, (_, y)) in latents.iter_mut().zip(groups) {
                let y = gains.scale(y);
                estimated_bits += effort::sound::refine(&y, latents, level, self.effort, weights, &rate)?;
            }
        }
        let payload = code_window(&mut latents, level, weights)?;
        Ok(CodedSegment { payload, latents, frames, estimated_bits })
    }
}
