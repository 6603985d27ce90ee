//! What `wvnenc` does.

use crate::settings::{For, Settings};
use crate::{PICTURE, element, exif, failure, pixels};
use gst::glib;
use gst::subclass::prelude::*;
use gst_video::prelude::*;
use gst_video::subclass::prelude::*;
use gst_video::{VideoCodecFrame, VideoCodecState, VideoFrameRef, VideoInfo, video_codec_state};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use wavern::{Encoder, Metadata};

#[derive(Default)]
pub struct WvnEnc {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    settings: Settings,
    /// Made when the element starts.
    encoder: Option<Arc<Encoder>>,
    /// The frames that arrive.
    input: Option<VideoInfo>,
    /// Which side is up, in words of GStreamer.
    orientation: Option<String>,
}

impl WvnEnc {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn encode(&self, frame: &gst::BufferRef) -> Result<Vec<u8>, gst::ErrorMessage> {
        let (encoder, input, orientation, extends_hidden) = {
            let state = self.state();
            let orientation = state.orientation.as_deref().and_then(exif::of_orientation);
            (state.encoder.clone(), state.input.clone(), orientation, state.settings.extends_hidden())
        };
        let (Some(encoder), Some(input)) = (encoder, input) else {
            return Err(gst::error_msg!(gst::CoreError::Negotiation, ("A frame came before its format.")));
        };
        let frame = VideoFrameRef::from_buffer_ref_readable(frame, &input).map_err(failure::gstreamer)?;
        let mut image = pixels::image(&frame)?;
        if extends_hidden {
            image = image.with_hidden_colors_extended();
        }
        if let Some(block) = orientation {
            image = image.with_metadata(Metadata::default().with_exif(block));
        }
        let encoded = encoder.encode_image(&image).map_err(|error| failure::encoding(&error))?;
        Ok(encoded.bytes)
    }
}

#[glib::object_subclass]
impl ObjectSubclass for WvnEnc {
    const NAME: &'static str = "GstWvnEnc";
    type Type = super::WvnEnc;
    type ParentType = gst_video::VideoEncoder;
}

impl ObjectImpl for WvnEnc {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> =
            LazyLock::new(|| Settings::properties(For::Pictures));
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, property: &glib::ParamSpec) {
        self.state().settings.set(property.name(), value);
    }

    fn property(&self, _id: usize, property: &glib::ParamSpec) -> glib::Value {
        self.state().settings.get(property.name())
    }
}

impl GstObjectImpl for WvnEnc {}

impl ElementImpl for WvnEnc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            element::metadata(
                "Wavern picture encoder",
                "Codec/Encoder/Image",
                "Encodes each frame as a Wavern picture, a whole .wvn file",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| element::templates(&gst::Caps::new_empty_simple(PICTURE), &pixels::all_caps()));
        &TEMPLATES
    }
}

impl VideoEncoderImpl for WvnEnc {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let mut state = self.state();
        let encoder = state.settings.options().and_then(Encoder::new);
        state.encoder = Some(Arc::new(encoder.map_err(|error| failure::encoding(&error))?));
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let mut state = self.state();
        let settings = std::mem::take(&mut state.settings);
        *state = State { settings, ..State::default() };
        Ok(())
    }

    fn set_format(
        &self,
        input: &VideoCodecState<'static, video_codec_state::Readable>,
    ) -> Result<(), gst::LoggableError> {
        let obj = self.obj();
        self.state().input = Some(input.info().clone());
        // Width, height and frame rate come from the input.
        let output = obj
            .set_output_state(gst::Caps::new_empty_simple(PICTURE), Some(input))
            .map_err(|_| gst::loggable_error!(gst::CAT_RUST, "no output for this input"))?;
        obj.negotiate(output).map_err(|_| gst::loggable_error!(gst::CAT_RUST, "the output was refused"))
    }

    fn handle_frame(&self, mut frame: VideoCodecFrame) -> Result<gst::FlowSuccess, gst::FlowError> {
        let obj = self.obj();
        let encoded = match frame.input_buffer() {
            Some(buffer) => self.encode(buffer),
            None => Err(failure::gstreamer("a frame without pixels")),
        };
        match encoded {
            Ok(bytes) => {
                frame.set_output_buffer(gst::Buffer::from_mut_slice(bytes));
                frame.set_flags(gst_video::VideoCodecFrameFlags::SYNC_POINT);
                let sent = obj.finish_frame(frame)?;
                if self.state().settings.snapshot { Err(gst::FlowError::Eos) } else { Ok(sent) }
            }
            Err(message) => {
                self.post_error_message(message);
                Err(gst::FlowError::Error)
            }
        }
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        if let gst::EventView::Tag(tag) = event.view()
            && let Some(word) = tag.tag().get::<gst::tags::ImageOrientation>()
        {
            self.state().orientation = Some(word.get().to_owned());
        }
        self.parent_sink_event(event)
    }
}
