//! Where training starts: as a working transform codec. The linear path is a PCA of the packet coefficients, the
//! synthesis its transpose, all residual branches give zero, and a quantization step is what theory asks of λ.

use crate::layers::space_to_depth;
use crate::params::Params;
use tch::{Device, Kind, Tensor};
use wavern::internals::network::{self, CodingStep, Layer, ModelConfig};
use wavern::internals::prior::units;

/// Builds all parameters. `packets` is a sample of training packets, `[batch, rows, columns, channels]`.
pub fn parameters(config: &ModelConfig, packets: &Tensor, device: Device) -> Params {
    tch::manual_seed(1);
    let mut params = Params::new(device);
    let anchors = config.lambdas.len() as i64;
    for (name, layers, levels) in [
        ("analysis", &config.analysis, None),
        ("hyper_analysis", &config.hyper_analysis, None),
        ("hyper_synthesis", &config.hyper_synthesis, None),
        ("synthesis", &config.synthesis, Some(anchors)),
    ] {
        for (index, layer) in layers.iter().enumerate() {
            random_layer(&mut params, &format!("{name}.{index}."), layer, levels);
        }
    }
    linear_path(&mut params, config, packets);
    // z should not start below the rounding step.
    if let Some(last) = config.hyper_analysis.len().checked_sub(1) {
        let name = format!("hyper_analysis.{last}.weight");
        let scaled = params.get(&name).detach() * 8.0;
        params.set(&name, &scaled);
    }
    gains(&mut params, config);
    prior(&mut params, config);
    params
}

pub(crate) fn random_layer(params: &mut Params, prefix: &str, layer: &Layer, levels: Option<i64>) {
    let mut set = |name: &str, value: Tensor| params.set(&format!("{prefix}{name}"), &value);
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
    match *layer {
        Layer::Pointwise { inputs, outputs, .. } => {
            set("weight", he(&[outputs as i64, inputs as i64], inputs));
            set("bias", zeros(&[outputs as i64]));
        }
        Layer::Depthwise { channels, kernel: [r, s], .. } => {
            set("weight", he(&[channels as i64, r as i64, s as i64], r * s));
            set("bias", zeros(&[channels as i64]));
        }
        Layer::Residual { channels, hidden, feed_forward, kernel: [r, s] } => {
            let (c, h, f) = (channels as i64, hidden as i64, feed_forward as i64);
            set("expand.weight", he(&[h, c], channels));
            set("expand.bias", zeros(&[h]));
            set("depthwise.weight", he(&[h, r as i64, s as i64], r * s));
            set("depthwise.bias", zeros(&[h]));
            set("project.weight", zeros(&[c, h]));
            set("project.bias", zeros(&[c]));
            set("ff_expand.weight", he(&[f, c], channels));
            set("ff_expand.bias", zeros(&[f]));
            set("ff_project.weight", zeros(&[c, f]));
            set("ff_project.bias", zeros(&[c]));
            if let Some(anchors) = levels {
                set("gain1", zeros(&[anchors, c]) + 1.0);
                set("gain2", zeros(&[anchors, c]) + 1.0);
            }
        }
        Layer::SpaceToDepth { .. } | Layer::DepthToSpace { .. } => {}
    }
}

/// Normal weights that keep the variance through a ReLU (He et al., 1502.01852).
fn he(shape: &[i64], inputs: usize) -> Tensor {
    Tensor::randn(shape, (Kind::Float, Device::Cpu)) * (2.0 / inputs as f64).sqrt()
}

/// The pointwise layers outside residual branches. Pictures: PCA after PCA. Sound: the packet's own bands, which
/// are already as good as uncorrelated and whose order the context networks rely on.
fn linear_path(params: &mut Params, config: &ModelConfig, packets: &Tensor) {
    let mut x = packets.to_device(Device::Cpu).to_kind(Kind::Float);
    let mut rotations = Vec::new();
    for (index, layer) in config.analysis.iter().enumerate() {
        match *layer {
            Layer::Pointwise { inputs, outputs, .. } => {
                let rotation = match config.kind {
                    network::Kind::Image => principal_axes(&x, outputs as i64),
                    network::Kind::Audio => Tensor::eye(inputs as i64, (Kind::Float, Device::Cpu)),
                };
                x = x.linear::<&Tensor>(&rotation, None);
                params.set(&format!("analysis.{index}.weight"), &rotation);
                rotations.push(rotation);
            }
            Layer::SpaceToDepth { factor } => x = space_to_depth(&x, factor),
            _ => {}
        }
    }
    for (index, layer) in config.synthesis.iter().enumerate() {
        if let Layer::Pointwise { inputs, outputs, .. } = *layer {
            // An analysis of one layer has no mirror: the synthesis comes from a model that has.
            let shape = [inputs as i64, outputs as i64];
            if let Some(rotation) = rotations.pop().filter(|rotation| rotation.size() == shape) {
                params.set(&format!("synthesis.{index}.weight"), &rotation.tr());
            }
        }
    }
}

/// The `count` directions of largest variance, as rows, largest first.
fn principal_axes(x: &Tensor, count: i64) -> Tensor {
    let channels = *x.size().last().expect("has channels");
    let rows = x.reshape([-1, channels]).to_kind(Kind::Double);
    let covariance = rows.tr().matmul(&rows) / rows.size()[0] as f64;
    let (_, vectors) = covariance.linalg_eigh("L");
    vectors.flip([1]).narrow(1, 0, count).tr().contiguous().to_kind(Kind::Float)
}

/// log₂ of the quantization gains. At high rate a latent of distortion D costs ½ log₂(1/D) bits, so the best step is
/// Δ² = 12 D with D = 1 / (2 ln 2 · λ) per latent; a little finer, since most latents are not at high rate.
fn gains(params: &mut Params, config: &ModelConfig) {
    let latents = config.latents() as i64;
    let rows: Vec<f32> = config
        .lambdas
        .iter()
        .map(|&lambda| {
            let weight =
                crate::loss::distortion_weight(config.kind, lambda) / crate::loss::components(config.kind);
            let step = (12.0 / (2.0 * std::f64::consts::LN_2 * weight)).sqrt();
            -(0.8 * step).log2() as f32
        })
        .collect();
    let table = Tensor::from_slice(&rows).unsqueeze(1).repeat([1, latents]);
    params.set("gain.encode", &table);
    params.set("gain.decode", &-table);
}

fn prior(params: &mut Params, config: &ModelConfig) {
    let anchors = config.lambdas.len() as i64;
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
    let (z, features) = (config.hyper_latents() as i64, config.features() as i64);
    let context = &config.context;
    let k = context.components as i64;
    params.set("hyper_synthesis.level_bias", &zeros(&[anchors, features]));
    params.set("hyper_prior.logits", &zeros(&[anchors, k, z]));
    params.set("hyper_prior.means", &zeros(&[anchors, k, z]));
    let spread: Vec<f32> = (0..k).map(|i| 67.0 + 24.0 * (i as f32 - (k - 1) as f32 / 2.0)).collect();
    params.set("hyper_prior.scales", &Tensor::from_slice(&spread).view([1, k, 1]).repeat([anchors, 1, z]));
    for step in context.steps() {
        context_step(params, config, &step);
    }
}

/// The networks of one step: mixtures that hardly depend on anything yet.
pub(crate) fn context_step(params: &mut Params, config: &ModelConfig, step: &CodingStep) {
    let context = &config.context;
    let mut inputs = config.features();
    let mut set = |layer: &str, weight: &Tensor, bias: &Tensor| {
        params.set(&format!("{}.weight", step.name(layer)), weight);
        params.set(&format!("{}.bias", step.name(layer)), bias);
    };
    let zeros = |outputs: usize| Tensor::zeros([outputs as i64], (Kind::Float, Device::Cpu));
    let pointwise = |outputs: usize, inputs: usize| he(&[outputs as i64, inputs as i64], inputs);
    if step.seen() > 0 {
        set("look", &pointwise(context.width, step.seen()), &zeros(context.width));
        let [r, s] = context.kernel;
        let filters = he(&[context.width as i64, r as i64, s as i64], r * s);
        set("around", &filters, &zeros(context.width));
        inputs += context.width;
    }
    set("fuse", &pointwise(context.hidden, inputs), &zeros(context.hidden));
    set("mix", &pointwise(context.hidden, context.hidden), &zeros(context.hidden));
    let channels = step.channels.len();
    let head = pointwise(context.planes() * channels, context.hidden) * 0.05;
    set("head", &head, &head_bias(context.components as i64, channels as i64, context.residual));
}

/// Equal weights, zero means, scales spread around σ = 1, no residual.
fn head_bias(components: i64, channels: i64, residual: bool) -> Tensor {
    let spread: Vec<f32> = (0..components)
        .map(|i| {
            let index = 51.0 + 24.0 * (i as f32 - (components - 1) as f32 / 2.0);
            index / (1 << units::SCALE_SHIFT) as f32
        })
        .collect();
    let scales = Tensor::from_slice(&spread).unsqueeze(1).repeat([1, channels]).view([-1]);
    let rest = Tensor::zeros([2 * components * channels], (Kind::Float, Device::Cpu));
    let residuals = Tensor::zeros([if residual { channels } else { 0 }], (Kind::Float, Device::Cpu));
    Tensor::cat(&[rest, scales, residuals], 0)
}
