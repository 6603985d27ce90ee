//! Training for pictures without loss: a few steps, a weight file, and a picture that the codec codes with it.
#![allow(clippy::unwrap_used)] // a helper of a test may fail it

use image::RgbImage;
use std::fs;
use std::path::{Path, PathBuf};
use wavern::internals::lossless::Planes;
use wavern::internals::lossless::color::Transform;
use wavern::internals::lossless::network::inputs::Plane;
use wavern::internals::lossless::payload::{self, Networks, Tool};
use wavern::internals::lossless::weights::LosslessWeights;
use wavern::search::Watch;
use wavern_torch::lossless::pictures::Set;
use wavern_torch::lossless::train::{Options, Training, run};
use wavern_torch::lossless::{crops, export, network};

const WEIGHTS: &[u8] = include_bytes!("../../../models/lossless.safetensors");

fn photo() -> RgbImage {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/photo.png");
    image::open(path).unwrap().into_rgb8()
}

/// A folder of its own, with the photograph enlarged twice, so that something is left when it is shrunk.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("wavern-lossless-{name}-{}", std::process::id()));
    fs::create_dir_all(folder.join("data")).unwrap();
    fs::create_dir_all(folder.join("exact")).unwrap();
    let photo = photo();
    let filter = image::imageops::FilterType::CatmullRom;
    let large = image::imageops::resize(&photo, 2 * photo.width(), 2 * photo.height(), filter);
    large.save(folder.join("data/large.png")).unwrap();
    photo.save(folder.join("exact/photo.png")).unwrap();
    folder
}

fn options(folder: &Path, set: Set) -> Options {
    Options {
        data: folder.join("data"),
        exact: Some(folder.join("exact")),
        validation: Some(folder.join("exact")),
        out: folder.join("run.ckpt"),
        init: None,
        set,
        minutes: 0.05,
        validate_every: 0.02,
        rate: 3e-3,
        seed: 1,
        stop: Watch::default(),
    }
}

fn mean([a, b, c]: [f64; 3]) -> f64 {
    (a + b + c) / 3.0
}

fn tile(picture: &RgbImage) -> Planes {
    let plane = |channel: usize| picture.pixels().map(|pixel| pixel[channel].into()).collect();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Planes { width, height, bits: 8, planes: (0..3).map(plane).collect() }
}

#[test]
fn a_few_steps_lower_the_loss_and_exported_weights_code_a_picture() {
    let folder = folder("steps");
    let options = options(&folder, Set::Photo);
    let mut training = Training::start(&options).unwrap();
    let before = mean(training.validate());
    let steps = 60;
    let seen: Vec<f64> =
        (0..steps).map(|step| mean(training.step(f64::from(step) / f64::from(steps)).unwrap())).collect();
    let after = mean(training.validate());
    let tenth = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    assert!(tenth(&seen[54..]) < 0.95 * tenth(&seen[..6]), "{seen:?}");
    assert!(after < 0.98 * before, "{before} to {after}");

    let untrained = ("start".to_owned(), network::initial());
    let file = export::weight_file(&[("own".to_owned(), training.average()), untrained]).unwrap();
    let weights = LosslessWeights::from_bytes(&file).unwrap();
    let networks = Networks { weights: &weights, fitted: None };
    let tile = tile(&photo());
    let sizes = [0, 1].map(|set| {
        let tool = Tool::Network { transform: Transform::YCoCg, set };
        let coded = payload::write(&tile, tool, networks).unwrap();
        let mut back = Planes::gray(tile.width, tile.height, 8, 3, false);
        payload::read(&coded, 0, &mut back, networks).unwrap();
        assert!(back == tile);
        coded.len()
    });
    assert!(sizes[0] < sizes[1] && sizes[0] < tile.pixels() * 3, "{sizes:?}");
    fs::remove_dir_all(folder).unwrap();
}

/// What the training minimises is what files take: its bits of a photograph under the shipped sets, and those of the
/// coder.
#[test]
fn the_loss_is_what_the_coder_takes() {
    // Side by side and below each other, so that the rim, which the estimate leaves out, is a small part.
    let photo = photo();
    let (columns, rows) = photo.dimensions();
    let many = RgbImage::from_fn(4 * columns, 4 * rows, |x, y| *photo.get_pixel(x % columns, y % rows));
    let (width, height, tile) = (many.width() as usize, many.height() as usize, tile(&many));
    let weights = LosslessWeights::from_bytes(WEIGHTS).unwrap();
    for (index, set) in ["photo", "clean", "soft", "jpeg", "noisy"].into_iter().enumerate() {
        let params = export::parameters(WEIGHTS, set).unwrap();
        let batches = crops::of_picture(height, width, many.as_raw(), 3);
        let bits = Plane::ALL.into_iter().zip(&batches).map(|(plane, batch)| {
            let bits = tch::no_grad(|| network::bits(&params, plane, batch, true));
            f64::try_from(bits).unwrap()
        });
        let estimate = bits.sum::<f64>() / 3.0;
        let tool = Tool::Network { transform: Transform::YCoCg, set: index };
        let coded = payload::write(&tile, tool, Networks { weights: &weights, fitted: None }).unwrap();
        let real = coded.len() as f64 * 8.0 / (tile.pixels() * 3) as f64;
        assert!((real / estimate - 1.0).abs() < 0.02, "{set}: {real} bits, estimated {estimate}");
    }
}

#[test]
fn sets_of_a_weight_file_come_back_from_what_they_are_trained_as() {
    let names = ["photo", "clean", "soft", "jpeg", "noisy"];
    let sets = names.map(|name| (name.to_owned(), export::parameters(WEIGHTS, name).unwrap()));
    assert_eq!(export::weight_file(&sets).unwrap(), WEIGHTS);
    assert!(
        export::parameters(WEIGHTS, "other").is_err() && export::parameters(&WEIGHTS[1..], "photo").is_err()
    );
    let many: Vec<_> = (0..16).map(|index| (index.to_string(), network::initial())).collect();
    assert!(export::weight_file(&many).unwrap_err().contains("expected lossless, 1 to 15"));
}

#[test]
fn every_set_has_crops_and_a_run_leaves_a_checkpoint_and_a_curve() {
    let folder = folder("sets");
    for set in [Set::Photo, Set::Clean, Set::Soft, Set::Jpeg, Set::Noisy] {
        let options = options(&folder, set);
        let mut training = Training::start(&options).unwrap();
        let bits = training.step(0.0).unwrap();
        assert!(bits.iter().all(|bits| (0.1..12.0).contains(bits)), "{set:?} {bits:?}");
    }
    let from_scratch = options(&folder, Set::Photo);
    run(&from_scratch).unwrap();
    let curve = fs::read_to_string(folder.join("run.csv")).unwrap();
    assert!(
        curve.starts_with("minutes,steps,first,second,third,bits_per_sample\n") && curve.lines().count() > 1
    );
    let again = Options { init: Some((folder.join("run.ckpt"), String::new())), ..from_scratch.clone() };
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/lossless.safetensors");
    let best = Options { init: Some((shipped, "photo".to_owned())), ..from_scratch.clone() };
    let [start, again, best] =
        [from_scratch, again, best].map(|o| mean(Training::start(&o).unwrap().validate()));
    assert!(best < again && again < start, "{start} {again} {best}");
    fs::remove_dir_all(folder).unwrap();
}
