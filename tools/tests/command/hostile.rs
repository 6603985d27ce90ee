//! Files whose checksums hold and whose content asks for too much: each is refused, in an address space of 1 GiB.

use super::*;
use std::process::Command as Process;

#[test]
fn a_hostile_file_is_refused_in_a_gigabyte_of_address_space() {
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<PathBuf> =
        fs::read_dir(testdata("hostile")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 50, "{} hostile files", files.len());
    for file in files {
        let format = if fs::read(&file).unwrap()[8..].starts_with(b"AUDH") { "wav" } else { "png" };
        for arguments in [
            r#"decode "$1" out --format "$2""#,
            r#"decode --partial "$1" out --format "$2""#,
            r#"verify "$1""#,
            r#"latents "$1" out.npy"#,
        ] {
            let output = Process::new("sh")
                .args(["-c", &format!(r#"ulimit -v 1048576; exec "$0" {arguments} -j2"#)])
                .arg(assert_cmd::cargo_bin!("wavern"))
                .arg(&file)
                .arg(format)
                .current_dir(folder.path())
                .output()
                .unwrap();
            let message = String::from_utf8_lossy(&output.stderr);
            let code = output.status.code().unwrap_or(-1);
            let place = format!("{}, {arguments}: {code} {message}", file.display());
            // Latents of a picture without loss are asked in vain, whatever is in the file.
            let in_vain = code == 2
                && arguments.starts_with("latents")
                && message.contains("none in a file without loss");
            assert!((3..=6).contains(&code) && message.contains("error: ") || in_vain, "{place}");
            assert!(!message.contains("panicked"), "{place}");
            // What is left of a picture may be written, told as such.
            if !arguments.contains("--partial") {
                assert_eq!(names(folder.path()), [] as [&str; 0], "{place}");
            }
            let _ = fs::remove_file(folder.path().join("out"));
        }
    }
}
