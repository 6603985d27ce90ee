//! The stream is as long as the mixtures say: overhead of the integer model and of the lanes.
#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod common;

use common::{adversarial, brief, ideal_bits, lic, mass};
use wavern_entropy::{BitCounter, Categorical, Encoder, MixtureParams, cumulative};

fn bytes(params: &MixtureParams<'_>, symbols: &[i32]) -> usize {
    let mut encoder = Encoder::new();
    encoder.encode(params, symbols).unwrap();
    encoder.finish().len()
}

#[test]
fn overhead_over_the_exact_mixtures_is_small() {
    for k in 1..=4 {
        for (set, (params, symbols)) in [("brief", brief(k, 200_000, 31)), ("lic", lic(k, 200_000, 32))] {
            let ideal = ideal_bits(&params, &symbols);
            let overhead = 8.0 * bytes(&params.view(), &symbols) as f64 / ideal - 1.0;
            assert!(overhead < 0.0005, "{set}, k {k}: {:.4} %", 100.0 * overhead);
            assert!(overhead > -0.0005, "{set}, k {k}: shorter than possible, by {:.4} %", -100.0 * overhead);
        }
    }
}

/// What the stream takes beyond the code length of its intervals.
fn flush_bytes(n: usize) -> (f64, usize) {
    let (params, symbols) = lic(3, n, n as u64);
    let interval = |i: usize| {
        let right = cumulative(&params.view(), n, i, symbols[i]).unwrap();
        match right - cumulative(&params.view(), n, i, symbols[i] - 1).unwrap() {
            0 => 15.0 + 6.0 + 4.0,
            probability => 16.0 - f64::from(probability).log2(),
        }
    };
    let payload = (0..n).map(interval).sum::<f64>() / 8.0;
    let bytes = bytes(&params.view(), &symbols);
    (bytes as f64 - payload, bytes)
}

#[test]
fn lanes_cost_little_at_every_size() {
    for (n, most) in [(1, 6.0), (10, 6.0), (100, 6.0), (1000, 9.0)] {
        let (flush, bytes) = flush_bytes(n);
        assert!(flush <= most, "{flush:.1} of {bytes} bytes");
    }
    // Averages, for one stream's luck with its last words is worth a byte or two.
    for (n, share) in [(10_000, 0.005), (260_000, 0.0005)] {
        let streams = if n < 100_000 { 16 } else { 2 };
        let all: Vec<(f64, usize)> = (0..streams).map(|i| flush_bytes(n + 64 * i)).collect();
        let flush = all.iter().map(|(flush, _)| flush).sum::<f64>();
        let bytes = all.iter().map(|&(_, bytes)| bytes as f64).sum::<f64>();
        assert!(flush <= share * bytes, "{:.4} % of {} bytes", 100.0 * flush / bytes, bytes / streams as f64);
    }
}

#[test]
fn bit_counter_tells_the_length_of_the_stream() {
    for k in 1..=4 {
        for (params, symbols) in [brief(k, 20_000, 41), lic(k, 20_000, 42), adversarial(k, 20_000, 43)] {
            let units = BitCounter::new().count(&params.view(), &symbols).unwrap();
            let counted = units as f64 / f64::from(BitCounter::UNIT) / 8.0;
            let bytes = bytes(&params.view(), &symbols) as f64;
            assert!((counted - bytes).abs() < 16.0 + bytes * 0.0002, "counted {counted:.1} of {bytes} bytes");
        }
    }
    let table = Categorical::new(-1, &[20_000, 30_000, 10_000]).unwrap();
    let symbols: Vec<i32> = (0..5000).map(|i| [0, 0, -1, 1, 0, -1, 0, 900][i % 8]).collect();
    let counted =
        BitCounter::new().count_categorical(&table, &symbols).unwrap() / u64::from(8 * BitCounter::UNIT);
    let mut encoder = Encoder::new();
    encoder.encode_categorical(&table, &symbols).unwrap();
    assert!(encoder.finish().len().abs_diff(counted as usize) < 16);
}

/// The integer mass against the exact one, symbol by symbol.
#[test]
fn integer_mass_is_close_to_the_exact_mass() {
    let n = 4000;
    for k in 1..=4 {
        let (params, _) = brief(k, n, 61);
        for i in (0..n).step_by(7) {
            let mixture = params.mixture(i, n);
            for symbol in -60..60 {
                let right = cumulative(&params.view(), n, i, symbol).unwrap();
                let integer =
                    f64::from(right - cumulative(&params.view(), n, i, symbol - 1).unwrap()) / 65_536.0;
                let exact = mass(&mixture, symbol);
                // The chords of the table are within (1/7)^2 / 8 * max |phi'| = 0.00062 of the curve.
                assert!(
                    (integer - exact).abs() < 0.0013,
                    "mixture {mixture:?}, {symbol}: {integer} for {exact}"
                );
            }
        }
    }
}
