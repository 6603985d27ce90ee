//! How fast the kernels are on one thread: GMAC/s of the shapes of the image model, by path, as CSV. On AVX-512
//! machines the first rows are the peak: chains of multiply-adds, and of dot products, on registers alone.
//!
//! ```text
//! cargo run --release -p wavern --example kernel_speed
//! ```

use std::time::Instant;
use wavern::internals::kernel::Path;
use wavern::internals::kernel::codes;
use wavern::internals::kernel::float::{After, Depthwise, Pointwise};
use wavern::internals::kernel::integer::{Dense, Results};
use wavern::internals::kernel::wide::Wide;

/// Positions that go through a layer together.
const ROWS: usize = 96;

fn main() {
    println!("path,kernel,gmac_per_s");
    #[cfg(target_arch = "x86_64")]
    if Path::Avx512.is_available() {
        println!("avx512,peak f32,{:.1}", gmacs(16 * peak::CHAINS * peak::STEPS, peak::floats));
        println!("avx512,peak i8,{:.1}", gmacs(64 * peak::CHAINS * peak::STEPS, peak::integers));
    }
    let numbers = |len: usize| (0..len).map(|i| (i * 7 % 13) as f32 / 13.0 - 0.5).collect::<Vec<f32>>();
    for path in Path::available() {
        let name = path.name();
        for (inputs, outputs) in
            [(128, 128), (128, 256), (256, 128), (256, 256), (128, 192), (256, 512), (512, 256)]
        {
            let layer = Pointwise::on(path, &numbers(inputs * outputs), &numbers(outputs), inputs);
            let (x, mut out) = (numbers(ROWS * inputs), vec![0.0; ROWS * outputs]);
            let speed = gmacs(ROWS * inputs * outputs, || layer.run(&x, &mut out, After::Relu));
            println!("{name},pointwise f32 {inputs}->{outputs},{speed:.1}");
        }
        let (width, channels) = (204, 128);
        let layer = Depthwise::on(path, &numbers(9 * channels), &numbers(channels), [3, 3]);
        let x = numbers(3 * width * channels);
        let rows: Vec<&[f32]> = x.chunks_exact(width * channels).collect();
        let mut out = vec![0.0; width * channels];
        let speed = gmacs(9 * width * channels, || layer.run(&rows, width, 0, false, &mut out));
        println!("{name},depthwise f32 3x3 {channels},{speed:.1}");
        let layer = codes::Depthwise::new(&vec![3; 9 * channels], &vec![0; channels], [3, 3]);
        let (x, scale) = (vec![100; 3 * width * channels], vec![0.01; channels]);
        let rows: Vec<&[u8]> = x.chunks_exact(width * channels).collect();
        let mut out = vec![0; width * channels];
        let speed = gmacs(9 * width * channels, || layer.run(&rows, width, 0, &scale, &mut out));
        println!("{name},depthwise i8 3x3 {channels},{speed:.1}");
        let (x, factors) = (numbers(ROWS * channels), vec![50.0; channels]);
        let mut out = vec![0; ROWS * channels];
        let speed = gmacs(ROWS * channels, || codes::bytes(&x, &factors, &mut out));
        println!("{name},reals to codes {channels} (10^9 a second),{speed:.1}");
        for (inputs, outputs) in [(256, 96), (224, 160), (160, 160), (160, 1344), (96, 512)] {
            let weight: Vec<i8> = (0..inputs * outputs).map(|i| (i % 251) as i8).collect();
            let layer = Dense::on(path, &weight, &vec![0; outputs], &vec![9; outputs], inputs, false);
            let (x, mut out) = (vec![100; ROWS * inputs], vec![0; ROWS * outputs]);
            let speed = gmacs(ROWS * inputs * outputs, || {
                layer.run(&x, inputs, None, Results::Activations(&mut out));
            });
            println!("{name},pointwise i8 {inputs}->{outputs},{speed:.1}");
        }
        for (inputs, outputs) in [(128, 256), (256, 128)] {
            let weight: Vec<i8> = (0..inputs * outputs).map(|i| (i % 251) as i8).collect();
            let layer = Dense::on(path, &weight, &vec![0; outputs], &vec![0; outputs], inputs, true);
            let (x, scale) = (vec![100; ROWS * inputs], vec![1e-5; outputs]);
            let (mut codes, mut reals) = (vec![0; ROWS * outputs], vec![0.0; ROWS * outputs]);
            let macs = ROWS * inputs * outputs;
            let speed = gmacs(macs, || layer.run(&x, inputs, None, Results::Codes(&scale, &mut codes)));
            println!("{name},pointwise i8 to codes {inputs}->{outputs},{speed:.1}");
            let speed = gmacs(macs, || layer.run(&x, inputs, None, Results::Added(&scale, &mut reals)));
            println!("{name},pointwise i8 added {inputs}->{outputs},{speed:.1}");
        }
        for (inputs, outputs) in [(256, 512), (128, 192)] {
            let layer = Wide::on(path, &vec![77; inputs * outputs], &vec![0; outputs], inputs);
            let (x, scale) = (vec![100; ROWS * inputs], vec![1e-5; outputs]);
            let mut out = vec![0.0; ROWS * outputs];
            let speed = gmacs(ROWS * inputs * outputs, || layer.run(&x, Results::Reals(&scale, &mut out)));
            println!("{name},pointwise i16 {inputs}->{outputs},{speed:.1}");
        }
    }
}

/// 10⁹ multiply-accumulates a second in the fastest of many runs: the others were disturbed.
fn gmacs(macs: usize, mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    let begin = Instant::now();
    while begin.elapsed().as_millis() < 60 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    macs as f64 / best / 1e9
}

#[cfg(target_arch = "x86_64")]
mod peak {
    use std::arch::x86_64::*;
    use std::hint::black_box;

    /// Enough that no multiplier waits for its last result.
    pub const CHAINS: usize = 16;
    pub const STEPS: usize = 10_000;

    pub fn floats() {
        #[target_feature(enable = "avx512f")]
        fn run() {
            let (x, y) = (_mm512_set1_ps(black_box(0.999)), _mm512_set1_ps(black_box(0.5)));
            let mut sums = [y; CHAINS];
            for _ in 0..STEPS {
                for sum in &mut sums {
                    *sum = _mm512_fmadd_ps(*sum, x, y);
                }
            }
            black_box(sums);
        }
        // SAFETY: the caller found AVX-512.
        unsafe { run() }
    }

    pub fn integers() {
        #[target_feature(enable = "avx512f,avx512vnni")]
        fn run() {
            let (x, y) =
                (_mm512_set1_epi32(black_box(0x0102_0304)), _mm512_set1_epi32(black_box(0x0101_0101)));
            let mut sums = [y; CHAINS];
            for _ in 0..STEPS {
                // Without a use in between, the compiler would multiply once.
                let x = black_box(x);
                for sum in &mut sums {
                    *sum = _mm512_dpbusd_epi32(*sum, x, y);
                }
            }
            black_box(sums);
        }
        // SAFETY: the caller found AVX-512 with VNNI.
        unsafe { run() }
    }
}
