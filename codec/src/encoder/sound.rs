//! Sound → file. Each step has its mirror in `decoder/sound.rs`.

use super::{Encoded, Encoder, Model, code_windows, with_metadata};
use crate::error::Error;
use crate::latent::{self, Latents};
use crate::network::{Kind, Tensor};
use crate::quality::Level;
use crate::signal::{Audio, SampleFormat};
use crate::{decoder, sound};
use wavern_bitstream::{AudioHeader, ContainerBuilder, Header, SampleFormat as FileFormat};

impl Encoder {
    pub(super) fn audio(&self, audio: &Audio) -> Result<Encoded<Audio>, Error> {
        let model = Model::choose(&self.options, Kind::Audio)?;
        let weights = &*model.weights;
        let groups = sound::groups(audio.channels().len());
        let analysed: Vec<Tensor> = groups
            .iter()
            .map(|group| {
                model
                    .transforms
                    .analysis(sound::to_packets(&audio.channels()[group.clone()], &weights.config))
            })
            .collect::<Result<_, _>>()?;
        let anchors = weights.config.lambdas.len();
        let attempt = |level: Level| self.audio_at(audio, &analysed, level, &model);
        let (bytes, latents, header) = match self.options.bitrate {
            Some(bitrate) if audio.frames() > 0 => {
                let budget = (f64::from(bitrate) / 8.0 * audio.seconds()) as usize;
                largest_that_fits(Level::top(anchors), budget, attempt)?
            }
            _ => attempt(self.options.quality.level(anchors))?,
        };
        let reconstruction = if self.options.reconstruct {
            let restored = decoder::restore_audio(&header, &latents, weights, &*model.transforms)?;
            Some(restored.with_metadata(audio.metadata().clone()))
        } else {
            None
        };
        Ok(Encoded { bytes, reconstruction, level: Level(header.level), latents })
    }

    fn audio_at(
        &self,
        audio: &Audio,
        analysed: &[Tensor],
        level: Level,
        model: &Model,
    ) -> Result<(Vec<u8>, Vec<Latents>, AudioHeader), Error> {
        let weights = &*model.weights;
        let header = AudioHeader {
            level: level.0,
            format: file_format(audio.format()),
            sample_rate: audio.sample_rate(),
            channels: audio.channels().len() as u32,
            frames: audio.frames() as u64,
            segment_frames: sound::segment_frames(audio.sample_rate(), &weights.config),
            weights: weights.id,
        };
        let mut latents: Vec<Latents> = analysed
            .iter()
            .map(|y| latent::quantize(y, level, weights, &*model.transforms))
            .collect::<Result<_, _>>()?;
        let windows: Vec<[usize; 4]> = (0..header.segment_count() as usize)
            .map(|index| sound::latent_window(&header, index, &weights.config))
            .map(|[first, count]| [0, first, 1, count])
            .collect();
        let segments = code_windows(&windows, level, weights, &mut latents)?;
        let builder = with_metadata(ContainerBuilder::new(Header::Audio(header)), audio.metadata());
        Ok((builder.tiles(segments).build(&self.options.limits)?, latents, header))
    }
}

/// The highest level whose file has at most `budget` bytes, by bisection; the lowest level if none has.
fn largest_that_fits<T>(
    top: Level,
    budget: usize,
    attempt: impl Fn(Level) -> Result<(Vec<u8>, T, AudioHeader), Error>,
) -> Result<(Vec<u8>, T, AudioHeader), Error> {
    let (mut low, mut high) = (0, top.0 + 1);
    let mut best = attempt(Level(low))?;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let tried = attempt(Level(middle))?;
        if tried.0.len() <= budget {
            low = middle;
            best = tried;
        } else {
            high = middle;
        }
    }
    Ok(best)
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
