//! Pointwise layers on activations of 8 bits, plane by plane: for networks so small that they are run on many positions
//! at once, each vector holding one channel of neighbouring positions.
//!
//! Channels come in groups of four: an element of a plane is the bytes of a group, the first channel lowest. Planes
//! have `stride` elements, a multiple of [`BLOCK`]; what lies behind the last position is computed and means nothing.

use super::dot::Dot;
use super::{Path, dispatch};
use std::cell::RefCell;

/// Positions come in multiples of this.
pub const BLOCK: usize = 16;
/// Channels of an element.
pub const GROUP: usize = 4;
/// Positions that are done together, so that what they read stays near.
const TILE: usize = 64;

/// `W x + b`, and for activations `>> shift`, limited to 0..=255.
#[derive(Debug)]
pub struct Planar {
    path: Path,
    /// `[outputs, elements]`.
    weight: Vec<i32>,
    bias: Vec<i32>,
    shift: u8,
    groups: usize,
}

/// All outputs at some positions.
pub(crate) struct PlanarCall<'a> {
    /// `[outputs, elements]`.
    pub weight: &'a [i32],
    /// `[outputs]`.
    pub bias: &'a [i32],
    /// `[elements, stride]`, from the first of the positions on.
    pub x: &'a [u32],
    pub stride: usize,
    pub positions: usize,
    /// `[planes, out_stride]`, from the first of the positions on.
    pub out: Out<'a>,
    pub out_stride: usize,
}

/// What becomes of sums.
pub(crate) enum Out<'a> {
    /// Shifted, limited and packed in fours: a plane for each.
    Activations(&'a mut [u32], u8),
    /// As they are: a plane for each output.
    Integers(&'a mut [i32]),
}

impl Out<'_> {
    /// From a position on.
    fn from(&mut self, first: usize) -> Out<'_> {
        match self {
            Self::Activations(out, shift) => Out::Activations(&mut out[first..], *shift),
            Self::Integers(out) => Out::Integers(&mut out[first..]),
        }
    }
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
        let elements = inputs / GROUP * if bytes(path) { 1 } else { 2 };
        let mut packed = Vec::with_capacity(outputs * elements);
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
        Self { path, weight: packed, bias: bias.to_vec(), shift, groups: inputs / GROUP }
    }

    /// Channels out.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Limited sums: `x` is `[groups, stride]`, `out` is `[outputs / 4, stride]`.
    ///
    /// # Panics
    /// If the outputs are no multiple of four, or lengths do not fit.
    pub fn activations(&self, x: &[u32], stride: usize, out: &mut [u32]) {
        assert!(self.outputs().is_multiple_of(GROUP) && out.len() == self.outputs() / GROUP * stride);
        self.run(x, stride, Out::Activations(out, self.shift));
    }

    /// Sums as they are: `x` is `[groups, stride]`, `out` is `[outputs, stride]`.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn integers(&self, x: &[u32], stride: usize, out: &mut [i32]) {
        assert!(out.len() == self.outputs() * stride);
        self.run(x, stride, Out::Integers(out));
    }

    fn run(&self, x: &[u32], stride: usize, mut out: Out<'_>) {
        assert!(stride.is_multiple_of(BLOCK) && x.len() == self.groups * stride);
        let Self { path, ref weight, ref bias, .. } = *self;
        for first in (0..stride).step_by(TILE) {
            let positions = TILE.min(stride - first);
            let (out, out_stride) = (out.from(first), stride);
            if bytes(path) {
                let x = &x[first..];
                dispatch!(path, planar(PlanarCall { weight, bias, x, stride, positions, out, out_stride }));
            } else {
                WIDE.with_borrow_mut(|wide| {
                    wide.clear();
                    for plane in x.chunks_exact(stride) {
                        widen(&plane[first..][..positions], wide);
                    }
                    let (x, stride) = (&wide[..], positions);
                    dispatch!(
                        path,
                        planar(PlanarCall { weight, bias, x, stride, positions, out, out_stride })
                    );
                });
            }
        }
    }
}

thread_local! {
    static WIDE: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
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

/// The sums of a [`PlanarCall`].
///
/// # Safety
///
/// Needs the instructions of `V`.
#[inline(always)]
pub(crate) unsafe fn planar<V: Dot>(call: PlanarCall<'_>) {
    let PlanarCall { weight, bias, x, stride, positions, out, out_stride } = call;
    let (elements, outputs) = (weight.len() / bias.len(), bias.len());
    assert!(positions.is_multiple_of(BLOCK) && BLOCK.is_multiple_of(V::WIDTH));
    assert!(elements > 0 && weight.len() == outputs * elements);
    assert!(positions <= stride && x.len() >= (elements - 1) * stride + positions);
    let planes = match &out {
        Out::Activations(out, shift) => {
            assert!(outputs.is_multiple_of(GROUP) && *shift < 32);
            (outputs / GROUP, out.len())
        }
        Out::Integers(out) => (outputs, out.len()),
    };
    assert!(positions <= out_stride && planes.0 > 0 && planes.1 >= (planes.0 - 1) * out_stride + positions);
    // SAFETY: lengths were checked right here; the caller promises the instructions.
    unsafe {
        let x = (x.as_ptr().cast(), stride);
        match out {
            Out::Activations(out, shift) => {
                let tiles = weight.chunks_exact(GROUP * elements).zip(bias.as_chunks::<GROUP>().0);
                for (plane, (weight, bias)) in tiles.enumerate() {
                    let to = Packed(out.as_mut_ptr().add(plane * out_stride), shift.into());
                    each::<V, _, GROUP>(weight, bias, x, positions, to);
                }
            }
            Out::Integers(out) => {
                let mut plane = 0;
                while plane < outputs {
                    let (weight, bias) = (&weight[plane * elements..], &bias[plane..]);
                    let to = Plain(out.as_mut_ptr().add(plane * out_stride), out_stride);
                    if let Some(bias) = bias.first_chunk::<3>() {
                        each::<V, _, 3>(&weight[..3 * elements], bias, x, positions, to);
                        plane += 3;
                    } else {
                        each::<V, _, 1>(&weight[..elements], &[bias[0]], x, positions, to);
                        plane += 1;
                    }
                }
            }
        }
    }
}

/// Where `N` outputs go.
trait Take<V: Dot, const N: usize>: Copy {
    /// # Safety
    ///
    /// Needs the instructions of `V`, and a vector of room at position `at` of each plane.
    unsafe fn take(self, at: usize, sums: [V; N]);
}

/// To a plane, four by four, after a shift.
#[derive(Clone, Copy)]
struct Packed(*mut u32, i32);

impl<V: Dot> Take<V, GROUP> for Packed {
    #[inline(always)]
    unsafe fn take(self, at: usize, sums: [V; GROUP]) {
        // SAFETY: the caller promises the instructions and the room.
        unsafe { V::pack(sums, self.1).store(self.0.add(at).cast()) }
    }
}

/// To a plane each, so many elements apart.
#[derive(Clone, Copy)]
struct Plain(*mut i32, usize);

impl<V: Dot, const N: usize> Take<V, N> for Plain {
    #[inline(always)]
    unsafe fn take(self, at: usize, sums: [V; N]) {
        for (n, sum) in sums.into_iter().enumerate() {
            // SAFETY: the caller promises the instructions and the room.
            unsafe { sum.store(self.0.add(n * self.1 + at)) }
        }
    }
}

/// `N` outputs at all positions.
///
/// # Safety
///
/// Needs the instructions of `V`. `x` are elements and their stride; behind each are `positions`, whole blocks, as
/// there are in the planes of `to`.
#[inline(always)]
unsafe fn each<V: Dot, T: Take<V, N>, const N: usize>(
    weight: &[i32],
    bias: &[i32; N],
    x: (*const i32, usize),
    positions: usize,
    to: T,
) {
    let mut at = 0;
    while at < positions {
        // SAFETY: so many vectors are left in each plane; the caller promises the rest.
        at += V::WIDTH
            * unsafe {
                match (positions - at) / V::WIDTH {
                    4.. if V::REGISTERS >= 32 => tile::<V, T, N, 4>(weight, bias, x, at, to),
                    2.. => tile::<V, T, N, 2>(weight, bias, x, at, to),
                    _ => tile::<V, T, N, 1>(weight, bias, x, at, to),
                }
            };
    }
}

/// `N` outputs at `M` vectors of positions, from position `at` on. Gives `M`.
///
/// # Safety
///
/// As [`each`]; `M` vectors from `at` on lie within the positions.
#[inline(always)]
unsafe fn tile<V: Dot, T: Take<V, N>, const N: usize, const M: usize>(
    weight: &[i32],
    bias: &[i32; N],
    (x, stride): (*const i32, usize),
    at: usize,
    to: T,
) -> usize {
    let elements = weight.len() / N;
    // SAFETY: the caller promises the instructions and the lengths; `n * elements + element` is below N · elements.
    unsafe {
        let mut sums = [bias.map(|bias| V::splat(bias)); M];
        for element in 0..elements {
            let mut columns = [V::splat(0); M];
            for (m, column) in columns.iter_mut().enumerate() {
                *column = V::load(x.add(element * stride + at + m * V::WIDTH));
            }
            for n in 0..N {
                let weight = V::splat(*weight.get_unchecked(n * elements + element));
                for (sums, column) in sums.iter_mut().zip(columns) {
                    sums[n] = sums[n].dot(column, weight);
                }
            }
        }
        for (m, sums) in sums.into_iter().enumerate() {
            to.take(at + m * V::WIDTH, sums);
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
        for (inputs, outputs, stride) in [(4, 4, 16), (28, 48, 64), (44, 32, 112), (76, 8, 80), (76, 12, 80)]
        {
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
