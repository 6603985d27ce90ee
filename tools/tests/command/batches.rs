//! Many files at once: one that fails is a line, and the others go on.

use super::*;

fn copy(from: &str, folder: &Path, to: &str) {
    let path = folder.join(to);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::copy(testdata(from), path).unwrap();
}

fn run(arguments: &[&str], folder: &Path, code: i32) -> Vec<String> {
    let assert = wavern().current_dir(folder).args(arguments).assert().code(code);
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    said.lines().map(str::to_owned).collect()
}

fn errors(lines: &[String]) -> Vec<&String> {
    lines.iter().filter(|line| line.starts_with("error: ") && !line.contains("files failed")).collect()
}

#[test]
fn files_that_cannot_be_taken_are_lines_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    copy("image/1x1.png", folder.path(), "in/a.png");
    copy("audio/mono-u8-8000.wav", folder.path(), "in/sub/b.wav");
    fs::write(at("in/notes.txt"), "no picture").unwrap();
    fs::write(at("in/c.heic"), b"\0\0\0\x18ftypheic").unwrap();
    fs::write(at("in/empty.jpg"), b"").unwrap();
    let mut expected = 2;
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", at("in/dangling.png")).unwrap();
        std::os::unix::fs::symlink(".", at("in/loop")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("in/fifo.png")).status().unwrap().success());
        expected += 2;
    }
    let lines = run(&["encode", "-r", "--out-dir", "out", "in"], folder.path(), 1);
    assert_eq!(errors(&lines).len(), expected, "{lines:#?}");
    for name in ["c.heic", "empty.jpg"] {
        assert!(errors(&lines).iter().any(|line| line.contains(name)), "{lines:#?}");
    }
    assert!(lines.iter().any(|line| line.contains("skipped") && line.contains("notes.txt")), "{lines:#?}");
    assert!(
        lines.last().unwrap().contains(&format!("{expected} of {} files failed", expected + 2)),
        "{lines:#?}"
    );
    assert_eq!(
        (names(&at("out")), names(&at("out/sub"))),
        (vec!["a.wvn".into(), "sub".into()], vec!["b.wvn".into()])
    );

    // Back again, with one that is damaged.
    fs::write(at("out/bad.wvn"), &fs::read(at("out/a.wvn")).unwrap()[..30]).unwrap();
    fs::write(at("out/readme"), "text").unwrap();
    let lines = run(&["decode", "-r", "--out-dir", "back", "--format", "flac", "out"], folder.path(), 1);
    assert_eq!(errors(&lines).len(), 1, "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("skipped") && line.contains("readme")), "{lines:#?}");
    assert_eq!(names(&at("back")), ["a.png", "sub"]);
    assert_eq!(names(&at("back/sub")), ["b.flac"]);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_opened_is_a_line() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    copy("image/1x1.png", folder.path(), "in/a.png");
    copy("image/1x1.png", folder.path(), "in/b.png");
    copy("image/1x1.png", folder.path(), "in/closed/c.png");
    for (name, mode) in [("in/b.png", 0), ("in/closed", 0)] {
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    // The administrator may read everything.
    let may_read = fs::File::open(at("in/b.png")).is_ok();
    let lines = run(&["encode", "-r", "--out-dir", "out", "in"], folder.path(), if may_read { 0 } else { 1 });
    assert_eq!(errors(&lines).len(), if may_read { 0 } else { 2 }, "{lines:#?}");
    assert!(at("out/a.wvn").exists());
    fs::set_permissions(at("in/closed"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn two_inputs_for_one_output_keep_their_extension() {
    let folder = tempfile::tempdir().unwrap();
    copy("image/1x1.png", folder.path(), "in/IMG_1.png");
    copy("image/gray-64x40.jpg", folder.path(), "in/IMG_1.jpg");
    copy("image/1x1.png", folder.path(), "in/IMG_2.png");
    run(&["encode", "-r", "--out-dir", "out", "in"], folder.path(), 0);
    let expected = ["IMG_1.jpg.wvn", "IMG_1.png.wvn", "IMG_2.wvn"];
    assert_eq!(names(&folder.path().join("out")), expected);
    let lines = run(&["encode", "--out-dir", "flat", "in/IMG_2.png", "in/../in/IMG_2.png"], folder.path(), 2);
    assert!(lines[0].contains("two inputs of one name"), "{lines:#?}");
}

#[test]
fn a_run_that_was_stopped_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["a", "b", "c"] {
        copy("image/1x1.png", folder.path(), &format!("in/{name}.png"));
    }
    run(&["encode", "--out-dir", "out", "in/a.png"], folder.path(), 0);
    let first = fs::metadata(at("out/a.wvn")).unwrap().modified().unwrap();
    // Without the option, what exists is an error, and the others go on.
    let lines = run(&["encode", "-r", "--out-dir", "out", "in"], folder.path(), 1);
    assert_eq!(errors(&lines).len(), 1, "{lines:#?}");
    fs::remove_file(at("out/b.wvn")).unwrap();
    let lines = run(&["encode", "-r", "--skip-existing", "--out-dir", "out", "in"], folder.path(), 0);
    assert!(lines.last().unwrap().contains("1 files, 2 passed over (there already)"), "{lines:#?}");
    assert_eq!(names(&at("out")), ["a.wvn", "b.wvn", "c.wvn"]);
    assert_eq!(fs::metadata(at("out/a.wvn")).unwrap().modified().unwrap(), first);
    run(&["decode", "--out-dir", "back", "out/a.wvn"], folder.path(), 0);
    let lines = run(&["decode", "-r", "--skip-existing", "--out-dir", "back", "out"], folder.path(), 0);
    assert!(lines.last().unwrap().contains("2 files, 1 passed over"), "{lines:#?}");
}

#[test]
fn two_runs_over_one_folder_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..12 {
        copy("image/gray-64x40.png", folder.path(), &format!("in/{number}.png"));
    }
    let start = || {
        let mut command = std::process::Command::new(assert_cmd::cargo_bin!("wavern"));
        command.current_dir(folder.path()).args([
            "encode",
            "-r",
            "--quiet",
            "--skip-existing",
            "--out-dir",
            "out",
            "in",
        ]);
        command.spawn().unwrap()
    };
    let (mut one, mut other) = (start(), start());
    assert!(one.wait().unwrap().success() && other.wait().unwrap().success());
    assert_eq!(names(&folder.path().join("out")).len(), 12);
}

#[test]
fn modification_times_are_kept_if_asked_for() {
    use std::time::{Duration, SystemTime};
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    copy("image/1x1.png", folder.path(), "in/a.png");
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(at("in/a.png")).unwrap().set_modified(time).unwrap();
    run(&["encode", "--keep-times", "--out-dir", "out", "in/a.png"], folder.path(), 0);
    run(&["encode", "--keep-times", "in/a.png", "one.wvn"], folder.path(), 0);
    run(&["decode", "--keep-times", "one.wvn"], folder.path(), 0);
    run(&["encode", "in/a.png", "now.wvn"], folder.path(), 0);
    for (name, is_kept) in [("out/a.wvn", true), ("one.wvn", true), ("one.png", true), ("now.wvn", false)] {
        assert_eq!(fs::metadata(at(name)).unwrap().modified().unwrap() == time, is_kept, "{name}");
    }
}
