//! Where results go: a file that appears complete or not at all, or standard output.

use super::interrupt::Part;
use crate::error::{At, Error, Result};
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Seek, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A destination that has been checked: writing to it is allowed.
#[derive(Debug)]
pub struct Output {
    name: String,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Stdout,
    /// A pipe or a device: it is written as it is, never replaced.
    Special(PathBuf),
    File {
        path: PathBuf,
        force: bool,
    },
}

impl Output {
    /// Checks that this path may be written: `-` is standard output unless that is a terminal, an existing file needs
    /// `force`, and the folder must be there.
    pub fn new(path: &Path, force: bool) -> Result<Self> {
        if path == Path::new("-") {
            let name = "standard output".to_owned();
            if io::stdout().is_terminal() {
                return Err(Error::usage("is a terminal (redirect it, or name a file)").at(name));
            }
            return Ok(Self { name, target: Target::Stdout });
        }
        let name = path.display().to_string();
        let target = match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                return Err(Error::usage("is a folder (expected a file name)").at(name));
            }
            Ok(found) if !found.is_file() => Target::Special(path.to_owned()),
            Ok(_) if !force => return Err(Error::already_there().at(name)),
            // Through symbolic links: the link stays, what it points to is replaced.
            Ok(_) => Target::File { path: path.canonicalize().at(&name)?, force },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = parent(path);
                if !parent.is_dir() {
                    return Err(Error::failed(format!("there is no folder {}", parent.display())).at(name));
                }
                Target::File { path: path.to_owned(), force }
            }
            Err(error) => return Err(error).at(name),
        };
        Ok(Self { name, target })
    }

    /// Refuses to take the place of the file that is read, under whatever name.
    pub fn refuse_input(&self, input: &Path) -> Result<()> {
        let Target::File { path, .. } = &self.target else { return Ok(()) };
        let same = match (fs::metadata(input), fs::metadata(path)) {
            (Ok(input), Ok(output)) => is_same(&input, &output),
            _ => false,
        };
        if same { Err(Error::usage("is the input too (name another file)").at(&self.name)) } else { Ok(()) }
    }

    /// The path as given, or `standard output`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True if what is written is a stream without a name that could say its format: a pipe or a device.
    pub fn is_stream(&self) -> bool {
        !matches!(self.target, Target::File { .. })
    }

    /// True if the bytes go to standard output.
    pub fn is_stdout(&self) -> bool {
        matches!(self.target, Target::Stdout)
    }

    /// Writes everything. If `write` or the disk fails, the destination is as it was before.
    pub fn write<T>(self, write: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
        self.write_from_any_thread(|sink| write(sink))
    }

    /// As [`write`](Self::write), from any thread.
    pub fn write_from_any_thread<T>(
        self,
        write: impl FnOnce(&mut (dyn Write + Send)) -> Result<T>,
    ) -> Result<T> {
        self.write_with_head(|sink| Ok((write(sink)?, Vec::new())))
    }

    /// As [`write`](Self::write). The bytes that `write` returns with its value then replace the same number at the
    /// beginning of the file, for what was not known when they were written; in a stream they cannot be replaced.
    pub fn write_with_head<T>(
        self,
        write: impl FnOnce(&mut (dyn Write + Send)) -> Result<(T, Vec<u8>)>,
    ) -> Result<T> {
        let Self { name, target } = self;
        let run = |sink: &mut (dyn Write + Send)| -> Result<(T, Vec<u8>)> {
            let mut buffered = BufWriter::with_capacity(1 << 16, sink);
            let value = write(&mut buffered).map_err(|error| error.writing_to(&name))?;
            buffered.flush().at(&name)?;
            Ok(value)
        };
        match target {
            Target::Stdout => run(&mut io::stdout()).map(|(value, _)| value),
            Target::Special(path) => {
                let mut file = OpenOptions::new().write(true).open(path).at(&name)?;
                run(&mut file).map(|(value, _)| value)
            }
            Target::File { path, force } => {
                let mut file = temporary(parent(&path)).at(&name)?;
                let part = Part::new(file.path().to_owned());
                let (value, head) = run(file.as_file_mut())?;
                if !head.is_empty() {
                    file.as_file_mut().rewind().at(&name)?;
                    file.as_file_mut().write_all(&head).at(&name)?;
                }
                file.as_file().sync_all().at(&name)?;
                let rename = || if force { file.persist(&path) } else { file.persist_noclobber(&path) };
                let persisted = part.finish(rename);
                match persisted {
                    Ok(_) => Ok(value),
                    Err(failure) if failure.error.kind() == io::ErrorKind::AlreadyExists => {
                        Err(Error::already_there().at(name))
                    }
                    Err(failure) => Err(failure.error).at(name),
                }
            }
        }
    }

    /// Writes these bytes; see [`write`](Self::write).
    pub fn write_bytes(self, bytes: &[u8]) -> Result<()> {
        let name = self.name.clone();
        self.write(|sink| sink.write_all(bytes).at(name))
    }
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    false // an input is closed before its name is given away
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// In the folder of the result, so that the last step is a rename within one file system.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".wavern-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666)); // minus the umask
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_existing_file_needs_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wvn");
        Output::new(&path, false).unwrap().write_bytes(b"one").unwrap();
        let error = Output::new(&path, false).unwrap_err();
        assert!(error.to_string().ends_with("a.wvn: exists already (use -f to overwrite)"), "{error}");
        Output::new(&path, true).unwrap().write_bytes(b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["a.wvn"]);
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wvn");
        let output = Output::new(&path, false).unwrap();
        fs::write(&path, b"theirs").unwrap();
        assert_eq!(output.write_bytes(b"ours").unwrap_err().exit_code(), 1);
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
        assert_eq!(names(folder.path()), ["a.wvn"]);
    }

    #[test]
    fn a_failure_half_way_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wvn");
        fs::write(&path, b"old").unwrap();
        let failing = |sink: &mut dyn Write| -> Result<()> {
            sink.write_all(&[0; 100_000]).at("x")?;
            Err(Error::corrupt("no more"))
        };
        assert_eq!(Output::new(&path, true).unwrap().write(failing).unwrap_err().exit_code(), 4);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.wvn"]);
    }

    #[test]
    fn a_missing_folder_and_a_folder_as_target_are_refused_before_any_work() {
        let folder = tempfile::tempdir().unwrap();
        let error = Output::new(&folder.path().join("no/a.wvn"), false).unwrap_err();
        assert!(error.to_string().contains("there is no folder"), "{error}");
        assert!(
            Output::new(folder.path(), true).unwrap_err().to_string().ends_with("(expected a file name)")
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_stays_a_link_and_a_device_stays_a_device() {
        use std::os::unix::fs::FileTypeExt;
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, b"old").unwrap();
        std::os::unix::fs::symlink("target", &link).unwrap();
        Output::new(&link, true).unwrap().write_bytes(b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"new");

        Output::new(Path::new("/dev/null"), true).unwrap().write_bytes(b"gone").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }
}
