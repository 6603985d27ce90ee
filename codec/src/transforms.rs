//! The door to the float networks: the plain ones, which run on rows as they come, or a second backend, which takes
//! whole tensors.

use crate::error::Error;
use crate::network::Tensor;
use crate::network::stream::Stream;
use crate::quality::Level;
use crate::weights::Weights;
use std::fmt::Debug;
use std::sync::Arc;
use wavern_bitstream::WeightsId;

/// The three float networks of a model. They shape what an encoder sends and the last step to the signal; nothing
/// that comes out of them touches a probability, so backends may differ in the last bits.
pub trait Transforms: Debug + Send + Sync {
    /// The weights whose networks these are.
    fn weights(&self) -> WeightsId;
    /// g_a: packets → y.
    ///
    /// # Errors
    /// [`Error::Backend`] if the engine fails.
    fn analysis(&self, packets: Tensor) -> Result<Tensor, Error>;
    /// h_a: y in steps, companded → z.
    ///
    /// # Errors
    /// [`Error::Backend`] if the engine fails.
    fn hyper_analysis(&self, y: Tensor) -> Result<Tensor, Error>;
    /// g_s: ŷ → packets.
    ///
    /// # Errors
    /// [`Error::Backend`] if the engine fails.
    fn synthesis(&self, y_hat: Tensor, level: Level) -> Result<Tensor, Error>;
}

/// The engine to run `weights` on: the one given if it is theirs, else the plain one.
pub(crate) fn engine(weights: &Arc<Weights>, given: Option<&Arc<dyn Transforms>>) -> Arc<dyn Transforms> {
    match self::given(weights, given) {
        Some(transforms) => transforms.clone(),
        None => Arc::new(PlainTransforms(weights.clone())),
    }
}

/// The engine given, if it is for these weights.
pub(crate) fn given<'a>(
    weights: &Weights,
    given: Option<&'a Arc<dyn Transforms>>,
) -> Option<&'a Arc<dyn Transforms>> {
    given.filter(|transforms| transforms.weights() == weights.id)
}

/// The engine in this crate.
#[derive(Debug)]
pub struct PlainTransforms(pub Arc<Weights>);

impl Transforms for PlainTransforms {
    fn weights(&self) -> WeightsId {
        self.0.id
    }

    fn analysis(&self, packets: Tensor) -> Result<Tensor, Error> {
        Ok(self.0.analysis()?.run(packets, Level::default()))
    }

    fn hyper_analysis(&self, y: Tensor) -> Result<Tensor, Error> {
        Ok(self.0.hyper_analysis()?.run(y, Level::default()))
    }

    fn synthesis(&self, y_hat: Tensor, level: Level) -> Result<Tensor, Error> {
        Ok(self.0.synthesis()?.run(y_hat, level))
    }
}

/// A network over rows that come in strips: [`Stream`], or a backend that waits for all of them.
pub(crate) enum Run<'a> {
    Stream(Stream<'a>),
    Whole {
        network: Box<dyn Fn(Tensor) -> Result<Tensor, Error> + 'a>,
        shape: [usize; 2],
        x: Vec<f32>,
        out: Vec<f32>,
    },
}

impl<'a> Run<'a> {
    /// g_a on rows of `width` packets.
    pub(crate) fn analysis(
        weights: &'a Weights,
        given: Option<&'a dyn Transforms>,
        width: usize,
    ) -> Result<Self, Error> {
        match given {
            None => Ok(Self::Stream(weights.analysis()?.stream(width, Level::default()))),
            Some(given) => Ok(Self::whole([width, weights.config.packet_channels()], |x| given.analysis(x))),
        }
    }

    /// h_a on rows of `width` positions of y.
    pub(crate) fn hyper_analysis(
        weights: &'a Weights,
        given: Option<&'a dyn Transforms>,
        width: usize,
    ) -> Result<Self, Error> {
        match given {
            None => Ok(Self::Stream(weights.hyper_analysis()?.stream(width, Level::default()))),
            Some(given) => Ok(Self::whole([width, weights.config.latents()], |x| given.hyper_analysis(x))),
        }
    }

    /// g_s on rows of `width` positions of ŷ.
    pub(crate) fn synthesis(
        weights: &'a Weights,
        given: Option<&'a dyn Transforms>,
        width: usize,
        level: Level,
    ) -> Result<Self, Error> {
        match given {
            None => Ok(Self::Stream(weights.synthesis()?.stream(width, level))),
            Some(given) => {
                Ok(Self::whole([width, weights.config.latents()], move |x| given.synthesis(x, level)))
            }
        }
    }

    fn whole(shape: [usize; 2], network: impl Fn(Tensor) -> Result<Tensor, Error> + 'a) -> Self {
        Self::Whole { network: Box::new(network), shape, x: Vec::new(), out: Vec::new() }
    }

    /// See [`Stream::push`].
    pub(crate) fn push<'b>(&'b mut self, rows: &'b [f32], last: bool) -> Result<&'b [f32], Error> {
        match self {
            Self::Stream(stream) => Ok(stream.push(rows, last)),
            Self::Whole { network, shape: [width, channels], x, out } => {
                x.extend_from_slice(rows);
                if last {
                    let x = std::mem::take(x);
                    let shape = [x.len() / (*width * *channels), *width, *channels];
                    *out = network(Tensor::from_vec(shape, x))?.into_vec();
                }
                Ok(out)
            }
        }
    }
}
