//! The integer networks as they are trained.
//!
//! The forward pass rounds weights and activations to the grids of [`wavern::internals::prior::units`]; the backward
//! pass looks through the rounding. What is trained is therefore what the exact integer networks of the codec compute,
//! up to the rounding of biases, which have a far finer grid.

use crate::fused::{self, Units};
use crate::layers::{Levels, convolve_depthwise, depth_to_space};
use crate::params::Params;
use std::collections::HashMap;
use tch::{Device, Kind, Tensor};
use wavern::internals::network::ContextConfig;
use wavern::internals::network::{CodingStep, Layer, ModelConfig};
use wavern::internals::prior::units;

/// How the networks of the prior are computed.
#[derive(Clone, Copy, Debug)]
pub struct Arithmetic {
    /// Kind of the heavy matrix products.
    pub compute: Kind,
    /// Weights and activations stay off the integer grids: what exactness costs is the difference. Never what is
    /// trained.
    pub float: bool,
}

/// Passes gradients as if `rounded` were `smooth`.
pub fn straight_through(smooth: &Tensor, rounded: &Tensor) -> Tensor {
    smooth + (rounded - smooth).detach()
}

/// Weights on the grid of signed 8-bit integers times a power of two per output channel (dimension 0).
fn round_weight(weight: &Tensor, finest: i64, coarsest: i64, arithmetic: Arithmetic) -> Tensor {
    if arithmetic.float {
        return weight.shallow_clone();
    }
    let rows = weight.size()[0];
    let flat = weight.reshape([rows, -1]).detach();
    let largest = flat.abs().amax([1i64].as_slice(), true).clamp_min(1e-9);
    let exponent = (largest.full_like(units::WEIGHT_LIMIT as f64) / &largest)
        .log2()
        .floor()
        .clamp(coarsest as f64, finest as f64);
    let mut shape = vec![1i64; weight.dim()];
    shape[0] = rows;
    let scale = exponent.exp2().reshape(shape.as_slice()).to_kind(Kind::Float);
    let limit = units::WEIGHT_LIMIT as f64;
    let rounded = (weight.detach() * &scale).round().clamp(-limit, limit) / scale;
    straight_through(weight, &rounded)
}

/// ReLU, saturation and rounding to the grid of unsigned 8-bit activations.
fn activation(x: &Tensor, arithmetic: Arithmetic) -> Tensor {
    let scale = f64::from(1u32 << units::ACTIVATION);
    let x = x.clamp(0.0, f64::from(units::ACTIVATION_LIMIT) / scale);
    if arithmetic.float {
        return x;
    }
    straight_through(&x, &((x.detach() * scale).round() / scale))
}

fn pointwise(
    params: &Params,
    prefix: &str,
    x: &Tensor,
    extra: Option<&Tensor>,
    arithmetic: Arithmetic,
) -> Tensor {
    let compute = arithmetic.compute;
    let coarsest = units::coarsest_weight(prefix.trim_end_matches('.'));
    let weight =
        round_weight(params.get(&format!("{prefix}weight")), units::FINEST_WEIGHT, coarsest, arithmetic);
    let y = x.to_kind(compute).linear::<&Tensor>(&weight.to_kind(compute), None).to_kind(Kind::Float);
    let y = y + params.get(&format!("{prefix}bias"));
    match extra {
        Some(extra) => y + extra,
        None => y,
    }
}

fn depthwise(
    params: &Params,
    prefix: &str,
    x: &Tensor,
    kernel: [usize; 2],
    arithmetic: Arithmetic,
) -> Tensor {
    let compute = arithmetic.compute;
    let weight = round_weight(params.get(&format!("{prefix}weight")), units::FINEST_WEIGHT, 0, arithmetic)
        .to_kind(compute);
    let bias = params.get(&format!("{prefix}bias")).to_kind(compute);
    convolve_depthwise(&x.to_kind(compute), &weight, &bias, kernel).to_kind(Kind::Float)
}

/// h_s: features from ẑ (integers with straight-through gradients).
pub fn hyper_synthesis(
    params: &Params,
    config: &ModelConfig,
    z_hat: &Tensor,
    levels: &Levels,
    arithmetic: Arithmetic,
) -> Tensor {
    let limit = f64::from(units::INPUT_LIMIT);
    let mut x = z_hat.clamp(-limit, limit) * 2f64.powi(-units::HYPER_INPUT);
    let last = config.hyper_synthesis.len() - 1;
    for (index, layer) in config.hyper_synthesis.iter().enumerate() {
        let prefix = format!("hyper_synthesis.{index}.");
        x = match layer {
            Layer::Pointwise { .. } => {
                let extra =
                    (index == last).then(|| levels.interpolate(params.get("hyper_synthesis.level_bias")));
                activation(&pointwise(params, &prefix, &x, extra.as_ref(), arithmetic), arithmetic)
            }
            Layer::Depthwise { kernel, .. } => {
                activation(&depthwise(params, &prefix, &x, *kernel, arithmetic), arithmetic)
            }
            Layer::DepthToSpace { factor } => depth_to_space(&x, *factor),
            other => unreachable!("refused by ModelConfig::validate: {other:?}"),
        };
    }
    x
}

/// `prior::compand` on real numbers: linear up to ±16, then 16 steps an octave.
pub fn compand(v: &Tensor) -> Tensor {
    let magnitude = v.abs();
    let exponent = (magnitude.detach() / 16.0).clamp_min(1.0).log2().floor().clamp(0.0, 6.0);
    let companded =
        (&exponent * 16.0 + magnitude * (exponent.neg()).exp2()).clamp_max(f64::from(units::INPUT_LIMIT));
    companded * v.detach().sign()
}

/// Where a step's symbols are, and what it may see of its own slice, for a batch of grids.
struct Positions {
    /// Indices into the flattened positions of a batch.
    own: Tensor,
    /// 1 where earlier parts have coded the slice, `[1, rows, columns, 1]`.
    known: Tensor,
}

/// Made once for each step and shape.
fn positions(step: &CodingStep, [batch, rows, columns]: [i64; 3], device: Device) -> std::rc::Rc<Positions> {
    type Key = ([i64; 5], String);
    thread_local! {
        static CACHE: std::cell::RefCell<HashMap<Key, std::rc::Rc<Positions>>> = Default::default();
    }
    let key = ([batch, rows, columns, step.parts as i64, step.part as i64], format!("{device:?}"));
    let make = || {
        let (r, c) = (rows as usize, columns as usize);
        let own = step.positions(r, c);
        let all = (0..batch).flat_map(|item| own.iter().map(move |&p| item * rows * columns + p as i64));
        let known = (0..r * c).map(|p| f32::from(step.known(p / c, p % c) == step.channels.end));
        std::rc::Rc::new(Positions {
            own: Tensor::from_slice(&all.collect::<Vec<_>>()).to_device(device),
            known: Tensor::from_slice(&known.collect::<Vec<_>>())
                .view([1, rows, columns, 1])
                .to_device(device),
        })
    };
    CACHE.with_borrow_mut(|cache| cache.entry(key).or_insert_with(make).clone())
}

/// Outputs of one coding step, with the indices of its positions and its first channel: symbol `i, c` of the step
/// is channel `first + c` at flattened position `positions[i]`.
#[derive(Debug)]
pub struct Step {
    /// Raw outputs of the head, `[positions, planes, channels]`: K logits, K means, K scales, and the latent residual
    /// where the model has one.
    pub head: Tensor,
    /// Flattened positions.
    pub positions: Tensor,
    /// Channels of y.
    pub channels: std::ops::Range<usize>,
}

/// The mixtures of all steps, given all of ŷ: in training nothing has to wait for decoded symbols.
pub fn context(
    params: &Params,
    config: &ContextConfig,
    features: &Tensor,
    y_hat: &Tensor,
    arithmetic: Arithmetic,
) -> Vec<Step> {
    let size = y_hat.size();
    let (batch, rows, columns) = (size[0], size[1], size[2]);
    // The decoder's compander cuts fractions off.
    let companded = compand(y_hat);
    let seen = straight_through(&companded, &companded.trunc()) * 2f64.powi(-units::CONTEXT_INPUT);
    let flat_features = features.reshape([batch * rows * columns, -1]);
    let step = |step: CodingStep| {
        let prefix = |layer: &str| format!("{}.", step.name(layer));
        let positions = positions(&step, [batch, rows, columns], y_hat.device());
        let (first, width) = (step.channels.start as i64, step.channels.len() as i64);
        let mut fused = flat_features.index_select(0, &positions.own);
        if step.seen() > 0 {
            let mut input = seen.narrow(3, 0, first);
            if step.part > 0 {
                input = Tensor::cat(&[input, seen.narrow(3, first, width) * &positions.known], 3);
            }
            let x = activation(&pointwise(params, &prefix("look"), &input, None, arithmetic), arithmetic);
            let x =
                activation(&depthwise(params, &prefix("around"), &x, config.kernel, arithmetic), arithmetic);
            let x = x.reshape([batch * rows * columns, -1]).index_select(0, &positions.own);
            fused = Tensor::cat(&[fused, x], 1);
        }
        let x = activation(&pointwise(params, &prefix("fuse"), &fused, None, arithmetic), arithmetic);
        let x = activation(&pointwise(params, &prefix("mix"), &x, None, arithmetic), arithmetic);
        Step {
            head: head(params, &prefix("head"), &x, step.channels.len(), arithmetic),
            positions: positions.own.shallow_clone(),
            channels: step.channels.clone(),
        }
    };
    config.steps().map(step).collect()
}

/// Raw outputs from the last activations. The rows of the head are planes of `channels` each.
fn head(params: &Params, prefix: &str, x: &Tensor, channels: usize, arithmetic: Arithmetic) -> Tensor {
    let compute = arithmetic.compute;
    let coarsest = units::coarsest_weight(prefix.trim_end_matches('.'));
    let weight =
        round_weight(params.get(&format!("{prefix}weight")), units::FINEST_WEIGHT, coarsest, arithmetic);
    let y = x.to_kind(compute).linear::<&Tensor>(&weight.to_kind(compute), None).to_kind(Kind::Float);
    let rows = y.size()[1];
    (y + params.get(&format!("{prefix}bias"))).view([-1, rows / channels as i64, channels as i64])
}

/// What raw outputs of a head stand for.
const HEAD: Units = Units {
    logit: (1 << units::LOGIT_SHIFT) as f32 / 16.0,
    mean: (1 << units::MEAN_SHIFT) as f32 / 64.0,
    scale: (1 << units::SCALE_SHIFT) as f32,
};

impl Step {
    /// Bits per item of `symbols`, `[positions, channels]`.
    pub fn bits(&self, symbols: &Tensor, components: usize, batch: i64) -> Tensor {
        fused::bits(&self.head, symbols, components, HEAD, batch)
    }

    /// Latent residuals in quantization steps, `[positions, channels]`, on the decoder's grid.
    pub fn residual(&self, components: usize) -> Tensor {
        let unit = 2f64.powi(units::RESIDUAL_SHIFT) / units::RESIDUAL_STEPS;
        let limit = f64::from(units::RESIDUAL_LIMIT) / units::RESIDUAL_STEPS;
        let value = (self.head.select(1, 3 * components as i64) * unit).clamp(-limit, limit);
        let steps = units::RESIDUAL_STEPS;
        straight_through(&value, &((value.detach() * steps).round() / steps))
    }
}
