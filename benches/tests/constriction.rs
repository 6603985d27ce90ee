//! constriction's coder as the oracle of ours: the same symbols and mixtures take as many bytes.
//!
//! It lies here and not in `entropy/tests` because constriction switches on features of common dependencies, for which
//! the tests would build half of the command's dependencies a second time.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use constriction::stream::Decode;
use constriction::stream::model::DefaultLeakyQuantizer;
use constriction::stream::stack::DefaultAnsCoder;
use probability::distribution::{Distribution, Inverse};
use wavern_benches::common::{Owned, brief};
use wavern_entropy::{Encoder, MixtureParams};

fn bytes(params: &MixtureParams<'_>, symbols: &[i32]) -> usize {
    let mut encoder = Encoder::new();
    encoder.encode(params, symbols).unwrap();
    encoder.finish().len()
}

/// The mixtures in `f64`, for constriction.
struct Oracle(Vec<(f64, f64, f64)>);

impl Distribution for &Oracle {
    type Value = f64;

    fn distribution(&self, x: f64) -> f64 {
        let below = |&(weight, mean, sigma): &(f64, f64, f64)| {
            weight * 0.5 * libm::erfc((mean - x) / sigma * core::f64::consts::FRAC_1_SQRT_2)
        };
        self.0.iter().map(below).sum::<f64>().min(1.0)
    }
}

impl Inverse for &Oracle {
    fn inverse(&self, _: f64) -> f64 {
        self.0.iter().map(|c| c.0 * c.1).sum()
    }
}

/// The same symbols and the same mixtures through constriction's coder, in `f64`: neither may be longer by more than
/// its resolution explains.
#[test]
fn constriction_needs_as_many_bytes() {
    for k in 1..=4 {
        let n = 20_000;
        let (params, symbols): (Owned, _) = brief(k, n, 51);
        let oracles: Vec<Oracle> = (0..n).map(|i| Oracle(params.mixture(i, n))).collect();
        let quantizer = DefaultLeakyQuantizer::<f64, i32>::new(-512..=511);
        let mut coder = DefaultAnsCoder::new();
        coder
            .encode_symbols_reverse(symbols.iter().zip(&oracles).map(|(&s, o)| (s, quantizer.quantize(o))))
            .unwrap();
        let words = coder.get_compressed().unwrap().to_vec();
        let back: Vec<i32> =
            coder.decode_symbols(oracles.iter().map(|o| quantizer.quantize(o))).map(|s| s.unwrap()).collect();
        assert_eq!(back, symbols);
        let (ours, theirs) = (bytes(&params.view(), &symbols) as f64, 4.0 * words.len() as f64);
        assert!((ours / theirs - 1.0).abs() < 0.001, "k {k}: {ours} bytes, constriction {theirs}");
    }
}
