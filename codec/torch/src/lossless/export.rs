//! Sets of networks in reals → the weight file for pictures without loss, and back.

use super::network::PLANES;
use crate::params::Params;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};
use wavern::internals::lossless::network::inputs::Plane;
use wavern::internals::lossless::network::model::Parameters;
use wavern::internals::lossless::network::shape::{BIAS, LAYERS, Shape, WEIGHT};
use wavern::internals::lossless::weights::LosslessWeights;
use wavern::internals::weight_file::TensorMap;

/// The weight file of some sets with their names, in the order in which files number them. Weights are rounded to 1/64
/// and limited to ±127 of these; biases to 1/1024.
///
/// # Errors
/// If the codec refuses the result: too many sets, say.
pub fn weight_file(sets: &[(String, Params)]) -> Result<Vec<u8>, String> {
    let mut entries: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (set, params) in sets {
        for plane in Plane::ALL {
            let name = PLANES[plane as usize];
            let whole = Parameters::nearest(Shape::of(plane), &reals(params, plane)?);
            for (layer, (outputs, inputs)) in Shape::of(plane).layers().into_iter().enumerate() {
                let name = format!("{set}.{name}.{}", LAYERS[layer]);
                let weight = whole.weight[layer].iter().map(|w| w.to_le_bytes()[0]).collect();
                let bias = whole.bias[layer].iter().flat_map(|b| b.to_le_bytes()).collect();
                entries.insert(format!("{name}.weight"), (Dtype::I8, vec![outputs, inputs], weight));
                entries.insert(format!("{name}.bias"), (Dtype::I16, vec![outputs], bias));
            }
        }
    }
    let names: Vec<&String> = sets.iter().map(|(name, _)| name).collect();
    let contents = serde_json::json!({ "kind": "lossless", "sets": names }).to_string();
    let metadata = [("wavern".to_owned(), contents)].into_iter().collect();
    let views = entries.iter().map(|(name, (dtype, shape, bytes))| {
        TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name, view)).map_err(|e| e.to_string())
    });
    let views: Vec<_> = views.collect::<Result<_, String>>()?;
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|e| e.to_string())?;
    LosslessWeights::from_bytes(&bytes).map_err(|e| e.to_string())?;
    Ok(bytes)
}

/// The parameters of a plane, for each layer its weights, then its biases.
fn reals(params: &Params, plane: Plane) -> Result<Vec<f32>, String> {
    let mut all = Vec::with_capacity(Shape::of(plane).parameters());
    for (layer, (outputs, inputs)) in Shape::of(plane).layers().into_iter().enumerate() {
        let name = format!("{}.{}", PLANES[plane as usize], LAYERS[layer]);
        for (part, length) in [("weight", outputs * inputs), ("bias", outputs)] {
            let name = format!("{name}.{part}");
            let tensor = params.find(&name).ok_or_else(|| format!("there is no {name}"))?;
            let values = Vec::<f32>::try_from(tensor.detach().to_kind(Kind::Float).reshape([-1]));
            let values = values.map_err(|e| e.to_string())?;
            if values.len() != length {
                return Err(format!("{name} has {} values (expected {length})", values.len()));
            }
            all.extend(values);
        }
    }
    Ok(all)
}

/// The set of this name of a weight file, to start from.
///
/// # Errors
/// If it is no such file, or has no such set.
pub fn parameters(file: &[u8], set: &str) -> Result<Params, String> {
    let map = TensorMap::new(file).map_err(|e| e.to_string())?;
    let mut params = Params::new(Device::Cpu);
    for plane in Plane::ALL {
        for (layer, (outputs, inputs)) in Shape::of(plane).layers().into_iter().enumerate() {
            let name = format!("{}.{}", PLANES[plane as usize], LAYERS[layer]);
            let weight = map.i8s(&format!("{set}.{name}.weight"), &[outputs, inputs]);
            let weight: Vec<f32> =
                weight.map_err(|e| e.to_string())?.into_iter().map(|w| f32::from(w) / WEIGHT).collect();
            let bias = map.i16s(&format!("{set}.{name}.bias"), &[outputs]).map_err(|e| e.to_string())?;
            let bias: Vec<f32> = bias.into_iter().map(|b| f32::from(b) / BIAS).collect();
            let shape = [outputs as i64, inputs as i64];
            params.set(&format!("{name}.weight"), &Tensor::from_slice(&weight).view(shape));
            params.set(&format!("{name}.bias"), &Tensor::from_slice(&bias));
        }
    }
    Ok(params)
}
