//! What a model is: its networks layer by layer, its prior's shape and its quality levels.

use super::context::{CodingStep, ContextConfig};
use super::layer::{self, Layer};
use serde::{Deserialize, Serialize};

/// What a model codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Photographs: RGB or gray.
    Image,
    /// Sound: one or two channels at a time.
    Audio,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Image => "image",
            Self::Audio => "audio",
        })
    }
}

/// A whole model. Stored as JSON in the metadata of the weight file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Image or audio.
    pub kind: Kind,
    /// Depth J of the wavelet packet.
    pub packet_levels: u32,
    /// Lagrangian weight of the distortion at each anchor level, rising; levels lie between the anchors.
    pub lambdas: Vec<f64>,
    /// g_a: packets → y.
    pub analysis: Vec<Layer>,
    /// h_a: y in quantization steps → z.
    pub hyper_analysis: Vec<Layer>,
    /// Integer network h_s: ẑ → features at the resolution of y.
    pub hyper_synthesis: Vec<Layer>,
    /// Integer context networks.
    pub context: ContextConfig,
    /// g_s: ŷ → packets.
    pub synthesis: Vec<Layer>,
    /// Sound only: the envelope, which takes the place of h_a.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<EnvelopeConfig>,
}

/// The envelope of a sound: how loud each cell of time and frequency is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeConfig {
    /// Frames of a cell, and so the hyper stride.
    pub block: usize,
    /// Bands where cells begin, rising from 0; the last one is the number of bands.
    pub edges: Vec<usize>,
    /// Quantization steps are proportional to the amplitude to this power, 0 to 1.
    pub exponent: f64,
    /// Frames of the spans that one transform may replace: a block times rising powers of two, at most three. Without
    /// any, every frame has a transform of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<usize>,
}

impl EnvelopeConfig {
    /// Levels of a position of z.
    pub fn levels(&self) -> usize {
        2 * self.edges.len().saturating_sub(1)
    }

    /// Channels of z: the levels, and with spans one more that says where they are.
    pub fn hyper_latents(&self) -> usize {
        self.levels() + usize::from(!self.spans.is_empty())
    }
}

impl ModelConfig {
    /// Channels of the wavelet packet of a picture, coefficients of a frame of mid and side of a sound.
    pub fn packet_channels(&self) -> usize {
        match self.kind {
            Kind::Image => 3 << (2 * self.packet_levels),
            Kind::Audio => 2 << self.packet_levels,
        }
    }

    /// Channels M of y.
    pub fn latents(&self) -> usize {
        self.context.slices.iter().sum()
    }

    /// Channels of z.
    pub fn hyper_latents(&self) -> usize {
        match &self.envelope {
            Some(envelope) => envelope.hyper_latents(),
            None => channels_after(&self.hyper_analysis, self.latents()).unwrap_or(0),
        }
    }

    /// Channels that h_s takes.
    pub fn hyper_inputs(&self) -> usize {
        match &self.envelope {
            Some(envelope) => envelope.levels() + envelope.spans.len(),
            None => self.hyper_latents(),
        }
    }

    /// Frames of the longest transform of a sound.
    pub fn longest_span(&self) -> usize {
        self.envelope.as_ref().and_then(|envelope| envelope.spans.last().copied()).unwrap_or(1)
    }

    /// Channels of the hyper features.
    pub fn features(&self) -> usize {
        channels_after(&self.hyper_synthesis, self.hyper_inputs()).unwrap_or(0)
    }

    /// Packet positions (rows, columns) per position of y.
    pub fn latent_stride(&self) -> [usize; 2] {
        layer::stride(&self.analysis).0
    }

    /// Positions of y per position of z.
    pub fn hyper_stride(&self) -> [usize; 2] {
        match &self.envelope {
            Some(envelope) => [1, envelope.block],
            None => layer::stride(&self.hyper_analysis).0,
        }
    }

    /// Pixels (rows, columns) or samples (1, columns) per position of y.
    pub fn signal_stride(&self) -> [usize; 2] {
        let packet = 1 << self.packet_levels;
        let [r, s] = self.latent_stride();
        match self.kind {
            Kind::Image => [r * packet, s * packet],
            Kind::Audio => [1, s * packet],
        }
    }

    /// Multiply-accumulates per pixel, or per sample of a stereo pair: `(encode, decode)`, prior included.
    pub fn macs(&self) -> (f64, f64) {
        let per_latent = 1.0 / self.signal_stride().iter().product::<usize>() as f64;
        let per_packet = per_latent * self.latent_stride().iter().product::<usize>() as f64;
        let per_hyper = per_latent / self.hyper_stride().iter().product::<usize>() as f64;
        let prior = per_hyper * layer::macs(&self.hyper_synthesis) + per_latent * self.context_macs();
        let encode =
            per_packet * layer::macs(&self.analysis) + per_latent * layer::macs(&self.hyper_analysis);
        (encode + prior, per_latent * layer::macs(&self.synthesis) + prior)
    }

    /// Per position of ŷ.
    fn context_macs(&self) -> f64 {
        let c = &self.context;
        let features = self.features();
        let step = |step: CodingStep| {
            // `look` runs everywhere, all else where the step's symbols are.
            let (everywhere, around, width) = match step.seen() {
                0 => (0, 0, 0),
                seen => (seen * c.width, c.kernel[0] * c.kernel[1] * c.width, c.width),
            };
            let symbols = step.channels.len() * c.planes();
            let own = around + (features + width + c.hidden + symbols) * c.hidden;
            everywhere as f64 + own as f64 / step.parts as f64
        };
        c.steps().map(step).sum()
    }

    /// Checks that all parts fit together and stay inside the bounds every reader may rely on.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub fn validate(&self) -> Result<(), String> {
        let fail = |what: &str| Err(format!("model: {what}"));
        if !(1..=10).contains(&self.packet_levels) {
            return fail("packet_levels must be in 1..=10");
        }
        if self.kind == Kind::Image && self.packet_levels > 3 {
            return fail("packet_levels of pictures must be in 1..=3");
        }
        if !(2..=16).contains(&self.lambdas.len()) || !self.lambdas.windows(2).all(|w| w[0] < w[1]) {
            return fail("lambdas must be 2..=16 rising numbers");
        }
        if !(1..=4).contains(&self.context.components) {
            return fail("components must be in 1..=4");
        }
        if self.context.slices.is_empty()
            || self.context.slices.len() > 16
            || self.context.slices.contains(&0)
        {
            return fail("slices must be 1..=16 positive numbers");
        }
        if self.context.parts.len() > self.context.slices.len()
            || !self.context.parts.iter().all(|parts| [2, 4].contains(parts))
        {
            return fail("parts must be 2 or 4 for each slice");
        }
        if self.context.group.is_some_and(|group| !(2..=256).contains(&group)) {
            return fail("context group must be in 2..=256");
        }
        if self.context.kernel.iter().any(|k| k % 2 == 0) {
            return fail("context kernel must be odd");
        }
        if self.context.width == 0 || self.context.hidden == 0 {
            return fail("context width and hidden must be positive");
        }
        if self.context.slices.iter().any(|s| *s > 1 << 16) {
            return fail("slices must be at most 65536 channels");
        }
        let widens = |l: &Layer| matches!(l, Layer::DepthToSpace { .. });
        let narrows = |l: &Layer| matches!(l, Layer::SpaceToDepth { .. });
        if self.analysis.iter().chain(&self.hyper_analysis).any(widens) || self.synthesis.iter().any(narrows)
        {
            return fail("an analysis may not hold depth_to_space, nor a synthesis space_to_depth");
        }
        let chain = |name: &str, layers: &[Layer], from: usize, to: usize| match channels_after(layers, from)
        {
            Some(c) if c == to && c <= 1 << 16 => Ok(()),
            Some(c) => Err(format!("model: {name} gives {c} channels instead of {to}")),
            None => Err(format!("model: layers of {name} do not fit together")),
        };
        chain("analysis", &self.analysis, self.packet_channels(), self.latents())?;
        chain("synthesis", &self.synthesis, self.latents(), self.packet_channels())?;
        let z = self.hyper_latents();
        match &self.envelope {
            Some(envelope) => self.check_envelope(envelope)?,
            None if self.kind == Kind::Audio => return fail("a sound needs an envelope"),
            None => chain("hyper_analysis", &self.hyper_analysis, self.latents(), z)?,
        }
        chain("hyper_synthesis", &self.hyper_synthesis, self.hyper_inputs(), self.features())?;
        if layer::stride(&self.analysis).0 != layer::stride(&self.synthesis).1
            || self.hyper_stride() != layer::stride(&self.hyper_synthesis).1
        {
            return fail("a synthesis does not undo its analysis's stride");
        }
        let integer = |l: &Layer| match l {
            Layer::Pointwise { relu, .. } | Layer::Depthwise { relu, .. } => *relu,
            Layer::DepthToSpace { .. } => true,
            Layer::Residual { .. } | Layer::SpaceToDepth { .. } => false,
        };
        if !self.hyper_synthesis.iter().all(integer)
            || !matches!(self.hyper_synthesis.last(), Some(Layer::Pointwise { .. }))
        {
            return fail(
                "hyper_synthesis may hold pointwise and depthwise layers with relu, and depth_to_space, and must end in a pointwise layer",
            );
        }
        Ok(())
    }
}

impl ModelConfig {
    fn check_envelope(&self, envelope: &EnvelopeConfig) -> Result<(), String> {
        let bands = 1usize << self.packet_levels;
        let edges = &envelope.edges;
        let rise = edges.len() > 1 && edges.windows(2).all(|e| e[0] < e[1]);
        let problem = match () {
            () if self.kind != Kind::Audio => "an envelope is for sound",
            () if !self.hyper_analysis.is_empty() => "an envelope takes the place of hyper_analysis",
            () if !rise || edges[0] != 0 || edges[edges.len() - 1] != bands => {
                "envelope edges must rise from 0 to the number of bands"
            }
            () if !(1..=64).contains(&envelope.block) => "envelope block must be in 1..=64",
            () if !(0.0..=1.0).contains(&envelope.exponent) => "envelope exponent must be in 0..=1",
            () if !envelope.spans.is_empty() && !self.spans_fit(envelope) => {
                "envelope spans must be a block times rising powers of two, at most three of at most 16384 samples"
            }
            () => return Ok(()),
        };
        Err(format!("model: {problem}"))
    }

    fn spans_fit(&self, envelope: &EnvelopeConfig) -> bool {
        let spans = &envelope.spans;
        let whole = |span: &usize| span.is_power_of_two() && span.is_multiple_of(envelope.block);
        spans.len() <= 3
            && spans.windows(2).all(|s| s[0] < s[1])
            && spans.iter().all(whole)
            && envelope.block.is_power_of_two()
            && self.longest_span() << self.packet_levels <= 1 << 14
    }
}

fn channels_after(layers: &[Layer], channels: usize) -> Option<usize> {
    layers.iter().try_fold(channels, |c, layer| layer.outputs(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_survive_json() {
        for config in [ModelConfig::image(), ModelConfig::image_fast(), ModelConfig::audio()] {
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<ModelConfig>(&json).unwrap(), config);
        }
    }

    #[test]
    fn misfits_are_named() {
        let mut config = ModelConfig::image_fast();
        config.synthesis.pop();
        assert!(config.validate().unwrap_err().contains("synthesis gives 128 channels instead of 192"));
        let mut config = ModelConfig::image();
        config.context.parts = vec![4, 3];
        assert!(config.validate().unwrap_err().contains("parts must be 2 or 4"));
        let mut config = ModelConfig::audio();
        config.context.components = 5;
        assert!(config.validate().is_err());
    }
}
