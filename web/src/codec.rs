//! Requests → replies.

use crate::failure::Failure;
use crate::request::{Limits, Request};
use crate::{latents, picture, sound};
use serde_json::{Value, json};
use std::sync::Arc;
use wavern::{DecodeOptions, Decoder, FileInfo, Kind, Weights, WeightsId};

/// Who hears of a picture while it is decoded.
pub trait Host: Send {
    /// A picture is about to come, of this size and form.
    fn begin(&mut self, head: &Value);

    /// Its next rows.
    fn rows(&mut self, bytes: &[u8]);
}

/// What a request is answered with.
#[derive(Debug)]
pub struct Reply {
    /// JSON. Only that of a request that failed has the field `error`.
    pub head: Value,
    /// What the head describes.
    pub body: Vec<u8>,
}

impl From<Value> for Reply {
    fn from(head: Value) -> Self {
        Self { head, body: Vec::new() }
    }
}

/// The library, with the weights that it was given.
pub struct Codec {
    weights: Vec<Arc<Weights>>,
    /// Those for pictures without loss, which the library keeps.
    lossless: Option<WeightsId>,
    /// Hears how far a search is.
    pub(crate) progress: fn(f32),
}

impl Codec {
    /// Without weights.
    pub fn new(progress: fn(f32)) -> Self {
        Self { weights: Vec::new(), lossless: None, progress }
    }

    /// Answers a request, of which `head` is JSON; an error is an answer too.
    pub fn answer(&mut self, head: &[u8], body: Vec<u8>, host: &mut dyn Host) -> Reply {
        let request =
            serde_json::from_slice(head).map_err(|error| Failure::new("option", format!("options: {error}")));
        let reply = request.and_then(|request| self.reply(request, body, host));
        reply.unwrap_or_else(|failure| failure.to_json().into())
    }

    fn reply(&mut self, request: Request, body: Vec<u8>, host: &mut dyn Host) -> Result<Reply, Failure> {
        match request {
            Request::Weights => self.add(&body),
            Request::Probe => Ok(info(&wavern::probe(&body)?).into()),
            Request::Decode(options) => {
                // A header that is damaged has a copy: the kind is then what can be decoded.
                let found = wavern::probe(&body).ok().map(|info| info.kind());
                let wanted = options.kind.map_or(found, |kind| Some(kind.into()));
                match wanted {
                    Some(Kind::Audio) => sound::decode(self, &options, &body),
                    _ => picture::decode(self, &options, &body, host),
                }
            }
            Request::EncodeImage(options) => picture::encode(self, &options, body),
            Request::EncodeAudio(options) => sound::encode(self, &options, &body),
            Request::Latents { limits } => latents::latents(self, limits, &body),
        }
    }

    /// Keeps weights, once.
    fn add(&mut self, file: &[u8]) -> Result<Reply, Failure> {
        if let Ok(id) = wavern::provide_lossless_weights(file) {
            self.lossless = Some(id);
            return Ok(json!({ "id": id.to_string(), "kind": "lossless" }).into());
        }
        let weights = Weights::from_bytes(file).map_err(wavern::Error::from)?;
        let (id, kind) = (weights.id(), weights.kind());
        if self.find(id).is_none() {
            self.weights.push(Arc::new(weights));
        }
        Ok(json!({ "id": id.to_string(), "kind": kind.to_string() }).into())
    }

    fn find(&self, id: WeightsId) -> Option<&Arc<Weights>> {
        self.weights.iter().find(|weights| weights.id() == id)
    }

    /// A decoder for a file, with the weights that it names if they are here.
    pub(crate) fn decoder(&self, limits: Limits, file: &[u8]) -> Result<Decoder, Failure> {
        let mut options = DecodeOptions::new().limits(limits.of_the_library());
        let named = wavern::probe(file).ok().and_then(|info| self.find(info.weights()));
        // Of a damaged header nobody knows the weights yet: the last ones are as good a guess as any.
        if let Some(weights) = named.or(self.weights.last()) {
            options = options.weights(weights.clone());
        }
        Ok(Decoder::new(options)?)
    }

    /// Whether the weights for pictures without loss are here, to code one with.
    pub(crate) fn check_lossless(&self, id: Option<&str>) -> Result<(), Failure> {
        match id {
            Some(id) if self.lossless.is_none_or(|here| here.to_string() != id) => {
                Err(Failure::weights(id, Kind::Image, "encoding"))
            }
            _ => Ok(()),
        }
    }

    /// The weights with this id, for a signal to be coded with.
    pub(crate) fn weights(&self, id: Option<&str>, kind: Kind) -> Result<Arc<Weights>, Failure> {
        let Some(id) = id else {
            return Err(Failure::option("weights", "no id (expected one, unless it is without loss)"));
        };
        let fits = |weights: &&Arc<Weights>| weights.kind() == kind && weights.id().to_string() == id;
        self.weights.iter().find(fits).cloned().ok_or_else(|| Failure::weights(id, kind, "encoding"))
    }
}

impl Limits {
    fn of_the_library(self) -> wavern::Limits {
        let mut limits = wavern::Limits::default();
        limits.pixels = self.pixels.unwrap_or(limits.pixels);
        limits.memory_bytes = self.memory.unwrap_or(limits.memory_bytes);
        limits
    }
}

fn info(info: &FileInfo) -> Value {
    let weights = info.weights().to_string();
    match *info {
        FileInfo::Image { width, height, color, depth, level, .. } => json!({
            "kind": "image", "width": width, "height": height, "channels": color.channels(), "depth": depth,
            "level": level, "weights": weights,
        }),
        FileInfo::Audio { sample_rate, channels, format, lossless, level, .. } => json!({
            "kind": "audio", "sampleRate": sample_rate, "channels": channels, "format": sound::format_name(format),
            "lossless": lossless, "level": level, "weights": weights,
        }),
        _ => json!({ "kind": "unknown" }),
    }
}
