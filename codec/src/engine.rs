//! What runs the float networks of a model: the plain engine, on rows in order, or another backend, on whole tensors.

use crate::array::Tensor;
use crate::config::ModelConfig;
use crate::error::Error;
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

/// The plain engine in this crate, on whole tensors.
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

/// Weights and what runs their float networks. Searches for better symbols and calibration differentiate the networks,
/// which only the plain engine can, and take them from the weights themselves.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) weights: Arc<Weights>,
    /// `None` is the plain engine.
    backend: Option<Arc<dyn Transforms>>,
}

impl Engine {
    /// Runs `weights` on `backend` if that was made for them, else on the plain engine.
    pub(crate) fn new(weights: Arc<Weights>, backend: Option<&Arc<dyn Transforms>>) -> Self {
        let backend = backend.filter(|backend| backend.weights() == weights.id).cloned();
        Self { weights, backend }
    }

    pub(crate) fn config(&self) -> &ModelConfig {
        &self.weights.config
    }

    /// g_a of whole packets.
    pub(crate) fn analysis(&self, packets: Tensor) -> Result<Tensor, Error> {
        match &self.backend {
            None => Ok(self.weights.analysis()?.run(packets, Level::default())),
            Some(backend) => backend.analysis(packets),
        }
    }

    /// h_a of whole y, in steps and companded.
    pub(crate) fn hyper_analysis(&self, y: Tensor) -> Result<Tensor, Error> {
        match &self.backend {
            None => Ok(self.weights.hyper_analysis()?.run(y, Level::default())),
            Some(backend) => backend.hyper_analysis(y),
        }
    }

    /// g_s of whole ŷ.
    pub(crate) fn synthesis(&self, y_hat: Tensor, level: Level) -> Result<Tensor, Error> {
        match &self.backend {
            None => Ok(self.weights.synthesis()?.run(y_hat, level)),
            Some(backend) => backend.synthesis(y_hat, level),
        }
    }

    /// g_a on rows of `width` packets.
    pub(crate) fn analysis_rows(&self, width: usize) -> Result<NetworkRows<'_>, Error> {
        match &self.backend {
            None => Ok(NetworkRows::Stream(self.weights.analysis()?.stream(width, Level::default()))),
            Some(backend) => {
                Ok(NetworkRows::whole([width, self.config().packet_channels()], |x| backend.analysis(x)))
            }
        }
    }

    /// h_a on rows of `width` positions of y.
    pub(crate) fn hyper_analysis_rows(&self, width: usize) -> Result<NetworkRows<'_>, Error> {
        match &self.backend {
            None => Ok(NetworkRows::Stream(self.weights.hyper_analysis()?.stream(width, Level::default()))),
            Some(backend) => {
                Ok(NetworkRows::whole([width, self.config().latents()], |x| backend.hyper_analysis(x)))
            }
        }
    }

    /// g_s on rows of `width` positions of ŷ.
    pub(crate) fn synthesis_rows(&self, width: usize, level: Level) -> Result<NetworkRows<'_>, Error> {
        match &self.backend {
            None => Ok(NetworkRows::Stream(self.weights.synthesis()?.stream(width, level))),
            Some(backend) => {
                let run = move |x| backend.synthesis(x, level);
                Ok(NetworkRows::whole([width, self.config().latents()], run))
            }
        }
    }
}

/// A network over rows that come in strips: [`Stream`], or a backend that waits for all of them.
pub(crate) enum NetworkRows<'a> {
    Stream(Stream<'a>),
    Whole {
        network: Box<dyn Fn(Tensor) -> Result<Tensor, Error> + 'a>,
        shape: [usize; 2],
        x: Vec<f32>,
        out: Vec<f32>,
    },
}

impl<'a> NetworkRows<'a> {
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
