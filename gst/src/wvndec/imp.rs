//! What `wvndec` does.

use crate::file_end::{End, FileEnd};
use crate::{PICTURE, element, failure, pixels, tags};
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_video::prelude::*;
use gst_video::subclass::prelude::*;
use gst_video::video_frame::Writable;
use gst_video::{VideoCodecFrame, VideoCodecState, VideoFormat, VideoFrame, VideoInfo, video_codec_state};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use wavern::rows::{PictureInfo, Pixels, WriteRows};
use wavern::{DecodeOptions, Decoder, Error, FileInfo, Kind, Limits, Metadata, Samples, View};
use wavern_bitstream::{Container, Error as ContainerError, Header, ImageHeader};

/// How many bytes [`wavern::probe`] needs at most.
const PROBED: usize = 64;

#[derive(Default)]
pub struct WvnDec {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What came with the caps of the input: a frame rate, and so on.
    input: Option<VideoCodecState<'static, video_codec_state::Readable>>,
    /// What the output was last negotiated for.
    output: Option<(VideoFormat, u32, u32)>,
    /// Whether any bytes have arrived.
    begun: bool,
    /// Of the file that is arriving: whether its header is sound, and where it ends.
    probed: bool,
    end: FileEnd,
}

impl WvnDec {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget_file(&self) {
        let mut state = self.state();
        (state.probed, state.end) = (false, FileEnd::default());
    }

    /// Posts an error, once for each file.
    fn fail<T>(&self, message: gst::ErrorMessage) -> Result<T, gst::FlowError> {
        self.post_error_message(message);
        Err(gst::FlowError::Error)
    }

    /// How much of the input is the next file; `None` if that is not known yet.
    fn file_size(
        &self,
        adapter: &gst_base::Adapter,
        at_eos: bool,
    ) -> Result<Option<usize>, gst::ErrorMessage> {
        let available = adapter.available();
        let mut state = self.state();
        state.begun = true;
        if !state.probed {
            let start = adapter.copy_bytes(0, available.min(PROBED)).map_err(failure::gstreamer)?;
            match wavern::probe(&start) {
                Ok(info) if info.kind() == Kind::Audio => {
                    return Err(failure::decoding(&Error::Kind { found: Kind::Audio }));
                }
                Ok(FileInfo::Image { .. }) => state.probed = true,
                Ok(_) => {}
                Err(Error::Container(ContainerError::Truncated { .. })) if !at_eos && available < PROBED => {
                    return Ok(None);
                }
                Err(error) => return Err(failure::decoding(&error)),
            }
        }
        let copy = |at, out: &mut [u8]| adapter.copy(usize::try_from(at).ok()?, out).ok();
        match state.end.find(available as u64, copy) {
            End::At(end) if end <= available as u64 => Ok(Some(end as usize)),
            // What is left, or what is no picture: the library says what is wrong with it.
            End::Never => Ok(Some(available)),
            _ if at_eos => Ok(Some(available)),
            _ => Ok(None),
        }
    }

    /// Negotiates the output for a picture, if it is not the one that is negotiated already.
    fn negotiate_for(&self, info: (VideoFormat, u32, u32)) -> Result<VideoInfo, gst::FlowError> {
        let obj = self.obj();
        let (input, same) = {
            let state = self.state();
            (state.input.clone(), state.output == Some(info))
        };
        if let Some(output) = obj.output_state().filter(|_| same && !obj.src_pad().check_reconfigure()) {
            return Ok(output.info().clone());
        }
        let (format, width, height) = info;
        let output = obj.set_output_state(format, width, height, input.as_ref())?;
        let info_of_output = output.info().clone();
        obj.negotiate(output)?;
        self.state().output = Some(info);
        Ok(info_of_output)
    }

    /// Decodes a file into a new frame.
    fn decode(&self, file: &[u8]) -> Result<(gst::Buffer, Metadata), gst::FlowError> {
        let limits = Limits::default();
        let (header, alpha) = match look(file, &limits) {
            Ok(found) => found,
            Err(error) => return self.fail(failure::decoding(&error)),
        };
        let format = pixels::format_of(header.color, header.depth.bits(), alpha);
        // As the library does for a picture that it decodes into memory of its own.
        let size = VideoInfo::builder(format, header.width, header.height).build().map(|info| info.size());
        let check = |size| limits.check_memory("bytes of memory for the picture", size as u64);
        match size.map(check) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return self.fail(failure::decoding(&error.into())),
            Err(error) => return self.fail(failure::gstreamer(error)),
        }
        let info = self.negotiate_for((format, header.width, header.height))?;
        let buffer = self.obj().allocate_output_buffer().map_err(|_| gst::FlowError::Error)?;
        let frame = match VideoFrame::from_buffer_writable(buffer, &info) {
            Ok(frame) => frame,
            Err(_) => return self.fail(failure::gstreamer("a frame cannot be written")),
        };
        let mut sink =
            FrameSink { frame, format, channels: 1, next: 0, alpha: None, metadata: Metadata::default() };
        // Shared by all: it keeps nothing of a file.
        static DECODER: LazyLock<Result<Decoder, Error>> =
            LazyLock::new(|| Decoder::new(DecodeOptions::new()));
        let decoded = match &*DECODER {
            Ok(decoder) => {
                decoder.decode_rows(file, View::default(), &mut sink).map_err(|e| failure::decoding(&e))
            }
            Err(error) => Err(failure::decoding(error)),
        };
        match decoded {
            Ok(()) => Ok((sink.frame.into_buffer(), sink.metadata)),
            Err(message) => self.fail(message),
        }
    }
}

/// Header of a picture, and whether there is alpha.
fn look(file: &[u8], limits: &Limits) -> Result<(ImageHeader, bool), Error> {
    let container = Container::parse(file, limits)?;
    match container.header() {
        Header::Image(header) => Ok((*header, container.alpha().is_some())),
        Header::Audio(_) => Err(Error::Kind { found: Kind::Audio }),
    }
}

/// A frame that rows go into.
struct FrameSink {
    frame: VideoFrame<Writable>,
    format: VideoFormat,
    /// Colours of a pixel in the rows that come.
    channels: usize,
    /// The next row.
    next: usize,
    alpha: Option<Samples>,
    metadata: Metadata,
}

impl WriteRows for FrameSink {
    fn begin(&mut self, picture: PictureInfo) -> Result<(), Error> {
        self.channels = picture.color.channels();
        (self.alpha, self.metadata) = (picture.alpha, picture.metadata);
        Ok(())
    }

    fn write(&mut self, rows: Pixels<'_>) -> Result<(), Error> {
        let (width, stride) = (self.frame.width() as usize, self.frame.plane_stride()[0].max(1) as usize);
        let used = width * self.frame.comp_pstride(0) as usize;
        let channels = self.channels;
        let data = self.frame.plane_data_mut(0).map_err(|error| Error::Rows(error.into()))?;
        let count = rows.len() / (width * channels);
        for (index, out) in data.chunks_mut(stride).skip(self.next).take(count).enumerate() {
            let colors = rows.part(index * width * channels..(index + 1) * width * channels);
            let at = (self.next + index) * width;
            let alpha = self.alpha.as_ref().map(|alpha| Pixels::from(alpha).part(at..at + width));
            pixels::write_row(&mut out[..used], self.format, colors, alpha);
        }
        self.next += count;
        Ok(())
    }
}

#[glib::object_subclass]
impl ObjectSubclass for WvnDec {
    const NAME: &'static str = "GstWvnDec";
    type Type = super::WvnDec;
    type ParentType = gst_video::VideoDecoder;
}

impl ObjectImpl for WvnDec {
    fn constructed(&self) {
        self.parent_constructed();
        // Files arrive in pieces of any size, unless the caps say that each buffer is one.
        self.obj().set_packetized(false);
    }
}

impl GstObjectImpl for WvnDec {}

impl ElementImpl for WvnDec {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            element::metadata(
                "Wavern picture decoder",
                "Codec/Decoder/Image",
                "Decodes Wavern pictures (.wvn), each of which is one frame",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| element::templates(&pixels::all_caps(), &gst::Caps::new_empty_simple(PICTURE)));
        &TEMPLATES
    }
}

impl VideoDecoderImpl for WvnDec {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        *self.state() = State::default();
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *self.state() = State::default();
        Ok(())
    }

    fn set_format(
        &self,
        input: &VideoCodecState<'static, video_codec_state::Readable>,
    ) -> Result<(), gst::LoggableError> {
        // As with other decoders of pictures: who knows a frame rate has whole frames.
        let structure = input.caps().and_then(|caps| caps.structure(0));
        let packetized = structure.is_some_and(|structure| structure.has_field("framerate"));
        self.obj().set_packetized(packetized);
        let mut state = self.state();
        (state.input, state.output) = (Some(input.clone()), None);
        Ok(())
    }

    fn parse(
        &self,
        _frame: &VideoCodecFrame,
        adapter: &gst_base::Adapter,
        at_eos: bool,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let size = match self.file_size(adapter, at_eos) {
            Ok(Some(size)) => size,
            Ok(None) => return Ok(gst_video::VIDEO_DECODER_FLOW_NEED_DATA),
            Err(message) => {
                // The base class would ask for ever about what is left.
                adapter.flush(adapter.available());
                return self.fail(message);
            }
        };
        let Ok(size) = i32::try_from(size) else {
            return self.fail(failure::gstreamer("a frame has at most 2^31 bytes"));
        };
        self.forget_file();
        self.obj().add_to_frame(size);
        self.obj().have_frame()
    }

    fn handle_frame(&self, mut frame: VideoCodecFrame) -> Result<gst::FlowSuccess, gst::FlowError> {
        let obj = self.obj();
        let file = frame.input_buffer_owned().and_then(|buffer| buffer.into_mapped_buffer_readable().ok());
        let decoded = match &file {
            Some(file) => self.decode(file),
            None => self.fail(failure::gstreamer("a buffer cannot be read")),
        };
        match decoded {
            Ok((buffer, metadata)) => {
                obj.merge_tags(tags::of_picture(&metadata).as_ref(), gst::TagMergeMode::Replace);
                frame.set_output_buffer(buffer);
                obj.finish_frame(frame)
            }
            Err(error) => {
                obj.release_frame(frame);
                Err(error)
            }
        }
    }

    /// The end of the input. The base class says something only if there were bytes.
    fn finish(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        if self.obj().is_packetized() || self.state().begun {
            return Ok(gst::FlowSuccess::Ok);
        }
        match wavern::probe(&[]) {
            Err(error) => self.fail(failure::decoding(&error)),
            Ok(_) => Ok(gst::FlowSuccess::Ok),
        }
    }

    fn flush(&self) -> bool {
        self.forget_file();
        true
    }
}
