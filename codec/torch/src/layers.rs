//! The float networks. Tensors are `[batch, row, column, channel]`; permuting to torch's order and back keeps the
//! channels-last memory layout, so no copies are made.

use crate::cuda::send;
use crate::params::Params;
use tch::{Kind, Tensor};
use wavern::internals::network::Layer;

/// Quality levels of a batch as rows of interpolation weights over the anchors, `[batch, anchors]`.
#[derive(Debug)]
pub struct Levels {
    mix: Tensor,
    nearest: Tensor,
}

impl Levels {
    /// From positions on the anchor axis, each in `0.0 ..= anchors - 1`.
    pub fn new(positions: &[f64], anchors: usize, device: tch::Device) -> Self {
        let mut mix = vec![0f32; positions.len() * anchors];
        let mut nearest = Vec::with_capacity(positions.len());
        for (row, &p) in mix.chunks_exact_mut(anchors).zip(positions) {
            let low = (p.floor() as usize).min(anchors - 1);
            let high = (low + 1).min(anchors - 1);
            row[low] += (1.0 - (p - low as f64)) as f32;
            row[high] += (p - low as f64) as f32;
            nearest.push(((p + 0.5).floor() as i64).min(anchors as i64 - 1));
        }
        let shape = [positions.len() as i64, anchors as i64];
        Self {
            mix: send(Tensor::from_slice(&mix).view(shape), device),
            nearest: send(Tensor::from_slice(&nearest), device),
        }
    }

    /// A table `[anchors, channels]` interpolated for each item: `[batch, 1, 1, channels]`.
    pub fn interpolate(&self, table: &Tensor) -> Tensor {
        self.mix.matmul(table).unsqueeze(1).unsqueeze(1)
    }

    /// The nearest anchor of each item.
    pub fn nearest(&self) -> &Tensor {
        &self.nearest
    }
}

/// Runs the network called `name` on `x`. `compute` is the kind of the residual branches' matrix products (bf16 or
/// float); the main path is always f32, because a 16-bit float would add more noise to it than the quantizer does.
pub fn forward(
    params: &Params,
    name: &str,
    layers: &[Layer],
    x: &Tensor,
    levels: &Levels,
    compute: Kind,
) -> Tensor {
    forward_watched(params, name, layers, x, levels, compute, &mut |_, _| {})
}

/// [`forward`], which shows `watch` the hidden units of every residual block behind their ReLU: the name of the layer
/// that made them, such as `analysis.1.expand`, and `[batch, row, column, unit]`.
pub fn forward_watched(
    params: &Params,
    name: &str,
    layers: &[Layer],
    x: &Tensor,
    levels: &Levels,
    compute: Kind,
    watch: &mut dyn FnMut(&str, &Tensor),
) -> Tensor {
    let mut x = x.shallow_clone();
    for (index, layer) in layers.iter().enumerate() {
        let at = |part: &str| format!("{name}.{index}.{part}");
        x = match layer {
            Layer::Pointwise { relu, .. } => {
                let kind = if *relu { compute } else { Kind::Float };
                let y = pointwise(params, &at(""), &x, kind);
                if *relu { y.relu() } else { y }
            }
            Layer::Depthwise { kernel, relu, .. } => {
                let y = depthwise(params, &at(""), &x, *kernel, compute);
                if *relu { y.relu() } else { y }
            }
            Layer::Residual { kernel, .. } => {
                let a = pointwise(params, &at("expand."), &x, compute).relu();
                watch(&at("expand"), &a);
                let a = depthwise(params, &at("depthwise."), &a, *kernel, compute);
                let a = pointwise(params, &at("project."), &a, compute).to_kind(Kind::Float);
                let x = &x + gained(params, &at("gain1"), a, levels);
                let b = pointwise(params, &at("ff_expand."), &x, compute).relu();
                watch(&at("ff_expand"), &b);
                let b = pointwise(params, &at("ff_project."), &b, compute).to_kind(Kind::Float);
                &x + gained(params, &at("gain2"), b, levels)
            }
            Layer::SpaceToDepth { factor } => space_to_depth(&x, *factor),
            Layer::DepthToSpace { factor } => depth_to_space(&x, *factor),
        };
    }
    x.to_kind(Kind::Float)
}

fn gained(params: &Params, name: &str, branch: Tensor, levels: &Levels) -> Tensor {
    match params.find(name) {
        Some(table) => branch * levels.interpolate(table),
        None => branch,
    }
}

fn pointwise(params: &Params, prefix: &str, x: &Tensor, kind: Kind) -> Tensor {
    let weight = params.get(&format!("{prefix}weight")).to_kind(kind);
    let bias = params.get(&format!("{prefix}bias")).to_kind(kind);
    if kind == Kind::Float && x.device() == tch::Device::Cpu {
        // On CPUs the convolution's f32 kernels beat the matrix product's. On one thread they are taken for batches
        // of 16 only, so rows count as items.
        let [b, h, w, _] = size4(x);
        let weight = weight.unsqueeze(2).unsqueeze(3);
        let x = x.to_kind(kind).reshape([b * h, 1, w, -1]).permute([0, 3, 1, 2]);
        let y = x.conv2d(&weight, Some(&bias), [1, 1], [0, 0], [1, 1], 1);
        return y.permute([0, 2, 3, 1]).reshape([b, h, w, -1]);
    }
    x.to_kind(kind).linear(&weight, Some(&bias))
}

fn depthwise(params: &Params, prefix: &str, x: &Tensor, kernel: [usize; 2], kind: Kind) -> Tensor {
    let weight = params.get(&format!("{prefix}weight")).to_kind(kind);
    let bias = params.get(&format!("{prefix}bias")).to_kind(kind);
    convolve_depthwise(&x.to_kind(kind), &weight, &bias, kernel)
}

/// Depthwise convolution with zeros outside; `weight` is `[channels, rows, columns]`.
pub fn convolve_depthwise(x: &Tensor, weight: &Tensor, bias: &Tensor, kernel: [usize; 2]) -> Tensor {
    let padding = [kernel[0] as i64 / 2, kernel[1] as i64 / 2];
    let channels = weight.size()[0];
    let x = x.permute([0, 3, 1, 2]);
    // On a GPU the kernels for planes are at hand; cuDNN would search seconds for those of the other layout.
    let x = if x.device().is_cuda() { x.contiguous() } else { x };
    x.conv2d(&weight.unsqueeze(1), Some(bias), [1, 1], padding, [1, 1], channels).permute([0, 2, 3, 1])
}

/// `[b, h, w, c] → [b, h/r, w/s, r·s·c]`.
pub fn space_to_depth(x: &Tensor, [r, s]: [usize; 2]) -> Tensor {
    let [b, h, w, c] = size4(x);
    let (r, s) = (r as i64, s as i64);
    x.reshape([b, h / r, r, w / s, s, c]).permute([0, 1, 3, 2, 4, 5]).reshape([b, h / r, w / s, r * s * c])
}

/// Undoes [`space_to_depth`].
pub fn depth_to_space(x: &Tensor, [r, s]: [usize; 2]) -> Tensor {
    let [b, h, w, c] = size4(x);
    let (r, s) = (r as i64, s as i64);
    x.reshape([b, h, w, r, s, c / (r * s)]).permute([0, 1, 3, 2, 4, 5]).reshape([
        b,
        h * r,
        w * s,
        c / (r * s),
    ])
}

/// Batch, rows, columns, channels.
pub fn size4(x: &Tensor) -> [i64; 4] {
    let size = x.size();
    [size[0], size[1], size[2], size[3]]
}
