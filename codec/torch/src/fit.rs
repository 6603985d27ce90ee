//! Parameters of one model as the start of another: fewer components of the mixtures, latent residuals added.

use std::collections::BTreeMap;
use tch::{Kind, Tensor};
use wavern::network::ModelConfig;

/// An activation of the last hidden layer that counts as usual when components are compared.
const USUAL: f64 = 0.3;

/// Changes heads and static mixtures under `prefix` so that they fit `config`. Of more components than it has, those of
/// the largest weights are kept, channel by channel; latent residuals start at zero. Tensors that fit already, and
/// those that cannot be made to, stay as they are.
pub fn fit(config: &ModelConfig, prefix: &str, tensors: &mut BTreeMap<String, Tensor>) {
    let k = config.context.components as i64;
    for step in 0..2 * config.context.slices.len() {
        let channels = config.context.slices[step / 2] as i64;
        let names = ["weight", "bias"].map(|part| format!("{prefix}context.{step}.head.{part}"));
        let (Some(weight), Some(bias)) = (tensors.get(&names[0]), tensors.get(&names[1])) else { continue };
        let planes = weight.size()[0] / channels;
        let (had, hidden) = (planes / 3, weight.size()[1]);
        if had < k || planes == config.context.planes() as i64 {
            continue;
        }
        // Logits, means, scales: [3, K, channels, hidden + 1], the bias as the last column.
        let all = Tensor::cat(&[weight.shallow_clone(), bias.unsqueeze(1)], 1).view([planes, channels, -1]);
        let mixture = all.narrow(0, 0, 3 * had).view([3, had, channels, hidden + 1]);
        let logits = mixture.get(0);
        let usual = logits.narrow(2, 0, hidden).sum_dim_intlist([2i64].as_slice(), false, Kind::Float);
        let kept = heaviest(&(logits.select(2, hidden) + usual * USUAL), k, 0);
        let index = kept.view([1, k, channels, 1]).expand([3, k, channels, hidden + 1], false);
        let mut parts = vec![mixture.gather(1, &index, false).view([3 * k, channels, -1])];
        if config.context.residual {
            parts.push(match planes % 3 {
                0 => Tensor::zeros([1, channels, hidden + 1], (Kind::Float, weight.device())),
                _ => all.narrow(0, 3 * had, 1),
            });
        }
        let rows = Tensor::cat(&parts, 0).view([-1, hidden + 1]);
        let fitted = [rows.narrow(1, 0, hidden).contiguous(), rows.select(1, hidden).contiguous()];
        tensors.extend(names.into_iter().zip(fitted));
    }
    let name = |part: &str| format!("{prefix}hyper_prior.{part}");
    let Some(kept) = tensors.get(&name("logits")).filter(|l| l.size()[1] > k).map(|l| heaviest(l, k, 1))
    else {
        return;
    };
    for part in ["logits", "means", "scales"] {
        if let Some(tensor) = tensors.get_mut(&name(part)) {
            *tensor = tensor.gather(1, &kept, false);
        }
    }
}

/// Indices of the `count` largest values along a dimension, rising.
fn heaviest(values: &Tensor, count: i64, dim: i64) -> Tensor {
    values.topk(count, dim, true, false).1.sort(dim, false).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_components_stay_and_residuals_start_at_zero() {
        let mut config = ModelConfig::image();
        config.context.slices = vec![1];
        config.context.components = 2;
        config.context.residual = true;
        // One channel, one hidden value, three components: rows are logits, means, scales.
        let weight = Tensor::from_slice(&[0f32, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).view([9, 1]);
        let bias = Tensor::from_slice(&[5f32, -5.0, 7.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
        let logits = Tensor::from_slice(&[1f32, 9.0, 2.0]).view([1, 3, 1]);
        let mut tensors = BTreeMap::from([
            ("context.0.head.weight".to_owned(), weight),
            ("context.0.head.bias".to_owned(), bias),
            ("hyper_prior.logits".to_owned(), logits.shallow_clone()),
            ("hyper_prior.means".to_owned(), &logits * 10.0),
        ]);
        fit(&config, "", &mut tensors);
        let values = |name: &str| Vec::<f32>::try_from(&tensors[name].view([-1])).unwrap();
        assert_eq!(values("context.0.head.weight"), [0.0, 0.0, 1.0, 3.0, 4.0, 6.0, 0.0]);
        assert_eq!(values("context.0.head.bias"), [5.0, 7.0, 0.1, 0.3, 0.4, 0.6, 0.0]);
        assert_eq!(values("hyper_prior.logits"), [9.0, 2.0]);
        assert_eq!(values("hyper_prior.means"), [90.0, 20.0]);
        let before = tensors["context.0.head.weight"].shallow_clone();
        fit(&config, "", &mut tensors);
        assert!(tensors["context.0.head.weight"].equal(&before));
    }
}
