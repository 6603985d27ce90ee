//! Sound without loss: samples of a segment ↔ its payload.
//!
//! [`predictor`] predicts each sample from those before it and from the other channel of a pair, and learns as it goes;
//! [`residual`] codes what is left, with probabilities that adapt. A decoder repeats both, step by step, so all of it
//! is in integers, or in binary64 with one order of operations. [`values`] takes away what samples have in common and
//! leaves out values that do not occur; [`floats`] makes integers of floating-point samples. [`group`] puts it together
//! for one or two channels, and this module for all of a segment. Every file serves both ends, see [`coder`].
//!
//! # References
//! Normalised LMS filters in a row, least squares over both channels in front: as in OptimFROG, MPEG-4 ALS (RLS-LMS)
//! and S. Lehmann's Sac; filters of 16 bits: as in M. Ashland's Monkey's Audio.

mod coder;
mod floats;
mod group;
mod predictor;
mod profile;
mod residual;
mod values;

use coder::{Coder, Counter};
use floats::Split;
use group::BEFORE;
use profile::PROFILES;
use std::ops::{Range, RangeInclusive};
use values::Values;
use wavern_bitstream::SampleFormat;
use wavern_entropy::{Decoder, Encoder, Error};

/// Samples, `[channels][frames]`, full scale at ±1: 64 bits hold those of every format exactly.
pub(crate) type Exact = Vec<Vec<f64>>;

/// The length of a segment: what is learned is lost where one ends, so they are long, but not longer than ten seconds,
/// and short enough for many channels to fit the memory.
pub(crate) fn segment_frames(sample_rate: u32, channels: usize) -> u64 {
    const MOST: u64 = 1 << 18;
    const SAMPLES: u64 = 1 << 21;
    MOST.min(10 * u64::from(sample_rate)).min(SAMPLES / channels.max(1) as u64).max(1)
}

/// How much an encoder tries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    profile: usize,
    /// Which part of the samples decides between two ways: 1/2^part.
    part: u32,
}

impl Trial {
    /// Of an effort, 1 to 9.
    pub(crate) fn of(effort: u8) -> Self {
        match effort {
            ..=1 => Self { profile: 0, part: 4 },
            2..=3 => Self { profile: 0, part: 0 },
            4..=5 => Self { profile: 1, part: 4 },
            6..=7 => Self { profile: 1, part: 0 },
            8.. => Self { profile: 2, part: 2 },
        }
    }
}

/// The payload of a segment of finite samples, at least one frame; empty if it is silent.
pub(crate) fn encode(samples: &[Vec<f64>], format: SampleFormat, trial: Trial) -> Result<Vec<u8>, Error> {
    let zero = |sample: &f64| sample.to_bits() == 0;
    if samples.iter().flatten().all(zero) {
        return Ok(Vec::new());
    }
    let mut encoder = Encoder::new();
    let mut payload = check(samples, format).to_le_bytes().to_vec();
    if !format.is_float() {
        let integers = samples.iter().map(|channel| integers(channel, format)).collect::<Vec<_>>();
        code_groups(&mut encoder, integers, trial, format)?;
        payload.extend(encoder.finish_with_lanes(1)?);
        return Ok(payload);
    }
    let bits = u32::from(format.bits());
    let split = Split::of(samples, bits);
    let integers = |channel: &Vec<f64>| channel.iter().map(|&sample| split.integer(sample)).collect();
    let integers: Vec<Vec<i32>> = samples.iter().map(integers).collect();
    encoder.bits(SPLIT, 1)?;
    Split::describe(&mut encoder, Some(split), bits)?;
    code_groups(&mut encoder, integers.clone(), trial, format)?;
    split.rest(&mut encoder, &integers, Some(samples))?;
    let stream = encoder.finish_with_lanes(1)?;
    let plain = samples.len() * samples[0].len() * format.bytes();
    if stream.len() <= plain {
        payload.extend(stream);
        return Ok(payload);
    }
    // Numbers of all sizes without any order.
    let mut encoder = Encoder::new();
    encoder.bits(PATTERNS, 1)?;
    for &sample in samples.iter().flatten() {
        floats::pattern(&mut encoder, sample, bits)?;
    }
    payload.extend(encoder.finish_with_lanes(1)?);
    Ok(payload)
}

/// Floats: integers and what they leave, or bit patterns.
const SPLIT: u64 = 0;
const PATTERNS: u64 = 1;

/// Undoes [`encode`], for `channels` of `frames` samples. Also gives the check value of the samples and the one in the
/// payload, which must be equal.
pub(crate) fn decode(
    payload: &[u8],
    format: SampleFormat,
    channels: usize,
    frames: usize,
) -> Result<(Exact, [u16; 2]), Error> {
    if payload.is_empty() {
        return Ok((vec![vec![0.0; frames]; channels], [0; 2]));
    }
    let (stored, stream) = payload.split_first_chunk().ok_or(Error::UnexpectedEnd)?;
    let mut decoder = Decoder::new(stream)?;
    let silence = || vec![vec![0i32; frames]; channels];
    let samples: Exact = if !format.is_float() {
        let scale = 1.0 / full_scale(format);
        let integers = code_groups(&mut decoder, silence(), Trial::of(1), format)?;
        let restore = |channel: Vec<i32>| channel.into_iter().map(|value| f64::from(value) * scale).collect();
        integers.into_iter().map(restore).collect()
    } else if decoder.bits(0, 1)? == SPLIT {
        let split = Split::describe(&mut decoder, None, format.bits().into())?;
        let integers = code_groups(&mut decoder, silence(), Trial::of(1), format)?;
        split.rest(&mut decoder, &integers, None)?
    } else {
        let bits = format.bits().into();
        let mut channel = || (0..frames).map(|_| floats::pattern(&mut decoder, 0.0, bits)).collect();
        (0..channels).map(|_| channel()).collect::<Result<_, Error>>()?
    };
    decoder.finish()?;
    let check = check(&samples, format);
    Ok((samples, [check, u16::from_le_bytes(*stored)]))
}

/// The pairs of channels, and the last one if it is alone.
fn groups(channels: usize) -> impl Iterator<Item = Range<usize>> {
    (0..channels).step_by(2).map(move |first| first..(first + 2).min(channels))
}

/// Codes all channels of integers; a decoder gives zeros.
fn code_groups<C: Coder>(
    coder: &mut C,
    mut channels: Vec<Vec<i32>>,
    trial: Trial,
    format: SampleFormat,
) -> Result<Vec<Vec<i32>>, Error> {
    let range = range(format);
    for group in groups(channels.len()) {
        code_group(coder, &mut channels[group], trial, &range)?;
    }
    Ok(channels)
}

/// How the values of a group are coded: by a profile, or plainly.
const PLAIN: usize = 7;
const KIND_BITS: u32 = 3;

/// One channel, or a pair.
fn code_group<C: Coder>(
    coder: &mut C,
    channels: &mut [Vec<i32>],
    trial: Trial,
    range: &RangeInclusive<i64>,
) -> Result<(), Error> {
    let mut values = Vec::new();
    for channel in channels.iter() {
        let given = (!C::READS).then(|| Values::of(channel));
        values.push(Values::describe(coder, given, range)?);
    }
    // A channel that does not change says nothing, and nothing is said about it.
    let mut order: Vec<usize> = Vec::new();
    for (index, (values, channel)) in values.iter().zip(channels.iter_mut()).enumerate() {
        match values.only() {
            Some(value) => channel.fill(values.sample(value)),
            None => order.push(index),
        }
    }
    if order.is_empty() {
        return Ok(());
    }
    let (mut kind, mut is_turned) = (trial.profile, false);
    if !C::READS {
        (kind, is_turned) = choose(&values, channels, &order, trial)?;
    }
    kind = coder.bits(kind as u64, KIND_BITS)? as usize;
    if order.len() == 2 && kind != PLAIN && coder.bits(is_turned.into(), 1)? == 1 {
        order.reverse();
    }
    if kind == PLAIN {
        for &index in &order {
            for sample in &mut channels[index] {
                let value = values[index].code_plain(coder, values[index].value(*sample))?;
                *sample = values[index].sample(value);
            }
        }
        return Ok(());
    }
    let profile = PROFILES.get(kind).ok_or(Error::Malformed { what: "profile of a segment" })?;
    let ordered: Vec<&Values> = order.iter().map(|&index| &values[index]).collect();
    let frames = channels[0].len();
    let mut padded = padded(channels, &order, &values, 0..frames);
    group::code(coder, profile, &ordered, &mut padded)?;
    if C::READS {
        for (&index, padded) in order.iter().zip(padded) {
            let samples = channels[index].iter_mut().zip(&padded[BEFORE..]);
            samples.for_each(|(sample, &value)| *sample = values[index].sample(value));
        }
    }
    Ok(())
}

/// Values of some frames of channels, behind zeros; zeros too where a decoder does not know them.
fn padded(channels: &[Vec<i32>], order: &[usize], values: &[Values], frames: Range<usize>) -> Vec<Vec<i32>> {
    let channel = |&index: &usize| {
        let mut padded = vec![0; BEFORE];
        padded.extend(channels[index][frames.clone()].iter().map(|&sample| values[index].value(sample)));
        padded
    };
    order.iter().map(channel).collect()
}

/// How to code a group, by what a part of it takes: the kind, and whether the second channel comes first.
fn choose(
    values: &[Values],
    channels: &[Vec<i32>],
    order: &[usize],
    trial: Trial,
) -> Result<(usize, bool), Error> {
    /// Fewer frames say too little.
    const LEAST: usize = 1 << 12;
    let frames = channels[0].len();
    let part = (frames >> trial.part).max(LEAST).min(frames);
    let start = (frames - part) / 2;
    let bits = |order: &[usize]| -> Result<f64, Error> {
        let mut padded = padded(channels, order, values, start..start + part);
        let ordered: Vec<&Values> = order.iter().map(|&index| &values[index]).collect();
        let mut counter = Counter::default();
        group::code(&mut counter, &PROFILES[trial.profile], &ordered, &mut padded)?;
        Ok(counter.bits)
    };
    let (mut best, mut is_turned) = (bits(order)?, false);
    if let &[first, second] = order {
        let turned = bits(&[second, first])?;
        if turned < best {
            (best, is_turned) = (turned, true);
        }
    }
    let plain: u32 = order.iter().map(|&index| values[index].bits()).sum();
    let kind = if best >= f64::from(plain) * part as f64 { PLAIN } else { trial.profile };
    Ok((kind, is_turned))
}

/// What an integer format counts for a sample of 1.
fn full_scale(format: SampleFormat) -> f64 {
    f64::from(1u32 << (format.bits() - 1))
}

/// The integers of a format, as a writer of WAV files finds them.
fn integers(channel: &[f64], format: SampleFormat) -> Vec<i32> {
    let scale = full_scale(format);
    channel.iter().map(|sample| (sample * scale).round().clamp(-scale, scale - 1.0) as i32).collect()
}

/// Where samples may lie as integers.
fn range(format: SampleFormat) -> RangeInclusive<i64> {
    let bits = if format.is_float() { 32 } else { format.bits() };
    -(1i64 << (bits - 1))..=(1i64 << (bits - 1)) - 1
}

/// Half a CRC-32C of the samples, channel by channel: integers in four bytes, floats in theirs.
fn check(samples: &[Vec<f64>], format: SampleFormat) -> u16 {
    let mut check = 0;
    let mut bytes = Vec::new();
    for channel in samples {
        for part in channel.chunks(1 << 12) {
            bytes.clear();
            match format {
                SampleFormat::F32 => {
                    part.iter().for_each(|&sample| bytes.extend((sample as f32).to_le_bytes()))
                }
                SampleFormat::F64 => part.iter().for_each(|sample| bytes.extend(sample.to_le_bytes())),
                _ => integers(part, format).iter().for_each(|sample| bytes.extend(sample.to_le_bytes())),
            }
            check = crc32c::crc32c_append(check, &bytes);
        }
    }
    check as u16
}

#[cfg(test)]
mod tests;
