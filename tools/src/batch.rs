//! Many files at once: which they are, where their results go, and what became of them.

use crate::cli::{self, Common};
use crate::error::{At, Error, Result};
use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Options of verbs that take many files.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Write the results to this folder, each under the name of its input with another extension; all paths are inputs
    #[arg(long, value_name = "DIR")]
    pub(crate) out_dir: Option<PathBuf>,

    /// Take the files in folders and their subfolders, which are mirrored in DIR
    #[arg(short, long, requires = "out_dir")]
    recursive: bool,

    /// Pass over inputs whose output exists: a run that was stopped can be repeated
    #[arg(long, requires = "out_dir", conflicts_with = "force")]
    skip_existing: bool,

    /// Give each output the modification time of its input
    #[arg(long)]
    pub(crate) keep_times: bool,
}

/// What to do with a file.
pub(crate) enum Fit {
    /// Its result has this extension.
    Wanted(&'static str),
    /// It was meant, but cannot be taken.
    Fault(Error),
    /// It is something else.
    Other,
}

/// What was found among the inputs.
#[derive(Default)]
struct Found {
    /// Inputs, the folders of their outputs, and the extensions.
    jobs: Vec<(PathBuf, PathBuf, &'static str)>,
    /// Entries that cannot be taken.
    faults: Vec<Error>,
    /// Files in folders that are something else.
    others: Vec<PathBuf>,
}

/// Runs `one` for what the user named: one file and its output, one file whose output lies `beside` it, or, with
/// `--out-dir`, many; for `look` see [`run`].
///
/// # Errors
/// If there are more paths than two without `--out-dir`, or what was run failed.
pub(crate) fn dispatch(
    args: &Args,
    paths: &[PathBuf],
    common: &Common,
    look: &dyn Fn(&Path, &[u8], bool) -> Fit,
    beside: &dyn Fn(&Path) -> Result<PathBuf>,
    one: &mut dyn FnMut(&Path, &Path) -> Result<()>,
) -> Result<()> {
    match (&args.out_dir, paths) {
        (Some(folder), inputs) => run(args, inputs, folder, common, look, one),
        (None, [input]) => one(input, &beside(input)?),
        (None, [input, output]) => one(input, output),
        (None, paths) => {
            let count = paths.len();
            Err(Error::usage(format!(
                "{count} paths (expected IN and OUT, or --out-dir DIR for several inputs)"
            )))
        }
    }
}

/// Runs `one` for every input and its output. One that fails is a line, and the others go on.
///
/// `look` says what to do with a file by its path, its first bytes, and whether the user named it.
///
/// # Errors
/// If two inputs have one name, or any of them failed.
fn run(
    args: &Args,
    inputs: &[PathBuf],
    folder: &Path,
    common: &Common,
    look: &dyn Fn(&Path, &[u8], bool) -> Fit,
    one: &mut dyn FnMut(&Path, &Path) -> Result<()>,
) -> Result<()> {
    let mut found = Found::default();
    for input in inputs {
        if input == Path::new("-") {
            return Err(Error::usage("standard input has no name to use in --out-dir (name OUT instead)"));
        }
        if input.is_dir() && !args.recursive {
            return Err(Error::usage("is a folder (use -r to take what is in it)").at(input.display()));
        }
        take(input, folder, true, look, &mut found);
    }
    let total = found.jobs.len() + found.faults.len();
    let (mut failed, mut present) = (found.faults.len(), 0);
    let outputs = outputs(&found.jobs)?;
    found.faults.iter().for_each(cli::tell_error);
    for ((input, parent, _), output) in found.jobs.iter().zip(&outputs) {
        if args.skip_existing && output.exists() {
            present += 1;
            continue;
        }
        let made = fs::create_dir_all(parent).at(parent.display());
        match made.and_then(|()| one(input, output)) {
            Ok(()) => {}
            Err(error) if error.is_quiet() => return Err(error),
            // Another run was faster.
            Err(error) if args.skip_existing && error.is_there() => present += 1,
            Err(error) => {
                failed += 1;
                cli::tell_error(&error);
            }
        }
    }
    let mut facts = Vec::new();
    if present > 0 {
        facts.push(format!("{present} passed over (there already)"));
    }
    if !found.others.is_empty() {
        facts.push(format!("{} skipped (something else): {}", found.others.len(), list(&found.others)));
    }
    if failed > 0 {
        facts.iter().for_each(|fact| common.say(fact));
        return Err(Error::failed(format!("{failed} of {total} files failed")));
    }
    facts.insert(0, format!("{} files", total - present));
    common.say(facts.join(", "));
    Ok(())
}

/// Names of files, not too many.
fn list(paths: &[PathBuf]) -> String {
    const MOST: usize = 20;
    let mut names: Vec<String> = paths.iter().take(MOST).map(|path| path.display().to_string()).collect();
    if paths.len() > MOST {
        names.push(format!("{} more", paths.len() - MOST));
    }
    names.join(", ")
}

/// Takes in a path: as it was `named` by the user, or as it was found in a folder.
fn take(path: &Path, out: &Path, named: bool, look: &dyn Fn(&Path, &[u8], bool) -> Fit, found: &mut Found) {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(_) if path.is_symlink() => {
            return found.faults.push(Error::failed("is a link to nothing").at(path.display()));
        }
        Err(error) => return found.faults.push(Error::failed(error).at(path.display())),
    };
    if metadata.is_dir() {
        // A link could lead back here.
        if path.is_symlink() && !named {
            return found.others.push(path.to_owned());
        }
        let name = path.file_name().filter(|_| !named).unwrap_or_default();
        return take_folder(path, &out.join(name), look, found);
    }
    if !metadata.is_file() {
        let what = "is a pipe or a device (expected a file; name OUT to read it)";
        return found.faults.push(Error::failed(what).at(path.display()));
    }
    let mut start = Vec::new();
    if let Err(error) = fs::File::open(path).and_then(|file| file.take(256).read_to_end(&mut start)) {
        return found.faults.push(Error::failed(error).at(path.display()));
    }
    match look(path, &start, named) {
        Fit::Wanted(extension) => found.jobs.push((path.to_owned(), out.to_owned(), extension)),
        Fit::Fault(error) => found.faults.push(error.at(path.display())),
        Fit::Other => found.others.push(path.to_owned()),
    }
}

/// The files in a folder and those inside it, by name.
fn take_folder(folder: &Path, out: &Path, look: &dyn Fn(&Path, &[u8], bool) -> Fit, found: &mut Found) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return found.faults.push(Error::failed(error).at(folder.display())),
    };
    let mut paths = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => paths.push(entry.path()),
            Err(error) => found.faults.push(Error::failed(error).at(folder.display())),
        }
    }
    paths.sort();
    for path in paths {
        take(&path, out, false, look, found);
    }
}

/// Where each result goes: inputs that differ only in their extension keep it.
fn outputs(jobs: &[(PathBuf, PathBuf, &str)]) -> Result<Vec<PathBuf>> {
    let short = |(input, out, extension): &(PathBuf, PathBuf, &str)| {
        out.join(input.file_name().unwrap_or_default()).with_extension(extension)
    };
    let mut count: HashMap<PathBuf, usize> = HashMap::new();
    jobs.iter().for_each(|job| *count.entry(short(job)).or_default() += 1);
    let outputs: Vec<PathBuf> = jobs
        .iter()
        .map(|job| {
            let path = short(job);
            if count[&path] == 1 {
                return path;
            }
            let (input, out, extension) = job;
            let mut name = input.file_name().unwrap_or_default().to_owned();
            name.push(".");
            name.push(extension);
            out.join(name)
        })
        .collect();
    let mut sorted: Vec<&PathBuf> = outputs.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => {
            Err(Error::usage("would be the output of two inputs of one name").at(twice[0].display()))
        }
        None => Ok(outputs),
    }
}

/// Gives the output the modification time of the input.
///
/// # Errors
/// If one has none, or it cannot be set.
pub(crate) fn keep_times(input: &Path, output: &Path) -> Result<()> {
    if input == Path::new("-") || output == Path::new("-") {
        return Ok(());
    }
    let time = fs::metadata(input).and_then(|metadata| metadata.modified()).at(input.display())?;
    let file = fs::File::options().write(true).open(output).at(output.display())?;
    if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        file.set_modified(time).at(output.display())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_that_differ_in_their_extension_keep_it() {
        let job = |input: &str| (PathBuf::from(input), PathBuf::from("out"), "wvn");
        let names = |inputs: &[&str]| {
            outputs(&inputs.iter().map(|input| job(input)).collect::<Vec<_>>())
                .map(|paths| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>())
        };
        let expected = ["out/a.jpg.wvn", "out/a.png.wvn", "out/b.wvn"];
        assert_eq!(names(&["x/a.jpg", "x/a.png", "x/b.png"]).unwrap(), expected);
        assert_eq!(names(&["x/a.jpg", "y/a.jpg"]).unwrap_err().exit_code(), 2);
    }
}
