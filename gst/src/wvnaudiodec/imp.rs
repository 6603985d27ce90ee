//! What `wvnaudiodec` does: pads, events and the thread that plays.
//!
//! If the file can be read at any place, a thread of the sink pad reads and decodes it, and seeking works. If bytes are
//! pushed, they are decoded while they arrive, on the thread that pushes them.

use super::stream::{Halt, Stream, caps};
use crate::playback::Playback;
use crate::{SOUND, element, samples, tags};
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use wavern::AudioHeader;

/// Frames of a buffer.
const BUFFER: usize = 8192;

pub struct WvnAudioDec {
    sink: gst::Pad,
    src: gst::Pad,
    /// Held while a piece is decoded, never while anything is pushed. Taken before `playback`.
    stream: Mutex<Option<Stream>>,
    /// For queries, which must not wait.
    playback: Mutex<Playback>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl WvnAudioDec {
    fn activate(&self, pad: &gst::Pad) -> Result<(), gst::LoggableError> {
        let mut query = gst::query::Scheduling::new();
        let seekable = gst::SchedulingFlags::SEEKABLE;
        let can_pull = pad.peer_query(&mut query)
            && query.has_scheduling_mode_with_flags(gst::PadMode::Pull, seekable)
            && pad.peer_query_duration::<gst::format::Bytes>().is_some();
        let mode = if can_pull { gst::PadMode::Pull } else { gst::PadMode::Push };
        pad.activate_mode(mode, true)
            .map_err(|_| gst::loggable_error!(gst::CAT_RUST, "cannot activate {mode:?}"))
    }

    fn activate_mode(
        &self,
        pad: &gst::Pad,
        mode: gst::PadMode,
        active: bool,
    ) -> Result<(), gst::LoggableError> {
        if !active {
            if mode == gst::PadMode::Pull {
                pad.stop_task().map_err(|_| gst::loggable_error!(gst::CAT_RUST, "cannot stop the thread"))?;
            }
            *lock(&self.stream) = None;
            return Ok(());
        }
        *lock(&self.playback) = Playback::default();
        if mode == gst::PadMode::Push {
            *lock(&self.stream) = Some(Stream::push());
            return Ok(());
        }
        *lock(&self.stream) = Some(Stream::pull(pad));
        let id = self.src.create_stream_id(&*self.obj(), None);
        self.src.push_event(gst::event::StreamStart::builder(&id).group_id(gst::GroupId::next()).build());
        self.start(pad)
    }

    fn start(&self, pad: &gst::Pad) -> Result<(), gst::LoggableError> {
        let obj = self.obj().downgrade();
        let run = move || {
            if let Some(obj) = obj.upgrade() {
                obj.imp().run();
            }
        };
        pad.start_task(run).map_err(|_| gst::loggable_error!(gst::CAT_RUST, "cannot start the thread"))
    }

    /// One turn of the thread: a piece of samples, or the end.
    fn run(&self) {
        if let Err(halt) = self.piece() {
            let _ = self.sink.pause_task();
            self.halt(halt);
        }
    }

    /// Decodes and pushes the next piece.
    fn piece(&self) -> Result<(), Halt> {
        let (header, events, piece) = {
            let mut stream = lock(&self.stream);
            let stream = stream.as_mut().ok_or(Halt::Flow(gst::FlowError::Flushing))?;
            let is_new = stream.open()?;
            let Some((header, frames, metadata)) = stream.about() else { return Err(Halt::End) };
            let header = *header;
            let mut events = Vec::new();
            {
                let mut playback = lock(&self.playback);
                (playback.rate, playback.frames) = (header.sample_rate, frames);
                if is_new {
                    events.push(gst::event::Caps::new(&caps(&header, metadata)));
                }
                if std::mem::take(&mut playback.announce) {
                    let segment = gst::event::Segment::builder(&playback.segment);
                    events.push(segment.seqnum(playback.seqnum).build());
                }
            }
            if is_new {
                events.push(gst::event::Tag::new(tags::of_sound(metadata)));
            }
            // What a file begins with is known even if its samples are damaged.
            (header, events, stream.next())
        };
        for event in events {
            self.src.push_event(event);
        }
        self.push(&header, &piece?)
    }

    /// Pushes a piece, as far as it is to be played.
    fn push(&self, header: &AudioHeader, piece: &[Vec<f64>]) -> Result<(), Halt> {
        let frames = piece.first().map_or(0, Vec::len);
        let mut at = 0;
        while at < frames {
            let (buffer, count) = {
                let mut playback = lock(&self.playback);
                let left =
                    usize::try_from(playback.stop().saturating_sub(playback.next)).unwrap_or(usize::MAX);
                let count = (frames - at).min(BUFFER).min(left);
                if count == 0 {
                    return Err(Halt::End);
                }
                let mut buffer =
                    gst::Buffer::from_mut_slice(samples::write(piece, at..at + count, header.format));
                let (first, last) = (playback.next, playback.next + count as u64);
                if let Some(buffer) = buffer.get_mut() {
                    let (from, to) = (playback.time(first), playback.time(last));
                    buffer.set_pts(from);
                    buffer.set_duration(to.saturating_sub(from));
                    buffer.set_offset(first);
                    buffer.set_offset_end(last);
                    if std::mem::take(&mut playback.discont) {
                        buffer.set_flags(gst::BufferFlags::DISCONT);
                    }
                }
                playback.next = last;
                (buffer, count)
            };
            self.src.push(buffer).map_err(Halt::Flow)?;
            at += count;
        }
        Ok(())
    }

    /// Says why nothing more comes.
    fn halt(&self, halt: Halt) {
        match halt {
            Halt::Starved | Halt::Flow(gst::FlowError::Flushing) => return,
            Halt::End | Halt::Flow(gst::FlowError::Eos) => {}
            Halt::Flow(flow) => {
                gst::element_imp_error!(
                    self,
                    gst::StreamError::Failed,
                    ("Internal data stream error."),
                    ["streaming stopped, reason {flow}"]
                );
            }
            Halt::Failed(message) => self.post_error_message(message),
        }
        let (is_segment, position, seqnum) = {
            let playback = lock(&self.playback);
            let is_segment = playback.segment.flags().contains(gst::SegmentFlags::SEGMENT);
            (is_segment, playback.time(playback.next), playback.seqnum)
        };
        if is_segment {
            let message =
                gst::message::SegmentDone::builder(position).src(&*self.obj()).seqnum(seqnum).build();
            let _ = self.obj().post_message(message);
            self.src.push_event(gst::event::SegmentDone::builder(position).seqnum(seqnum).build());
        } else {
            self.src.push_event(gst::event::Eos::builder().seqnum(seqnum).build());
        }
    }

    fn chain(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        {
            let stream = lock(&self.stream);
            let stream = stream.as_ref().ok_or(gst::FlowError::Flushing)?;
            stream.take(&buffer.map_readable().map_err(|_| gst::FlowError::Error)?);
        }
        loop {
            match self.piece() {
                Ok(()) => {}
                Err(Halt::Starved) => return Ok(gst::FlowSuccess::Ok),
                Err(Halt::Flow(flow)) => return Err(flow),
                // Bytes behind the end are no matter: the end of the stream is upstream's to say.
                Err(Halt::End) => return Ok(gst::FlowSuccess::Ok),
                Err(Halt::Failed(message)) => {
                    self.post_error_message(message);
                    return Err(gst::FlowError::Error);
                }
            }
        }
    }

    /// The end of what was pushed: the rest is decoded, and what is missing is found to be.
    fn end_of_input(&self) {
        if let Some(stream) = &*lock(&self.stream) {
            stream.end();
        }
        loop {
            if let Err(halt) = self.piece() {
                return self.halt(halt);
            }
        }
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            // This element sends its own, which are about samples.
            gst::EventView::Caps(_) | gst::EventView::Segment(_) => true,
            gst::EventView::Eos(_) => {
                self.end_of_input();
                true
            }
            gst::EventView::FlushStop(_) => {
                *lock(&self.stream) = Some(Stream::push());
                *lock(&self.playback) = Playback::default();
                gst::Pad::event_default(pad, Some(&*self.obj()), event)
            }
            _ => gst::Pad::event_default(pad, Some(&*self.obj()), event),
        }
    }

    fn src_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Seek(seek) => self.seek(seek),
            _ => gst::Pad::event_default(pad, Some(&*self.obj()), event),
        }
    }

    fn seek(&self, seek: &gst::event::Seek) -> bool {
        if self.sink.mode() != gst::PadMode::Pull {
            return false;
        }
        let flushes = seek.get().1.contains(gst::SeekFlags::FLUSH);
        let seqnum = seek.seqnum();
        if flushes {
            let start = gst::event::FlushStart::builder().seqnum(seqnum).build();
            // Up, so that a read that waits returns, and down, so that a push does.
            self.sink.push_event(start.clone());
            self.src.push_event(start);
        } else {
            let _ = self.sink.pause_task();
        }
        // Until here the thread has not noticed; now it has stopped.
        let lock_of_stream = self.sink.stream_lock();
        if flushes {
            let stop = gst::event::FlushStop::builder(true).seqnum(seqnum).build();
            self.sink.push_event(stop.clone());
            self.src.push_event(stop);
        }
        let done = {
            let mut stream = lock(&self.stream);
            let mut playback = lock(&self.playback);
            // A seek that is refused goes on where it was, after a flush with a new segment.
            let done = playback.seek(seek);
            if !done {
                (playback.announce, playback.discont) = (true, true);
            }
            if let Some(stream) = stream.as_mut() {
                stream.seek(playback.next);
            }
            done
        };
        let started = self.start(&self.sink).is_ok();
        drop(lock_of_stream);
        done && started
    }

    fn src_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        let playback = lock(&self.playback).clone();
        let known = playback.rate > 0;
        match query.view_mut() {
            gst::QueryViewMut::Position(position) if known => match position.format() {
                gst::Format::Time => position.set(playback.time(playback.next)),
                gst::Format::Default => position.set(gst::format::Default::from_u64(playback.next)),
                _ => return false,
            },
            gst::QueryViewMut::Duration(duration) => match (duration.format(), playback.frames) {
                (gst::Format::Time, Some(frames)) => duration.set(playback.time(frames)),
                (gst::Format::Default, Some(frames)) => duration.set(gst::format::Default::from_u64(frames)),
                _ => return false,
            },
            gst::QueryViewMut::Seeking(seeking) => {
                let can = self.sink.mode() == gst::PadMode::Pull && seeking.format() == gst::Format::Time;
                match can {
                    true => seeking.set(true, gst::ClockTime::ZERO, playback.duration()),
                    false => {
                        let format = seeking.format();
                        let none = gst::GenericFormattedValue::new(format, -1);
                        seeking.set(false, none, none);
                    }
                }
            }
            gst::QueryViewMut::Segment(segment) => {
                let (start, stop) =
                    (playback.segment.start(), playback.segment.stop().or(playback.duration()));
                segment.set(playback.segment.rate(), start, stop);
            }
            _ => return gst::Pad::query_default(pad, Some(&*self.obj()), query),
        }
        true
    }
}

#[glib::object_subclass]
impl ObjectSubclass for WvnAudioDec {
    const NAME: &'static str = "GstWvnAudioDec";
    type Type = super::WvnAudioDec;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let pad = |name: &str| match class.pad_template(name) {
            Some(template) => gst::Pad::builder_from_template(&template),
            None => gst::Pad::builder(gst::PadDirection::Unknown),
        };
        let no = || gst::loggable_error!(gst::CAT_RUST, "panicked");
        let sink = pad("sink")
            .activate_function(move |pad, parent| {
                Self::catch_panic_pad_function(parent, || Err(no()), |this| this.activate(pad))
            })
            .activatemode_function(move |pad, parent, mode, active| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(no()),
                    |this| this.activate_mode(pad, mode, active),
                )
            })
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
        let src = pad("src")
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.src_event(pad, event))
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |this| this.src_query(pad, query))
            })
            .flags(gst::PadFlags::FIXED_CAPS)
            .build();
        Self { sink, src, stream: Mutex::new(None), playback: Mutex::new(Playback::default()) }
    }
}

impl ObjectImpl for WvnAudioDec {
    fn constructed(&self) {
        self.parent_constructed();
        element::add_pads(&*self.obj(), [&self.sink, &self.src]);
    }
}

impl GstObjectImpl for WvnAudioDec {}

impl ElementImpl for WvnAudioDec {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            element::metadata(
                "Wavern sound decoder",
                "Codec/Decoder/Audio",
                "Decodes Wavern sounds (.wvn) while they are read, and seeks in them",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| element::templates(&samples::all_caps(), &gst::Caps::new_empty_simple(SOUND)));
        &TEMPLATES
    }
}
