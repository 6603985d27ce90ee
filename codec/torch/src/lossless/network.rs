//! The networks of a set in reals, as functions of parameters by name; rounded on request as the integers will be.

use crate::likelihood::{self, Mixture, UNIT_SCALE};
use crate::params::Params;
use crate::prior::straight_through;
use tch::{Device, Kind, Tensor};
use wavern::internals::lossless::fit::Batch;
use wavern::internals::lossless::network::inputs::Plane;
use wavern::internals::lossless::network::shape::{ACTIVATION, COMPONENTS, LAYERS, OUTPUTS, Shape, WEIGHT};

/// Names of the planes in parameters and tensors.
pub const PLANES: [&str; 3] = ["first", "second", "third"];
/// Largest weight and activation, in units of the integers.
const LARGEST_WEIGHT: f64 = 127.0;
const LARGEST_ACTIVATION: f64 = 255.0;
/// Standard deviation of the weights of the head at the start: mixtures begin nearly equal everywhere.
const HEAD: f64 = 0.02;
/// Biases of the head at the start: three equal weights, three means of 0, and three scales of half, one and three
/// times the typical difference.
const HEAD_BIASES: [f32; OUTPUTS] = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.5];

/// Networks that have learned nothing. Draws from libtorch's generator.
pub fn initial() -> Params {
    let mut params = Params::new(Device::Cpu);
    for plane in Plane::ALL {
        for (layer, (outputs, inputs)) in Shape::of(plane).layers().into_iter().enumerate() {
            let name = format!("{}.{}", PLANES[plane as usize], LAYERS[layer]);
            let is_head = layer + 1 == LAYERS.len();
            let deviation = if is_head { HEAD } else { (2.0 / inputs as f64).sqrt() };
            let options = (Kind::Float, Device::Cpu);
            let weight = Tensor::randn([outputs as i64, inputs as i64], options) * deviation;
            let bias = if is_head {
                Tensor::from_slice(&HEAD_BIASES)
            } else {
                Tensor::zeros([outputs as i64], options)
            };
            params.set(&format!("{name}.weight"), &weight);
            params.set(&format!("{name}.bias"), &bias);
        }
    }
    params
}

/// Mean bits of the samples of a batch. With `rounded`, weights and activations are those of the integers, with
/// gradients as if they were not.
pub fn bits(params: &Params, plane: Plane, batch: &Batch, rounded: bool) -> Tensor {
    let n = batch.residual.len() as i64;
    let layer = |index: usize, x: &Tensor| {
        let name = format!("{}.{}", PLANES[plane as usize], LAYERS[index]);
        let weight = params.get(&format!("{name}.weight"));
        let weight = if rounded { on_grid(weight) } else { weight.shallow_clone() };
        x.linear(&weight, Some(params.get(&format!("{name}.bias"))))
    };
    let active = |x: Tensor| {
        let unit = f64::from(ACTIVATION);
        let x = x.clamp(0.0, LARGEST_ACTIVATION / unit);
        if rounded { straight_through(&x, &((x.detach() * unit).round() / unit)) } else { x }
    };
    let x = Tensor::from_slice(&batch.inputs).view([n, plane.inputs() as i64]);
    let look = active(layer(0, &x));
    let mix = active(layer(1, &look));
    let out = layer(2, &Tensor::cat(&[&x, &mix], 1));
    let parts = out.chunk(3, 1);
    debug_assert!(parts.iter().all(|part| part.size() == [n, COMPONENTS as i64]));
    let unit = Tensor::from_slice(&batch.unit).view([n, 1]);
    let mixture = Mixture {
        logits: parts[0].shallow_clone(),
        means: &parts[1] * &unit,
        scales: (&parts[2] + unit.log2()) * 16.0 + UNIT_SCALE,
        dim: 1,
    };
    let residual = Tensor::from_slice(&batch.residual).view([n, 1]);
    likelihood::bits(&residual, &mixture).mean(Kind::Float)
}

/// Weights of 8 bits.
fn on_grid(weight: &Tensor) -> Tensor {
    let unit = f64::from(WEIGHT);
    let whole = (weight.detach() * unit).round().clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT);
    straight_through(weight, &(whole / unit))
}
