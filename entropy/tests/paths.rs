//! Every path writes the bytes, reads the symbols and counts the bits of the scalar one.
#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod common;

use common::{Random, adversarial, brief, lic};
use wavern_entropy::{BitCounter, Decoder, Encoder, MixtureParams, Path, cumulative};

fn encode(path: Path, params: &MixtureParams<'_>, symbols: &[i32], lanes: usize) -> Vec<u8> {
    let mut encoder = Encoder::with_path(path).unwrap();
    encoder.encode(params, symbols).unwrap();
    encoder.finish_with_lanes(lanes).unwrap()
}

#[test]
fn all_paths_write_the_same_bytes() {
    for k in 1..=4 {
        for n in [1, 15, 16, 17, 100, 1000, 4099] {
            for (params, symbols) in [brief(k, n, 1), lic(k, n, 2), adversarial(k, n, 3)] {
                for lanes in [1, 2, 4, 8, 16, 32, 64] {
                    let expected = encode(Path::Scalar, &params.view(), &symbols, lanes);
                    for path in Path::available() {
                        let bytes = encode(path, &params.view(), &symbols, lanes);
                        assert!(bytes == expected, "k {k}, n {n}, lanes {lanes}, {path:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn all_paths_count_the_same_bits() {
    for k in 1..=4 {
        for (params, symbols) in [brief(k, 5003, 4), lic(k, 5003, 5), adversarial(k, 5003, 6)] {
            let mut expected = vec![0; symbols.len()];
            let sum = BitCounter::with_path(Path::Scalar)
                .and_then(|counter| counter.count_each(&params.view(), &symbols, &mut expected))
                .unwrap();
            assert_eq!(sum, expected.iter().map(|&units| u64::from(units)).sum::<u64>());
            for path in Path::available() {
                let counter = BitCounter::with_path(path).unwrap();
                let mut each = vec![0; symbols.len()];
                assert_eq!(counter.count_each(&params.view(), &symbols, &mut each), Ok(sum), "{path:?}");
                assert_eq!(counter.count(&params.view(), &symbols), Ok(sum), "{path:?}");
                assert!(each == expected, "{path:?}");
            }
        }
    }
}

/// Decoding noise visits every part of the search: all paths must agree on each symbol, or on the error.
#[test]
fn all_paths_read_the_same_from_noise() {
    let mut random = Random::new(11);
    for round in 0..60 {
        let k = 1 + round % 4;
        let n = 1 + random.below(3000) as usize;
        let (params, _) =
            if round % 3 == 0 { adversarial(k, n, random.number()) } else { brief(k, n, random.number()) };
        let mut bytes: Vec<u8> = (0..1200).map(|_| random.number() as u8).collect();
        bytes[0] = 1 + random.below(6) as u8;
        bytes[1..4].copy_from_slice(&[0xff, 0xff, 0x7f]);
        // Packed states take as many bytes as they like: one parity or the other leaves whole words.
        if Decoder::new(&bytes).is_err() {
            bytes.pop();
        }
        let decode = |path| {
            let mut decoder = Decoder::with_path(&bytes, path).unwrap();
            let mut symbols = vec![0; n];
            let result = decoder.decode(&params.view(), &mut symbols);
            (result.clone(), if result.is_ok() { symbols } else { Vec::new() })
        };
        let expected = decode(Path::Scalar);
        for path in Path::available() {
            assert!(decode(path) == expected, "round {round}, {path:?}");
        }
    }
}

/// All scales, means at every sixty-fourth, both edges of many symbols: the intervals of each path, read off the
/// bits they cost, against the definition.
#[test]
fn all_paths_have_the_intervals_of_the_definition() {
    let n = 256 * 64;
    let scale: Vec<u8> = (0..n).map(|i| (i / 64) as u8).collect();
    let mean: Vec<i16> = (0..n).map(|i| (i % 64) as i16 - 32).collect();
    let params = MixtureParams { components: 1, weight: &[], mean: &mean, scale: &scale };
    for distance in [0, 1, 2, 3, 5, 8, 13, 40, 100, 1000, 20_000] {
        let symbols: Vec<i32> =
            (0..n as i32).map(|i| if i % 2 == 0 { distance } else { -distance }).collect();
        for path in Path::available() {
            let mut units = vec![0; n];
            BitCounter::with_path(path).unwrap().count_each(&params, &symbols, &mut units).unwrap();
            for i in 0..n {
                let right = cumulative(&params, n, i, symbols[i]).unwrap();
                let probability = right - cumulative(&params, n, i, symbols[i] - 1).unwrap();
                let bits = f64::from(units[i]) / f64::from(BitCounter::UNIT);
                if probability > 0 {
                    let exact = 16.0 - f64::from(probability).log2();
                    assert!(
                        (-0.00002..0.0002).contains(&(bits - exact)),
                        "{path:?}, {i}: {bits} for {exact}"
                    );
                } else {
                    assert!(bits >= 21.0, "{path:?}, {i}: {bits} for an escape");
                }
            }
        }
    }
}
