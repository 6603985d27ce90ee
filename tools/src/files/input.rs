//! Bytes of a file or of standard input, behind a limit.

use super::limits;
use crate::error::{At, Error, Result};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

/// A whole input and the name to call it by in messages.
#[derive(Debug)]
pub struct Input {
    name: String,
    bytes: Vec<u8>,
}

impl Input {
    /// Reads a file, or standard input if the path is `-`.
    pub fn read(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            let stdin = io::stdin();
            let name = "standard input".to_owned();
            if stdin.is_terminal() {
                return Err(Error::usage("is a terminal (expected a pipe or a file)").at(name));
            }
            return Self::read_from(name, stdin.lock(), 0, limits::FILE_BYTES);
        }
        let name = path.display().to_string();
        let file = File::open(path).at(&name)?;
        let metadata = file.metadata().at(&name)?;
        if metadata.is_dir() {
            return Err(Error::usage("is a folder (expected a file)").at(name));
        }
        Self::read_from(name, file, metadata.len(), limits::FILE_BYTES)
    }

    /// An input that is already in memory.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), bytes }
    }

    /// The rest of an input whose beginning was read; `length` is what the system reports of all of it.
    pub fn continued(name: String, start: Vec<u8>, rest: impl Read, length: u64) -> Result<Self> {
        Self::read_from(name, io::Cursor::new(start).chain(rest), length, limits::FILE_BYTES)
    }

    fn read_from(name: String, reader: impl Read, expected: u64, limit: u64) -> Result<Self> {
        let mut bytes = Vec::new();
        // The length the system reports is a hint only: pipes report 0, and files may grow.
        let hint = usize::try_from(expected.min(limit)).unwrap_or(0).saturating_add(1);
        bytes.try_reserve_exact(hint).map_err(|_| Error::limit("file does not fit in memory").at(&name))?;
        reader.take(limit + 1).read_to_end(&mut bytes).at(&name)?;
        if bytes.len() as u64 > limit {
            return Err(Error::limit(format!("more than {limit} bytes")).at(name));
        }
        Ok(Self { name, bytes })
    }

    /// The path as given, or `standard input`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn the_limit_itself_is_allowed_and_one_byte_more_is_not() {
        let read = |length: usize| Input::read_from("x".into(), io::repeat(7).take(length as u64), 0, 10);
        assert_eq!(read(10).unwrap().bytes(), [7; 10]);
        let error = read(11).unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Limit, "x: more than 10 bytes".to_owned()));
    }

    #[test]
    fn a_missing_file_and_a_folder_are_named() {
        let error = Input::read(Path::new("no/such/file.png")).unwrap_err();
        assert!(error.to_string().starts_with("no/such/file.png: "), "{error}");
        assert_eq!(error.exit_code(), 1);
        let folder = tempfile::tempdir().unwrap();
        let error = Input::read(folder.path()).unwrap_err();
        assert!(error.to_string().ends_with("is a folder (expected a file)"), "{error}");
    }
}
