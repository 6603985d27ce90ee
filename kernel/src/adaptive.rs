//! Prediction of samples that learns from sample to sample, in integers: for sound without loss.
//!
//! A [`Filter`] is a normalised LMS filter. Its history and its weights have 16 bits, so that products and sums are
//! exact whatever their order.

#[cfg(target_arch = "x86_64")]
mod x86;

use super::{Path, multiversion};

/// History that a filter holds before it moves it to the front.
const ROOM: usize = 4096;

/// `16384 / (64 + i) * 64`, rounded down: reciprocals of the numbers from 1 to 2.
const RECIPROCALS: [i64; 64] = {
    let mut table = [0; 64];
    let mut i = 0;
    while i < 64 {
        table[i] = (1 << 20) / (64 + i as i64);
        i += 1;
    }
    table
};

/// A normalised LMS filter over the last values of a sequence.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The values, oldest first; those from `at` on are the filter's.
    history: Vec<i16>,
    at: usize,
    /// Weights of the oldest value and so on, in 1/2^15.
    weights: Vec<i16>,
    /// Sum of the squares of the values.
    power: i64,
    /// How fast it learns, in 1/2^19.
    rate: i64,
}

impl Filter {
    /// A filter of `length` weights, 16, 32 or a multiple of 64, all of them 0. Its `rate`, in 1/2^19, is below 2^17.
    ///
    /// # Panics
    /// If length or rate are out of range.
    pub fn new(length: usize, rate: u32) -> Self {
        assert!(matches!(length, 16 | 32) || length > 0 && length.is_multiple_of(64) && length <= 1 << 12);
        assert!(rate < 1 << 17);
        Self { history: vec![0; length + ROOM], at: 0, weights: vec![0; length], power: 0, rate: rate.into() }
    }

    #[inline(always)]
    fn window(&self) -> &[i16] {
        &self.history[self.at..self.at + self.weights.len()]
    }

    /// What a step towards an error multiplies the values with, in 1/2^15.
    #[inline(always)]
    fn step(&self, error: i64) -> i16 {
        let divisor = self.power + 16 * self.weights.len() as i64 + 1;
        let exponent = 63 - divisor.leading_zeros();
        let index = (divisor << 6 >> exponent) & 63;
        let step = error.clamp(-(1 << 17), 1 << 17) * self.rate * RECIPROCALS[index as usize];
        // rate / 2^19 * error / (64 / RECIPROCALS * 2^20 * 2^exponent / 64) * 2^30
        (step >> (exponent + 3)).clamp(-32768, 32767) as i16
    }

    #[inline(always)]
    fn push(&mut self, value: i64) {
        let value = value.clamp(-32768, 32767);
        let oldest = i64::from(self.history[self.at]);
        self.power += value * value - oldest * oldest;
        self.at += 1;
        let length = self.weights.len();
        if self.at + length > self.history.len() {
            self.history.copy_within(self.at.., 0);
            self.at = 0;
        }
        self.history[self.at + length - 1] = value as i16;
    }
}

/// The outputs of filters: sums of products of values and weights in 1/2^15, modulo 2^32.
pub fn outputs(filters: &[Filter], sums: &mut [i32]) {
    match Path::best() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this machine has the path, and so its instructions.
        Path::Avx512 => unsafe { x86::outputs_avx512(filters, sums) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Path::Avx2 => unsafe { x86::outputs_avx2(filters, sums) },
        _ => {
            for (filter, sum) in filters.iter().zip(sums) {
                *sum = dot(filter.window(), &filter.weights);
            }
        }
    }
}

/// Moves the weights of filters by what is left of the next value of each, in `errors`, and takes the value.
pub fn learn(filters: &mut [Filter], errors: &[i64], values: &[i64]) {
    match Path::best() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this machine has the path, and so its instructions.
        Path::Avx512 => unsafe { x86::learn_avx512(filters, errors, values) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Path::Avx2 => unsafe { x86::learn_avx2(filters, errors, values) },
        _ => learn_by(filters, errors, values, adapt),
    }
}

#[inline(always)]
fn learn_by(filters: &mut [Filter], errors: &[i64], values: &[i64], adapt: impl Fn(&[i16], i16, &mut [i16])) {
    for ((filter, &error), &value) in filters.iter_mut().zip(errors).zip(values) {
        let (factor, length) = (filter.step(error), filter.weights.len());
        let history = &filter.history[filter.at..filter.at + length];
        adapt(history, factor, &mut filter.weights);
        filter.push(value);
    }
}

/// What the vectors of `x86.rs` do, in plain Rust.
fn dot(history: &[i16], weights: &[i16]) -> i32 {
    let products = history.iter().zip(weights).map(|(&h, &w)| i32::from(h) * i32::from(w));
    products.fold(0, i32::wrapping_add)
}

/// As [`dot`].
fn adapt(history: &[i16], factor: i16, weights: &mut [i16]) {
    for (weight, &value) in weights.iter_mut().zip(history) {
        let change = (((i32::from(value) * i32::from(factor)) >> 14) + 1) >> 1;
        *weight = weight.saturating_add(change as i16);
    }
}

/// The sum of products of samples and coefficients, first those of one channel, then those of the other, in multiples
/// of 8; as many coefficients as samples.
pub fn sum_of_products(samples: [&[i32]; 2], coefficients: &[i32]) -> i64 {
    match Path::best() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this machine has the path, and so its instructions.
        Path::Avx512 => unsafe { x86::sum_of_products_avx512(samples, coefficients) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Path::Avx2 => unsafe { x86::sum_of_products_avx2(samples, coefficients) },
        _ => plain_sum_of_products(samples, coefficients),
    }
}

/// As [`dot`].
fn plain_sum_of_products(samples: [&[i32]; 2], coefficients: &[i32]) -> i64 {
    let samples = samples.into_iter().flatten();
    samples.zip(coefficients).map(|(&a, &b)| i64::from(a) * i64::from(b)).sum()
}

/// Symbols of a [`Table`].
pub const SYMBOLS: usize = 32;
/// The least probability of a symbol, and what the table itself shares out, in 1/65,536.
const LEAST: u32 = 4;
const SHARED: u32 = (1 << 16) - SYMBOLS as u32 * LEAST;

/// Probabilities of 32 symbols that follow what was coded.
#[derive(Clone, Debug)]
pub struct Table {
    /// How much lies below each symbol, in 1/64 of 1/65,536, without the least probabilities.
    below: [i32; SYMBOLS],
    /// How often it was used.
    count: u32,
}

impl Table {
    /// All of the scale of [`Self::new`].
    pub const ONE: i32 = (SHARED << 6) as i32;

    /// A table with this much below each symbol: rising, from 0, below [`Self::ONE`].
    pub fn new(below: [i32; SYMBOLS]) -> Self {
        Self { below, count: 0 }
    }

    /// Left end and probability of a symbol, in 1/65,536.
    pub fn interval(&self, symbol: usize) -> (u32, u32) {
        let left = |j: usize| match self.below.get(j) {
            Some(&below) => (below >> 6) as u32 + LEAST * j as u32,
            None => 1 << 16,
        };
        (left(symbol), left(symbol + 1) - left(symbol))
    }

    /// The symbol that holds a code below 65,536.
    pub fn symbol(&self, code: u32) -> usize {
        #[cfg(target_arch = "x86_64")]
        if Path::best() == Path::Avx512 {
            // SAFETY: this machine has the path, and so its instructions.
            return unsafe { x86::count_avx512(&self.below, code) } as usize - 1;
        }
        let mut symbol = 0;
        count(&self.below, code, &mut symbol);
        symbol as usize - 1
    }

    /// Makes a symbol more probable, which was coded.
    pub fn follow(&mut self, symbol: usize, slowest: u32) {
        self.count += 1;
        let rate = (32 - self.count.leading_zeros()).clamp(4, slowest);
        move_towards(&mut self.below, symbol as i32, rate);
    }
}

multiversion! {
    /// How many symbols begin at a code or below it.
    pub fn count(below: &[i32; SYMBOLS], code: u32, symbols: &mut u32) {
        let mut sum = 0;
        for (below, j) in below.iter().zip(0..) {
            sum += u32::from((below >> 6) + LEAST as i32 * j <= code as i32);
        }
        *symbols = sum;
    }

    /// Moves a table towards one that has only this symbol, by 1/2^rate of the way.
    pub fn move_towards(below: &mut [i32; SYMBOLS], symbol: i32, rate: u32) {
        for (below, j) in below.iter_mut().zip(0..) {
            let target = if j > symbol { Table::ONE } else { 0 };
            *below += (target - *below) >> rate;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, in FORMAT.md: one number after the other, in 64 bits.
    struct Plain {
        history: Vec<i64>,
        weights: Vec<i64>,
        rate: i64,
    }

    impl Plain {
        fn output(&self) -> i32 {
            self.history.iter().zip(&self.weights).map(|(h, w)| h * w).sum::<i64>() as i32
        }

        fn learn(&mut self, error: i64, value: i64) {
            let power: i64 =
                self.history.iter().map(|h| h * h).sum::<i64>() + 16 * self.history.len() as i64 + 1;
            let k = power.ilog2();
            let j = ((i128::from(power) << 6 >> k) - 64) as i64;
            let step = error.clamp(-131_072, 131_072) * self.rate * ((1 << 20) / (64 + j));
            let factor = (step >> (k + 3)).clamp(-32_768, 32_767);
            for (w, h) in self.weights.iter_mut().zip(&self.history) {
                let change = (((h * factor) >> 14) + 1) >> 1;
                *w = (*w + i64::from(change as i16)).clamp(-32_768, 32_767);
            }
            self.history.remove(0);
            self.history.push(value.clamp(-32_768, 32_767));
        }
    }

    #[test]
    fn filters_do_what_the_format_says() {
        let lengths = [(16, 30_000), (32, 30_000), (256, 15_000), (2048, 8_000)];
        let mut filters = lengths.map(|(length, rate)| Filter::new(length, rate));
        let mut plain = lengths.map(|(length, rate)| Plain {
            history: vec![0; length],
            weights: vec![0; length],
            rate: i64::from(rate),
        });
        let mut state = 1u64;
        for i in 0..9000i64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let loud = [5, 900, 40_000][(i / 1000 % 3) as usize];
            let value = ((state >> 33) as i64 % (2 * loud) - loud) + (i % 50) * loud / 25;
            let mut sums = [0; 4];
            outputs(&filters, &mut sums);
            assert_eq!(sums, [0, 1, 2, 3].map(|f| plain[f].output()), "{i}");
            let errors =
                sums.map(|sum| (value - i64::from(sum >> 15)) * if i % 997 == 0 { 1 << 40 } else { 1 });
            learn(&mut filters, &errors, &[value; 4]);
            plain.iter_mut().zip(errors).for_each(|(plain, error)| plain.learn(error, value));
        }
        for (filter, plain) in filters.iter().zip(&plain) {
            assert!(filter.weights.iter().map(|&w| i64::from(w)).eq(plain.weights.iter().copied()));
            assert!(filter.weights.iter().any(|&w| w != 0));
        }
    }

    #[test]
    fn sums_of_products_are_exact_at_their_ends() {
        let values = |seed: i64, count: usize| -> Vec<i32> {
            (0..count as i64)
                .map(|i| ((i + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64) >> 32) as i32)
                .collect()
        };
        for (first, second) in [(16, 8), (32, 16), (32, 32), (16, 0), (8, 32)] {
            let (a, b) = (values(1, first), values(2, second));
            let coefficients: Vec<i32> = values(3, first + second).iter().map(|c| c >> 11).collect();
            assert_eq!(
                sum_of_products([&a, &b], &coefficients),
                plain_sum_of_products([&a, &b], &coefficients)
            );
            let (least, most) = (vec![i32::MIN; first], vec![1 << 20; first]);
            assert_eq!(sum_of_products([&least, &[]], &most), -(first as i64) << 51);
        }
    }

    #[test]
    fn a_tone_is_predicted() {
        let mut filters = [Filter::new(16, 30_000)];
        let mut missed = [0i64; 2];
        for i in 0..4000 {
            let value = ((f64::from(i) * 0.3).sin() * 8000.0) as i64;
            let mut sums = [0];
            outputs(&filters, &mut sums);
            let error = value - i64::from(sums[0] >> 15);
            missed[usize::from(i >= 2000)] += error.abs();
            learn(&mut filters, &[error], &[value]);
        }
        assert!(missed[1] < 2000 * 80, "{missed:?}");
    }

    #[test]
    fn every_code_belongs_to_the_symbol_whose_interval_holds_it() {
        let mut table = Table::new(std::array::from_fn(|j| j as i32 * (Table::ONE / 40)));
        for round in 0..3000u32 {
            if round % 100 == 0 {
                let mut code = 0;
                for symbol in 0..SYMBOLS {
                    let (left, probability) = table.interval(symbol);
                    assert_eq!(left, code);
                    assert!(probability >= LEAST);
                    assert_eq!((table.symbol(left), table.symbol(left + probability - 1)), (symbol, symbol));
                    code += probability;
                }
                assert_eq!(code, 1 << 16);
            }
            table.follow(if round < 1500 { 31 } else { (round * round) as usize % 3 }, 8);
        }
        assert!(table.interval(0).1 > 10_000 && table.interval(31).1 < 500);
    }
}
