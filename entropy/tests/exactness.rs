//! The same numbers in every build: debug, release, native, baseline, aarch64, WebAssembly.
//!
//! The hashes below are part of the format: a build that gives others cannot read the streams of those that do not.
//! Parameters here are drawn with integers only, so that they are the same everywhere too.

mod common;

use common::{Owned, Random};
use sha2::{Digest, Sha256};
use wavern_entropy::{Categorical, Decoder, Encoder, Path, cumulative};

/// Any parameters at all, means often near zero.
fn parameters(k: usize, n: usize, random: &mut Random) -> Owned {
    let mut owned = Owned::zeros(k, n);
    owned.weight.iter_mut().for_each(|weight| *weight = random.number() as u8);
    owned.mean.iter_mut().for_each(|mean| *mean = (random.number() as i16) >> random.below(10));
    owned.scale.iter_mut().for_each(|scale| *scale = random.number() as u8);
    owned
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn cumulative_has_its_hash() {
    const MIXTURES: usize = 4096;
    const POINTS: i32 = 1233;
    let mut random = Random::new(2024);
    let mut hash = Sha256::new();
    let mut row = Vec::new();
    for k in 1..=4 {
        let params = parameters(k, MIXTURES, &mut random);
        for i in 0..MIXTURES {
            // From beyond one end of the first component to beyond the other.
            let center = i32::from(params.mean[i]) >> 6;
            let step = 1 << (u32::from(params.scale[i]) / 16).saturating_sub(9);
            row.clear();
            let mut last = 0;
            for point in 0..POINTS {
                let value =
                    cumulative(&params.view(), MIXTURES, i, center + (point - POINTS / 2) * step).unwrap();
                assert!(value >= last, "not monotone");
                last = value;
                row.extend_from_slice(&(value as u16).to_le_bytes());
            }
            hash.update(&row);
        }
    }
    assert_eq!(hex(hash), "169cd2ae1c65173f953f6a9bb14852c704a924268373a339c0c3858254f8decc");
}

#[test]
fn streams_have_their_hash() {
    let mut random = Random::new(2025);
    let mut hash = Sha256::new();
    let table = Categorical::new(-2, &[100, 20_000, 30_000, 15_000]).unwrap();
    for k in 1..=4 {
        for n in [1, 10, 100, 1000, 10_000] {
            let params = parameters(k, n, &mut random);
            let symbol = |i| (i32::from(params.mean[i]) >> 6) + random.below(9) as i32 - 4;
            let symbols: Vec<i32> = (0..n).map(symbol).collect();
            let side: Vec<i32> = (0..n).map(|_| random.below(5) as i32 - 2).collect();
            let bits: Vec<u32> = (0..n).map(|_| random.below(1 << 11) as u32).collect();
            for lanes in [1, 2, 4, 8, 16, 32, 64] {
                for path in Path::available() {
                    let mut encoder = Encoder::with_path(path).unwrap();
                    encoder.encode_categorical(&table, &side).unwrap();
                    encoder.encode(&params.view(), &symbols).unwrap();
                    encoder.encode_bits(&bits, 11).unwrap();
                    let bytes = encoder.finish_with_lanes(lanes).unwrap();
                    if path == Path::Scalar {
                        hash.update(&bytes);
                    }
                    let mut decoder = Decoder::with_path(&bytes, path).unwrap();
                    let (mut back, mut raw) = (vec![0; n], vec![0; n]);
                    decoder.decode_categorical(&table, &mut back).unwrap();
                    assert!(back == side);
                    decoder.decode(&params.view(), &mut back).unwrap();
                    assert!(back == symbols);
                    decoder.decode_bits(&mut raw, 11).unwrap();
                    assert!(raw == bits);
                    decoder.finish().unwrap();
                }
            }
        }
    }
    assert_eq!(hex(hash), "df4393fa7f4d4279b100d5f2f26c2c02451d3310ecb865f380c122c93906eef2");
}
