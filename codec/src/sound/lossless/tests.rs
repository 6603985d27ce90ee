use super::*;
use SampleFormat::{F32, F64, I16, I24, I32, U8};

/// Numbers without pattern, 0..2^32.
fn noise(seed: u32) -> impl FnMut() -> u32 {
    let mut state = u64::from(seed);
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    }
}

/// A few sines and a little noise, of about this amplitude, rounded to steps of a format of integers.
fn music(seed: u32, frames: usize, amplitude: f64, format: SampleFormat) -> Vec<f64> {
    let mut noise = noise(seed);
    let full = full_scale(format);
    let sample = |i: usize| {
        let t = i as f64;
        let tone = (t * 0.031 + f64::from(seed)).sin() + 0.6 * (t * 0.0931).sin() + 0.3 * (t * 0.41).sin();
        let sample = amplitude * (tone * 0.4 + f64::from(noise()) / 4e10);
        // No zero has a sign among integers.
        (sample * full).round().clamp(-full, full - 1.0) / full + 0.0
    };
    (0..frames).map(sample).collect()
}

fn round_trip(samples: &[Vec<f64>], format: SampleFormat, effort: u8) -> Vec<u8> {
    let payload = encode(samples, format, Trial::of(effort)).unwrap();
    let (restored, [computed, stored]) = decode(&payload, format, samples.len(), samples[0].len()).unwrap();
    assert_eq!(computed, stored);
    let bits = |samples: &[Vec<f64>]| -> Vec<u64> { samples.iter().flatten().map(|s| s.to_bits()).collect() };
    assert!(bits(&restored) == bits(samples), "{format:?} {} channels", samples.len());
    payload
}

#[test]
fn every_format_and_number_of_channels_comes_back() {
    for format in [U8, I16, I24, I32] {
        for channels in [1, 2, 3, 8] {
            let samples: Vec<_> = (0..channels).map(|c| music(c, 1500, 0.5, format)).collect();
            for effort in [1, 4, 8] {
                let payload = round_trip(&samples, format, effort);
                let plain = samples.len() * 1500 * format.bytes();
                assert!(payload.len() < plain, "{format:?} {effort}: {} of {plain}", payload.len());
            }
        }
    }
}

#[test]
fn every_length_comes_back() {
    let [left, right] = [3, 4].map(|seed| music(seed, 200, 0.9, I16));
    for frames in 1..=200 {
        round_trip(&[left[..frames].to_vec(), right[..frames].to_vec()], I16, 1);
    }
}

#[test]
fn silence_and_constants_cost_nothing() {
    for format in [U8, I16, I24, I32, F32, F64] {
        assert!(round_trip(&[vec![0.0; 50_000], vec![0.0; 50_000]], format, 1).is_empty());
        assert!(round_trip(&[vec![-0.25; 50_000]], format, 1).len() < 24);
        assert!(round_trip(&[vec![0.5; 50_000], vec![0.0; 50_000]], format, 1).len() < 32);
    }
    // One channel is silent: the other costs what it costs alone.
    let sound = music(1, 20_000, 0.5, I16);
    let alone = round_trip(std::slice::from_ref(&sound), I16, 1).len();
    let both = round_trip(&[vec![0.0; 20_000], sound], I16, 1).len();
    assert!(both < alone + 16, "{both} {alone}");
}

#[test]
fn what_a_pair_has_in_common_is_said_once() {
    let left = music(1, 20_000, 0.5, I16);
    let alone = round_trip(std::slice::from_ref(&left), I16, 1).len();
    let both = round_trip(&[left.clone(), left], I16, 1).len();
    assert!(both < alone + alone / 8, "{both} {alone}");
}

#[test]
fn extremes_come_back() {
    for format in [U8, I16, I24, I32] {
        let full = full_scale(format);
        let (low, high) = (-1.0, (full - 1.0) / full);
        let mut noise = noise(7);
        let mut any = || (f64::from(noise()) / 4_294_967_296.0 * 2.0 * full - full).floor() / full;
        let loud: Vec<f64> = (0..6000).map(|_| any()).collect();
        let payload = round_trip(std::slice::from_ref(&loud), format, 1);
        assert!(payload.len() < 6000 * format.bytes() + 64, "{format:?} {}", payload.len());
        let square: Vec<f64> = (0..6000).map(|i| if i / 37 % 2 == 0 { low } else { high }).collect();
        assert!(round_trip(&[square.clone(), loud.clone()], format, 1).len() < 6000 * format.bytes() + 800);
        assert!(round_trip(&[square], format, 1).len() < 800);
        for place in [0, 1, 127, 128, 3000, 5999] {
            let mut click = vec![0.0; 6000];
            click[place] = high;
            click[(place + 1) % 6000] = low;
            let length = round_trip(&[click], format, 1).len();
            assert!(length < 800, "{format:?} {place} {length}");
        }
    }
}

#[test]
fn values_that_do_not_occur_cost_nothing() {
    let sound = music(2, 40_000, 0.4, I16);
    let plain = round_trip(std::slice::from_ref(&sound), I16, 1).len();
    // Every second value, and with an offset.
    for offset in [0.0, 1.0 / 32_768.0] {
        let doubled: Vec<f64> = sound.iter().map(|sample| sample * 2.0 + offset).collect();
        let combed = round_trip(&[doubled], I16, 1).len();
        assert!(combed < plain + 16, "{combed} {plain}");
    }
    // Amplified afterwards: irregular gaps.
    let louder = sound.iter().map(|sample| (sample * 32_768.0 * 1.85).round() / 32_768.0 + 0.0).collect();
    let combed = round_trip(&[louder], I16, 1).len();
    let wide = plain as f64 + 40_000.0 / 8.0 * 1.85f64.log2();
    assert!((combed as f64) < (plain as f64 + wide) / 2.0, "{combed} {plain} {wide}");
}

#[test]
fn floats_that_are_integers_cost_what_integers_cost() {
    let sound = music(5, 20_000, 0.4, I16);
    let integers = round_trip(std::slice::from_ref(&sound), I16, 1).len();
    for format in [F32, F64] {
        let floats = round_trip(std::slice::from_ref(&sound), format, 1).len();
        assert!(floats < integers + 16, "{floats} {integers}");
    }
}

#[test]
fn floats_of_all_sizes_come_back() {
    let narrow = |sample: f64| f64::from(sample as f32);
    let sound: Vec<f64> = music(6, 9000, 0.7, I32).iter().map(|sample| sample / 3.0).collect();
    let payload = round_trip(&[sound.iter().copied().map(narrow).collect()], F32, 1);
    assert!(payload.len() < 9000 * 4, "{}", payload.len());
    assert!(round_trip(std::slice::from_ref(&sound), F64, 1).len() < 9000 * 8);
    // 32 bits in 64 cost as much as in 32.
    let in_64 = round_trip(&[sound.iter().copied().map(narrow).collect()], F64, 1).len();
    assert!(in_64 < payload.len() + payload.len() / 4, "{in_64} {}", payload.len());
    let mut noise = noise(8);
    let mut finite = |bits: u32| loop {
        let pattern = u64::from(noise()) << 32 | u64::from(noise());
        let sample = match bits {
            32 => f64::from(f32::from_bits(pattern as u32)),
            _ => f64::from_bits(pattern),
        };
        if sample.is_finite() {
            return sample;
        }
    };
    for format in [F32, F64] {
        let any: Vec<f64> = (0..2000).map(|_| finite(format.bits().into())).collect();
        let payload = round_trip(std::slice::from_ref(&any), format, 1);
        assert!(payload.len() < 2000 * format.bytes() + 16, "{}", payload.len());
        round_trip(&[vec![-0.0; 300], any[..300].to_vec()], format, 1);
    }
}

#[test]
fn damaged_payloads_give_samples_or_an_error() {
    let mut noise = noise(9);
    for format in [U8, I16, I24, I32, F32, F64] {
        let base = if format.is_float() { I24 } else { format };
        let mut samples: Vec<_> = (0..3).map(|c| music(c, 700, 0.5, base)).collect();
        if format.is_float() {
            samples[0].iter_mut().for_each(|sample| *sample = f64::from((*sample / 3.0) as f32));
        }
        let payload = encode(&samples, format, Trial::of(1)).unwrap();
        for round in 0..200 {
            let mut damaged = payload.clone();
            let at = noise() as usize % if round < 100 { 60.min(damaged.len()) } else { damaged.len() };
            damaged[at] ^= 1 << (noise() % 8);
            if round % 4 == 0 {
                damaged.truncate(at);
            }
            let decoded = decode(&damaged, format, 3, 700);
            if let Ok((restored, [computed, stored])) = decoded {
                assert!(computed != stored || restored != samples || damaged == payload || at < 3);
            }
        }
        for length in 0..64 {
            let any: Vec<u8> = (0..length).map(|_| noise() as u8).collect();
            let _ = decode(&any, format, 3, 700);
        }
    }
}

#[test]
fn payloads_are_those_of_the_format() {
    let sound = |seed| music(seed, 3000, 0.6, I16);
    let pair = [sound(11), sound(12).iter().zip(sound(11)).map(|(a, b)| a / 8.0 + b).collect()];
    let pair = pair
        .map(|channel: Vec<f64>| channel.iter().map(|s| (s * 32_768.0).round() / 32_768.0 + 0.0).collect());
    let found = [1, 4, 8].map(|effort| crc32c::crc32c(&round_trip(&pair, I16, effort)));
    // Of the first version of this coder: other bytes are another format.
    assert_eq!(found.map(|crc| format!("{crc:08x}")), ["17e4c06b", "ef7c6f81", "19d2ed76"]);
}

#[test]
fn segments_are_long_but_bounded() {
    assert_eq!(segment_frames(44_100, 2), 1 << 18);
    assert_eq!(segment_frames(8_000, 1), 80_000);
    assert_eq!(segment_frames(768_000, 32), 1 << 16);
    assert_eq!(segment_frames(1, 1), 10);
}
