//! Which part of a sound is played: frames and times, and what was asked for by a seek.

use gst::prelude::*;

/// A place in a sound whose rate is known.
#[derive(Clone, Debug)]
pub(crate) struct Playback {
    /// Frames per second; 0 before a header was read.
    pub rate: u32,
    /// Length in frames, if it is known.
    pub frames: Option<u64>,
    /// The next frame that goes out.
    pub next: u64,
    /// The part that is played, in time.
    pub segment: gst::FormattedSegment<gst::ClockTime>,
    /// Number of the seek that asked for it.
    pub seqnum: gst::Seqnum,
    /// Whether [`Self::segment`] is still to be announced.
    pub announce: bool,
    /// Whether the next buffer does not go on from the last one.
    pub discont: bool,
}

impl Default for Playback {
    fn default() -> Self {
        Self {
            rate: 0,
            frames: None,
            next: 0,
            segment: gst::FormattedSegment::new(),
            seqnum: gst::Seqnum::next(),
            announce: true,
            discont: true,
        }
    }
}

impl Playback {
    /// When a frame begins.
    pub fn time(&self, frame: u64) -> gst::ClockTime {
        let nanoseconds = frame.mul_div_floor(gst::ClockTime::SECOND.nseconds(), u64::from(self.rate.max(1)));
        // What no clock reaches.
        gst::ClockTime::from_nseconds(nanoseconds.unwrap_or(u64::MAX - 1))
    }

    /// The frame that begins at a time, or is nearest to it.
    pub fn frame(&self, time: gst::ClockTime) -> u64 {
        let second = gst::ClockTime::SECOND.nseconds();
        time.nseconds().mul_div_round(u64::from(self.rate), second).unwrap_or(u64::MAX)
    }

    /// Length in time, if it is known.
    pub fn duration(&self) -> Option<gst::ClockTime> {
        self.frames.map(|frames| self.time(frames))
    }

    /// The frame behind the last one that is to be played.
    pub fn stop(&self) -> u64 {
        self.segment.stop().map_or(u64::MAX, |stop| self.frame(stop))
    }

    /// Goes to what a seek asks for. False if it is nothing that can be played: backwards, or in other units.
    pub fn seek(&mut self, seek: &gst::event::Seek) -> bool {
        let (rate, flags, start_type, start, stop_type, stop) = seek.get();
        let times = (
            gst::format::GenericFormattedValue::try_into(start),
            gst::format::GenericFormattedValue::try_into(stop),
        );
        let (Ok(start), Ok(stop)): (Result<Option<gst::ClockTime>, _>, Result<Option<gst::ClockTime>, _>) =
            times
        else {
            return false;
        };
        if rate <= 0.0 {
            return false;
        }
        let mut segment = self.segment.clone();
        segment.set_position(self.time(self.next));
        segment.set_duration(self.duration());
        if segment.do_seek(rate, flags, start_type, start, stop_type, stop).is_none() {
            return false;
        }
        self.next = self.frame(segment.position().unwrap_or_default());
        if let Some(frames) = self.frames {
            self.next = self.next.min(frames);
        }
        self.segment = segment;
        self.seqnum = seek.seqnum();
        (self.announce, self.discont) = (true, true);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playback() -> Playback {
        gst::init().unwrap();
        Playback { rate: 44_100, frames: Some(441_000), ..Playback::default() }
    }

    #[test]
    fn every_frame_is_found_by_its_time() {
        for rate in [1, 8000, 11_025, 44_100, 768_000] {
            let playback = Playback { rate, ..playback() };
            for frame in (0..100_000).chain([1 << 33]) {
                assert_eq!(playback.frame(playback.time(frame)), frame, "{rate} Hz");
            }
        }
        assert_eq!(playback().duration(), Some(gst::ClockTime::from_seconds(10)));
    }

    #[test]
    fn a_seek_sets_where_playing_begins_and_ends() {
        let second = gst::ClockTime::from_seconds;
        let mut playback = playback();
        let seek = |rate, start, stop| {
            gst::event::Seek::new(
                rate,
                gst::SeekFlags::FLUSH,
                gst::SeekType::Set,
                start,
                gst::SeekType::Set,
                stop,
            )
        };
        let is = |event: &gst::Event, playback: &mut Playback| match event.view() {
            gst::EventView::Seek(seek) => playback.seek(seek),
            _ => false,
        };
        assert!(is(&seek(1.0, second(2), second(3)), &mut playback));
        assert_eq!((playback.next, playback.stop()), (88_200, 132_300));
        assert!(!is(&seek(-1.0, second(2), second(3)), &mut playback));
        assert!(is(&seek(2.0, second(20), gst::ClockTime::NONE.unwrap_or(second(99))), &mut playback));
        assert_eq!(playback.next, 441_000);
    }
}
