//! Samples ↔ packets, and the segments of a sound.

use crate::error::Error;
use crate::network::{ModelConfig, Tensor};
use crate::wavelet::packet1d;
use std::f32::consts::FRAC_1_SQRT_2;
use wavern_bitstream::AudioHeader;

/// A decoder refuses longer segments: they bound the memory that a few bytes can ask for.
const LONGEST_SEGMENT: u64 = 1 << 20;

/// Channels coded together: both of a stereo pair, else one alone.
pub fn groups(channels: usize) -> Vec<std::ops::Range<usize>> {
    let size = if channels == 2 { 2 } else { 1 };
    (0..channels).step_by(size).map(|first| first..first + size).collect()
}

/// Frames of a segment at a sampling rate: whole hyper-latents, at most a second.
pub fn segment_frames(sample_rate: u32, config: &ModelConfig) -> u64 {
    let block = block(config);
    (u64::from(sample_rate) / block).max(1) * block
}

/// Sample frames per hyper-latent position.
fn block(config: &ModelConfig) -> u64 {
    (config.signal_stride()[1] * config.hyper_stride()[1]) as u64
}

/// Refuses segments that are too long, or that do not fall on whole hyper-latents.
///
/// # Errors
/// [`Error::Field`].
pub fn check_segments(header: &AudioHeader, config: &ModelConfig) -> Result<(), Error> {
    let (value, block) = (header.segment_frames, block(config));
    if value == 0 || value % block != 0 || value > LONGEST_SEGMENT {
        let expected = format!("a multiple of {block} up to {LONGEST_SEGMENT}");
        return Err(Error::Field { field: "segment length in frames", value, expected });
    }
    Ok(())
}

/// The latent columns of segment `index`: first and count.
pub fn latent_window(header: &AudioHeader, index: usize, config: &ModelConfig) -> [usize; 2] {
    let stride = config.signal_stride()[1];
    let range = header.segment_range(index as u64).unwrap_or(0..0);
    [range.start as usize / stride, ((range.end - range.start) as usize).div_ceil(stride)]
}

/// One or two channels → packets of mid and side. One channel alone is a stereo pair without side.
pub fn to_packets(channels: &[Vec<f32>], config: &ModelConfig) -> Tensor {
    let stride = config.signal_stride()[1];
    let frames = channels.first().map_or(0, Vec::len);
    let padded = frames.next_multiple_of(stride);
    let mut mid_side = [vec![0.0f32; padded], vec![0.0f32; padded]];
    let [mid, side] = &mut mid_side;
    let right = channels.last().unwrap_or(&channels[0]);
    for i in 0..frames {
        let (l, r) = (channels[0][i], right[i]);
        mid[i] = (l + r) * FRAC_1_SQRT_2 * packet1d::UNIT;
        side[i] = (l - r) * FRAC_1_SQRT_2 * packet1d::UNIT;
    }
    packet1d::analysis(&mid_side, config.packet_levels)
}

/// Packets → `count` channels of `frames` samples.
pub fn from_packets(packets: &Tensor, count: usize, frames: usize, config: &ModelConfig) -> Vec<Vec<f32>> {
    let mid_side = packet1d::synthesis(packets, 2, config.packet_levels);
    let scale = FRAC_1_SQRT_2 / packet1d::UNIT;
    let mix = |sign: f32| -> Vec<f32> {
        // What cannot be carried further is silence: only a float input beyond all bounds gets here.
        let sample =
            |(m, s): (&f32, &f32)| Some((m + sign * s) * scale).filter(|v| v.is_finite()).unwrap_or(0.0);
        mid_side[0].iter().zip(&mid_side[1]).take(frames).map(sample).collect()
    };
    if count == 2 { vec![mix(1.0), mix(-1.0)] } else { vec![mix(0.0)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_survive_the_packets() {
        let config = ModelConfig::audio();
        for frames in [0usize, 1, 255, 256, 1000] {
            let l: Vec<f32> = (0..frames).map(|i| ((i * 37 % 101) as f32 - 50.0) / 60.0).collect();
            let r: Vec<f32> = (0..frames).map(|i| ((i * 11 % 71) as f32 - 30.0) / 70.0).collect();
            for channels in [vec![l.clone(), r.clone()], vec![l.clone()]] {
                let back = from_packets(&to_packets(&channels, &config), channels.len(), frames, &config);
                for (a, b) in channels.iter().flatten().zip(back.iter().flatten()) {
                    assert!((a - b).abs() < 1e-5);
                }
                assert!(back.iter().all(|c| c.len() == frames));
            }
        }
    }
}
