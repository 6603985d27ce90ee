//! A tile ↔ its payload.
//!
//! | bytes | content |
//! | --- | --- |
//! | 1 | bits 0 and 1: the tool; with networks, 2 and 3: the transform of colour, 4 to 7: the set |
//! | 2 | check value of the samples |
//! | 4 | with networks and alpha only: bytes of what the adaptive coder made of alpha, which comes next |
//! | 4 | with maps only: bytes of the maps, which come next |
//! | the rest | the stream of the networks, what the adaptive coder made of all channels, or the payload of the ranks |

use super::Planes;
use super::adaptive::{self, Tables};
use super::color::Transform;
use super::network::model::{Mixtures, Network};
use super::network::tile::{Coder, Tile, code};
use super::values::Maps;
use super::weights::LosslessWeights;
use crate::error::Error;
use crate::prior::entropy_path;
use wavern_entropy::{BitCounter, Decoder, Encoder, Error as EntropyError};

/// Set of networks that the file itself brings.
pub const FITTED: usize = 15;

/// How a tile is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// By the networks of a set, after a transform of colour.
    Network {
        /// Of colour.
        transform: Transform,
        /// Which networks: a number of the weight file, or [`FITTED`].
        set: usize,
    },
    /// By matches and contexts that learn on the way, all channels together.
    Adaptive,
}

/// How much memory the contexts may take.
pub const TABLES: Tables = Tables::Large;

/// The networks at hand.
#[derive(Clone, Copy)]
pub struct Networks<'a> {
    /// Those of the weight file.
    pub weights: &'a LosslessWeights,
    /// Those of the file of the picture.
    pub fitted: Option<&'a [Network]>,
}

impl<'a> Networks<'a> {
    /// Those of a set, or the fitted ones.
    pub fn of(self, set: usize) -> Option<&'a [Network]> {
        if set == FITTED { self.fitted } else { self.weights.networks(set) }
    }
}

/// Counts bits.
struct Count {
    counter: BitCounter,
    /// In 1/[`BitCounter::UNIT`] bit.
    total: u64,
}

impl Coder for Count {
    const DECODES: bool = false;

    fn code(&mut self, mixtures: &Mixtures, symbols: &mut [i32]) -> Result<(), EntropyError> {
        self.total += self.counter.count(&mixtures.params(), symbols)?;
        Ok(())
    }
}

/// Bits 0 and 1 of the first byte.
const NETWORK: u8 = 0;
const ADAPTIVE: u8 = 1;
const MAPPED: u8 = 2;

/// Whether a payload needs networks that the file itself brings.
pub fn needs_fitted(payload: &[u8]) -> bool {
    let head = match payload.first() {
        Some(&MAPPED) => split(&payload[3..]).and_then(|(_, ranks)| ranks.first()),
        head => head,
    };
    head.is_some_and(|head| head & 3 == NETWORK && usize::from(head >> 4) == FITTED)
}

/// A part with its length in front, and what follows.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// Appends a part for [`split`].
fn append(part: &[u8], payload: &mut Vec<u8>) {
    payload.extend_from_slice(&(part.len() as u32).to_le_bytes());
    payload.extend_from_slice(part);
}

/// What the streams of a tile would take, in the unit of [`BitCounter`].
///
/// # Errors
/// Those of the entropy coder.
pub fn count(tile: &Planes, transform: Transform, networks: &[Network]) -> Result<u64, Error> {
    let mut count =
        Count { counter: BitCounter::with_path(entropy_path()).map_err(Error::Entropy)?, total: 0 };
    code(&mut transform.planes(tile), networks, &mut count).map_err(Error::Entropy)?;
    Ok(count.total)
}

/// The payload of a tile.
///
/// # Errors
/// [`Error::Field`] if there is no such set; those of the entropy coder.
pub fn write(tile: &Planes, tool: Tool, networks: Networks<'_>) -> Result<Vec<u8>, Error> {
    let head = match tool {
        Tool::Network { transform, set } => NETWORK | (transform as u8) << 2 | (set as u8) << 4,
        Tool::Adaptive => ADAPTIVE,
    };
    let mut payload = vec![head];
    payload.extend_from_slice(&check(tile).to_le_bytes());
    match tool {
        Tool::Adaptive => payload.extend_from_slice(&adaptive::encode(tile, TABLES)),
        Tool::Network { transform, set } => {
            if let Some(alpha) = tile.alpha() {
                append(&adaptive::encode(&alpha, TABLES), &mut payload);
            }
            let networks = networks.of(set).ok_or_else(|| no_set(set))?;
            let mut encoder = Encoder::with_path(entropy_path()).map_err(Error::Entropy)?;
            code(&mut transform.planes(tile), networks, &mut encoder).map_err(Error::Entropy)?;
            payload.extend_from_slice(&encoder.finish());
        }
    }
    Ok(payload)
}

/// The payload of a tile, given that of the ranks of its samples.
pub fn write_mapped(tile: &Planes, maps: &Maps, ranks: &[u8]) -> Vec<u8> {
    let mut payload = vec![MAPPED];
    payload.extend_from_slice(&check(tile).to_le_bytes());
    append(&maps.write(), &mut payload);
    payload.extend_from_slice(ranks);
    payload
}

/// The tile of a payload: as many samples and channels as `tile` has.
///
/// # Errors
/// [`Error::Payload`], [`Error::Symbols`] or [`Error::Field`] if it is not that of such a tile.
pub fn read(payload: &[u8], index: usize, tile: &mut Planes, networks: Networks<'_>) -> Result<(), Error> {
    let unit = "tile";
    let failed = |source| Error::Payload { unit, index, source };
    let ends = || failed(EntropyError::UnexpectedEnd);
    let (&[head, low, high], mut stream) = payload.split_first_chunk().ok_or_else(ends)?;
    let (width, height, bits, planes) = (tile.width, tile.height, tile.bits, tile.planes.len());
    match head & 3 {
        ADAPTIVE if head > ADAPTIVE => {
            let value = (head >> 2).into();
            return Err(Error::Field { field: "transform and set of a tile", value, expected: "0".into() });
        }
        ADAPTIVE => *tile = adaptive::decode(stream, width, height, bits, planes).map_err(failed)?,
        NETWORK => {
            let mut alpha = None;
            if planes.is_multiple_of(2) {
                let (coded, rest) = split(stream).ok_or_else(ends)?;
                alpha = Some(adaptive::decode(coded, width, height, bits, 1).map_err(failed)?);
                stream = rest;
            }
            let (transform, set) = (Transform::ALL[usize::from(head >> 2 & 3)], usize::from(head >> 4));
            let networks = networks.of(set).ok_or_else(|| no_set(set))?;
            let planes = vec![vec![0; width * height]; if planes < 3 { 1 } else { 3 }];
            let mut decoded = Tile { size: [height, width], bits, planes };
            let mut decode = || {
                let mut decoder = Decoder::with_path(stream, entropy_path())?;
                code(&mut decoded, networks, &mut decoder)?;
                decoder.finish()
            };
            decode().map_err(failed)?;
            *tile = transform.colors(&decoded);
            tile.planes.extend(alpha.into_iter().flat_map(|alpha| alpha.planes));
        }
        MAPPED if head == MAPPED => {
            let (coded, ranks) = split(stream).ok_or_else(ends)?;
            let maps = Maps::read(coded, planes, bits).ok_or_else(|| Error::Field {
                field: "maps of values, in bytes",
                value: coded.len() as u64,
                expected: "maps of the channels of the tile".into(),
            })?;
            if ranks.first().is_some_and(|head| head & 3 == MAPPED) {
                return Err(tool(MAPPED, "0 or 1, in a tile of ranks"));
            }
            let mut decoded = Planes { bits: maps.rank_bits(), ..tile.clone() };
            read(ranks, index, &mut decoded, networks)?;
            *tile = maps.values(&decoded);
        }
        _ => return Err(tool(head, "tool 0, 1 or 2, and no other bits with 2")),
    }
    let (stored, computed) = (u16::from_le_bytes([low, high]), check(tile));
    if stored != computed {
        return Err(Error::Symbols { unit, index, stored, computed });
    }
    Ok(())
}

fn tool(value: u8, expected: &str) -> Error {
    Error::Field { field: "tool of a tile", value: value.into(), expected: expected.into() }
}

fn no_set(set: usize) -> Error {
    Error::Field { field: "set of networks", value: set as u64, expected: "one of the weights".into() }
}

/// The low half of the CRC-32C of all samples, 16 bits each, channel by channel.
fn check(tile: &Planes) -> u16 {
    let crc = tile.planes.iter().fold(0, |crc, plane| {
        let bytes: Vec<u8> = plane.iter().flat_map(|v| v.to_le_bytes()).collect();
        crc32c::crc32c_append(crc, &bytes)
    });
    crc as u16
}
