//! What the host gets: a reply to each request, and rows on the way to it.

use serde_json::Value;

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
