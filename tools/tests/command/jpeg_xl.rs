//! JPEG XL as `cjxl` writes it: pixels, what they mean, and what stands beside them.

use super::foreign::{encode, foreign, read, small};
use super::*;
use wavern::Samples;
use wavern_cli::files::turn;
use wavern_eval::metrics;

#[test]
fn pixels_are_those_that_were_coded() {
    for (name, least, note) in [
        ("jxl-lossy.jxl", 35.0, ""),
        ("jxl-alpha.jxl", 99.0, ""),
        ("jxl-place-xmp.jxl", 30.0, ""),
        ("jxl-two-frames.jxl", 22.0, "an animated JPEG XL of 2 frames: only the first is taken"),
    ] {
        let (image, notes) = read(&foreign(name), false);
        let (width, height, color, samples) =
            (image.width(), image.height(), image.color(), image.samples().clone());
        let colours = Image::new(width, height, color, samples).unwrap();
        let psnr = metrics::psnr(&small(), &colours).unwrap();
        assert!(psnr > least, "{name}: {psnr:.2} dB");
        assert_eq!(notes.join("; "), note, "{name}");
        assert_eq!(image.metadata().icc, None, "{name}");
    }
    let alpha = read(&foreign("jxl-alpha.jxl"), false).0;
    let Some(Samples::U8(alpha)) = alpha.alpha() else { panic!("alpha of 8 bits") };
    assert_eq!((alpha[0], alpha[47], alpha[48]), (0, 255, 0));
    let (gray, _) = read(&foreign("jxl-gray.jxl"), false);
    let (Samples::U8(rgb), Samples::U8(gray)) = (small().samples().clone(), gray.samples().clone()) else {
        panic!("8 bits")
    };
    assert!(rgb.chunks_exact(3).map(|pixel| pixel[1]).eq(gray));
}

#[test]
fn sixteen_bits_of_pq_keep_their_description() {
    let (deep, notes) = read(&foreign("jxl-pq-bt2020.jxl"), false);
    let whole = image(&foreign("png-cicp-pq-bt2020.png"));
    let (Samples::U16(all), Samples::U16(part)) = (whole.samples(), deep.samples()) else {
        panic!("16 bits")
    };
    for row in 0..24 {
        let from = ((row + 10) * 96 + 20) * 3;
        assert_eq!(part[row * 96..][..96], all[from..from + 96], "row {row}");
    }
    assert_eq!(deep.metadata().png_chunk(*b"cICP"), Some(&[9, 16, 0, 1][..]));
    assert_eq!(notes, [] as [&str; 0]);
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = encode(&foreign("jxl-pq-bt2020.jxl"), folder.path(), &["--lossless"]);
    assert_eq!(code, 0, "{said}");
    let Signal::Image(back) = decoded(&folder.path().join("out.wvn"), &folder.path().join("back.png")) else {
        panic!("a picture")
    };
    assert_eq!((back.samples(), back.metadata()), (deep.samples(), deep.metadata()));
}

#[test]
fn colours_outside_of_srgb_stay_what_they_were() {
    let (image, notes) = read(&foreign("jxl-display-p3.jxl"), false);
    assert_eq!(image.metadata().png_chunk(*b"cICP"), Some(&[12, 13, 0, 1][..]));
    assert_eq!(notes, [] as [&str; 0]);
    let psnr = metrics::psnr(&small(), &image).unwrap();
    assert!(psnr > 35.0, "{psnr:.2} dB");
}

#[test]
fn what_stands_beside_the_pixels_comes_along() {
    let jpeg = image(&foreign("jpeg-place-iptc.jpg"));
    let (same, _) = read(&foreign("jxl-place-xmp.jxl"), false);
    assert_eq!(same.metadata().exif, jpeg.metadata().exif);
    assert_eq!(same.metadata().xmp, jpeg.metadata().xmp);
    // The picture says which side is up, and is upright; so EXIF must not ask for another turn.
    let jpeg = image(&foreign("jpeg-orientation-6.jpg"));
    let upright = turn::upright(jpeg.clone(), turn::needed(&jpeg).unwrap()).unwrap();
    let (turned, _) = read(&foreign("jxl-orientation-6.jxl"), false);
    assert_eq!((turned.width(), turned.height(), turn::needed(&turned)), (64, 96, None));
    let psnr = metrics::psnr(&upright, &turned).unwrap();
    assert!(psnr > 40.0, "{psnr:.2} dB");
    assert!(turned.metadata().exif.is_some());
}

#[test]
fn what_is_cut_or_too_large_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut");
    for name in ["jxl-lossy.jxl", "jxl-alpha.jxl", "jxl-place-xmp.jxl"] {
        let bytes = fs::read(foreign(name)).unwrap();
        fs::write(&cut, &bytes[..bytes.len() * 8 / 10]).unwrap();
        let (code, said) = encode(&cut, folder.path(), &[]);
        assert!(code == 4 && said.contains("JPEG XL ends too early, behind byte "), "{name}: {said}");
        let (code, said) = encode(&cut, folder.path(), &["--partial"]);
        // A picture of one group has nothing to show before it is whole.
        assert!(code == 4 || code == 0 && said.contains("note: "), "{name}: {said}");
    }
    // 2^30 rows, as many columns, and nothing else.
    fs::write(&cut, [0xFF, 0x0A, 0xFE, 0xFF, 0xFF, 0xFF, 0x33]).unwrap();
    let (code, said) = encode(&cut, folder.path(), &[]);
    assert!(code == 6 && said.contains("1073741824x1073741824 pixels"), "{said}");
    let (code, said) = encode(&foreign("jxl-alpha.jxl"), folder.path(), &["--limit-memory", "4000"]);
    assert!(code == 6 && said.contains("--limit-memory"), "{said}");
}
