//! Quantized latents, as they are in a file.

use crate::failure::Failure;
use crate::models::Models;
use crate::reply::Reply;
use crate::request::Limits;
use serde_json::{Value, json};

/// ŷ and ẑ of a picture, or of each group of channels of a sound. Body: little-endian i32; the head says where each
/// array begins, in bytes, and its shape `[rows, columns, channels]`.
pub fn latents(models: &Models, limits: Limits, file: &[u8]) -> Result<Reply, Failure> {
    let groups = models.decoder(limits, file)?.latents(file)?;
    let mut body = Vec::new();
    let mut list = Vec::new();
    for group in &groups {
        let mut part = json!({});
        for (name, symbols) in [("y", &group.y), ("z", &group.z)] {
            part[name] = json!({ "shape": symbols.shape(), "offset": body.len() });
            body.extend(symbols.data().iter().flat_map(|symbol| symbol.to_le_bytes()));
        }
        list.push(part);
    }
    Ok(Reply { head: json!({ "groups": Value::from(list) }), body })
}
