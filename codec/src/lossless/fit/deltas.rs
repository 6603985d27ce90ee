//! The payload of `FITW`: by how much the weights of a picture differ from those of a set.
//!
//! | bytes | content |
//! | --- | --- |
//! | 1 | the set |
//! | 9 or 3 × 3 | for each layer of each plane: the weight of the first Gaussian, the scales of both |
//! | the rest | one stream: the changes of all weights and biases |

use crate::error::Error;
use crate::lossless::network::model::Parameters;
use crate::lossless::weights::Set;
use crate::prior::entropy_path;
use wavern_entropy::{BitCounter, Decoder, Encoder, MixtureParams};

/// Layers of a network.
const LAYERS: usize = 3;
/// A bias changes in steps of 1/64, as a weight does.
const BIAS_STEP: i32 = 16;

/// The changes of a layer, weights first.
fn changes(from: &Parameters, to: &Parameters, layer: usize) -> Vec<i32> {
    let weights = to.weight[layer].iter().zip(&from.weight[layer]);
    let weights = weights.map(|(&to, &from)| i32::from(to) - i32::from(from));
    let biases = to.bias[layer].iter().zip(&from.bias[layer]);
    let nearest = |change: i32| (change + BIAS_STEP / 2).div_euclid(BIAS_STEP);
    weights.chain(biases.map(|(&to, &from)| nearest(i32::from(to) - i32::from(from)))).collect()
}

/// Adds changes to a layer. Values stay within their types, whatever the changes are.
fn apply(parameters: &mut Parameters, layer: usize, changes: &[i32]) {
    let (weight, bias) = (&mut parameters.weight[layer], &mut parameters.bias[layer]);
    let (by_weight, by_bias) = changes.split_at(weight.len());
    for (weight, change) in weight.iter_mut().zip(by_weight) {
        *weight = i32::from(*weight).saturating_add(*change).clamp(-127, 127) as i8;
    }
    for (bias, change) in bias.iter_mut().zip(by_bias) {
        *bias = i32::from(*bias).saturating_add(change.saturating_mul(BIAS_STEP)).clamp(-32767, 32767) as i16;
    }
}

/// Two Gaussians around zero, the same for all changes of a layer.
struct Model {
    weight: Vec<u8>,
    mean: Vec<i16>,
    scale: Vec<u8>,
}

impl Model {
    fn new([weight, narrow, wide]: [u8; 3], n: usize) -> Self {
        let scale = [vec![narrow; n], vec![wide; n]].concat();
        Self { weight: vec![weight; n], mean: vec![0; 2 * n], scale }
    }

    fn params(&self) -> MixtureParams<'_> {
        MixtureParams { components: 2, weight: &self.weight, mean: &self.mean, scale: &self.scale }
    }

    /// The cheapest of some for these changes.
    fn best(changes: &[i32]) -> Result<[u8; 3], Error> {
        let counter = BitCounter::with_path(entropy_path()).map_err(Error::Entropy)?;
        let mut best = ([128, 0, 0], u64::MAX);
        for narrow in (0..=96).step_by(8) {
            for (wide, weight) in
                [16, 32, 48].into_iter().flat_map(|w| [64, 128, 192, 240].map(|v| (narrow + w, v)))
            {
                let head = [weight, narrow, wide];
                let bits = counter.count(&Self::new(head, changes.len()).params(), changes);
                let bits = bits.map_err(Error::Entropy)?;
                if bits < best.1 {
                    best = (head, bits);
                }
            }
        }
        Ok(best.0)
    }
}

/// The payload for networks `to` of `planes` planes, which came from those of set `index`; and the networks that a
/// reader will have.
///
/// # Errors
/// Those of the entropy coder.
pub fn write(index: usize, from: &Set, to: &Set, planes: usize) -> Result<(Vec<u8>, Set), Error> {
    let mut payload = vec![index as u8];
    let mut encoder = Encoder::with_path(entropy_path()).map_err(Error::Entropy)?;
    let mut written = from.clone();
    for (plane, layer) in (0..planes).flat_map(|plane| (0..LAYERS).map(move |layer| (plane, layer))) {
        let changes = changes(&from[plane], &to[plane], layer);
        let head = Model::best(&changes)?;
        payload.extend_from_slice(&head);
        encoder.encode(&Model::new(head, changes.len()).params(), &changes).map_err(Error::Entropy)?;
        apply(&mut written[plane], layer, &changes);
    }
    payload.extend_from_slice(&encoder.finish());
    Ok((payload, written))
}

/// The networks of a payload for a picture of `planes` planes; `set` gives the set of an index.
///
/// # Errors
/// [`Error::Field`] if there is no such set, [`Error::Fitted`] if the payload is not one.
pub fn read<'a>(payload: &[u8], set: impl Fn(usize) -> Option<&'a Set>, planes: usize) -> Result<Set, Error> {
    let end = || Error::Fitted(wavern_entropy::Error::UnexpectedEnd);
    let (&index, rest) = payload.split_first().ok_or_else(end)?;
    let missing = || Error::Field {
        field: "set of networks",
        value: index.into(),
        expected: "one of the weights".into(),
    };
    let mut fitted = set(index.into()).ok_or_else(missing)?.clone();
    let (heads, stream) = rest.split_at_checked(3 * LAYERS * planes).ok_or_else(end)?;
    let mut heads = heads.as_chunks::<3>().0.iter();
    let mut decoder = Decoder::with_path(stream, entropy_path()).map_err(Error::Fitted)?;
    for parameters in fitted.iter_mut().take(planes) {
        for (layer, head) in (0..LAYERS).zip(&mut heads) {
            let mut changes = vec![0; parameters.weight[layer].len() + parameters.bias[layer].len()];
            decoder
                .decode(&Model::new(*head, changes.len()).params(), &mut changes)
                .map_err(Error::Fitted)?;
            apply(parameters, layer, &changes);
        }
    }
    decoder.finish().map_err(Error::Fitted)?;
    Ok(fitted)
}
