//! Parameters and symbols that no model would give: scales 0.11 to 256, symbols to ±10,000 and beyond, degenerate
//! weights, streams of 16 to a million symbols, every path.
#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod common;

use common::adversarial;
use proptest::prelude::*;
use wavern_entropy::{BitCounter, Decoder, Encoder, MixtureParams, Path};

/// Round trips `symbols` symbols in all, in streams of `n`.
fn run(n: usize, symbols: usize) {
    for stream in 0..symbols.div_ceil(n) {
        let k = 1 + stream % 4;
        let (params, symbols) = adversarial(k, n, (n * 7919 + stream) as u64);
        let mut back = vec![0; n];
        for path in Path::available() {
            let mut encoder = Encoder::with_path(path).unwrap();
            encoder.encode(&params.view(), &symbols).unwrap();
            let bytes = encoder.finish();
            // Decoded by the path after it: each reads what another wrote.
            for reader in Path::available().into_iter().filter(|&reader| reader != path || n >= 1000) {
                let mut decoder = Decoder::with_path(&bytes, reader).unwrap();
                back.fill(0);
                decoder.decode(&params.view(), &mut back).unwrap();
                decoder.finish().unwrap();
                assert!(back == symbols, "stream {stream} of {n}, {path:?} to {reader:?}");
            }
        }
    }
}

const STREAMS: [usize; 6] = [16, 100, 1000, 10_000, 100_000, 1_000_000];

#[test]
fn adversarial_symbols_come_back() {
    for n in STREAMS {
        run(n, if n < 1_000_000 { 40_000.max(n) } else { 0 });
    }
}

/// Ten million symbols: `cargo test --release -p wavern-entropy --test adversarial -- --ignored`.
#[test]
#[ignore = "minutes; run with --release"]
fn ten_million_adversarial_symbols_come_back() {
    for n in STREAMS {
        run(n, if n < 1_000_000 { 1_600_000 } else { 2_000_000 });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_comes_back_in_any_cut(
        k in 1_usize..=4,
        elements in prop::collection::vec((any::<i32>(), any::<[u8; 3]>(), any::<[i16; 4]>(), any::<[u8; 4]>(), any::<bool>()), 0..400),
        cut in any::<prop::sample::Index>(),
        lanes in 0_u32..=6,
    ) {
        let cut = cut.index(elements.len() + 1);
        let mut encoder = Encoder::new();
        let mut calls = Vec::new();
        for part in [&elements[..cut], &elements[cut..]] {
            let plane = |k: usize, pick: &dyn Fn(usize, usize) -> u8| -> Vec<u8> {
                (0..k).flat_map(|k| (0..part.len()).map(move |i| pick(k, i))).collect()
            };
            let weight = plane(k - 1, &|k, i| part[i].1[k]);
            let scale = plane(k, &|k, i| part[i].3[k]);
            let mean: Vec<i16> = (0..k).flat_map(|k| part.iter().map(move |element| element.2[k])).collect();
            // Half of the symbols near a mean, where most symbols of real streams are.
            let symbols: Vec<i32> = part.iter().map(|e| if e.4 { i32::from(e.2[0] >> 6) + (e.0 >> 29) } else { e.0 }).collect();
            calls.push((weight, mean, scale, symbols));
        }
        let mut units = 0;
        for (weight, mean, scale, symbols) in &calls {
            let params = MixtureParams { components: k, weight, mean, scale };
            encoder.encode(&params, symbols).unwrap();
            units += BitCounter::new().count(&params, symbols).unwrap();
        }
        let bytes = encoder.finish_with_lanes(1 << lanes).unwrap();
        let counted = units as f64 / f64::from(8 * BitCounter::UNIT);
        prop_assert!(bytes.len() as f64 <= counted * 1.0001 + 20.0, "{} bytes for {}", bytes.len(), counted);
        for path in Path::available() {
            let mut decoder = Decoder::with_path(&bytes, path).unwrap();
            for (weight, mean, scale, symbols) in &calls {
                let mut back = vec![0; symbols.len()];
                decoder.decode(&MixtureParams { components: k, weight, mean, scale }, &mut back).unwrap();
                prop_assert_eq!(&back, symbols);
            }
            decoder.finish().unwrap();
        }
    }

    #[test]
    fn a_negative_symbol_costs_no_more_than_a_positive_one(x in 1_i32.., mean in any::<u8>(), scale in any::<u8>()) {
        // A mean at zero or above favours the positive symbol by its mass; an escape must not favour it further.
        let count = |symbol| {
            let mean = [if symbol < 0 { -i16::from(mean) } else { i16::from(mean) }];
            let params = MixtureParams { components: 1, weight: &[], mean: &mean, scale: &[scale] };
            BitCounter::new().count(&params, &[symbol]).unwrap()
        };
        prop_assert!(count(-x) <= count(x));
    }
}
