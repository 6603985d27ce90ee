//! Speed and overhead of the mixture coder, beside constriction's leaky quantizer on the same mixtures: one JSON
//! object per line for every parameter set, number of components, path and number of threads.
//!
//! `cargo run --release -p wavern-entropy --example mixture_speed -- [symbols] [rounds]`
//!
//! Times are medians over the rounds, in nanoseconds per symbol, parameters to bytes and bytes to symbols. Within
//! a round every coder runs once, so that whatever else the machine does meets all of them.

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use common::{Owned, brief, ideal_bits, lic};
use constriction::stream::model::DefaultLeakyQuantizer;
use constriction::stream::stack::DefaultAnsCoder;
use constriction::stream::Decode;
use probability::distribution::{Distribution, Gaussian, Inverse};
use wavern_entropy::{Decoder, Encoder, Path};

fn main() {
    let arguments: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let symbols = arguments.first().copied().unwrap_or(2_000_000);
    let rounds = arguments.get(1).copied().unwrap_or(7).max(1);
    for (set, make) in [("brief", brief as fn(usize, usize, u64) -> _), ("lic", lic)] {
        for k in 1..=4 {
            let (params, symbols) = make(k, symbols, 1);
            measure(set, k, &params, &symbols, rounds);
        }
    }
}

/// One coder in one configuration, and its times so far: encode and decode, in nanoseconds per symbol.
struct Row {
    path: Path,
    threads: usize,
    times: Vec<(f64, f64)>,
    bytes: usize,
}

fn measure(set: &str, k: usize, params: &Owned, symbols: &[i32], rounds: usize) {
    let n = symbols.len();
    let ideal = ideal_bits(params, symbols);
    let parts = [1, 2].map(|threads| split(params, symbols, threads));
    let mut rows = Vec::new();
    for path in Path::available() {
        for threads in [1, 2] {
            rows.push(Row { path, threads, times: Vec::new(), bytes: 0 });
        }
    }
    // constriction takes minutes where the others take seconds: a tenth of the symbols tell its speed.
    let few = n.div_ceil(10);
    let peer = LeakyCoder::new(&params.slice(n, 0, few), &symbols[..few]);
    let mut peer_times = Vec::new();
    for _ in 0..rounds {
        peer_times.push(peer.time());
        for row in &mut rows {
            let (time, bytes) = time(row.path, &parts[row.threads - 1]);
            row.times.push((time.0 / n as f64, time.1 / n as f64));
            row.bytes = bytes;
        }
    }
    let peer = (median(peer_times.iter().map(|t| t.0)), median(peer_times.iter().map(|t| t.1)));
    for Row { path, threads, times, bytes } in rows {
        println!(
            "{{\"set\":\"{set}\",\"k\":{k},\"path\":\"{}\",\"threads\":{threads},\"symbols\":{n},\"bits\":{:.4},\
             \"enc_ns\":{:.3},\"dec_ns\":{:.3},\"overhead_percent\":{:.4},\"constriction_enc_ns\":{:.1},\
             \"constriction_dec_ns\":{:.1}}}",
            path.name(),
            8.0 * bytes as f64 / n as f64,
            median(times.iter().map(|t| t.0)),
            median(times.iter().map(|t| t.1)),
            100.0 * (8.0 * bytes as f64 / ideal - 1.0),
            peer.0,
            peer.1,
        );
    }
}

/// Equal consecutive parts, one stream each.
fn split(params: &Owned, symbols: &[i32], parts: usize) -> Vec<(Owned, Vec<i32>)> {
    let n = symbols.len();
    (0..parts)
        .map(|part| {
            let (first, end) = (part * n / parts, (part + 1) * n / parts);
            (params.slice(n, first, end - first), symbols[first..end].to_vec())
        })
        .collect()
}

/// Nanoseconds to encode and to decode all parts, a thread for each; and the bytes.
fn time(path: Path, parts: &[(Owned, Vec<i32>)]) -> ((f64, f64), usize) {
    let mut streams = vec![Vec::new(); parts.len()];
    let mut outputs: Vec<Vec<i32>> = parts.iter().map(|(_, symbols)| vec![-1; symbols.len()]).collect();
    let start = Instant::now();
    in_threads(parts.iter().zip(&mut streams), |((params, symbols), stream)| {
        let mut encoder = Encoder::with_path(path).expect("an available path");
        encoder.encode(&params.view(), symbols).expect("matching parameters");
        *stream = encoder.finish();
    });
    let encode_ns = start.elapsed().as_nanos() as f64;
    let start = Instant::now();
    in_threads(parts.iter().zip(&streams).zip(&mut outputs), |(((params, _), stream), output)| {
        let mut decoder = Decoder::with_path(stream, path).expect("an available path");
        decoder.decode(&params.view(), output).expect("a stream of these parameters");
        decoder.finish().expect("a whole stream");
    });
    let decode_ns = start.elapsed().as_nanos() as f64;
    for ((_, symbols), output) in parts.iter().zip(&outputs) {
        assert!(symbols == output, "decoding differs");
    }
    ((encode_ns, decode_ns), streams.iter().map(Vec::len).sum())
}

/// Runs `work` on every item, the first on this thread and the others on threads of their own.
fn in_threads<T: Send>(mut items: impl Iterator<Item = T>, work: impl Fn(T) + Sync) {
    let first = items.next();
    std::thread::scope(|scope| {
        for item in items {
            let work = &work;
            scope.spawn(move || work(item));
        }
        first.into_iter().for_each(&work);
    });
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The same mixtures in `f64`, for constriction.
#[derive(Clone, Copy)]
struct Mixture<'a> {
    components: &'a [(f64, f64, f64)],
    /// Where its search for a quantile starts: the Gaussian of the same mean and variance.
    guess: &'a Gaussian,
}

impl Distribution for Mixture<'_> {
    type Value = f64;

    fn distribution(&self, x: f64) -> f64 {
        let below = |&(weight, mean, sigma): &(f64, f64, f64)| {
            weight * 0.5 * libm::erfc((mean - x) / sigma * core::f64::consts::FRAC_1_SQRT_2)
        };
        self.components.iter().map(below).sum::<f64>().min(1.0)
    }
}

impl Inverse for Mixture<'_> {
    fn inverse(&self, p: f64) -> f64 {
        self.guess.inverse(p)
    }
}

/// constriction's ANS coder with its leaky quantizer.
struct LeakyCoder<'a> {
    components: Vec<Vec<(f64, f64, f64)>>,
    guesses: Vec<Gaussian>,
    symbols: &'a [i32],
}

impl<'a> LeakyCoder<'a> {
    fn new(params: &Owned, symbols: &'a [i32]) -> Self {
        let components: Vec<_> = (0..symbols.len()).map(|i| params.mixture(i, symbols.len())).collect();
        let guess = |mixture: &Vec<(f64, f64, f64)>| {
            let mean: f64 = mixture.iter().map(|c| c.0 * c.1).sum();
            let square: f64 = mixture.iter().map(|c| c.0 * (c.2 * c.2 + (c.1 - mean) * (c.1 - mean))).sum();
            Gaussian::new(mean, square.sqrt())
        };
        let guesses = components.iter().map(guess).collect();
        Self { components, guesses, symbols }
    }

    /// Nanoseconds per symbol to encode and to decode.
    fn time(&self) -> (f64, f64) {
        let quantizer = DefaultLeakyQuantizer::<f64, i32>::new(-1024..=1023);
        let model = |i: usize| {
            quantizer.quantize(Mixture { components: &self.components[i], guess: &self.guesses[i] })
        };
        let n = self.symbols.len();
        let start = Instant::now();
        let mut coder = DefaultAnsCoder::new();
        coder
            .encode_symbols_reverse((0..n).map(|i| (self.symbols[i].clamp(-1024, 1023), model(i))))
            .expect("symbols in range");
        let words = coder.into_compressed().expect("infallible");
        let encode_ns = start.elapsed().as_nanos() as f64;
        let start = Instant::now();
        let mut coder = DefaultAnsCoder::from_compressed(words).expect("its own words");
        let back: Vec<i32> =
            coder.decode_symbols((0..n).map(model)).map(|symbol| symbol.expect("infallible")).collect();
        let decode_ns = start.elapsed().as_nanos() as f64;
        assert!(back.iter().zip(self.symbols).all(|(&back, &symbol)| back == symbol.clamp(-1024, 1023)));
        (encode_ns / n as f64, decode_ns / n as f64)
    }
}
