//! Binary decisions: they come back, cost what they should, and damage is noticed.

use wavern_entropy::{BinaryDecoder, BinaryEncoder, Categorical, Decoder, Encoder, Error};

/// Probabilities of all sizes, and decisions that follow them.
fn decisions(count: usize, mut seed: u64) -> Vec<(bool, u16)> {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 48) as u16
    };
    let decision = |_| {
        let mut probability = next() >> (next() % 16);
        if next() % 2 == 0 {
            probability = !probability;
        }
        (next() < probability, probability)
    };
    (0..count).map(decision).collect()
}

fn encode(decisions: &[(bool, u16)]) -> Vec<u8> {
    let mut encoder = BinaryEncoder::new();
    decisions.iter().for_each(|&(decision, probability)| encoder.encode(decision, probability));
    assert_eq!((encoder.len(), encoder.is_empty()), (decisions.len(), decisions.is_empty()));
    encoder.finish_and_reset()
}

fn decode(bytes: &[u8], decisions: &[(bool, u16)]) -> Result<Vec<bool>, Error> {
    let mut decoder = BinaryDecoder::new(bytes)?;
    let decoded = decisions.iter().map(|&(_, probability)| decoder.decode(probability)).collect();
    decoder.finish()?;
    Ok(decoded)
}

#[test]
fn decisions_come_back_at_their_cost() {
    for count in [0, 1, 2, 3, 10, 100, 1000, 100_000] {
        let decisions = decisions(count, count as u64);
        let bytes = encode(&decisions);
        assert_eq!(decode(&bytes, &decisions).unwrap(), decisions.iter().map(|d| d.0).collect::<Vec<_>>());
        let bits: f64 = decisions
            .iter()
            .map(|&(decision, probability)| {
                let p = f64::from(probability.max(1)) / 65536.0;
                -(if decision { p } else { 1.0 - p }).log2()
            })
            .sum();
        assert!((bytes.len() as f64) < bits / 8.0 * 1.0005 + 8.0, "{count}: {} for {bits} bits", bytes.len());
    }
}

#[test]
fn an_encoder_starts_anew() {
    let (one, two) = (decisions(500, 1), decisions(700, 2));
    let mut encoder = BinaryEncoder::default();
    for decisions in [&one, &two] {
        decisions.iter().for_each(|&(decision, probability)| encoder.encode(decision, probability));
        assert_eq!(encoder.finish_and_reset(), encode(decisions));
    }
    assert_eq!(encoder.finish_and_reset(), []);
}

#[test]
fn the_stream_is_one_lane_of_the_common_coder() {
    let decisions = decisions(2000, 7);
    // `true` is the symbol 0, with the lower interval.
    let table = |probability: u16| {
        let probability = u32::from(probability.max(1));
        Categorical::new(0, &[probability, 65536 - probability]).unwrap()
    };
    let mut encoder = Encoder::new();
    for &(decision, probability) in &decisions {
        encoder.encode_categorical(&table(probability), &[i32::from(!decision)]).unwrap();
    }
    let bytes = encode(&decisions);
    assert_eq!(encoder.finish_with_lanes(1).unwrap(), bytes);
    let mut decoder = Decoder::new(&bytes).unwrap();
    for &(decision, probability) in &decisions {
        let mut symbol = [0];
        decoder.decode_categorical(&table(probability), &mut symbol).unwrap();
        assert_eq!(symbol[0], i32::from(!decision));
    }
    decoder.finish().unwrap();
}

#[test]
fn damage_is_noticed() {
    let decisions = decisions(400, 3);
    let bytes = encode(&decisions);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert!(decode(&damaged, &decisions).is_err(), "byte {at}, bit {bit}");
        }
        assert!(decode(&bytes[..at], &decisions).is_err(), "cut at {at}");
    }
    let mut longer = bytes.clone();
    longer.extend([0, 0]);
    assert!(decode(&longer, &decisions).is_err());
    assert!(matches!(BinaryDecoder::new(&[1, 1, 0, 0]), Err(Error::Malformed { .. })));
}

#[test]
fn decisions_behind_the_end_are_false() {
    let mut decoder = BinaryDecoder::new(&[]).unwrap();
    assert!(!(0..100).any(|_| decoder.decode(60000)) || !decoder.failed());
    let mut decoder = BinaryDecoder::new(&[0, 0, 0x80, 0, 0]).unwrap();
    for _ in 0..100 {
        decoder.decode(1000);
    }
    assert!(decoder.failed());
    assert!((0..1000).all(|i| !decoder.decode(i * 65)));
    assert_eq!(decoder.finish(), Err(Error::UnexpectedEnd));
}
