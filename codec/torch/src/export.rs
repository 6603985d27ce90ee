//! Trained floats → the weight file. The one place where floats become the integers that decide probabilities.
//!
//! Integer layers are rounded exactly as the training's forward pass rounded them ([`crate::prior`]): weights to
//! signed 8 bits times a power of two per output channel, biases to the unit of the sums. The file is then read back
//! by the codec, which proves for every output channel that no partial sum can leave the exact range, and refuses
//! the file if one could.

use crate::params::Params;
use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};
use wavern::Weights;
use wavern::internals::kernel::float;
use wavern::internals::network::ContextConfig;
use wavern::internals::network::ModelConfig;
use wavern::internals::network::layers::{Network, Prepared};
use wavern::internals::prior::units;
use wavern::internals::weight_file::{self, TensorMap};
use wavern::internals::weights::Part;

/// Tensors of a weight file before they are written.
type Entries = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

/// Builds the weight file of a model from its parameters by name.
///
/// # Errors
/// If a parameter is missing, or the codec refuses the result: a partial sum could leave the exact range, say.
pub fn weight_file(config: &ModelConfig, params: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, String> {
    let mut entries = Entries::new();
    for (name, tensor) in params {
        let integer = ["hyper_synthesis.", "context.", "hyper_prior."].iter().any(|p| name.starts_with(p));
        if integer {
            continue;
        }
        let values = floats(tensor);
        let (dtype, bytes) = if name.starts_with("gain.") {
            (Dtype::F32, values.iter().flat_map(|v| v.to_le_bytes()).collect())
        } else {
            (Dtype::F16, values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect())
        };
        entries.insert(name.clone(), (dtype, shape(tensor), bytes));
    }
    let last = format!("hyper_synthesis.{}", config.hyper_synthesis.len() - 1);
    for (name, weight) in params {
        let Some(layer) = name.strip_suffix(".weight") else { continue };
        if layer.starts_with("hyper_synthesis.") || layer.starts_with("context.") {
            let level_bias = (layer == last).then(|| params.get("hyper_synthesis.level_bias")).flatten();
            let bias = get(params, &format!("{layer}.bias"))?;
            integer_layer(&mut entries, &config.context, layer, weight, bias, level_bias)?;
        }
    }
    hyper_prior(&mut entries, params, config.context.components)?;
    let json = serde_json::to_string(config).map_err(|e| e.to_string())?;
    let metadata = [("wavern".to_owned(), json)].into_iter().collect();
    let views = entries.iter().map(|(name, (dtype, shape, bytes))| {
        TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name, view)).map_err(|e| e.to_string())
    });
    let views: Vec<_> = views.collect::<Result<_, String>>()?;
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|e| e.to_string())?;
    Weights::from_bytes(&bytes).map_err(|e| e.to_string())?;
    Ok(bytes)
}

/// Unit of what output channel `row` of `rows` gives. A head's rows are planes of equal size.
fn output_unit(config: &ContextConfig, is_head: bool, row: usize, rows: usize) -> i32 {
    match (is_head, row * config.planes() / rows / config.components) {
        (false, _) => units::ACTIVATION,
        (true, 0) => units::LOGIT_SHIFT,
        (true, 1) => units::MEAN_SHIFT,
        (true, 2) => units::SCALE_SHIFT,
        (true, _) => units::RESIDUAL_SHIFT,
    }
}

fn integer_layer(
    entries: &mut Entries,
    context: &ContextConfig,
    layer: &str,
    weight: &Tensor,
    bias: &Tensor,
    level_bias: Option<&Tensor>,
) -> Result<(), String> {
    let is_head = layer.ends_with(".head");
    let rows = weight.size()[0] as usize;
    let values = floats(weight);
    let per_row = values.len() / rows;
    let bias = floats(bias);
    let levels = level_bias.map(floats).unwrap_or_default();
    let coarsest = units::coarsest_weight(layer);
    let unit_in = units::input(layer);
    let limit = units::WEIGHT_LIMIT as f32;
    let (mut weights, mut biases, mut shifts) = (Vec::new(), Vec::new(), Vec::new());
    let mut level_biases = vec![0i32; levels.len()];
    for (row, values) in values.chunks_exact(per_row).enumerate() {
        let largest = values.iter().fold(1e-9f32, |m, v| m.max(v.abs()));
        let unit = ((limit / largest).log2().floor() as i64).clamp(coarsest, units::FINEST_WEIGHT) as i32;
        let scale = (unit as f32).exp2();
        weights.extend(values.iter().map(|v| (v * scale).round_ties_even().clamp(-limit, limit) as i8 as u8));
        let sum_unit = f64::from(unit + unit_in).exp2();
        biases.push((f64::from(bias[row]) * sum_unit).round() as i32);
        for (out, value) in level_biases.iter_mut().zip(&levels).skip(row).step_by(rows) {
            *out = (f64::from(*value) * sum_unit).round() as i32;
        }
        let shift = unit + unit_in - output_unit(context, is_head, row, rows);
        shifts.push(
            u8::try_from(shift).map_err(|_| format!("{layer} channel {row}: weights up to {largest}"))?,
        );
    }
    let le = |values: &[i32]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
    entries.insert(format!("{layer}.weight"), (Dtype::I8, shape(weight), weights));
    entries.insert(format!("{layer}.bias"), (Dtype::I32, vec![rows], le(&biases)));
    entries.insert(format!("{layer}.shift"), (Dtype::U8, vec![rows], shifts));
    if !levels.is_empty() {
        let shape = vec![levels.len() / rows, rows];
        entries.insert("hyper_synthesis.level_bias".into(), (Dtype::I32, shape, le(&level_biases)));
    }
    Ok(())
}

/// Static mixtures of ẑ: `[anchors, K, channels]`, weights `[anchors, K - 1, channels]`.
fn hyper_prior(
    entries: &mut Entries,
    params: &BTreeMap<String, Tensor>,
    components: usize,
) -> Result<(), String> {
    let logits = get(params, "hyper_prior.logits")?;
    let weights =
        (logits * std::f64::consts::LN_2).softmax(1, Kind::Float).narrow(1, 0, components as i64 - 1);
    let means = get(params, "hyper_prior.means")?;
    let scales = get(params, "hyper_prior.scales")?;
    let bytes =
        |t: &Tensor, f: &dyn Fn(f32) -> Vec<u8>| floats(t).into_iter().flat_map(f).collect::<Vec<u8>>();
    if components > 1 {
        let values = bytes(&weights, &|v| vec![(v * 256.0).round().clamp(0.0, 255.0) as u8]);
        entries.insert("hyper_prior.weights".into(), (Dtype::U8, shape(&weights), values));
    }
    let values =
        bytes(means, &|v| ((v * 64.0).round().clamp(-32768.0, 32767.0) as i16).to_le_bytes().to_vec());
    entries.insert("hyper_prior.means".into(), (Dtype::I16, shape(means), values));
    let values = bytes(scales, &|v| vec![v.round().clamp(0.0, 255.0) as u8]);
    entries.insert("hyper_prior.scales".into(), (Dtype::U8, shape(scales), values));
    Ok(())
}

/// The parameters of a weight file, the mirror of [`weight_file`]: integers become the reals they stand for.
///
/// # Errors
/// If it is not a weight file.
pub fn parameters(bytes: &[u8], device: Device) -> Result<(ModelConfig, Params), weight_file::Error> {
    let config = weight_file::read_config(bytes)?;
    let map = TensorMap::new(bytes)?;
    let mut params = Params::new(device);
    let mut quantized = Vec::new();
    for part in [Part::Analysis, Part::Synthesis] {
        quantized.extend(quantized_layers(&mut params, part.name(), &part.load(&map, &config)?));
    }
    for name in map.names() {
        let integer = ["hyper_synthesis.", "context.", "hyper_prior."].iter().any(|p| name.starts_with(p));
        let quantized = quantized.iter().any(|p| name.starts_with(p)) && !name.contains(".gain");
        if !integer && !quantized {
            let shape = map.shape(&name)?;
            set(&mut params, &name, &shape, &map.floats(&name, &shape)?);
        }
    }
    for name in map.names() {
        let Some(layer) = name.strip_suffix(".shift") else { continue };
        let shape = map.shape(&format!("{layer}.weight"))?;
        let rows = shape[0];
        let (is_head, unit_in) = (layer.ends_with(".head"), units::input(layer));
        let units: Vec<i32> = map
            .u8s(&name, &[rows])?
            .iter()
            .enumerate()
            .map(|(row, &shift)| {
                i32::from(shift) - unit_in + output_unit(&config.context, is_head, row, rows)
            })
            .collect();
        let weight = map.i8s(&format!("{layer}.weight"), &shape)?;
        let per_row = weight.len() / rows;
        let real = |value: f32, unit: i32| value * (-unit as f32).exp2();
        let weight: Vec<f32> =
            weight.iter().enumerate().map(|(i, &w)| real(f32::from(w), units[i / per_row])).collect();
        set(&mut params, &format!("{layer}.weight"), &shape, &weight);
        let offsets = |name: &str, shape: &[usize]| -> Result<Vec<f32>, weight_file::Error> {
            let values = map.i32s(name, shape)?;
            Ok(values.iter().enumerate().map(|(i, &b)| real(b as f32, units[i % rows] + unit_in)).collect())
        };
        let bias = offsets(&format!("{layer}.bias"), &[rows])?;
        set(&mut params, &format!("{layer}.bias"), &[rows], &bias);
        if layer == format!("hyper_synthesis.{}", config.hyper_synthesis.len() - 1) {
            let shape = [config.lambdas.len(), rows];
            let levels = offsets("hyper_synthesis.level_bias", &shape)?;
            set(&mut params, "hyper_synthesis.level_bias", &shape, &levels);
        }
    }
    let (anchors, k, z) = (config.lambdas.len(), config.context.components, config.hyper_latents());
    let given = if k > 1 { map.u8s("hyper_prior.weights", &[anchors, k - 1, z])? } else { Vec::new() };
    let mut logits = vec![0f32; anchors * k * z];
    for anchor in 0..anchors {
        for channel in 0..z {
            let mut left = 256.0f32;
            for component in 0..k {
                let share = match component + 1 < k {
                    true => f32::from(given[(anchor * (k - 1) + component) * z + channel]).min(left),
                    false => left,
                };
                left -= share;
                logits[(anchor * k + component) * z + channel] = share.max(0.25).log2();
            }
        }
    }
    let shape = [anchors, k, z];
    set(&mut params, "hyper_prior.logits", &shape, &logits);
    let means: Vec<f32> =
        map.i16s("hyper_prior.means", &shape)?.iter().map(|&m| f32::from(m) / 64.0).collect();
    set(&mut params, "hyper_prior.means", &shape, &means);
    let scales: Vec<f32> = map.u8s("hyper_prior.scales", &shape)?.iter().map(|&s| f32::from(s)).collect();
    set(&mut params, "hyper_prior.scales", &shape, &scales);
    Ok((config, params))
}

/// The layers of a network in integers as the reals they stand for; their prefixes.
fn quantized_layers(params: &mut Params, name: &str, network: &Network) -> Vec<String> {
    let mut pointwise = |prefix: &str, layer: &float::Pointwise| {
        set(params, &format!("{prefix}weight"), &[layer.outputs(), layer.inputs()], &layer.weight());
        set(params, &format!("{prefix}bias"), &[layer.outputs()], layer.bias());
    };
    let mut depthwise = Vec::new();
    let mut prefixes = Vec::new();
    for (index, layer) in network.layers().iter().enumerate() {
        let prefix = format!("{name}.{index}.");
        match layer {
            Prepared::IntegerPointwise(layer) => pointwise(&prefix, &layer.real()),
            Prepared::IntegerResidual(layers) => {
                let layers = layers.real();
                pointwise(&format!("{prefix}expand."), &layers.expand);
                pointwise(&format!("{prefix}project."), &layers.project);
                pointwise(&format!("{prefix}ff_expand."), &layers.ff_expand);
                pointwise(&format!("{prefix}ff_project."), &layers.ff_project);
                depthwise.push((format!("{prefix}depthwise."), layers.depthwise));
            }
            _ => continue,
        }
        prefixes.push(prefix);
    }
    for (prefix, layer) in depthwise {
        let [rows, columns] = layer.kernel();
        set(params, &format!("{prefix}weight"), &[layer.channels(), rows, columns], &layer.weight());
        set(params, &format!("{prefix}bias"), &[layer.channels()], layer.bias());
    }
    prefixes
}

fn set(params: &mut Params, name: &str, shape: &[usize], values: &[f32]) {
    let shape: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
    params.set(name, &Tensor::from_slice(values).view(shape.as_slice()));
}

fn get<'a>(params: &'a BTreeMap<String, Tensor>, name: &str) -> Result<&'a Tensor, String> {
    params.get(name).ok_or_else(|| format!("parameter {name} is missing"))
}

fn shape(tensor: &Tensor) -> Vec<usize> {
    tensor.size().iter().map(|&n| n as usize).collect()
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    let flat = tensor.detach().to_kind(Kind::Float).contiguous().view([-1]);
    Vec::<f32>::try_from(&flat).expect("a flat f32 tensor converts")
}
