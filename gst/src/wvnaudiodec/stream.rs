//! A sound that is being decoded, without pads: bytes in, pieces of samples out.

use crate::sound_input::{Input, Pulled, Pushed, Refused};
use crate::{failure, samples};
use std::io;
use std::sync::LazyLock;
use wavern::{AudioHeader, DecodeOptions, Decoder, Error, Metadata, SoundReader};

/// Why nothing comes out.
pub(super) enum Halt {
    /// More bytes have to be pushed first.
    Starved,
    /// The sound has ended.
    End,
    /// GStreamer said no.
    Flow(gst::FlowError),
    /// The file is at fault.
    Failed(gst::ErrorMessage),
}

/// A sound that is being decoded.
pub(super) struct Stream {
    reader: Option<SoundReader<'static, Input>>,
    /// Where the bytes come from until there is a reader.
    source: Source,
    /// The frame to go on with, if it is not the next one.
    go_to: Option<u64>,
}

enum Source {
    Pull(gst::Pad),
    /// And how many bytes there were when a reader was last tried.
    Push(Pushed, usize),
}

impl Stream {
    /// A file that can be read at any place.
    pub fn pull(pad: &gst::Pad) -> Self {
        Self { reader: None, source: Source::Pull(pad.clone()), go_to: None }
    }

    /// A file whose bytes come in their order.
    pub fn push() -> Self {
        Self { reader: None, source: Source::Push(Pushed::default(), 0), go_to: None }
    }

    /// Takes the next bytes of a file that is pushed.
    pub fn take(&self, bytes: &[u8]) {
        if let Source::Push(pushed, _) = &self.source {
            pushed.push(bytes);
        }
    }

    /// No more bytes will be pushed.
    pub fn end(&self) {
        if let Source::Push(pushed, _) = &self.source {
            pushed.end();
        }
    }

    /// Goes on at a frame.
    pub fn seek(&mut self, frame: u64) {
        self.go_to = Some(frame);
    }

    /// Opens the file, unless it is open. True if it is new: length and metadata are as far as they are known then.
    pub fn open(&mut self) -> Result<bool, Halt> {
        if self.reader.is_some() {
            return Ok(false);
        }
        let input = match &mut self.source {
            Source::Pull(pad) => Input::Pulled(Pulled::new(pad)),
            Source::Push(pushed, tried) => {
                // A reader needs the first segment, and metadata may be long. It is tried anew when there is a quarter
                // more, so that all tries together take no more than five times as long as the last one.
                if !pushed.has_ended() && pushed.len() < *tried + *tried / 4 + 1 {
                    return Err(Halt::Starved);
                }
                *tried = pushed.len();
                pushed.rewind();
                Input::Pushed(pushed.clone())
            }
        };
        let mut reader = decoder()?.sound_reader(input).map_err(|error| halt(&error))?;
        match &self.source {
            Source::Pull(_) => reader.read_table().map_err(|error| halt(&error))?,
            Source::Push(pushed, _) => pushed.forget(),
        }
        self.reader = Some(reader);
        Ok(true)
    }

    /// Sample rate, channels and so on, length in frames and metadata, of a file that is open.
    pub fn about(&self) -> Option<(&AudioHeader, Option<u64>, &Metadata)> {
        self.reader.as_ref().map(|reader| (reader.header(), reader.frames(), reader.metadata()))
    }

    /// The next samples, `[channels][frames]`.
    pub fn next(&mut self) -> Result<Vec<Vec<f64>>, Halt> {
        let Some(reader) = &mut self.reader else { return Err(Halt::End) };
        if let Some(frame) = self.go_to {
            reader.seek(frame).map_err(|error| halt(&error))?;
            self.go_to = None;
        }
        reader.read_exact().map_err(|error| halt(&error))?.ok_or(Halt::End)
    }
}

/// The decoder that all elements share: it keeps nothing of a file.
fn decoder() -> Result<&'static Decoder, Halt> {
    static DECODER: LazyLock<Result<Decoder, Error>> = LazyLock::new(|| Decoder::new(DecodeOptions::new()));
    DECODER.as_ref().map_err(|error| Halt::Failed(failure::decoding(error)))
}

fn halt(error: &Error) -> Halt {
    if let Error::Io(io) = error {
        if io.kind() == io::ErrorKind::WouldBlock {
            return Halt::Starved;
        }
        if let Some(Refused(flow)) = io.get_ref().and_then(|inner| inner.downcast_ref()) {
            return Halt::Flow(*flow);
        }
    }
    Halt::Failed(failure::decoding(error))
}

/// Caps of the samples of a file.
pub(super) fn caps(header: &AudioHeader, metadata: &Metadata) -> gst::Caps {
    let format = samples::format_of(header.format);
    let caps = gst_audio::AudioCapsBuilder::new_interleaved()
        .format(format)
        .rate(header.sample_rate as i32)
        .channels(header.channels as i32);
    // One channel and two are what they are without a word.
    if header.channels <= 2 {
        return caps.build();
    }
    let kept = metadata.riff.iter().find_map(|chunk| samples::mask_of(chunk));
    let mask = kept.unwrap_or_else(|| samples::default_mask(header.channels));
    // GStreamer knows the first 18 loudspeakers, and wants one for each channel, or none.
    let fits = mask.count_ones() == header.channels && mask < 1 << 18;
    caps.field("channel-mask", gst::Bitmask::new(if fits { mask } else { 0 })).build()
}
