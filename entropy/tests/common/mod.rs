//! Seeded parameters and symbols.
#![allow(dead_code, reason = "every test file uses another part")]

use wavern_entropy::MixtureParams;

/// SplitMix64: the same numbers on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (core::f64::consts::TAU * self.unit()).cos()
    }
}

/// Owned mixture parameters.
pub struct Owned {
    pub components: usize,
    pub weight: Vec<u8>,
    pub mean: Vec<i16>,
    pub scale: Vec<u8>,
}

impl Owned {
    pub fn view(&self) -> MixtureParams<'_> {
        let Self { components, weight, mean, scale } = self;
        MixtureParams { components: *components, weight, mean, scale }
    }
}

/// The `brief` set: weights softmax of N(0, 1), means N(0, 2) + N(0, 1/2), deviations log-uniform in 0.11..20,
/// symbols drawn from the mixtures.
pub fn brief(k: usize, n: usize, seed: u64) -> (Owned, Vec<i32>) {
    let mut random = Random::new(seed);
    let mut owned =
        Owned { components: k, weight: vec![0; (k - 1) * n], mean: vec![0; k * n], scale: vec![0; k * n] };
    let mut symbols = vec![0; n];
    for i in 0..n {
        let logits: Vec<f64> = (0..k).map(|_| random.normal().exp()).collect();
        let total: f64 = logits.iter().sum();
        let shared = 2.0 * random.normal();
        let pick = random.unit();
        let (mut acc, mut chosen) = (0.0, k - 1);
        for j in 0..k {
            let mean = shared + 0.5 * random.normal();
            let sigma = 0.11 * (20.0_f64 / 0.11).powf(random.unit());
            owned.mean[j * n + i] = (64.0 * mean).round() as i16;
            owned.scale[j * n + i] = (51.0 + 16.0 * sigma.log2()).round() as u8;
            if j + 1 < k {
                owned.weight[j * n + i] = (256.0 * logits[j] / total).round() as u8;
            }
            let before = acc;
            acc += logits[j] / total;
            if (before..acc).contains(&pick) {
                chosen = j;
            }
        }
        let mean = f64::from(owned.mean[chosen * n + i]) / 64.0;
        let sigma = ((f64::from(owned.scale[chosen * n + i]) - 51.0) / 16.0).exp2();
        symbols[i] = (mean + sigma * random.normal()).round() as i32;
    }
    (owned, symbols)
}

/// Anything goes: scales 0.11..256, symbols to ±10,000 and now and then anywhere, degenerate weights.
pub fn adversarial(k: usize, n: usize, seed: u64) -> (Owned, Vec<i32>) {
    let mut random = Random::new(seed ^ 0xadad);
    let mut owned =
        Owned { components: k, weight: vec![0; (k - 1) * n], mean: vec![0; k * n], scale: vec![0; k * n] };
    for weight in &mut owned.weight {
        *weight = match random.below(4) {
            0 => 0,
            1 => 255,
            _ => random.below(256) as u8,
        };
    }
    for mean in &mut owned.mean {
        *mean = if random.below(2) == 0 { random.next() as i16 } else { random.below(1024) as i16 - 512 };
    }
    for scale in &mut owned.scale {
        *scale = random.below(180) as u8;
    }
    let symbol = |i: usize, random: &mut Random| match random.below(16) {
        0 => random.next() as i32,
        1 => [i32::MIN, i32::MAX, 0, -1, 1 << 15, -(1 << 15), 40_000, -40_000][random.below(8) as usize],
        2..8 => random.below(20_001) as i32 - 10_000,
        _ => {
            let j = random.below(k as u64) as usize * n + i;
            let sigma = ((f64::from(owned.scale[j]) - 51.0) / 16.0).exp2();
            (f64::from(owned.mean[j]) / 64.0 + sigma * random.normal()).round() as i32
        }
    };
    let symbols = (0..n).map(|i| symbol(i, &mut random)).collect();
    (owned, symbols)
}
