//! Integer parameters in, probability intervals out: the entropy model of latent symbols.
//!
//! This is the definition that every vector path must equal bit for bit.

use crate::error::{Error, expect_length};
use crate::gaussian::signed_half_mass;
use crate::interval::Interval;
use crate::tables::{INVERSE_SCALE, KNOTS, SEGMENT};

/// Largest number of Gaussians in a mixture.
pub const MAX_COMPONENTS: usize = 4;

/// Probability of all symbols together, in 1/65536. The two codes above it announce an escape.
pub(crate) const MIXTURE_TOTAL: u32 = 65_534;

/// Parameters of `n` Gaussian mixtures with `K` components each, one mixture per symbol.
///
/// All arrays are planar: component `k` of symbol `i` is at `k * n + i`. Every value of every element is
/// legal, so a model cannot be out of range; only the lengths are checked.
#[derive(Clone, Copy, Debug)]
pub struct MixtureParams<'a> {
    /// `K`, in `1..=4`.
    pub components: usize,
    /// `[K - 1, n]`, in 1/256. The last component has what is left of 256; where the given ones exceed 256,
    /// the later ones are cut.
    pub weight: &'a [u8],
    /// `[K, n]`, in 1/64 symbol: -512 to 511.98 symbols.
    pub mean: &'a [i16],
    /// `[K, n]`: the standard deviation is `2^((scale - 51) / 16)` symbols: 0 is 0.1098, 51 is 1, 255 is 6889.
    pub scale: &'a [u8],
}

impl MixtureParams<'_> {
    /// Refuses lengths that do not belong to `symbols` symbols.
    pub(crate) fn check(&self, symbols: usize) -> Result<(), Error> {
        if !(1..=MAX_COMPONENTS).contains(&self.components) {
            let (found, expected) = (self.components, MAX_COMPONENTS);
            return Err(Error::Parameter { what: "number of mixture components", found, expected });
        }
        // A length that overflows cannot be the length of a slice: saturation keeps the comparison right.
        expect_length("length of weight", self.weight.len(), (self.components - 1).saturating_mul(symbols))?;
        expect_length("length of mean", self.mean.len(), self.components.saturating_mul(symbols))?;
        expect_length("length of scale", self.scale.len(), self.components.saturating_mul(symbols))
    }

    /// The mixture of symbol `i` of `n`.
    pub(crate) fn mixture(&self, i: usize, n: usize) -> Mixture {
        let mut mixture = Mixture::default();
        let mut left = 256;
        for k in 0..self.components {
            let weight =
                if k + 1 < self.components { left.min(i32::from(self.weight[k * n + i])) } else { left };
            left -= weight;
            mixture.component[k] =
                Component { weight, mean: self.mean[k * n + i], scale: self.scale[k * n + i] };
        }
        mixture.components = self.components;
        mixture
    }
}

/// Probability of all symbols up to and including `x` under mixture `index` of `n`, in 1/65536: rises with
/// `x` from 0 to 65534.
///
/// # Errors
///
/// [`Error::Parameter`] if the arrays do not have the lengths of `n` mixtures, or `index >= n`.
pub fn cumulative(params: &MixtureParams, n: usize, index: usize, x: i32) -> Result<u32, Error> {
    params.check(n)?;
    if index >= n {
        return Err(Error::Parameter { what: "index of a mixture", found: index, expected: n });
    }
    Ok(params.mixture(index, n).below(upper_edge(x)))
}

#[derive(Clone, Copy, Debug, Default)]
struct Component {
    weight: i32,
    mean: i16,
    scale: u8,
}

/// One mixture, weights made to sum to 256.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mixture {
    component: [Component; MAX_COMPONENTS],
    components: usize,
}

impl Mixture {
    /// Mass below `edge` (in 1/64 symbol, within ±2^22), in 1/65536.
    pub(crate) fn below(&self, edge: i32) -> u32 {
        let mut sum = 256 * 32767;
        for c in &self.component[..self.components] {
            sum += c.weight * signed_half_mass(edge - i32::from(c.mean), INVERSE_SCALE[usize::from(c.scale)]);
        }
        (sum >> 8) as u32
    }

    /// The interval of `symbol`, or of the escape if the symbol has no mass.
    pub(crate) fn interval(&self, symbol: i32) -> Interval {
        let left = self.below(lower_edge(symbol));
        let right = self.below(upper_edge(symbol));
        if right > left { Interval::new(left, right - left) } else { Interval::ESCAPE }
    }

    /// The symbol whose interval holds `quantile`, with that interval; `None` for the escape.
    ///
    /// Bisection between the quantiles of the components: where each of them has at most this mass below, so has the
    /// mixture; and where each has more, so has the mixture.
    pub(crate) fn quantile(&self, quantile: u32) -> Option<(i32, Interval)> {
        if quantile >= MIXTURE_TOTAL {
            return None;
        }
        let (nearest, farthest) = segment_of(quantile);
        let (mut low, mut high) = (i32::MAX, i32::MIN);
        for c in &self.component[..self.components] {
            let segment = SEGMENT[usize::from(c.scale)];
            low = low.min(i32::from(c.mean) + below_product(nearest, segment));
            high = high.max(i32::from(c.mean) - below_product(-farthest, segment));
        }
        // The symbol whose lower edge is at or below `low`, and the one whose lower edge is at or above `high`.
        (low, high) = ((low + 32) >> 6, (high + 95) >> 6);
        // Halving a power of two needs no branch on what the probes find: they are as random as the stream.
        const UNKNOWN: u32 = u32::MAX;
        let (mut left, mut right) = (UNKNOWN, UNKNOWN);
        let mut step = ((high - low) as u32).next_power_of_two() as i32 / 2;
        while step > 0 {
            let below = self.below(lower_edge(low + step));
            let enough = below <= quantile;
            low += if enough { step } else { 0 };
            left = if enough { below } else { left };
            right = if enough { right } else { below };
            step /= 2;
        }
        if left == UNKNOWN {
            left = self.below(lower_edge(low));
        }
        if right == UNKNOWN {
            right = self.below(lower_edge(low + 1));
        }
        Some((low, Interval::new(left, right - left)))
    }
}

/// Ends, in segments of the table, of the segment in which a single Gaussian reaches `quantile`: at the first its
/// mass is at most `quantile`, at the second more.
fn segment_of(quantile: u32) -> (i32, i32) {
    let mass = quantile as i32 - 32767;
    let magnitude = if mass < 0 { -1 - mass } else { mass };
    let above = KNOTS.partition_point(|&knot| i32::from(knot) <= magnitude) as i32;
    if mass < 0 { (-above, 1 - above) } else { (above - 1, above) }
}

/// At most `segments * segment`, rounded down with room for every rounding on the way.
fn below_product(segments: i32, segment: f32) -> i32 {
    let product = segments as f32 * segment;
    (product - product.abs() * (1.0 / 4096.0)) as i32 - 1
}

/// Symbols beyond ±2^15 have the mass of ±2^15, which is none: the widest component, at the farthest mean,
/// is saturated 512 + 4.43 * 6889 < 31,100 symbols from zero.
const EDGE_LIMIT: i32 = 1 << 15;

/// 64 (x - 1/2), in 1/64 symbol.
fn lower_edge(x: i32) -> i32 {
    64 * x.clamp(-EDGE_LIMIT, EDGE_LIMIT) - 32
}

/// 64 (x + 1/2), in 1/64 symbol.
fn upper_edge(x: i32) -> i32 {
    64 * x.clamp(-EDGE_LIMIT, EDGE_LIMIT) + 32
}
