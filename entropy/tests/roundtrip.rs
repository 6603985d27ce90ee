//! Whatever is encoded is decoded again, by every path, with any lane count, in any cut of the calls.

mod common;

use common::{Random, adversarial, brief};
use wavern_entropy::{Categorical, Decoder, Encoder, Error, Path};

#[test]
fn mixtures_come_back() {
    for k in 1..=4 {
        for n in [0, 1, 2, 3, 15, 16, 17, 63, 64, 65, 127, 500, 1000, 5000, 20_000] {
            let (params, symbols) = brief(k, n, (k * 1000 + n) as u64);
            for lanes in [0, 1, 2, 4, 8, 16, 32, 64] {
                let mut encoder = Encoder::new();
                encoder.encode(&params.view(), &symbols).unwrap();
                let bytes = match lanes {
                    0 => encoder.finish(),
                    _ => encoder.finish_with_lanes(lanes).unwrap(),
                };
                for path in Path::available() {
                    let mut decoder = Decoder::with_path(&bytes, path).unwrap();
                    let mut back = vec![0; n];
                    decoder.decode(&params.view(), &mut back).unwrap();
                    assert!(back == symbols, "k {k}, n {n}, lanes {lanes}, {path:?}");
                    decoder.finish().unwrap();
                }
            }
        }
    }
}

#[test]
fn adversarial_symbols_come_back() {
    for k in 1..=4 {
        for n in [16, 100, 3000] {
            for seed in 0..20 {
                let (params, symbols) = adversarial(k, n, seed);
                let mut encoder = Encoder::new();
                encoder.encode(&params.view(), &symbols).unwrap();
                let bytes = encoder.finish();
                for path in Path::available() {
                    let mut decoder = Decoder::with_path(&bytes, path).unwrap();
                    let mut back = vec![0; n];
                    decoder.decode(&params.view(), &mut back).unwrap();
                    assert!(back == symbols, "k {k}, n {n}, seed {seed}, {path:?}");
                    decoder.finish().unwrap();
                }
            }
        }
    }
}

#[test]
fn calls_of_all_kinds_share_a_stream() {
    let mut random = Random::new(7);
    let with_escape = Categorical::new(-3, &[1, 1000, 30_000, 0, 30_000, 2000]).unwrap();
    let without = Categorical::new(5, &[65_535, 1]).unwrap();
    let certain = Categorical::new(9, &[0, 65_536]).unwrap();
    for lanes in [1, 2, 4, 8, 16, 32, 64] {
        let mut calls = Vec::new();
        let mut encoder = Encoder::new();
        for call in 0..60 {
            let n = random.below(200) as usize;
            match call % 5 {
                0 => {
                    let (params, symbols) = brief(1 + call % 4, n, random.number());
                    encoder.encode(&params.view(), &symbols).unwrap();
                    calls.push((Some(params), symbols));
                }
                1 => {
                    let symbols: Vec<i32> = (0..n).map(|_| random.below(8) as i32 - 5).collect();
                    encoder.encode_categorical(&with_escape, &symbols).unwrap();
                    calls.push((None, symbols));
                }
                2 => {
                    let symbols: Vec<i32> = (0..n).map(|_| 5 + i32::from(random.below(9) == 0)).collect();
                    encoder.encode_categorical(&without, &symbols).unwrap();
                    calls.push((None, symbols));
                }
                3 => {
                    encoder.encode_categorical(&certain, &vec![10; n]).unwrap();
                    calls.push((None, vec![10; n]));
                }
                _ => {
                    let values: Vec<u32> =
                        (0..n).map(|_| random.below(1 << (1 + call % 16)) as u32).collect();
                    encoder.encode_bits(&values, 1 + call as u32 % 16).unwrap();
                    calls.push((None, values.iter().map(|&v| v as i32).collect()));
                }
            }
        }
        let bytes = encoder.finish_with_lanes(lanes).unwrap();
        let mut decoder = Decoder::new(&bytes).unwrap();
        for (call, (params, symbols)) in calls.iter().enumerate() {
            let mut back = vec![0; symbols.len()];
            match (call % 5, params) {
                (_, Some(params)) => decoder.decode(&params.view(), &mut back).unwrap(),
                (1, _) => decoder.decode_categorical(&with_escape, &mut back).unwrap(),
                (2, _) => decoder.decode_categorical(&without, &mut back).unwrap(),
                (3, _) => decoder.decode_categorical(&certain, &mut back).unwrap(),
                _ => {
                    let mut bits = vec![0; symbols.len()];
                    decoder.decode_bits(&mut bits, 1 + call as u32 % 16).unwrap();
                    back = bits.iter().map(|&v| v as i32).collect();
                }
            }
            assert!(&back == symbols, "lanes {lanes}, call {call}");
        }
        decoder.finish().unwrap();
    }
}

#[test]
fn nothing_gives_no_bytes() {
    assert_eq!(Encoder::new().finish(), []);
    Decoder::new(&[]).unwrap().finish().unwrap();
    let certain = Categorical::new(0, &[65_536]).unwrap();
    let mut encoder = Encoder::new();
    encoder.encode_categorical(&certain, &[0; 1000]).unwrap();
    assert_eq!(encoder.encode_categorical(&certain, &[0, 1]), Err(Error::ImpossibleSymbol { symbol: 1 }));
    assert_eq!(encoder.finish(), []);
}

#[test]
fn an_encoder_can_be_used_again() {
    let mut encoder = Encoder::new();
    for n in [5000, 20_000, 10, 0, 300] {
        let (params, mut symbols) = brief(2, n, n as u64);
        symbols.iter_mut().step_by(50).for_each(|symbol| *symbol = i32::MIN);
        encoder.encode(&params.view(), &symbols).unwrap();
        let bytes = encoder.finish_and_reset();
        let mut fresh = Encoder::new();
        fresh.encode(&params.view(), &symbols).unwrap();
        assert_eq!(bytes, fresh.finish());
    }
}
