//! Pictures without loss, as a user has them: the option, what it refuses, and pixels that come back.

use super::*;
use image::{DynamicImage, ImageReader};
use std::path::Path;

fn pixels(path: &Path) -> DynamicImage {
    ImageReader::open(path).unwrap().with_guessed_format().unwrap().decode().unwrap()
}

#[test]
fn a_photograph_comes_back_and_info_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut sizes = Vec::new();
    for (name, options) in
        [("a", &["--lossless"][..]), ("b", &["-q", "lossless"]), ("c", &["--lossless", "-e", "3"])]
    {
        let (file, back) = (at(&format!("{name}.wvn")), at(&format!("{name}.png")));
        wavern().arg("encode").args(options).arg(testdata("photo.png")).arg(&file).assert().success();
        wavern().arg("decode").arg(&file).arg(&back).assert().success();
        assert_eq!(pixels(&back), pixels(&testdata("photo.png")), "{name}");
        sizes.push(fs::metadata(&file).unwrap().len());
    }
    assert!(sizes[0] == sizes[1] && sizes[2] <= sizes[0], "{sizes:?}");
    let info = wavern().arg("info").arg(at("a.wvn")).output().unwrap();
    assert!(String::from_utf8_lossy(&info.stdout).contains("lossless"));
    wavern().arg("verify").arg(at("a.wvn")).assert().success();
}

#[test]
fn options_that_contradict_it_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.wvn");
    for option in ["--quality=50", "--target-size=10k", "--target-psnr=40", "--tune=visual"] {
        let mut command = wavern();
        command.args(["encode", "--lossless", option]).arg(testdata("photo.png")).arg(&out);
        command.assert().code(2);
        assert!(!out.exists());
    }
}

#[test]
fn no_sample_changes_by_more_than_was_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let (file, back) = (folder.path().join("a.wvn"), folder.path().join("a.png"));
    let mut sizes = Vec::new();
    for error in [1, 2, 8u8] {
        let option = format!("--max-error={error}");
        wavern().args(["encode", "-f", &option]).arg(testdata("photo.png")).arg(&file).assert().success();
        wavern().args(["decode", "-f"]).args([&file, &back]).assert().success();
        let (now, before) = (pixels(&back).to_rgb8(), pixels(&testdata("photo.png")).to_rgb8());
        let change = now.as_raw().iter().zip(before.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert_eq!(change, error);
        sizes.push(fs::metadata(&file).unwrap().len());
        let info = |options: &[&str]| {
            let output = wavern().arg("info").args(options).arg(&file).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert!(info(&[]).contains(&format!("quality    no colour differs by more than {error}\n")));
        let facts: serde_json::Value = serde_json::from_str(&info(&["--json"])).unwrap();
        assert_eq!((&facts["max_error"], &facts["lossless"]), (&error.into(), &false.into()));
    }
    assert!(sizes[0] > sizes[1] && sizes[1] > 2 * sizes[2], "{sizes:?}");
    for (option, input) in [("0", "photo.png"), ("9", "photo.png"), ("2057", "photo.png"), ("1", "sound.wav")]
    {
        let mut command = wavern();
        command
            .args(["encode", "-f", "--max-error", option])
            .arg(testdata(input))
            .arg(folder.path().join("b.wvn"));
        command.assert().code(2);
        assert!(!folder.path().join("b.wvn").exists(), "{option} {input}");
    }
}

#[test]
fn auto_takes_the_smaller_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let drawing = DynamicImage::ImageRgb8(image::RgbImage::from_fn(300, 200, |x, y| {
        image::Rgb(if (x / 7 + y / 5) % 3 == 0 { [250, 240, 30] } else { [20, 20, 90] })
    }));
    drawing.save(file("drawing.png")).unwrap();
    fs::copy(testdata("photo.png"), file("photo.png")).unwrap();
    for name in ["drawing", "photo"] {
        let input = file(&format!("{name}.png"));
        let coded = |options: &[&str]| {
            let out = file("out.wvn");
            wavern().args(["encode", "-f"]).args(options).arg(&input).arg(&out).assert().success();
            fs::read(out).unwrap()
        };
        let (auto, exact, lossy) = (coded(&["--lossless=auto"]), coded(&["--lossless"]), coded(&["-q90"]));
        assert_eq!(exact.len() < lossy.len(), name == "drawing");
        assert!(auto == if name == "drawing" { exact } else { lossy }, "{name}");
    }
    for (option, input) in [("--lossless=auto", "sound.wav"), ("--lossless=maybe", "photo.png")] {
        wavern().args(["encode", option]).arg(testdata(input)).arg(file("b.wvn")).assert().code(2);
    }
}

#[test]
fn drawings_without_options_are_told_what_lossless_would_take() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let drawing = DynamicImage::ImageRgb8(image::RgbImage::from_fn(300, 200, |x, y| {
        image::Rgb(if (x / 7 + y / 5) % 3 == 0 { [250, 240, 30] } else { [20, 20, 90] })
    }));
    // Of these, PNG and PPM come row by row.
    for name in ["drawing.png", "drawing.ppm", "drawing.bmp"] {
        drawing.save(file(name)).unwrap();
    }
    let notes = |input: &Path, options: &[&str]| {
        let out = file("out.wvn");
        let assert = wavern().args(["encode", "-f"]).args(options).arg(input).arg(&out).assert().success();
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        said.lines().filter(|line| line.contains("note: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    for name in ["drawing.png", "drawing.ppm", "drawing.bmp"] {
        let told = notes(&file(name), &[]);
        let lossy = fs::metadata(file("out.wvn")).unwrap().len();
        assert_eq!(notes(&file(name), &["--lossless"]), [""; 0]);
        let exact = fs::metadata(file("out.wvn")).unwrap().len();
        let expected = format!("--lossless makes a smaller file of this drawing: {exact} bytes, not {lossy}");
        assert!(told.len() == 1 && told[0].ends_with(&expected), "{told:?}, expected {expected}");
        for options in [&["-q", "60"][..], &["--tune", "visual"], &["--target-size", "50k"], &["--quiet"]] {
            assert_eq!(notes(&file(name), options), [""; 0], "{options:?}");
        }
    }
    assert_eq!(notes(&testdata("photo.png"), &[]), [""; 0]);
    // A large one is judged by a part of it.
    let large = DynamicImage::ImageRgb8(image::RgbImage::from_fn(640, 800, |x, y| {
        image::Rgb(if (x / 9 * 7919 + y / 7 * 104_729) % 31 < 9 { [250, 240, 30] } else { [20, 20, 90] })
    }));
    large.save(file("large.png")).unwrap();
    let told = notes(&file("large.png"), &[]);
    notes(&file("large.png"), &["--lossless"]);
    let exact = fs::metadata(file("out.wvn")).unwrap().len() as f64;
    let said = told[0].split_once("about ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<f64>().ok());
    assert!(said.is_some_and(|bytes| (exact * 0.5..exact * 3.0).contains(&bytes)), "{told:?}, {exact}");
}
