//! What a picture holds besides its pixels comes through, or a line says that it does not.

use super::*;
use wavern::Metadata;

fn metadata(path: &Path) -> Metadata {
    image(path).metadata().clone()
}

/// Decodes into this folder under this name; what was said about it on standard error.
fn decoded_saying(file: &Path, out: &Path, more: &[&str]) -> String {
    let assert = wavern().arg("decode").arg(file).arg(out).args(more).assert().success();
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

#[test]
fn chunks_of_a_png_come_back_byte_for_byte_or_are_named() {
    let folder = tempfile::tempdir().unwrap();
    type Chunks = &'static [(&'static [u8; 4], &'static [u8])];
    let cases: [(&str, Chunks, &str); 3] = [
        (
            "png-300dpi-copyright-text.png",
            &[(b"pHYs", &[0, 0, 0x2E, 0x23, 0, 0, 0x2E, 0x23, 1]), (b"tEXt", b"Copyright\0\xa9 Example")],
            "BMP cannot hold density, text \"Copyright\"",
        ),
        ("png-cicp-pq-bt2020.png", &[(b"cICP", &[9, 16, 0, 1])], "cICP (BT.2020, PQ)"),
        ("png-linear-gamma-16bit.png", &[(b"gAMA", &[0, 1, 0x86, 0xA0])], "gamma"),
    ];
    for (name, chunks, named) in cases {
        let original = metadata(&testdata(&format!("foreign/{name}")));
        for (kind, content) in chunks {
            let found = original.png_chunk(**kind).unwrap_or_else(|| panic!("{name} without {kind:?}"));
            assert!(found.starts_with(&content[..10.min(content.len())]), "{name}: {found:?}");
        }
        let file = encoded(&format!("foreign/{name}"), folder.path(), &[]);
        let back = folder.path().join(name);
        assert!(!decoded_saying(&file, &back, &[]).contains("note:"), "{name}");
        assert_eq!(metadata(&back), original, "{name}");
        let other = folder.path().join(name).with_extension(if name.contains("bit") { "ppm" } else { "pam" });
        let said = decoded_saying(&file, &other, &[]).replace("PAM", "BMP");
        assert!(said.contains("note: ") && said.contains(named), "{name}: {said}");
    }
}

fn contains(block: &[u8], part: &[u8]) -> bool {
    block.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_photograph_keeps_what_it_says_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let original = metadata(&testdata("foreign/jpeg-place-iptc.jpg"));
    assert!(original.exif.is_some() && original.xmp.is_some() && original.iptc.is_some());
    assert_eq!(original.png_chunk(*b"pHYs"), Some(&[0, 0, 0x2E, 0x23, 0, 0, 0x2E, 0x23, 1][..]));
    let file = encoded("foreign/jpeg-place-iptc.jpg", folder.path(), &[]);
    let back = |extension: &str| {
        let path = folder.path().join("back").with_extension(extension);
        let said = decoded_saying(&file, &path, &[]);
        (metadata(&path), said)
    };
    let (jpeg, said) = back("jpg");
    assert_eq!(jpeg, original, "{said}");
    assert!(!said.contains("note: "), "{said}");
    let (tiff, said) = back("tif");
    assert_eq!((&tiff.xmp, &tiff.iptc), (&original.xmp, &original.iptc));
    assert!(
        contains(tiff.exif.as_ref().unwrap(), b"2024:05:06 07:08:09") && said.contains("comment: left out")
    );
    assert_eq!(tiff.png_chunk(*b"pHYs"), original.png_chunk(*b"pHYs"));
    let (png, said) = back("png");
    assert_eq!(png, original, "{said}");
    assert!(!said.contains("note: "), "{said}");
    let (webp, said) = back("webp");
    assert_eq!((&webp.exif, &webp.xmp), (&original.exif, &original.xmp));
    assert!(said.contains("WebP cannot hold IPTC, density, comment: left out"), "{said}");
}

#[test]
fn a_tiff_tells_in_exif_what_it_told_in_tags() {
    let folder = tempfile::tempdir().unwrap();
    let original = metadata(&testdata("foreign/tiff-exif-gps-300dpi.tif"));
    let exif = original.exif.as_ref().unwrap();
    let file = encoded("foreign/tiff-exif-gps-300dpi.tif", folder.path(), &[]);
    let path = folder.path().join("back.tif");
    assert!(!decoded_saying(&file, &path, &[]).contains("note: "));
    let back = metadata(&path);
    assert_eq!(back.png_chunk(*b"pHYs"), original.png_chunk(*b"pHYs"));
    assert_eq!(back.exif.as_ref().unwrap().len(), exif.len());
    let text = wavern().arg("info").arg(&file).assert().success();
    let text = String::from_utf8(text.get_output().stdout.clone()).unwrap();
    assert!(text.contains("holds      EXIF, density") && text.contains("tells where it was made"), "{text}");
}

#[test]
fn strip_leaves_out_what_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let name = "foreign/jpeg-place-iptc.jpg";
    let original = metadata(&testdata(name));
    let coded = |strip: &str| {
        let file = encoded(name, folder.path(), &["-f", strip]);
        let path = folder.path().join("back.jpg");
        wavern().args(["decode", "-f"]).arg(&file).arg(&path).assert().success();
        let at_once = metadata(&path);
        let whole = encoded(name, folder.path(), &["-f"]);
        wavern().args(["decode", "-f", strip]).arg(&whole).arg(&path).assert().success();
        assert_eq!(metadata(&path), at_once, "{strip}");
        at_once
    };
    assert!(coded("--strip").is_empty() && coded("--strip=all").is_empty());
    let gps = coded("--strip=gps");
    let (before, after) = (original.exif.as_ref().unwrap(), gps.exif.as_ref().unwrap());
    assert!(
        before.len() == after.len() && contains(after, b"2024:05:06 07:08:09") && contains(after, b"Maker")
    );
    let xmp = String::from_utf8(gps.xmp.clone().unwrap()).unwrap();
    assert!(!xmp.contains("exif:GPSL") && xmp.contains("dc:format=\"image/jpeg\""), "{xmp}");
    assert_eq!((&gps.iptc, &gps.png), (&original.iptc, &original.png));
    let two = coded("--strip=exif,xmp");
    assert!(two.exif.is_none() && two.xmp.is_none() && two.iptc.is_some());
    assert!(coded("--strip=text").iptc.is_none());
    wavern().arg("encode").arg(testdata(name)).arg("--strip=everything").assert().code(2);
}

#[test]
fn gamma_and_code_points_become_a_profile_where_there_is_no_other_way() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["png-linear-gamma-16bit.png", "png-cicp-pq-bt2020.png"] {
        let file = encoded(&format!("foreign/{name}"), folder.path(), &[]);
        let path = folder.path().join(name).with_extension("tif");
        let said = decoded_saying(&file, &path, &[]);
        assert!(said.contains("became an ICC profile") && !said.contains("left out"), "{said}");
        assert!(metadata(&path).icc.is_some_and(|icc| icc.len() > 128));
    }
}

#[test]
fn strip_leaves_out_the_tags_of_a_sound() {
    let folder = tempfile::tempdir().unwrap();
    for (name, out) in
        [("foreign/flac-tags-and-cover.flac", "back.flac"), ("audio/odd-chunks.wav", "back.wav")]
    {
        assert!(!audio(&testdata(name)).metadata().is_empty());
        let path = folder.path().join(out);
        let stripped = encoded(name, folder.path(), &["-f", "--strip"]);
        wavern().args(["decode", "-f"]).arg(&stripped).arg(&path).assert().success();
        assert!(audio(&path).metadata().is_empty(), "{name}");
        let whole = encoded(name, folder.path(), &["-f"]);
        wavern().args(["decode", "-f", "--strip=text"]).arg(&whole).arg(&path).assert().success();
        assert!(audio(&path).metadata().is_empty(), "{name}");
        wavern().args(["decode", "-f", "--strip=gps"]).arg(&whole).arg(&path).assert().success();
        assert!(!audio(&path).metadata().is_empty(), "{name}");
    }
}
