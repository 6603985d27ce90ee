//! What the world does to a program: full disks, signals, closed pipes, missing rights. Each ends with the right exit
//! code, leaves no half-written file, and does not keep the next file of a batch from being coded.

use super::*;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command as Process, Output, Stdio};
use std::thread;
use std::time::Duration;

/// A folder with a picture, a sound, their files, and something broken.
struct Scene {
    folder: tempfile::TempDir,
    before: Vec<String>,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (from, to) in
            [("photo.png", "photo.png"), ("sound.wav", "sound.wav"), ("image/rgb-64x40.ppm", "small.ppm")]
        {
            fs::copy(testdata(from), folder.path().join(to)).unwrap();
        }
        fs::write(folder.path().join("broken.png"), b"\x89PNG\r\n\x1a\n and no more").unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        let scene = Self { before: Vec::new(), folder };
        for script in
            ["\"$W\" encode --quiet photo.png photo.wvn", "\"$W\" encode --quiet sound.wav sound.wvn"]
        {
            assert!(scene.sh(script).status.success());
        }
        Self { before: names(scene.folder.path()), ..scene }
    }

    /// Runs a script in the folder; `$W` is the command.
    fn sh(&self, script: &str) -> Output {
        let mut shell = Process::new("sh");
        shell.arg("-c").arg(script).current_dir(self.folder.path());
        shell.env("W", assert_cmd::cargo_bin!("wavern")).stdin(Stdio::null());
        shell.env("P", testdata("image/rgb-64x40.ppm")).env("M", testdata("../models/image.safetensors"));
        shell.output().unwrap()
    }

    /// Runs a script that must end with this code, say this, and leave only these files in `out`.
    fn ends(&self, script: &str, code: i32, says: &str, leaves: &[&str]) {
        let output = self.sh(script);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{script}\n{message}");
        assert!(message.contains(says), "{script}\n{message}");
        assert!(!message.contains("panicked"), "{script}\n{message}");
        assert_eq!(names(self.folder.path()), self.before, "{script}");
        let out = self.folder.path().join("out");
        assert_eq!(names(&out), leaves, "{script}");
        fs::remove_dir_all(&out).unwrap();
        fs::create_dir(&out).unwrap();
    }
}

#[test]
fn disks_and_files_that_fail() {
    let scene = Scene::new();
    for (script, code, says, leaves) in [
        // Full disks.
        (r#""$W" encode small.ppm /dev/full"#, 1, "No space left", &[][..]),
        (r#""$W" decode photo.wvn /dev/full --format bmp"#, 1, "No space left", &[]),
        (r#""$W" decode sound.wvn - > /dev/full"#, 1, "No space left", &[]),
        (r#""$W" info photo.wvn > /dev/full"#, 1, "No space left", &[]),
        // A limit on the size of files, in blocks of 512 or 1024 bytes.
        (r#"ulimit -f 8; "$W" decode photo.wvn out/a.ppm"#, 1, "out/a.ppm: writing PNM: File too large", &[]),
        (r#"ulimit -f 8; "$W" decode sound.wvn out/a.wav"#, 1, "File too large", &[]),
        (r#"ulimit -f 4; "$W" encode photo.png out/a.wvn"#, 1, "File too large", &[]),
        // Inputs that cannot be read.
        (r#""$W" encode /proc/self/mem out/a.wvn"#, 1, "/proc/self/mem", &[]),
        (r#""$W" encode missing.png out/a.wvn"#, 1, "missing.png: No such file", &[]),
        (r#""$W" encode . out/a.wvn"#, 2, "is a folder", &[]),
        (r#""$W" decode photo.wvn no/a.png"#, 1, "there is no folder no", &[]),
        (r#""$W" decode photo.wvn out"#, 2, "is a folder", &[]),
        // Names.
        (r#""$W" encode photo.png out/$(printf 'a%.0s' $(seq 300)).wvn"#, 1, "name too long", &[]),
        (
            r#"cp small.ppm "out/a
b.ppm"; "$W" encode "out/a
b.ppm" out/; rm out/*"#,
            0,
            "is a folder",
            &[],
        ),
        // Output = input.
        (r#""$W" encode photo.png photo.png"#, 2, "extension of another format", &[]),
        (r#""$W" encode -f photo.png photo.png"#, 2, "extension of another format", &[]),
        (r#""$W" decode -f --format png photo.wvn ./photo.wvn"#, 2, "is the input", &[]),
        (
            r#"ln photo.png out/link.wvn; "$W" encode -f photo.png out/link.wvn; code=$?; rm out/link.wvn; exit $code"#,
            2,
            "is the input",
            &[],
        ),
        // Links.
        (
            r#"ln -s nowhere out/link.wvn; "$W" encode small.ppm out/link.wvn; code=$?; rm out/link.wvn; exit $code"#,
            1,
            "exists already",
            &[],
        ),
        (
            r#"ln -s loop out/loop; "$W" encode small.ppm out/loop; code=$?; rm out/loop; exit $code"#,
            1,
            "out/loop",
            &[],
        ),
        // Folders that go away, that cannot be written, that are files.
        (r#"mkdir out/x; cd out/x; rmdir ../x; "$W" encode "$P" a.wvn"#, 1, "", &[]),
        (r#""$W" encode small.ppm small.ppm/x.wvn"#, 1, "Not a directory", &[]),
        (r#""$W" encode --out-dir /dev/null/x small.ppm"#, 1, "Not a directory", &[]),
        (r#""$W" encode small.ppm /proc/x.wvn"#, 1, "/proc/x.wvn: ", &[]),
        (r#""$W" encode - out/a.wvn < out"#, 1, "Is a directory", &[]),
        // Names that are no text, and such that look like options.
        (
            r#"cp small.ppm "out/$(printf '\377').ppm"; "$W" encode out/*.ppm "out/$(printf '\376').wvn"; code=$?; rm out/*; exit $code"#,
            0,
            "",
            &[],
        ),
        (r#"cp small.ppm out/-x.ppm; cd out; "$W" encode -- -x.ppm -y.wvn; rm ./-x.ppm"#, 0, "", &["-y.wvn"]),
        // Inputs without end, that end too early, that come through a named pipe.
        (r#""$W" encode /dev/zero out/a.wvn"#, 3, "not a known picture", &[]),
        (
            r#"(printf 'P6\n9999 9999\n255\n'; head -c 9999 /dev/zero) | "$W" encode - out/a.wvn"#,
            4,
            "ends too early",
            &[],
        ),
        (
            r#"mkfifo out/f; cat photo.wvn > out/f & "$W" decode out/f out/a.png; code=$?; rm out/f; exit $code"#,
            0,
            "",
            &["a.png"],
        ),
        (
            r#"mkfifo out/f; head -c 10 out/f > /dev/null & "$W" decode photo.wvn out/f --format bmp; rm out/f"#,
            0,
            "",
            &[],
        ),
        // Weights that are cut short.
        (
            r#"head -c 100000 "$M" > out/w; "$W" quantize out/w out/b --data .; code=$?; rm out/w; exit $code"#,
            4,
            "out/w: weights: ",
            &[],
        ),
        // Closed streams.
        (r#""$W" encode small.ppm out/a.wvn >&- 2>&- <&-"#, 0, "", &["a.wvn"]),
        (r#""$W" encode - out/a.wvn <&-"#, 4, "empty", &[]),
        (r#""$W" encode - out/a.wvn < /dev/null"#, 4, "empty", &[]),
        (r#""$W" decode photo.wvn - --format bmp | head -c 10 > /dev/null"#, 0, "", &[]),
        // An environment with nothing in it, and a home that cannot be written.
        (r#"env -i "$W" encode small.ppm out/a.wvn"#, 0, "", &["a.wvn"]),
        (r#"HOME=/proc TMPDIR=/proc "$W" encode small.ppm out/a.wvn"#, 0, "", &["a.wvn"]),
        (r#"ulimit -n 16; "$W" encode small.ppm out/a.wvn"#, 0, "", &["a.wvn"]),
        (r#"ulimit -n 4; "$W" decode photo.wvn out/a.png"#, 0, "", &["a.png"]),
        (r#"ulimit -s 256; "$W" decode photo.wvn out/a.png"#, 0, "", &["a.png"]),
        (r#"LC_ALL=tr_TR.UTF-8 TZ=Nowhere/City "$W" encode small.ppm out/a.wvn"#, 0, "", &["a.wvn"]),
        // Limits.
        (r#""$W" encode --limit-pixels 100 photo.png out/a.wvn"#, 6, "--limit-pixels", &[]),
        (r#""$W" encode --limit-side 100 small.ppm out/a.wvn --limit-pixels 100"#, 6, "--limit-pixels", &[]),
        (r#""$W" decode --limit-pixels 100 photo.wvn out/a.png"#, 6, "--limit-pixels raises it", &[]),
        (r#""$W" decode --limit-side 100 photo.wvn out/a.png"#, 6, "--limit-side raises it", &[]),
        (r#""$W" decode --limit-memory 1k photo.wvn out/a.png"#, 6, "--limit-memory raises it", &[]),
        (r#""$W" decode --limit-work 1 photo.wvn out/a.png"#, 6, "--limit-work raises it", &[]),
        // What a file says that is not so.
        (
            r#"head -c 5000 photo.wvn > out/b; "$W" decode out/b out/a.png; code=$?; rm out/b; exit $code"#,
            4,
            "--partial",
            &[],
        ),
        (
            r#"printf 'P6\n0 0\n255\n' > out/b.ppm; "$W" encode out/b.ppm out/a.wvn; code=$?; rm out/b.ppm; exit $code"#,
            4,
            "out/b.ppm",
            &[],
        ),
    ] {
        scene.ends(script, code, says, leaves);
    }
}

#[test]
fn a_folder_without_permission() {
    let scene = Scene::new();
    let out = scene.folder.path().join("out");
    let set_mode = |mode| fs::set_permissions(&out, fs::Permissions::from_mode(mode)).unwrap();
    set_mode(0o555);
    if fs::write(out.join("probe"), b"").is_ok() {
        println!("not run: this user may write everywhere");
        return;
    }
    let output = scene.sh(r#""$W" encode small.ppm out/a.wvn"#);
    set_mode(0o755);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && message.contains("Permission denied"), "{message}");
    assert_eq!(names(&out), [] as [&str; 0]);
}

#[test]
fn one_bad_file_does_not_stop_a_batch() {
    let scene = Scene::new();
    scene.ends(
        r#""$W" encode --out-dir out photo.png broken.png missing.png small.ppm"#,
        1,
        "2 of 4 files failed",
        &["photo.wvn", "small.wvn"],
    );
    scene.ends(
        r#""$W" encode --out-dir out --limit-pixels 3000 photo.png small.ppm"#,
        1,
        "1 of 2 files failed",
        &["small.wvn"],
    );
    let script = r#"echo theirs > out/photo.wvn; "$W" encode --out-dir out photo.png small.ppm"#;
    scene.ends(script, 1, "exists already", &["photo.wvn", "small.wvn"]);
    let output = scene.sh(r#""$W" verify photo.wvn broken.png sound.wvn"#);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{message}");
    assert!(message.contains("sound.wvn: ok") && message.contains("1 of 3 files failed"), "{message}");
}

#[test]
fn of_two_writers_one_wins() {
    let scene = Scene::new();
    for _ in 0..5 {
        let script = r#""$W" encode --quiet photo.png out/a.wvn & "$W" encode --quiet -q 20 photo.png out/a.wvn; b=$?; wait $!; a=$?; "$W" verify --quiet out/a.wvn && echo $a $b"#;
        let output = scene.sh(script);
        let codes = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            ["0 1\n", "1 0\n"].contains(&codes.as_str()),
            "{codes}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(names(&scene.folder.path().join("out")), ["a.wvn"]);
        fs::remove_file(scene.folder.path().join("out/a.wvn")).unwrap();
    }
}

/// A decoder whose output goes to a file piece by piece, slowed down by nothing: it is caught wherever it is.
fn long_sound(scene: &Scene) {
    // 40 s of it, so that a decode takes a while.
    let wav = fs::read(testdata("sound.wav")).unwrap();
    let samples = &wav[44..];
    let length = samples.len() as u32 * 28;
    let mut long = wav[..44].to_vec();
    long[4..8].copy_from_slice(&(length + 36).to_le_bytes());
    long[40..44].copy_from_slice(&length.to_le_bytes());
    (0..28).for_each(|_| long.extend_from_slice(samples));
    fs::write(scene.folder.path().join("long.wav"), long).unwrap();
    assert!(scene.sh(r#""$W" encode --quiet long.wav long.wvn"#).status.success());
}

fn signal(child: &Child, name: &str) {
    Process::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status().unwrap();
}

#[test]
fn signals_leave_nothing_behind() {
    let scene = Scene::new();
    long_sound(&scene);
    let out = scene.folder.path().join("out");
    let mut interrupted = 0;
    for point in 0..20 {
        let (name, number) = if point % 2 == 0 { ("INT", 2) } else { ("TERM", 15) };
        let mut child = Process::new(assert_cmd::cargo_bin!("wavern"))
            .args(["decode", "-j1", "long.wvn", "out/a.wav"])
            .current_dir(scene.folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(4 + 4 * point));
        let begun = !names(&out).is_empty();
        signal(&child, name);
        let status = child.wait().unwrap();
        if status.success() {
            // It was faster.
            assert_eq!(names(&out), ["a.wav"]);
            fs::remove_file(out.join("a.wav")).unwrap();
            continue;
        }
        // Before the handlers are there the signal ends the process as well.
        assert_eq!(status.signal(), Some(number), "at point {point}");
        assert_eq!(names(&out), [] as [&str; 0], "at point {point}");
        interrupted += usize::from(begun);
    }
    assert!(interrupted > 0, "no signal came while the file was being written");
}

#[test]
fn an_interrupted_search_can_be_kept() {
    let scene = Scene::new();
    let picture = testdata("photo.png");
    let out = scene.folder.path().join("out");
    for (more, kept) in [(&["--on-interrupt", "keep"][..], true), (&[], false)] {
        let mut child = Process::new(assert_cmd::cargo_bin!("wavern"))
            .args(["encode", "-e9", "-j1", "--json"])
            .args(more)
            .arg(&picture)
            .arg("out/a.wvn")
            .current_dir(scene.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(700));
        signal(&child, "INT");
        assert_eq!(child.wait().unwrap().success(), kept);
        let expected: &[&str] = if kept { &["a.wvn"] } else { &[] };
        assert_eq!(names(&out), expected);
        if kept {
            assert!(matches!(
                decoded(&out.join("a.wvn"), &scene.folder.path().join("b.png")),
                Signal::Image(_)
            ));
            fs::remove_file(out.join("a.wvn")).unwrap();
        }
    }
}

#[test]
fn a_signal_while_input_is_awaited() {
    let scene = Scene::new();
    let sound = fs::read(testdata("sound.wav")).unwrap();
    for point in 0..10 {
        let mut child = Process::new(assert_cmd::cargo_bin!("wavern"))
            .args(["encode", "-", "out/a.wvn"])
            .current_dir(scene.folder.path())
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(&sound[..sound.len() * point / 10]).unwrap();
        thread::sleep(Duration::from_millis(60));
        signal(&child, if point % 2 == 0 { "TERM" } else { "INT" });
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(if point % 2 == 0 { 15 } else { 2 }), "at point {point}");
        assert_eq!(names(&scene.folder.path().join("out")), [] as [&str; 0], "at point {point}");
        drop(pipe);
    }
}
