//! Symbols per second of the mixture coder: both parameter sets, 1 to 4 components, every path, one and two threads,
//! beside constriction's leaky quantizer on the same mixtures.
//!
//! `cargo bench -p wavern-benches --bench entropy`; a part by name: `-- decode/brief/k3`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wavern_benches::common::{Owned, brief, lic};
use wavern_benches::peer::LeakyCoder;
use wavern_entropy::{BitCounter, Decoder, Encoder, Path};

/// As many as a large photo has; few enough for caches of a megabyte or two.
const SYMBOLS: usize = 300_000;
/// constriction takes a hundred times as long per symbol.
const PEER_SYMBOLS: usize = 30_000;

fn encode(params: &Owned, symbols: &[i32], path: Path) -> Vec<u8> {
    let mut encoder = Encoder::with_path(path).expect("an available path");
    encoder.encode(&params.view(), symbols).expect("matching parameters");
    encoder.finish()
}

fn decode(params: &Owned, bytes: &[u8], symbols: &mut [i32], path: Path) {
    let mut decoder = Decoder::with_path(bytes, path).expect("an available path");
    decoder.decode(&params.view(), symbols).expect("a stream of these parameters");
    decoder.finish().expect("a whole stream");
}

/// Runs `work` on `threads` threads at once.
fn in_threads(threads: usize, work: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(&work);
        }
        work();
    });
}

fn mixtures(criterion: &mut Criterion) {
    for (set, make) in [("brief", brief as fn(usize, usize, u64) -> (Owned, Vec<i32>)), ("lic", lic)] {
        for k in 1..=4 {
            let (params, symbols) = make(k, SYMBOLS, 1);
            let bytes = encode(&params, &symbols, Path::best());
            let peer_params = params.slice(SYMBOLS, 0, PEER_SYMBOLS);
            let peer = LeakyCoder::new(&peer_params, &symbols[..PEER_SYMBOLS]);
            for verb in ["encode", "decode", "count"] {
                let mut group = criterion.benchmark_group(format!("{verb}/{set}/k{k}"));
                for path in Path::available() {
                    for threads in [1, 2] {
                        group.throughput(Throughput::Elements((threads * SYMBOLS) as u64));
                        let id = BenchmarkId::new(path.name(), format!("{threads} threads"));
                        group.bench_function(id, |bencher| match verb {
                            "encode" => bencher.iter(|| {
                                in_threads(threads, || {
                                    black_box(encode(&params, &symbols, path));
                                });
                            }),
                            "decode" => bencher.iter(|| {
                                in_threads(threads, || {
                                    let mut back = vec![0; SYMBOLS];
                                    decode(&params, &bytes, &mut back, path);
                                    black_box(back);
                                });
                            }),
                            _ => bencher.iter(|| {
                                in_threads(threads, || {
                                    let counter = BitCounter::with_path(path).expect("an available path");
                                    black_box(counter.count(&params.view(), &symbols))
                                        .expect("matching parameters");
                                });
                            }),
                        });
                    }
                }
                group.throughput(Throughput::Elements(PEER_SYMBOLS as u64));
                if verb == "encode" {
                    group.bench_function("constriction", |bencher| bencher.iter(|| peer.encode()));
                } else if verb == "decode" {
                    let words = peer.encode();
                    group.bench_function("constriction", |bencher| bencher.iter(|| peer.decode(&words)));
                }
                group.finish();
            }
        }
    }
}

criterion_group! {
    name = entropy;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = mixtures
}
criterion_main!(entropy);
