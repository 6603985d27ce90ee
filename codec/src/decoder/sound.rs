//! File → sound. Each step has its mirror in `encoder/sound.rs`.

use super::{Decoder, Place, decode_window, level};
use crate::envelope::SIGNALS;
use crate::error::Error;
use crate::lapped::Lapped;
use crate::latent::{self, Gains, Latents};
use crate::network::{ModelConfig, Tensor};
use crate::quality::Level;
use crate::signal::{Audio, SampleFormat};
use crate::sound;
use crate::transforms::Transforms;
use crate::weights::Weights;
use rayon::prelude::*;
use std::ops::Range;
use wavern_bitstream::{AudioHeader, Container, SampleFormat as FileFormat, Segment};

/// Segments after each other: the last block of one is finished by the first frame of the next.
pub(super) struct Overlap {
    pub(super) lapped: Lapped,
    groups: Vec<Range<usize>>,
    /// The block of each group that waits for its second frame.
    begun: Vec<[Vec<f32>; SIGNALS]>,
}

impl Overlap {
    pub(super) fn new(header: &AudioHeader, config: &ModelConfig) -> Self {
        let lapped = Lapped::new(1 << config.packet_levels);
        let groups = sound::groups(header.channels as usize);
        let silence = || std::array::from_fn(|_| vec![0.0; lapped.hop()]);
        Self { begun: groups.iter().map(|_| silence()).collect(), groups, lapped }
    }

    /// Appends to `channels` the blocks that the packets of the next segment finish: from the one before the segment to its
    /// last but one.
    pub(super) fn add(&mut self, packets: &[Tensor], channels: &mut [Vec<f32>]) {
        for ((packets, range), begun) in packets.iter().zip(&self.groups).zip(&mut self.begun) {
            let finished = packets.positions() * self.lapped.hop();
            let mut signals = std::mem::take(begun);
            signals.iter_mut().for_each(|signal| signal.resize(finished + self.lapped.hop(), 0.0));
            sound::overlap_add(packets, &self.lapped, &mut signals);
            for (signal, begun) in signals.iter_mut().zip(begun.iter_mut()) {
                *begun = signal.split_off(finished);
            }
            for (channel, samples) in
                channels[range.clone()].iter_mut().zip(sound::from_mid_side(&signals, range.len()))
            {
                channel.extend(samples);
            }
        }
    }
}

/// The whole sound.
pub fn decode(decoder: &Decoder, bytes: &[u8]) -> Result<Audio, Error> {
    let mut reader = decoder.sound(bytes, false)?;
    let header = *reader.header();
    let mut channels: Vec<Vec<f32>> = vec![Vec::new(); header.channels as usize];
    while let Some(piece) = reader.read()? {
        channels.iter_mut().zip(piece).for_each(|(channel, samples)| channel.extend(samples));
    }
    let audio = Audio::new(header.sample_rate, sample_format(header.format), channels)?;
    Ok(audio.with_metadata(reader.metadata().clone()))
}

/// ŷ and ẑ of the whole sound, one entry for each group of channels.
pub fn latents(
    container: &Container<'_>,
    header: &AudioHeader,
    weights: &Weights,
) -> Result<Vec<Latents>, Error> {
    sound::check_segments(header, &weights.config)?;
    let segments = container.segments().par_iter();
    let segments = segments.map(|part| Ok(segment(part, header, weights)?.1));
    Ok(joined(header, &segments.collect::<Result<Vec<_>, Error>>()?, &weights.config))
}

/// Level, ŷ and ẑ of a segment of a sound whose header has been checked, one entry for each group of channels.
pub(super) fn segment(
    segment: &Segment<'_>,
    header: &AudioHeader,
    weights: &Weights,
) -> Result<(Level, Vec<Latents>), Error> {
    let level = level(segment.level, &weights.config)?;
    let count = sound::positions(header, segment.last, &weights.config);
    let groups = sound::groups(header.channels as usize).len();
    let parts = (0..groups).map(|_| Latents::zeros(&weights.config, 1, count)).collect();
    if segment.payload.is_empty() {
        return Ok((level, parts));
    }
    let place = Place { unit: "segment", index: usize::try_from(segment.index).unwrap_or(usize::MAX) };
    Ok((level, decode_window(segment.payload, place, parts, level, weights)?))
}

/// The latents of segments put together, one entry for each group of channels. Positions of ẑ that a last segment begins
/// and does not fill keep their place.
pub fn joined(header: &AudioHeader, segments: &[Vec<Latents>], config: &ModelConfig) -> Vec<Latents> {
    (0..sound::groups(header.channels as usize).len())
        .map(|group| {
            let parts = || segments.iter().map(|segment| &segment[group]);
            let columns = parts().map(|part| part.y.shape()[1]).sum();
            let mut whole = Latents::zeros(config, 1, columns);
            let mut first = 0;
            for part in parts() {
                whole.set_window([0, first], config.hyper_stride(), part);
                first += part.y.shape()[1];
            }
            whole
        })
        .collect()
}

/// Level and latents of every segment → sound of so many frames, without metadata.
///
/// # Errors
/// Those of the backend.
pub fn restore_audio(
    header: &AudioHeader,
    frames: usize,
    segments: &[(Level, Vec<Latents>)],
    weights: &Weights,
    transforms: &dyn Transforms,
) -> Result<Audio, Error> {
    let mut overlap = Overlap::new(header, &weights.config);
    let restored: Vec<Vec<Tensor>> = segments
        .par_iter()
        .enumerate()
        .map(|(index, (level, parts))| {
            parts.iter().map(|part| packets(part, index as u64, *level, weights, transforms)).collect()
        })
        .collect::<Result<_, Error>>()?;
    let mut channels = vec![Vec::new(); header.channels as usize];
    restored.iter().for_each(|packets| overlap.add(packets, &mut channels));
    for channel in &mut channels {
        channel.drain(..overlap.lapped.hop().min(channel.len()));
        channel.truncate(frames);
    }
    Ok(Audio::new(header.sample_rate, sample_format(header.format), channels)?)
}

/// How samples are to be stored.
fn sample_format(format: FileFormat) -> SampleFormat {
    match format {
        FileFormat::U8 => SampleFormat::U8,
        FileFormat::I16 => SampleFormat::I16,
        FileFormat::I24 => SampleFormat::I24,
        FileFormat::I32 => SampleFormat::I32,
        FileFormat::F32 => SampleFormat::F32,
        FileFormat::F64 => SampleFormat::F64,
    }
}

/// Latents of a segment of one group → packets.
pub(super) fn packets(
    latents: &Latents,
    index: u64,
    level: Level,
    weights: &Weights,
    transforms: &dyn Transforms,
) -> Result<Tensor, Error> {
    let cells = sound::cells(&weights.config)?;
    let mut packets = transforms.synthesis(latent::dequantize(latents, level, weights), level)?;
    let shape = cells.shape(&latents.z, packets.positions());
    packets.data_mut().iter_mut().zip(shape.data()).for_each(|(v, s)| *v *= s);
    let half_steps: Vec<f32> =
        Gains::decode(weights, level).factors().iter().map(|step| step / 2.0).collect();
    cells.fill(latents, &shape, &half_steps, index as u32, &mut packets);
    Ok(packets)
}
