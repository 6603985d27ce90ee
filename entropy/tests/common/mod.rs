//! Seeded parameters and symbols.
#![allow(dead_code, reason = "every test file uses another part")]

use wavern_entropy::MixtureParams;

/// SplitMix64: the same numbers on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.number()) * u128::from(n)) >> 64) as u64
    }

    pub fn unit(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
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

impl Owned {
    /// All zeros.
    pub fn zeros(components: usize, n: usize) -> Self {
        let (weight, mean, scale) =
            (vec![0; (components - 1) * n], vec![0; components * n], vec![0; components * n]);
        Self { components, weight, mean, scale }
    }

    /// Mixtures `first..first + n` of `all` as parameters of their own.
    pub fn slice(&self, all: usize, first: usize, n: usize) -> Self {
        let planes = |k: usize| (0..k).map(move |k| k * all + first..k * all + first + n);
        Self {
            components: self.components,
            weight: planes(self.components - 1).flat_map(|plane| self.weight[plane].to_vec()).collect(),
            mean: planes(self.components).flat_map(|plane| self.mean[plane].to_vec()).collect(),
            scale: planes(self.components).flat_map(|plane| self.scale[plane].to_vec()).collect(),
        }
    }

    /// Weight, mean and standard deviation, in symbols, of each component of mixture `i` of `n`.
    pub fn mixture(&self, i: usize, n: usize) -> Vec<(f64, f64, f64)> {
        let mut left = 256;
        (0..self.components)
            .map(|k| {
                let last = k + 1 == self.components;
                let weight = if last { left } else { left.min(i32::from(self.weight[k * n + i])) };
                left -= weight;
                let mean = f64::from(self.mean[k * n + i]) / 64.0;
                (f64::from(weight) / 256.0, mean, deviation(self.scale[k * n + i]))
            })
            .collect()
    }
}

/// Standard deviation, in symbols, that a scale stands for.
pub fn deviation(scale: u8) -> f64 {
    ((f64::from(scale) - 51.0) / 16.0).exp2()
}

fn nearest_scale(deviation: f64) -> u8 {
    (51.0 + 16.0 * deviation.log2()).round() as u8
}

/// Mass of `symbol` under a mixture, in `f64`, without cancellation in the tails.
pub fn mass(mixture: &[(f64, f64, f64)], symbol: i32) -> f64 {
    let upper_tail = |z: f64| 0.5 * libm::erfc(z * core::f64::consts::FRAC_1_SQRT_2);
    let component = |&(weight, mean, sigma): &(f64, f64, f64)| {
        let distance = (f64::from(symbol) - mean).abs();
        weight * (upper_tail((distance - 0.5) / sigma) - upper_tail((distance + 0.5) / sigma))
    };
    mixture.iter().map(component).sum()
}

/// Bits of all symbols at the exact mass of their mixtures: what no coder of these mixtures can beat.
pub fn ideal_bits(params: &Owned, symbols: &[i32]) -> f64 {
    let n = symbols.len();
    symbols.iter().enumerate().map(|(i, &symbol)| -mass(&params.mixture(i, n), symbol).log2()).sum()
}

/// Draws parameters from `parameters(random) -> (shared mean, its spread, deviation of a component)`, quantizes
/// them, and draws each symbol from its mixture as quantized.
fn draw(
    k: usize,
    n: usize,
    seed: u64,
    mut parameters: impl FnMut(&mut Random) -> (f64, f64, f64, f64),
) -> (Owned, Vec<i32>) {
    let mut random = Random::new(seed);
    let mut owned = Owned::zeros(k, n);
    let mut symbols = vec![0; n];
    for (i, symbol) in symbols.iter_mut().enumerate() {
        let (mean, spread, low, high) = parameters(&mut random);
        let odds: Vec<f64> = (0..k).map(|_| random.normal().exp()).collect();
        let total: f64 = odds.iter().sum();
        for (j, odd) in odds.iter().enumerate() {
            owned.mean[j * n + i] = (64.0 * (mean + spread * random.normal())).round() as i16;
            owned.scale[j * n + i] = nearest_scale(low * (high / low).powf(random.unit()));
            if j + 1 < k {
                owned.weight[j * n + i] = (256.0 * odd / total).round().min(255.0) as u8;
            }
        }
        let mut pick = random.unit();
        let mixture = owned.mixture(i, n);
        let chosen = mixture.iter().find(|(weight, ..)| {
            pick -= weight;
            pick < 0.0
        });
        let &(_, mean, sigma) = chosen.unwrap_or(&mixture[k - 1]);
        *symbol = (mean + sigma * random.normal()).round() as i32;
    }
    (owned, symbols)
}

/// «brief»: weights softmax of N(0, 1), means N(0, 2) + 0.5 N(0, 1), deviations log-uniform in 0.11..20 for each
/// component. About 3.3 bits per symbol.
pub fn brief(k: usize, n: usize, seed: u64) -> (Owned, Vec<i32>) {
    draw(k, n, seed, |random| (2.0 * random.normal(), 0.5, 0.11, 20.0))
}

/// «lic»: like the latents of a learned image codec. Six in ten mixtures have deviations in 0.11..0.5, the others in
/// 0.5..9, all components within a factor of two; means near zero. 1.62 (K = 1) to 1.69 bits (K = 4) per symbol, 58 % of
/// them zero.
pub fn lic(k: usize, n: usize, seed: u64) -> (Owned, Vec<i32>) {
    draw(k, n, seed, |random| {
        let (low, high): (f64, f64) = if random.unit() < 0.6 { (0.11, 0.5) } else { (0.5, 9.0) };
        let sigma = low * (high / low).powf(random.unit());
        (0.5 * random.normal() * sigma.max(0.4), 0.5 * sigma, sigma / 2_f64.sqrt(), sigma * 2_f64.sqrt())
    })
}

/// Anything goes: scales 0.11..256, symbols to ±10,000 and now and then anywhere, degenerate weights.
pub fn adversarial(k: usize, n: usize, seed: u64) -> (Owned, Vec<i32>) {
    let mut random = Random::new(seed ^ 0xadad);
    let mut owned = Owned::zeros(k, n);
    for weight in &mut owned.weight {
        *weight = match random.below(4) {
            0 => 0,
            1 => 255,
            _ => random.below(256) as u8,
        };
    }
    for mean in &mut owned.mean {
        *mean = if random.below(2) == 0 { random.number() as i16 } else { random.below(1024) as i16 - 512 };
    }
    for scale in &mut owned.scale {
        *scale = random.below(180) as u8;
    }
    let symbol = |i: usize, random: &mut Random| match random.below(16) {
        0 => random.number() as i32,
        1 => [i32::MIN, i32::MAX, 0, -1, 1 << 15, -(1 << 15), 40_000, -40_000][random.below(8) as usize],
        2..8 => random.below(20_001) as i32 - 10_000,
        _ => {
            let j = random.below(k as u64) as usize * n + i;
            (f64::from(owned.mean[j]) / 64.0 + deviation(owned.scale[j]) * random.normal()).round() as i32
        }
    };
    let symbols = (0..n).map(|i| symbol(i, &mut random)).collect();
    (owned, symbols)
}
