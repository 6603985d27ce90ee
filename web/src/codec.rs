//! Requests → replies.

use crate::failure::Failure;
use crate::models::Models;
use crate::reply::{Host, Reply};
use crate::request::Request;
use crate::{latents, picture, sound};
use serde_json::{Value, json};
use wavern::{FileInfo, Kind};

/// The library, with the weights that it was given.
pub struct Codec(Models);

impl Codec {
    /// Without weights. `progress` hears how far a search is.
    pub fn new(progress: fn(f32)) -> Self {
        Self(Models::new(progress))
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
            Request::Weights => self.0.add(&body),
            Request::Probe => Ok(info(&wavern::probe(&body)?).into()),
            Request::Decode(options) => {
                // A header that is damaged has a copy: the kind is then what can be decoded.
                let found = wavern::probe(&body).ok().map(|info| info.kind());
                let wanted = options.kind.map_or(found, |kind| Some(kind.into()));
                match wanted {
                    Some(Kind::Audio) => sound::decode(&self.0, &options, &body),
                    _ => picture::decode(&self.0, &options, &body, host),
                }
            }
            Request::EncodeImage(options) => picture::encode(&self.0, &options, body),
            Request::EncodeAudio(options) => sound::encode(&self.0, &options, &body),
            Request::Latents { limits } => latents::latents(&self.0, limits, &body),
        }
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
