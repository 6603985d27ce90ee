//! The reader of a sound, chunk by chunk: from a pipe or from memory, whole or damaged.

use crate::{
    AudioHeader, ChunkCode, Error, Fault, Header, Limits, RawChunk, SIGNATURE, Segment, SegmentTable,
    chunk::Chunk,
    copy::{self, Copy},
    limits::check,
    reader::{Reader, length},
    segment::{LONGEST_HEAD, SegmentHead, TableHead, verify},
};

/// What a [`SoundParser`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step<'a> {
    /// Nothing yet: more bytes are needed, see [`SoundParser::feed`].
    More,
    /// The header; it comes first, and once.
    Header(AudioHeader),
    /// ICC profile, EXIF, XMP, a RIFF chunk, or a skippable chunk that this version does not know.
    Metadata(RawChunk<'a>),
    /// A segment whose checksums hold. Its index is above the index of the segment before it, by more than one only
    /// after damage.
    Segment(Segment<'a>),
    /// Something that is damaged, breaks a rule, or is missing. The parser goes on behind it.
    Lost(Error),
    /// The segment table, which ends the file: how long the sound is.
    Table(SegmentTable),
    /// There is nothing more.
    End,
}

/// Reads a sound from pieces of its file, as they arrive. It keeps one chunk of them at most.
///
/// Damage is reported where it stands and passed over: [`Step::Lost`]. Who wants only whole files takes that as the
/// end.
///
/// ```
/// use wavern_bitstream::{AudioHeader, Limits, SampleFormat, SoundBuilder, SoundParser, Step, WeightsId};
///
/// let (format, weights) = (SampleFormat::I16, WeightsId([1, 2, 3, 4, 5, 6]));
/// let (sample_rate, channels, segment_frames) = (48_000, 2, 1_000);
/// let header = AudioHeader { level: 9, lossless: false, format, sample_rate, channels, segment_frames, weights };
/// let (limits, mut file) = (Limits::default(), Vec::new());
/// let mut builder = SoundBuilder::new(header, &limits, &mut file)?;
/// builder.segment(9, b"first", &mut file)?;
/// builder.last_segment(9, b"second", 500, &mut file)?;
/// builder.finish(&mut file)?;
///
/// let mut parser = SoundParser::new(&limits);
/// let mut segments = Vec::new();
/// for piece in file.chunks(10) {
///     parser.feed(piece);
///     loop {
///         match parser.step()? {
///             Step::More => break,
///             Step::Segment(segment) => segments.push(segment.payload.to_vec()),
///             Step::Lost(error) => return Err(error),
///             _ => {}
///         }
///     }
/// }
/// assert_eq!(segments, [&b"first"[..], b"second"]);
/// # Ok::<(), wavern_bitstream::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SoundParser {
    limits: Limits,
    header: Option<AudioHeader>,
    walk: Walk,
    buffer: Vec<u8>,
    /// How much of `buffer` has been read.
    done: usize,
    /// Whether `buffer` ends where the file ends.
    ended: bool,
}

impl SoundParser {
    /// A parser at the beginning of a file.
    pub fn new(limits: &Limits) -> Self {
        let (limits, walk) = (*limits, Walk::new(0));
        Self { limits, header: None, walk, buffer: Vec::new(), done: 0, ended: false }
    }

    /// Takes the next bytes of the file; none mean that it ends here.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.done);
        self.done = 0;
        self.buffer.extend_from_slice(bytes);
        self.ended |= bytes.is_empty();
    }

    /// Takes the copy of the header, after [`Self::step`] has refused the one in front. All of the file must have been
    /// fed since the parser was made.
    ///
    /// # Errors
    /// [`Error::Malformed`] if there is no copy; the errors of the header that it holds.
    pub fn recover(&mut self) -> Result<AudioHeader, Error> {
        let copy = Copy::find(&self.buffer).ok_or(Error::malformed(0, Fault::NoCopy))?;
        let Header::Audio(header) = Header::read(&copy.header, &self.limits)? else {
            return Err(Error::malformed(copy.offset, Fault::NotASound));
        };
        self.walk = Walk::behind_lost_header(&copy, &self.buffer);
        self.done = usize::try_from(self.walk.offset()).unwrap_or(usize::MAX).min(self.buffer.len());
        self.header = Some(header);
        Ok(header)
    }

    /// The offset in the file of what comes next.
    pub fn offset(&self) -> u64 {
        self.walk.offset()
    }

    /// Goes on elsewhere in the file: the next bytes to be fed are those at `offset`, where segment `index` begins.
    pub fn resume(&mut self, offset: u64, index: u64) {
        self.buffer.clear();
        (self.done, self.ended) = (0, false);
        self.walk = Walk { place: Place::Segments, next: index, origin: Some(index), ..Walk::new(offset) };
    }

    /// Continues behind the last segment of a sound of this many frames: the next bytes to be fed start at `offset`.
    pub fn resume_behind(&mut self, offset: u64, frames: u64) {
        let count = self.header.map_or(0, |header| header.segment_count(frames));
        self.resume(offset, count);
        (self.walk.place, self.walk.last, self.walk.end) = (Place::Back, Some(frames), offset);
    }

    /// What comes next.
    ///
    /// # Errors
    /// Faults that leave nothing to decode: in signature and header, what this version does not know, and
    /// [`Error::Limit`].
    pub fn step(&mut self) -> Result<Step<'_>, Error> {
        let window = self.buffer.get(self.done..).unwrap_or_default();
        let Some(header) = self.header else {
            let Some((header, consumed)) = Header::read_first(window, self.ended, &self.limits)? else {
                return Ok(Step::More);
            };
            let Header::Audio(header) = header else {
                return Err(Error::malformed(length(&SIGNATURE), Fault::NotASound));
            };
            self.header = Some(header);
            self.done = self.done.saturating_add(consumed);
            self.walk = Walk::new(length(window.get(..consumed).unwrap_or_default()));
            return Ok(Step::Header(header));
        };
        let before = self.walk.offset();
        let step = self.walk.step(window, self.ended, &header, &self.limits);
        let consumed = usize::try_from(self.walk.offset().saturating_sub(before)).unwrap_or(usize::MAX);
        self.done = self.done.saturating_add(consumed).min(self.buffer.len());
        step
    }
}

/// Which part of a sound file is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Metadata in front of the first segment.
    Front,
    Segments,
    /// Metadata behind the last segment.
    Back,
    /// Behind the segment table.
    Behind,
    Ended,
}

/// The reader behind the header: rules, and what to do where they are broken.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    /// Where in the file the window begins.
    offset: u64,
    place: Place,
    /// Whether a segment or the table is looked for, from which to go on.
    searching: bool,
    /// Whether something was lost, so that segments may be missing.
    excused: bool,
    /// The segment that comes next, and the length of the sound once its last segment was seen.
    next: u64,
    last: Option<u64>,
    /// Where the first segment begins, and where the last one so far ends.
    first: u64,
    end: u64,
    /// The segment at which reading was taken up in the middle of the file.
    origin: Option<u64>,
    /// Where the copy of the header begins, once it was seen.
    copy: Option<u64>,
    chunks: u64,
    metadata_bytes: u64,
    /// Codes of the metadata so far that must not be repeated.
    seen: Vec<ChunkCode>,
}

/// What the reader of one chunk makes of it.
enum Found<'a> {
    /// Something to report, after this many bytes.
    Give(Step<'a>, u64),
    /// Nothing, in this many bytes.
    Pass(u64),
}

impl Walk {
    /// A reader of what follows a header that ends at `offset`.
    pub(crate) fn new(offset: u64) -> Self {
        Self {
            offset,
            place: Place::Front,
            searching: false,
            excused: false,
            next: 0,
            last: None,
            first: 0,
            end: 0,
            origin: None,
            copy: None,
            chunks: 1,
            metadata_bytes: 0,
            seen: Vec::new(),
        }
    }

    /// A reader of a file whose header is known from its copy alone: behind the place of the header, if there is a
    /// chunk, else from the beginning on at the first segment.
    pub(crate) fn behind_lost_header(copy: &Copy<'_>, bytes: &[u8]) -> Self {
        let header = copy.header.end().saturating_sub(copy.header.offset);
        let end = length(&SIGNATURE).saturating_add(header);
        let next = Chunk::read(&mut Reader::new(after(bytes, end), end));
        let follows = next.is_ok_and(|chunk| chunk.intact().is_ok());
        Self { excused: true, searching: !follows, ..Self::new(if follows { end } else { 0 }) }
    }

    /// The offset in the file of what comes next.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads what stands at the front of `window` and moves on; `ended` says that the window reaches to the end of the
    /// file.
    ///
    /// # Errors
    /// As [`SoundParser::step`].
    pub(crate) fn step<'a>(
        &mut self,
        mut window: &'a [u8],
        ended: bool,
        header: &AudioHeader,
        limits: &Limits,
    ) -> Result<Step<'a>, Error> {
        loop {
            if self.searching {
                let (passed, found) = search(window, ended, self.offset, header, limits);
                self.offset = self.offset.saturating_add(passed);
                window = after(window, passed);
                if !found && !ended {
                    return Ok(Step::More);
                }
                self.searching = false;
            }
            let found = match self.place {
                Place::Ended => return Ok(Step::End),
                Place::Behind => self.behind(window, ended),
                _ if window.is_empty() && ended => {
                    self.place = Place::Ended;
                    let (offset, what) = (self.offset, "chunk code");
                    return Ok(Step::Lost(Error::Truncated { offset, what, needed: 4, left: 0 }));
                }
                _ if window.len() < ChunkCode::SEGMENT.bytes().len() && !ended => return Ok(Step::More),
                _ if window.starts_with(&ChunkCode::SEGMENT.bytes()) => {
                    self.segment(window, ended, header, limits)?
                }
                _ if window.starts_with(&ChunkCode::SEGMENT_TABLE.bytes()) => {
                    self.table(window, ended, header, limits)?
                }
                _ => self.other(window, ended, header, limits)?,
            };
            match found {
                Found::Give(step, bytes) => {
                    self.offset = self.offset.saturating_add(bytes);
                    return Ok(step);
                }
                Found::Pass(bytes) => {
                    self.offset = self.offset.saturating_add(bytes);
                    window = after(window, bytes);
                }
            }
        }
    }

    fn segment<'a>(
        &mut self,
        window: &'a [u8],
        ended: bool,
        header: &AudioHeader,
        limits: &Limits,
    ) -> Result<Found<'a>, Error> {
        let head = match SegmentHead::read(window, self.offset, header) {
            Ok(head) => head,
            Err(error) => return Ok(self.no_head(error, window, ended)),
        };
        let Some(chunk) = within(window, head.chunk_bytes) else {
            return Ok(if ended { self.cut(window, "segment", head.chunk_bytes) } else { more() });
        };
        if let Err(Error::ChunkChecksum { stored, computed, .. }) =
            verify(chunk, self.offset, ChunkCode::SEGMENT)
        {
            let (offset, tile) = (self.offset, usize::try_from(head.index).unwrap_or(usize::MAX));
            let error = Error::TileChecksum { offset, tile, stored, computed };
            return Ok(self.lose(error, head.chunk_bytes));
        }
        if self.copy.is_some() && !self.excused {
            return Ok(self.lose(Error::malformed(self.offset, Fault::CopyPlace), 0));
        }
        let skips = head.index > self.next && !self.excused;
        if skips || head.index < self.next || self.last.is_some() || self.place == Place::Back {
            let fault = Fault::SegmentOrder { index: head.index, expected: self.next };
            // One that comes too early is used all the same by who reads on.
            let passed = if skips { 0 } else { head.chunk_bytes };
            return Ok(self.lose(Error::malformed(self.offset, fault), passed));
        }
        let end = self.offset.saturating_add(head.chunk_bytes);
        let before = head.index.saturating_mul(header.segment_frames);
        let frames = before.saturating_add(head.last.unwrap_or(header.segment_frames));
        check("samples", header.samples(frames), limits.samples)?;
        limits.check_work(header.samples(frames), end)?;
        if self.place == Place::Front {
            self.first = self.offset;
        }
        (self.place, self.end) = (Place::Segments, end);
        self.next = head.index.saturating_add(1);
        self.last = head.last.map(|_| frames);
        let payload =
            after(chunk, head.payload_start).split_last_chunk::<4>().map_or(&[][..], |(rest, _)| rest);
        let SegmentHead { index, last, level, .. } = head;
        Ok(Found::Give(Step::Segment(Segment { index, last, level, payload }), head.chunk_bytes))
    }

    fn table<'a>(
        &mut self,
        window: &'a [u8],
        ended: bool,
        header: &AudioHeader,
        limits: &Limits,
    ) -> Result<Found<'a>, Error> {
        let head = match TableHead::read(window, self.offset, header, limits) {
            Err(error @ Error::Limit { .. }) => return Err(error),
            Err(error) => return Ok(self.no_head(error, window, ended)),
            Ok(head) => head,
        };
        let Some(chunk) = within(window, head.chunk_bytes) else {
            return Ok(if ended { self.cut(window, "segment table", head.chunk_bytes) } else { more() });
        };
        let table = match SegmentTable::read(chunk, self.offset, header, limits) {
            Ok(table) => table,
            Err(error) => return Ok(self.lose(error, head.chunk_bytes)),
        };
        limits.check_work(header.samples(table.frames), self.offset.saturating_add(head.chunk_bytes))?;
        let [first, end] =
            [table.offsets.first(), table.offsets.last()].map(|place| place.copied().unwrap_or(0));
        let copied = self.copy.unwrap_or(self.offset) >= copy::LEAST_FILE_BYTES;
        if copied != self.copy.is_some() && !self.excused {
            let fault = match self.copy {
                Some(_) => Fault::CopyPlace,
                None => Fault::CopyMissing { found: ChunkCode::SEGMENT_TABLE },
            };
            return Ok(self.lose(Error::malformed(self.offset, fault), 0));
        }
        let fits = self.next == head.segments
            && self.last.unwrap_or(0) == table.frames
            && end == self.end
            && (self.origin.is_some() || first == self.first);
        if !fits && !self.excused {
            // Once: then the table is taken at its word.
            return Ok(self.lose(Error::malformed(self.offset, Fault::SegmentTable), 0));
        }
        self.place = Place::Behind;
        Ok(Found::Give(Step::Table(table), head.chunk_bytes))
    }

    /// Metadata, filling, and what has no place in a sound.
    fn other<'a>(
        &mut self,
        window: &'a [u8],
        ended: bool,
        header: &AudioHeader,
        limits: &Limits,
    ) -> Result<Found<'a>, Error> {
        let mut reader = Reader::new(window, self.offset);
        let chunk = match Chunk::read(&mut reader) {
            Ok(chunk) => chunk,
            Err(error) => return Ok(self.no_head(error, window, ended)),
        };
        let bytes = chunk.end().saturating_sub(self.offset);
        if chunk.declared > limits.metadata_bytes {
            // A damaged length, more likely than not; no segment is passed over for it.
            let (asked, allowed) = (chunk.declared, limits.metadata_bytes);
            return Ok(self.search_on(Error::Limit { what: "chunk bytes", asked, allowed }));
        }
        if within(window, bytes).is_none() && !ended {
            return Ok(more());
        }
        if let Err(error) = chunk.intact() {
            return Ok(self.search_on(error));
        }
        let (code, payload) = (chunk.code, chunk.payload);
        self.chunks = self.chunks.saturating_add(1);
        check("chunks", self.chunks, limits.chunks.into())?;
        let strict = !self.excused;
        let (is_among, is_behind_copy) =
            (self.place == Place::Segments && self.last.is_none(), self.copy.is_some());
        let fault = match code {
            ChunkCode::AUDIO_HEADER | ChunkCode::IMAGE_HEADER => Some(Fault::Repeated(code)),
            ChunkCode::ALPHA => Some(Fault::AlphaInAudio),
            ChunkCode::DATA | ChunkCode::TILE_TABLE => Some(Fault::PictureChunk(code)),
            ChunkCode::COPY if strict && (is_among || is_behind_copy) => Some(Fault::CopyPlace),
            ChunkCode::COPY => {
                self.copy = Some(self.offset);
                let mut expected = Vec::new();
                Header::Audio(*header).write(limits, &mut expected)?;
                if payload == expected {
                    return Ok(Found::Pass(bytes));
                }
                Some(Fault::CopyDiffers)
            }
            _ if code.is_critical() => {
                return Err(Error::unsupported(self.offset, format!("critical chunk {code}")));
            }
            _ if strict && is_behind_copy => Some(Fault::CopyPlace),
            ChunkCode::FILL => return Ok(Found::Pass(bytes)),
            _ if self.seen.contains(&code) => Some(Fault::Repeated(code)),
            _ if strict && is_among => Some(Fault::AmongSegments(code)),
            _ => None,
        };
        if let Some(fault) = fault {
            return Ok(self.lose(Error::malformed(self.offset, fault), bytes));
        }
        self.metadata_bytes = self.metadata_bytes.saturating_add(length(payload));
        check("metadata bytes", self.metadata_bytes, limits.metadata_bytes)?;
        if !code.may_repeat() {
            self.seen.push(code);
        }
        if self.place == Place::Segments && self.last.is_some() {
            self.place = Place::Back;
        }
        Ok(Found::Give(Step::Metadata(RawChunk { code, payload }), bytes))
    }

    /// What follows the segment table, which ends the file.
    fn behind<'a>(&mut self, window: &'a [u8], ended: bool) -> Found<'a> {
        match (window.is_empty(), ended) {
            (true, true) => {
                self.place = Place::Ended;
                Found::Give(Step::End, 0)
            }
            (_, false) => more(),
            (false, true) => {
                let fault = Fault::TrailingBytes { bytes: length(window) };
                self.lose(Error::malformed(self.offset, fault), length(window))
            }
        }
    }

    /// Reports damage of this many bytes.
    fn lose<'a>(&mut self, error: Error, bytes: u64) -> Found<'a> {
        self.excused = true;
        Found::Give(Step::Lost(error), bytes)
    }

    /// Waits for the rest of a head, or reports that it is not one.
    fn no_head<'a>(&mut self, error: Error, window: &[u8], ended: bool) -> Found<'a> {
        match error {
            Error::Truncated { .. } if !ended && window.len() < LONGEST_HEAD => more(),
            error => self.search_on(error),
        }
    }

    /// Reports damage of unknown length.
    fn search_on<'a>(&mut self, error: Error) -> Found<'a> {
        self.searching = true;
        self.lose(error, 1)
    }

    /// Reports that the file ends within a chunk that begins `window`.
    fn cut<'a>(&mut self, window: &[u8], what: &'static str, needed: u64) -> Found<'a> {
        let (offset, left) = (self.offset, length(window));
        self.search_on(Error::Truncated { offset, what, needed, left })
    }
}

fn more<'a>() -> Found<'a> {
    Found::Give(Step::More, 0)
}

/// The first `bytes` of a window, if it has as many.
fn within(window: &[u8], bytes: u64) -> Option<&[u8]> {
    usize::try_from(bytes).ok().and_then(|end| window.get(..end))
}

/// What follows the first `bytes` of a window.
fn after(window: &[u8], bytes: u64) -> &[u8] {
    usize::try_from(bytes).ok().and_then(|start| window.get(start..)).unwrap_or_default()
}

/// How many bytes stand before the next segment or table whose check holds, and whether there is one. Without one, they
/// are those in which none can begin.
fn search(window: &[u8], ended: bool, offset: u64, header: &AudioHeader, limits: &Limits) -> (u64, bool) {
    let mut rest = window;
    loop {
        if rest.len() < LONGEST_HEAD && !ended || rest.is_empty() {
            return (length(window).saturating_sub(length(rest)), false);
        }
        let passed = length(window).saturating_sub(length(rest));
        let place = offset.saturating_add(passed);
        let found = SegmentHead::read(rest, place, header).is_ok()
            || TableHead::read(rest, place, header, limits).is_ok();
        if found {
            return (passed, true);
        }
        // All codes that are looked for begin with the same letter.
        let [letter, ..] = ChunkCode::SEGMENT.bytes();
        let next = rest.iter().skip(1).position(|&byte| byte == letter);
        let skip = next.map_or(rest.len(), |place| place.saturating_add(1));
        rest = rest.get(skip..).unwrap_or_default();
    }
}
