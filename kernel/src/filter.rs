//! Small depthwise filters on codes without sign: sums that [`super::integer`] shifts, and [`super::codes`] scales.

/// Channels that are summed together: so many bytes are half a register of AVX-512.
const BLOCK: usize = 32;

/// What a filter sees outside the picture, up to so many channels.
static ZEROS: [u8; 1 << 12] = [0; 1 << 12];

/// Where a filter of `side` columns stands: its rows of `[width, channels]`, empty outside the picture, and its column.
#[derive(Clone, Copy, Debug)]
pub struct Footprint<'a> {
    pub rows: &'a [&'a [u8]],
    pub side: usize,
    pub width: usize,
    pub column: usize,
}

impl<'a> Footprint<'a> {
    /// What the taps see, row by row; `None` outside.
    #[inline(always)]
    fn taps(self, channels: usize) -> impl Iterator<Item = Option<&'a [u8]>> {
        self.rows.iter().flat_map(move |row| {
            (0..self.side).map(move |u| {
                let at = (self.column + u).checked_sub(self.side / 2).filter(|at| *at < self.width)?;
                row.get(at * channels..(at + 1) * channels)
            })
        })
    }
}

/// `finish(Σ weight · code + bias, parameter)` of each channel.
///
/// `weight` is `[taps, channels]`, of 8 bits in 16.
///
/// # Panics
/// If lengths do not fit.
#[inline(always)]
pub fn filter<P: Copy>(
    place: Footprint<'_>,
    weight: &[i16],
    bias: &[i32],
    parameters: &[P],
    out: &mut [u8],
    finish: impl Fn(i32, P) -> u8,
) {
    let blocks = match place.rows.len() * place.side {
        3 => fixed::<3, P>(place, weight, bias, parameters, out, &finish),
        7 => fixed::<7, P>(place, weight, bias, parameters, out, &finish),
        9 => fixed::<9, P>(place, weight, bias, parameters, out, &finish),
        _ => 0,
    };
    let channels = bias.len();
    for c in blocks * BLOCK..channels {
        let mut sum = bias[c];
        for (x, weight) in place.taps(channels).zip(weight.chunks_exact(channels)) {
            sum += x.map_or(0, |x| i32::from(x[c])) * i32::from(weight[c]);
        }
        out[c] = finish(sum, parameters[c]);
    }
}

/// The whole blocks, of which it gives the number, for a number of taps that the compiler knows: it then keeps the sums
/// in registers.
#[inline(always)]
fn fixed<const T: usize, P: Copy>(
    place: Footprint<'_>,
    weight: &[i16],
    bias: &[i32],
    parameters: &[P],
    out: &mut [u8],
    finish: &impl Fn(i32, P) -> u8,
) -> usize {
    let channels = bias.len();
    let Some(zeros) = ZEROS.get(..channels) else { return 0 };
    let mut x = [zeros; T];
    for (slot, tap) in x.iter_mut().zip(place.taps(channels)) {
        *slot = tap.unwrap_or(zeros);
    }
    let (out, _) = out.as_chunks_mut::<BLOCK>();
    for (index, out) in out.iter_mut().enumerate() {
        let first = index * BLOCK;
        let x: [&[u8; BLOCK]; T] = std::array::from_fn(|t| block(&x[t][first..]));
        let w: [&[i16; BLOCK]; T] = std::array::from_fn(|t| block(&weight[t * channels + first..]));
        let (bias, parameters) = (block(&bias[first..]), block(&parameters[first..]));
        for (c, out) in out.iter_mut().enumerate() {
            // A product has 16 bits: 255 · 128 at most.
            let product = |t: usize| i32::from(i16::from(x[t][c]).wrapping_mul(w[t][c]));
            *out = finish((0..T).map(product).sum::<i32>() + bias[c], parameters[c]);
        }
    }
    out.len()
}

/// The first elements, of which there are enough.
#[inline(always)]
fn block<T>(values: &[T]) -> &[T; BLOCK] {
    values.first_chunk().expect("a block of channels lies inside")
}
