//! Latents of segments → samples.

use super::frames::{Packets, cells, from_mid_side, groups, lapped, overlap_add, places};
use crate::config::ModelConfig;
use crate::engine::Engine;
use crate::envelope::SIGNALS;
use crate::error::Error;
use crate::lapped::Lapped;
use crate::latent::Latents;
use crate::quality::Level;
use crate::signal::Audio;
use rayon::prelude::*;
use std::ops::Range;
use wavern_bitstream::AudioHeader;

/// Segments after each other: the last block of one is finished by the first frame of the next.
pub(crate) struct Overlap {
    pub(crate) lapped: Lapped,
    groups: Vec<Range<usize>>,
    /// The block of each group that waits for its second frame.
    begun: Vec<[Vec<f32>; SIGNALS]>,
}

impl Overlap {
    pub(crate) fn new(header: &AudioHeader, config: &ModelConfig) -> Self {
        let lapped = lapped(config);
        let groups = groups(header.channels as usize);
        let silence = || std::array::from_fn(|_| vec![0.0; lapped.hop()]);
        Self { begun: groups.iter().map(|_| silence()).collect(), groups, lapped }
    }

    /// Appends to `channels` the blocks that the packets of the next segment finish: from the one before the segment to
    /// its last but one.
    pub(crate) fn add(&mut self, packets: &[Packets], channels: &mut [Vec<f32>]) {
        for ((packets, range), begun) in packets.iter().zip(&self.groups).zip(&mut self.begun) {
            let finished = packets.layout.iter().sum::<usize>() * self.lapped.hop();
            let mut signals = std::mem::take(begun);
            signals.iter_mut().for_each(|signal| signal.resize(finished + self.lapped.hop(), 0.0));
            overlap_add(packets, &self.lapped, &mut signals);
            for (signal, begun) in signals.iter_mut().zip(begun.iter_mut()) {
                *begun = signal.split_off(finished);
            }
            for (channel, samples) in
                channels[range.clone()].iter_mut().zip(from_mid_side(&signals, range.len()))
            {
                channel.extend(samples);
            }
        }
    }
}

/// Latents of a segment of one group → packets.
///
/// # Errors
/// [`Error::Backend`] if the engine fails.
pub(crate) fn packets(
    latents: &Latents,
    index: u64,
    level: Level,
    engine: &Engine,
) -> Result<Packets, Error> {
    let cells = cells(engine.config())?;
    let gains = engine.weights.decode_gains(level);
    let mut values = engine.synthesis(gains.dequantize_all(latents), level)?;
    let frames = values.positions();
    let shape = cells.shape(&latents.z, frames);
    values.data_mut().iter_mut().zip(shape.data()).for_each(|(v, s)| *v *= s);
    let half_steps: Vec<f32> = gains.factors().iter().map(|step| step / 2.0).collect();
    cells.fill([&latents.y, &latents.z], &shape, &half_steps, index as u32, &mut values);
    let layout = cells.spans().layout(&cells.spans().codes(&latents.z, frames), frames);
    Ok(Packets { values, layout })
}

/// The latents of segments put together, one entry for each group of channels. A position of ẑ that a segment begins
/// and does not fill keeps its place, and the columns of ŷ that are missing in it are 0.
pub(crate) fn joined(header: &AudioHeader, segments: &[Vec<Latents>], config: &ModelConfig) -> Vec<Latents> {
    (0..groups(header.channels as usize).len())
        .map(|group| {
            let parts = || segments.iter().map(|segment| &segment[group]);
            let places = places(parts().map(|part| part.y.shape()[1]), config);
            let mut whole = Latents::zeros(config, 1, places.last().map_or(0, |place| place.end));
            for (part, place) in parts().zip(places) {
                whole.set_window([0, place.start], config.hyper_stride(), part);
            }
            whole
        })
        .collect()
}

/// Level and latents of every segment → sound of this many frames, without metadata.
///
/// # Errors
/// [`Error::Backend`] if the engine fails.
pub(crate) fn restore_audio(
    header: &AudioHeader,
    frames: usize,
    segments: &[(Level, Vec<Latents>)],
    engine: &Engine,
) -> Result<Audio, Error> {
    let mut overlap = Overlap::new(header, engine.config());
    let restored: Vec<Vec<Packets>> = segments
        .par_iter()
        .enumerate()
        .map(|(index, (level, parts))| {
            parts.iter().map(|part| packets(part, index as u64, *level, engine)).collect()
        })
        .collect::<Result<_, Error>>()?;
    let mut channels = vec![Vec::new(); header.channels as usize];
    restored.iter().for_each(|packets| overlap.add(packets, &mut channels));
    for channel in &mut channels {
        channel.drain(..overlap.lapped.hop().min(channel.len()));
        channel.truncate(frames);
    }
    Ok(Audio::new(header.sample_rate, header.format, channels)?)
}
