//! Whole signals → packets, as the codec computes them: for validation and for sounds.

use crate::data;
use tch::Tensor;
use wavern::Array;
use wavern::internals::network::ModelConfig;
use wavern::internals::sound;
use wavern::internals::wavelet::packet2d;

/// RGB pixels `[height, width, 3]` → packets `[1, rows, columns, channels]` in units of the networks.
pub fn of_picture(pixels: &[u8], height: usize, width: usize, config: &ModelConfig) -> Tensor {
    let value = |v: u8| (f32::from(v) - wavern::internals::color::CENTRE) / wavern::internals::color::UNIT;
    let planes = pixels
        .chunks_exact(3)
        .flat_map(|p| wavern::internals::color::to_opponent([value(p[0]), value(p[1]), value(p[2])]))
        .collect();
    let planes = Array::from_vec([height, width, 3], planes);
    let packets = packet2d::analysis(&planes, config.packet_levels);
    let [rows, columns, channels] = packets.shape().map(|n| n as i64);
    Tensor::from_slice(packets.data()).view([1, rows, columns, channels])
}

/// Sampling rate that the segments of sounds in training are cut for.
const SAMPLE_RATE: u32 = 44_100;

/// Packets of a whole sound in units of the networks, segment by segment as the encoder makes them: frames, and
/// `[frames, width]` with the [`width`] of the model.
///
/// # Panics
/// If the model is none of sound.
pub fn of_sound(signal: &data::Sound, config: &ModelConfig) -> (usize, Vec<f32>) {
    let (lapped, cells) = (sound::lapped(config), sound::cells(config).expect("a model of sound"));
    let hop = lapped.hop();
    let frames = signal.mid_side[0].len() / hop;
    let padded = signal.mid_side.clone().map(|signal| {
        let mut padded = vec![0.0; hop];
        padded.extend(signal[..frames * hop].iter().map(|v| v * sound::UNIT));
        padded
    });
    let segment = sound::segment_frames(SAMPLE_RATE, config) as usize / hop;
    let spans = cells.spans();
    let mut packets = Vec::with_capacity(frames * width(config));
    for first in (0..frames).step_by(segment) {
        let count = segment.min(frames - first);
        let signals = padded.each_ref().map(|signal| signal[first * hop..][..(count + 1) * hop].to_vec());
        let codes = sound::choose_spans(&signals, count, &lapped, &cells);
        let own = sound::frames(&signals, &lapped, &spans.layout(&codes, count));
        for (frame, row) in own.data().chunks_exact(config.packet_channels()).enumerate() {
            packets.extend_from_slice(row);
            packets.extend((!spans.is_empty()).then(|| codes[frame / spans.block()] as f32));
        }
    }
    (frames, packets)
}

/// Values of a frame of a sound: its packets, and with spans their code.
pub fn width(config: &ModelConfig) -> usize {
    let spans = config.envelope.as_ref().is_some_and(|envelope| !envelope.spans.is_empty());
    config.packet_channels() + usize::from(spans)
}
