//! Pictures through the whole codec, and the stages that take most of its time, in pixels a second: 0.4, 2 and 24
//! megapixels on one and two threads.
//!
//! ```text
//! cargo bench -p wavern-benches --bench codec -- 'decode/.*/2 MP'
//! ```
//!
//! The picture is `testdata/photo.png`, mirrored until it is large enough. What `decode/whole` takes beyond `latents`
//! (container, entropy coder, prior) and `synthesis` (g_s) is wavelet, colour and copying; what `encode/whole` takes
//! beyond `analysis` (g_a), wavelet, h_a, prior and entropy coder.
#![allow(clippy::unwrap_used)] // a benchmark may fail

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use wavern::internals::array::Tensor;
use wavern::internals::quality::Level;
use wavern::internals::weights::{self, Part};
use wavern::{Color, Samples};
use wavern::{DecodeOptions, Decoder, EncodeOptions, Encoder, Image, Tune};

/// Names and sides.
const SIZES: [(&str, usize, usize); 3] = [("0.4 MP", 768, 512), ("2 MP", 1920, 1088), ("24 MP", 6000, 4000)];

fn picture(width: usize, height: usize) -> Image {
    let png = include_bytes!("../testdata/photo.png");
    let mut reader = png::Decoder::new(std::io::Cursor::new(&png[..])).read_info().unwrap();
    let mut photo = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut photo).unwrap();
    let (w, h) = (info.width as usize, info.height as usize);
    assert_eq!(info.color_type, png::ColorType::Rgb);
    let fold =
        |at: usize, side: usize| if (at / side).is_multiple_of(2) { at % side } else { side - 1 - at % side };
    let pixel = |i: usize| {
        let (y, x) = (fold(i / width, h), fold(i % width, w));
        photo[3 * (y * w + x)..][..3].iter().copied()
    };
    let samples = (0..width * height).flat_map(pixel).collect();
    Image::new(width as u32, height as u32, Color::Rgb, Samples::U8(samples)).unwrap()
}

fn codec(criterion: &mut Criterion) {
    let weights = weights::image(Tune::default()).unwrap();
    for (name, width, height) in SIZES {
        let image = picture(width, height);
        let pixels = (width * height) as u64;
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let options = EncodeOptions::new().threads(threads);
            let encoder = Encoder::new(options).unwrap();
            let decoder = Decoder::new(DecodeOptions::new().threads(threads)).unwrap();
            let encoded = encoder.encode_image(&image).unwrap();
            let level = Level(encoded.level);
            let mut group = criterion.benchmark_group("picture");
            group.sample_size(10).throughput(Throughput::Elements(pixels));
            let id = |stage: &str| format!("{stage}/{name}/{threads} threads");
            group.bench_function(id("encode/whole"), |b| {
                b.iter(|| encoder.encode_image(black_box(&image)).unwrap())
            });
            let channels = weights.config().packet_channels();
            let packets = Tensor::zeros([height.div_ceil(16) * 2, width.div_ceil(16) * 2, channels]);
            group.bench_function(id("encode/analysis"), |b| {
                b.iter(|| {
                    pool.install(|| weights.network(Part::Analysis).unwrap().run(packets.clone(), level))
                });
            });
            group.bench_function(id("decode/whole"), |b| {
                b.iter(|| decoder.decode(black_box(&encoded.bytes)).unwrap())
            });
            group.bench_function(id("decode/latents"), |b| {
                b.iter(|| decoder.latents(black_box(&encoded.bytes)).unwrap());
            });
            let y = encoded.latents[0].dequantized(level, &weights);
            group.bench_function(id("decode/synthesis"), |b| {
                b.iter(|| pool.install(|| weights.network(Part::Synthesis).unwrap().run(y.clone(), level)));
            });
        }
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
