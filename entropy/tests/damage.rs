//! Bytes and parameters that do not belong together give an error, never a panic, and rarely symbols.
#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod common;

use common::{Owned, Random, brief};
use wavern_entropy::{Categorical, Decoder, Encoder, Error, MixtureParams, Path};

fn stream(n: usize, lanes: usize) -> (Owned, Vec<i32>, Vec<u8>) {
    let (params, mut symbols) = brief(3, n, 21);
    // Some escapes of every length.
    for (i, symbol) in symbols.iter_mut().enumerate().step_by(97) {
        *symbol = i32::MAX >> (i % 31);
    }
    let mut encoder = Encoder::new();
    encoder.encode(&params.view(), &symbols).unwrap();
    (params, symbols, encoder.finish_with_lanes(lanes).unwrap())
}

fn decode(bytes: &[u8], params: &Owned, n: usize, path: Path) -> Result<Vec<i32>, Error> {
    let mut decoder = Decoder::with_path(bytes, path)?;
    let mut symbols = vec![0; n];
    decoder.decode(&params.view(), &mut symbols)?;
    decoder.finish()?;
    Ok(symbols)
}

#[test]
fn every_truncation_is_an_error() {
    for lanes in [1, 4, 16, 64] {
        let (params, symbols, bytes) = stream(1200, lanes);
        assert_eq!(decode(&bytes, &params, 1200, Path::best()), Ok(symbols));
        for path in Path::available() {
            for length in 0..bytes.len() {
                assert!(
                    decode(&bytes[..length], &params, 1200, path).is_err(),
                    "{lanes} lanes, {length} bytes"
                );
            }
        }
        let longer = [&bytes[..], &[0, 0]].concat();
        assert!(decode(&longer, &params, 1200, Path::best()).is_err());
    }
}

#[test]
fn nearly_every_flipped_bit_is_an_error() {
    for lanes in [1, 4, 16, 64] {
        // No escapes: a flip within raw bits only changes their value, as in any code that stores them as they are.
        let (params, symbols) = brief(3, 1200, 22);
        let mut encoder = Encoder::new();
        encoder.encode(&params.view(), &symbols).unwrap();
        let bytes = encoder.finish_with_lanes(lanes).unwrap();
        let mut missed = 0;
        for bit in 0..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            missed += usize::from(decode(&damaged, &params, 1200, Path::best()).is_ok());
        }
        // A flip in the last words may give other last symbols that end in the same state.
        assert!(
            missed <= bytes.len() / 100,
            "{lanes} lanes: {missed} of {} flips went unseen",
            8 * bytes.len()
        );
    }
}

#[test]
fn other_parameters_are_an_error() {
    let (mut params, _, bytes) = stream(3000, 64);
    params.mean[1500] += 640;
    assert!(decode(&bytes, &params, 3000, Path::best()).is_err());
}

#[test]
fn too_few_and_too_many_symbols_are_an_error() {
    let (params, symbols, bytes) = stream(3000, 64);
    for n in [0, 1, 64, 2000, 2999] {
        let part = params.slice(3000, 0, n);
        assert_eq!(decode(&bytes, &part, n, Path::best()), Err(Error::FinalState), "{n} symbols");
    }
    let mut decoder = Decoder::new(&bytes).unwrap();
    let mut back = vec![0; 3000];
    decoder.decode(&params.view(), &mut back).unwrap();
    assert_eq!(back, symbols);
    assert!(decoder.decode(&params.view(), &mut back).is_err());
    assert_eq!(decoder.decode_bits(&mut [0], 1), Err(Error::FinalState), "every call after an error fails");
    assert_eq!(decoder.finish(), Err(Error::FinalState));
}

#[test]
fn noise_gives_symbols_or_an_error() {
    let mut random = Random::new(5);
    let table = Categorical::new(-2, &[7, 0, 40_000, 20_000]).unwrap();
    for _ in 0..3000 {
        let length = random.below(600) as usize;
        let mut bytes: Vec<u8> = (0..length).map(|_| random.number() as u8).collect();
        if let Some(first) = bytes.first_mut() {
            *first %= 7;
        }
        let n = random.below(700) as usize;
        let (params, _) = common::adversarial(1 + random.below(4) as usize, n, random.number());
        for path in Path::available() {
            let Ok(mut decoder) = Decoder::with_path(&bytes, path) else { continue };
            let mut symbols = vec![0; n];
            let _ = decoder.decode(&params.view(), &mut symbols);
            let _ = decoder.decode_categorical(&table, &mut symbols);
            let _ = decoder.decode_bits(&mut vec![0; n], 13);
            assert_ne!(decoder.finish(), Ok(()));
        }
    }
}

#[test]
fn wrong_lengths_and_numbers_are_refused() {
    let parameter =
        |result: Result<(), Error>| assert!(matches!(result, Err(Error::Parameter { .. })), "{result:?}");
    let (weight, mean, scale) = ([0; 8], [0; 8], [0; 8]);
    let params = |components, weight, mean, scale| MixtureParams { components, weight, mean, scale };
    for bad in [
        params(0, &weight[..0], &mean[..0], &scale[..0]),
        params(5, &weight[..8], &mean[..8], &scale[..8]),
        params(2, &weight[..1], &mean[..4], &scale[..4]),
        params(2, &weight[..2], &mean[..3], &scale[..4]),
        params(2, &weight[..2], &mean[..4], &scale[..5]),
    ] {
        parameter(Encoder::new().encode(&bad, &[0; 2]));
        parameter(Decoder::new(&[]).unwrap().decode(&bad, &mut [0; 2]));
        parameter(wavern_entropy::BitCounter::new().count(&bad, &[0; 2]).map(drop));
        parameter(wavern_entropy::cumulative(&bad, 2, 0, 0).map(drop));
    }
    parameter(wavern_entropy::cumulative(&params(1, &[], &mean[..1], &scale[..1]), 1, 1, 0).map(drop));
    for width in [0, 17, u32::MAX] {
        parameter(Encoder::new().encode_bits(&[0], width));
        parameter(Decoder::new(&[]).unwrap().decode_bits(&mut [0], width));
    }
    parameter(Encoder::new().encode_bits(&[8], 3));
    for lanes in [0, 3, 128] {
        parameter(Encoder::new().finish_with_lanes(lanes).map(drop));
    }
    parameter(Categorical::new(0, &[]).map(drop));
    parameter(Categorical::new(0, &[65_536, 1]).map(drop));
    parameter(Categorical::new(0, &[u32::MAX, 1]).map(drop));
    parameter(Categorical::new(i32::MAX, &[1, 1]).map(drop));
    assert!(Categorical::new(i32::MAX, &[1]).is_ok());
    let table = Categorical::new(0, &[65_535, 1]).unwrap();
    let mut encoder = Encoder::new();
    assert_eq!(encoder.encode_categorical(&table, &[0, 1, 2]), Err(Error::ImpossibleSymbol { symbol: 2 }));
    assert_eq!(encoder.finish(), [], "nothing of a refused call is kept");
}

#[test]
fn absent_paths_are_refused() {
    for path in [Path::Avx2, Path::Avx512, Path::Neon, Path::Wasm] {
        let expected =
            if path.is_available() { Ok(()) } else { Err(Error::PathUnavailable { path: path.name() }) };
        assert_eq!(Encoder::with_path(path).map(drop), expected);
        assert_eq!(Decoder::with_path(&[], path).map(drop), expected);
        assert_eq!(wavern_entropy::BitCounter::with_path(path).map(drop), expected);
    }
}
