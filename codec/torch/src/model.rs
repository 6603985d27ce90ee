//! The whole codec as a differentiable function: packets and levels in, bits and squared error out.

use crate::envelope;
use crate::layers::{self, Levels, size4};
use crate::likelihood::{self, Mixture};
use crate::params::Params;
use crate::prior::{self, Arithmetic, compand, straight_through};
use tch::{Device, Kind, Tensor};
use wavern::internals::network::{self, ModelConfig};
use wavern::internals::wavelet::packet2d;

/// A configuration with what is derived from it.
#[derive(Debug)]
pub struct Model {
    /// The networks.
    pub config: ModelConfig,
    /// Kind of the heavy matrix products.
    pub compute: Kind,
    /// Probabilities from networks without integer grids: for measurement only.
    pub float_prior: bool,
}

/// Per item of a batch.
#[derive(Debug)]
pub struct Outcome {
    /// Bits of y, `[batch]`.
    pub latent_bits: Tensor,
    /// Bits of z, `[batch]`.
    pub hyper_bits: Tensor,
    /// Mean squared error in units of the networks, of pixels or of packets divided by their envelope, `[batch]`.
    pub mse: Tensor,
    /// Decoded packets in units of the networks, `[batch, rows, columns, channels]`.
    pub restored: Tensor,
}

/// How symbols are made in the forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Rate from uniform noise, reconstruction from rounding with straight-through gradients.
    Noise,
    /// Everything from rounded symbols, the analysis and its gains frozen: what the decoder will see.
    Hard,
}

impl Model {
    /// Rate and distortion of a batch of packets `[batch, rows, columns, channels]`; of sounds as [`envelope::split`]
    /// takes them.
    pub fn forward(&self, params: &Params, packets: &Tensor, levels: &Levels, rounding: Rounding) -> Outcome {
        let config = &self.config;
        let batch = packets.size()[0];
        let run = |name: &str, layers: &[network::Layer], x: &Tensor| {
            layers::forward(params, name, layers, x, levels, self.compute)
        };
        let (packets, envelope) = match &config.envelope {
            Some(config) => {
                let (packets, codes) = envelope::split(packets, config);
                let envelope = envelope::measure(&packets, codes.as_ref(), config);
                (packets / &envelope.shape, Some(envelope))
            }
            None => (packets.shallow_clone(), None),
        };
        let packets = &packets;
        let analyse = || {
            let y = run("analysis", &config.analysis, packets)
                * levels.interpolate(params.get("gain.encode")).exp2();
            let z = match &envelope {
                Some(envelope) => envelope.inputs.shallow_clone(),
                None => run("hyper_analysis", &config.hyper_analysis, &hyper_input(&y)),
            };
            (y, z)
        };
        let (y, z) = match rounding {
            Rounding::Noise => analyse(),
            Rounding::Hard => tch::no_grad(analyse),
        };
        let y_hat = straight_through(&y, &y.detach().round());
        let z_hat = straight_through(&z, &z.detach().round());
        let (y_rate, z_rate) = match rounding {
            Rounding::Noise => (noisy(&y), noisy(&z)),
            Rounding::Hard => (y_hat.shallow_clone(), z_hat.shallow_clone()),
        };
        let (z_rate, coded) = match envelope {
            Some(envelope) => (envelope.residuals, envelope.coded),
            None => (z_rate, None),
        };
        let hyper_bits = self.hyper_bits(params, &z_rate, coded.as_ref(), levels);
        let arithmetic = Arithmetic { compute: self.compute, float: self.float_prior };
        let features = prior::hyper_synthesis(params, config, &z_hat, levels, arithmetic);
        let [_, rows, columns, _] = size4(&y);
        let features = features.narrow(1, 0, rows).narrow(2, 0, columns);
        let steps = prior::context(params, &config.context, &features, &y_hat, arithmetic);
        let flat = y_rate.reshape([-1, config.latents() as i64]);
        let mut latent_bits = Tensor::zeros([batch], (Kind::Float, packets.device()));
        for step in &steps {
            let symbols = flat.index_select(0, &step.positions).narrow(
                1,
                step.channels.start as i64,
                step.channels.len() as i64,
            );
            latent_bits += step.bits(&symbols, config.context.components, batch);
        }
        let restored = match config.context.residual {
            true => y_hat.shallow_clone() + self.residuals(&steps, &y_hat),
            false => y_hat.shallow_clone(),
        };
        let restored = restored * levels.interpolate(params.get("gain.decode")).exp2();
        let restored = run("synthesis", &config.synthesis, &restored);
        let error = &restored - packets;
        let mse = match config.kind {
            network::Kind::Image => inverse_packets(&error.to_kind(self.compute), config.packet_levels)
                .to_kind(Kind::Float)
                .square()
                .flatten(1, -1)
                .mean_dim([1i64].as_slice(), false, Kind::Float),
            // Orthonormal packets: an error in the coefficients is the error in the samples, weighted by the envelope.
            network::Kind::Audio => {
                error.square().flatten(1, -1).mean_dim([1i64].as_slice(), false, Kind::Float)
            }
        };
        Outcome { latent_bits, hyper_bits, mse, restored }
    }

    /// Latent residuals of all steps, in the layout of ŷ.
    fn residuals(&self, steps: &[prior::Step], y_hat: &Tensor) -> Tensor {
        let positions = y_hat.numel() as i64 / self.config.latents() as i64;
        let slices: Vec<Tensor> = steps
            .chunk_by(|a, b| a.channels == b.channels)
            .map(|parts| {
                let channels = parts[0].channels.len() as i64;
                let zeros = Tensor::zeros([positions, channels], (Kind::Float, y_hat.device()));
                parts.iter().fold(zeros, |slice, step| {
                    slice.index_copy(0, &step.positions, &step.residual(self.config.context.components))
                })
            })
            .collect();
        Tensor::cat(&slices, 1).view(y_hat.size().as_slice())
    }

    /// Bits of z under its static mixtures, one set per channel and anchor level. Where `coded` is 0 nothing is coded.
    fn hyper_bits(&self, params: &Params, z: &Tensor, coded: Option<&Tensor>, levels: &Levels) -> Tensor {
        let pick = |name: &str| {
            // [anchors, K, channels] → [batch, 1, 1, K, channels]
            params.get(name).index_select(0, levels.nearest()).unsqueeze(1).unsqueeze(1)
        };
        let mixture = Mixture {
            logits: pick("hyper_prior.logits"),
            means: pick("hyper_prior.means"),
            scales: pick("hyper_prior.scales"),
            dim: 3,
        };
        let bits = likelihood::bits(&z.unsqueeze(3), &mixture).view_as(z);
        let bits = coded.map_or_else(|| bits.shallow_clone(), |coded| &bits * coded);
        sum_per_item(&bits, z.size()[0])
    }
}

/// What h_a sees of y: the same companded symbols that the context networks see, not rounded.
pub fn hyper_input(y: &Tensor) -> Tensor {
    compand(y) * 2f64.powi(-wavern::internals::prior::units::CONTEXT_INPUT)
}

fn noisy(x: &Tensor) -> Tensor {
    x + (x.detach().rand_like() - 0.5)
}

/// Every item must hold the same number of values, in order.
fn sum_per_item(bits: &Tensor, batch: i64) -> Tensor {
    bits.reshape([batch, -1]).sum_dim_intlist([1i64].as_slice(), false, Kind::Float)
}

/// Packets `[batch, rows, columns, channels]` → picture planes `[batch, planes, height, width]`, as
/// [`packet2d::synthesis`] but differentiable.
pub fn inverse_packets(packets: &Tensor, levels: u32) -> Tensor {
    let [b, rows, columns, channels] = size4(packets);
    let bands = 1i64 << levels;
    let planes = channels / (bands * bands);
    let (h, w) = (rows * bands, columns * bands);
    let along_y = operator(h, levels, packets.device());
    let along_x = operator(w, levels, packets.device());
    let x = packets
        .reshape([b, rows, columns, planes, bands, bands])
        .permute([0, 3, 4, 1, 5, 2])
        .reshape([b, planes, h, w]);
    let kind = x.kind();
    along_y.to_kind(kind).matmul(&x).matmul(&along_x.to_kind(kind).tr())
}

/// The packet tree along one axis as a matrix: exact at the borders, and one operation for autograd.
fn operator(length: i64, levels: u32, device: Device) -> Tensor {
    type Key = (i64, u32, String);
    thread_local! {
        static CACHE: std::cell::RefCell<std::collections::HashMap<Key, Tensor>> = Default::default();
    }
    let key = (length, levels, format!("{device:?}"));
    CACHE.with_borrow_mut(|cache| {
        cache
            .entry(key)
            .or_insert_with(|| {
                let matrix = packet2d::synthesis_matrix(length as usize, levels);
                Tensor::from_slice(&matrix).view([length, length]).to_device(device)
            })
            .shallow_clone()
    })
}
