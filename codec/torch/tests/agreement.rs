//! The two backends on the same weight files, and the training's rate against real bytes.
#![allow(clippy::unwrap_used)] // a helper of a test may fail it

use std::sync::Arc;
use tch::{Device, Kind, Tensor as Tensors};
use wavern::internals::array::Tensor;
use wavern::internals::engine::PlainTransforms;
use wavern::internals::engine::Transforms;
use wavern::internals::network::ModelConfig;
use wavern::internals::quality::Level;
use wavern::internals::weights::Weights;
use wavern::{Audio, Color, Image, SampleFormat, Samples};
use wavern::{DecodeOptions, Decoder, EncodeOptions, Encoder, Quality, Signal};
use wavern_torch::backend::TorchTransforms;
use wavern_torch::data::Sound;
use wavern_torch::export;
use wavern_torch::grow::grow;
use wavern_torch::initial;
use wavern_torch::layers::Levels;
use wavern_torch::model::{Model, Rounding};
use wavern_torch::packets;

const IMAGE: &[u8] = include_bytes!("../../../models/image.safetensors");
const FAST: &[u8] = include_bytes!("../../../models/fast/image-fast.safetensors");
const AUDIO: &[u8] = include_bytes!("../../../models/audio.safetensors");

/// Something between noise and a gradient, in -1..1.
fn signal(len: usize) -> Vec<f32> {
    let mut state = 12345u32;
    let mut smooth = 0.0f32;
    (0..len)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
            smooth = 0.9 * smooth + 0.1 * noise;
            (smooth + 0.4 * (i as f32 * 0.013).sin()).clamp(-1.0, 1.0)
        })
        .collect()
}

fn photo() -> Image {
    let (width, height) = (173u32, 94u32);
    let samples = signal((width * height * 3) as usize).iter().map(|v| (v * 100.0 + 128.0) as u8).collect();
    Image::new(width, height, Color::Rgb, Samples::U8(samples)).unwrap()
}

fn clip() -> Audio {
    let channels = vec![signal(30_000), signal(30_000).iter().rev().map(|v| v * 0.7).collect()];
    Audio::new(44_100, SampleFormat::I16, channels).unwrap()
}

fn backends(bytes: &[u8]) -> [Backend; 2] {
    let weights = Arc::new(Weights::from_bytes(bytes).unwrap());
    let torch = TorchTransforms::new(bytes, Device::Cpu).unwrap();
    [(weights.clone(), Arc::new(PlainTransforms(weights.clone()))), (weights, Arc::new(torch))]
}

/// Weights for pictures with analysis and synthesis in the reals that their integers stand for.
fn real_of(weights: &[u8]) -> Vec<u8> {
    let (config, params) = export::parameters(weights, Device::Cpu).unwrap();
    let params = params.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect();
    export::weight_file(&config, &params).unwrap()
}

/// The larger image model as it begins, with noise wherever it is new.
fn grown_image() -> Vec<u8> {
    tch::manual_seed(4);
    let (old, params) = export::parameters(FAST, Device::Cpu).unwrap();
    let mut tensors = Vec::new();
    params.collect("", &mut tensors);
    let mut tensors = tensors.into_iter().collect();
    let config = ModelConfig::image();
    assert_ne!(old, config);
    grow(&old, &config, "", &mut tensors).unwrap();
    for (name, tensor) in &mut tensors {
        if name.ends_with("weight") && (name.starts_with("context.") || name.starts_with("synthesis.")) {
            *tensor += tensor.randn_like() * 0.002;
        }
    }
    export::weight_file(&config, &tensors).unwrap()
}

/// libtorch runs networks in integers as the reals that they stand for.
fn assert_near(a: &Tensor, b: &Tensor, share: f64, what: &str) {
    assert_eq!(a.shape(), b.shape());
    let square = |x: f32| f64::from(x) * f64::from(x);
    let power: f64 = a.data().iter().map(|x| square(*x)).sum();
    let error: f64 = a.data().iter().zip(b.data()).map(|(x, y)| square(x - y)).sum();
    assert!(error <= share * power, "{what}: {error} of {power}");
}

fn assert_close(a: &Tensor, b: &Tensor, what: &str) {
    assert_eq!(a.shape(), b.shape());
    let largest = a.data().iter().fold(0f32, |m, v| m.max(v.abs()));
    let worst = a.data().iter().zip(b.data()).fold(0f32, |m, (x, y)| m.max((x - y).abs()));
    assert!(worst <= 1e-3 * largest, "{what}: {worst} of {largest}");
}

#[test]
fn activations_agree_to_a_thousandth() {
    let real = real_of(FAST);
    // Networks in integers may differ by a share of the power; the ranges of codes of the larger model hold less.
    for (bytes, shape, largest, share) in [
        (FAST, [6, 10], 4.0, Some(1e-3)),
        (IMAGE, [6, 10], 2.0, Some(1e-2)),
        (&real, [6, 10], 4.0, None),
        (AUDIO, [1, 24], 4.0, None),
    ] {
        let [(weights, plain), (_, torch)] = backends(bytes);
        let agree = |a: &Tensor, b: &Tensor, what: &str| match share {
            Some(share) => assert_near(a, b, share, what),
            None => assert_close(a, b, what),
        };
        let config = weights.config();
        let tensor = |[h, w]: [usize; 2], c: usize| {
            Tensor::from_vec([h, w, c], signal(h * w * c).iter().map(|v| v * largest).collect())
        };
        let x = tensor(shape, config.packet_channels());
        let y = plain.analysis(x.clone()).unwrap();
        agree(&y, &torch.analysis(x).unwrap(), "analysis");
        let hyper = tensor(config.hyper_stride(), config.latents());
        assert_close(
            &plain.hyper_analysis(hyper.clone()).unwrap(),
            &torch.hyper_analysis(hyper).unwrap(),
            "hyper_analysis",
        );
        for level in [0, 200, Level::top(config.lambdas.len()).0] {
            let x = plain.synthesis(y.clone(), Level(level)).unwrap();
            agree(&x, &torch.synthesis(y.clone(), Level(level)).unwrap(), "synthesis");
        }
    }
}

#[test]
fn files_of_either_backend_decode_on_the_other_to_the_same_latents() {
    decode_on_the_other(&backends(FAST), &backends(AUDIO), 0.001);
    decode_on_the_other(&backends(IMAGE), &backends(AUDIO), 0.003);
    decode_on_the_other(&backends(&grown_image()), &backends(AUDIO), 0.001);
}

type Backend = (Arc<Weights>, Arc<dyn Transforms>);

fn decode_on_the_other(image: &[Backend; 2], audio: &[Backend; 2], share: f64) {
    for quality in [10.0, 50.0, 90.0] {
        let mut sizes = Vec::new();
        for side in 0..2 {
            let options = |(weights, transforms): &Backend| {
                let options = EncodeOptions::new().quality(Quality::new(quality).unwrap());
                options.weights(weights.clone()).backend(transforms.clone())
            };
            let picture = Encoder::new(options(&image[side])).unwrap().encode_image(&photo()).unwrap();
            let sound = Encoder::new(options(&audio[side])).unwrap().encode_audio(&clip()).unwrap();
            sizes.push([picture.bytes.len(), sound.bytes.len()]);
            for (encoded, latents, pair) in
                [(&picture.bytes, &picture.latents, image), (&sound.bytes, &sound.latents, audio)]
            {
                let decoded: Vec<Signal> = pair
                    .iter()
                    .map(|(weights, transforms)| {
                        let options = DecodeOptions::new().weights(weights.clone());
                        let decoder = Decoder::new(options.backend(transforms.clone())).unwrap();
                        assert_eq!(&decoder.latents(encoded).unwrap(), latents);
                        decoder.decode(encoded).unwrap()
                    })
                    .collect();
                assert_signals_agree(&decoded[0], &decoded[1]);
            }
        }
        for (a, b) in sizes[0].iter().zip(&sizes[1]) {
            let (a, b) = (*a as f64, *b as f64);
            assert!((a / b - 1.0).abs() < share || (a - b).abs() <= 8.0, "{a} and {b} bytes");
        }
    }
}

fn assert_signals_agree(a: &Signal, b: &Signal) {
    match (a, b) {
        (Signal::Image(a), Signal::Image(b)) => {
            let (Samples::U8(a), Samples::U8(b)) = (a.samples(), b.samples()) else { panic!("8 bits") };
            let differences: Vec<u8> = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).collect();
            let squares: f64 = differences.iter().map(|d| f64::from(*d).powi(2)).sum();
            assert!(squares <= 1.5 * differences.len() as f64, "{squares}");
            assert!(differences.iter().all(|d| *d <= 16));
        }
        (Signal::Audio(a), Signal::Audio(b)) => {
            for (a, b) in a.channels().iter().flatten().zip(b.channels().iter().flatten()) {
                assert!((a - b).abs() < 3e-5, "{a} {b}");
            }
        }
        _ => panic!("different kinds"),
    }
}

#[test]
fn the_loss_counts_the_bits_and_the_error_of_the_file() {
    counts_what_the_file_has(FAST, 0.01);
    // The loss does not know of rounded activations.
    counts_what_the_file_has(IMAGE, 0.02);
    counts_what_the_file_has(&grown_image(), 0.01);
}

fn counts_what_the_file_has(weights: &[u8], share: f64) {
    let (config, params) = export::parameters(weights, Device::Cpu).unwrap();
    assert_eq!(&config, Weights::from_bytes(weights).unwrap().config());
    let side = 192u32;
    let samples: Vec<u8> =
        signal((side * side * 3) as usize).iter().map(|v| (v * 100.0 + 128.0) as u8).collect();
    let packets = packets::of_picture(&samples, side as usize, side as usize, &config);
    let image = Image::new(side, side, Color::Rgb, Samples::U8(samples)).unwrap();
    for anchor in [1usize, 4, 6] {
        let model = Model { config: ModelConfig::clone(&config), compute: Kind::Float, float_prior: false };
        let levels = Levels::new(&[anchor as f64], config.lambdas.len(), Device::Cpu);
        let outcome = tch::no_grad(|| model.forward(&params, &packets, &levels, Rounding::Hard));
        let estimate = (outcome.latent_bits + outcome.hyper_bits).double_value(&[0]) / 8.0;
        let quality = Quality::new(100.0 * anchor as f32 / (config.lambdas.len() - 1) as f32).unwrap();
        let weights = Arc::new(Weights::from_bytes(weights).unwrap());
        let encoder = Encoder::new(EncodeOptions::new().quality(quality).weights(weights)).unwrap();
        let (encoded, restored) = encoder.encode_image_and_reconstruct(&image).unwrap();
        let (Samples::U8(before), Samples::U8(after)) = (image.samples(), restored.samples()) else {
            panic!("8 bits")
        };
        let squares = before.iter().zip(after).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
        let error = squares.sum::<f64>() / before.len() as f64;
        let expected = outcome.mse.double_value(&[0]) * f64::from(wavern::internals::color::UNIT).powi(2);
        assert!(
            (error / expected - 1.0).abs() < 0.05,
            "anchor {anchor}: error {error}, trained on {expected}"
        );
        // Signature, header, chunks, and the check value of the symbols.
        let bytes = encoded.bytes.len() as f64 - 44.0;
        assert!(
            (estimate / bytes - 1.0).abs() < share,
            "anchor {anchor}: {estimate} estimated, {bytes} real"
        );
    }
}

/// A tone that fades, and then clicks: with long spans, short ones and none.
fn tones_and_clicks(len: usize) -> Vec<f32> {
    let tone = |i: usize| (i as f32 * 0.21).sin() + 0.5 * (i as f32 * 0.83).sin();
    let noise = signal(len);
    let value = |i: usize| match i {
        i if i < len / 2 => 0.3 * tone(i) * (-(i as f32) / len as f32).exp(),
        i if i % 700 < 30 => 0.9 * noise[i],
        i if i < 3 * len / 4 => 0.05 * tone(i),
        _ => 0.002 * noise[i],
    };
    (0..len).map(value).collect()
}

#[test]
fn a_new_model_of_sound_codes_spans_and_counts_their_bits() {
    let config = ModelConfig::audio();
    // The encoder has a frame more than blocks; the trainer takes whole spans of frames.
    let (blocks, hop) = (111usize, 256usize);
    let left = tones_and_clicks(blocks * hop);
    let right: Vec<f32> =
        left.iter().enumerate().map(|(i, v)| 0.6 * v + 0.05 * (i as f32 * 0.05).sin()).collect();
    let mix = |sign: f32| -> Vec<f32> {
        let own = left.iter().zip(&right).map(|(l, r)| (l + sign * r) * std::f32::consts::FRAC_1_SQRT_2);
        own.chain(std::iter::repeat_n(0.0, hop)).collect()
    };
    let (frames, values) = packets::of_sound(&Sound { mid_side: [mix(1.0), mix(-1.0)] }, &config);
    let width = packets::width(&config);
    let codes: Vec<f32> = values.chunks_exact(width).map(|row| row[width - 1]).collect();
    assert!([0.0, 1.0, 2.0].iter().all(|code| codes.contains(code)), "{codes:?}");
    let batch = Tensors::from_slice(&values).view([1, 1, frames as i64, width as i64]);
    let params = initial::parameters(&config, &batch, Device::Cpu);
    let named = params.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect();
    let weights = export::weight_file(&config, &named).unwrap();
    let audio = Audio::new(44_100, SampleFormat::F32, vec![left.clone(), right]).unwrap();
    for anchor in [2usize, 5] {
        let model = Model { config: config.clone(), compute: Kind::Float, float_prior: false };
        let levels = Levels::new(&[anchor as f64], config.lambdas.len(), Device::Cpu);
        let outcome = tch::no_grad(|| model.forward(&params, &batch, &levels, Rounding::Hard));
        let estimate = (outcome.latent_bits + outcome.hyper_bits).double_value(&[0]) / 8.0;
        let quality = Quality::new(100.0 * anchor as f32 / (config.lambdas.len() - 1) as f32).unwrap();
        let weights = Arc::new(Weights::from_bytes(&weights).unwrap());
        let options = EncodeOptions::new().quality(quality).weights(weights.clone());
        let bytes = Encoder::new(options).unwrap().encode_audio(&audio).unwrap().bytes;
        let real = bytes.len() as f64 - 60.0;
        assert!((estimate / real - 1.0).abs() < 0.02, "anchor {anchor}: {estimate} estimated, {real} real");
        let decoder = Decoder::new(DecodeOptions::new().weights(weights)).unwrap();
        let decoded = decoder.decode_audio(&bytes).unwrap();
        let squares = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v * v)).sum::<f64>();
        let error = squares(&mut left.iter().zip(&decoded.channels()[0]).map(|(a, b)| a - b));
        let ratio = squares(&mut left.iter().copied()) / error;
        assert!(ratio > [30.0, 300.0][usize::from(anchor == 5)], "anchor {anchor}: {ratio}");
    }
}

#[test]
fn a_device_that_is_not_there_is_an_error() {
    let error = TorchTransforms::new(IMAGE, Device::Cuda(63)).unwrap_err();
    assert!(error.to_string().contains("cuda:63 is not there"), "{error}");
}
