//! Running a pipeline to its end.

use gst::prelude::*;

/// What came out of a pipeline: its caps, the buffers and the tags.
#[derive(Default)]
pub struct Output {
    pub caps: Option<gst::Caps>,
    pub buffers: Vec<gst::Buffer>,
    pub tags: Vec<gst::TagList>,
}

impl Output {
    /// All bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.buffers.iter().flat_map(|buffer| buffer.map_readable().unwrap().to_vec()).collect()
    }

    /// All tags.
    pub fn all_tags(&self) -> gst::TagList {
        let mut all = gst::TagList::new();
        self.tags.iter().for_each(|tags| all.make_mut().insert(tags, gst::TagMergeMode::Append));
        all
    }
}

/// A pipeline that ends in `appsink name=out`.
pub fn launch(description: &str) -> (gst::Pipeline, gst_app::AppSink) {
    super::init();
    let description = format!("{description} ! appsink name=out sync=false");
    let pipeline = gst::parse::launch(&description).unwrap().downcast::<gst::Pipeline>().unwrap();
    let sink = pipeline.by_name("out").unwrap().downcast().unwrap();
    (pipeline, sink)
}

/// Runs a pipeline. `Err` is the message of an element, as users see it.
pub fn run(description: &str) -> Result<Output, String> {
    let (pipeline, sink) = launch(description);
    collect(&pipeline, &sink)
}

/// [`run`] for bytes that are pushed in pieces, of which the caps are not known.
pub fn run_bytes(bytes: &[u8], piece: usize, element: &str) -> Result<Output, String> {
    let (pipeline, sink) = launch(&format!("appsrc name=in ! {element}"));
    let source: gst_app::AppSrc = pipeline.by_name("in").unwrap().downcast().unwrap();
    source.set_max_bytes(0);
    for piece in bytes.chunks(piece) {
        source.push_buffer(gst::Buffer::from_slice(piece.to_vec())).unwrap();
    }
    source.end_of_stream().unwrap();
    collect(&pipeline, &sink)
}

/// Plays to the end and takes what comes out.
pub fn collect(pipeline: &gst::Pipeline, sink: &gst_app::AppSink) -> Result<Output, String> {
    let _ = pipeline.set_state(gst::State::Playing);
    let result = take(pipeline, sink);
    pipeline.set_state(gst::State::Null).unwrap();
    result
}

/// Takes what comes out until the end.
pub fn take(pipeline: &gst::Pipeline, sink: &gst_app::AppSink) -> Result<Output, String> {
    let mut output = Output::default();
    let bus = pipeline.bus().unwrap();
    // Nothing here takes so long: a minute without anything is a pipeline that hangs.
    let patience = gst::ClockTime::from_seconds(1);
    let mut silent = 0;
    loop {
        while let Some(message) = bus.pop() {
            match message.view() {
                gst::MessageView::Error(error) => return Err(error.error().to_string()),
                gst::MessageView::Tag(tag) => output.tags.push(tag.tags()),
                _ => {}
            }
        }
        match sink.try_pull_sample(patience) {
            Some(sample) => {
                output.caps = sample.caps_owned();
                output.buffers.extend(sample.buffer_owned());
                silent = 0;
            }
            None if sink.is_eos() => break,
            None => {
                silent += 1;
                assert!(silent < 60, "the pipeline hangs");
            }
        }
    }
    // An error may have come with the end.
    while let Some(message) = bus.pop() {
        match message.view() {
            gst::MessageView::Error(error) => return Err(error.error().to_string()),
            gst::MessageView::Tag(tag) => output.tags.push(tag.tags()),
            _ => {}
        }
    }
    Ok(output)
}
