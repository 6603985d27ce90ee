//! Bytes of a file or of standard input, behind a limit.

use super::limits;
use crate::error::{At, Error, Result};
use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A whole input and the name to call it by in messages.
#[derive(Debug)]
pub struct Input {
    name: String,
    bytes: Vec<u8>,
}

/// An input of which only the beginning has been read.
pub struct Opened {
    name: String,
    head: Vec<u8>,
    rest: Box<dyn Read + Send + Sync>,
    /// Where it lies, if it is a file in which places can be looked up.
    path: Option<PathBuf>,
    /// Bytes of the whole, 0 if that is not known.
    expected: u64,
    /// Bytes read so far.
    count: Arc<AtomicU64>,
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Opened {
    /// Opens a file, or standard input if the path is `-`.
    pub fn new(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            let stdin = io::stdin();
            let name = "standard input".to_owned();
            if stdin.is_terminal() {
                return Err(Error::usage("is a terminal (expected a pipe or a file)").at(name));
            }
            return Self::begin(name, Box::new(stdin), None, 0);
        }
        let name = path.display().to_string();
        let file = File::open(path).at(&name)?;
        let metadata = file.metadata().at(&name)?;
        if metadata.is_dir() {
            return Err(Error::usage("is a folder (expected a file)").at(name));
        }
        let place = metadata.is_file().then(|| path.to_owned());
        Self::begin(name, Box::new(BufReader::with_capacity(1 << 16, file)), place, metadata.len())
    }

    fn begin(
        name: String,
        rest: Box<dyn Read + Send + Sync>,
        path: Option<PathBuf>,
        expected: u64,
    ) -> Result<Self> {
        let count = Arc::new(AtomicU64::new(0));
        let mut rest: Box<dyn Read + Send + Sync> = Box::new(Counted { inner: rest, count: count.clone() });
        let mut head = Vec::new();
        rest.as_mut().take(HEAD).read_to_end(&mut head).at(&name)?;
        Ok(Self { name, head, rest, path, expected, count })
    }

    /// The file from its beginning, if it is one in which places can be looked up.
    pub fn file(&self) -> Option<io::Result<File>> {
        self.path.as_ref().map(File::open)
    }

    /// The path as given, or `standard input`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first bytes: enough to recognise what it is.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Bytes of the whole as the system reports them; 0 if it does not know.
    pub fn expected(&self) -> u64 {
        self.expected
    }

    /// Bytes read so far, also while [`Self::into_bytes`] is read.
    pub fn count(&self) -> Arc<AtomicU64> {
        self.count.clone()
    }

    /// All of it, in order.
    pub fn into_bytes(self) -> impl Read + Send + Sync {
        io::Cursor::new(self.head).chain(self.rest)
    }

    /// All of it at once.
    pub fn into_input(self) -> Result<Input> {
        let (name, expected) = (self.name.clone(), self.expected);
        Input::read_from(name, self.into_bytes(), expected, limits::FILE_BYTES)
    }
}

impl From<Input> for Opened {
    /// An input that had to be read as a whole after all.
    fn from(input: Input) -> Self {
        let Input { name, bytes } = input;
        let expected = bytes.len() as u64;
        let count = Arc::new(AtomicU64::new(expected));
        Self { name, head: bytes, rest: Box::new(io::empty()), path: None, expected, count }
    }
}

/// How many bytes it takes to recognise a file.
const HEAD: u64 = 256;

impl Input {
    /// Reads a file, or standard input if the path is `-`.
    pub fn read(path: &Path) -> Result<Self> {
        Opened::new(path)?.into_input()
    }

    /// An input that is already in memory.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), bytes }
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
