//! constriction's ANS coder with its leaky quantizer, on the same mixtures in `f64`.

use std::time::Instant;

use constriction::stream::Decode;
use constriction::stream::model::{DefaultLeakyQuantizer, LeakilyQuantizedDistribution};
use constriction::stream::stack::DefaultAnsCoder;
use probability::distribution::{Distribution, Gaussian, Inverse};

use crate::common::Owned;

/// A mixture in `f64`.
#[derive(Clone, Copy)]
struct Mixture<'a> {
    components: &'a [(f64, f64, f64)],
    /// Where its search for a quantile starts: the Gaussian of the same mean and variance.
    guess: &'a Gaussian,
}

impl Distribution for Mixture<'_> {
    type Value = f64;

    fn distribution(&self, x: f64) -> f64 {
        let below = |&(weight, mean, sigma): &(f64, f64, f64)| {
            weight * 0.5 * libm::erfc((mean - x) / sigma * core::f64::consts::FRAC_1_SQRT_2)
        };
        self.components.iter().map(below).sum::<f64>().min(1.0)
    }
}

impl Inverse for Mixture<'_> {
    fn inverse(&self, p: f64) -> f64 {
        self.guess.inverse(p)
    }
}

/// constriction's ANS coder with its leaky quantizer.
pub struct LeakyCoder<'a> {
    components: Vec<Vec<(f64, f64, f64)>>,
    guesses: Vec<Gaussian>,
    symbols: &'a [i32],
}

impl<'a> LeakyCoder<'a> {
    /// Takes the mixtures of `symbols` out of their planes once, so that only coding is timed.
    pub fn new(params: &Owned, symbols: &'a [i32]) -> Self {
        let components: Vec<_> = (0..symbols.len()).map(|i| params.mixture(i, symbols.len())).collect();
        let guess = |mixture: &Vec<(f64, f64, f64)>| {
            let mean: f64 = mixture.iter().map(|c| c.0 * c.1).sum();
            let square: f64 = mixture.iter().map(|c| c.0 * (c.2 * c.2 + (c.1 - mean) * (c.1 - mean))).sum();
            Gaussian::new(mean, square.sqrt())
        };
        let guesses = components.iter().map(guess).collect();
        Self { components, guesses, symbols }
    }

    /// The words of all symbols.
    pub fn encode(&self) -> Vec<u32> {
        let mut coder = DefaultAnsCoder::new();
        let symbols = (0..self.symbols.len()).map(|i| (self.symbols[i].clamp(-1024, 1023), self.model(i)));
        coder.encode_symbols_reverse(symbols).expect("symbols in range");
        coder.into_compressed().expect("infallible")
    }

    /// The symbols of these words.
    pub fn decode(&self, words: &[u32]) -> Vec<i32> {
        let mut coder = DefaultAnsCoder::from_compressed(words.to_vec()).expect("its own words");
        let models = (0..self.symbols.len()).map(|i| self.model(i));
        coder.decode_symbols(models).map(|symbol| symbol.expect("infallible")).collect()
    }

    fn model(&self, i: usize) -> LeakilyQuantizedDistribution<f64, i32, u32, Mixture<'_>, 24> {
        let quantizer = DefaultLeakyQuantizer::<f64, i32>::new(-1024..=1023);
        quantizer.quantize(Mixture { components: &self.components[i], guess: &self.guesses[i] })
    }

    /// Nanoseconds per symbol to encode and to decode.
    pub fn time(&self) -> (f64, f64) {
        let n = self.symbols.len() as f64;
        let start = Instant::now();
        let words = self.encode();
        let encode_ns = start.elapsed().as_nanos() as f64;
        let start = Instant::now();
        let back = self.decode(&words);
        let decode_ns = start.elapsed().as_nanos() as f64;
        assert!(back.iter().zip(self.symbols).all(|(&back, &symbol)| back == symbol.clamp(-1024, 1023)));
        (encode_ns / n, decode_ns / n)
    }
}
