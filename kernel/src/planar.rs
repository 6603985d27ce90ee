//! Pointwise layers on activations of 8 bits, plane by plane: for networks so small that they are run on many positions
//! at once, each vector holding one channel of neighbouring positions.
//!
//! Channels come in groups of four: an element of a plane is the bytes of a group, the first channel lowest. Planes
//! have `stride` elements, a multiple of [`BLOCK`]; what lies behind the last position is computed and means nothing.

use super::dot::Dot;
use super::{Path, dispatch, multiversion};
use std::cell::RefCell;

/// Positions come in multiples of this.
pub const BLOCK: usize = 16;
/// Channels of an element.
pub const GROUP: usize = 4;
/// Positions whose sums are computed before they are used.
const TILE: usize = 64;
/// Outputs of a register tile.
const OUTPUTS: usize = 3;

/// `W x + b`, and for activations `>> shift`, limited to 0..=255.
#[derive(Debug)]
pub struct Planar {
    path: Path,
    /// `[outputs, elements]`, the outputs padded with zeros to whole tiles.
    weight: Vec<i32>,
    /// Padded likewise.
    bias: Vec<i32>,
    shift: i32,
    groups: usize,
    outputs: usize,
}

/// Sums of all outputs at some positions.
pub(crate) struct PlanarCall<'a> {
    /// `[outputs, elements]`.
    pub weight: &'a [i32],
    /// `[outputs]`.
    pub bias: &'a [i32],
    /// `[elements, stride]`, from the first of the positions on.
    pub x: &'a [u32],
    pub stride: usize,
    pub positions: usize,
    /// `[outputs, positions]`.
    pub sums: &'a mut [i32],
}

impl Planar {
    /// From a weight `[outputs, inputs]`, whose inputs are a multiple of four, and biases.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn new(weight: &[i8], bias: &[i32], inputs: usize, shift: u8) -> Self {
        Self::on(Path::best(), weight, bias, inputs, shift)
    }

    /// As [`Self::new`] on a path of this machine.
    ///
    /// # Panics
    /// If the machine has not the instructions, or the lengths do not fit.
    pub fn on(path: Path, weight: &[i8], bias: &[i32], inputs: usize, shift: u8) -> Self {
        let outputs = bias.len();
        assert!(path.is_available() && inputs > 0 && outputs > 0 && shift < 32);
        assert!(weight.len() == inputs * outputs && inputs.is_multiple_of(GROUP));
        let padded = outputs.next_multiple_of(OUTPUTS);
        let elements = inputs / GROUP * if bytes(path) { 1 } else { 2 };
        let mut packed = Vec::with_capacity(padded * elements);
        for row in weight.chunks_exact(inputs) {
            let groups = row.as_chunks::<GROUP>().0;
            if bytes(path) {
                packed.extend(groups.iter().map(|w| i32::from_le_bytes(w.map(|w| w as u8))));
            } else {
                // As `widen` leaves the inputs.
                let pair = |low: i8, high: i8| i32::from(low as i16 as u16) | i32::from(high) << 16;
                packed.extend(groups.iter().flat_map(|w| [pair(w[0], w[2]), pair(w[1], w[3])]));
            }
        }
        packed.resize(padded * elements, 0);
        let mut bias = bias.to_vec();
        bias.resize(padded, 0);
        Self { path, weight: packed, bias, shift: shift.into(), groups: inputs / GROUP, outputs }
    }

    /// Channels out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Limited sums: `x` is `[groups, stride]`, `out` is `[outputs / 4, stride]`.
    ///
    /// # Panics
    /// If the outputs are no multiple of four, or lengths do not fit.
    pub fn activations(&self, x: &[u32], stride: usize, out: &mut [u32]) {
        assert!(self.outputs.is_multiple_of(GROUP) && out.len() == self.outputs / GROUP * stride);
        self.run(x, stride, |sums, first, positions| {
            for (sums, out) in sums.chunks_exact(GROUP * positions).zip(out.chunks_exact_mut(stride)) {
                pack(sums, self.shift, &mut out[first..][..positions]);
            }
        });
    }

    /// Sums as they are: `x` is `[groups, stride]`, `out` is `[outputs, stride]`.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn integers(&self, x: &[u32], stride: usize, out: &mut [i32]) {
        assert!(out.len() == self.outputs * stride);
        self.run(x, stride, |sums, first, positions| {
            for (sums, out) in sums.chunks_exact(positions).zip(out.chunks_exact_mut(stride)) {
                out[first..][..positions].copy_from_slice(sums);
            }
        });
    }

    /// Hands the sums `[outputs, positions]` to `take`, with the first of their positions.
    fn run(&self, x: &[u32], stride: usize, mut take: impl FnMut(&[i32], usize, usize)) {
        assert!(stride.is_multiple_of(BLOCK) && x.len() == self.groups * stride);
        let Self { path, ref weight, ref bias, outputs, .. } = *self;
        SCRATCH.with_borrow_mut(|(wide, sums)| {
            for first in (0..stride).step_by(TILE) {
                let positions = TILE.min(stride - first);
                let (x, stride) = if bytes(path) {
                    (&x[first..], stride)
                } else {
                    wide.clear();
                    for plane in x.chunks_exact(stride) {
                        widen(&plane[first..][..positions], wide);
                    }
                    (&wide[..], positions)
                };
                sums.resize(bias.len() * positions, 0);
                dispatch!(path, planar(PlanarCall { weight, bias, x, stride, positions, sums }));
                take(&sums[..outputs * positions], first, positions);
            }
        });
    }
}

thread_local! {
    static SCRATCH: RefCell<(Vec<u32>, Vec<i32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// Whether one instruction multiplies four bytes, or else two numbers of 16 bits.
fn bytes(path: Path) -> bool {
    path == Path::Avx512
}

/// Appends a plane as two, for instructions on 16 bits: the even bytes, and then the odd ones.
fn widen(plane: &[u32], out: &mut Vec<u32>) {
    out.extend(plane.iter().map(|&v| v & 0x00ff_00ff));
    out.extend(plane.iter().map(|&v| v >> 8 & 0x00ff_00ff));
}

multiversion! {
    /// Sums `[4, positions]` → a plane of activations.
    pub fn pack(sums: &[i32], shift: i32, out: &mut [u32]) {
        // Loop by loop: that is what becomes vectors of neighbouring positions.
        for (channel, sums) in sums.chunks_exact(out.len()).take(GROUP).enumerate() {
            let (keep, bits) = (if channel == 0 { 0 } else { u32::MAX }, 8 * channel as u32);
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = (*out & keep) | ((*sum >> (shift & 31)).clamp(0, 255) as u32) << bits;
            }
        }
    }
}

/// The sums of a [`PlanarCall`].
///
/// # Safety
///
/// Needs the instructions of `V`.
#[inline(always)]
pub(crate) unsafe fn planar<V: Dot>(call: PlanarCall<'_>) {
    let PlanarCall { weight, bias, x, stride, positions, sums } = call;
    let elements = weight.len() / bias.len();
    assert!(positions.is_multiple_of(BLOCK) && BLOCK.is_multiple_of(V::WIDTH));
    assert!(elements > 0 && weight.len() == bias.len() * elements);
    assert!(positions <= stride && x.len() >= (elements - 1) * stride + positions);
    assert!(sums.len() == bias.len() * positions && bias.len().is_multiple_of(OUTPUTS));
    let tiles = weight.chunks_exact(OUTPUTS * elements).zip(bias.as_chunks::<OUTPUTS>().0);
    for ((weight, bias), sums) in tiles.zip(sums.chunks_exact_mut(OUTPUTS * positions)) {
        let mut at = 0;
        while at < positions {
            // SAFETY: so many vectors are left in each plane of inputs and of sums; the caller promises the rest.
            at += V::WIDTH
                * unsafe {
                    match (positions - at) / V::WIDTH {
                        4.. => tile::<V, 4>(weight, bias, &x[at..], stride, at, sums),
                        2.. => tile::<V, 2>(weight, bias, &x[at..], stride, at, sums),
                        _ => tile::<V, 1>(weight, bias, &x[at..], stride, at, sums),
                    }
                };
        }
    }
}

/// `M` vectors of positions of each of [`OUTPUTS`] outputs, from position `at` on; `x` begins there. Gives `M`.
///
/// # Safety
///
/// Needs the instructions of `V`; `M` vectors from `at` on lie within the positions; lengths are those of [`planar`].
#[inline(always)]
unsafe fn tile<V: Dot, const M: usize>(
    weight: &[i32],
    bias: &[i32; OUTPUTS],
    x: &[u32],
    stride: usize,
    at: usize,
    out: &mut [i32],
) -> usize {
    let (elements, positions) = (weight.len() / OUTPUTS, out.len() / OUTPUTS);
    // SAFETY: the caller promises the instructions and the lengths.
    unsafe {
        let mut sums = bias.map(|bias| [V::splat(bias); M]);
        for element in 0..elements {
            let mut columns = [V::splat(0); M];
            for (m, column) in columns.iter_mut().enumerate() {
                *column = V::load(x.as_ptr().cast::<i32>().add(element * stride + m * V::WIDTH));
            }
            for (n, sums) in sums.iter_mut().enumerate() {
                let weight = V::splat(*weight.get_unchecked(n * elements + element));
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = sum.dot(column, weight);
                }
            }
        }
        for (n, sums) in sums.into_iter().enumerate() {
            for (m, sum) in sums.into_iter().enumerate() {
                sum.store(out.as_mut_ptr().add(n * positions + at + m * V::WIDTH));
            }
        }
    }
    M
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::integers;

    #[test]
    fn every_path_gives_the_definition() {
        for (inputs, outputs, stride) in [(4, 4, 16), (28, 48, 64), (44, 32, 112), (76, 12, 80)] {
            let weight: Vec<i8> = integers(inputs * outputs, -127, 127).iter().map(|&v| v as i8).collect();
            let bias: Vec<i32> = integers(outputs, -500_000, 500_000).iter().map(|&v| v as i32).collect();
            let bytes = integers(inputs * stride, 0, 255);
            let byte = |channel: usize, at: usize| bytes[channel * stride + at] as i32;
            let element = |(group, at): (usize, usize)| {
                (0..GROUP).map(|c| (byte(GROUP * group + c, at) as u32) << (8 * c)).sum::<u32>()
            };
            let x: Vec<u32> =
                (0..inputs / GROUP).flat_map(|g| (0..stride).map(move |at| (g, at))).map(element).collect();
            let sum = |o: usize, at: usize| {
                let row = &weight[o * inputs..][..inputs];
                bias[o] + row.iter().enumerate().map(|(i, &w)| byte(i, at) * i32::from(w)).sum::<i32>()
            };
            for path in Path::available() {
                let layer = Planar::on(path, &weight, &bias, inputs, 6);
                let mut sums = vec![0; outputs * stride];
                layer.integers(&x, stride, &mut sums);
                let mut activations = vec![0; outputs / GROUP * stride];
                layer.activations(&x, stride, &mut activations);
                for (o, row) in sums.chunks_exact(stride).enumerate() {
                    for (at, &got) in row.iter().enumerate() {
                        assert_eq!(got, sum(o, at), "{} {o} {at}", path.name());
                        let activation = (activations[o / GROUP * stride + at] >> (8 * (o % GROUP))) & 255;
                        assert_eq!(activation as i32, (got >> 6).clamp(0, 255));
                    }
                }
            }
        }
    }
}
