//! Hidden units that no input opens any more, and new ones in their places.
//!
//! A large step can push a unit so far that its ReLU is closed for every picture. No gradient reaches it then, and the
//! network stays smaller than it could be. At the start of a training such units are drawn anew; what they say is
//! multiplied by zero at first, so that the network computes the same.

use crate::layers::{Levels, forward_watched};
use crate::params::Params;
use std::collections::BTreeMap;
use tch::{Kind, Tensor, no_grad};
use wavern::internals::network::ModelConfig;

/// Crops that a unit has to be closed for.
const CROPS: i64 = 64;

/// Opens the closed units of the analysis: those that the first 64 of `packets`, `[batch, rows, columns, channels]`,
/// leave at zero. `tensors` are the parameters under `prefix`, `fresh` random ones of the same shapes.
///
/// Returns the number of units that were opened.
pub fn open(
    config: &ModelConfig,
    prefix: &str,
    packets: &Tensor,
    fresh: &Params,
    tensors: &mut BTreeMap<String, Tensor>,
) -> i64 {
    let packets = &packets.narrow(0, 0, packets.size()[0].min(CROPS));
    no_grad(|| {
        let mut params = Params::new(packets.device());
        for (name, tensor) in tensors.iter() {
            if let Some(name) = name.strip_prefix(prefix).filter(|name| name.starts_with("analysis.")) {
                params.set(name, tensor);
            }
        }
        let anchors = config.lambdas.len();
        let levels = Levels::new(&vec![0.0; packets.size()[0] as usize], anchors, packets.device());
        let mut closed = Vec::new();
        let mut watch = |name: &str, units: &Tensor| {
            closed.push((name.to_owned(), units.amax([0i64, 1, 2].as_slice(), false).le(0.0)));
        };
        let _ =
            forward_watched(&params, "analysis", &config.analysis, packets, &levels, Kind::Float, &mut watch);
        closed.iter().map(|(name, closed)| replace(prefix, name, closed, fresh, tensors)).sum()
    })
}

/// New units for those of the layer `expand`, such as `analysis.1.expand`, that are `closed`.
fn replace(
    prefix: &str,
    expand: &str,
    closed: &Tensor,
    fresh: &Params,
    tensors: &mut BTreeMap<String, Tensor>,
) -> i64 {
    let (block, layer) = expand.rsplit_once('.').unwrap_or(("", expand));
    let at = |name: &str| format!("{prefix}{block}.{name}");
    let (project, drawn): (_, &[&str]) = match layer {
        "expand" => ("project", &["expand.weight", "expand.bias", "depthwise.weight", "depthwise.bias"]),
        _ => ("ff_project", &["ff_expand.weight", "ff_expand.bias"]),
    };
    let weight = at(&format!("{project}.weight"));
    if layer == "expand" {
        // A closed unit said one thing everywhere: the bias of its filter.
        let said = &tensors[&at("depthwise.bias")] * closed;
        let moved = &tensors[&at("project.bias")] + tensors[&weight].mv(&said);
        tensors.insert(at("project.bias"), moved);
    }
    for name in drawn {
        let old = &tensors[&at(name)];
        let mut rows = vec![1; old.dim()];
        rows[0] = -1;
        let new = fresh.get(&format!("{block}.{name}")).to_device(old.device());
        let mixed = new.where_self(&closed.view(rows.as_slice()), old);
        tensors.insert(at(name), mixed.detach());
    }
    let silent = tensors[&weight].masked_fill(&closed.unsqueeze(0), 0.0);
    tensors.insert(weight, silent);
    closed.sum(Kind::Int64).int64_value(&[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::initial;
    use crate::layers::forward;
    use tch::Device;

    #[test]
    fn closed_units_open_and_the_network_computes_the_same() {
        tch::manual_seed(4);
        let config = ModelConfig::image();
        let options = (Kind::Float, Device::Cpu);
        let packets = Tensor::randn([8, 16, 16, config.packet_channels() as i64], options);
        let fresh = initial::parameters(&config, &packets, Device::Cpu);
        let mut tensors: BTreeMap<String, Tensor> =
            fresh.iter().map(|(name, tensor)| (format!("average.{name}"), tensor.detach().copy())).collect();
        for (name, tensor) in tensors.iter_mut().filter(|(name, _)| name.starts_with("average.analysis.1.")) {
            if name.ends_with("project.weight") || name.ends_with("depthwise.bias") {
                *tensor = Tensor::randn(tensor.size(), options) * 0.1;
            }
            if name.ends_with("expand.bias") {
                let _ = tensor.narrow(0, 3, 5).fill_(-1e4);
            }
        }
        let run = |tensors: &BTreeMap<String, Tensor>| {
            let mut params = Params::new(Device::Cpu);
            tensors.iter().for_each(|(name, tensor)| params.set(&name["average.".len()..], tensor));
            let levels = Levels::new(&[0.0; 8], config.lambdas.len(), Device::Cpu);
            no_grad(|| forward(&params, "analysis", &config.analysis, &packets, &levels, Kind::Float))
        };
        let before = run(&tensors);
        // Five of the filters and five of the pointwise half.
        assert_eq!(open(&config, "average.", &packets, &fresh, &mut tensors), 10);
        let error = (run(&tensors) - &before).abs().max() / before.abs().max();
        assert!(error.double_value(&[]) < 1e-5, "{error:?}");
        assert_eq!(open(&config, "average.", &packets, &fresh, &mut tensors), 0);
    }
}
