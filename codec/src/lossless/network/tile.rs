//! A tile, sample by sample along wave fronts, in either direction.

use super::fronts::Fronts;
use super::inputs::{AROUND, Depth, Inputs, Neighbours, Plane, Tap};
use super::model::{Mixtures, Network, Run};
use std::ops::Range;
use wavern_entropy::{Decoder, Encoder, Error};

/// How many fronts each plane runs behind the one before: what it sees of that plane is known then.
const LAG: usize = 4;

/// The planes of a tile.
pub struct Tile {
    /// Rows and columns.
    pub size: [usize; 2],
    /// Bits of a sample of the picture; planes of differences have one more, and a sign.
    pub bits: u32,
    /// One or three, `[rows, columns]` each.
    pub planes: Vec<Vec<i32>>,
}

/// Either direction of the entropy coder.
pub trait Coder {
    /// Whether symbols are read, not written.
    const DECODES: bool;

    /// Writes `symbols`, or replaces them by what was written.
    ///
    /// # Errors
    /// Those of the entropy coder.
    fn code(&mut self, mixtures: &Mixtures, symbols: &mut [i32]) -> Result<(), Error>;
}

impl Coder for Encoder {
    const DECODES: bool = false;

    fn code(&mut self, mixtures: &Mixtures, symbols: &mut [i32]) -> Result<(), Error> {
        self.encode(&mixtures.params(), symbols)
    }
}

impl Coder for Decoder<'_> {
    const DECODES: bool = true;

    fn code(&mut self, mixtures: &Mixtures, symbols: &mut [i32]) -> Result<(), Error> {
        self.decode(&mixtures.params(), symbols)
    }
}

/// A plane on its way.
struct Progress<'a> {
    network: &'a Network,
    depth: Depth,
    inputs: Inputs,
    run: Run,
}

/// Writes the samples of a tile, or fills them in. `networks` are those of its planes, in order.
///
/// # Errors
/// Those of the entropy coder.
pub fn code<C: Coder>(tile: &mut Tile, networks: &[Network], coder: &mut C) -> Result<(), Error> {
    let (size, bits) = (tile.size, tile.bits);
    let mut planes: Vec<Progress<'_>> = networks[..tile.planes.len()]
        .iter()
        .map(|network| {
            let depth = Depth::new(network.plane(), bits);
            Progress { network, depth, inputs: Inputs::default(), run: Run::default() }
        })
        .collect();
    let mut fronts: Vec<Fronts> = planes.iter().map(|p| Fronts::new(size, p.depth.middle)).collect();
    let (mut mixtures, mut symbols, mut values) = (Mixtures::default(), Vec::new(), Vec::new());
    let count = Fronts::count(size);
    for step in 0..count + LAG * (planes.len() - 1) {
        // The front of each plane, its rows, and where its symbols begin in the call.
        let mut turns: Vec<(usize, usize, Range<usize>, usize)> = Vec::with_capacity(planes.len());
        let mut total = 0;
        for p in 0..planes.len() {
            if let Some(t) = step.checked_sub(LAG * p).filter(|t| *t < count) {
                let rows = Fronts::rows(size, t);
                turns.push((p, t, rows.clone(), total));
                total += rows.len();
            }
        }
        mixtures.reset(total);
        symbols.resize(total, 0);
        for (p, t, rows, first) in turns.iter().filter(|(_, _, rows, _)| !rows.is_empty()) {
            let Progress { network, depth, inputs, run } = &mut planes[*p];
            let plane = network.plane();
            let taps = |plane: usize, taps: &[Tap]| -> Vec<&[i32]> {
                taps.iter().map(|&tap| fronts[plane].tap(*t, rows.clone(), tap)).collect()
            };
            let neighbours = Neighbours {
                own: taps(*p, plane.own()),
                first: if plane == Plane::First { Vec::new() } else { taps(0, &AROUND) },
                second: if plane == Plane::Third { taps(1, &AROUND) } else { Vec::new() },
            };
            inputs.set(plane, &neighbours, *depth, network.room());
            network.run(rows.len(), inputs, run, &mut mixtures, *first);
            if !C::DECODES {
                let centres = &mixtures.centre[*first..];
                for ((symbol, centre), row) in symbols[*first..].iter_mut().zip(centres).zip(rows.clone()) {
                    *symbol = tile.planes[*p][row * size[1] + t - 2 * row] - centre;
                }
            }
        }
        coder.code(&mixtures, &mut symbols)?;
        for (p, t, rows, first) in turns {
            values.clear();
            let centres = &mixtures.centre[first..][..rows.len()];
            // What no sample can be comes from damage alone, and must not grow.
            let limit = (1 << bits) - 1;
            values.extend(
                symbols[first..].iter().zip(centres).map(|(s, c)| s.wrapping_add(*c).clamp(-limit, limit)),
            );
            if C::DECODES {
                for (value, row) in values.iter().zip(rows) {
                    tile.planes[p][row * size[1] + t - 2 * row] = *value;
                }
            }
            fronts[p].set(t, &values);
        }
    }
    Ok(())
}
