//! Every format in, every format out.

use super::*;
use wavern_eval::metrics;

#[test]
fn every_picture_keeps_its_shape_its_alpha_and_its_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let readable = names(&testdata("image"))
        .into_iter()
        .filter(|n| !n.starts_with("animated") && !n.starts_with("float"));
    let mut count = 0;
    for name in readable {
        let original = image(&testdata(&format!("image/{name}")));
        let file = encoded(&format!("image/{name}"), folder.path(), &["-q", "90"]);
        let Signal::Image(back) = decoded(&file, &folder.path().join(format!("{name}.png"))) else {
            panic!("{name} came back as a sound")
        };
        let shape = |image: &Image| (image.width(), image.height(), image.color(), image.depth());
        assert_eq!(shape(&back), shape(&original), "{name}");
        assert_eq!(back.alpha(), original.alpha(), "{name}");
        assert_eq!(back.metadata(), original.metadata(), "{name}");
        let is_natural = name.contains("64x40") || name.contains("33x20");
        let psnr = metrics::psnr(&original, &back).unwrap();
        assert!(!is_natural || psnr > 30.0, "{name}: {psnr:.2} dB");
        count += 1;
    }
    assert!(count >= 18, "{count} pictures");
    let turned = image(&testdata("image/turned-64x40.jpg"));
    assert!(
        turned.metadata().icc.is_some()
            && turned.metadata().exif.is_some()
            && turned.metadata().xmp.is_some()
    );
}

#[test]
fn every_output_format_holds_the_same_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let file = encoded("photo.png", folder.path(), &[]);
    let Signal::Image(expected) = decoded(&file, &folder.path().join("photo.png")) else {
        panic!("not a picture")
    };
    let psnr = metrics::psnr(&image(&testdata("photo.png")), &expected).unwrap();
    assert!(psnr > 30.0, "{psnr:.2} dB at the default quality");
    for extension in ["pnm", "ppm", "pam", "webp", "tif", "tiff", "bmp", "PNG"] {
        let out = folder.path().join(format!("photo-{extension}.{extension}"));
        assert_eq!(decoded(&file, &out), Signal::Image(expected.clone()), "{extension}");
    }
    let out = folder.path().join("no-extension");
    wavern().arg("decode").arg(&file).arg(&out).args(["--format", "webp"]).assert().success();
    assert_eq!(image(&out), expected);
}

#[test]
fn a_format_that_cannot_hold_the_picture_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let deep = encoded("image/rgb16-33x20.png", folder.path(), &[]);
    let transparent = encoded("image/rgba-64x40.png", folder.path(), &[]);
    let sound = encoded("audio/mono-u8-8000.wav", folder.path(), &[]);
    let before = names(folder.path());
    let cases = [
        (&deep, "x.webp", "WebP cannot hold 16-bit samples"),
        (&deep, "x.bmp", "BMP cannot hold 16-bit samples"),
        (&deep, "x.pgm", "PGM cannot hold colour"),
        (&transparent, "x.ppm", "PPM cannot hold alpha"),
        (&transparent, "x.wav", "WAV cannot hold a picture"),
        (&sound, "x.png", "PNG cannot hold sound"),
    ];
    for (file, name, problem) in cases {
        let assert = wavern().arg("decode").arg(file).arg(folder.path().join(name)).assert().code(2);
        let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(message.contains(problem), "{name}: {message}");
    }
    assert_eq!(names(folder.path()), before);
}

#[test]
fn every_sound_keeps_its_shape_its_sample_format_and_its_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let refused = ["cut-short.wav", "not-a-number.wav"];
    let mut count = 0;
    for name in names(&testdata("audio")).into_iter().filter(|name| !refused.contains(&name.as_str())) {
        let original = audio(&testdata(&format!("audio/{name}")));
        let file = encoded(&format!("audio/{name}"), folder.path(), &["-q", "80"]);
        let Signal::Audio(back) = decoded(&file, &folder.path().join(&name)) else {
            panic!("{name} came back as a picture")
        };
        let shape =
            |audio: &Audio| (audio.sample_rate(), audio.format(), audio.channels().len(), audio.frames());
        assert_eq!(shape(&back), shape(&original), "{name}");
        assert_eq!(back.metadata(), original.metadata(), "{name}");
        count += 1;
    }
    assert!(count >= 12, "{count} sounds");
    assert_eq!(audio(&testdata("audio/odd-chunks.wav")).metadata().riff.len(), 4);
}

#[test]
fn the_same_samples_are_read_whatever_the_header_says_about_their_number() {
    let expected = audio(&testdata("audio/rf64.wav"));
    assert_eq!((expected.frames(), expected.channels().len()), (1000, 2));
    assert_eq!(audio(&testdata("audio/piped-0.wav")), expected);
    assert_eq!(audio(&testdata("audio/piped-ffffffff.wav")), expected);
    assert_eq!(expected.channels()[0][..], audio(&testdata("sound.wav")).channels()[0][..1000]);
}

#[test]
fn a_bit_rate_is_met_and_more_of_it_sounds_better() {
    let folder = tempfile::tempdir().unwrap();
    let original = audio(&testdata("sound.wav"));
    let mut last = f64::NEG_INFINITY;
    for rate in [64.0, 128.0] {
        let file = encoded("sound.wav", folder.path(), &["-f", "--bitrate", &format!("{rate}k")]);
        let kbps = fs::metadata(&file).unwrap().len() as f64 * 8.0 / original.seconds() / 1000.0;
        assert!(kbps <= rate && kbps > 0.9 * rate, "{kbps:.1} kbit/s of {rate}");
        let Signal::Audio(back) = decoded(&file, &folder.path().join(format!("{rate}.wav"))) else {
            panic!("not a sound")
        };
        let si_sdr = metrics::si_sdr(&original, &back).unwrap();
        assert!(si_sdr > last, "{si_sdr:.2} dB at {rate}");
        last = si_sdr;
    }
}

#[test]
fn quality_orders_size_and_the_number_of_threads_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let size =
        |quality| fs::metadata(encoded("photo.png", folder.path(), &["-f", "-q", quality])).unwrap().len();
    assert!(size("10") < size("50") && size("50") < size("95"));
    let bytes = |name, threads| fs::read(encoded(name, folder.path(), &["-f", "-j", threads])).unwrap();
    for name in ["photo.png", "sound.wav"] {
        assert_eq!(bytes(name, "1"), bytes(name, "2"), "{name}");
    }
}

#[test]
fn both_ends_of_the_scale_of_quality_work() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["image/gray-64x40.png", "audio/mono-u8-8000.wav"] {
        let size =
            |quality| fs::metadata(encoded(name, folder.path(), &["-f", "-q", quality])).unwrap().len();
        assert!(size("0") < size("100"), "{name}");
    }
}

#[test]
fn weights_for_the_eye_are_named_in_the_file_and_found_by_the_decoder() {
    let folder = tempfile::tempdir().unwrap();
    let original = image(&testdata("photo.png"));
    let measure = |tune: &str| {
        let file = encoded("photo.png", folder.path(), &["-f", "--tune", tune, "--target-bpp", "0.5"]);
        let Signal::Image(back) = decoded(&file, &folder.path().join(format!("{tune}.png"))) else {
            panic!("not a picture")
        };
        let id = wavern_bitstream::Container::parse(&fs::read(&file).unwrap(), &Default::default())
            .unwrap()
            .header()
            .weights();
        (id, metrics::psnr(&original, &back).unwrap(), metrics::ssimulacra2(&original, &back).unwrap())
    };
    let (psnr, visual) = (measure("psnr"), measure("visual"));
    assert_ne!(psnr.0, visual.0);
    assert!(psnr.1 > visual.1 && psnr.2 < visual.2, "{psnr:?} {visual:?}");
}
