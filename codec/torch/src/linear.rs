//! The start of an analysis of one pointwise layer: the linear map that comes nearest to an analysis that is trained.

use crate::layers::{self, Levels, space_to_depth};
use crate::params::Params;
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};
use wavern::internals::network::{Layer, ModelConfig};

/// Batches that the map is fitted to: 2,048 positions each as a rule, against 769 unknowns of an output.
pub const BATCHES: usize = 50;
/// What the squared coefficients are larger than by as much as nothing, so that the equations always have a solution.
const RIDGE: f64 = 1e-4;

/// Whether this analysis is one, after positions were put side by side.
pub fn is_linear(config: &ModelConfig) -> bool {
    matches!(config.analysis[..], [Layer::SpaceToDepth { .. }, Layer::Pointwise { relu: false, .. }])
}

/// Replaces the analysis under `prefix`, which is that of [`ModelConfig::image`], by the linear map of `config` with
/// the smallest squared error on `packets`, tensors `[batch, rows, columns, channels]`. Does nothing to tensors that
/// hold a linear analysis already.
pub fn fit(config: &ModelConfig, prefix: &str, packets: &[Tensor], tensors: &mut BTreeMap<String, Tensor>) {
    let [Layer::SpaceToDepth { factor }, Layer::Pointwise { inputs, .. }] = config.analysis[..] else {
        return;
    };
    let name = |part: &str| format!("{prefix}analysis.{part}");
    if tensors.contains_key(&name("1.weight")) {
        return;
    }
    let mut params = Params::new(Device::Cpu);
    let own = tensors.iter().filter_map(|(key, tensor)| Some((key.strip_prefix(prefix)?, tensor)));
    own.filter(|(key, _)| key.starts_with("analysis.")).for_each(|(key, tensor)| params.set(key, tensor));
    let trained = ModelConfig::image_fast().analysis;
    let levels = Levels::new(&[0.0], config.lambdas.len(), Device::Cpu);
    // Normal equations of [x, 1] · w = y.
    let unknowns = inputs as i64 + 1;
    let zeros = |columns| Tensor::zeros([unknowns, columns], (Kind::Double, Device::Cpu));
    let (mut square, mut mixed) = (zeros(unknowns), zeros(config.latents() as i64));
    tch::no_grad(|| {
        for packets in packets {
            let y = layers::forward(&params, "analysis", &trained, packets, &levels, Kind::Float);
            let x = space_to_depth(packets, factor).reshape([-1, inputs as i64]).to_kind(Kind::Double);
            let one = Tensor::ones([x.size()[0], 1], (Kind::Double, Device::Cpu));
            let x = Tensor::cat(&[x, one], 1);
            square += x.tr().matmul(&x);
            mixed += x.tr().matmul(&y.reshape([-1, config.latents() as i64]).to_kind(Kind::Double));
        }
    });
    let ridge = Tensor::eye(unknowns, (Kind::Double, Device::Cpu)) * RIDGE;
    let solution = Tensor::linalg_solve(&(square + ridge), &mixed, true).to_kind(Kind::Float);
    tensors.insert(name("1.weight"), solution.narrow(0, 0, inputs as i64).tr().contiguous());
    tensors.insert(name("1.bias"), solution.select(0, inputs as i64).contiguous());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::initial;

    #[test]
    fn a_linear_analysis_is_found_again() {
        // Before training, residual branches give zero: the analysis of the image model is linear.
        let config = ModelConfig::image_fast();
        tch::manual_seed(3);
        let packets: Vec<Tensor> =
            (0..4).map(|_| Tensor::randn([1, 32, 32, 192], (Kind::Float, Device::Cpu))).collect();
        let params = initial::parameters(&config, &Tensor::cat(&packets, 0), Device::Cpu);
        let mut saved = Vec::new();
        params.collect("average.", &mut saved);
        let mut saved: BTreeMap<String, Tensor> = saved.into_iter().collect();
        let linear = ModelConfig::image_linear();
        assert!(is_linear(&linear) && !is_linear(&config));
        fit(&linear, "average.", &packets, &mut saved);
        let mut fitted = initial::parameters(&linear, &Tensor::cat(&packets, 0), Device::Cpu);
        fitted.restore("average.", &saved).unwrap();
        let levels = Levels::new(&[0.0], linear.lambdas.len(), Device::Cpu);
        let run = |params: &Params, layers: &[Layer]| {
            tch::no_grad(|| layers::forward(params, "analysis", layers, &packets[0], &levels, Kind::Float))
        };
        let (y, fitted) = (run(&params, &config.analysis), run(&fitted, &linear.analysis));
        let error = (&fitted - &y).square().mean(Kind::Float).double_value(&[]);
        let energy = y.square().mean(Kind::Float).double_value(&[]);
        assert!(error < 1e-6 * energy, "{error} of {energy}");
    }
}
