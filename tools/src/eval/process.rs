//! What a process costs: wall time, processor time, and memory at its peak.
//!
//! The encoder or decoder is started by a second, small process, `wavern measure`, and waited for there. The largest
//! resident set that the system reports for a process includes the one of the process that started it, so a program
//! that holds pictures in memory would hand its own size on to everything it measures.

use crate::cli;
use crate::error::{At, Error, Result};
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use wait4::Wait4;

/// Run a program and print what it cost, as one JSON object
#[derive(Debug, clap::Args)]
pub(crate) struct MeasureArgs {
    /// The program and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// What one process cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// Seconds from start to end.
    pub(crate) wall_s: f64,
    /// Seconds on all cores together, in the program and in the system.
    pub(crate) cpu_s: f64,
    /// Largest resident set, MiB.
    pub(crate) peak_mib: f64,
    /// Exit code; none if a signal ended it.
    exit_code: Option<i32>,
}

/// The verb `measure`.
pub(crate) fn measure(args: &MeasureArgs) -> Result<()> {
    let name = args.command[0].display().to_string();
    let start = Instant::now();
    let mut child = Command::new(&args.command[0])
        .args(&args.command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .at(&name)?;
    let end = child.wait4().at(&name)?;
    let cost = Cost {
        wall_s: start.elapsed().as_secs_f64(),
        cpu_s: (end.rusage.utime + end.rusage.stime).as_secs_f64(),
        peak_mib: end.rusage.maxrss as f64 / f64::from(1 << 20),
        exit_code: end.status.code(),
    };
    cli::print_json(&serde_json::to_value(cost).map_err(Error::failed)?)
}

/// Runs a program to its end and says what it cost. A program that fails is an error with the last line it said.
pub(crate) fn run(program: &Path, arguments: &[OsString]) -> Result<Cost> {
    let name = program.file_name().unwrap_or(program.as_os_str()).display().to_string();
    let own = own_binary()?;
    let output = Command::new(own)
        .args([OsStr::new("measure"), OsStr::new("--"), program.as_os_str()])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .at(&name)?;
    let said = String::from_utf8_lossy(&output.stderr);
    let failed = |what: &str| Err(Error::failed(format!("{name}: {what}: {}", complaint(&said))));
    if !output.status.success() {
        return failed("could not be run");
    }
    let cost: Cost = serde_json::from_slice(&output.stdout).map_err(Error::failed).at(&name)?;
    match cost.exit_code {
        Some(0) => Ok(cost),
        Some(code) => failed(&format!("exit code {code}")),
        None => failed("ended by a signal"),
    }
}

/// The most telling line: one with the word error, or else the last one.
fn complaint(said: &str) -> &str {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines.clone().find(|line| line.to_ascii_lowercase().contains("error"));
    error.or(lines.next_back()).unwrap_or("it said nothing")
}

/// This very program, which is also a codec to measure.
pub(crate) fn own_binary() -> Result<std::path::PathBuf> {
    std::env::current_exe().at("the program itself")
}

/// Where a tool is in the search path, if it is there.
pub(crate) fn find(tool: &str) -> Option<std::path::PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(tool)).find(|path| path.is_file())
}

/// What a tool says of itself, on standard output or on standard error.
pub(crate) fn ask(program: &Path, arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(text(&output.stdout) + &text(&output.stderr))
}
