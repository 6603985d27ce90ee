//! File → sound. Each step has its mirror in `encoder/sound.rs`.

use super::{Layout, metadata_of, read_latents};
use crate::error::Error;
use crate::latent::{self, Latents};
use crate::quality::Level;
use crate::signal::{Audio, SampleFormat};
use crate::sound;
use crate::transforms::Transforms;
use crate::weights::Weights;
use wavern_bitstream::{AudioHeader, Container, SampleFormat as FileFormat};

/// The whole sound.
pub fn decode(
    container: &Container<'_>,
    header: &AudioHeader,
    weights: &Weights,
    transforms: &dyn Transforms,
) -> Result<Audio, Error> {
    let latents = latents(container, header, weights)?;
    Ok(restore_audio(header, &latents, weights, transforms)?.with_metadata(metadata_of(container)))
}

/// ŷ and ẑ of the whole sound, one entry for each group of channels.
pub fn latents(
    container: &Container<'_>,
    header: &AudioHeader,
    weights: &Weights,
) -> Result<Vec<Latents>, Error> {
    let config = &weights.config;
    sound::check_segments(header, config)?;
    let windows: Vec<[usize; 4]> = (0..header.segment_count() as usize)
        .map(|index| sound::latent_window(header, index, config))
        .map(|[first, count]| [0, first, 1, count])
        .collect();
    let size = [1, (header.frames as usize).div_ceil(config.signal_stride()[1])];
    let groups = sound::groups(header.channels as usize).len();
    read_latents(container, &Layout { unit: "segment", windows, size, groups }, weights)
}

/// ŷ and residuals of every group of channels → sound, without metadata.
///
/// # Errors
/// Those of the backend.
pub fn restore_audio(
    header: &AudioHeader,
    groups: &[Latents],
    weights: &Weights,
    transforms: &dyn Transforms,
) -> Result<Audio, Error> {
    let level = Level(header.level);
    let mut channels = Vec::new();
    for (range, latents) in sound::groups(header.channels as usize).iter().zip(groups) {
        let packets = transforms.synthesis(latent::dequantize(latents, level, weights), level)?;
        channels.extend(sound::from_packets(&packets, range.len(), header.frames as usize, &weights.config));
    }
    let format = match header.format {
        FileFormat::U8 => SampleFormat::U8,
        FileFormat::I16 => SampleFormat::I16,
        FileFormat::I24 => SampleFormat::I24,
        FileFormat::I32 => SampleFormat::I32,
        FileFormat::F32 => SampleFormat::F32,
        FileFormat::F64 => SampleFormat::F64,
    };
    Ok(Audio::new(header.sample_rate, format, channels)?)
}
