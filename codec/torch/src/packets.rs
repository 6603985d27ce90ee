//! Whole signals → packets, as the codec computes them: for validation and for sounds.

use crate::data;
use tch::Tensor;
use wavern::Array;
use wavern::internals::lapped::Lapped;
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

/// Packets of a whole sound in units of the networks: frames, and `[frames, channels]`.
pub(crate) fn of_sound(signal: &data::Sound, config: &ModelConfig) -> (usize, Vec<f32>) {
    let mid_side = signal.mid_side.clone().map(|signal| signal.iter().map(|v| v * sound::UNIT).collect());
    let packets = sound::frames(&mid_side, &Lapped::new(1 << config.packet_levels));
    (packets.shape()[1], packets.into_vec())
}
