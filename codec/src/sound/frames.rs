//! Samples ↔ packets, and the segments of a sound.
//!
//! A *block* is the hop of the lapped transform. Frame i of packets reaches over the blocks i − 1 and i, so a sound of
//! n blocks has n + 1 frames; before and after it there is silence. A segment holds the frames with the numbers of its
//! blocks, the last segment one more. Its last block is finished by the first frame of the next segment.

use crate::array::Tensor;
use crate::config::ModelConfig;
use crate::envelope::{Cells, SIGNALS, channel_of};
use crate::error::Error;
use crate::lapped::Lapped;
use std::f32::consts::FRAC_1_SQRT_2;
use std::ops::Range;
use wavern_bitstream::AudioHeader;

/// Samples of full scale 1 are multiplied by this before the transform.
pub const UNIT: f32 = 16.0;

/// Channels coded together: both of a stereo pair, else one alone.
pub fn groups(channels: usize) -> Vec<Range<usize>> {
    let size = if channels == 2 { 2 } else { 1 };
    (0..channels).step_by(size).map(|first| first..first + size).collect()
}

/// Frames of a segment at a sampling rate: whole hyper-latents and spans, at most a second.
pub fn segment_frames(sample_rate: u32, config: &ModelConfig) -> u64 {
    let block = block(config);
    (u64::from(sample_rate) / block).max(1) * block
}

/// Frames of a segment that is to be heard soon: at most 20 ms, but at least a hop.
pub fn short_segment_frames(sample_rate: u32, config: &ModelConfig) -> u64 {
    let longest = u64::from(sample_rate) / 50;
    let unit = unit(longest, config);
    (longest / unit).max(1) * unit
}

/// Packets of a segment of one group.
#[derive(Debug)]
pub struct Packets {
    /// `[1, frames, 2 · hop]`.
    pub values: Tensor,
    /// The frames of each transform, see [`Spans::layout`](crate::spans::Spans::layout).
    pub layout: Vec<usize>,
}

impl Packets {
    /// Of silence.
    pub fn silent(frames: usize, hop: usize) -> Self {
        Self { values: Tensor::zeros([1, frames, SIGNALS * hop]), layout: vec![1; frames] }
    }
}

/// The transform of a model of sound.
pub fn lapped(config: &ModelConfig) -> Lapped {
    Lapped::new(1 << config.packet_levels, config.longest_span())
}

/// The cells of a model of sound.
///
/// # Errors
/// [`Error::Weights`] if the weights have no envelope, which no loaded weights of sound do.
pub fn cells(config: &ModelConfig) -> Result<Cells, Error> {
    let missing = || Error::Weights(crate::weight_file::Error::Config("a sound needs an envelope".into()));
    config.envelope.as_ref().map(Cells::new).ok_or_else(missing)
}

/// Samples that a segment has a multiple of: those of a position of ẑ, or of the longest span.
fn block(config: &ModelConfig) -> u64 {
    hop(config) * config.hyper_stride()[1].max(config.longest_span()) as u64
}

/// Samples from one frame of packets to the next.
fn hop(config: &ModelConfig) -> u64 {
    config.signal_stride()[1] as u64
}

/// What a segment of about so many frames has a multiple of: whole hyper-latents and spans, or frames of packets in one
/// that is shorter.
fn unit(frames: u64, config: &ModelConfig) -> u64 {
    let block = block(config);
    if frames < block { hop(config) } else { block }
}

/// Refuses segments that do not fall on whole hyper-latents and spans, unless they are shorter than one.
///
/// # Errors
/// [`Error::Field`].
pub fn check_segments(header: &AudioHeader, config: &ModelConfig) -> Result<(), Error> {
    let value = header.segment_frames;
    if value == 0 || !value.is_multiple_of(unit(value, config)) {
        let expected = format!("a multiple of {}, or below it one of {}", block(config), hop(config));
        return Err(Error::Field { field: "segment length in frames", value, expected });
    }
    Ok(())
}

/// The frames of packets in a segment; `last` is the length of the last one.
pub fn positions(header: &AudioHeader, last: Option<u64>, config: &ModelConfig) -> usize {
    let blocks = (last.unwrap_or(header.segment_frames) as usize).div_ceil(config.signal_stride()[1]);
    blocks + usize::from(last.is_some())
}

/// The columns of ŷ that segments have when they are put together, given how many each has: every one begins with a
/// position of ẑ.
pub fn places(lengths: impl IntoIterator<Item = usize>, config: &ModelConfig) -> Vec<Range<usize>> {
    let next = |end: &mut usize, length: usize| {
        let start = end.next_multiple_of(config.hyper_stride()[1]);
        *end = start + length;
        Some(start..*end)
    };
    lengths.into_iter().scan(0, next).collect()
}

/// One or two channels → mid and side in units of the networks. One channel alone is a stereo pair without side.
pub fn to_mid_side(channels: &[Vec<f32>]) -> [Vec<f32>; SIGNALS] {
    let (left, right) = (&channels[0], channels.last().unwrap_or(&channels[0]));
    let mix =
        |sign: f32| left.iter().zip(right).map(|(l, r)| (l + sign * r) * FRAC_1_SQRT_2 * UNIT).collect();
    [mix(1.0), mix(-1.0)]
}

/// Undoes [`to_mid_side`] for `count` channels.
pub fn from_mid_side(mid_side: &[Vec<f32>; SIGNALS], count: usize) -> Vec<Vec<f32>> {
    let scale = FRAC_1_SQRT_2 / UNIT;
    let mix = |sign: f32| -> Vec<f32> {
        // What cannot be carried further is silence: only a float input beyond all bounds gets here.
        let sample =
            |(m, s): (&f32, &f32)| Some((m + sign * s) * scale).filter(|v| v.is_finite()).unwrap_or(0.0);
        mid_side[0].iter().zip(&mid_side[1]).map(sample).collect()
    };
    if count == 2 { vec![mix(1.0), mix(-1.0)] } else { vec![mix(0.0)] }
}

/// Packets `[1, frames, 2 · hop]` of two signals of equal length, which begin with the left block of the first frame
/// and end with the right block of the last one. `layout` has the frames of each transform.
pub fn frames(signals: &[Vec<f32>; SIGNALS], lapped: &Lapped, layout: &[usize]) -> Tensor {
    let hop = lapped.hop();
    let mut out = Tensor::zeros([1, layout.iter().sum(), SIGNALS * hop]);
    for (index, signal) in signals.iter().enumerate() {
        lapped.forward(signal, layout, |frame, coefficients| {
            let span = coefficients.len() / hop;
            let rows = out.data_mut()[frame * SIGNALS * hop..].chunks_exact_mut(SIGNALS * hop);
            for (k, row) in rows.take(span).enumerate() {
                let own = coefficients[k..].iter().step_by(span);
                own.enumerate().for_each(|(band, &v)| row[channel_of(index, band, hop)] = v);
            }
        });
    }
    out
}

/// Adds what packets give to two signals, which have the blocks that [`frames`] takes.
pub fn overlap_add(packets: &Packets, lapped: &Lapped, signals: &mut [Vec<f32>; SIGNALS]) {
    let hop = lapped.hop();
    for (index, signal) in signals.iter_mut().enumerate() {
        lapped.inverse(&packets.layout, signal, |frame, coefficients| {
            let span = coefficients.len() / hop;
            let rows = packets.values.data()[frame * SIGNALS * hop..].chunks_exact(SIGNALS * hop);
            for (k, row) in rows.take(span).enumerate() {
                let own = coefficients[k..].iter_mut().step_by(span);
                own.enumerate().for_each(|(band, v)| *v = row[channel_of(index, band, hop)]);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_survive_the_packets() {
        let lapped = Lapped::new(256, 4);
        for length in [0usize, 1, 255, 256, 1000] {
            let l: Vec<f32> = (0..length).map(|i| ((i * 37 % 101) as f32 - 50.0) / 60.0).collect();
            let r: Vec<f32> = (0..length).map(|i| ((i * 11 % 71) as f32 - 30.0) / 70.0).collect();
            for channels in [vec![l.clone(), r.clone()], vec![l.clone()]] {
                let silence = vec![0.0; 256];
                let blocks = length.div_ceil(256);
                let padded = to_mid_side(&channels).map(|mut signal| {
                    signal.resize((blocks + 1) * 256, 0.0);
                    [&silence[..], &signal].concat()
                });
                let layout = if blocks == 4 { vec![1, 4] } else { vec![1; blocks + 1] };
                let packets = Packets { values: frames(&padded, &lapped, &layout), layout };
                assert_eq!(packets.values.shape(), [1, blocks + 1, 512]);
                let mut back = [vec![0.0; (blocks + 2) * 256], vec![0.0; (blocks + 2) * 256]];
                overlap_add(&packets, &lapped, &mut back);
                let back = from_mid_side(&back.map(|s| s[256..][..length].to_vec()), channels.len());
                assert_eq!(back.len(), channels.len());
                for (a, b) in channels.iter().flatten().zip(back.iter().flatten()) {
                    assert!((a - b).abs() < 1e-5);
                }
            }
        }
    }
}
