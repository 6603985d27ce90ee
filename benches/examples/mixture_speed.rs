//! Speed and overhead of the mixture coder, beside constriction's leaky quantizer on the same mixtures: one JSON
//! object per line for every parameter set, number of components, path and number of threads.
//!
//! `cargo run --release -p wavern-benches --example mixture_speed -- [symbols] [rounds] [csv]`
//!
//! With `csv`, the same as comma-separated lines: the form of `benches/record/`.
//!
//! Times are medians over the rounds, in nanoseconds per symbol, parameters to bytes and bytes to symbols. Within
//! a round every coder runs once, so that whatever else the machine does meets all of them.

use std::time::Instant;

use wavern_benches::common::{Owned, brief, ideal_bits, lic};
use wavern_benches::peer::LeakyCoder;
use wavern_entropy::{Decoder, Encoder, Path};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let symbols = numbers.first().copied().unwrap_or(2_000_000);
    let rounds = numbers.get(1).copied().unwrap_or(7).max(1);
    let csv = arguments.iter().any(|argument| argument == "csv");
    for (set, make) in [("brief", brief as fn(usize, usize, u64) -> _), ("lic", lic)] {
        for k in 1..=4 {
            let (params, symbols) = make(k, symbols, 1);
            for (i, line) in measure(set, k, &params, &symbols, rounds).iter().enumerate() {
                if csv && set == "brief" && k == 1 && i == 0 {
                    println!("{}", join(line, |(name, _)| name.to_string()));
                }
                let json = || format!("{{{}}}", join(line, |(name, value)| format!("\"{name}\":{value}")));
                println!("{}", if csv { join(line, |(_, value)| value.replace('"', "")) } else { json() });
            }
        }
    }
}

fn join(line: &Line, item: impl Fn(&(&str, String)) -> String) -> String {
    line.iter().map(item).collect::<Vec<_>>().join(",")
}

/// Names and values of one line of output; text values are quoted.
type Line = Vec<(&'static str, String)>;

/// One coder in one configuration, and its times so far: encode and decode, in nanoseconds per symbol.
struct Row {
    path: Path,
    threads: usize,
    /// One for each thread; they keep their memory between rounds, as they do between the tiles of a picture.
    encoders: Vec<Encoder>,
    times: Vec<(f64, f64)>,
    bytes: usize,
}

fn measure(set: &str, k: usize, params: &Owned, symbols: &[i32], rounds: usize) -> Vec<Line> {
    let n = symbols.len();
    let ideal = ideal_bits(params, symbols);
    let parts = [1, 2].map(|threads| split(params, symbols, threads));
    let mut rows = Vec::new();
    for path in Path::available() {
        for threads in [1, 2] {
            let encoders = vec![Encoder::with_path(path).expect("an available path"); threads];
            rows.push(Row { path, threads, encoders, times: Vec::new(), bytes: 0 });
        }
    }
    // constriction takes minutes where the others take seconds: a tenth of the symbols tell its speed.
    let few = n.div_ceil(10);
    let peer = LeakyCoder::new(&params.slice(n, 0, few), &symbols[..few]);
    let mut peer_times = Vec::new();
    for _ in 0..rounds {
        peer_times.push(peer.time());
        for row in &mut rows {
            let (time, bytes) = time(row.path, &mut row.encoders, &parts[row.threads - 1]);
            row.times.push((time.0 / n as f64, time.1 / n as f64));
            row.bytes = bytes;
        }
    }
    let peer = (median(peer_times.iter().map(|t| t.0)), median(peer_times.iter().map(|t| t.1)));
    let line = |Row { path, threads, times, bytes, .. }: Row| {
        let bits = 8.0 * bytes as f64;
        vec![
            ("set", format!("\"{set}\"")),
            ("k", k.to_string()),
            ("path", format!("\"{}\"", path.name())),
            ("threads", threads.to_string()),
            ("symbols", n.to_string()),
            ("bits", format!("{:.4}", bits / n as f64)),
            ("enc_ns", format!("{:.3}", median(times.iter().map(|t| t.0)))),
            ("dec_ns", format!("{:.3}", median(times.iter().map(|t| t.1)))),
            ("overhead_percent", format!("{:.4}", 100.0 * (bits / ideal - 1.0))),
            ("constriction_enc_ns", format!("{:.1}", peer.0)),
            ("constriction_dec_ns", format!("{:.1}", peer.1)),
        ]
    };
    rows.into_iter().map(line).collect()
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
fn time(path: Path, encoders: &mut [Encoder], parts: &[(Owned, Vec<i32>)]) -> ((f64, f64), usize) {
    let mut streams = vec![Vec::new(); parts.len()];
    let mut outputs: Vec<Vec<i32>> = parts.iter().map(|(_, symbols)| vec![-1; symbols.len()]).collect();
    let start = Instant::now();
    in_threads(parts.iter().zip(&mut streams).zip(encoders), |(((params, symbols), stream), encoder)| {
        encoder.encode(&params.view(), symbols).expect("matching parameters");
        *stream = encoder.finish_and_reset();
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
