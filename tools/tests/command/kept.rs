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
