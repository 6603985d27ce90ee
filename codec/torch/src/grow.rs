//! Parameters of one model as the start of another.
//!
//! A larger model begins as the smaller one: what is new adds zero, and learns because only one side of it is zero. New
//! channels carry random combinations that nobody listens to yet, new units of a layer listen and say nothing, new
//! blocks and new steps of the prior likewise. Fewer components of the mixtures are the heaviest ones of those that
//! were.

use crate::initial;
use crate::params::Params;
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};
use wavern::internals::network::{CodingStep, Layer, ModelConfig};

/// An activation of the last hidden layer that counts as usual when components are compared.
const USUAL: f64 = 0.3;

type Tensors = BTreeMap<String, Tensor>;

/// Makes the tensors under `prefix`, which are those of the model `old`, fit the model `new`.
///
/// # Errors
/// If the models differ in more than the width and depth of the synthesis, the parts of slices, the components of
/// mixtures and their residuals.
pub fn grow(old: &ModelConfig, new: &ModelConfig, prefix: &str, tensors: &mut Tensors) -> Result<(), String> {
    tch::manual_seed(2);
    context(old, new, prefix, tensors)?;
    fit(new, prefix, tensors);
    synthesis(old, new, prefix, tensors)
}

/// The networks of every step from those of the step that knew nearly as much.
fn context(old: &ModelConfig, new: &ModelConfig, prefix: &str, tensors: &mut Tensors) -> Result<(), String> {
    if old.context.parts == new.context.parts || old.context.slices != new.context.slices {
        return Ok(());
    }
    let mut fresh = Params::new(Device::Cpu);
    // As the old heads are: they are fitted later.
    let mut like_old = new.clone();
    (like_old.context.components, like_old.context.residual) = (old.context.components, old.context.residual);
    let mut grown = Tensors::new();
    for step in new.context.steps() {
        // A half of the checkerboard may have been split in two.
        let half = if step.parts == 4 { step.part / 2 } else { step.part };
        let source = old.context.steps().find(|other| {
            let part = if other.parts == step.parts { step.part } else { half };
            other.channels == step.channels && other.part == part
        });
        let Some(source) = source.filter(|source| source.parts <= step.parts) else {
            return Err("parts of slices can be split, not joined".into());
        };
        initial::context_step(&mut fresh, &like_old, &step);
        for layer in ["look", "around", "fuse", "mix", "head"] {
            for part in ["weight", "bias"] {
                let to = format!("{}.{part}", step.name(layer));
                let from = tensors.get(&format!("{prefix}{}.{part}", source.name(layer)));
                match (from, fresh.find(&to)) {
                    (Some(from), _) => grown.insert(format!("{prefix}{to}"), from.shallow_clone()),
                    (None, Some(new)) => grown.insert(format!("{prefix}{to}"), new.detach()),
                    (None, None) => None,
                };
            }
        }
        let fuse = format!("{prefix}{}.weight", step.name("fuse"));
        if source.seen() == 0 && step.seen() > 0 {
            // It had no context: what is seen now is not listened to yet.
            let weight = &grown[&fuse];
            let silent =
                Tensor::zeros([weight.size()[0], new.context.width as i64], (Kind::Float, Device::Cpu));
            let wider = Tensor::cat(&[weight.shallow_clone(), silent], 1);
            grown.insert(fuse, wider);
        } else if step.part > 2 {
            ignore_diagonals(prefix, &step, &mut grown);
        }
    }
    tensors.retain(|name, _| !name.starts_with(&format!("{prefix}context.")));
    tensors.extend(grown);
    Ok(())
}

/// The last part of four sees the diagonal neighbours, where its source saw zeros: what it made of zeros goes into the
/// bias, and the filters begin without them. At the borders of a window, where there are no neighbours, that differs a
/// little.
fn ignore_diagonals(prefix: &str, step: &CodingStep, tensors: &mut Tensors) {
    let name = |layer: &str, part: &str| format!("{prefix}{}.{part}", step.name(layer));
    let seen = tensors[&name("look", "bias")].relu();
    let mut filters = tensors[&name("around", "weight")].copy();
    let size = filters.size();
    let bias = tensors[&name("around", "bias")].copy();
    let mut moved = bias.zeros_like();
    for row in 0..size[1] {
        for column in 0..size[2] {
            let (dy, dx) = (row - size[1] / 2, column - size[2] / 2);
            if dy % 2 != 0 && dx % 2 != 0 {
                moved += filters.select(1, row).select(1, column) * &seen;
                let _ = filters.select(1, row).select(1, column).zero_();
            }
        }
    }
    filters = filters.contiguous();
    tensors.insert(name("around", "weight"), filters);
    tensors.insert(name("around", "bias"), bias + moved);
}

/// Wider layers and further blocks.
fn synthesis(
    old: &ModelConfig,
    new: &ModelConfig,
    prefix: &str,
    tensors: &mut Tensors,
) -> Result<(), String> {
    if old.synthesis == new.synthesis {
        return Ok(());
    }
    let is_block = |layer: &Layer| matches!(layer, Layer::Residual { .. });
    let mut fresh = Params::new(Device::Cpu);
    let (mut grown, mut index) = (Tensors::new(), 0);
    for (to, layer) in new.synthesis.iter().enumerate() {
        initial::random_layer(&mut fresh, &format!("synthesis.{to}."), layer, Some(new.lambdas.len() as i64));
        if is_block(layer) && !old.synthesis.get(index).is_some_and(is_block) {
            continue;
        }
        let blocks_are_left = !is_block(layer) && old.synthesis.get(index).is_some_and(is_block);
        if blocks_are_left || index == old.synthesis.len() {
            return Err("the new synthesis is not deeper than the old one".into());
        }
        let from = format!("{prefix}synthesis.{index}.");
        for (name, value) in tensors.iter().filter_map(|(n, t)| Some((n.strip_prefix(&from)?, t))) {
            let whole = fresh.get(&format!("synthesis.{to}.{name}")).detach().copy();
            // Rows of a layer before depth_to_space are positions of a block by channels.
            let block = match new.synthesis.get(to + 1) {
                Some(Layer::DepthToSpace { factor: [r, s] }) if !is_block(layer) => (r * s) as i64,
                _ => 1,
            };
            let wide = widened(name, value, &whole, block)?;
            grown.insert(format!("{prefix}synthesis.{to}.{name}"), wide);
        }
        index += 1;
    }
    if index != old.synthesis.len() {
        return Err("the new synthesis is not deeper than the old one".into());
    }
    tensors.retain(|name, _| !name.starts_with(&format!("{prefix}synthesis.")));
    for (name, value) in fresh.iter() {
        grown.entry(format!("{prefix}{name}")).or_insert_with(|| value.detach());
    }
    tensors.extend(grown);
    Ok(())
}

/// `value` in the corner of `whole`, a fresh layer. Old outputs do not listen to new inputs; new outputs stay as fresh
/// as they are: random in a layer that others listen to, nothing in one that adds to the trunk.
fn widened(name: &str, value: &Tensor, whole: &Tensor, blocks: i64) -> Result<Tensor, String> {
    let (size, to) = (value.size(), whole.size());
    if size.len() != to.len() || size.iter().zip(&to).any(|(a, b)| a > b) {
        return Err(format!("{name}: {size:?} cannot become {to:?}"));
    }
    let out = whole.copy();
    // A table by level has its channels in the last dimension, all else its outputs in the first.
    let is_table = name.starts_with("gain");
    let split = |t: &Tensor| match is_table {
        true => t.shallow_clone(),
        false => t.view([&[blocks, t.size()[0] / blocks], &t.size()[1..]].concat().as_slice()),
    };
    let (from, mut place) = (split(value), split(&out));
    if !is_table {
        let _ = place.narrow(1, 0, from.size()[1]).zero_();
    }
    for (dim, &length) in from.size().iter().enumerate() {
        place = place.narrow(dim as i64, 0, length);
    }
    place.copy_(&from);
    Ok(out)
}

/// Changes heads and static mixtures under `prefix` so that they fit `config`. Of more components than it has, those of
/// the largest weights are kept, channel by channel; latent residuals start at zero. Tensors that fit already, and
/// those that cannot be made to, stay as they are.
fn fit(config: &ModelConfig, prefix: &str, tensors: &mut Tensors) {
    let k = config.context.components as i64;
    for step in config.context.steps() {
        let channels = step.channels.len() as i64;
        let names = ["weight", "bias"].map(|part| format!("{prefix}{}.{part}", step.name("head")));
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
    use crate::layers::Levels;
    use crate::model::{Model, Outcome, Rounding};

    #[test]
    fn a_larger_model_starts_as_the_smaller_one() {
        // With zeros for diagonal neighbours, `look` gives zeros or something; at borders there are none.
        for (look, bound) in [(-1.0, 1e-5), (0.2, 1e-2)] {
            starts_as_the_smaller_one(look, bound);
        }
    }

    fn starts_as_the_smaller_one(look: f64, bound: f64) {
        let (old, new) = (ModelConfig::image_fast(), ModelConfig::image());
        let packets = Tensor::randn([2, 16, 24, 192], (Kind::Float, Device::Cpu));
        let mut params = initial::parameters(&old, &packets, Device::Cpu);
        // Initial networks add nothing in many places: everything is to count.
        let names: Vec<String> = params.iter().map(|(name, _)| name.clone()).collect();
        for name in names.iter().filter(|name| name.contains("context") || name.contains("synthesis")) {
            let shift = if name == "context.1.look.bias" { look } else { 0.0 };
            let noisy = params.get(name).detach() + params.get(name).rand_like() * 0.02 + shift;
            params.set(name, &noisy);
        }
        let mut collected = Vec::new();
        params.collect("average.", &mut collected);
        let mut tensors: Tensors = collected.into_iter().collect();
        grow(&old, &new, "average.", &mut tensors).unwrap();
        let mut larger = initial::parameters(&new, &packets, Device::Cpu);
        larger.restore("average.", &tensors).unwrap();
        let run = |config: &ModelConfig, params: &Params| {
            let model = Model { config: config.clone(), compute: Kind::Float, float_prior: true };
            let levels = Levels::new(&[1.0, 4.5], config.lambdas.len(), Device::Cpu);
            tch::no_grad(|| model.forward(params, &packets, &levels, Rounding::Hard))
        };
        let (before, after) = (run(&old, &params), run(&new, &larger));
        let near = |part: fn(&Outcome) -> &Tensor| {
            let difference = (part(&before) - part(&after)).abs().max().double_value(&[]);
            let scale = part(&before).abs().max().double_value(&[]);
            assert!(difference <= bound * scale, "{look}: {difference} of {scale}");
        };
        near(|outcome| &outcome.hyper_bits);
        near(|outcome| &outcome.latent_bits);
        near(|outcome| &outcome.restored);
        assert!(grow(&new, &old, "average.", &mut tensors).is_err());
    }

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
