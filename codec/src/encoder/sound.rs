//! Sound → file. Each step has its mirror in `decoder/sound.rs`.

use super::search::STREAM_BITS;
use super::{Encoded, Encoder, Model, code_window};
use crate::effort::{self, Effort};
use crate::envelope::Cells;
use crate::error::Error;
use crate::lapped::Lapped;
use crate::latent::{Gains, Latents};
use crate::network::{Kind, Tensor};
use crate::prior::Symbols;
use crate::quality::Level;
use crate::signal::{Audio, Metadata, SampleFormat};
use crate::{decoder, sound};
use wavern_bitstream::{AudioHeader, SampleFormat as FileFormat};

/// What every segment is analysed with.
pub(super) struct Analyser {
    pub(super) model: Model,
    pub(super) lapped: Lapped,
    cells: Cells,
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

impl Encoder {
    pub(super) fn audio(&self, audio: &Audio) -> Result<Encoded<Audio>, Error> {
        let (rate, format, channels) = (audio.sample_rate(), audio.format(), audio.channels());
        let mut writer = self.sound(rate, format, channels.len(), audio.metadata(), Vec::new())?;
        writer.kept = Some(Vec::new());
        let piece = writer.header.segment_frames as usize * rayon::current_num_threads();
        for start in (0..audio.frames()).step_by(piece) {
            let end = audio.frames().min(start + piece);
            writer.write(channels.iter().map(|channel| channel[start..end].to_vec()).collect())?;
        }
        writer.end(&Metadata::default())?;

        let kept = writer.kept.take().unwrap_or_default();
        let (model, header) = (&writer.analyser.model, writer.header);
        let reconstruction = if self.options.reconstruct {
            let frames = audio.frames();
            let restored =
                decoder::restore_audio(&header, frames, &kept, &model.weights, &*model.transforms)?;
            Some(restored.with_metadata(audio.metadata().clone()))
        } else {
            None
        };
        let segments: Vec<Vec<Latents>> = kept.into_iter().map(|(_, latents)| latents).collect();
        let latents = decoder::joined(&header, &segments, &model.weights.config);
        let (level, search) = (Level(header.level), writer.search);
        Ok(Encoded { bytes: writer.out, reconstruction, level, latents, search })
    }
}

impl Analyser {
    pub(super) fn new(encoder: &Encoder) -> Result<Self, Error> {
        let model = Model::choose(&encoder.options, Kind::Audio)?;
        let lapped = Lapped::new(1 << model.weights.config.packet_levels);
        Ok(Self { lapped, cells: sound::cells(&model.weights.config)?, model })
    }

    /// A header without level and length.
    pub(super) fn header(&self, sample_rate: u32, format: SampleFormat, channels: usize) -> AudioHeader {
        AudioHeader {
            level: 0,
            format: file_format(format),
            sample_rate,
            channels: channels as u32,
            segment_frames: sound::segment_frames(sample_rate, &self.model.weights.config),
            weights: self.model.weights.id,
        }
    }

    /// Envelope and y at `count` positions, for `frames` of samples. The samples begin with the block before the segment, unless
    /// the sound `starts` with it, and may end early: what is missing is silence.
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
            let mut packets = sound::frames(&sound::to_mid_side(&channels), &self.lapped);
            let z = self.cells.measure(&packets);
            let shape = self.cells.shape(&z, count);
            packets.data_mut().iter_mut().zip(shape.data()).for_each(|(v, s)| *v /= s);
            Ok((z, self.model.transforms.analysis(packets)?))
        });
        Ok(Segment { groups: groups.collect::<Result<_, Error>>()?, frames })
    }
}

impl Segment {
    /// Quantizes and codes the segment at a level.
    pub(super) fn code(&self, level: Level, model: &Model, effort: Effort) -> Result<CodedSegment, Error> {
        let (weights, frames) = (&model.weights, self.frames);
        if self.groups.iter().all(|(z, _)| z.data().iter().all(|&level| level == 0)) {
            let zeros = |(_, y): &(Symbols, Tensor)| Latents::zeros(&weights.config, 1, y.positions());
            let latents = self.groups.iter().map(zeros).collect();
            return Ok(CodedSegment { payload: Vec::new(), latents, frames, estimated_bits: 0.0 });
        }
        let gains = Gains::encode(weights, level);
        let mut companded = Vec::new();
        let mut quantized = |(z, y): &(Symbols, Tensor)| {
            let mut latents = Latents { z: z.clone(), ..Latents::zeros(&weights.config, 1, y.positions()) };
            companded.resize(y.data().len(), 0.0);
            gains.quantize(y.data(), latents.y.data_mut(), &mut companded);
            latents
        };
        let mut latents: Vec<Latents> = self.groups.iter().map(&mut quantized).collect();
        let mut estimated_bits = 0.0;
        if effort.searches() {
            estimated_bits = STREAM_BITS;
            let rate = weights.rate()?.prepare(level, &weights.config);
            for (latents, (_, y)) in latents.iter_mut().zip(&self.groups) {
                let y = gains.scale(y);
                estimated_bits += effort::sound::refine(&y, latents, level, effort, weights, &rate)?;
            }
        }
        let payload = code_window(&mut latents, level, weights)?;
        Ok(CodedSegment { payload, latents, frames, estimated_bits })
    }
}

fn file_format(format: SampleFormat) -> FileFormat {
    match format {
        SampleFormat::U8 => FileFormat::U8,
        SampleFormat::I16 => FileFormat::I16,
        SampleFormat::I24 => FileFormat::I24,
        SampleFormat::I32 => FileFormat::I32,
        SampleFormat::F32 => FileFormat::F32,
        SampleFormat::F64 => FileFormat::F64,
    }
}
