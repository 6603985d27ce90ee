//! The sets of networks: each for a kind of picture, all in one weight file.

use super::network::inputs::Plane;
use super::network::model::{Network, Parameters};
use super::network::shape::{LAYERS, Shape};
use crate::weight_file::{Error, TensorMap, id_of};
use serde::Deserialize;
use std::sync::{Arc, OnceLock};
use wavern_bitstream::WeightsId;

/// Sets that a payload can name; one more number stands for networks that the file itself brings.
const MAX_SETS: usize = 15;

/// What the metadata of the weight file say under `wavern`.
#[derive(Deserialize)]
struct Contents {
    /// `lossless`.
    kind: String,
    /// The names of the sets, in order.
    sets: Vec<String>,
}

/// Names of the planes in tensors.
const PLANES: [&str; 3] = ["first", "second", "third"];

/// Parameters of the three planes.
pub type Set = [Parameters; 3];

/// All sets, ready to run.
#[derive(Debug)]
pub struct LosslessWeights {
    /// Hash of the file.
    pub id: WeightsId,
    sets: Vec<(Set, Vec<Network>)>,
}

impl LosslessWeights {
    /// # Errors
    /// If it is not a weight file for pictures without loss, or contradicts itself.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::open(bytes, id_of(bytes))
    }

    fn open(bytes: &[u8], id: WeightsId) -> Result<Self, Error> {
        let map = TensorMap::new(bytes)?;
        let contents: Contents =
            serde_json::from_str(map.metadata()?).map_err(|e| Error::Config(e.to_string()))?;
        let count = contents.sets.len();
        if contents.kind != "lossless" || !(1..=MAX_SETS).contains(&count) {
            let found =
                format!("kind {} of {count} sets (expected lossless, 1 to {MAX_SETS})", contents.kind);
            return Err(Error::Config(found));
        }
        let sets = contents.sets.iter().map(|name| {
            let set = read(&map, name)?;
            let networks = networks(&set);
            Ok((set, networks))
        });
        Ok(Self { id, sets: sets.collect::<Result<_, Error>>()? })
    }

    /// How many sets there are.
    pub fn count(&self) -> usize {
        self.sets.len()
    }

    /// The parameters of a set.
    pub fn set(&self, index: usize) -> Option<&Set> {
        self.sets.get(index).map(|(set, _)| set)
    }

    /// The networks of a set, in the order of the planes.
    pub fn networks(&self, index: usize) -> Option<&[Network]> {
        self.sets.get(index).map(|(_, networks)| &networks[..])
    }
}

/// The networks of a set.
pub fn networks(set: &Set) -> Vec<Network> {
    Plane::ALL.into_iter().zip(set).map(|(plane, parameters)| Network::new(plane, parameters)).collect()
}

/// The set of this name.
fn read(map: &TensorMap<'_>, set: &str) -> Result<Set, Error> {
    let read = |plane: Plane| {
        let mut parameters = Parameters { weight: Default::default(), bias: Default::default() };
        for (layer, (outputs, inputs)) in Shape::of(plane).layers().into_iter().enumerate() {
            let name = format!("{set}.{}.{}", PLANES[plane as usize], LAYERS[layer]);
            parameters.weight[layer] = map.i8s(&format!("{name}.weight"), &[outputs, inputs])?;
            parameters.bias[layer] = map.i16s(&format!("{name}.bias"), &[outputs])?;
        }
        Ok(parameters)
    };
    Ok([read(Plane::First)?, read(Plane::Second)?, read(Plane::Third)?])
}

/// The weights of this process.
static WEIGHTS: OnceLock<Arc<LosslessWeights>> = OnceLock::new();

/// Gives the library the weights for pictures without loss, which it lacks without the feature `lossless`; their id.
/// They hold for the process: later ones are checked and not kept.
///
/// # Errors
/// If it is not a weight file for pictures without loss, or contradicts itself.
pub fn provide(file: &[u8]) -> Result<WeightsId, Error> {
    let weights = LosslessWeights::from_bytes(file)?;
    let id = weights.id;
    WEIGHTS.get_or_init(|| Arc::new(weights));
    Ok(id)
}

/// The weights inside the library, or those that it was given first.
///
/// # Errors
/// [`Error::NotBuiltIn`] if there are none.
pub fn built_in() -> Result<Arc<LosslessWeights>, Error> {
    if let Some(weights) = WEIGHTS.get() {
        return Ok(weights.clone());
    }
    let file = wavern_weights_1::lossless().ok_or(Error::NotBuiltIn { feature: "lossless" })?;
    let weights = Arc::new(LosslessWeights::open(file.bytes, WeightsId(file.id))?);
    Ok(WEIGHTS.get_or_init(|| weights).clone())
}

/// The weights of [`built_in`], if there are any and they have this id.
///
/// # Errors
/// None for the file that is shipped; the type is that of any weight file.
pub fn named(id: WeightsId) -> Result<Option<Arc<LosslessWeights>>, Error> {
    match built_in() {
        Ok(weights) => Ok(Some(weights).filter(|weights| weights.id == id)),
        Err(Error::NotBuiltIn { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_that_of_the_file() {
        let file = wavern_weights_1::lossless().unwrap();
        assert_eq!(built_in().unwrap().id, id_of(file.bytes));
        assert_eq!(provide(file.bytes).unwrap(), WeightsId(file.id));
        assert!(provide(&file.bytes[1..]).is_err());
        assert!(provide(wavern_weights_1::image().unwrap().bytes).is_err());
    }
}
