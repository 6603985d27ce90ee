//! A descent finds networks that are better for a picture, and a payload brings them back.

use super::{Descent, Samples, read, write};
use crate::lossless::Planes;
use crate::lossless::color::Transform;
use crate::lossless::payload::count;
use crate::lossless::weights::{built_in, networks};

/// Stripes that no photograph has, and grain.
struct Stripes;

impl Samples for Stripes {
    fn size(&self) -> [usize; 2] {
        [300, 200]
    }

    fn part(&self, [left, top]: [usize; 2], [width, height]: [usize; 2]) -> Planes {
        let value = |x: usize, y: usize, channel: usize| {
            let grain = ((x * 7 + y * 13 + x * y) as u32).wrapping_mul(2_654_435_761) >> 30;
            (60 + 40 * ((x + y / 3) % 5) + 9 * channel) as u16 + grain as u16
        };
        let plane = |channel: usize| {
            let pixels = (0..width * height).map(|at| (left + at % width, top + at / width));
            pixels.map(|(x, y)| value(x, y, channel)).collect()
        };
        Planes { width, height, bits: 8, planes: (0..3).map(plane).collect() }
    }
}

#[test]
fn fitted_networks_take_fewer_bits_and_come_back() {
    let weights = built_in().unwrap();
    let from = weights.set(0).unwrap();
    let descent = Descent { steps: 40, samples: 4096 };
    let to = descent.run(&Stripes, Transform::YCoCg, from, 3).unwrap();
    let (payload, written) = write(0, from, &to, 3).unwrap();
    let back = read(&payload, |index| weights.set(index), 3).unwrap();
    assert!(back == written && payload.len() < 8000, "{}", payload.len());
    let part = Stripes.part([20, 30], [120, 90]);
    let bits = |set| count(&part, Transform::YCoCg, &networks(set)).unwrap();
    assert!(bits(&back) < bits(from) * 9 / 10, "{} of {}", bits(&back), bits(from));
}

#[test]
fn descents_do_not_depend_on_threads() {
    let weights = built_in().unwrap();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let descent = Descent { steps: 3, samples: 2048 };
        pool.install(|| descent.run(&Stripes, Transform::Green, weights.set(0).unwrap(), 3))
    };
    assert!(run(1) == run(3));
}

#[test]
fn damaged_payloads_are_errors_or_networks() {
    let weights = built_in().unwrap();
    let from = weights.set(0).unwrap();
    let payload = write(0, from, weights.set(1).unwrap(), 3).unwrap().0;
    for at in (0..payload.len()).step_by(7) {
        let mut changed = payload.clone();
        changed[at] ^= 1 << (at % 8);
        let _ = read(&changed, |index| weights.set(index), 3);
        assert!(read(&payload[..at], |index| weights.set(index), 3).is_err());
    }
}
