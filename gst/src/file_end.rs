//! Where a picture ends in a stream of bytes, found chunk by chunk: only the heads of chunks are looked at.

use wavern_bitstream::{SIGNATURE, varint};

/// From this size on, counted up to the end of `DATA`, a file goes on with a `COPY` chunk (FORMAT.md, COPY).
const WITH_COPY: u64 = 4096;
/// Bytes of a code and of the longest length field.
const HEAD: usize = 4 + 10;
/// Bytes of the checksum behind a payload.
const CHECKSUM: u64 = 4;

/// What is known so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The file ends at this offset.
    At(u64),
    /// More bytes are needed, or the stream has to end.
    Unknown,
    /// No chunk begins where one should. Whatever follows, this is no picture.
    Never,
}

/// How far a stream has been looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileEnd {
    /// Where the next chunk begins.
    next: u64,
    /// Whether it is the last one.
    last: bool,
    /// Whether it would lie behind the file.
    ended: bool,
}

impl Default for FileEnd {
    fn default() -> Self {
        Self { next: SIGNATURE.len() as u64, last: false, ended: false }
    }
}

impl FileEnd {
    /// Looks on. `available` is how many bytes there are, of which `copy` gives some from an offset; none if they are
    /// not all there.
    pub fn find(&mut self, available: u64, copy: impl Fn(u64, &mut [u8]) -> Option<()>) -> End {
        if self.ended {
            return End::At(self.next);
        }
        // Each turn moves on by at least nine bytes.
        while self.next < available {
            let mut head = [0; HEAD];
            let count = (available - self.next).min(HEAD as u64) as usize;
            let Some(head) = head.get_mut(..count) else { return End::Never };
            if copy(self.next, head).is_none() {
                return End::Unknown;
            }
            let Some((code, field)) = head.split_first_chunk::<4>() else { return End::Unknown };
            if !code.iter().all(u8::is_ascii_alphabetic) {
                return End::Never;
            }
            let (length, bytes) = match length(field) {
                Some(read) => read,
                None if count < HEAD => return End::Unknown,
                None => return End::Never,
            };
            let end =
                [4, bytes, length, CHECKSUM].iter().try_fold(self.next, |sum, part| sum.checked_add(*part));
            let Some(end) = end else { return End::Never };
            self.next = end;
            if self.last || (code == b"DATA" && end < WITH_COPY) {
                self.ended = true;
                return End::At(end);
            }
            self.last = code == b"DATA";
        }
        End::Unknown
    }
}

/// A varint, and how many bytes it has.
fn length(field: &[u8]) -> Option<(u64, u64)> {
    let (value, rest) = varint::read(field)?;
    Some((value, (field.len() - rest.len()) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn find(end: &mut FileEnd, bytes: &[u8]) -> End {
        end.find(bytes.len() as u64, |at, out| {
            out.copy_from_slice(bytes.get(at as usize..at as usize + out.len())?);
            Some(())
        })
    }

    #[test]
    fn every_golden_picture_ends_where_its_file_does() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/golden");
        let mut with_copy = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "wvn")
                || !path.file_name().unwrap().to_str().unwrap().starts_with("picture")
            {
                continue;
            }
            let file = fs::read(&path).unwrap();
            let stream = [&file[..], b"\x97WVN and more"].concat();
            let mut end = FileEnd::default();
            assert_eq!(find(&mut end, &stream), End::At(file.len() as u64), "{}", path.display());
            // Byte by byte: known as soon as the head of the last chunk is there, and not before.
            let mut end = FileEnd::default();
            let known = (0..file.len()).find(|&length| find(&mut end, &file[..length]) != End::Unknown);
            assert!(known.is_some_and(|length| length > 28 && length < file.len()), "{}", path.display());
            assert_eq!(find(&mut end, &stream), End::At(file.len() as u64), "{}", path.display());
            with_copy += usize::from(file.len() > WITH_COPY as usize);
        }
        assert!(with_copy > 0);
    }

    #[test]
    fn what_is_no_chunk_has_no_end() {
        let start = |rest: &[u8]| [&SIGNATURE[..], rest].concat();
        for (bytes, expected) in [
            (start(b"IMG"), End::Unknown),
            (start(b"IMGH\x01?....DATA\x80"), End::Unknown),
            (start(b"IMGH\x01?....DATA\x02??...."), End::At(29)),
            (start(b"IM3H\x01?...."), End::Never),
            (start(b"IMGH\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), End::Never),
            (start(b"IMGH\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), End::Never),
            (start(b"IMGH\xff\xff\xff\xff\xff\xff\xff\xff\x7f.."), End::Unknown),
        ] {
            assert_eq!(find(&mut FileEnd::default(), &bytes), expected, "{bytes:?}");
        }
    }
}
