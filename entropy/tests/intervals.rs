//! Symbols of the caller's own models, on one lane and on many, among other calls.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use wavern_entropy::{Decoder, Encoder, Error, MixtureParams};

/// Symbol `i` of 5 with uneven shares.
const LEFT: [u32; 6] = [0, 1, 30_000, 30_004, 65_000, 65_536];

fn find(code: u32) -> (usize, u32, u32) {
    let symbol = LEFT.iter().rposition(|&left| left <= code).unwrap();
    (symbol, LEFT[symbol], LEFT[symbol + 1] - LEFT[symbol])
}

fn stream(lanes: usize, count: usize) -> Vec<u8> {
    let params = MixtureParams { components: 1, weight: &[], mean: &[-64, 32, 208], scale: &[35, 51, 67] };
    let mut encoder = Encoder::new();
    for i in 0..count {
        let symbol = i * i % 5;
        encoder.encode_interval(LEFT[symbol], LEFT[symbol + 1] - LEFT[symbol]).unwrap();
        encoder.encode_interval(0, 1 << 16).unwrap(); // certain: nothing
        if i % 7 == 0 {
            encoder.encode(&params, &[-1, 0, i as i32]).unwrap();
        }
    }
    encoder.finish_with_lanes(lanes).unwrap()
}

#[test]
fn symbols_of_other_models_come_back_on_any_number_of_lanes() {
    let params = MixtureParams { components: 1, weight: &[], mean: &[-64, 32, 208], scale: &[35, 51, 67] };
    for lanes in [1, 2, 8, 64] {
        for count in [0, 1, 10, 3000] {
            let bytes = stream(lanes, count);
            let mut decoder = Decoder::new(&bytes).unwrap();
            for i in 0..count {
                assert_eq!(decoder.decode_interval(find), Ok(i * i % 5), "{lanes} lanes, {i}");
                if i % 7 == 0 {
                    let mut symbols = [0; 3];
                    decoder.decode(&params, &mut symbols).unwrap();
                    assert_eq!(symbols, [-1, 0, i as i32]);
                }
            }
            assert_eq!(decoder.finish(), Ok(()));
        }
    }
}

#[test]
fn intervals_that_are_none_are_refused() {
    let mut encoder = Encoder::new();
    for (left, probability) in [(0, 0), (1, 65_536), (65_535, 2), (65_536, 1), (u32::MAX, 1), (1, u32::MAX)] {
        let error = encoder.encode_interval(left, probability);
        assert!(matches!(error, Err(Error::Parameter { .. })), "{left} {probability}");
    }
    assert!(encoder.finish().is_empty());
    let bytes = stream(1, 100);
    for (left, probability) in [(0, 0), (0, 65_536), (65_535, 2), (u32::MAX, 1)] {
        let mut decoder = Decoder::new(&bytes).unwrap();
        let wrong = decoder.decode_interval(|_| ((), left, probability));
        assert!(matches!(wrong, Err(Error::Parameter { .. })));
        assert_eq!(decoder.decode_interval(find), Err(Error::FinalState));
    }
    // An interval elsewhere than the code.
    let mut decoder = Decoder::new(&bytes).unwrap();
    let elsewhere = decoder.decode_interval(|code| ((), if code < 30_000 { 60_000 } else { 0 }, 1000));
    assert!(matches!(elsewhere, Err(Error::Parameter { .. })));
}

#[test]
fn damage_is_noticed() {
    let bytes = stream(1, 3000);
    for at in 1..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        let mut decoder = Decoder::new(&damaged).unwrap();
        let read = (0..3000).try_for_each(|_| decoder.decode_interval(find).map(drop));
        assert!(read.is_err() || decoder.finish().is_err(), "{at}");
    }
}
