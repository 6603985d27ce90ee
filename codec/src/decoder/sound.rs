//! File → sound. Each step has its mirror in `encoder/sound.rs`.

use super::{Decoder, Place, decode_window, level, metadata_of};
use crate::envelope::SIGNALS;
use crate::error::Error;
use crate::lapped::Lapped;
use crate::latent::{self, Gains, Latents};
use crate::network::{ModelConfig, Tensor};
use crate::quality::Level;
use crate::signal::{Audio, Metadata, SampleFormat};
use crate::sound;
use crate::transforms::{self, Transforms};
use crate::weights::Weights;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;
use wavern_bitstream::{AudioHeader, Container, Header, SampleFormat as FileFormat};

impl Decoder {
    /// Opens a sound to be decoded piece by piece.
    ///
    /// With `partial`, a damaged segment becomes silence, see [`SoundReader::gaps`], and a file that was cut ends with its
    /// last whole segment. Without, damage is an error.
    ///
    /// # Errors
    /// [`Error`] if header or tables are damaged or beyond a limit, if the file is a picture, or needs other weights.
    pub fn sound<'a>(&'a self, bytes: &'a [u8], partial: bool) -> Result<SoundReader<'a>, Error> {
        let limits = &self.options.limits;
        let container = match partial {
            true => Container::parse_damaged(bytes, limits)?,
            false => Container::parse(bytes, limits)?,
        };
        SoundReader::new(self, container, partial)
    }
}

/// A sound on its way out of a file, see [`Decoder::sound`].
pub struct SoundReader<'a> {
    decoder: &'a Decoder,
    container: Container<'a>,
    header: AudioHeader,
    weights: Arc<Weights>,
    transforms: Arc<dyn Transforms>,
    partial: bool,
    /// The next segment, and the one after the last that can be decoded.
    next: usize,
    end: usize,
    /// Frames of samples that the next piece does not give although it has them.
    skip: usize,
    overlap: Overlap,
    gaps: Vec<usize>,
}

impl<'a> SoundReader<'a> {
    pub(super) fn new(decoder: &'a Decoder, container: Container<'a>, partial: bool) -> Result<Self, Error> {
        let Header::Audio(header) = *container.header() else {
            let expected = "a sound".into();
            return Err(Error::Field { field: "kind of file (0 a picture)", value: 0, expected });
        };
        let weights = decoder.weights(container.header())?;
        level(container.header(), &weights.config)?;
        sound::check_segments(&header, &weights.config)?;
        let transforms = transforms::engine(&weights, decoder.options.transforms.as_ref());
        let count = header.segment_count() as usize;
        let end = match partial {
            true => (0..count).rev().find(|&index| container.tile(index).is_ok()).map_or(0, |last| last + 1),
            false => count,
        };
        let overlap = Overlap::new(&header, &weights.config);
        // The first block lies before the sound.
        let skip = overlap.lapped.hop();
        Ok(Self {
            decoder,
            container,
            header,
            weights,
            transforms,
            partial,
            next: 0,
            end,
            skip,
            overlap,
            gaps: Vec::new(),
        })
    }

    /// Sample rate, channels, format and so on.
    pub fn header(&self) -> &AudioHeader {
        &self.header
    }

    /// What travels beside the samples.
    pub fn metadata(&self) -> Metadata {
        metadata_of(&self.container)
    }

    /// Frames of the sound, as far as it can be decoded: what is cut off takes the block before it along, which it would
    /// have finished.
    pub fn frames(&self) -> u64 {
        if self.end as u64 == self.header.segment_count() {
            return self.header.frames;
        }
        let end = self.header.segment_frames.saturating_mul(self.end as u64);
        end.saturating_sub(self.overlap.lapped.hop() as u64)
    }

    /// Goes on at a frame: the next piece begins with it. Only segments from there on are decoded.
    pub fn seek(&mut self, frame: u64) {
        let frame = frame.min(self.frames());
        self.next = (frame / self.header.segment_frames) as usize;
        let within = (frame % self.header.segment_frames) as usize;
        self.overlap = Overlap::new(&self.header, &self.weights.config);
        // What a segment gives begins with the end of the block before it.
        self.skip = self.overlap.lapped.hop() + within;
    }

    /// Segments that were damaged and became silence, as far as they have been decoded, in order.
    pub fn gaps(&self) -> &[usize] {
        &self.gaps
    }

    /// The next samples, `[channels][frames]`; none after the last ones. A piece comes from as many segments as there are
    /// threads.
    ///
    /// # Errors
    /// [`Error`] if a segment is damaged, unless the sound was opened as partial, or the engine fails.
    pub fn read(&mut self) -> Result<Option<Vec<Vec<f32>>>, Error> {
        if self.next >= self.end {
            return Ok(None);
        }
        let decoder = self.decoder;
        decoder.pool.run(|| self.piece()).map(Some)
    }

    fn piece(&mut self) -> Result<Vec<Vec<f32>>, Error> {
        let batch = self.next..self.end.min(self.next + rayon::current_num_threads());
        let hop = self.overlap.lapped.hop();
        let coded: Vec<Result<Vec<Tensor>, Error>> =
            batch.clone().into_par_iter().map(|i| self.packets(i)).collect();
        let mut channels = vec![Vec::new(); self.header.channels as usize];
        for (index, packets) in batch.clone().zip(coded) {
            let packets = match packets {
                Ok(packets) => packets,
                Err(error) if !self.partial => return Err(error),
                Err(_) => {
                    self.gaps.push(index);
                    let [_, count] = sound::latent_window(&self.header, index, &self.weights.config);
                    let groups = sound::groups(channels.len()).len();
                    vec![Tensor::zeros([1, count, SIGNALS * hop]); groups]
                }
            };
            self.overlap.add(&packets, &mut channels);
        }
        // The first piece begins before what was asked for, the last one ends after the sound.
        let first = (batch.start as u64 * self.header.segment_frames) as i64 - hop as i64;
        let end = (self.frames() as i64 - first).max(0) as usize;
        for channel in &mut channels {
            channel.truncate(end);
            channel.drain(..self.skip.min(channel.len()));
        }
        self.skip = 0;
        self.next = batch.end;
        Ok(channels)
    }

    /// Packets of every group of a segment.
    fn packets(&self, index: usize) -> Result<Vec<Tensor>, Error> {
        let level = Level(self.header.level);
        let latents = segment(&self.container, &self.header, index, &self.weights)?;
        latents.iter().map(|part| packets(part, index, level, &self.weights, &*self.transforms)).collect()
    }
}

/// Segments after each other: the last block of one is finished by the first frame of the next.
struct Overlap {
    lapped: Lapped,
    groups: Vec<Range<usize>>,
    /// The block of each group that waits for its second frame.
    begun: Vec<[Vec<f32>; SIGNALS]>,
}

impl Overlap {
    fn new(header: &AudioHeader, config: &ModelConfig) -> Self {
        let lapped = Lapped::new(1 << config.packet_levels);
        let groups = sound::groups(header.channels as usize);
        let silence = || std::array::from_fn(|_| vec![0.0; lapped.hop()]);
        Self { begun: groups.iter().map(|_| silence()).collect(), groups, lapped }
    }

    /// Appends to `channels` the blocks that the packets of the next segment finish: from the one before the segment to its
    /// last but one.
    fn add(&mut self, packets: &[Tensor], channels: &mut [Vec<f32>]) {
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
pub fn decode(decoder: &Decoder, container: Container<'_>) -> Result<Audio, Error> {
    let mut reader = SoundReader::new(decoder, container, false)?;
    let header = *reader.header();
    let mut channels: Vec<Vec<f32>> = vec![Vec::new(); header.channels as usize];
    while let Some(piece) = reader.read()? {
        channels.iter_mut().zip(piece).for_each(|(channel, samples)| channel.extend(samples));
    }
    let audio = Audio::new(header.sample_rate, sample_format(header.format), channels)?;
    Ok(audio.with_metadata(reader.metadata()))
}

/// ŷ and ẑ of the whole sound, one entry for each group of channels.
pub fn latents(
    container: &Container<'_>,
    header: &AudioHeader,
    weights: &Weights,
) -> Result<Vec<Latents>, Error> {
    Ok(joined(header, &segments(container, header, weights)?, &weights.config))
}

/// ŷ and ẑ of every segment, one entry for each group of channels.
fn segments(
    container: &Container<'_>,
    header: &AudioHeader,
    weights: &Weights,
) -> Result<Vec<Vec<Latents>>, Error> {
    level(&Header::Audio(*header), &weights.config)?;
    sound::check_segments(header, &weights.config)?;
    let count = header.segment_count() as usize;
    (0..count).into_par_iter().map(|index| segment(container, header, index, weights)).collect()
}

/// ŷ and ẑ of a segment of a sound whose header has been checked, one entry for each group of channels.
fn segment(
    container: &Container<'_>,
    header: &AudioHeader,
    index: usize,
    weights: &Weights,
) -> Result<Vec<Latents>, Error> {
    let [first, count] = sound::latent_window(header, index, &weights.config);
    let groups = sound::groups(header.channels as usize).len();
    let payload = container.tile(index)?;
    if payload.is_empty() {
        return Ok((0..groups).map(|_| Latents::zeros(&weights.config, 1, count)).collect());
    }
    let place = Place { unit: "segment", index };
    decode_window(payload, place, [0, first, 1, count], Level(header.level), weights, groups)
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

/// Latents of every segment → sound, without metadata.
///
/// # Errors
/// Those of the backend.
pub fn restore_audio(
    header: &AudioHeader,
    segments: &[Vec<Latents>],
    weights: &Weights,
    transforms: &dyn Transforms,
) -> Result<Audio, Error> {
    let level = Level(header.level);
    let mut overlap = Overlap::new(header, &weights.config);
    let restored: Vec<Vec<Tensor>> = segments
        .par_iter()
        .enumerate()
        .map(|(index, parts)| {
            parts.iter().map(|part| packets(part, index, level, weights, transforms)).collect()
        })
        .collect::<Result<_, Error>>()?;
    let mut channels = vec![Vec::new(); header.channels as usize];
    restored.iter().for_each(|packets| overlap.add(packets, &mut channels));
    for channel in &mut channels {
        channel.drain(..overlap.lapped.hop().min(channel.len()));
        channel.truncate(header.frames as usize);
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
fn packets(
    latents: &Latents,
    index: usize,
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
