//! What `wvnaudioenc` does: pads, events, and the file that grows.

use crate::settings::{For, Settings};
use crate::sound_output::Writing;
use crate::{SOUND, element, failure, samples, tags};
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_audio::AudioInfo;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use wavern::{Encoder, Metadata};

/// The type of Vorbis comments among FLAC's metadata blocks.
const COMMENTS: u8 = 4;

pub struct WvnAudioEnc {
    sink: gst::Pad,
    src: gst::Pad,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    settings: Settings,
    /// Made when the element starts.
    encoder: Option<Arc<Encoder>>,
    /// The samples that arrive.
    input: Option<(AudioInfo, u64)>,
    tags: Option<gst::TagList>,
    /// Begun with the first samples, so that tags come in front of them.
    writing: Option<Writing>,
    /// Bytes of the file that were sent.
    sent: u64,
}

impl WvnAudioEnc {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chain(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let bytes = {
            let mut state = self.state();
            state.write(buffer)
        };
        self.send(bytes)
    }

    /// Sends bytes of the file, or posts why there are none.
    fn send(&self, bytes: Result<Vec<u8>, gst::ErrorMessage>) -> Result<gst::FlowSuccess, gst::FlowError> {
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(message) => {
                self.post_error_message(message);
                return Err(gst::FlowError::Error);
            }
        };
        if bytes.is_empty() {
            return Ok(gst::FlowSuccess::Ok);
        }
        let (first, last) = {
            let mut state = self.state();
            let first = state.sent;
            state.sent += bytes.len() as u64;
            (first, state.sent)
        };
        if first == 0 {
            let segment = gst::FormattedSegment::<gst::format::Bytes>::new();
            self.src.push_event(gst::event::Caps::new(&gst::Caps::new_empty_simple(SOUND)));
            self.src.push_event(gst::event::Segment::new(&segment));
        }
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_offset(first);
            buffer.set_offset_end(last);
        }
        self.src.push(buffer)
    }

    fn set_format(&self, caps: &gst::CapsRef) -> bool {
        let Ok(info) = AudioInfo::from_caps(caps) else { return false };
        let mask = caps.structure(0).and_then(|format| format.get::<gst::Bitmask>("channel-mask").ok());
        let mask = mask.map_or_else(|| samples::default_mask(info.channels()), |mask| *mask);
        let mut state = self.state();
        let changes = state.input.as_ref().is_some_and(|(old, _)| *old != info);
        if state.writing.is_some() && changes {
            drop(state);
            let text = "The format of the samples changed within a sound (expected one format for a file).";
            self.post_error_message(gst::error_msg!(gst::StreamError::Format, ("{text}")));
            return false;
        }
        state.input = Some((info, mask));
        true
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Caps(caps) => self.set_format(caps.caps()),
            // The output counts bytes.
            gst::EventView::Segment(_) => true,
            gst::EventView::Tag(tag) => {
                let mut state = self.state();
                let known = state.tags.take().unwrap_or_default();
                state.tags = Some(known.merge(tag.tag(), gst::TagMergeMode::Replace));
                true
            }
            gst::EventView::FlushStop(_) => {
                let mut state = self.state();
                (state.writing, state.sent) = (None, 0);
                drop(state);
                gst::Pad::event_default(pad, Some(&*self.obj()), event)
            }
            gst::EventView::Eos(_) => {
                let rest = self.state().finish();
                let _ = self.send(rest);
                gst::Pad::event_default(pad, Some(&*self.obj()), event)
            }
            _ => gst::Pad::event_default(pad, Some(&*self.obj()), event),
        }
    }
}

impl State {
    /// Encodes what a buffer holds, and gives the bytes that are ready.
    fn write(&mut self, buffer: &gst::Buffer) -> Result<Vec<u8>, gst::ErrorMessage> {
        let (info, _) = self.begin()?;
        let map = buffer.map_readable().map_err(failure::gstreamer)?;
        let whole = map.len() - map.len() % (info.bpf() as usize).max(1);
        let channels = info.channels() as usize;
        let Some(format) = samples::stored(info.format()) else { return Err(no_format()) };
        let samples = samples::read(&map[..whole], channels, format);
        let Some(writing) = &mut self.writing else { return Err(no_format()) };
        writing.write(samples).map_err(|error| failure::encoding(&error))
    }

    /// Ends the file, also one of no samples, and gives its last bytes.
    fn finish(&mut self) -> Result<Vec<u8>, gst::ErrorMessage> {
        if self.input.is_none() {
            return Ok(Vec::new());
        }
        self.begin()?;
        match self.writing.take() {
            Some(writing) => writing.finish().map_err(|error| failure::encoding(&error)),
            None => Ok(Vec::new()),
        }
    }

    /// Begins the file, unless it was begun.
    fn begin(&mut self) -> Result<(AudioInfo, u64), gst::ErrorMessage> {
        let (info, mask) = self.input.clone().ok_or_else(no_format)?;
        if self.writing.is_some() {
            return Ok((info, mask));
        }
        let encoder = self.encoder.as_ref().ok_or_else(no_format)?;
        let format = samples::stored(info.format()).ok_or_else(no_format)?;
        let mut metadata = Metadata::default();
        if mask != samples::default_mask(info.channels()) {
            let chunk = samples::format_chunk(format, info.channels(), info.rate(), mask);
            metadata = metadata.with_riff(chunk.into_iter().collect());
        }
        if let Some(comments) = self.tags.as_ref().and_then(|tags| tags::comment_block(tags)) {
            metadata = metadata.with_flac_block(COMMENTS, &comments);
        }
        let (channels, prompt) = (info.channels() as usize, self.settings.low_delay);
        let writing = Writing::new(encoder, info.rate(), format, channels, &metadata, prompt);
        self.writing = Some(writing.map_err(|error| failure::encoding(&error))?);
        Ok((info, mask))
    }
}

fn no_format() -> gst::ErrorMessage {
    gst::error_msg!(gst::CoreError::Negotiation, ("Samples came before their format."))
}

#[glib::object_subclass]
impl ObjectSubclass for WvnAudioEnc {
    const NAME: &'static str = "GstWvnAudioEnc";
    type Type = super::WvnAudioEnc;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let pad = |name: &str| match class.pad_template(name) {
            Some(template) => gst::Pad::builder_from_template(&template),
            None => gst::Pad::builder(gst::PadDirection::Unknown),
        };
        let sink = pad("sink")
            .chain_function(|_, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |this| this.chain(&buffer),
                )
            })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_event(pad, event))
            })
            .build();
        let src = pad("src").flags(gst::PadFlags::FIXED_CAPS).build();
        Self { sink, src, state: Mutex::default() }
    }
}

impl ObjectImpl for WvnAudioEnc {
    fn constructed(&self) {
        self.parent_constructed();
        element::add_pads(&*self.obj(), [&self.sink, &self.src]);
    }

    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> =
            LazyLock::new(|| Settings::properties(For::Sounds));
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, property: &glib::ParamSpec) {
        self.state().settings.set(property.name(), value);
    }

    fn property(&self, _id: usize, property: &glib::ParamSpec) -> glib::Value {
        self.state().settings.get(property.name())
    }
}

impl GstObjectImpl for WvnAudioEnc {}

impl ElementImpl for WvnAudioEnc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            element::metadata(
                "Wavern sound encoder",
                "Codec/Encoder/Audio",
                "Encodes sounds as a Wavern file (.wvn) while they arrive",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| element::templates(&gst::Caps::new_empty_simple(SOUND), &samples::all_caps()));
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::ReadyToPaused {
            let mut state = self.state();
            let encoder = state.settings.options().and_then(Encoder::new);
            match encoder {
                Ok(encoder) => state.encoder = Some(Arc::new(encoder)),
                Err(error) => {
                    drop(state);
                    self.post_error_message(failure::encoding(&error));
                    return Err(gst::StateChangeError);
                }
            }
        }
        let done = self.parent_change_state(transition)?;
        if transition == gst::StateChange::PausedToReady {
            let mut state = self.state();
            let settings = std::mem::take(&mut state.settings);
            *state = State { settings, ..State::default() };
        }
        Ok(done)
    }
}
