//! Bytes that can be looked at before they are read, from a file or a pipe.

use std::io::{self, Read};

/// A reader that looks ahead.
pub(super) struct Ahead {
    bytes: Box<dyn Read + Send>,
    /// What has been looked at and is still to be read, from `start` on.
    seen: Vec<u8>,
    start: usize,
    /// Where the next byte stands.
    position: u64,
}

impl Ahead {
    pub(super) fn new(bytes: Box<dyn Read + Send>) -> Self {
        Self { bytes, seen: Vec::new(), start: 0, position: 0 }
    }

    /// Where the next byte stands.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next bytes, which stay to be read; fewer only at the end of the file.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        let have = self.seen.len() - self.start;
        if have < count {
            self.seen.drain(..self.start);
            self.start = 0;
            self.bytes.as_mut().take((count - have) as u64).read_to_end(&mut self.seen)?;
        }
        let end = self.seen.len().min(self.start + count);
        Ok(&self.seen[self.start..end])
    }

    /// Puts bytes in front of what is still to be read.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        self.seen.splice(..self.start, bytes.iter().copied());
        (self.start, self.position) = (0, self.position.saturating_sub(bytes.len() as u64));
    }

    /// Reads so many bytes; fewer only at the end of the file. Sets nothing aside that is not there.
    pub(super) fn get(&mut self, count: u64) -> io::Result<Vec<u8>> {
        let seen = (self.seen.len() - self.start).min(usize::try_from(count).unwrap_or(usize::MAX));
        let mut out = self.seen[self.start..self.start + seen].to_vec();
        self.start += seen;
        self.bytes.as_mut().take(count - seen as u64).read_to_end(&mut out)?;
        self.position += out.len() as u64;
        Ok(out)
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let seen = &self.seen[self.start..];
        let count = if seen.is_empty() {
            self.bytes.read(buffer)?
        } else {
            let count = seen.len().min(buffer.len());
            buffer[..count].copy_from_slice(&seen[..count]);
            self.start += count;
            count
        };
        self.position += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_is_read_once() {
        let mut ahead = Ahead::new(Box::new(&b"abcdefgh"[..]));
        assert_eq!(ahead.get(2).unwrap(), b"ab");
        ahead.put_back(b"ab");
        assert_eq!(ahead.peek(3).unwrap(), b"abc");
        assert_eq!(ahead.get(2).unwrap(), b"ab");
        assert_eq!(ahead.peek(4).unwrap(), b"cdef");
        let mut two = [0; 2];
        assert_eq!((ahead.read(&mut two).unwrap(), two), (2, *b"cd"));
        assert_eq!((ahead.get(100).unwrap(), ahead.position()), (b"efgh".to_vec(), 8));
        assert_eq!(ahead.peek(1).unwrap(), b"");
    }
}
