//! File → sound. Each step has its mirror in `encoder/sound.rs`.

use super::payload::{Unit, check_window, decode_window, level};
use super::{Decoder, SoundDamage};
use crate::array::Window;
use crate::error::Error;
use crate::latent::Latents;
use crate::quality::Level;
use crate::signal::Audio;
use crate::sound::{self, joined, lossless};
use crate::weights::Weights;
use rayon::prelude::*;
use std::ops::Range;
use wavern_bitstream::{AudioHeader, Container, Segment};

/// The whole sound.
pub fn decode(decoder: &Decoder, bytes: &[u8]) -> Result<Audio, Error> {
    let mut reader = decoder.sound_reader(bytes)?;
    let header = *reader.header();
    let mut channels: Vec<Vec<f32>> = vec![Vec::new(); header.channels as usize];
    while let Some(piece) = reader.read()? {
        channels.iter_mut().zip(piece).for_each(|(channel, samples)| channel.extend(samples));
    }
    let audio = Audio::new(header.sample_rate, header.format, channels)?;
    Ok(audio.with_metadata(reader.metadata().clone()))
}

/// What is wrong with the segments of a sound.
pub fn verify(decoder: &Decoder, bytes: &[u8]) -> Result<SoundDamage, Error> {
    let mut reader = decoder.sound_reader_partial(bytes)?;
    let mut decoded = 0;
    while let Some(samples) = reader.read()? {
        decoded += samples[0].len() as u64;
    }
    let segment_count = reader.header().segment_count(reader.frames().unwrap_or(decoded));
    Ok(SoundDamage { segments: reader.gaps().to_vec(), segment_count, faults: reader.into_damage() })
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

/// ŷ and ẑ of some frames, one entry for each group of channels.
pub fn latents_window(
    container: &Container<'_>,
    header: &AudioHeader,
    weights: &Weights,
    window: Window,
) -> Result<Vec<Latents>, Error> {
    let config = &weights.config;
    sound::check_segments(header, config)?;
    let segments = container.segments();
    let lengths = segments.iter().map(|segment| sound::positions(header, segment.last, config));
    let columns = sound::places(lengths, config);
    check_window(window, [1, columns.last().map_or(0, |columns| columns.end)])?;
    let place =
        |columns: Range<usize>| Window { row: 0, column: columns.start, rows: 1, columns: columns.len() };
    let mut places: Vec<_> = segments.iter().zip(columns.into_iter().map(place)).collect();
    places.retain(|(_, place)| place.intersection(window).is_some());
    let decoded = places.par_iter().map(|(part, _)| Ok(segment(part, header, weights)?.1));
    let decoded = decoded.collect::<Result<Vec<Vec<Latents>>, Error>>()?;
    let group = |index: usize| {
        let parts = places.iter().zip(&decoded).map(|((_, place), groups)| (*place, &groups[index]));
        Latents::of_parts(config, window, parts)
    };
    Ok((0..sound::groups(header.channels as usize).len()).map(group).collect())
}

/// The samples of a segment without loss.
pub(super) fn exact_segment(
    level: u16,
    payload: &[u8],
    index: u64,
    frames: usize,
    header: &AudioHeader,
) -> Result<Vec<Vec<f64>>, Error> {
    if level != 0 {
        return Err(Error::Field {
            field: "level without loss",
            value: level.into(),
            expected: "0".to_owned(),
        });
    }
    let (unit, index) = ("segment", usize::try_from(index).unwrap_or(usize::MAX));
    let decoded = lossless::decode(payload, header.format, header.channels as usize, frames);
    let (samples, [computed, stored]) = decoded.map_err(|source| Error::Payload { unit, index, source })?;
    if computed != stored {
        return Err(Error::Symbols { unit, index, stored, computed });
    }
    Ok(samples)
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
    let unit = Unit::segment(segment.index);
    Ok((level, decode_window(segment.payload, unit, parts, level, weights)?))
}
