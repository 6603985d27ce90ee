//! The sets of networks: each for a kind of picture, all in one weight file.

use super::network::inputs::Plane;
use super::network::model::{Network, Parameters};
use super::network::shape::{LAYERS, Shape};
use crate::weight_file::{Error, TensorMap};
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

/// The weights inside the library.
///
/// # Errors
/// None for the file that is shipped; the type is that of any weight file.
pub fn built_in() -> Result<Arc<LosslessWeights>, Error> {
    static WEIGHTS: OnceLock<Arc<LosslessWeights>> = OnceLock::new();
    if let Some(weights) = WEIGHTS.get() {
        return Ok(weights.clone());
    }
    let file = wavern_weights_1::lossless();
    let weights = Arc::new(LosslessWeights::open(file.bytes, WeightsId(file.id))?);
    Ok(WEIGHTS.get_or_init(|| weights).clone())
}

/// The weights inside the library, if they have this id.
///
/// # Errors
/// As [`built_in`].
pub fn named(id: WeightsId) -> Result<Option<Arc<LosslessWeights>>, Error> {
    Ok(Some(built_in()?).filter(|weights| weights.id == id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weight_file::id_of;

    #[test]
    fn the_id_is_that_of_the_file() {
        assert_eq!(built_in().unwrap().id, id_of(wavern_weights_1::lossless().bytes));
    }
}
