//! What is minimised: bits and λ times an error, of a batch.

use crate::cuda::send;
use crate::model::{Outcome, inverse_packets};
use crate::perceptual;
use tch::{Kind, Tensor};
use wavern::Tune;
use wavern::internals::network::{self, ModelConfig};

/// Share of the squared error in a loss for the eye: it keeps colours and flat areas in place.
const VISUAL_MSE: f64 = 0.2;
/// Perceptual distance in 255² times the squared error of pixels in 0..1: at this ratio the models for both measures,
/// at the same level, spend about the same bits (slopes of both against the rate, of the first model for PSNR).
const VISUAL_SCALE: f64 = 3.3;

/// Weight of the mean squared error (in units of the networks) in bits per pixel or per sample.
///
/// Pictures: λ counts 255² times the error of pixels in 0..1, as everywhere in the field; a unit is 16 pixel steps,
/// so the factor is 16². Sound: λ as it is, on samples in units.
pub fn distortion_weight(kind: network::Kind, lambda: f64) -> f64 {
    match kind {
        network::Kind::Image => lambda * f64::from(wavern::internals::color::UNIT).powi(2),
        network::Kind::Audio => lambda,
    }
}

/// Signal components over which one pixel's or sample's error is averaged.
pub fn components(kind: network::Kind) -> f64 {
    match kind {
        network::Kind::Image => 3.0,
        network::Kind::Audio => 1.0,
    }
}

/// Exponent of λ that the loss is divided by, so that no level dominates.
fn balance(kind: network::Kind) -> f64 {
    match kind {
        network::Kind::Image => 0.5,
        network::Kind::Audio => 0.2,
    }
}

/// Power of an item's cost that is averaged: a BD-rate is a mean of relative savings, so a flat crop of few bits has to
/// count by more than its bits; all of a logarithm would let crops of next to nothing rule.
fn compression(kind: network::Kind) -> f64 {
    match kind {
        network::Kind::Image => 0.4,
        network::Kind::Audio => 1.0,
    }
}

/// Cost of an item from which on only its logarithm counts, about twenty times the usual one. Now and then a step of
/// the optimizer makes a network burst in some spot; without a limit that crop would have the whole batch's gradient.
const OUTLIER: f64 = 200.0;

/// λ at a position between anchors.
fn lambda_at(lambdas: &[f64], position: f64) -> f64 {
    let low = (position.floor() as usize).min(lambdas.len() - 1);
    let high = (low + 1).min(lambdas.len() - 1);
    let t = position - low as f64;
    (lambdas[low].ln() * (1.0 - t) + lambdas[high].ln() * t).exp()
}

/// What λ weighs, `[batch]`, in units of the squared error of the networks.
pub fn distortion(config: &ModelConfig, outcome: &Outcome, packets: &Tensor, tune: Tune) -> Tensor {
    if tune != Tune::Visual || config.kind == network::Kind::Audio {
        return outcome.mse.shallow_clone();
    }
    let unit = f64::from(wavern::internals::color::UNIT).powi(2);
    let original = tch::no_grad(|| pixels(packets, config));
    let distance = perceptual::distance(&original, &pixels(&outcome.restored, config));
    &outcome.mse * VISUAL_MSE + distance * ((1.0 - VISUAL_MSE) * VISUAL_SCALE / unit)
}

/// Packets → RGB in 0..1, `[batch, 3, height, width]`.
fn pixels(packets: &Tensor, config: &ModelConfig) -> Tensor {
    let planes = inverse_packets(packets, config.packet_levels).to_kind(Kind::Float);
    let flat: Vec<f32> = wavern::internals::color::OPPONENT.iter().flatten().copied().collect();
    let matrix = Tensor::from_slice(&flat).view([1, 3, 3]).to_device(planes.device()).transpose(1, 2);
    let size = planes.size();
    let rgb = matrix.matmul(&planes.flatten(2, 3)).view(size.as_slice());
    rgb * f64::from(wavern::internals::color::UNIT / 255.0)
        + f64::from(wavern::internals::color::CENTRE / 255.0)
}

/// The mean over a batch of a power of bits per sample + λ × `distortion`, each item divided by a power of λ so that no
/// level dominates.
pub fn loss(
    config: &ModelConfig,
    outcome: &Outcome,
    distortion: &Tensor,
    positions: &[f64],
    packets: &Tensor,
) -> Tensor {
    let lambdas: Vec<f64> = positions.iter().map(|&p| lambda_at(&config.lambdas, p)).collect();
    let weights: Vec<f32> = lambdas.iter().map(|&l| distortion_weight(config.kind, l) as f32).collect();
    let scales: Vec<f32> = lambdas.iter().map(|&l| l.powf(-balance(config.kind)) as f32).collect();
    let device = packets.device();
    let cost = rate_of(config, outcome, packets) + send(Tensor::from_slice(&weights), device) * distortion;
    let scaled = cost * send(Tensor::from_slice(&scales), device);
    let power = compression(config.kind);
    let usual = (scaled.clamp_max(OUTLIER) + 1e-3).pow_tensor_scalar(power);
    let beyond = (scaled / OUTLIER).clamp_min(1.0).log() * (power * OUTLIER.powf(power));
    (usual + beyond).mean(Kind::Float)
}

/// Bits per pixel, or per sample and channel, of every item.
pub fn rate_of(config: &ModelConfig, outcome: &Outcome, packets: &Tensor) -> Tensor {
    (&outcome.latent_bits + &outcome.hyper_bits) / samples(config, packets)
}

/// Pixels, or samples of all channels, of an item of a batch.
pub fn samples(config: &ModelConfig, packets: &Tensor) -> f64 {
    let size = packets.size();
    (size[1] * size[2]) as f64 * config.packet_channels() as f64 / components(config.kind)
}
