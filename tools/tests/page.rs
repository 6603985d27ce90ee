//! The report of `wavern eval` in a real browser. Needs Chromium in the search path, so it runs only when asked:
//!
//! ```text
//! cargo test --release -p wavern-cli --test page -- --ignored
//! ```
//!
//! With `WAVERN_SCREENSHOTS=DIR` it leaves pictures of the page at 1280 and 400 pixels there.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Chromium, spoken to in its DevTools protocol: JSON objects with a zero byte behind each, on file descriptors 3 and
/// 4.
struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    next_id: u64,
    /// Everything the page complained about.
    complaints: Vec<Value>,
}

impl Browser {
    fn start(profile: &Path) -> Self {
        let options = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
            --disable-component-update --disable-sync --hide-scrollbars --remote-debugging-pipe";
        let line = format!(
            "exec chromium {options} --user-data-dir=\"$0\" about:blank 3<&0 4>&1 >/dev/null 2>&1 0</dev/null"
        );
        let mut child = Command::new("sh")
            .args(["-c", &line])
            .arg(profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut browser = Self { child, to, from, session: None, next_id: 0, complaints: Vec::new() };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", attach);
        browser.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let answer = self.read();
            if answer["id"] == id {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// One message. Errors of the page are kept.
    fn read(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "chromium ended");
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        let is_complaint = match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => message["params"]["type"] == "error",
            Some("Log.entryAdded") => message["params"]["entry"]["level"] == "error",
            _ => false,
        };
        if is_complaint {
            self.complaints.push(message.clone());
        }
        message
    }

    fn open(&mut self, page: &Path, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", size);
        self.call("Page.navigate", json!({ "url": format!("file://{}", page.display()) }));
        while self.read()["method"] != "Page.loadEventFired" {}
    }

    fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        self.call("Runtime.evaluate", params)["result"]["value"].clone()
    }

    fn mouse(&mut self, kind: &str, x: f64, y: f64) {
        let buttons = u8::from(kind != "mouseReleased");
        let params =
            json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1 });
        self.call("Input.dispatchMouseEvent", params);
    }

    fn screenshot(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("WAVERN_SCREENSHOTS") else { return };
        let shot = self.call("Page.captureScreenshot", json!({ "captureBeyondViewport": true }));
        let base64 = shot["data"].as_str().unwrap();
        // The system decodes it: a crate for one picture would be too much.
        let mut decoder =
            Command::new("base64").arg("-d").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = decoder.stdin.take().unwrap();
        let data = base64.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(data.as_bytes()).unwrap());
        let output = decoder.wait_with_output().unwrap();
        writer.join().unwrap();
        std::fs::write(Path::new(&folder).join(name), output.stdout).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn report(kind: &str, signal: &str, more: &[&str], folder: &Path) {
    let signal = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(signal);
    let mut command = Command::new(assert_cmd::cargo_bin!("wavern"));
    command.args(["eval", kind, "--quiet", "--peers", "none", "--variant", "again=--json"]);
    let status = command.args(more).arg("--html").arg(folder).arg(signal).stdout(Stdio::null()).status();
    assert!(status.unwrap().success());
}

#[test]
#[ignore = "needs chromium"]
fn the_report_of_pictures_loads_and_its_slider_moves() {
    let folder = tempfile::tempdir().unwrap();
    report("images", "photo.png", &["-q", "10,40,70"], folder.path());
    let page = folder.path().join("index.html");
    let profile = tempfile::tempdir().unwrap();
    let mut browser = Browser::start(profile.path());
    for (width, name) in [(1280, "images-1280.png"), (400, "images-400.png")] {
        browser.open(&page, width, 900);
        // Nothing is wider than the window, and every picture is there.
        let overflow = browser.evaluate("document.documentElement.scrollWidth - innerWidth");
        assert!(overflow.as_f64().unwrap() <= 0.0, "{overflow} pixels too wide at {width}");
        let images = "[...document.images].every((image) => image.complete && image.naturalWidth > 0)";
        assert_eq!(browser.evaluate(images), true);
        assert!(browser.evaluate("document.querySelectorAll('.charts svg').length").as_f64() > Some(6.0));

        browser.evaluate("document.querySelector('.viewer').scrollIntoView({ block: 'center' })");
        let place = browser.evaluate(
            "(() => { const r = document.querySelector('.viewer').getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()",
        );
        let [x, y, w, h] = [0, 1, 2, 3].map(|at| place[at].as_f64().unwrap());
        let split = "document.querySelector('.viewer').style.getPropertyValue('--split')";
        browser.mouse("mousePressed", x + 0.5 * w, y + 0.5 * h);
        for step in 1..=4 {
            browser.mouse("mouseMoved", x + (0.5 + 0.06 * f64::from(step)) * w, y + 0.5 * h);
        }
        browser.mouse("mouseReleased", x + 0.74 * w, y + 0.5 * h);
        let after: f64 = browser.evaluate(split).as_str().unwrap().trim_end_matches('%').parse().unwrap();
        assert!((after - 74.0).abs() < 3.0, "the border is at {after} %");

        let left = "document.querySelector('.viewer img').getAttribute('src')";
        let before = browser.evaluate(left);
        browser.evaluate(
            "(() => { const s = document.querySelector('.exhibit select'); s.selectedIndex = 0; s.dispatchEvent(new Event('change')); })()",
        );
        assert_ne!(browser.evaluate(left), before);
        browser.evaluate("document.querySelector('.exhibit button').click()");
        let other = "new Promise((done) => setTimeout(() => done(document.querySelector('.viewer').classList.contains('other')), 900))";
        assert_eq!(browser.evaluate(other), true);
        browser.screenshot(name);
    }
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
}

#[test]
#[ignore = "needs chromium"]
fn the_report_of_sounds_loads_and_plays() {
    let folder = tempfile::tempdir().unwrap();
    report("audio", "sound.wav", &["--bitrate", "32k,64k,96k", "--listeners", "none"], folder.path());
    let page = folder.path().join("index.html");
    let profile = tempfile::tempdir().unwrap();
    let mut browser = Browser::start(profile.path());
    for (width, name) in [(1280, "audio-1280.png"), (400, "audio-400.png")] {
        browser.open(&page, width, 900);
        let overflow = browser.evaluate("document.documentElement.scrollWidth - innerWidth");
        assert!(overflow.as_f64().unwrap() <= 0.0, "{overflow} pixels too wide at {width}");
        assert_eq!(browser.evaluate("document.querySelectorAll('.sound audio').length"), 3);
        let duration = "new Promise((done) => { const a = document.querySelector('audio'); a.preload = 'metadata'; \
            a.addEventListener('loadedmetadata', () => done(a.duration)); a.addEventListener('error', () => done(-1)); a.load(); })";
        let duration = browser.evaluate(duration).as_f64().unwrap();
        assert!(duration > 0.5, "{duration}");
        browser.screenshot(name);
    }
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
}
