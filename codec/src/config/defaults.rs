//! The models of this library as they are before training.

use super::context::ContextConfig;
use super::layer::Layer;
use super::model::{EnvelopeConfig, Kind, ModelConfig};

impl ModelConfig {
    /// The image model: 2.9 M float and 1.2 M integer parameters, about 8 kMAC/pixel to encode and 21 to decode.
    pub fn image() -> Self {
        let block8 = || Layer::Residual { channels: 192, hidden: 192, feed_forward: 384, kernel: [3, 3] };
        let block16 = || Layer::Residual { channels: 256, hidden: 128, feed_forward: 256, kernel: [3, 3] };
        let fast = Self::image_fast();
        Self {
            context: ContextConfig { parts: vec![4, 2], ..fast.context },
            synthesis: vec![
                block16(),
                block16(),
                block16(),
                block16(),
                pointwise(256, 768),
                Layer::DepthToSpace { factor: [2, 2] },
                block8(),
                block8(),
                block8(),
                block8(),
                pointwise(192, 192),
            ],
            ..fast
        }
    }

    /// The image model with half the decoder: 2.0 M float and 0.9 M integer parameters, about 8 kMAC/pixel to encode
    /// and 10 to decode.
    pub fn image_fast() -> Self {
        let block8 = || Layer::Residual { channels: 128, hidden: 128, feed_forward: 256, kernel: [3, 3] };
        let block16 = || Layer::Residual { channels: 256, hidden: 128, feed_forward: 256, kernel: [3, 3] };
        let half = [2, 2];
        Self {
            kind: Kind::Image,
            packet_levels: 3,
            lambdas: log_spaced(0.0007, 0.45, 8),
            analysis: vec![
                pointwise(192, 128),
                block8(),
                block8(),
                Layer::SpaceToDepth { factor: half },
                pointwise(512, 256),
                block16(),
                block16(),
            ],
            hyper_analysis: vec![
                pointwise_relu(256, 192),
                Layer::SpaceToDepth { factor: half },
                pointwise_relu(768, 128),
                depthwise_relu(128, [3, 3]),
                Layer::SpaceToDepth { factor: half },
                pointwise(512, 64),
            ],
            hyper_synthesis: vec![
                pointwise_relu(64, 384),
                Layer::DepthToSpace { factor: half },
                depthwise_relu(96, [3, 3]),
                pointwise_relu(96, 512),
                Layer::DepthToSpace { factor: half },
                depthwise_relu(128, [3, 3]),
                pointwise_relu(128, 128),
            ],
            context: ContextConfig {
                slices: vec![64, 192],
                parts: Vec::new(),
                group: None,
                width: 96,
                kernel: [3, 3],
                hidden: 160,
                components: 2,
                residual: true,
            },
            synthesis: vec![
                block16(),
                block16(),
                block16(),
                pointwise(256, 512),
                Layer::DepthToSpace { factor: half },
                block8(),
                block8(),
                block8(),
                pointwise(128, 192),
            ],
            envelope: None,
        }
    }

    /// The image model with an analysis of one pointwise layer after the wavelet packet, for sensors and small
    /// processors: 2.9 kMAC/pixel to encode, of which 0.8 are the analysis. Its decoder is that of
    /// [`Self::image_fast`].
    pub fn image_linear() -> Self {
        let analysis = vec![Layer::SpaceToDepth { factor: [2, 2] }, pointwise(768, 256)];
        Self { analysis, ..Self::image_fast() }
    }

    /// The default audio model: mid and side of 256 bands each, in frames of 256 samples or spans of 1024 or 2048, an
    /// envelope of 18 cells each, no float networks.
    pub fn audio() -> Self {
        let half = [1, 2];
        Self {
            kind: Kind::Audio,
            packet_levels: 8,
            lambdas: log_spaced(0.12, 2e4, 10),
            analysis: Vec::new(),
            hyper_analysis: Vec::new(),
            hyper_synthesis: vec![
                pointwise_relu(38, 256),
                Layer::DepthToSpace { factor: half },
                depthwise_relu(128, [1, 3]),
                pointwise_relu(128, 256),
                Layer::DepthToSpace { factor: half },
                depthwise_relu(128, [1, 3]),
                pointwise_relu(128, 192),
            ],
            context: ContextConfig {
                slices: vec![256, 256],
                parts: vec![4, 4],
                group: Some(8),
                width: 128,
                // From each coefficient of a span to its neighbours in the spans before and behind.
                kernel: [1, 23],
                hidden: 160,
                components: 2,
                residual: true,
            },
            synthesis: Vec::new(),
            envelope: Some(EnvelopeConfig {
                block: 4,
                edges: vec![0, 2, 4, 6, 8, 11, 14, 18, 23, 29, 36, 45, 56, 70, 88, 110, 140, 180, 256],
                exponent: 0.5,
                spans: vec![4, 8],
            }),
        }
    }
}

fn pointwise(inputs: usize, outputs: usize) -> Layer {
    Layer::Pointwise { inputs, outputs, relu: false }
}

fn pointwise_relu(inputs: usize, outputs: usize) -> Layer {
    Layer::Pointwise { inputs, outputs, relu: true }
}

fn depthwise_relu(channels: usize, kernel: [usize; 2]) -> Layer {
    Layer::Depthwise { channels, kernel, relu: true }
}

fn log_spaced(first: f64, last: f64, count: usize) -> Vec<f64> {
    (0..count).map(|i| first * (last / first).powf(i as f64 / (count - 1) as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_models_are_valid_and_stay_inside_their_budgets() {
        for (image, budget) in [(ModelConfig::image(), 22_000.0), (ModelConfig::image_fast(), 12_000.0)] {
            image.validate().unwrap();
            let (encode, decode) = image.macs();
            assert!(encode <= 8_500.0 && decode <= budget, "{encode} {decode}");
            assert_eq!((image.latents(), image.hyper_latents(), image.features()), (256, 64, 128));
            assert_eq!((image.signal_stride(), image.hyper_stride()), ([16, 16], [4, 4]));
        }
        let linear = ModelConfig::image_linear();
        linear.validate().unwrap();
        let decode = ModelConfig::image_fast().macs().1;
        assert!(linear.macs().0 <= 4_000.0 && linear.macs().1 == decode, "{:?}", linear.macs());
        let audio = ModelConfig::audio();
        audio.validate().unwrap();
        assert_eq!((audio.latents(), audio.signal_stride(), audio.hyper_stride()), (512, [1, 256], [1, 4]));
    }
}
